//! One try to hand one letter to a mail server (RFC 5321), over TLS.
//!
//! Each step ends in time, every reply has the code that its step wants, and a server that offers no TLS gets no address,
//! no password and no byte of a letter. The letter itself is the mail library's; the conversation is not, because its
//! reader of replies takes none without a text, nor one that is not UTF-8, and such servers are in use.

mod conversation;
mod failure;
mod reply;
mod wire;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use lettre::Message;
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
        pki_types::{CertificateDer, ServerName},
    },
};
use zeroize::Zeroizing;

use conversation::{Conversation, address_literal};
pub use failure::DeliveryError;
use failure::one_line;
use wire::Duplex;

use crate::adapter::{certificates::authorities, renewed::Renewed};

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
    /// How this machine calls itself (RFC 5321 section 4.1.1.1); without a name, by the address it speaks from.
    pub hello: Option<String>,
    /// How long a connection or one reply may take (security.md section 2: 10 seconds).
    pub step_timeout: Duration,
    /// How long the reply to the letter itself may take. A server looks through a letter before it takes it, and whoever
    /// hangs up meanwhile sends a second copy (RFC 5321 section 4.5.3.2.6).
    pub letter_timeout: Duration,
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("credentials", &self.credentials.as_ref().map(|_| "…"))
            .field("extra_root", &self.extra_root.is_some())
            .field("hello", &self.hello)
            .field("step_timeout", &self.step_timeout)
            .field("letter_timeout", &self.letter_timeout)
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

/// A way for a letter to leave this machine.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// One try, which says the letter's first line `within` that time or not at all. `Ok`: the letter is in the
    /// receiver's hands. After [`DeliveryError::Unknown`] it may be; after any other error it is not. The letter's
    /// `Message-ID` is the same at every try.
    async fn deliver(&self, message: &Message, within: Duration) -> Result<(), DeliveryError>;
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
            Some(pem) => authorities(pem).map_err(SmtpSettingsError::ExtraRoot)?,
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
    async fn start_tls(&self, stream: TcpStream, name: &str) -> Result<TcpStream, DeliveryError> {
        let mut conversation = self.conversation(stream);
        let agreed = async {
            conversation.hear_greeting().await?;
            conversation.introduce(name, false).await?;
            if !conversation.offers().start_tls {
                return Err(DeliveryError::Temporary(format!(
                    "{} offers no STARTTLS, and letters leave this machine only over TLS",
                    self.server()
                )));
            }
            conversation.start_tls().await
        };
        if let Err(error) = agreed.await {
            conversation.farewell().await;
            return Err(error);
        }
        // What came after the answer came in plain text: somebody wants it taken for the server's words under TLS (the
        // injection of RFC 3207 section 6).
        conversation.into_quiet_stream().ok_or_else(|| {
            DeliveryError::Temporary(format!(
                "{} said more than its answer to STARTTLS before TLS began",
                self.server()
            ))
        })
    }

    fn conversation<S: Duplex>(&self, stream: S) -> Conversation<S> {
        Conversation::over(stream, self.server(), self.settings.step_timeout)
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
    async fn begin(&self) -> Result<Conversation<Box<dyn Duplex>>, DeliveryError> {
        let stream = self.connect().await?;
        let name = self.name(&stream);
        let security = self.settings.security;
        let stream: Box<dyn Duplex> = match security {
            Security::Plain => Box::new(stream),
            Security::Tls => Box::new(self.encrypt(stream).await?),
            Security::StartTls => {
                let stream = self.start_tls(stream, &name).await?;
                Box::new(self.encrypt(stream).await?)
            }
        };
        let mut conversation = self.conversation(stream);
        let begun = async {
            // Under TLS that was asked for, the server does not greet again (RFC 3207 section 4.2).
            if security != Security::StartTls {
                conversation.hear_greeting().await?;
            }
            // A server that knows only HELO has no login.
            let has_login = self.settings.credentials.is_some();
            conversation.introduce(&name, !has_login).await
        };
        match begun.await {
            Ok(()) => Ok(conversation),
            Err(error) => {
                conversation.farewell().await;
                Err(error)
            }
        }
    }

    /// How this machine calls itself on `stream`.
    fn name(&self, stream: &TcpStream) -> String {
        let address = || {
            let local = stream.local_addr().map(|address| address.ip());
            address_literal(local.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
        };
        self.settings.hello.clone().unwrap_or_else(address)
    }

    /// Goes as far as a letter would begin, the login included, and says goodbye: whether letters can leave.
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
    async fn log_in<S: Duplex>(
        &self,
        conversation: &mut Conversation<S>,
    ) -> Result<(), DeliveryError> {
        match &self.settings.credentials {
            Some((user, password)) => conversation.log_in(user, password).await,
            None => Ok(()),
        }
    }

    /// A conversation in which the letter's first line comes next.
    async fn begin_letter(
        &self,
        message: &Message,
    ) -> Result<Conversation<Box<dyn Duplex>>, DeliveryError> {
        let mut conversation = self.begin().await?;
        let begun = async {
            self.log_in(&mut conversation).await?;
            conversation.begin_letter(message.envelope()).await
        };
        match begun.await {
            Ok(()) => Ok(conversation),
            Err(error) => {
                conversation.farewell().await;
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Transport for Smtp {
    async fn deliver(&self, message: &Message, within: Duration) -> Result<(), DeliveryError> {
        // Only what comes before the letter is cut off: afterwards it would not be known whether it was taken.
        let begun = timeout(within, self.begin_letter(message)).await;
        let mut conversation = begun.unwrap_or_else(|_| {
            let server = self.server();
            let reason = format!("{server} took longer than {within:?} to ask for the letter");
            Err(DeliveryError::Temporary(reason))
        })?;
        let letter = Zeroizing::new(message.formatted());
        let taken = conversation
            .say_letter(&letter, self.settings.letter_timeout)
            .await;
        // Whatever becomes of the farewell, the letter is taken or it is not.
        conversation.farewell().await;
        taken
    }
}

/// Each letter goes out as the files have it then.
#[async_trait]
impl Transport for Renewed<Arc<Smtp>> {
    async fn deliver(&self, message: &Message, within: Duration) -> Result<(), DeliveryError> {
        self.now().deliver(message, within).await
    }
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
