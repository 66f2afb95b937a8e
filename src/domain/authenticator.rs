//! An account's authenticator: the keys of TOTP, on their way to a phone or in force on one.

use std::fmt;

use jiff::Timestamp;

use super::{
    identity::PhoneName,
    totp::{AcceptedStep, Drift, SpentSteps, TimeStep},
};

/// A TOTP secret as it is kept: encrypted and authenticated under the master key, bound to its account.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Which master key sealed it.
    pub key_id: String,
    /// 24 bytes, random.
    pub nonce: Vec<u8>,
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret(key {})", self.key_id)
    }
}

/// A key of an account, on a phone or on its way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpKey {
    pub secret: SealedSecret,
    /// Since when it is what it is: shown, or in force.
    pub since: Timestamp,
    /// Another key has made other codes, so these go with it.
    pub spent: SpentSteps,
    /// When a code of it was accepted last; `None` where that was not recorded yet.
    pub last_used: Option<Timestamp>,
    /// What the clock of its phone showed when that was last seen, where it was off. It is told, and moves no window.
    pub clock: Option<PhoneClock>,
}

/// How far the clock of a phone was off when two codes of it let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneClock {
    pub drift: Drift,
    pub seen: Timestamp,
}

impl TotpKey {
    /// A key that was made `now`; no code of it has been accepted.
    pub fn new(secret: SealedSecret, now: Timestamp) -> Self {
        Self {
            secret,
            since: now,
            spent: SpentSteps::default(),
            last_used: None,
            clock: None,
        }
    }

    /// The same, in force from `now` on.
    fn proved(&self, now: Timestamp) -> Self {
        Self {
            since: now,
            ..self.clone()
        }
    }

    /// Takes note of what is accepted `now`: its steps are spent, and the phone's clock is what they tell.
    pub fn accept(&mut self, accepted: &AcceptedStep, now: Timestamp) {
        for step in accepted.steps() {
            self.spent.spend(step, now);
        }
        self.last_used = Some(now);
        let clock = |drift| PhoneClock { drift, seen: now };
        self.clock = accepted.drift().map(clock);
    }
}

/// Which of an account's two phones: each keeps its number while the other comes and goes, and a third takes the one that
/// has become free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ordinal {
    First,
    Second,
}

impl Ordinal {
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// The one of that number, if there is one.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.number() == number)
    }

    fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A phone: its key, and what its owner knows it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    pub ordinal: Ordinal,
    /// As its owner has named it, if so.
    pub name: Option<PhoneName>,
    pub key: TotpKey,
}

impl Phone {
    fn seen(&self) -> PhoneSeen {
        PhoneSeen {
            ordinal: self.ordinal,
            name: self.name.clone(),
            since: self.key.since,
            last_used: self.key.last_used,
        }
    }

    /// The phone of an account that has no other.
    pub fn first(key: TotpKey) -> Self {
        Self {
            ordinal: Ordinal::First,
            name: None,
            key,
        }
    }
}

/// A phone without its key, as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneSeen {
    pub ordinal: Ordinal,
    pub name: Option<PhoneName>,
    pub since: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// The phones of an account, of which each lets in: one, or two. While there is one, the key of a second may be on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phones {
    /// One or two, in the order of their numbers, which differ.
    in_force: Vec<Phone>,
    /// Its key was shown, but no code has proved yet that it is there. Nobody is let in by it, or asked for it. Only while
    /// there is one in force, and under the number that is free.
    adding: Option<Phone>,
}

impl Phones {
    /// At most so many phones let in to one account.
    pub const MOST: usize = 2;

    /// The phones `in_force`, and one whose key is on its way. `None` where there cannot be such.
    pub fn new(mut in_force: Vec<Phone>, adding: Option<Phone>) -> Option<Self> {
        in_force.sort_by_key(|phone| phone.ordinal);
        let mut numbers: Vec<Ordinal> = in_force.iter().map(|phone| phone.ordinal).collect();
        numbers.extend(adding.as_ref().map(|phone| phone.ordinal));
        numbers.sort_unstable();
        numbers.dedup();
        let all = in_force.len() + usize::from(adding.is_some());
        let can_be = !in_force.is_empty() && all <= Self::MOST && numbers.len() == all;
        can_be.then_some(Self { in_force, adding })
    }

    /// Those that let in, in the order of their numbers.
    pub fn in_force(&self) -> &[Phone] {
        &self.in_force
    }

    /// The phone whose key is on its way.
    pub fn adding(&self) -> Option<&Phone> {
        self.adding.as_ref()
    }

    /// Puts a key on its way to a second phone, in the place of one that did not arrive. `false`, and nothing changed, where
    /// there are two.
    pub fn add(&mut self, key: TotpKey, name: Option<PhoneName>) -> bool {
        let [phone] = self.in_force.as_slice() else {
            return false;
        };
        self.adding = Some(Phone {
            ordinal: phone.ordinal.other(),
            name,
            key,
        });
        true
    }

    /// Puts the key that is on its way in force, `now` that a code has proved it. `false` where there is none.
    pub fn prove(&mut self, now: Timestamp) -> bool {
        let Some(phone) = self.adding.take() else {
            return false;
        };
        self.in_force.push(Phone {
            key: phone.key.proved(now),
            ..phone
        });
        self.in_force.sort_by_key(|phone| phone.ordinal);
        true
    }

    /// Takes away that of two phones which was `seen`, and not one that has come under its number since. `false`, and nothing
    /// changed, where it is not there or is the last.
    pub fn remove(&mut self, seen: &PhoneSeen) -> bool {
        // Whole milliseconds, as records keep them: it may have been seen before it was stored.
        let since = seen.since.as_millisecond();
        let is_it = |phone: &Phone| {
            phone.ordinal == seen.ordinal && phone.key.since.as_millisecond() == since
        };
        if self.in_force.len() < Self::MOST || !self.in_force.iter().any(is_it) {
            return false;
        }
        self.in_force.retain(|phone| !is_it(phone));
        true
    }

    /// Since when there has been one that lets in, of those that are left.
    fn since(&self) -> Timestamp {
        let sinces = self.in_force.iter().map(|phone| phone.key.since);
        sinces.min().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The state of an account's TOTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Authenticator {
    /// TOTP is off.
    #[default]
    Absent,
    /// A key was shown, but no code has proved yet that it reached a phone.
    Pending(TotpKey),
    /// A code has proved each key that is in force.
    Active(Phones),
}

/// The keys of which a code is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Any that lets in, or the one that is about to, if there is no other.
    Any,
    /// The one that is on its way to a second phone.
    Adding,
}

impl Authenticator {
    pub fn state(&self) -> TotpState {
        match self {
            Self::Absent => TotpState::Off,
            Self::Pending(key) => TotpState::Pending { since: key.since },
            Self::Active(phones) => TotpState::Active {
                since: phones.since(),
            },
        }
    }

    /// The phones that let in.
    pub fn phones(&self) -> &[Phone] {
        match self {
            Self::Absent | Self::Pending(_) => &[],
            Self::Active(phones) => phones.in_force(),
        }
    }

    /// The same, without their keys.
    pub fn phones_seen(&self) -> Vec<PhoneSeen> {
        self.phones().iter().map(Phone::seen).collect()
    }

    /// The phones that let in and the one on its way, to be changed.
    pub fn phones_mut(&mut self) -> Option<&mut Phones> {
        match self {
            Self::Absent | Self::Pending(_) => None,
            Self::Active(phones) => Some(phones),
        }
    }

    /// The keys of which a code is `wanted`.
    pub fn keys(&self, wanted: Wanted) -> Vec<&TotpKey> {
        match (self, wanted) {
            (Self::Pending(key), Wanted::Any) => vec![key],
            (Self::Active(phones), Wanted::Any) => keys_of(&phones.in_force),
            (Self::Active(phones), Wanted::Adding) => keys_of(&phones.adding),
            (Self::Absent, _) | (Self::Pending(_), Wanted::Adding) => Vec::new(),
        }
    }

    /// Takes note of a code that was accepted `now`: spends its step in the key that stands at `place` of [`Self::keys`].
    pub fn accept(
        &mut self,
        wanted: Wanted,
        place: usize,
        accepted: &AcceptedStep,
        now: Timestamp,
    ) {
        let key = match (self, wanted) {
            (Self::Pending(key), Wanted::Any) => Some(key),
            (Self::Active(phones), Wanted::Any) => {
                phones.in_force.get_mut(place).map(|phone| &mut phone.key)
            }
            (Self::Active(phones), Wanted::Adding) => {
                phones.adding.as_mut().map(|phone| &mut phone.key)
            }
            (Self::Absent, _) | (Self::Pending(_), Wanted::Adding) => None,
        };
        if let Some(key) = key {
            key.accept(accepted, now);
        }
    }

    /// Every key there is, in force or on its way: each is sealed anew, and each has its steps spent by a restore.
    pub fn every_key_mut(&mut self) -> Vec<&mut TotpKey> {
        match self {
            Self::Absent => Vec::new(),
            Self::Pending(key) => vec![key],
            Self::Active(Phones { in_force, adding }) => {
                let phones = in_force.iter_mut().chain(adding);
                phones.map(|phone| &mut phone.key).collect()
            }
        }
    }

    /// Puts a pending key in force, `now` that a code has proved it. `false` where there is none.
    pub fn prove(&mut self, now: Timestamp) -> bool {
        let Self::Pending(key) = self else {
            return false;
        };
        *self = Self::Active(Phones {
            in_force: vec![Phone::first(key.proved(now))],
            adding: None,
        });
        true
    }

    /// The greatest step of which a code was accepted, of any key that is asked for.
    pub fn last_step(&self) -> Option<TimeStep> {
        let keys = self.keys(Wanted::Any).into_iter();
        keys.filter_map(|key| key.spent.greatest()).max()
    }

    /// Until when a phone may show a code that is spent, of any key that is asked for.
    pub fn shown_until(&self, now: Timestamp) -> Option<Timestamp> {
        let keys = self.keys(Wanted::Any).into_iter();
        keys.filter_map(|key| key.spent.shown_until(now)).max()
    }

    /// What the clock of a phone showed when one was last seen that was off.
    pub fn phone_clock(&self) -> Option<PhoneClock> {
        let clocks = self.phones().iter().filter_map(|phone| phone.key.clock);
        clocks.max_by_key(|clock| clock.seen)
    }

    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active(_))
    }
}

fn keys_of<'a>(phones: impl IntoIterator<Item = &'a Phone>) -> Vec<&'a TotpKey> {
    phones.into_iter().map(|phone| &phone.key).collect()
}

/// The state of an account's TOTP without its secret, as people are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpState {
    Off,
    Pending { since: Timestamp },
    Active { since: Timestamp },
}
