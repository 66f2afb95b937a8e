//! The kiosk on this process's terminal: from a configuration to a person at the menu, and back to the shell.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Mutex, watch};

use super::{
    console::{Console, ConsoleError, Use},
    shutdown::Shutdown,
};
use crate::{
    adapter::clock::SystemClock,
    config::Config,
    domain::{AccountKey, EmailAddress, PersonName, PlainPassword, Source, UserId, UserType},
    parts::{self, KeySource, Opened, PartsError},
    ports::Clock,
    service::{ServiceError, Services, accounts::NewAccount},
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
    #[error("the sample accounts cannot be added: {0}")]
    Samples(#[from] ServiceError),
    #[error(
        "the log {0} cannot be written: {1}; make its folder, or name another file in [log] file"
    )]
    Log(String, io::Error),
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
            Self::Console(_) | Self::Samples(_) | Self::Log(..) | Self::System(_) => 1,
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
    log_to_file(&config)
        .map_err(|error| KioskError::Log(config.log_file().display().to_string(), error))?;
    serve(config, key, None).await
}

/// Runs training mode: sample accounts in a fresh folder, removed at the end unless it is to be kept.
pub async fn demo(config: Config, kept: bool) -> Result<(), KioskError> {
    let samples = samples();
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
    config: Config,
    key: KeySource,
    training: Option<Vec<SampleAccount>>,
) -> Result<(), KioskError> {
    log_panics();
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
    let console = Console::take(taken)?;
    let settings = AppSettings {
        office: config.office.clone(),
        session: name.clone(),
        training: training.clone(),
        zone: config.zone,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        language: config.language,
        leaves_on_interrupt: training.is_some(),
        reset_by_mail: false,
        reset_link_holds: Duration::from_secs(30 * 60),
        terminal: Terminal::from_environment(|name| std::env::var(name).ok()),
    };
    // The first frame is drawn while the store opens behind it.
    let (open, services) = watch::channel(None);
    let seat = Seat {
        source: Source::Console(name),
        clock: clock.clone(),
        limits: config.idle,
        services,
        wipe: taken.wipe(),
    };
    let (leave, leaving) = watch::channel(false);
    let sessions = sessions(&console, settings, seat, leaving, clock.clone());
    let opening = async {
        let opened = parts::open(&config, &key, clock).await?;
        if let Some(samples) = &training {
            add_samples(&opened.services, samples).await?;
        }
        open.send_replace(Some(opened.services.clone()));
        Ok::<Opened, KioskError>(opened)
    };
    let served = watch_over(sessions, opening, &mut shutdown, &leave).await;
    open.send_replace(None);
    // The person's terminal comes back before anything is said on it.
    drop(console);
    match served {
        (Ok(()), Some(opened)) => {
            let _ = tokio::time::timeout(Duration::from_millis(500), opened.close()).await;
            Ok(())
        }
        (served, _) => served,
    }
}

/// Runs the sessions and the opening side by side until one of them, a signal or a stuck store ends it.
async fn watch_over(
    sessions: impl Future<Output = Result<(), KioskError>>,
    opening: impl Future<Output = Result<Opened, KioskError>>,
    shutdown: &mut Shutdown,
    leave: &watch::Sender<bool>,
) -> (Result<(), KioskError>, Option<Opened>) {
    tokio::pin!(sessions, opening);
    let mut opened: Option<Opened> = None;
    loop {
        let health = opened.as_ref().map(|opened| opened.health.clone());
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
        let is_open = opened.is_some();
        let stuck_now = tokio::select! {
            ended = &mut sessions => return (ended, opened),
            () = shutdown.asked(), if !*leave.borrow() => {
                leave.send_replace(true);
                false
            }
            done = &mut opening, if !is_open => match done {
                Ok(done) => {
                    opened = Some(done);
                    false
                }
                Err(error) => return (Err(error), None),
            },
            () = stuck => true,
        };
        if stuck_now {
            return (Err(KioskError::Stuck), opened);
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

/// A panic goes to the log, by its place only: its words may hold what was typed, and the terminal shows the kiosk.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place = place.as_deref().unwrap_or("unknown"), "a panic");
    }));
}

/// The program's log goes to a file in the data folder, never to the terminal that shows the kiosk.
fn log_to_file(config: &Config) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)?;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(config.log_file())?;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::sync::Mutex::new(file))
        .with_ansi(false)
        .with_max_level(config.log_level)
        .finish();
    // There is one already only where a test has set it.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn samples() -> Vec<SampleAccount> {
    let sample = |user_type, user_id, password: &str| SampleAccount {
        user_type,
        user_id: UserId::parse(user_id).expect("the sample IDs are well formed"),
        password: password.to_owned(),
    };
    vec![
        sample(UserType::NonPenyedia, "PPK30", "mangga-manis-30"),
        sample(UserType::NonPenyedia, "POKJA7", "kopi-gayo-panas-7"),
        sample(UserType::Penyedia, "CVMAJU", "perahu-layar-biru"),
        sample(UserType::Penyedia, "PTSINAR", "lampu-taman-kota"),
    ]
}

async fn add_samples(services: &Services, samples: &[SampleAccount]) -> Result<(), KioskError> {
    let names = [
        "Siti Rahmawati",
        "Budi Santoso",
        "CV Maju Bersama",
        "PT Sinar Harapan",
    ];
    let from = Source::Console("training".into());
    for (sample, name) in samples.iter().zip(names) {
        let key = AccountKey::new(sample.user_type, sample.user_id.clone());
        // A folder that is kept has them already.
        if services.accounts.get(&key).await?.is_some() {
            continue;
        }
        let password =
            PlainPassword::typed(&sample.password).expect("the sample passwords are short");
        let id = sample.user_id.as_str().to_ascii_lowercase();
        let new = NewAccount {
            key,
            name: PersonName::parse(name).expect("the sample names are plain"),
            email: EmailAddress::parse(&format!("{id}@contoh.go.id"))
                .expect("the sample addresses are plain"),
            password: services.accounts.hash(password).await?,
        };
        if let Err(error) = services.accounts.add(new, &from).await {
            return Err(KioskError::Samples(ServiceError::Unavailable(
                error.to_string(),
            )));
        }
    }
    Ok(())
}
