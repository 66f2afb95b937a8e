//! Connections to the screens: who holds one, and who has to give one up.
//!
//! Strangers who open connections must not keep out whoever has something to do: a source gets so many, those that show
//! no screen yet are few in all, and when slots are taken, a newcomer displaces the one with the least at stake. Whoever
//! is logged in is never displaced.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::slots::{Holder, Slots};
use crate::{
    config,
    domain::{SourceKey, idle::Presence},
    session::Attendance,
};

/// All connections that are open.
pub type Connections = Slots<Connection>;

/// A right to one connection, given back when dropped.
pub type Slot = super::slots::Slot<Connection>;

/// What is known of a connection.
#[derive(Debug)]
pub struct Connection {
    source: SourceKey,
    shows_screen: AtomicBool,
    stays: AtomicBool,
    attendance: Arc<Attendance>,
}

/// How much is at stake, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stake {
    /// It shows no screen yet.
    Startup,
    Menu,
    Reading,
    Form,
}

impl Holder for Connection {
    type Stake = Stake;
    type Source = SourceKey;

    fn source(&self) -> Option<&SourceKey> {
        Some(&self.source)
    }

    fn stake(&self) -> Option<Stake> {
        if self.stays.load(Ordering::Relaxed) {
            return None;
        }
        if !self.shows_screen.load(Ordering::Relaxed) {
            return Some(Stake::Startup);
        }
        match self.attendance.presence() {
            Presence::Nobody => Some(Stake::Menu),
            Presence::Empty | Presence::Reading => Some(Stake::Reading),
            Presence::Form | Presence::LongForm => Some(Stake::Form),
            Presence::LoggedIn | Presence::Copying => None,
        }
    }
}

impl Connections {
    /// A slot for a connection of `source`, or none where nobody who could give one up is left.
    pub fn take(self: &Arc<Self>, source: &SourceKey, limits: &config::Ssh) -> Option<Slot> {
        let mut slots = self.give();
        let is_of_source = |connection: &Connection| connection.source == *source;
        if slots.held_by(is_of_source) >= limits.sessions_per_source {
            // Behind one address may be a whole office: its newest gets in, and its own idlest gives way.
            slots.displace(is_of_source)?;
        }
        let is_startup = |connection: &Connection| connection.stake() == Some(Stake::Startup);
        if slots.held_by(is_startup) >= limits.startups {
            slots.displace(is_startup)?;
        }
        if slots.held() >= limits.sessions {
            slots.displace(|_| true)?;
        }
        Some(slots.to(Connection {
            source: source.clone(),
            shows_screen: AtomicBool::new(false),
            stays: AtomicBool::new(false),
            attendance: Arc::default(),
        }))
    }
}

impl Connection {
    /// Notes that the connection shows a screen from now on; what is at stake there counts.
    pub fn shows_screen(&self) -> Arc<Attendance> {
        self.shows_screen.store(true, Ordering::Relaxed);
        self.attendance.clone()
    }

    /// Notes that nobody is to displace it: a kiosk's terminal shows its menu when strangers come in crowds.
    pub fn stays(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has logged in over this connection.
    pub fn has_logged_in(&self) -> bool {
        self.attendance.has_logged_in()
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
        let other = connections.take(&"b".into(), &limits).unwrap();
        let first = connections.take(&"a".into(), &limits).unwrap();
        first.shows_screen().note(Presence::Form);
        let second = connections.take(&"a".into(), &limits).unwrap();
        let third = connections.take(&"a".into(), &limits).unwrap();
        second.displaced().await;
        third.shows_screen().note(Presence::LoggedIn);
        let fourth = connections.take(&"a".into(), &limits).unwrap();
        first.displaced().await;
        fourth.shows_screen().note(Presence::LoggedIn);
        assert!(
            connections.take(&"a".into(), &limits).is_none(),
            "nobody who is logged in is displaced"
        );
        assert_eq!(connections.give().held(), 3);
        drop(other);
    }

    #[tokio::test]
    async fn startups_are_few_and_the_most_crowded_source_gives_way() {
        let connections = Arc::new(Connections::default());
        let limits = limits(100, 100, 3);
        let honest = connections.take(&"honest".into(), &limits).unwrap();
        let flood: Vec<_> = (0..2)
            .map(|_| connections.take(&"flood".into(), &limits).unwrap())
            .collect();
        let newcomer = connections.take(&"newcomer".into(), &limits).unwrap();
        flood[0].displaced().await;
        let screens: Vec<_> = [&honest, &newcomer].map(|slot| slot.shows_screen()).into();
        let _more: Vec<_> = (0..2)
            .map(|_| connections.take(&"flood".into(), &limits).unwrap())
            .collect();
        assert_eq!(connections.give().held(), 5);
        assert!(screens.iter().all(|screen| !screen.has_logged_in()));
    }

    #[tokio::test]
    async fn when_all_places_are_taken_the_least_at_stake_gives_way() {
        let connections = Arc::new(Connections::default());
        let limits = limits(3, 3, 3);
        let [reading, form, menu] = ["a", "b", "c"].map(|source| {
            let slot = connections.take(&source.into(), &limits).unwrap();
            slot.shows_screen();
            slot
        });
        reading.attendance.note(Presence::Reading);
        form.attendance.note(Presence::Form);
        let _newcomer = connections.take(&"d".into(), &limits).unwrap();
        menu.displaced().await;
    }
}
