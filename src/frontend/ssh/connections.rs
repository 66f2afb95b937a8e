//! Who holds a connection, and who has to give one up.
//!
//! Strangers who open connections must not keep out whoever has something to do: a source gets so many, those that show
//! no screen yet are few in all, and when places are taken, a newcomer displaces the one with the least at stake. Whoever
//! is logged in is never displaced.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{config, domain::idle::Presence, session::Attendance};

/// All connections that are open.
#[derive(Debug, Default)]
pub struct Connections {
    // Held for a walk over the connections there are, never across an await.
    open: Mutex<Open>,
}

/// By number, so that the oldest comes first.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    held: BTreeMap<u64, Arc<Held>>,
}

#[derive(Debug)]
struct Held {
    source: String,
    shows_screen: AtomicBool,
    attendance: Arc<Attendance>,
    displaced: Notify,
}

/// How much is at stake, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stake {
    Startup,
    Menu,
    Reading,
    Form,
    LoggedIn,
}

impl Held {
    fn stake(&self) -> Stake {
        if !self.shows_screen.load(Ordering::Relaxed) {
            return Stake::Startup;
        }
        match self.attendance.presence() {
            Presence::Nobody => Stake::Menu,
            Presence::Reading => Stake::Reading,
            Presence::Form => Stake::Form,
            Presence::LoggedIn => Stake::LoggedIn,
        }
    }
}

/// A right to one connection, given back when dropped.
#[derive(Debug)]
pub struct Place {
    number: u64,
    held: Arc<Held>,
    of: Arc<Connections>,
}

impl Connections {
    /// A place for a connection of `source`, or none where everybody who could give one up is logged in.
    pub fn take(self: &Arc<Self>, source: &str, limits: &config::Ssh) -> Option<Place> {
        let mut open = self.lock();
        let of_source = open.held.values().filter(|held| held.source == source);
        if of_source.count() >= limits.sessions_per_source {
            // Behind one address may be a whole office: its newest gets in, and its own idlest gives way.
            open.displace(|held| held.source == source)?;
        }
        let startup = |held: &Held| held.stake() == Stake::Startup;
        let startups = open.held.values().filter(|held| startup(held));
        if startups.count() >= limits.startups {
            open.displace(startup)?;
        }
        if open.held.len() >= limits.sessions {
            open.displace(|_| true)?;
        }
        let number = open.next;
        open.next += 1;
        let held = Arc::new(Held {
            source: source.to_owned(),
            shows_screen: AtomicBool::new(false),
            attendance: Arc::default(),
            displaced: Notify::new(),
        });
        open.held.insert(number, held.clone());
        Some(Place {
            number,
            held,
            of: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Takes a place from one of those that `may` be displaced: the least at stake, there the most crowded source's, and
    /// of that the oldest.
    fn displace(&mut self, may: impl Fn(&Held) -> bool) -> Option<()> {
        let candidates = || {
            let held = self.held.iter().filter(|(_, held)| may(held));
            held.map(|(number, held)| (held.stake(), *number, &held.source))
        };
        let least = candidates().map(|(stake, ..)| stake).min()?;
        if least == Stake::LoggedIn {
            return None;
        }
        let mut crowds: HashMap<&str, usize> = HashMap::new();
        for (_, _, source) in candidates().filter(|(stake, ..)| *stake == least) {
            *crowds.entry(source).or_default() += 1;
        }
        let most = crowds.values().copied().max()?;
        let (_, number, _) = candidates()
            .find(|(stake, _, source)| *stake == least && crowds[source.as_str()] == most)?;
        let held = self.held.remove(&number)?;
        held.displaced.notify_one();
        Some(())
    }
}

impl Place {
    /// Notes that the connection shows a screen from now on; what is at stake there counts.
    pub fn shows_screen(&self) -> Arc<Attendance> {
        self.held.shows_screen.store(true, Ordering::Relaxed);
        self.held.attendance.clone()
    }

    /// Whether somebody has logged in over this connection.
    pub fn has_logged_in(&self) -> bool {
        self.held.attendance.has_logged_in()
    }

    /// Returns when somebody else has got this place.
    pub async fn displaced(&self) {
        self.held.displaced.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.lock().held.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(
        clippy::field_reassign_with_default,
        reason = "one field is the configuration's own"
    )]
    fn limits(sessions: usize, per_source: usize, startups: usize) -> config::Ssh {
        let mut limits = config::Ssh::default();
        limits.sessions = sessions;
        limits.sessions_per_source = per_source;
        limits.startups = startups;
        limits
    }

    #[tokio::test]
    async fn a_full_source_gives_up_its_own_idlest_and_nobody_elses() {
        let connections = Arc::new(Connections::default());
        let limits = limits(10, 2, 10);
        let other = connections.take("b", &limits).unwrap();
        let first = connections.take("a", &limits).unwrap();
        first.shows_screen().note(Presence::Form);
        let second = connections.take("a", &limits).unwrap();
        let third = connections.take("a", &limits).unwrap();
        second.displaced().await;
        third.shows_screen().note(Presence::LoggedIn);
        let fourth = connections.take("a", &limits).unwrap();
        first.displaced().await;
        fourth.shows_screen().note(Presence::LoggedIn);
        assert!(
            connections.take("a", &limits).is_none(),
            "nobody who is logged in is displaced"
        );
        assert_eq!(connections.lock().held.len(), 3);
        drop(other);
    }

    #[tokio::test]
    async fn startups_are_few_and_the_most_crowded_source_gives_way() {
        let connections = Arc::new(Connections::default());
        let limits = limits(100, 100, 3);
        let honest = connections.take("honest", &limits).unwrap();
        let flood: Vec<_> = (0..2)
            .map(|_| connections.take("flood", &limits).unwrap())
            .collect();
        let newcomer = connections.take("newcomer", &limits).unwrap();
        flood[0].displaced().await;
        let screens: Vec<_> = [&honest, &newcomer].map(Place::shows_screen).into();
        let _more: Vec<_> = (0..2)
            .map(|_| connections.take("flood", &limits).unwrap())
            .collect();
        assert_eq!(connections.lock().held.len(), 5);
        assert!(screens.iter().all(|screen| !screen.has_logged_in()));
    }

    #[tokio::test]
    async fn when_all_places_are_taken_the_least_at_stake_gives_way() {
        let connections = Arc::new(Connections::default());
        let limits = limits(3, 3, 3);
        let [reading, form, menu] = ["a", "b", "c"].map(|source| {
            let place = connections.take(source, &limits).unwrap();
            place.shows_screen();
            place
        });
        reading.held.attendance.note(Presence::Reading);
        form.held.attendance.note(Presence::Form);
        let _newcomer = connections.take("d", &limits).unwrap();
        menu.displaced().await;
    }
}
