//! Engines below the contract of the store, and the one committer over them.

pub mod committer;
mod contract;
pub mod file_digest;
pub mod inventory;
pub mod memory;
pub mod opening;
mod redb;
mod sled;
