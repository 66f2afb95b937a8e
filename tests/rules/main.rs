//! The rules of the services, over a store in memory and a clock of the tests.

mod ceremony;
mod find;
mod officer;
mod outbox;
mod own_password;
mod recovery;
mod remote;
mod reset;
