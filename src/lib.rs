//! lpse-kiosk (map of the house: to be written with the rooms).
pub mod store;
