//! An account's authenticator: the keys of TOTP, on their way to a phone or in force on one.

use std::fmt;

use jiff::Timestamp;

use super::totp::{AcceptedStep, Drift, SpentSteps, TimeStep};

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
            clock: None,
        }
    }

    /// Takes note of what was accepted `now`: its steps are spent, and the phone's clock is what they tell.
    pub fn accept(&mut self, accepted: &AcceptedStep, now: Timestamp) {
        for step in accepted.steps() {
            self.spent.spend(step, now);
        }
        let clock = |drift| PhoneClock { drift, seen: now };
        self.clock = accepted.drift().map(clock);
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
    /// A code has proved the key; it is in force.
    Active(TotpKey),
}

impl Authenticator {
    pub fn secret(&self) -> Option<&SealedSecret> {
        match self {
            Self::Absent => None,
            Self::Pending(key) | Self::Active(key) => Some(&key.secret),
        }
    }

    pub fn state(&self) -> TotpState {
        match self {
            Self::Absent => TotpState::Off,
            Self::Pending(key) => TotpState::Pending { since: key.since },
            Self::Active(key) => TotpState::Active { since: key.since },
        }
    }

    /// The sealed secret, to be sealed anew.
    pub fn secret_mut(&mut self) -> Option<&mut SealedSecret> {
        match self {
            Self::Absent => None,
            Self::Pending(key) | Self::Active(key) => Some(&mut key.secret),
        }
    }

    /// The steps of the key whose codes are spent.
    pub fn spent(&self) -> Option<&SpentSteps> {
        match self {
            Self::Absent => None,
            Self::Pending(key) | Self::Active(key) => Some(&key.spent),
        }
    }

    /// The greatest step of the key whose code was accepted.
    pub fn last_step(&self) -> Option<TimeStep> {
        self.spent().and_then(SpentSteps::greatest)
    }

    pub fn key_mut(&mut self) -> Option<&mut TotpKey> {
        match self {
            Self::Absent => None,
            Self::Pending(key) | Self::Active(key) => Some(key),
        }
    }

    /// What the clock of the phone showed when that was last seen, where it was off.
    pub fn phone_clock(&self) -> Option<PhoneClock> {
        match self {
            Self::Active(key) => key.clock,
            Self::Absent | Self::Pending(_) => None,
        }
    }

    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active(_))
    }
}

/// The state of an account's TOTP without its secret, as people are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpState {
    Off,
    Pending { since: Timestamp },
    Active { since: Timestamp },
}

impl TotpState {
    /// Since when it is what it is, where there is a key.
    pub fn since(self) -> Option<Timestamp> {
        match self {
            Self::Off => None,
            Self::Pending { since } | Self::Active { since } => Some(since),
        }
    }
}
