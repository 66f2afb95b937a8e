//! The doors: where a person's bytes come in and a screen's bytes go out, over this process's terminal, over SSH or from
//! another terminal of this machine; the page of the letters' links; the socket of commands; what operators and the system
//! that runs the program hear of it; and the process that hosts them all.

pub mod attach;
pub mod beside;
pub mod connections;
pub mod console;
pub mod doors;
pub mod host;
pub mod http;
pub mod keyboard;
pub mod keys;
pub mod kiosk;
pub mod lent;
pub mod log;
pub mod metrics;
pub mod places;
pub mod private_socket;
mod proxy;
mod rate;
pub mod rotation;
pub mod signals;
pub mod socket;
pub mod ssh;
pub mod supervisor;
pub mod training;
mod transport;
pub mod web;
