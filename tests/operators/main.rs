//! What operators do: commands, settings, manuals, the package.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod at_a_shell;
mod audit;
mod backup;
mod beside;
mod checkpoints;
mod cli;
mod completed;
mod config;
mod doctor;
mod keys;
mod manual;
mod manual_pages;
mod monitoring;
mod operations;
mod owner;
mod package;
