//! A refusal: why somebody did not get what they asked for, as far as they may know. Services give it, screens say it.
//!
//! It is the outward half. The true reason goes to the audit log ([`super::audit`]) and nowhere else, so nothing here tells a
//! wrong password from an unknown User ID.

use std::time::Duration;

use super::{password::PasswordRuleError, reset::Void, totp::Drift};

/// Why a request led nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong (whatever was wrong about it), with the time until the next try is judged.
    Rejected { wait: Duration },
    /// A wrong code, where the office's own clock may be what is wrong: nobody is sent to their phone. With the time until the
    /// next try is judged.
    ClockInDoubt { wait: Duration },
    /// Wrong, or not looked at, because many wrong ones came from the same place. Which of them, nobody is told: a right one
    /// is to be tried once more after the wait.
    Crowded { wait: Duration },
    /// Not judged, because it came too early.
    Wait(Duration),
    /// The authenticator is held until it is reset.
    Held,
    /// The login that asked is no longer valid.
    Ended,
    /// An officer has suspended the account.
    Suspended,
    /// The code was right, but of another time, of which the phone's clock is. Told only to somebody who has seen the key.
    PhoneClock(Drift),
    /// The same, where the office's own clock may be the one that is wrong.
    OfficeClock,
    /// The act wants a code that is not older than five minutes.
    FreshPasscodeWanted,
    /// What was typed as the present password is not. With the time until the next try is judged.
    CurrentRejected { wait: Duration },
    /// The present password was not judged: too early after the failures before.
    CurrentWait(Duration),
    /// The new password may not be one.
    NewPassword(PasswordRuleError),
    /// The rules have no recovery codes any more, or the account has no phone that they would stand in for.
    RecoveryCodesOff,
    /// The account's phones are no longer those that were chosen from, or there is no room for another.
    PhonesChanged,
    /// The picture was read wrongly, or too late.
    SecurityCode,
    /// The link or the short code resets nothing.
    ResetVoid(Void),
    /// Too many passwords wait to be checked; try again.
    Busy,
    /// The store cannot be written or read now. Nothing was granted, nothing changed.
    Unavailable,
    /// The store has moved, or is being copied or restored: nobody is served here.
    Away,
    /// The store went away while it was written: nothing was granted, but something may have changed.
    Unknown,
}

impl Refusal {
    /// Whether the login of whoever is told so is over.
    pub fn ends_login(self) -> bool {
        matches!(self, Self::Ended | Self::Suspended)
    }
}
