//! Admission: how many are let in at a time, who gives way, how often somebody may come, and how many did.

pub mod counts;
pub mod rate;
pub mod sessions;
pub mod slots;
