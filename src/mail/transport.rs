//! One try to hand one letter to a mail server (RFC 5321), over TLS.
//!
//! The conversation is led here, step by step, and not by the mail library's own client: that one waits without end
//! for a reply, and reads on after STARTTLS what came before it in plain text (the injection of RFC 3207 section 6).
//! Here each step ends in time, every reply has the code that its step wants, and a server that offers no TLS gets no
//! address, no password and no byte of a letter.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use data_encoding::BASE64;
use lettre::Message;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpStream, lookup_host},
    sync::OnceCell,
    task::spawn_blocking,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        client::Resumption,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use zeroize::Zeroizing;

use crate::domain::{account::is_disguise, reset::LINK_PATH};

/// The longest line of a reply: longer than RFC 5321 section 4.5.3.1.5 allows, shorter than would hurt.
const LONGEST_LINE: u64 = 4096;

/// The most lines of a reply.
const MOST_LINES: usize = 128;

/// The most characters of a reason, the server's name included.
const LONGEST_REASON: usize = 240;

/// The office's mail server, and how to speak with it.
#[derive(Clone)]
pub struct SmtpSettings {
    /// A name or an address; the server's certificate must be for it.
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, Zeroizing<String>)>,
    /// A certificate authority that is trusted besides those of the system, as PEM.
    pub extra_root: Option<Vec<u8>>,
    /// How long a connection or one reply may take (SECURITY section 2: 10 seconds).
    pub step_timeout: Duration,
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("credentials", &self.credentials.as_ref().map(|_| "…"))
            .field("extra_root", &self.extra_root.is_some())
            .field("step_timeout", &self.step_timeout)
            .finish()
    }
}

/// How a conversation is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, then TLS before anything is said (RFC 3207), usually on port 587.
    StartTls,
    /// TLS from the first byte (RFC 8314), usually on port 465.
    Tls,
    /// Never TLS: only for a relay on this very machine.
    Plain,
}

/// Why settings cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSettingsError {
    #[error("{0:?} is no name or address of a mail server")]
    Host(String),
    #[error("the additional certificate authority is no PEM certificate: {0}")]
    ExtraRoot(String),
    #[error("user and password of the mail server must not be empty or contain NUL")]
    Credentials,
}

/// Why a letter was not taken, in one line for the operator, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Nothing was said against this letter: worth another try.
    #[error("{0}")]
    Temporary(String),
    /// The server refused this letter for good (5xx to MAIL, RCPT, DATA or the letter itself).
    #[error("{0}")]
    Permanent(String),
}

/// A way for a letter to leave the house.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// One try. `Ok`: the letter is in the receiver's hands. After [`DeliveryError::Temporary`] it may be there all the
    /// same, when only the answer was lost; the letter's `Message-ID` is the same at the next try.
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError>;
}

/// Delivery to the office's mail server: one connection a letter.
pub struct Smtp {
    settings: SmtpSettings,
    server_name: ServerName<'static>,
    extra_roots: Vec<CertificateDer<'static>>,
    /// Made at the first letter: reading the system's certificates takes longer than the first screen may.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Smtp").field(&self.settings).finish()
    }
}

impl Smtp {
    /// Speaks with nobody yet.
    ///
    /// # Errors
    /// When no delivery could ever work with these settings.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpSettingsError> {
        let server_name = ServerName::try_from(settings.host.clone())
            .map_err(|_| SmtpSettingsError::Host(settings.host.clone()))?;
        if let Some((user, password)) = &settings.credentials {
            let impossible = |text: &str| text.is_empty() || text.contains('\0');
            if impossible(user) || impossible(password) {
                return Err(SmtpSettingsError::Credentials);
            }
        }
        let extra_roots = match &settings.extra_root {
            Some(pem) => authorities(pem)?,
            None => Vec::new(),
        };
        Ok(Self {
            settings,
            server_name,
            extra_roots,
            tls: OnceCell::new(),
        })
    }

    /// The name of the server in reasons.
    fn server(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    async fn connect(&self) -> Result<TcpStream, DeliveryError> {
        let (host, step) = (self.settings.host.as_str(), self.settings.step_timeout);
        let failed = |reason: String| {
            DeliveryError::Temporary(format!("cannot connect to {}: {reason}", self.server()))
        };
        let found: Vec<SocketAddr> = timeout(step, lookup_host((host, self.settings.port)))
            .await
            .map_err(|_| failed("its name was not resolved in time".into()))?
            .map_err(|error| failed(error.to_string()))?
            .collect();
        let is_here = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        if self.settings.security == Security::Plain && !found.iter().all(is_here) {
            return Err(DeliveryError::Temporary(format!(
                "{} is not this machine, and letters leave it only over TLS",
                self.server()
            )));
        }
        let mut reason = "its name has no address".to_owned();
        // More addresses than this would keep one letter for minutes.
        for address in found.into_iter().take(4) {
            match timeout(step, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => reason = format!("{}: {error}", address.ip()),
                Err(_) => reason = format!("{} did not answer in {step:?}", address.ip()),
            }
        }
        Err(failed(reason))
    }

    fn conversation<S: AsyncRead + AsyncWrite + Unpin>(&self, wire: S) -> Conversation<S> {
        Conversation {
            server: self.server(),
            wire: BufReader::new(wire),
            step_timeout: self.settings.step_timeout,
            in_step: true,
        }
    }

    /// From the greeting to the moment at which TLS begins.
    async fn start_tls(
        &self,
        mut conversation: Conversation<TcpStream>,
        hello: &str,
    ) -> Result<TcpStream, DeliveryError> {
        let agreed = async {
            conversation.greeting().await?;
            let offers = conversation.hello(hello).await?;
            if !offers.start_tls {
                return Err(DeliveryError::Temporary(format!(
                    "{} offers no STARTTLS, and letters leave this machine only over TLS",
                    self.server()
                )));
            }
            conversation.ask(Step::StartTls, b"STARTTLS\r\n", 2).await
        }
        .await;
        if let Err(error) = agreed {
            conversation.farewell().await;
            return Err(error);
        }
        // What came after the answer came in plain text: somebody wants it taken for the server's words under TLS.
        if conversation.wire.buffer().is_empty() {
            Ok(conversation.wire.into_inner())
        } else {
            Err(DeliveryError::Temporary(format!(
                "{} said more than its answer to STARTTLS before TLS began",
                self.server()
            )))
        }
    }

    async fn encrypt(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, DeliveryError> {
        let failed = |reason: String| {
            DeliveryError::Temporary(one_line(&format!(
                "no TLS with {}: {reason}",
                self.server()
            )))
        };
        let tls = self.tls.get_or_try_init(|| async {
            let extra_roots = self.extra_roots.clone();
            spawn_blocking(move || trust(extra_roots))
                .await
                .unwrap_or_else(|error| Err(error.to_string()))
        });
        let connector = TlsConnector::from(Arc::clone(tls.await.map_err(failed)?));
        let step = self.settings.step_timeout;
        timeout(step, connector.connect(self.server_name.clone(), stream))
            .await
            .map_err(|_| failed(format!("it was not agreed upon in {step:?}")))?
            .map_err(|error| failed(error.to_string()))
    }

    /// Everything after the greeting, where it may be said.
    async fn hand_over<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut conversation: Conversation<S>,
        hello: &str,
        message: &Message,
    ) -> Result<(), DeliveryError> {
        let taken = self.say_letter(&mut conversation, hello, message).await;
        // Whatever becomes of the farewell, the letter is taken or it is not.
        conversation.farewell().await;
        taken
    }

    async fn say_letter<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        conversation: &mut Conversation<S>,
        hello: &str,
        message: &Message,
    ) -> Result<(), DeliveryError> {
        let offers = conversation.hello(hello).await?;
        if let Some((user, password)) = &self.settings.credentials {
            conversation.authenticate(&offers, user, password).await?;
        }
        let envelope = message.envelope();
        let from = envelope.from().map_or("", |address| address.as_ref());
        let mail = format!("MAIL FROM:<{from}>\r\n");
        conversation.ask(Step::Mail, mail.as_bytes(), 2).await?;
        for recipient in envelope.to() {
            let recipient: &str = recipient.as_ref();
            let rcpt = format!("RCPT TO:<{recipient}>\r\n");
            conversation
                .ask(Step::Recipient, rcpt.as_bytes(), 2)
                .await?;
        }
        conversation.ask(Step::Data, b"DATA\r\n", 3).await?;
        let body = transparent(&Zeroizing::new(message.formatted()));
        conversation.ask(Step::Letter, &body, 2).await?;
        Ok(())
    }
}

#[async_trait]
impl Transport for Smtp {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let stream = self.connect().await?;
        let hello = hello(&stream);
        match self.settings.security {
            Security::Plain => {
                let mut conversation = self.conversation(stream);
                conversation.greeting().await?;
                self.hand_over(conversation, &hello, message).await
            }
            Security::StartTls => {
                let stream = self.start_tls(self.conversation(stream), &hello).await?;
                let conversation = self.conversation(self.encrypt(stream).await?);
                self.hand_over(conversation, &hello, message).await
            }
            Security::Tls => {
                let mut conversation = self.conversation(self.encrypt(stream).await?);
                conversation.greeting().await?;
                self.hand_over(conversation, &hello, message).await
            }
        }
    }
}

/// The certificates of a PEM text, each of them fit to be trusted.
fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SmtpSettingsError> {
    let refused = |reason: String| SmtpSettingsError::ExtraRoot(reason);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| refused(error.to_string()))?;
    if found.is_empty() {
        return Err(refused("it contains none".into()));
    }
    let mut store = RootCertStore::empty();
    for certificate in &found {
        let added = store.add(certificate.clone());
        added.map_err(|error| refused(error.to_string()))?;
    }
    Ok(found)
}

/// Trust in the system's certificate authorities and in `extra`.
fn trust(extra: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    // A certificate of the system that cannot be read is one authority less, not the end of all mail.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(extra);
    if roots.is_empty() {
        return Err("this system trusts no certificate authority (Debian: ca-certificates)".into());
    }
    // The provider is named here, so that nothing depends on one being installed for the whole process.
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A resumed session would not look at the certificate again.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// How this machine calls itself: by its address, which it always knows (RFC 5321 section 4.1.3).
fn hello(stream: &TcpStream) -> String {
    let literal = match stream
        .local_addr()
        .map(|address| address.ip().to_canonical())
    {
        Ok(std::net::IpAddr::V4(address)) => format!("[{address}]"),
        Ok(std::net::IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => "[127.0.0.1]".into(),
    };
    format!("EHLO {literal}\r\n")
}

/// A message as it goes after DATA: whole lines, a dot before each that begins with one, and the final dot (RFC 5321
/// section 4.5.2).
fn transparent(message: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(message.len() * 2 + 5));
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            body.push(b'.');
        }
        body.extend_from_slice(line);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b".\r\n");
    body
}

/// What a reply is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    Hello,
    StartTls,
    Login,
    Mail,
    Recipient,
    Data,
    Letter,
    Quit,
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
            Self::Quit => "QUIT",
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

/// A server's answer: its code, and its lines without it.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// What a server can do, from its answer to EHLO (RFC 5321 section 4.1.1.1).
#[derive(Debug, Default)]
struct Offers {
    start_tls: bool,
    plain: bool,
    login: bool,
}

impl Offers {
    fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("STARTTLS") => offers.start_tls = true,
                Some("AUTH") => {
                    for mechanism in words {
                        offers.plain |= mechanism == "PLAIN";
                        offers.login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        offers
    }
}

/// A connection on which each word waits for its answer.
struct Conversation<S> {
    server: String,
    wire: BufReader<S>,
    step_timeout: Duration,
    /// Whether the server waits for a word of ours: not after a time-out, nor once the connection has broken.
    in_step: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    async fn greeting(&mut self) -> Result<(), DeliveryError> {
        self.ask(Step::Greeting, b"", 2).await.map(drop)
    }

    async fn hello(&mut self, hello: &str) -> Result<Offers, DeliveryError> {
        let reply = self.ask(Step::Hello, hello.as_bytes(), 2).await?;
        Ok(Offers::of(&reply))
    }

    /// AUTH PLAIN (RFC 4616), or LOGIN where the server knows nothing else.
    async fn authenticate(
        &mut self,
        offers: &Offers,
        user: &str,
        password: &str,
    ) -> Result<(), DeliveryError> {
        let encoded = |text: &str| Zeroizing::new(BASE64.encode(text.as_bytes()));
        let line = |text: &str| Zeroizing::new(format!("{text}\r\n"));
        let secret = encoded(password);
        if offers.plain {
            let both = encoded(&Zeroizing::new(format!("\0{user}\0{password}")));
            let auth = Zeroizing::new(format!("AUTH PLAIN {}", both.as_str()));
            let secrets = [password, &secret, &both];
            self.log_in(&line(&auth), 2, &secrets).await
        } else if offers.login {
            let secrets = [password, &secret];
            self.log_in("AUTH LOGIN\r\n", 3, &secrets).await?;
            self.log_in(&line(&encoded(user)), 3, &secrets).await?;
            self.log_in(&line(&secret), 2, &secrets).await
        } else {
            Err(DeliveryError::Temporary(format!(
                "{} offers neither AUTH PLAIN nor AUTH LOGIN",
                self.server
            )))
        }
    }

    /// One line of a login. A server that repeats our secrets in its refusal is not quoted.
    async fn log_in(
        &mut self,
        words: &str,
        wanted: u16,
        secrets: &[&str],
    ) -> Result<(), DeliveryError> {
        match self.ask(Step::Login, words.as_bytes(), wanted).await {
            Err(DeliveryError::Temporary(reason))
                if secrets.iter().any(|secret| reason.contains(secret)) =>
            {
                let reason = format!("{} refused AUTH, repeating the secret", self.server);
                Err(DeliveryError::Temporary(reason))
            }
            answered => answered.map(drop),
        }
    }

    /// Says one line and waits for the answer, whose code begins with `wanted`.
    async fn ask(&mut self, step: Step, words: &[u8], wanted: u16) -> Result<Reply, DeliveryError> {
        let exchange = async {
            self.wire.get_mut().write_all(words).await?;
            self.wire.get_mut().flush().await?;
            read_reply(&mut self.wire).await
        };
        let limit = self.step_timeout;
        let answered = timeout(limit, exchange).await;
        let broken = |reason: String| {
            let text = format!("{} {reason} {}", self.server, step.name());
            DeliveryError::Temporary(one_line(&text))
        };
        match answered {
            Ok(Ok(reply)) if reply.code / 100 == wanted => Ok(reply),
            Ok(Ok(reply)) => {
                let text = format!(
                    "{} answered {} with {} {}",
                    self.server,
                    step.name(),
                    reply.code,
                    reply.lines.join(" ")
                );
                let reason = one_line(&text);
                if reply.code / 100 == 5 && step.is_about_the_letter() {
                    Err(DeliveryError::Permanent(reason))
                } else {
                    Err(DeliveryError::Temporary(reason))
                }
            }
            Ok(Err(error)) => {
                self.in_step = false;
                Err(broken(match error.kind() {
                    io::ErrorKind::UnexpectedEof => "closed the connection at".into(),
                    _ => format!("is not understood ({error}) at"),
                }))
            }
            Err(_) => {
                self.in_step = false;
                Err(broken(format!("did not answer within {limit:?}:")))
            }
        }
    }

    /// Says goodbye where the server would hear it. The answer counts for nothing.
    async fn farewell(&mut self) {
        if self.in_step {
            let _ = self.ask(Step::Quit, b"QUIT\r\n", 2).await;
        }
        let _ = timeout(self.step_timeout, self.wire.get_mut().shutdown()).await;
    }
}

/// A whole reply, of one line or several (RFC 5321 section 4.2).
async fn read_reply<S: AsyncRead + Unpin>(wire: &mut BufReader<S>) -> io::Result<Reply> {
    let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut *wire).take(LONGEST_LINE);
        bounded.read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            return Err(if line.len() as u64 == LONGEST_LINE {
                malformed("a line of its reply has no end")
            } else {
                io::ErrorKind::UnexpectedEof.into()
            });
        }
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        let code = code.filter(|code| (200..600).contains(code));
        let code = code.ok_or_else(|| malformed("its reply has no code"))?;
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        match line.as_bytes().get(3) {
            None | Some(b' ') => return Ok(Reply { code, lines }),
            Some(b'-') if lines.len() < MOST_LINES => {}
            Some(b'-') => return Err(malformed("its reply has no end")),
            Some(_) => return Err(malformed("its reply has no code")),
        }
    }
}

/// A reason as the operator reads it: one line of bounded length, without control characters, and without a link of a
/// letter, which filters like to quote.
fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_disguise(c) { ' ' } else { c })
        .collect();
    let mut line = String::new();
    for word in plain.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        let tells_secret = word.contains(LINK_PATH) || word.contains("kode=");
        line.push_str(if tells_secret { "…" } else { word });
    }
    if line.chars().count() > LONGEST_REASON {
        line = line.chars().take(LONGEST_REASON - 1).chain(['…']).collect();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line_without_a_letters_link() {
        let told = "surat:587 answered the letter with 554 blocked:\r\n\u{1b}[31m \
                    https://lpse.contoh.go.id/proc4user/resettotp?email=a&kode=abc see https://help.example/1";
        assert_eq!(
            one_line(told),
            "surat:587 answered the letter with 554 blocked: [31m … see https://help.example/1"
        );
        let long = one_line(&"panjang ".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST_REASON);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn offers_are_read_in_any_spelling() {
        let reply = |lines: &[&str]| Reply {
            code: 250,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let offers = Offers::of(&reply(&["STARTTLS", "size 1", "Auth=Login", "auth plain"]));
        assert!(!offers.start_tls, "the first line is the server's name");
        assert!(offers.login && offers.plain);
        assert!(Offers::of(&reply(&["uji", "StartTLS"])).start_tls);
        assert!(!Offers::of(&reply(&["uji", "XSTARTTLS", "AUTHX PLAIN"])).plain);
    }

    #[test]
    fn every_line_goes_whole_and_no_line_ends_the_letter() {
        let sent = |message: &[u8]| String::from_utf8(transparent(message).to_vec()).unwrap();
        assert_eq!(sent(b"a\r\n.\r\n..b"), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(sent(b"a\n.\nRSET\n"), "a\r\n..\r\nRSET\r\n.\r\n");
    }
}
