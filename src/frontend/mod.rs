//! The doors: where a person's bytes come in and a screen's bytes go out, the page of the letters' links, and what
//! operators and the system that runs the program hear of it.

pub mod beside;
pub mod console;
pub mod doors;
pub mod http;
pub mod keys;
pub mod kiosk;
pub mod log;
pub mod metrics;
pub mod shutdown;
pub mod supervisor;
pub mod training;
pub mod web;
