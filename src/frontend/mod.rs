//! The doors: where a person's bytes come in and a screen's bytes go out, the page of the letters' links,
//! and the socket of commands that run beside it all.

pub mod beside;
pub mod console;
pub mod keys;
pub mod kiosk;
pub mod shutdown;
pub mod socket;
pub mod training;
pub mod web;
