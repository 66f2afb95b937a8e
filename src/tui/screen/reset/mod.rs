//! The way of a reset: asked for, sent by letter, confirmed, done; and training mode's letters.

pub mod inbox;
pub mod reset_confirm;
pub mod reset_done;
pub mod reset_request;
pub mod reset_sent;

/// The steps of a reset by letter: asking for it, the letter, what it brings.
const STEPS: usize = 3;
