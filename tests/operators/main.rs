//! What operators do: commands, settings, manuals, the package.

mod audit;
mod backup;
mod beside;
mod cli;
mod config;
mod doctor;
mod keys;
mod manual;
mod operations;
mod package;
mod readme;
