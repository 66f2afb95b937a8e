//! The nouns of the store, each written once over its contract.

pub mod accounts;
pub mod audit_heads;
pub mod desk_acts;
pub mod find;
mod find_entries;
pub mod import;
mod newest;
pub mod node_records;
pub mod outbox;
pub mod reset_limits;
pub mod sealed;
pub mod settings;
pub mod stranded;
mod stranded_entries;
pub mod throttles;
pub mod tickets;
pub mod totp_counts;
pub mod visits;
