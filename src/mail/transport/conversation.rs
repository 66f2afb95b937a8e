//! A conversation with a mail server, word by word, and what its answers mean for the letter (RFC 5321 section 4.1).
//!
//! Up to the letter's last line nobody but us has it, so whatever goes wrong is worth another try. From then on it may
//! be the server's: its code alone says whether it took the letter, however little else of its answer can be read, and
//! where there is no code the outcome is told as not known (RFC 1047).

use std::{mem, net::IpAddr, time::Duration};

use data_encoding::BASE64;
use lettre::address::Envelope;
use zeroize::Zeroizing;

use super::{
    failure::{DeliveryError, one_line},
    reply::{Code, Kind, Offers, Reply},
    wire::{Duplex, Silence, Unheard, Wire},
};

/// What a reply is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Hello,
    StartTls,
    Login,
    Mail,
    Recipient,
    Data,
    Letter,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the connection",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Mail => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Letter => "the letter",
        }
    }

    /// Whether a refusal here is one of this letter, and not of this machine.
    fn is_about_the_letter(self) -> bool {
        matches!(
            self,
            Self::Mail | Self::Recipient | Self::Data | Self::Letter
        )
    }
}

/// A connection on which each word waits for its answer.
pub struct Conversation<S> {
    wire: Wire<S>,
    /// The server's name in reasons.
    server: String,
    /// How long one reply may take.
    limit: Duration,
    offers: Offers,
    /// Whether the server waits for a word of ours: not after a time-out, nor once it closes.
    in_step: bool,
}

impl<S: Duplex> Conversation<S> {
    /// Over a stream on which nothing has been said yet.
    pub fn over(stream: S, server: String, limit: Duration) -> Self {
        Self {
            wire: Wire::new(stream),
            server,
            limit,
            offers: Offers::default(),
            in_step: true,
        }
    }

    /// What the server said that it can do.
    pub fn offers(&self) -> Offers {
        self.offers
    }

    /// Hears the server's greeting.
    pub async fn hear_greeting(&mut self) -> Result<(), DeliveryError> {
        let heard = self.wire.hear(self.limit, false).await;
        self.judge(Step::Greeting, heard, Kind::Done).map(drop)
    }

    /// Says EHLO, and where the server knows none and `or_plainly`, HELO, after which it offers nothing.
    pub async fn introduce(&mut self, name: &str, or_plainly: bool) -> Result<(), DeliveryError> {
        let heard = self.ask(&format!("EHLO {name}\r\n")).await;
        let is_unknown = |reply: &Reply| reply.code.kind() == Kind::Never;
        let heard = if or_plainly && heard.as_ref().is_ok_and(is_unknown) {
            self.ask(&format!("HELO {name}\r\n")).await
        } else {
            let offered = heard.as_ref().map(Offers::of);
            self.offers = offered.unwrap_or_default();
            heard
        };
        self.judge(Step::Hello, heard, Kind::Done).map(drop)
    }

    /// Asks for TLS.
    pub async fn start_tls(&mut self) -> Result<(), DeliveryError> {
        self.say(Step::StartTls, "STARTTLS\r\n", Kind::Done).await
    }

    /// The stream, where the server has said nothing more than it was asked for.
    pub fn into_quiet_stream(self) -> Option<S> {
        self.wire.into_quiet_stream()
    }

    /// AUTH PLAIN (RFC 4616), or LOGIN where the server knows nothing else. A server that repeats the password in its
    /// refusal is not quoted.
    pub async fn log_in(&mut self, user: &str, password: &str) -> Result<(), DeliveryError> {
        let encoded = |text: &str| Zeroizing::new(BASE64.encode(text.as_bytes()));
        let both = encoded(&Zeroizing::new(format!("\0{user}\0{password}")));
        let (name, word) = (encoded(user), encoded(password));
        let (begin, answers): (_, &[&str]) = if self.offers.auth_plain {
            let begin = Zeroizing::new(format!("AUTH PLAIN {}\r\n", both.as_str()));
            // Some servers ask for it all the same.
            (begin, &[&both])
        } else if self.offers.auth_login {
            // Which of the two is wanted, the order says; servers word their questions as they like, or not at all.
            (Zeroizing::new("AUTH LOGIN\r\n".to_owned()), &[&name, &word])
        } else {
            return Err(DeliveryError::Temporary(format!(
                "{} offers neither AUTH PLAIN nor AUTH LOGIN",
                self.server
            )));
        };
        let mut heard = self.ask(&begin).await;
        for answer in answers {
            if heard
                .as_ref()
                .is_ok_and(|reply| reply.code.kind() == Kind::GoOn)
            {
                let line = Zeroizing::new(format!("{answer}\r\n"));
                heard = self.ask(&line).await;
            }
        }
        let judged = self.judge(Step::Login, heard, Kind::Done).map(drop);
        judged.map_err(|error| {
            let reason = error.to_string();
            let secrets = [password, &word, &both];
            if secrets.iter().any(|secret| reason.contains(*secret)) {
                let server = &self.server;
                DeliveryError::Temporary(format!("{server} refused AUTH, repeating the secret"))
            } else {
                error
            }
        })
    }

    /// Tells whom the letter is from and for, up to where its text begins.
    pub async fn begin_letter(&mut self, envelope: &Envelope) -> Result<(), DeliveryError> {
        let from = envelope.from().map(ToString::to_string).unwrap_or_default();
        let mail = format!("MAIL FROM:<{from}>\r\n");
        self.say(Step::Mail, &mail, Kind::Done).await?;
        for recipient in envelope.to() {
            let rcpt = format!("RCPT TO:<{recipient}>\r\n");
            self.say(Step::Recipient, &rcpt, Kind::Done).await?;
        }
        self.say(Step::Data, "DATA\r\n", Kind::GoOn).await
    }

    /// Says the letter itself, and hears within `limit` what becomes of it.
    pub async fn say_letter(
        &mut self,
        letter: &[u8],
        limit: Duration,
    ) -> Result<(), DeliveryError> {
        let data = with_dots(letter);
        let asked = self.wire.ask(&data, self.limit, limit, true).await;
        self.in_step &= asked.is_ok();
        let heard = match asked {
            // Whatever else is wrong with it: the code is the answer.
            Err(Unheard {
                begun: Some(reply), ..
            }) => Ok(reply),
            Err(unheard) if unheard.was_said => {
                return Err(DeliveryError::Unknown {
                    reason: self.unheard(Step::Letter, &unheard.why),
                    was_answered: unheard.is_answer,
                });
            }
            // The last of the letter is still here, so nobody has it; or it is answered.
            heard => heard,
        };
        self.judge(Step::Letter, heard, Kind::Done).map(drop)
    }

    /// Says goodbye where the server would hear it. The answer counts for nothing; many servers just close.
    pub async fn farewell(mut self) {
        if mem::take(&mut self.in_step) {
            let _ = self.ask("QUIT\r\n").await;
        }
    }

    /// Says one line; the answer must be of the kind that this step wants.
    async fn say(&mut self, step: Step, line: &str, wanted: Kind) -> Result<(), DeliveryError> {
        let heard = self.ask(line).await;
        self.judge(step, heard, wanted).map(drop)
    }

    /// Says one line, and hears the reply to it.
    async fn ask(&mut self, line: &str) -> Result<Reply, Unheard> {
        let (line, limit) = (line.as_bytes(), self.limit);
        self.wire.ask(line, limit, limit, false).await
    }

    fn judge(
        &mut self,
        step: Step,
        heard: Result<Reply, Unheard>,
        wanted: Kind,
    ) -> Result<Reply, DeliveryError> {
        let reply = heard.map_err(|unheard| {
            self.in_step = false;
            DeliveryError::Temporary(self.unheard(step, &unheard.why))
        })?;
        self.in_step &= reply.code != Code::CLOSING;
        let kind = reply.code.kind();
        if kind == wanted {
            return Ok(reply);
        }
        let (server, code, said) = (&self.server, reply.code, reply.text());
        let reason = one_line(&format!(
            "{server} answered {} with {code} {said}",
            step.name()
        ));
        Err(if kind == Kind::Never && step.is_about_the_letter() {
            DeliveryError::Permanent(reason)
        } else {
            DeliveryError::Temporary(reason)
        })
    }

    fn unheard(&self, step: Step, why: &Silence) -> String {
        one_line(&format!("{} after {}: {why}", self.server, step.name()))
    }
}

/// How this machine calls itself where it has no name: by the address that it speaks from (RFC 5321 section 4.1.3).
pub fn address_literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// A letter as DATA takes it: what begins with a dot in it ends nothing (RFC 5321 section 4.5.2), and after its last
/// line comes the dot that does.
fn with_dots(letter: &[u8]) -> Zeroizing<Vec<u8>> {
    // Reserved whole: what grows leaves a copy of the letter's secrets behind.
    let dots = letter.iter().filter(|byte| **byte == b'.').count();
    let mut data = Zeroizing::new(Vec::with_capacity(letter.len() + dots + b"\r\n.\r\n".len()));
    for line in letter.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend_from_slice(line);
    }
    if !data.ends_with(b"\r\n") {
        data.extend_from_slice(b"\r\n");
    }
    data.extend_from_slice(b".\r\n");
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_ends_with_its_dot_and_not_before() {
        for (letter, data) in [
            (&b""[..], &b"\r\n.\r\n"[..]),
            (b"satu", b"satu\r\n.\r\n"),
            (b"satu\r\n", b"satu\r\n.\r\n"),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"a.b\r\n..c\r\n.", b"a.b\r\n...c\r\n..\r\n.\r\n"),
            (b"a\n.\n", b"a\n..\n\r\n.\r\n"),
        ] {
            assert_eq!(with_dots(letter).as_slice(), data, "{letter:?}");
        }
    }

    #[test]
    fn an_address_stands_for_a_name() {
        let literal = |address: &str| address_literal(address.parse().unwrap());
        assert_eq!(literal("192.0.2.1"), "[192.0.2.1]");
        assert_eq!(literal("::ffff:192.0.2.1"), "[192.0.2.1]");
        assert_eq!(literal("2001:db8::1"), "[IPv6:2001:db8::1]");
    }
}
