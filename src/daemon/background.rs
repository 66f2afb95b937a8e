//! Background tasks of the process that holds the store: the courier, the socket of commands, the page of the letters'
//! links, signed checkpoints of the audit log, a rotation of the master keys that waits for other machines, and health and figures for monitoring.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use super::{
    certified::{self, Certified, CertifiedError},
    checkpoints::Checkpoints,
    metrics_door::{self, MetricsDoor, MetricsDoorError},
    rotation,
};
use crate::{
    adapter::{checkpoint_folder::CheckpointFolder, random::SystemRandom},
    assembly::{Members, Opened},
    config::{self, BaseUrl, Config, StoreKind},
    frontend::{
        admission::counts::Counts,
        command_socket::{self, Held},
        metrics::{self, CertificateEnd, Certificates, Metrics},
        private_socket::PrivateSocket,
        web::{self, Web, WebSettings},
    },
    ports::Clock,
    service::{EndedLogins, survey::Survey},
    store::{Key, Store, StoreError, away::Away},
};

/// Between two tries to hear of logins that end elsewhere.
const HEARING_PAUSE: Duration = Duration::from_secs(1);

/// Between two tries to count the accounts of a store that does not answer.
const COUNTING_PAUSE: Duration = Duration::from_secs(60);

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(
        "the reset page cannot be served at {0}: {1}; free that address, or name another in [web] listen"
    )]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    Certified(#[from] CertifiedError),
}

/// Why a background task has no place on the network.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Metrics(#[from] MetricsDoorError),
}

/// The places on the network that the settings name, taken before anything else starts, so that a port in use is told
/// on a terminal that still belongs to the operator.
#[derive(Debug)]
pub struct Listeners {
    page: Option<Page>,
    metrics: Option<MetricsDoor>,
}

impl Listeners {
    pub fn take(config: &mut Config) -> Result<Self, ListenError> {
        Ok(Self {
            page: Page::take(&mut config.web)?,
            metrics: MetricsDoor::take(&config.metrics)?,
        })
    }

    /// Has health and the page told from now on that the program is starting, until `leave` turns true or is gone. It holds
    /// nothing of the store, and whoever asks next is answered by what [`start`] serves.
    pub fn say_starting(&self, config: &Config, leave: &watch::Receiver<bool>) {
        if let Some(metrics) = &self.metrics
            && let Ok(door) = metrics.door.try_clone()
        {
            let leave = leave.clone();
            tokio::spawn(async move {
                if let Err(error) = metrics::say_starting(door, leave).await {
                    tracing::error!(%error, "health is not told yet");
                }
            });
        }
        if let Some(page) = &self.page
            && let Ok(listener) = page.listener.try_clone()
        {
            let (settings, leave) = (page.settings(config), leave.clone());
            tokio::spawn(async move {
                if let Err(error) = web::say_starting(settings, listener, leave).await {
                    tracing::error!(%error, "the reset page is not served yet");
                }
            });
        }
    }
}

/// The page's place on the network.
#[derive(Debug)]
struct Page {
    listener: TcpListener,
    certified: Option<Certified>,
}

impl Page {
    /// Takes the place that the settings name, if they name one. In training, which may leave the choice of the port
    /// to the system, the links' beginning follows from it.
    fn take(settings: &mut config::Web) -> Result<Option<Self>, PageError> {
        let Some(listen) = settings.listen else {
            return Ok(None);
        };
        let failed = |error| PageError::Listen(listen, error);
        let certified = match (&settings.certificate_file, &settings.key_file) {
            (Some(certificate), Some(key)) => Some(certified::PAGE.certified(certificate, key)?),
            _ => None,
        };
        let listener = TcpListener::bind(listen).map_err(failed)?;
        if settings.base_url.is_none() {
            let at = listener.local_addr().map_err(failed)?;
            settings.base_url = Some(BaseUrl::of_this_machine(at));
        }
        Ok(Some(Self {
            listener,
            certified,
        }))
    }

    fn settings(&self, config: &Config) -> WebSettings {
        WebSettings {
            office: config.office.clone(),
            base_url: config.web.links_begin_with(),
            trusted_proxies: config.web.trusted_proxies.clone(),
            proxies: config.web.proxies.clone(),
            tls: self.certified.as_ref().map(Certified::tls),
            language: config.language,
        }
    }
}

/// What keeps files that the settings name from being taken up when they were renewed, each in one line.
pub fn faults(config: &Config) -> Vec<String> {
    let web = &config.web;
    let page = match (&web.certificate_file, &web.key_file) {
        (Some(certificate), Some(key)) => certified::PAGE.fault(certificate, key),
        _ => None,
    };
    let page = page.map(|error| error.to_string());
    page.into_iter()
        .chain(metrics_door::faults(&config.metrics))
        .collect()
}

/// Starts the courier, the socket, the page and the metrics over an opened store. They end when `leave` holds true, and
/// hold no part of the store any more once they have.
pub fn start(
    opened: &Opened,
    listeners: Listeners,
    config: &Config,
    clock: Arc<dyn Clock>,
    counts: &Counts,
    leave: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut background = JoinSet::new();
    if let Some(courier) = opened.courier.clone() {
        background.spawn(courier.run(leave.clone()));
    }
    let logins = opened.foundation.ended_logins.clone();
    background.spawn(hear_ended_logins(
        opened.foundation.store.clone(),
        logins,
        leave.clone(),
    ));
    background.spawn(end_logins_while_away(
        opened.away.clone(),
        opened.foundation.ended_logins.clone(),
        leave.clone(),
    ));
    if opened.is_shared {
        let keys = opened.services.keys.clone();
        background.spawn(rotation::go_on(keys, clock.clone(), leave.clone()));
    }
    if let Some(written) = opened.audit_written.clone() {
        let checkpoints = Checkpoints {
            node: opened.foundation.node.clone(),
            written,
            audit: opened.foundation.audit.clone(),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            key_file: config.audit_key_file(),
            folder: CheckpointFolder::new(
                config.checkpoints_folder(),
                !config.names_checkpoints_folder(),
            ),
            shared: opened.is_shared.then(|| opened.foundation.store.clone()),
        };
        background.spawn(checkpoints.run(leave.clone()));
    }
    background.spawn(count_accounts(
        opened.services.survey.clone(),
        leave.clone(),
    ));
    let socket = config.socket_file();
    match PrivateSocket::bind(&socket) {
        Ok(socket) => {
            let held = Held::by(&opened.foundation);
            background.spawn(command_socket::serve(socket, held, leave.clone()));
        }
        // People at the screens are served all the same.
        Err(error) => tracing::error!(
            socket = %socket.display(),
            %error,
            "commands cannot work beside this process"
        ),
    }
    if let Some(MetricsDoor {
        door,
        certified,
        file,
    }) = listeners.metrics
    {
        let page = listeners.page.as_ref();
        let metrics = Metrics {
            vitals: opened.vitals.clone(),
            counts: counts.clone(),
            outbox: opened.services.outbox.clone(),
            survey: opened.services.survey.clone(),
            audit_verified: config.audit_verified_file(),
            members: (config.store == StoreKind::Etcd)
                .then(|| Members::new(config.cluster.clone(), clock.clone())),
            certificates: Certificates {
                page: page.and_then(|page| page.certified.as_ref().map(certificate_end)),
                metrics: certified.as_ref().map(certificate_end),
            },
            clock: clock.clone(),
        };
        let leave = leave.clone();
        background.spawn(async move {
            if let Err(error) = metrics.serve(door, leave).await {
                tracing::error!(%error, "health and metrics are no longer told");
            }
            drop(file);
        });
    }
    match listeners.page {
        Some(page) => {
            background.spawn(serve_page(opened, page, config, clock, leave.clone()));
        }
        None if opened.courier.is_some() => tracing::warn!(
            "letters are sent, but this process serves no page for their links; [web] listen names a place for it"
        ),
        None => {}
    }
    background
}

fn certificate_end(certified: &Certified) -> CertificateEnd {
    let certified = certified.clone();
    CertificateEnd(Arc::new(move || certified.end()))
}

/// Passes on what ends logins on other machines that share the store, until `leave` holds true.
async fn hear_ended_logins(
    store: Arc<dyn Store>,
    logins: EndedLogins,
    mut leave: watch::Receiver<bool>,
) {
    let hearing = async {
        loop {
            match store.changes(&Key::all_accounts()).await {
                Ok(Some(changes)) => logins.clone().hear(changes).await,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "logins that end elsewhere are not heard of; another try follows");
                    tokio::time::sleep(HEARING_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        // The sender is gone where the process has left already.
        _ = leave.wait_for(|leave| *leave) => {}
        () = hearing => {}
    }
}

/// Counts the accounts of a store from before they were counted as they changed, until that is done or `leave` holds true.
async fn count_accounts(survey: Survey, mut leave: watch::Receiver<bool>) {
    let counting = async {
        while let Err(error) = survey.count_accounts().await {
            if matches!(error, StoreError::Altered(_) | StoreError::Unreadable(_)) {
                tracing::error!(%error, "accounts are not counted by their TOTP");
                return;
            }
            tracing::warn!(%error, "accounts are not all counted by their TOTP yet; another try follows");
            tokio::time::sleep(COUNTING_PAUSE).await;
        }
    };
    tokio::select! {
        // The sender is gone where the process has left already.
        _ = leave.wait_for(|leave| *leave) => {}
        () = counting => {}
    }
}

/// Ends all open logins whenever the store no longer serves here, until `leave` holds true.
async fn end_logins_while_away(
    mut away: watch::Receiver<Option<Away>>,
    logins: EndedLogins,
    mut leave: watch::Receiver<bool>,
) {
    let ending = async {
        // An embedded store is never away, and tells of nothing.
        while away.changed().await.is_ok() {
            let now = *away.borrow_and_update();
            match now {
                Some(away) => {
                    logins.tell_everybody();
                    tracing::error!("nobody is served here any more: {away}");
                }
                None => tracing::warn!("people are served here again"),
            }
        }
    };
    tokio::select! {
        // The sender is gone where the process has left already.
        _ = leave.wait_for(|leave| *leave) => {}
        () = ending => {}
    }
}

/// The page over an opened store, until `leave` holds true.
fn serve_page(
    opened: &Opened,
    page: Page,
    config: &Config,
    clock: Arc<dyn Clock>,
    leave: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let web = Web {
        settings: page.settings(config),
        vault: opened.foundation.vault.clone(),
        limits: web::Limits::default(),
        resets: Arc::new(opened.services.reset.clone()),
        clock,
    };
    async move {
        if let Err(error) = web.serve(page.listener, leave).await {
            tracing::error!(%error, "the reset page is no longer served");
        }
    }
}
