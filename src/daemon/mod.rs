//! The process: what runs in it, from its start to its end, and what the system that started it hears.

mod background;
mod certified;
mod checkpoints;
mod error;
mod host;
mod invitation;
mod kiosk;
pub mod log;
mod metrics_door;
pub mod rotation;
pub mod run;
pub mod supervisor;
pub mod training;

pub use error::HostError;
