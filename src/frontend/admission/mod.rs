//! Who is let in: how many at a time, who gives way, how often, and how many came and were turned away.

pub mod counts;
pub mod rate;
pub mod sessions;
pub mod slots;
