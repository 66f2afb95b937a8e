//! The rules of the services, over a store in memory and a clock of the tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audited;
mod ceremony;
mod decision;
mod find;
mod officer;
mod outbox;
mod overview;
mod own_password;
mod phone_clock;
mod phones;
mod recovery;
mod remote;
mod reset;
mod survey;
