//! lpse-kiosk (map of the house: to be written with the rooms).
pub mod adapter;
pub mod domain;
pub mod ports;
pub mod service;
pub mod store;
pub mod tui;
pub mod vault;
