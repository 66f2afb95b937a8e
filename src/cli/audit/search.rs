//! `lpse-kiosk audit search`: the records that are asked for, and the times between which they are.

use std::ops::ControlFlow;

use clap::Args;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    files::{broken_off, files, output, tell_damaged},
    show::{Form, records},
};
use crate::{
    adapter::audit_log::reading,
    cli::{error::CliError, words::one_of},
    config::Config,
    domain::{
        AccountKey, Source, UserId, UserType,
        audit::{Act, AuditRecord, OutcomeWord},
        calendar::Zone,
        source::OwnPlace,
    },
};

/// Show the records that fit everything that is asked for, the oldest first
///
/// Days are days in the office's time zone; --until a day includes it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk audit search --account PPK30 --since 2026-11-01\n  \
        lpse-kiosk audit search --act login --outcome refused --since 2026-11-25T08:00:00+07:00\n  \
        lpse-kiosk audit search --from 203.0.113.5 --json | jq -r .account"
)]
pub struct SearchArguments {
    /// Only about this User ID, of either user type unless --type names one
    #[arg(long, value_name = "ID", value_parser = UserId::parse)]
    account: Option<UserId>,
    /// Only about accounts of this user type
    #[arg(long = "type", value_name = "TYPE", value_parser = one_of::<UserType, _>(UserType::ALL.map(UserType::as_str)), ignore_case = true)]
    user_type: Option<UserType>,
    /// Only this act
    #[arg(long, value_parser = one_of::<Act, _>(Act::ALL.map(Act::as_str)), hide_possible_values = true)]
    act: Option<Act>,
    /// Only what ended like this
    #[arg(long, value_parser = one_of::<OutcomeWord, _>(OutcomeWord::ALL.map(OutcomeWord::as_str)))]
    outcome: Option<OutcomeWord>,
    /// Only from this terminal or address, or of commands that this account of the machine ran
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// Only what this officer did
    #[arg(long, value_name = "ID", value_parser = UserId::parse)]
    by: Option<UserId>,
    #[command(flatten)]
    between: Between,
    /// Print JSON lines, as they stand in the log; times in UTC
    #[arg(long)]
    json: bool,
}

/// Between which times.
#[derive(Debug, Args)]
pub struct Between {
    /// From this day or moment on: 2026-11-25, or "2026-11-25 08:00:00 WIB", or 2026-11-25T08:00:00+07:00
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Up to this day, with the whole of it, or up to this moment
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    until: Option<When>,
}

/// A day of the calendar, or a moment.
#[derive(Debug, Clone, Copy)]
enum When {
    Day(Date),
    Moment(Timestamp),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(moment) = text.parse() {
            return Ok(Self::Moment(moment));
        }
        if let Some(moment) = Self::as_told(text) {
            return Ok(Self::Moment(moment));
        }
        // Without the offset a clock's time would be anybody's.
        match text.parse::<Date>() {
            Ok(day) if text.len() == "2026-11-25".len() => Ok(Self::Day(day)),
            _ => Err(
                "a day is written 2026-11-25, a moment \"2026-11-25 08:00:00 WIB\", 2026-11-25T08:00:00+07:00 or \
                 2026-11-25T01:00:00Z"
                    .into(),
            ),
        }
    }

    /// A moment as it stands in a listing of records: `2026-11-25 08:00:00 WIB`.
    fn as_told(text: &str) -> Option<Timestamp> {
        let (time, zone) = text.trim().rsplit_once(' ')?;
        Some(instant(time.parse().ok()?, zone.parse().ok()?))
    }
}

impl Between {
    /// Whether a moment is asked for.
    pub fn holds(&self, zone: Zone) -> impl Fn(Timestamp) -> bool + use<> {
        let since = self.since.map(|when| match when {
            When::Day(day) => midnight(day, zone),
            When::Moment(moment) => moment,
        });
        let until = self.until.map(|when| match when {
            When::Day(day) => midnight(day.tomorrow().unwrap_or(day), zone),
            When::Moment(moment) => moment,
        });
        move |at| since.is_none_or(|since| since <= at) && until.is_none_or(|until| at < until)
    }
}

/// The beginning of `day` by the office's clock.
fn midnight(day: Date, zone: Zone) -> Timestamp {
    instant(day.to_datetime(jiff::civil::Time::midnight()), zone)
}

/// When the office's clock shows `civil`.
fn instant(civil: DateTime, zone: Zone) -> Timestamp {
    let as_if_utc = |civil: DateTime| TimeZone::UTC.to_timestamp(civil).unwrap_or(Timestamp::MIN);
    let shown = as_if_utc(civil);
    // The zones are fixed: how far the clock is ahead is the same all the time.
    let ahead = shown.duration_until(as_if_utc(zone.civil(shown)));
    shown.checked_sub(ahead).unwrap_or(shown)
}

pub fn run(arguments: &SearchArguments, config: &Config) -> Result<(), CliError> {
    let files = files(&config.audit_file())?;
    let (form, zone) = (Form::of(arguments.json), config.zone);
    let is_between = arguments.between.holds(zone);
    let mut listing = records();
    let read = reading::forwards(&files, |record, line| {
        if is_between(record.at) && arguments.fits(&record) {
            let row = form.row(&record, line, zone);
            listing.add(row).map_err(output)?;
        }
        Ok(ControlFlow::Continue(()))
    });
    let damaged = read.map_err(|error| broken_off(&config.audit_file(), error))?;
    listing.flush()?;
    tell_damaged(damaged);
    let file = config.audit_file();
    form.end(listing, &format!("no record in {} fits", file.display()))
}

impl SearchArguments {
    fn fits(&self, record: &AuditRecord) -> bool {
        let has_id = |account: &Option<AccountKey>, id: &UserId| {
            account.as_ref().is_some_and(|key| key.user_id == *id)
        };
        let is_from = |source: &String| {
            if let Some(Source::Command(operator)) = Source::of_record(&record.from) {
                let place = OwnPlace::CommandLine.as_str();
                return record.from == *source
                    || [operator.name(), place].contains(&source.as_str());
            }
            let (_, place) = record.from.split_once(':').unwrap_or(("", &record.from));
            record.from == *source || place == source
        };
        self.account
            .as_ref()
            .is_none_or(|id| has_id(&record.account, id))
            && self.user_type.is_none_or(|user_type| {
                record
                    .account
                    .as_ref()
                    .is_some_and(|key| key.user_type == user_type)
            })
            && self.act.is_none_or(|act| record.act == act.as_str())
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
            && self.from.as_ref().is_none_or(is_from)
            && self.by.as_ref().is_none_or(|id| has_id(&record.by, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_of_the_office_and_a_moment_is_one_everywhere() {
        let between = |since: Option<&str>, until: Option<&str>| Between {
            since: since.map(|text| When::parse(text).unwrap()),
            until: until.map(|text| When::parse(text).unwrap()),
        };
        let day = between(Some("2020-08-13"), Some("2020-08-13")).holds(Zone::Wib);
        for (at, expected) in [
            ("2020-08-12T16:59:59.999Z", false),
            ("2020-08-12T17:00:00Z", true),
            ("2020-08-13T16:59:59.999Z", true),
            ("2020-08-13T17:00:00Z", false),
        ] {
            assert_eq!(day(at.parse().unwrap()), expected, "{at}");
        }
        let from = between(Some("2020-08-13T08:00:00+07:00"), None).holds(Zone::Wit);
        assert!(from("2020-08-13T01:00:00Z".parse().unwrap()));
        assert!(!from("2020-08-13T00:59:59Z".parse().unwrap()));
        let from = between(Some("2020-08-13 08:53:05 WIB"), None).holds(Zone::Wit);
        assert!(from("2020-08-13T01:53:05Z".parse().unwrap()));
        assert!(!from("2020-08-13T01:53:04Z".parse().unwrap()));
        for text in [
            "13-08-2020",
            "2020-08-13T08:00:00",
            "2020-08-13 08:00",
            "2020-08-13 08:00 CET",
            "kemarin",
            "",
        ] {
            assert!(When::parse(text).is_err(), "{text}");
        }
    }
}
