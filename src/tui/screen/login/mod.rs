//! The way in: from the menu by account and password to the code.

pub mod menu;
pub mod passcode;
pub mod password;
pub mod recovery;
pub mod user_id;
pub mod user_type;
