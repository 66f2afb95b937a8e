//! Widgets: what screens are made of.

pub mod digits;
pub mod field;
pub mod filter;
pub mod form;
pub mod frame;
pub mod outline;
pub mod panel;
pub mod qr;
pub mod security_code;
pub mod sheet;
pub mod table;
