//! Letters to the owners of accounts: from facts to words, and from words to the office's mail server.
//!
//! - [`message`]: what a letter says, and its form on the wire.
//! - [`transport`]: one try to hand one letter over.
//! - [`courier`]: when a try is made, and how often.
//! - [`inbox`]: where letters go in training mode.

pub mod courier;
pub mod inbox;
pub mod message;
pub mod transport;
