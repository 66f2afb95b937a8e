//! The process that holds the store: it opens it, runs the doors over it and background tasks, hears signals,
//! and closes everything in order.

use std::{net::TcpListener, pin::pin, sync::Arc, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle, JoinSet},
};

use super::{
    HostError,
    background::{self, Listeners},
    invitation::Telling,
    kiosk,
    log::{self, Log},
    supervisor::Supervisor,
    training,
};
use crate::{
    adapter::{clock::SystemClock, random::SystemRandom},
    assembly::{self, KeySource, Opened, waiting::Waiting},
    config::{Config, ConfigError, StoreKind},
    domain::Source,
    frontend::{
        admission::counts::{Counts, Entrance},
        app_settings, attach,
        guest::Screens,
        ssh::{self, Ssh, SshError, host_key::HostKey},
        terminal::{
            console::{Console, Use},
            signals::{Request, Signals},
        },
    },
    mail::inbox::Inbox,
    ports::Clock,
    service::Services,
    session::{Closing, ServicesSoon, SessionSettings},
    store::{away::Away, health::Liveness},
    tui::{SampleAccount, theme::Terminal},
};

/// The ways in which people come in.
#[derive(Clone, Copy)]
pub struct Entrances {
    /// This process's terminal, and how much of it is taken.
    pub console: Option<Use>,
    pub ssh: bool,
}

/// How the settings are read again.
pub type Reading = Box<dyn Fn() -> Result<Config, ConfigError> + Send>;

/// Runs the program over `config`'s store until it is asked to leave; in training with these sample accounts.
pub async fn host(
    mut config: Config,
    key: KeySource,
    entrances: Entrances,
    training: Option<Vec<SampleAccount>>,
    read: Option<Reading>,
) -> Result<(), HostError> {
    log::log_panics();
    // Training keeps no log of its own that anybody would read.
    let log = match training {
        None => Some(log::start(&config, entrances.console.is_some())?),
        Some(_) => None,
    };
    let supervisor = Supervisor::from_environment();
    let hang_up = match entrances.ssh {
        true => Request::Reload,
        false => Request::Leave,
    };
    let mut signals = Signals::listen(hang_up).map_err(HostError::System)?;
    let clock = Arc::new(SystemClock::start());
    let name = match (&config.terminal, entrances.console) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => Console::name()?,
        (None, None) => String::new(),
    };
    // What somebody else may hold is taken first, so that this is told on a terminal that is still the operator's.
    let bound = Listeners::take(&mut config)?;
    let listeners = match entrances.ssh {
        true => {
            allow_open_files(config.ssh.sessions);
            ssh::listen(&config.ssh.listen)?
        }
        false => Vec::new(),
    };
    let console = entrances.console.map(Console::take).transpose()?;
    let telling = Telling::choose(console.is_some(), log.as_ref().map(Log::destination));
    let host = Host::new(config, key, entrances, training, clock, supervisor, telling);
    let reload = |running: Option<&Running>| {
        if let (Some(read), Some(log)) = (&read, &log) {
            supervisor.reloading();
            let refused = host.reload(read, log, running);
            supervisor.ready(&status_after(&refused));
        }
    };
    // The first frame is drawn while the store opens behind it.
    let sessions = host.sessions(console.as_ref(), name);
    let opening = host.open(bound, listeners);
    let (served, running) = host.serve(sessions, opening, &mut signals, reload).await;
    supervisor.stopping("Closing the store");
    host.close.send_replace(Closing::Now);
    host.leave.send_replace(true);
    host.open.send_replace(None);
    // The person's terminal comes back before anything is said on it.
    drop(console);
    match (served, running) {
        (Ok(()), Some(running)) => {
            running.close().await;
            Ok(())
        }
        (served, _) => served,
    }
}

/// What runs from the start to the end, and what its parts tell each other.
struct Host {
    config: Config,
    key: KeySource,
    entrances: Entrances,
    training: Option<Vec<SampleAccount>>,
    clock: Arc<SystemClock>,
    supervisor: Supervisor,
    telling: Telling,
    counts: Counts,
    /// Those in force, for whoever comes.
    settings: watch::Sender<Arc<Config>>,
    open: watch::Sender<Option<Arc<Services>>>,
    services: ServicesSoon,
    close: watch::Sender<Closing>,
    closing: watch::Receiver<Closing>,
    leave: watch::Sender<bool>,
    leaving: watch::Receiver<bool>,
}

/// The task that serves people over SSH and at other terminals of this machine.
type Served = JoinHandle<()>;

impl Host {
    fn new(
        config: Config,
        key: KeySource,
        entrances: Entrances,
        training: Option<Vec<SampleAccount>>,
        clock: Arc<SystemClock>,
        supervisor: Supervisor,
        telling: Telling,
    ) -> Self {
        let (settings, _) = watch::channel(Arc::new(config.clone()));
        let (open, services) = watch::channel(None);
        let (close, closing) = watch::channel(Closing::No);
        let (leave, leaving) = watch::channel(false);
        Self {
            config,
            key,
            entrances,
            training,
            clock,
            supervisor,
            telling,
            counts: Counts::default(),
            settings,
            open,
            services,
            close,
            closing,
            leave,
            leaving,
        }
    }

    /// Runs the sessions at this process's terminal, if it is taken.
    async fn sessions(&self, console: Option<&Console>, name: String) -> Result<(), HostError> {
        let (Some(console), Some(taken)) = (console, self.entrances.console) else {
            return std::future::pending().await;
        };
        let is_guest = taken == Use::Borrowed;
        let terminal = Terminal::from_environment(|name| std::env::var(name).ok());
        let mut app = app_settings(&self.config, name.clone(), is_guest, terminal);
        app.training = self.training.clone();
        app.reset_by_mail |= self.training.is_some();
        let settings = SessionSettings {
            source: Source::Console(name),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
            limits: self.config.idle,
            services: self.services.clone(),
            wipe: taken.wipe(),
            ends_with_visit: false,
            attendance: Arc::default(),
            // The clock began with the program.
            waits: self.counts.waits(Entrance::Console, Duration::ZERO),
        };
        let _open = self.counts.enter(Entrance::Console);
        kiosk::sessions(console, app, settings, self.closing.clone()).await
    }

    /// Opens the store, however long it has to be waited for, and starts all that works over it.
    async fn open(
        &self,
        bound: Listeners,
        listeners: Vec<TcpListener>,
    ) -> Result<(Running, Option<Served>), HostError> {
        let inbox = self.training.as_ref().map(|_| Arc::new(Inbox::default()));
        let (started, starting) = watch::channel(false);
        bound.say_starting(&self.config, &starting);
        // Over SSH people see the screens as soon as the store is open, or is waited for.
        let mut listeners = Some(listeners).filter(|listeners| !listeners.is_empty());
        let mut ssh = None;
        let mut told = None;
        let opened = loop {
            let opening =
                assembly::open(&self.config, &self.key, self.clock.clone(), inbox.clone());
            let error = match opening.await {
                Ok(opened) => break opened,
                Err(error) => error,
            };
            let Waiting { why, pause } = assembly::waiting::waits_for(&self.config, error).await?;
            self.open_entrances(&mut listeners, &mut ssh)?;
            self.supervisor
                .waiting(&format!("Not serving yet: {why}"), START_PATIENCE);
            if told.as_ref() != Some(&why) {
                tracing::warn!("nobody can log in yet, and the start goes on by itself: {why}");
                told = Some(why);
            }
            tokio::time::sleep(pause).await;
        };
        if told.is_some() {
            tracing::warn!("the store is open now; people can log in");
        }
        if let Some(samples) = &self.training {
            training::add_samples(&opened.services, samples).await?;
        }
        if self.config.store == StoreKind::Etcd {
            tokio::spawn(assembly::cluster::warn_of_members(
                self.config.cluster.clone(),
            ));
        }
        started.send_replace(true);
        let background = background::start(
            &opened,
            bound,
            &self.config,
            self.clock.clone(),
            &self.counts,
            &self.leaving,
        );
        self.open.send_replace(Some(opened.services.clone()));
        self.open_entrances(&mut listeners, &mut ssh)?;
        let watchdog = tokio::spawn(self.supervisor.watchdog(opened.liveness.clone()));
        self.supervisor.ready(READY);
        let running = Running {
            opened,
            background,
            watchdog,
        };
        Ok((running, ssh))
    }

    /// Lets people in over the network and from other terminals, once.
    fn open_entrances(
        &self,
        listeners: &mut Option<Vec<TcpListener>>,
        ssh: &mut Option<Served>,
    ) -> Result<(), HostError> {
        let Some(listeners) = listeners.take() else {
            return Ok(());
        };
        let screens = Screens {
            settings: self.settings.subscribe(),
            services: self.services.clone(),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
            closing: self.closing.clone(),
            connections: Arc::default(),
            counts: self.counts.clone(),
        };
        let places: Vec<_> = listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect();
        let over_ssh = Ssh(screens.clone()).serve(listeners)?;
        let key = HostKey::read(&self.config.host_key_file()).map_err(SshError::from)?;
        let machine = assembly::machine();
        self.telling
            .tell(&self.config, &places, &key.fingerprint(), &machine);
        let attached = attach::door::serve(screens);
        *ssh = Some(tokio::spawn(async {
            tokio::join!(over_ssh, attached);
        }));
        Ok(())
    }

    /// Serves until there is nobody to serve any more, or it is no use to go on; with what was running then.
    async fn serve(
        &self,
        sessions: impl Future<Output = Result<(), HostError>>,
        opening: impl Future<Output = Result<(Running, Option<Served>), HostError>>,
        signals: &mut Signals,
        reload: impl Fn(Option<&Running>),
    ) -> (Result<(), HostError>, Option<Running>) {
        let mut sessions = pin!(sessions);
        let mut opening = pin!(opening);
        let mut running: Option<Running> = None;
        let mut at_console = self.entrances.console.is_some();
        let mut over_ssh = self.entrances.ssh;
        let mut ssh = None;
        let mut liveness = None;
        let mut away = None;
        let served = loop {
            let is_open = running.is_some();
            tokio::select! {
                ended = sessions.as_mut(), if at_console => {
                    at_console = false;
                    let is_leaving = *self.closing.borrow() != Closing::No;
                    if !over_ssh || (is_leaving && !is_open) {
                        break ended;
                    }
                    match ended {
                        Err(error) => tracing::error!(%error, "the terminal shows nothing any more"),
                        Ok(()) if *self.closing.borrow() == Closing::No => {
                            tracing::warn!("the terminal has gone; the program goes on over SSH");
                        }
                        Ok(()) => {}
                    }
                }
                ended = task(&mut ssh) => {
                    (ssh, over_ssh) = (None, false);
                    // Its sessions' faults end them alone; this one is the door's own.
                    if let Err(error) = ended {
                        break Err(HostError::System(error.into()));
                    }
                    if !at_console {
                        break Ok(());
                    }
                }
                opened = opening.as_mut(), if !is_open => match opened {
                    Ok((opened, door)) => {
                        liveness = Some(opened.opened.liveness.clone());
                        away = Some(opened.opened.away.clone());
                        running = Some(opened);
                        ssh = door;
                    }
                    Err(error) => break Err(error),
                },
                request = signals.next() => match request {
                    Request::Leave => {
                        self.ask_to_leave();
                        // A store that is still being opened has nobody's work in it.
                        if !is_open && !at_console {
                            break Ok(());
                        }
                    }
                    Request::Reload => reload(running.as_ref()),
                },
                () = stuck(&mut liveness) => break Err(HostError::Stuck),
                () = changed(&mut away) => break Err(HostError::Changed(Away::Changed)),
            }
        };
        (served, running)
    }

    /// Reads the settings again, and takes up what was renewed in the files that they name. What cannot change while the
    /// program runs is told, and a bad file changes nothing; which ones are bad is returned.
    fn reload(&self, read: &Reading, log: &Log, running: Option<&Running>) -> Vec<String> {
        // Where the files are holds from the start on. A store that is not open yet reads them when it is opened.
        let certificates = background::faults(&self.config);
        let renewals = running.map(|running| running.opened.renewals.take_up());
        let mut refused = renewals.unwrap_or_default();
        refused.extend(certificates);
        for error in &refused {
            tracing::error!(error, "what was read before is used on");
        }
        match read() {
            Ok(config) => {
                log.set_level(config.log_level);
                if let Err(error) = log.reopen() {
                    tracing::error!(%error, "the log stays in its old file");
                }
                self.settings.send_replace(Arc::new(config));
                tracing::info!(
                    "the settings were read again; new SSH sessions use the office's name, zone and language, the idle times and the limits; the log its level; renewed passwords, tokens, certificates and master keys are taken up; the rest holds from the next start"
                );
            }
            Err(error) => {
                tracing::error!(%error, "the settings stay as they were");
                refused.push(error.to_string());
            }
        }
        refused
    }

    /// Tells people that the program is to leave: the first time they may finish, the second time at once.
    fn ask_to_leave(&self) {
        self.counts.close();
        let at_once = *self.closing.borrow() != Closing::No || !self.entrances.ssh;
        let grace = self.config.ssh.grace;
        self.close.send_replace(match at_once || grace.is_zero() {
            true => Closing::Now,
            false => Closing::By(self.clock.monotonic() + grace),
        });
        self.supervisor.stopping("People are told, and may finish");
    }
}

/// What the supervisor is told.
const READY: &str = "People are served";

/// A start that waits for something is given so much more time at a go, which is longer than one try to open the store.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// What runs in the background when everybody has gone ends in less than this, or is given up.
const BACKGROUND_ENDS: Duration = Duration::from_millis(500);

/// So long an orderly end of the store may take: its files are read through for the note that makes the next opening cheap.
/// Less than a supervisor waits.
const STORE_ENDS: Duration = Duration::from_secs(8);

/// The opened store, and what runs in the background over it.
struct Running {
    opened: Opened,
    background: JoinSet<()>,
    watchdog: JoinHandle<()>,
}

impl Running {
    /// Waits for what runs in the background to let go of the store, then closes it in order; for neither without end.
    async fn close(self) {
        self.watchdog.abort();
        let _ = tokio::time::timeout(BACKGROUND_ENDS, self.background.join_all()).await;
        let _ = tokio::time::timeout(STORE_ENDS, self.opened.close()).await;
    }
}

/// Returns when a write to the store does not end.
async fn stuck(liveness: &mut Option<watch::Receiver<Liveness>>) {
    if let Some(liveness) = liveness {
        let stuck = liveness
            .wait_for(|liveness| *liveness == Liveness::Stuck)
            .await;
        if stuck.is_ok() {
            return;
        }
    }
    std::future::pending().await
}

/// Returns when the store is another one than was opened, which its marks no longer say: it can be opened anew.
async fn changed(away: &mut Option<watch::Receiver<Option<Away>>>) {
    if let Some(away) = away {
        let changed = away.wait_for(|away| *away == Some(Away::Changed)).await;
        if changed.is_ok() {
            return;
        }
    }
    std::future::pending().await
}

/// Returns when `running` has ended, if there is one.
async fn task(running: &mut Option<JoinHandle<()>>) -> Result<(), JoinError> {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

/// Files that are open beside the sessions': the store's, the page's connections, the sockets'.
const OTHER_FILES: u64 = 1024;

/// Raises this process's limit of open files (setrlimit(2)) to what so many sessions need, as far as the system lets it.
fn allow_open_files(sessions: usize) {
    let needed = sessions as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    let allowed = limit.maximum.map_or(needed, |most| most.min(needed));
    let raised = Rlimit {
        current: Some(allowed),
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, raised).is_err() || allowed < needed {
        tracing::warn!(
            needed,
            allowed,
            "the system allows too few open files for [ssh] sessions; raise LimitNOFILE, or lower the setting"
        );
    }
}

/// What the supervisor is told after a reload that took all up but this.
fn status_after(refused: &[String]) -> String {
    match refused.is_empty() {
        true => READY.to_owned(),
        false => format!("{READY}; kept as it was before: {}", refused.join("; ")),
    }
}
