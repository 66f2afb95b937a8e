//! Widgets: what screens are made of.

pub mod field;
pub mod form;
pub mod frame;
pub mod outline;
pub mod qr;
pub mod security_code;
pub mod sheet;
pub mod table;
