//! Where everything is kept: one small trait, and what every backend promises behind it.
//!
//! The only write there is is a [`Commit`]: *these keys still hold exactly these bytes, so write these*. "Once"
//! (one acceptance of a code, one use of a ticket) therefore holds across sessions, processes and machines, on any
//! backend: the comparison is of values, which a sled transaction, a redb write transaction and an etcd `Txn` can all do.
//!
//! Architecture invariant: nothing above this room sees bytes or keys. Nouns ([`accounts`], [`audit_heads`], [`desk_acts`],
//! [`find`], [`import`], [`node_records`], [`outbox`], [`reset_limits`], [`sealed`], [`settings`], [`stranded`], [`throttles`],
//! [`tickets`], [`totp_counts`], [`visits`]) are written once over the contract ([`Store`]); [`key`] is the only place that spells keys and [`record`] the
//! only place that knows the stored form. [`tagged`] stands between them and whatever keeps the bytes, and lets nothing pass
//! that this program has not written; [`counted`] has accounts counted in what passes. An embedded [`engine`] is opened by [`open()`], and holds what its inventory says, or
//! is not opened. [`remote`] is the store of another process, for commands that run beside it; [`backup`] is the form in
//! which a store leaves its machine, [`copy`] the way from one engine to another, and [`check`] a walk over all of it.

pub mod away;
pub mod backup;
pub mod check;
mod contract;
pub mod copy;
pub mod counted;
pub mod engine;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod folder;
pub mod health;
pub mod key;
pub mod nodes;
mod noun;
mod open;
pub mod record;
pub mod remote;
pub mod snapshot;
pub mod tagged;

pub use crate::config::StoreKind;
pub use contract::{
    Altered, Change, Changes, Commit, HeldKeys, Outcome, Part, PartialPage, Snapshot, Store,
    StoreError, TotpChange, Turn, Value, Work, holds, page_around_altered,
};
pub use key::Key;
pub use noun::{
    accounts, audit_heads, desk_acts, find, import, node_records, outbox, reset_limits, sealed,
    settings, stranded, throttles, tickets, totp_counts, visits,
};
pub use open::{ONLY_NODE, Opened, examine, is_there, open, open_in};
