//! What people do at the kiosk: the real program on a real pseudo-terminal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abuse;
mod activity;
mod enrollment;
mod full_disk;
mod leaving;
mod login;
mod officer;
mod own_password;
mod passcode;
mod phone_clock;
mod pictures;
mod policy;
mod prompt;
mod recording;
mod recovery;
mod reset;
mod second_phone;
mod second_process;
mod training;
