//! The doors: where a person's bytes come in and a screen's bytes go out, over this process's terminal, over SSH or from
//! another terminal of this machine; the page of the letters' links; the socket of commands; and what operators hear of
//! them.

pub mod admission;
mod app_settings;
pub mod attach;
pub mod command_socket;
pub mod guest;
pub mod http;
pub mod metrics;
pub mod private_socket;
mod proxy;
pub mod socket_file;
pub mod ssh;
pub mod terminal;
mod transport;
pub mod web;

pub use app_settings::app_settings;
