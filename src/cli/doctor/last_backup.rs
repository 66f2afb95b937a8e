//! Whether there is a backup to go back to, as far as the store knows.

use std::time::Duration;

use jiff::Timestamp;

use super::finding::Finding;
use crate::{
    cli::moment,
    domain::{calendar::Zone, recorded::elapsed},
};

const NAME: &str = "last-backup";

/// After so many days too much would have to be done again: who activated TOTP since then does it anew.
const DAYS: u64 = 30;

/// What is to be said where the store has so many `accounts`, and its last backup is as of `last`.
pub fn judge(accounts: u64, last: Option<Timestamp>, now: Timestamp, zone: Zone) -> Finding {
    let what_to_do = "Make one, `lpse-kiosk backup --new-key-file KEY FILE`, and keep both away from this machine, as well as the \
                      master key; then have a timer make one every day, with --key-file KEY --force.";
    let Some(last) = last else {
        return match accounts {
            0 => Finding::ok(NAME, "none yet, and there is no account to be lost"),
            _ => Finding::warning(
                NAME,
                "none was ever made of this store: without this disk, every account and activation is gone",
                what_to_do,
            ),
        };
    };
    let shown = moment::shown(last, zone);
    if elapsed(last, now) > Duration::from_secs(DAYS * 24 * 60 * 60) {
        return Finding::warning(
            NAME,
            format!("the last one is as of {shown}, more than {DAYS} days ago"),
            what_to_do,
        );
    }
    Finding::ok(NAME, format!("as of {shown}"))
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn a_store_with_accounts_wants_a_backup_of_the_last_thirty_days() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2020-08-13T01:53:05Z");
        for (accounts, last, status) in [
            (0, None, Status::Ok),
            (1, None, Status::Warning),
            (1, Some("2020-08-13T01:53:05Z"), Status::Ok),
            (1, Some("2020-07-14T01:53:05Z"), Status::Ok),
            (1, Some("2020-07-14T01:53:04Z"), Status::Warning),
            // Of a clock that was ahead.
            (1, Some("2020-09-01T00:00:00Z"), Status::Ok),
        ] {
            let judged = judge(accounts, last.map(at), now, Zone::Wib);
            assert_eq!(judged.status, status, "{accounts} {last:?} {judged:?}");
        }
    }
}
