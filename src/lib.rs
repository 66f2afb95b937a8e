//! lpse-kiosk: login and TOTP self-service for SPSE users, on a terminal.
//!
//! The map of the program, from the ground up. Imports only go down.
//!
//! - [`domain`]: the rules. Pure; time and randomness are parameters.
//! - [`config`]: one validated configuration.
//! - [`ports`]: what services need of the world besides storage.
//! - [`kill_point`]: where tests kill work that must survive it.
//! - [`vault`]: sealing and opening secrets.
//! - [`store`]: one conditional commit on keys and bytes, the nouns above it, the engines below it.
//! - [`adapter`]: the outer ends of the ports.
//! - [`mail`]: letters to the owners of accounts: their words, and their way to the mail server.
//! - [`service`]: one file per person's intent: throttle, judge, store, record.
//! - [`assembly`]: from a configuration to running services; names the concrete parts.
//! - [`tui`]: the screens, after Elm: event in, effect out. Pure.
//! - [`session`]: one person at one terminal.
//! - [`frontend`]: the doors: this process's terminal, SSH, other terminals of this machine, the reset page on the web, the
//!   socket of commands; and what operators hear of them.
//! - [`daemon`]: the process that hosts them all, from its start to its end.
//! - [`cli`]: the command line.
//!
//! A key press goes `frontend` (bytes to keys) → `session` (one order of events) → `tui` (model changes, an effect
//! comes out) → `session::effects` → `service` → `domain` and a commit in `store` → a reply the same way back → the
//! next frame. A letter that somebody's act makes necessary goes into the store with that act, in one commit; the courier
//! of [`mail`] takes it from there, and its link comes back in at `frontend::web`.
//!
//! A command that finds a process holding the store works on [`store::remote`] instead, by way of that process's
//! `frontend::command_socket`; everything above the store is the same.

// Screens and answers have their own ways out; a line beside them would tear a screen, or break what a script reads.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod domain;

pub mod config;
pub mod kill_point;
pub mod ports;

pub mod vault;

pub mod store;

pub mod adapter;
pub mod mail;
pub mod service;

pub mod assembly;

pub mod tui;

pub mod session;

pub mod frontend;

pub mod daemon;

pub mod cli;
