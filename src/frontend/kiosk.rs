//! The kiosk on this process's terminal: from a configuration to a person at the menu, and back to the shell.

use std::{io, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
};

use super::{
    beside::{self, PlaceError, Places},
    console::{Console, ConsoleError, Use},
    doors::{Door, Doors},
    log::{self, LogError},
    shutdown::Shutdown,
    training,
};
use crate::{
    adapter::{clock::SystemClock, random::SystemRandom},
    config::Config,
    domain::Source,
    mail::inbox::Inbox,
    parts::{self, KeySource, Opened, PartsError},
    ports::Clock,
    service::ServiceError,
    session::{self, End, Seat},
    store::embedded::Health,
    tui::{App, AppSettings, SampleAccount, theme::Terminal},
};

/// Why the kiosk does not run, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum KioskError {
    #[error(transparent)]
    Console(#[from] ConsoleError),
    #[error(transparent)]
    Parts(#[from] PartsError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("the sample accounts cannot be added: {0}")]
    Samples(#[from] ServiceError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{0}")]
    System(io::Error),
    #[error("a write to the store did not end; the program has to be started again")]
    Stuck,
    #[error("the screens failed again and again; the log in the data folder says where")]
    Panicking,
}

impl KioskError {
    /// The exit status that tells scripts and supervisors what kind of failure it was.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Parts(error) => error.exit_status(),
            Self::Stuck => 75,
            Self::Panicking => 70,
            Self::Console(_)
            | Self::Place(_)
            | Self::Samples(_)
            | Self::Log(_)
            | Self::System(_) => 1,
        }
    }
}

/// Screens may fail this often before the program gives up instead of flickering.
const PANICS: usize = 5;

/// Failures further apart than this are not "again and again".
const PANICS_WITHIN: Duration = Duration::from_secs(60);

/// Runs the kiosk until it is asked to leave or its terminal hangs up.
pub async fn run(config: Config) -> Result<(), KioskError> {
    let key = KeySource::File(config.master_key_file.clone());
    log::start(&config, true)?;
    serve(config, key, None).await
}

/// Runs training mode: sample accounts in a fresh folder, removed at the end unless it is to be kept.
pub async fn demo(config: Config, kept: bool) -> Result<(), KioskError> {
    let samples = training::samples();
    if kept {
        let mut beside = config.data.clone().into_os_string();
        beside.push(".master-key");
        let key = KeySource::File(PathBuf::from(beside));
        let data = config.data.clone();
        let config = config.for_training(data);
        return serve(config, key, Some(samples)).await;
    }
    let folder = std::env::temp_dir().join(format!(
        "lpse-kiosk-demo-{}-{:x}",
        std::process::id(),
        jiff::Timestamp::now().as_nanosecond()
    ));
    // Created, not reused: somebody else's folder of that name is refused.
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(KioskError::System)?;
    let config = config.for_training(folder.clone());
    let served = serve(config, KeySource::Ephemeral, Some(samples)).await;
    let _ = std::fs::remove_dir_all(folder);
    served
}

async fn serve(
    mut config: Config,
    key: KeySource,
    training: Option<Vec<SampleAccount>>,
) -> Result<(), KioskError> {
    log::log_panics();
    let mut shutdown = Shutdown::on_signals().map_err(KioskError::System)?;
    let clock = Arc::new(SystemClock::start());
    let taken = if training.is_some() {
        Use::Borrowed
    } else {
        Use::Own
    };
    let name = match &config.terminal {
        Some(name) => name.clone(),
        None => Console::name()?,
    };
    let places = Places::take(&mut config)?;
    let console = Console::take(taken)?;
    let settings = AppSettings {
        office: config.office.clone(),
        session: name.clone(),
        training: training.clone(),
        zone: config.zone,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        language: config.language,
        leaves_on_interrupt: training.is_some(),
        reset_by_mail: training.is_some() || config.letters_are_sent(),
        reset_link_holds: config.link_holds,
        terminal: Terminal::from_environment(|name| std::env::var(name).ok()),
    };
    // The first frame is drawn while the store opens behind it.
    let (open, services) = watch::channel(None);
    let seat = Seat {
        source: Source::Console(name),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        limits: config.idle,
        services,
        wipe: taken.wipe(),
    };
    let (leave, leaving) = watch::channel(false);
    let doors = Doors::default();
    let _open = doors.enter(Door::Console);
    let sessions = sessions(&console, settings, seat, leaving.clone(), clock.clone());
    let opening = async {
        let inbox = training.as_ref().map(|_| Arc::new(Inbox::default()));
        let opened = parts::open(&config, &key, clock.clone(), inbox).await?;
        if let Some(samples) = &training {
            training::add_samples(&opened.services, samples).await?;
        }
        let beside = beside::start(&opened, places, &config, clock, &doors, &leaving);
        open.send_replace(Some(opened.services.clone()));
        Ok::<Running, KioskError>(Running { opened, beside })
    };
    let served = watch_over(sessions, opening, &mut shutdown, &leave).await;
    leave.send_replace(true);
    open.send_replace(None);
    // The person's terminal comes back before anything is said on it.
    drop(console);
    match served {
        (Ok(()), Some(running)) => {
            let _ = tokio::time::timeout(Duration::from_millis(500), running.close()).await;
            Ok(())
        }
        (served, _) => served,
    }
}

/// The opened store, and what runs beside the screens over it.
struct Running {
    opened: Opened,
    beside: JoinSet<()>,
}

impl Running {
    /// Waits for what runs beside to let go of the store, then closes it in order.
    async fn close(self) {
        self.beside.join_all().await;
        self.opened.close().await;
    }
}

/// Runs the sessions and the opening side by side until one of them, a signal or a stuck store ends it.
async fn watch_over(
    sessions: impl Future<Output = Result<(), KioskError>>,
    opening: impl Future<Output = Result<Running, KioskError>>,
    shutdown: &mut Shutdown,
    leave: &watch::Sender<bool>,
) -> (Result<(), KioskError>, Option<Running>) {
    tokio::pin!(sessions, opening);
    let mut running: Option<Running> = None;
    loop {
        let health = running
            .as_ref()
            .map(|running| running.opened.health.clone());
        let stuck = async {
            if let Some(mut health) = health
                && health
                    .wait_for(|health| *health == Health::Stuck)
                    .await
                    .is_ok()
            {
                return;
            }
            std::future::pending().await
        };
        let is_open = running.is_some();
        let stuck_now = tokio::select! {
            ended = &mut sessions => return (ended, running),
            () = shutdown.asked(), if !*leave.borrow() => {
                leave.send_replace(true);
                false
            }
            done = &mut opening, if !is_open => match done {
                Ok(done) => {
                    running = Some(done);
                    false
                }
                Err(error) => return (Err(error), None),
            },
            () = stuck => true,
        };
        if stuck_now {
            return (Err(KioskError::Stuck), running);
        }
    }
}

/// One session after the other: a session that panics gives way to a fresh menu.
async fn sessions(
    console: &Console,
    settings: AppSettings,
    seat: Seat,
    leaving: watch::Receiver<bool>,
    clock: Arc<SystemClock>,
) -> Result<(), KioskError> {
    let inputs = Arc::new(Mutex::new(console.inputs().map_err(KioskError::System)?));
    let mut panics: Vec<Duration> = Vec::new();
    loop {
        let app = App::new(settings.clone());
        let (seat, door, size) = (seat.clone(), console.door(), console.size());
        let (inputs, leaving) = (inputs.clone(), leaving.clone());
        let session = tokio::spawn(async move {
            let mut inputs = inputs.lock().await;
            session::run(seat, app, size, door, &mut inputs, leaving).await
        });
        match session.await {
            Ok(End::HungUp | End::Quit | End::Shutdown) => return Ok(()),
            Err(_) => {
                let now = clock.monotonic();
                panics.retain(|at| now.saturating_sub(*at) < PANICS_WITHIN);
                panics.push(now);
                if panics.len() >= PANICS {
                    return Err(KioskError::Panicking);
                }
            }
        }
    }
}
