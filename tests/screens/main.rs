//! The screens, drawn without a terminal: what they show, and that a camera reads what they draw.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod colours;
mod desk;
mod outline;
mod people;
mod pictures;
mod qr;
mod sheets;
