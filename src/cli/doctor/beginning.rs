//! Whether the store is younger than what the audit log tells: begun anew lately, in the place of one that was gone.

use std::{ops::ControlFlow, time::Duration};

use jiff::Timestamp;

use super::finding::Finding;
use crate::{
    adapter::audit_trail::AuditTrailFiles,
    cli::moment,
    config::Config,
    domain::{
        audit::{Act, AuditRecord, OutcomeWord},
        calendar::Zone,
        recorded::elapsed,
    },
    ports::{AuditError, AuditTrail},
};

const NAME: &str = "beginning";

/// After so many days whoever looks knows it, and `audit verify` still says it.
const DAYS: u64 = 30;

/// Records read at once.
const PAGE: usize = 1000;

pub async fn examine(now: Timestamp, config: &Config) -> Finding {
    let trail = AuditTrailFiles::new(&config.audit_file());
    match begun(&trail, now).await {
        Ok(begun) => judge(begun.as_ref(), config.zone),
        // What is wrong with the log, other checks tell.
        Err(_) => Finding::ok(NAME, "not looked at: the audit log cannot be read"),
    }
}

/// The record that says that the store was begun anew, if that was lately and nothing was brought back since.
async fn begun(trail: &dyn AuditTrail, now: Timestamp) -> Result<Option<AuditRecord>, AuditError> {
    let mut before = None;
    loop {
        let page = trail.newest(before, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        before = Some(last.seq);
        for record in page {
            if let ControlFlow::Break(begun) = tells(record, now) {
                return Ok(begun);
            }
        }
    }
}

/// What a record, met on the way back, says about the store's beginning.
fn tells(record: AuditRecord, now: Timestamp) -> ControlFlow<Option<AuditRecord>> {
    let is_done = |act: Act| record.act == act.as_str() && record.outcome == OutcomeWord::Done;
    if elapsed(record.at, now) > Duration::from_secs(DAYS * 24 * 60 * 60) || is_done(Act::Restore) {
        return ControlFlow::Break(None);
    }
    match is_done(Act::BeginStore) {
        true => ControlFlow::Break(Some(record)),
        false => ControlFlow::Continue(()),
    }
}

fn judge(begun: Option<&AuditRecord>, zone: Zone) -> Finding {
    let Some(AuditRecord { seq, at, .. }) = begun else {
        return Finding::ok(
            NAME,
            format!("in the last {DAYS} days no empty store took the place of one that was gone"),
        );
    };
    Finding::warning(
        NAME,
        format!(
            "the store is younger than the audit log: an empty one was begun on {}, says record {seq}, and no account or policy \
             of before is in it",
            moment::shown(*at, zone)
        ),
        format!(
            "Where there is a backup of before, bring it back with `lpse-kiosk restore` into another data folder, and go on with \
             that. Where there is none, `lpse-kiosk audit verify --from {seq}` acknowledges it; this is told for {DAYS} days."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn a_beginning_is_told_for_thirty_days_unless_something_was_brought_back_since() {
        let now: Timestamp = "2020-08-13T01:53:05Z".parse().unwrap();
        let record = |act: Act, outcome: OutcomeWord, at: &str| AuditRecord {
            seq: 7,
            at: at.parse().unwrap(),
            act: act.as_str().to_owned(),
            outcome,
            reason: None,
            account: None,
            by: None,
            from: "command:siti".to_owned(),
            detail: None,
        };
        let (done, meant) = (OutcomeWord::Done, OutcomeWord::Intended);
        let lately = "2020-07-14T01:53:05Z";
        let told = |act, outcome, at| tells(record(act, outcome, at), now);
        let ControlFlow::Break(Some(begun)) = told(Act::BeginStore, done, lately) else {
            panic!("a beginning is one");
        };
        let judged = judge(Some(&begun), Zone::Wib);
        assert_eq!(judged.status, Status::Warning);
        let way = judged.what_to_do.unwrap();
        assert!(way.contains("audit verify --from 7"), "{way}");
        let none = ControlFlow::Break(None);
        for at in ["2020-07-14T01:53:04Z", "2018-01-01T00:00:00Z"] {
            assert_eq!(told(Act::BeginStore, done, at), none, "{at} is long ago");
        }
        assert_eq!(told(Act::Restore, done, lately), none);
        for (act, outcome) in [(Act::Restore, meant), (Act::Backup, done)] {
            let on = ControlFlow::Continue(());
            assert_eq!(told(act, outcome, lately), on, "{act:?}");
        }
        assert_eq!(judge(None, Zone::Wib).status, Status::Ok);
    }
}
