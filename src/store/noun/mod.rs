//! The nouns of the store, each written once over its contract.

pub mod accounts;
pub mod audit_heads;
pub mod find;
mod find_entries;
pub mod import;
pub mod node_records;
pub mod outbox;
pub mod reset_limits;
pub mod sealed;
pub mod settings;
pub mod throttles;
pub mod tickets;
pub mod visits;
