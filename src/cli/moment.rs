//! A moment as commands tell it to people: by the office's clock, with the name of its zone.

use std::fmt::Display;

use jiff::Timestamp;

use crate::domain::calendar::Zone;

/// `2020-08-13 08:53:05 WIB`. `audit search` takes it back.
pub fn shown(at: Timestamp, zone: Zone) -> impl Display + use<> {
    format!("{} {zone}", zone.civil(at).strftime("%Y-%m-%d %H:%M:%S"))
}
