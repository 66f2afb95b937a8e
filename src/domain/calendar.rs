//! Dates as people in Indonesia write them: `13 Agustus 2020 08:53 WIB`.
//!
//! Indonesia has three zones of fixed offset and no summer time, so no time-zone database is needed.

use std::str::FromStr;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::word::words;

words! {
    /// One of Indonesia's three time zones.
    #[derive(Default)]
    pub enum Zone {
        /// Western, UTC+7.
        #[default]
        Wib = "WIB",
        /// Central, UTC+8.
        Wita = "WITA",
        /// Eastern, UTC+9.
        Wit = "WIT",
    }
}

impl Zone {
    /// The civil date and time of `instant` in this zone.
    pub fn civil(self, instant: Timestamp) -> DateTime {
        let hours = match self {
            Self::Wib => 7,
            Self::Wita => 8,
            Self::Wit => 9,
        };
        TimeZone::fixed(Offset::constant(hours)).to_datetime(instant)
    }
}

/// The text names none of the three zones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the zone is one of WIB, WITA, WIT")]
pub struct UnknownZone;

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        Self::ALL
            .into_iter()
            .find(|zone| zone.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownZone)
    }
}

/// The twelve month names of a language, January first.
pub type MonthNames = [String; 12];

/// `13 Agustus 2020 08:53 WIB`.
pub fn date_and_minute(instant: Timestamp, zone: Zone, months: &MonthNames) -> String {
    let date = date(instant, zone, months);
    format!("{date} {}", minute(instant, zone))
}

/// `08:53 WIB`.
pub fn minute(instant: Timestamp, zone: Zone) -> String {
    let civil = zone.civil(instant);
    format!("{:02}:{:02} {zone}", civil.hour(), civil.minute())
}

/// `13 Agu 2020 08:53`, for a table whose head names the zone.
pub fn short_date_and_minute(instant: Timestamp, zone: Zone, months: &MonthNames) -> String {
    let civil = zone.civil(instant);
    let month = month(civil, months).chars().take(3).collect::<String>();
    format!(
        "{:>2} {month} {} {:02}:{:02}",
        civil.day(),
        civil.year(),
        civil.hour(),
        civil.minute()
    )
}

/// `13 Agustus 2020 08:53:07 WIB`, for a record that is looked at closely.
pub fn date_and_second(instant: Timestamp, zone: Zone, months: &MonthNames) -> String {
    let time = time_with_seconds(instant, zone);
    format!("{} {time}", date(instant, zone, months))
}

/// `08:53:07 WIB`, to compare with a phone.
pub fn time_with_seconds(instant: Timestamp, zone: Zone) -> String {
    let civil = zone.civil(instant);
    format!(
        "{:02}:{:02}:{:02} {zone}",
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}

/// `13 Agustus 2020`.
pub fn date(instant: Timestamp, zone: Zone, months: &MonthNames) -> String {
    let civil = zone.civil(instant);
    let month = month(civil, months);
    format!("{} {month} {}", civil.day(), civil.year())
}

fn month(civil: DateTime, months: &MonthNames) -> &str {
    let month = usize::try_from(civil.month() - 1).expect("months count from one");
    &months[month]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_as_people_write_it() {
        let months = [
            "Januari",
            "Februari",
            "Maret",
            "April",
            "Mei",
            "Juni",
            "Juli",
            "Agustus",
            "September",
            "Oktober",
            "November",
            "Desember",
        ]
        .map(str::to_owned);
        let instant: Timestamp = "2020-08-13T01:53:07Z".parse().unwrap();
        assert_eq!(
            date_and_minute(instant, Zone::Wib, &months),
            "13 Agustus 2020 08:53 WIB"
        );
        assert_eq!(
            date_and_minute(instant, Zone::Wit, &months),
            "13 Agustus 2020 10:53 WIT"
        );
        assert_eq!(time_with_seconds(instant, Zone::Wita), "09:53:07 WITA");
        assert_eq!(
            short_date_and_minute(instant, Zone::Wib, &months),
            "13 Agu 2020 08:53"
        );
        assert_eq!(
            date_and_second(instant, Zone::Wib, &months),
            "13 Agustus 2020 08:53:07 WIB"
        );
    }
}
