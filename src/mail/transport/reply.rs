//! A mail server's reply (RFC 5321 section 4.2): three digits, then bytes or nothing.
//!
//! Read as leniently as it can be without guessing: the code alone decides, so a reply without a text, in another
//! character set, with bare line feeds, or with a line that has no code in the middle of others, is what its code says.

use std::fmt;

/// The three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(u16);

/// What a code's first digit says (RFC 5321 section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Done,
    /// The server waits for more.
    GoOn,
    Later,
    Never,
}

impl Code {
    /// The server closes the connection; it may say so at any time (RFC 5321 section 3.8).
    pub const CLOSING: Self = Self(421);

    pub fn kind(self) -> Kind {
        match self.0 / 100 {
            2 => Kind::Done,
            3 => Kind::GoOn,
            4 => Kind::Later,
            _ => Kind::Never,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// A reply that was heard to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub code: Code,
    /// Its lines without their codes. Bytes that are no UTF-8 are `U+FFFD`.
    pub lines: Vec<String>,
}

impl Reply {
    /// The whole text, on one line.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }
}

/// A reply of which more may come.
#[derive(Debug, Default)]
pub struct Hearing {
    /// The present line, without its end.
    line: Vec<u8>,
    code: Option<Code>,
    lines: Vec<String>,
    /// The first line that is no reply's, where none has begun.
    stray: Option<String>,
}

/// What a line's end led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    More,
    /// That was the last line.
    Whole(Reply),
    /// A line without a code where a reply should begin.
    Stray,
}

impl Hearing {
    /// More bytes of the present line; the line's end, if it has come, is their last.
    pub fn take(&mut self, bytes: &[u8]) -> Heard {
        match bytes.strip_suffix(b"\n") {
            None => {
                self.line.extend_from_slice(bytes);
                Heard::More
            }
            Some(bytes) => {
                self.line.extend_from_slice(bytes);
                self.end_line()
            }
        }
    }

    fn end_line(&mut self) -> Heard {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_ascii_end();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match coded(line) {
            Some((code, more, said)) => {
                self.code = Some(code);
                self.lines.push(text(said));
                if more {
                    Heard::More
                } else {
                    let lines = std::mem::take(&mut self.lines);
                    Heard::Whole(Reply { code, lines })
                }
            }
            None if line.is_empty() => Heard::More,
            None if self.code.is_some() => {
                self.lines.push(text(line));
                Heard::More
            }
            None => {
                self.stray.get_or_insert_with(|| text(line));
                Heard::Stray
            }
        }
    }

    /// The reply as far as it was heard, when nothing more comes: `None` where no code has come. A server that closes
    /// after the digits has said what it had to say.
    pub fn finish(mut self) -> Option<Reply> {
        if let Heard::Whole(reply) = self.end_line() {
            return Some(reply);
        }
        let (code, lines) = (self.code?, self.lines);
        Some(Reply { code, lines })
    }

    /// What was said instead of a reply, if anything was.
    pub fn stray(&self) -> Option<&str> {
        self.stray.as_deref()
    }
}

/// A line's code, whether more lines follow, and its text.
fn coded(line: &[u8]) -> Option<(Code, bool, &[u8])> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    if !(b'2'..=b'5').contains(&digits[0]) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((Code(code), false, rest)),
        Some((b'-', text)) => Some((Code(code), true, text)),
        // A number of more digits is none of the codes.
        Some((next, _)) if next.is_ascii_digit() => None,
        Some((next, text)) if next.is_ascii_whitespace() => Some((Code(code), false, text)),
        Some(_) => Some((Code(code), false, rest)),
    }
}

/// What a server offers in its answer to EHLO, of what is asked for here. Keywords are the same in any case (RFC 5321
/// section 2.4); `AUTH=` is how servers offered a login before RFC 2554.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offers {
    pub start_tls: bool,
    pub auth_plain: bool,
    pub auth_login: bool,
}

impl Offers {
    pub fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in &reply.lines {
            let mut words = line
                .split(|c: char| c.is_whitespace() || c == '=')
                .filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default();
            offers.start_tls |= keyword.eq_ignore_ascii_case("STARTTLS");
            if keyword.eq_ignore_ascii_case("AUTH") {
                for mechanism in words {
                    offers.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    offers.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `bytes` are as one reply, and how many of them are left over.
    fn heard(bytes: &[u8]) -> Option<(u16, String, usize)> {
        let mut hearing = Hearing::default();
        let mut left = bytes.len();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            left -= line.len();
            if let Heard::Whole(reply) = hearing.take(line) {
                return Some((reply.code.0, reply.text(), left));
            }
        }
        let reply = hearing.finish()?;
        Some((reply.code.0, reply.text(), left))
    }

    #[test]
    fn a_reply_is_three_digits_then_bytes_or_nothing() {
        for (bytes, code, text) in [
            (&b"250 ok\r\n"[..], 250, "ok"),
            (b"250\r\n", 250, ""),
            (b"250 \r\n", 250, ""),
            (b"250\n", 250, ""),
            (b"250 ok\n", 250, "ok"),
            (b"250", 250, ""),
            (b"250-", 250, ""),
            (b"250\tok\r\n", 250, "ok"),
            (b"250ok\r\n", 250, "ok"),
            (b"235 2.7.0 terima kasih\r\n", 235, "2.7.0 terima kasih"),
            (b"220 Universit\xe9\r\n", 220, "Universit\u{fffd}"),
            (
                b"535 \xc3\xdc\xc2\xeb\r\n",
                535,
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            (b"250-satu\r\n250-\r\n250\r\n", 250, "satu  "),
            (
                b"220-satu\r\ntanpa kode\r\n220 dua\r\n",
                220,
                "satu tanpa kode dua",
            ),
            (
                b"\r\n220 setelah baris kosong\r\n",
                220,
                "setelah baris kosong",
            ),
            (b"250-lain\r\n550 dari awal\r\n", 550, "lain dari awal"),
        ] {
            assert_eq!(heard(bytes), Some((code, text.into(), 0)), "{bytes:?}");
        }
        assert_eq!(heard(b"250 ok\r\n354 ya\r\n"), Some((250, "ok".into(), 8)));
    }

    #[test]
    fn what_has_no_code_is_no_reply() {
        for bytes in [
            &b""[..],
            b"25",
            b"2500 ya\r\n",
            b"+OK siap\r\n",
            b"ya 250\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"650 x\r\n",
            b"150 x\r\n",
            b"\xff\xfe250\r\n",
        ] {
            assert_eq!(heard(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn keywords_are_the_same_in_any_case() {
        let both = |plain, login| Offers {
            auth_plain: plain,
            auth_login: login,
            ..Offers::default()
        };
        for (line, offered) in [
            ("AUTH PLAIN LOGIN", both(true, true)),
            ("auth login plain", both(true, true)),
            ("Auth Cram-MD5 Login", both(false, true)),
            ("AUTH=LOGIN", both(false, true)),
            ("AUTH=PLAIN LOGIN", both(true, true)),
            ("AUTH  PLAIN ", both(true, false)),
            ("AUTHENTICATION PLAIN", both(false, false)),
            ("XAUTH PLAIN", both(false, false)),
            ("AUTH", both(false, false)),
        ] {
            let reply = Reply {
                code: Code(250),
                lines: vec!["surat.contoh.go.id".into(), line.into()],
            };
            assert_eq!(Offers::of(&reply), offered, "{line}");
        }
        for line in ["STARTTLS", "starttls", "StartTLS "] {
            let lines = vec![line.to_owned()];
            let code = Code(250);
            assert!(Offers::of(&Reply { code, lines }).start_tls, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_reply_or_none_however_they_are_cut(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'2'), Just(b'-')], 0..200),
            cuts in proptest::collection::vec(0..200usize, 0..8),
        ) {
            let mut hearing = Hearing::default();
            let mut pieces = Vec::new();
            for mut line in bytes.split_inclusive(|byte| *byte == b'\n') {
                for cut in &cuts {
                    let (now, later) = line.split_at(*cut.min(&line.len()));
                    pieces.push(now);
                    line = later;
                }
                pieces.push(line);
            }
            let whole = pieces.into_iter().find_map(|piece| match hearing.take(piece) {
                Heard::Whole(reply) => Some(reply),
                Heard::More | Heard::Stray => None,
            });
            let cut = whole.or_else(|| hearing.finish());
            let cut = cut.map(|reply| (reply.code.0, reply.text()));
            prop_assert_eq!(cut, heard(&bytes).map(|(code, text, _)| (code, text)));
        }
    }
}
