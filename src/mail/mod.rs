//! Letters to the owners of accounts: from facts to words, and from words to the office's mail server.
//!
//! - [`message`]: what a letter says, and its form on the wire.
//! - [`transport`]: one try to hand one letter over.
//!
//! When a try is made, and how often, is decided above this room.

pub mod message;
pub mod transport;
