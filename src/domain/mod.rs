//! The rules themselves: no I/O, no clock, no randomness of their own, no async.
//!
//! Architecture invariant: everything in this room is a plain value or a pure function; time and random bytes come in
//! as parameters, so that every rule can be tested at any instant.

pub mod account;
pub mod activity;
pub mod admission;
pub mod audit;
pub mod authenticator;
pub mod calendar;
pub mod checkpoint;
pub mod durations;
pub mod find;
pub mod identity;
pub mod idle;
pub mod keyboard_code;
pub mod language;
pub mod letter;
pub mod login;
pub mod network;
pub mod officer;
pub mod operator;
pub mod palette;
pub mod passcode;
pub mod password;
pub mod policy;
pub mod provisioning;
pub mod recorded;
pub mod recovery;
pub mod refusal;
pub mod reset;
pub mod security_code;
pub mod source;
pub mod stranded;
pub mod throttle;
pub mod totp;
pub mod totp_counts;
pub mod word;

pub use account::{Account, Authenticator};
pub use activity::{Activity, ActivityKind};
pub use identity::{AccountKey, EmailAddress, PersonName, UserId, UserType};
pub use login::{
    Authenticated, AwaitingEnrollment, AwaitingPasscode, AwaitingPassword, Ceremony, Identified,
    Proved,
};
pub use passcode::Passcode;
pub use password::{IssuedPassword, PasswordHash, PlainPassword};
pub use policy::Policy;
pub use refusal::Refusal;
pub use source::{Source, SourceKey};
pub use totp::{Secret, TimeStep};
