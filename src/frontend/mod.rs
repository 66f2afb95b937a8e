//! The doors: where a person's bytes come in and a screen's bytes go out.

pub mod console;
pub mod keys;
pub mod kiosk;
pub mod shutdown;
pub mod web;
