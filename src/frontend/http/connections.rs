//! Connections to an HTTP listener: who holds one, and who has to give one up.
//!
//! Strangers who open connections and say nothing must not keep out whoever has something to say: one source gets few,
//! and when all are taken, a newcomer displaces one that is not being answered.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::Limits;
use crate::{
    domain::SourceKey,
    frontend::admission::slots::{self, Holder, Slots},
};

/// All connections that are open.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    most_per_source: usize,
    open: Arc<Slots<Connection>>,
}

/// A right to one connection, given back when dropped.
pub type Slot = slots::Slot<Connection>;

/// What is known of a connection.
#[derive(Debug)]
pub struct Connection {
    /// None for a trusted proxy, which speaks for many.
    source: Option<SourceKey>,
    being_answered: Arc<AtomicBool>,
}

/// While it lives, a request of the connection is being answered.
#[derive(Debug)]
pub struct Answering(Arc<AtomicBool>);

impl Holder for Connection {
    type Stake = ();
    type Source = SourceKey;

    fn source(&self) -> Option<&SourceKey> {
        self.source.as_ref()
    }

    fn stake(&self) -> Option<()> {
        (!self.being_answered.load(Ordering::Relaxed)).then_some(())
    }
}

impl Connections {
    pub fn new(limits: &Limits) -> Self {
        Self {
            most: limits.connections,
            most_per_source: limits.connections_per_source,
            open: Arc::default(),
        }
    }

    /// A slot for a connection of `source`, or none if it has enough or everybody else is being answered.
    pub fn take(&self, source: Option<SourceKey>) -> Option<Slot> {
        let mut slots = self.open.give();
        if source.is_some()
            && slots.held_by(|connection| connection.source == source) >= self.most_per_source
        {
            return None;
        }
        if slots.held() >= self.most {
            slots.displace(|_| true)?;
        }
        Some(slots.to(Connection {
            source,
            being_answered: Arc::default(),
        }))
    }
}

impl Connection {
    /// Notes that a request is being answered, until the value is dropped.
    pub fn answering(&self) -> Answering {
        self.being_answered.store(true, Ordering::Relaxed);
        Answering(self.being_answered.clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, most_per_source: usize) -> Connections {
        Connections::new(&Limits {
            connections: most,
            connections_per_source: most_per_source,
            ..Limits::default()
        })
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
    async fn a_newcomer_displaces_one_that_is_not_being_answered() {
        let connections = connections(3, 3);
        let take = |source: &str| connections.take(Some(source.into()));
        let (first, second, third) = (take("a").unwrap(), take("b").unwrap(), take("c").unwrap());
        let busy = first.answering();
        let fourth = take("d").unwrap();
        second.displaced().await;
        drop(second);
        assert_eq!(connections.open.give().held(), 3);
        let (_third, _fourth) = (third.answering(), fourth.answering());
        assert!(take("e").is_none(), "all are being answered");
        drop(busy);
        assert!(take("e").is_some());
        first.displaced().await;
    }
}
