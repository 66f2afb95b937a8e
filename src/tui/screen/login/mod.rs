//! The way in: from the menu by account and password to the code.

pub mod menu;
pub mod passcode;
pub mod password;
pub mod recovery;
pub mod two_codes;
pub mod user_id;
pub mod user_type;

/// The steps of a login that a code is asked for: type, User ID, password, code.
const STEPS: usize = 4;
