//! The doors: where a person's bytes come in and a screen's bytes go out, and the page of the letters' links.

pub mod beside;
pub mod console;
pub mod host;
pub mod keys;
pub mod kiosk;
pub mod signals;
pub mod ssh;
pub mod training;
pub mod web;
