//! Who holds a connection, and who has to give one up.
//!
//! Strangers who open connections and say nothing must not keep out whoever has something to say: one source gets few,
//! and when all are taken, a newcomer displaces the oldest one that is not being answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::Limits;

/// All connections that are open.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    most_per_source: usize,
    // Held for a walk over at most `most` entries, never across an await.
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
    /// None for a trusted proxy, which speaks for many.
    source: Option<String>,
    being_answered: AtomicBool,
    displaced: Notify,
}

/// A right to one connection, given back when dropped.
#[derive(Debug)]
pub struct Place {
    number: u64,
    held: Arc<Held>,
    of: Arc<Connections>,
}

/// While it lives, a request of the connection is being answered.
#[derive(Debug)]
pub struct Answering(Arc<Held>);

impl Connections {
    pub fn new(limits: &Limits) -> Self {
        Self {
            most: limits.connections,
            most_per_source: limits.connections_per_source,
            open: Mutex::default(),
        }
    }

    /// A place for a connection of `source`, or none if it has enough or everybody else is being answered.
    pub fn take(self: &Arc<Self>, source: Option<String>) -> Option<Place> {
        let mut open = self.lock();
        if source.is_some() {
            let of_source = open.held.values().filter(|held| held.source == source);
            if of_source.count() >= self.most_per_source {
                return None;
            }
        }
        if open.held.len() >= self.most {
            let idle = |held: &Held| !held.being_answered.load(Ordering::Relaxed);
            let oldest = open.held.iter().find(|(_, held)| idle(held));
            let number = *oldest?.0;
            let oldest = open.held.remove(&number)?;
            oldest.displaced.notify_one();
        }
        let number = open.next;
        open.next += 1;
        let held = Arc::new(Held {
            source,
            being_answered: AtomicBool::new(false),
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

impl Place {
    /// Notes that a request is being answered, until the value is dropped.
    pub fn answering(&self) -> Answering {
        self.held.being_answered.store(true, Ordering::Relaxed);
        Answering(self.held.clone())
    }

    /// Returns when somebody else has got this place.
    pub async fn displaced(&self) {
        self.held.displaced.notified().await;
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.being_answered.store(false, Ordering::Relaxed);
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

    fn connections(most: usize, most_per_source: usize) -> Arc<Connections> {
        Arc::new(Connections::new(&Limits {
            connections: most,
            connections_per_source: most_per_source,
            ..Limits::default()
        }))
    }

    #[test]
    fn a_source_has_so_many_places_and_gets_them_back() {
        let connections = connections(10, 2);
        let take = |source: &str| connections.take(Some(source.into()));
        let held = [take("a"), take("a")];
        assert!(held.iter().all(Option::is_some) && take("a").is_none());
        assert!(take("b").is_some());
        drop(held);
        assert!(take("a").is_some());
        let proxied: Vec<_> = (0..5).map(|_| connections.take(None)).collect();
        assert!(proxied.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn a_newcomer_displaces_the_oldest_that_is_not_being_answered() {
        let connections = connections(3, 3);
        let take = |source: &str| connections.take(Some(source.into()));
        let (first, second, third) = (take("a").unwrap(), take("b").unwrap(), take("c").unwrap());
        let busy = first.answering();
        let fourth = take("d").unwrap();
        second.displaced().await;
        drop(second);
        assert_eq!(connections.lock().held.len(), 3);
        let (_third, _fourth) = (third.answering(), fourth.answering());
        assert!(take("e").is_none(), "all are being answered");
        drop(busy);
        assert!(take("e").is_some());
        first.displaced().await;
    }
}
