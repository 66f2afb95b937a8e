//! One try to hand one letter to a mail server (RFC 5321), over TLS.
//!
//! The mail library leads the conversation, command by command, over a [`Wire`] of ours: by itself it waits without end
//! for a reply, and reads on after STARTTLS what came before it in plain text (the injection of RFC 3207 section 6).
//! Here each step ends in time, every reply has the code that its step wants, and a server that offers no TLS gets no
//! address, no password and no byte of a letter.

mod wire;

use std::{
    error::Error as _,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use data_encoding::BASE64;
use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream},
        commands::{Data, Mail, Rcpt, Starttls},
        extension::ClientId,
        response::{Code, Response, Severity},
    },
};
use tokio::{
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
use wire::{Lent, Wire};

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

    /// From the greeting to the moment at which TLS begins.
    async fn start_tls(
        &self,
        stream: TcpStream,
        hello: &ClientId,
    ) -> Result<TcpStream, DeliveryError> {
        let wire = Lent::new(Wire::new(stream, self.settings.step_timeout));
        let mut conversation = Conversation::begin(self, Box::new(wire.clone()), hello).await?;
        let agreed = if conversation.connection.can_starttls() {
            let agreed = conversation.say(Step::StartTls, Starttls, Severity::PositiveCompletion);
            agreed.await
        } else {
            Err(DeliveryError::Temporary(format!(
                "{} offers no STARTTLS, and letters leave this machine only over TLS",
                self.server()
            )))
        };
        match agreed {
            Ok(()) => drop(conversation),
            Err(error) => {
                conversation.farewell().await;
                return Err(error);
            }
        }
        let wire = wire.returned();
        // What came after the answer came in plain text: somebody wants it taken for the server's words under TLS.
        if wire.stream.buffer().is_empty() {
            Ok(wire.stream.into_inner())
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

    /// A conversation in which everything may be said: greeted, and under TLS where the settings want it.
    async fn begin(&self) -> Result<Conversation<'_>, DeliveryError> {
        let stream = self.connect().await?;
        let (hello, limit) = (hello(&stream), self.settings.step_timeout);
        let wire: Box<dyn AsyncTokioStream> = match self.settings.security {
            Security::Plain => Box::new(Wire::new(stream, limit)),
            Security::Tls => Box::new(Wire::new(self.encrypt(stream).await?, limit)),
            Security::StartTls => {
                let stream = self.start_tls(stream, &hello).await?;
                Box::new(Wire::already_greeted(self.encrypt(stream).await?, limit))
            }
        };
        Conversation::begin(self, wire, &hello).await
    }

    /// Goes as far as a letter would begin, the login included, and says goodbye: whether letters can leave the house.
    ///
    /// # Errors
    /// What would keep every letter here, in one line for the operator.
    pub async fn probe(&self) -> Result<(), DeliveryError> {
        let mut conversation = self.begin().await?;
        let let_in = self.log_in(&mut conversation).await;
        conversation.farewell().await;
        let_in
    }

    /// The login, where there is one.
    async fn log_in(&self, conversation: &mut Conversation<'_>) -> Result<(), DeliveryError> {
        match &self.settings.credentials {
            Some((user, password)) => conversation.log_in(user, password).await,
            None => Ok(()),
        }
    }

    async fn say_letter(
        &self,
        conversation: &mut Conversation<'_>,
        message: &Message,
    ) -> Result<(), DeliveryError> {
        use Severity::{PositiveCompletion, PositiveIntermediate};
        self.log_in(conversation).await?;
        let envelope = message.envelope();
        let mail = Mail::new(envelope.from().cloned(), Vec::new());
        conversation
            .say(Step::Mail, mail, PositiveCompletion)
            .await?;
        for recipient in envelope.to() {
            let rcpt = Rcpt::new(recipient.clone(), Vec::new());
            conversation
                .say(Step::Recipient, rcpt, PositiveCompletion)
                .await?;
        }
        conversation
            .say(Step::Data, Data, PositiveIntermediate)
            .await?;
        let letter = Zeroizing::new(message.formatted());
        conversation.send(&letter).await
    }
}

#[async_trait]
impl Transport for Smtp {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let mut conversation = self.begin().await?;
        let taken = self.say_letter(&mut conversation, message).await;
        // Whatever becomes of the farewell, the letter is taken or it is not.
        conversation.farewell().await;
        taken
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
fn hello(stream: &TcpStream) -> ClientId {
    match stream
        .local_addr()
        .map(|address| address.ip().to_canonical())
    {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
    }
}

/// What a reply is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The greeting and the answer to EHLO.
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
            Self::Hello => "the connection or EHLO",
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
struct Conversation<'a> {
    smtp: &'a Smtp,
    connection: AsyncSmtpConnection,
    /// Whether the server waits for a word of ours: not after a time-out, nor once the connection has broken.
    in_step: bool,
}

impl<'a> Conversation<'a> {
    /// Hears the greeting and says EHLO.
    async fn begin(
        smtp: &'a Smtp,
        wire: Box<dyn AsyncTokioStream>,
        hello: &ClientId,
    ) -> Result<Self, DeliveryError> {
        let connection = AsyncSmtpConnection::connect_with_transport(wire, hello).await;
        Ok(Self {
            connection: connection.map_err(|error| smtp.failed(Step::Hello, &error))?,
            smtp,
            in_step: true,
        })
    }

    /// Says one line; the answer must be of the kind that this step wants.
    async fn say(
        &mut self,
        step: Step,
        command: impl fmt::Display,
        wanted: Severity,
    ) -> Result<(), DeliveryError> {
        let answered = self.connection.command(command).await;
        self.judge(step, answered, wanted)
    }

    /// Sends the letter itself; what begins with a dot in it ends nothing (RFC 5321 section 4.5.2).
    async fn send(&mut self, letter: &[u8]) -> Result<(), DeliveryError> {
        // The library ends the last line itself.
        let letter = letter.strip_suffix(b"\r\n").unwrap_or(letter);
        let answered = self.connection.message(letter).await;
        self.judge(Step::Letter, answered, Severity::PositiveCompletion)
    }

    /// AUTH PLAIN (RFC 4616), or LOGIN where the server knows nothing else. A server that repeats the password in its
    /// refusal is not quoted.
    async fn log_in(&mut self, user: &str, password: &str) -> Result<(), DeliveryError> {
        const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
        let offered = |mechanism| {
            let server = self.connection.server_info();
            server.supports_auth_mechanism(mechanism)
        };
        if !MECHANISMS.into_iter().any(offered) {
            return Err(DeliveryError::Temporary(format!(
                "{} offers neither AUTH PLAIN nor AUTH LOGIN",
                self.smtp.server()
            )));
        }
        let credentials = Credentials::new(user.to_owned(), password.to_owned());
        let answered = self.connection.auth(&MECHANISMS, &credentials).await;
        let judged = self.judge(Step::Login, answered, Severity::PositiveCompletion);
        judged.map_err(|error| {
            let encoded = |text: &str| Zeroizing::new(BASE64.encode(text.as_bytes()));
            let both = encoded(&Zeroizing::new(format!("\0{user}\0{password}")));
            let reason = error.to_string();
            let secrets = [password, &encoded(password), &both];
            if secrets.iter().any(|secret| reason.contains(*secret)) {
                let server = self.smtp.server();
                DeliveryError::Temporary(format!("{server} refused AUTH, repeating the secret"))
            } else {
                error
            }
        })
    }

    fn judge(
        &mut self,
        step: Step,
        answered: Result<Response, Error>,
        wanted: Severity,
    ) -> Result<(), DeliveryError> {
        match answered {
            Ok(response) if response.code().severity == wanted => Ok(()),
            Ok(response) => {
                let said: Vec<&str> = response.message().collect();
                let reason = self.smtp.answered(step, response.code(), &said.join(" "));
                Err(DeliveryError::Temporary(reason))
            }
            Err(error) => {
                self.in_step = error.status().is_some();
                Err(self.smtp.failed(step, &error))
            }
        }
    }

    /// Says goodbye where the server would hear it. The answer counts for nothing.
    async fn farewell(mut self) {
        if self.in_step {
            let _ = self.connection.quit().await;
        }
    }
}

impl Smtp {
    /// What a server's refusal or a broken connection means, in words for the operator.
    fn failed(&self, step: Step, error: &Error) -> DeliveryError {
        if let Some(code) = error.status() {
            let said = error.source().map(ToString::to_string);
            let reason = self.answered(step, code, &said.unwrap_or_default());
            return if error.is_permanent() && step.is_about_the_letter() {
                DeliveryError::Permanent(reason)
            } else {
                DeliveryError::Temporary(reason)
            };
        }
        let (server, step) = (self.server(), step.name());
        let text = if error.is_timeout() {
            let limit = self.settings.step_timeout;
            format!("{server} did not answer within {limit:?}: {step}")
        } else {
            format!("{server} broke off or is not understood ({error}) at {step}")
        };
        DeliveryError::Temporary(one_line(&text))
    }

    fn answered(&self, step: Step, code: Code, said: &str) -> String {
        let server = self.server();
        one_line(&format!(
            "{server} answered {} with {code} {said}",
            step.name()
        ))
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
}
