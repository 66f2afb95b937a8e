//! Terminals: this process's own, and the keys, the typing and the signals that come from any.

pub mod console;
pub mod keyboard;
pub mod keys;
pub mod signals;
