//! Slots for connections: so many there are, each held until it is given back or somebody else gets it.
//!
//! Who gets one, and who has to give one up, is each door's own rule; here is what those rules stand on.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// What is known of whoever holds a slot.
pub trait Holder {
    /// How much is at stake for them.
    type Stake: Ord + Copy;

    /// What counts together.
    type Source: Eq + Hash;

    /// Where they come from; `None` for somebody who speaks for many.
    fn source(&self) -> Option<&Self::Source>;

    /// How much is at stake now; `None`: they are not displaced.
    fn stake(&self) -> Option<Self::Stake>;
}

/// All slots that are held.
#[derive(Debug)]
pub struct Slots<H>(Mutex<Held<H>>);

/// The slots, for the time of giving one: a walk over those that are held, never across an await.
pub struct Giving<'a, H> {
    of: &'a Arc<Slots<H>>,
    held: MutexGuard<'a, Held<H>>,
}

/// By number, so that the oldest comes first.
#[derive(Debug)]
struct Held<H> {
    next: u64,
    by_number: BTreeMap<u64, Arc<Occupied<H>>>,
}

#[derive(Debug)]
struct Occupied<H> {
    holder: H,
    displaced: Notify,
}

/// A slot, given back when dropped.
#[derive(Debug)]
pub struct Slot<H> {
    number: u64,
    occupied: Arc<Occupied<H>>,
    of: Arc<Slots<H>>,
}

impl<H> Default for Slots<H> {
    fn default() -> Self {
        Self(Mutex::new(Held {
            next: 0,
            by_number: BTreeMap::new(),
        }))
    }
}

impl<H: Holder> Slots<H> {
    /// Begins to give a slot; nobody else does meanwhile.
    pub fn give(self: &Arc<Self>) -> Giving<'_, H> {
        Giving {
            of: self,
            held: self.lock(),
        }
    }
}

impl<H> Slots<H> {
    fn lock(&self) -> MutexGuard<'_, Held<H>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Holder> Giving<'_, H> {
    /// How many are held by those that `count`.
    pub fn held_by(&self, count: impl Fn(&H) -> bool) -> usize {
        let holders = self.held.by_number.values();
        holders.filter(|slot| count(&slot.holder)).count()
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.held.by_number.len()
    }

    /// Takes the slot of one of those that `may` be displaced: the least at stake, there the most crowded source's, and
    /// of that the oldest. `None` where there is none.
    pub fn displace(&mut self, may: impl Fn(&H) -> bool) -> Option<()> {
        let candidates = || {
            let slots = self.held.by_number.iter();
            slots.filter_map(|(number, slot)| {
                let holder = &slot.holder;
                let stake = holder.stake().filter(|_| may(holder))?;
                Some((stake, *number, holder.source()))
            })
        };
        let least = candidates().map(|(stake, ..)| stake).min()?;
        let at_least = || candidates().filter(|(stake, ..)| *stake == least);
        let mut crowds: HashMap<Option<&H::Source>, usize> = HashMap::new();
        for (_, _, source) in at_least() {
            *crowds.entry(source).or_default() += 1;
        }
        let most = crowds.values().copied().max()?;
        let (_, number, _) = at_least().find(|(_, _, source)| crowds[source] == most)?;
        let slot = self.held.by_number.remove(&number)?;
        slot.displaced.notify_one();
        Some(())
    }

    /// Gives a slot to `holder`.
    pub fn to(mut self, holder: H) -> Slot<H> {
        let number = self.held.next;
        self.held.next += 1;
        let occupied = Arc::new(Occupied {
            holder,
            displaced: Notify::new(),
        });
        self.held.by_number.insert(number, occupied.clone());
        Slot {
            number,
            occupied,
            of: self.of.clone(),
        }
    }
}

impl<H> Slot<H> {
    /// Returns when somebody else has got this slot.
    pub async fn displaced(&self) {
        self.occupied.displaced.notified().await;
    }
}

impl<H> Deref for Slot<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.occupied.holder
    }
}

impl<H> Drop for Slot<H> {
    fn drop(&mut self) {
        self.of.lock().by_number.remove(&self.number);
    }
}
