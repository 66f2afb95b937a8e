//! The assembly, from a configuration to running services: the only room that names concrete parts.

mod audit_log;
mod begin_anew;
pub mod cluster;
mod command;
mod data_folder;
mod error;
mod foundation;
pub mod held;
mod keys_held;
mod mail;
mod master_key;
mod members;
mod named_files;
mod node;
mod opening;
pub mod renewals;
mod restore;
mod running;
pub mod store_copy;
mod trace;
pub mod waiting;

pub use audit_log::{KnownLog, known_log};
pub use begin_anew::begin_anew;
pub use command::{AtHand, open_for_command, user_ids_beside};
pub use error::AssemblyError;
pub use mail::mail_server;
pub use master_key::KeySource;
pub use members::Members;
pub use node::{machine, node};
pub use restore::{OpenedForRestore, open_for_restore};
pub use running::{Opened, Vitals, open};
pub use trace::{place_of_store, trace_of_store};
