//! The doors: where a person's bytes come in and a screen's bytes go out, over this process's terminal or over SSH; the
//! page of the letters' links; and the process that hosts them.

pub mod beside;
pub mod console;
pub mod host;
pub mod keys;
pub mod kiosk;
pub mod signals;
pub mod ssh;
pub mod training;
pub mod web;
