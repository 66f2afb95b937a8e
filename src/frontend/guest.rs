//! Guests: sessions on terminals that are lent to this process for a while, a caller's over SSH, or one of this machine
//! whose own process joins this one.
//!
//! They are many, so each has a slot among [`Connections`], takes the settings as they are when it comes, and ends by
//! itself whatever becomes of another.

use std::{sync::Arc, time::Duration};

use ratatui::layout::Size;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    admission::{
        counts::Counts,
        sessions::{Connections, Slot},
    },
    app_settings::app_settings,
    terminal::{console::Use, keyboard::Keyboard},
};
use crate::{
    config::Config,
    domain::{
        Source,
        idle::{IdleLimits, Reason},
        language::Language,
    },
    ports::{Clock, Random},
    session::{self, Closing, Door, End, Ended, ServicesSoon, SessionSettings, Waits},
    tui::{App, theme::Terminal},
};

/// Variables that tell about a terminal besides `TERM`.
pub const VARIABLES: [&str; 4] = ["LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR"];

/// The most bytes of such a variable's value, and of a terminal's name.
pub const LONGEST_VALUE: usize = 64;

/// Inputs on their way from the keyboard to the session: what comes in one packet is drawn as one frame.
const INPUTS: usize = 32;

/// When the program closes, connections have this long to take the last words.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What terminals tell about themselves, in the order of [`VARIABLES`].
pub type Variables = [Option<String>; VARIABLES.len()];

/// What a terminal can do by what came with it over a network. Without a word about its locale it is taken for one of
/// today, which is UTF-8: OpenSSH sends these variables only where it is told to.
pub fn terminal_from_afar(term: &str, variables: &Variables) -> Terminal {
    let is_silent = variables[..3].iter().all(Option::is_none);
    Terminal::from_environment(|name| match name {
        "LANG" if is_silent => Some("C.UTF-8".to_owned()),
        name => told(name, term, variables),
    })
}

/// What a terminal of this machine can do.
pub fn terminal_here(term: &str, variables: &Variables) -> Terminal {
    Terminal::from_environment(|name| told(name, term, variables))
}

fn told(name: &str, term: &str, variables: &Variables) -> Option<String> {
    if name == "TERM" {
        return Some(term.to_owned());
    }
    let place = VARIABLES.iter().position(|known| *known == name)?;
    variables[place].clone()
}

/// What all sessions of guests share.
#[derive(Debug, Clone)]
pub struct Screens {
    /// Those in force; each session takes them as they are when it comes.
    pub settings: watch::Receiver<Arc<Config>>,
    pub services: ServicesSoon,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub closing: watch::Receiver<Closing>,
    pub connections: Arc<Connections>,
    /// Counts who comes and who is turned away.
    pub counts: Counts,
}

/// A guest: a terminal that is to show a session.
#[derive(Debug)]
pub struct Guest {
    pub source: Source,
    pub terminal: Terminal,
    pub size: Size,
    /// A kiosk's own gets a fresh menu at the end of each visit, for as long as it stands there.
    pub taken: Use,
    pub waits: Waits,
}

/// What a person is told at the end of their session.
#[derive(Debug, Clone, Copy)]
pub struct Goodbye {
    pub sentence: &'static str,
    pub by_fault: bool,
}

/// Why a session has ended without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    HungUp,
    /// Somebody else has got its slot.
    Displaced,
    /// It takes no frames.
    ReadsNothing,
}

impl Screens {
    /// Runs a session at `door` and `keyboard` to its end. It gives way when its slot is displaced.
    pub async fn show(
        &self,
        guest: Guest,
        door: impl Door + 'static,
        keyboard: Keyboard,
        slot: &Slot,
        config: &Config,
    ) -> Result<Goodbye, Gone> {
        let Guest {
            source,
            terminal,
            size,
            taken,
            waits,
        } = guest;
        let is_borrowed = taken == Use::Borrowed;
        let keyboard = Arc::new(keyboard);
        let settings = self.session_settings(source.clone(), taken, waits, slot, config);
        let app = app_settings(config, source.to_string(), is_borrowed, terminal);
        let app = App::new(app);
        // A task of its own: a fault in it ends this person's session and no more.
        let mut screens = tokio::spawn({
            let keyboard = keyboard.clone();
            let closing = self.closing.clone();
            async move {
                let (sender, mut inputs) = mpsc::channel(INPUTS);
                let session = session::run(settings, app, size, door, &mut inputs, closing);
                let reading = async {
                    keyboard.read(sender).await;
                    std::future::pending().await
                };
                // In one task, so that a key is on the screen without waiting for another.
                tokio::select! {
                    biased;
                    () = reading => unreachable!("it pends after its end"),
                    ended = session => ended,
                }
            }
        });
        let ended = tokio::select! {
            ended = &mut screens => ended,
            () = slot.displaced() => {
                keyboard.close();
                let _ = screens.await;
                return Err(Gone::Displaced);
            }
        };
        let text = |language: Language| &language.text().ending;
        let Ok(Ended { why, language }) = ended else {
            return Ok(Goodbye {
                sentence: &text(config.language).goodbye_fault,
                by_fault: true,
            });
        };
        tracing::debug!(%source, ?why, "a session has ended");
        let sentence = match why {
            End::HungUp if keyboard.is_closed() => return Err(Gone::HungUp),
            End::HungUp => return Err(Gone::ReadsNothing),
            End::Quit => &text(language).goodbye,
            End::Shutdown => &text(language).goodbye_closing,
            End::Expired(Reason::Idle) => &text(language).goodbye_idle,
            End::Expired(Reason::TimeUp) => &text(language).goodbye_time_up,
        };
        Ok(Goodbye {
            sentence,
            by_fault: false,
        })
    }

    /// What a guest's session goes by.
    fn session_settings(
        &self,
        source: Source,
        taken: Use,
        waits: Waits,
        slot: &Slot,
        config: &Config,
    ) -> SessionSettings {
        SessionSettings {
            source,
            clock: self.clock.clone(),
            random: self.random.clone(),
            limits: match taken {
                Use::Own => config.idle,
                Use::Borrowed => IdleLimits {
                    before_login: Some(config.ssh.before_login),
                    session: Some(config.ssh.in_all),
                    ..config.idle
                },
            },
            services: self.services.clone(),
            wipe: taken.wipe(),
            ends_with_visit: taken == Use::Borrowed,
            attendance: slot.shows_screen(),
            waits,
        }
    }

    /// Returns when the program is to leave, at once or after a while.
    pub async fn closed(&self) {
        let mut closing = self.closing.clone();
        let _ = closing.wait_for(|closing| *closing != Closing::No).await;
    }

    /// Waits for `connections` to end while the program closes, and ends those that take too long.
    pub async fn see_out(mut self, mut connections: JoinSet<()>) {
        loop {
            let time = match *self.closing.borrow_and_update() {
                Closing::By(end) => end.saturating_sub(self.clock.monotonic()) + LAST_WORDS,
                Closing::No | Closing::Now => LAST_WORDS,
            };
            tokio::select! {
                ended = connections.join_next() => if ended.is_none() { break },
                Ok(()) = self.closing.changed() => {}
                () = tokio::time::sleep(time) => break,
            }
        }
        connections.shutdown().await;
    }
}
