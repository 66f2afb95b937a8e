//! How a log goes on: after an orderly end, after a kill, after somebody has changed it, and while it cannot be written.

use std::{fs, path::PathBuf, sync::Arc};

use tempfile::TempDir;

use super::{
    reading::Following,
    verification::{FaultKind, Question, Report, verify},
    *,
};
use crate::{
    adapter::clock::SystemClock,
    domain::{
        Source,
        audit::{Act, AuditOutcome, AuditRecord},
    },
};

/// A folder with a log, and how far that is known to have come.
struct Place {
    folder: TempDir,
    head: Option<AuditHead>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            head: None,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    fn files(&self) -> Files {
        Files::of(&self.file())
    }

    fn open(&self, rotate_bytes: u64) -> (AuditLog, Written) {
        let clock = Arc::new(SystemClock::start());
        AuditLog::open(&self.file(), rotate_bytes, clock, self.head).unwrap()
    }

    /// Opens the log, records `count` events, and ends in order.
    async fn record(&mut self, count: usize) {
        let (log, written) = self.open(u64::MAX);
        for number in 0..count {
            log.record(vec![event(number)]).await.unwrap();
        }
        drop(log);
        self.head = Some(ended(written).await);
    }

    fn verify(&self, from: Option<u64>) -> Report {
        let question = Question {
            from,
            head: self.head,
            ..Question::default()
        };
        verify(&self.files(), question).unwrap()
    }

    #[track_caller]
    fn is_whole(&self, last: u64) {
        let report = self.verify(None);
        assert_eq!(report.fault, None);
        assert_eq!(report.last, Some(last));
    }

    fn records(&self) -> Vec<AuditRecord> {
        let mut records = Vec::new();
        let each = |record, _: &[u8]| {
            records.push(record);
            Ok(std::ops::ControlFlow::Continue(()))
        };
        reading::forwards(&self.files(), each).unwrap();
        records
    }

    fn last(&self) -> AuditRecord {
        self.records().pop().unwrap()
    }
}

fn event(number: usize) -> AuditEvent {
    let from = Source::Console("loket-1".into());
    AuditEvent::new(Act::Login, AuditOutcome::Done, &from).saying(format!("event {number}"))
}

/// The last record, once everything is written.
async fn ended(mut written: Written) -> AuditHead {
    while written.changed().await.is_ok() {}
    *written.borrow()
}

#[tokio::test]
async fn the_chain_goes_on_over_starts_and_what_nobody_waits_for_is_recorded() {
    let mut place = Place::new();
    place.record(3).await;
    let (log, written) = place.open(u64::MAX);
    drop(log.record(vec![event(3), event(4)]));
    drop(log.record(vec![event(5)]));
    drop(log);
    let head = ended(written).await;
    assert_eq!(head.seq, 6);
    place.head = Some(head);
    place.is_whole(6);
    for (number, record) in place.records().iter().enumerate() {
        assert_eq!(record.detail, Some(format!("event {number}")));
    }
}

#[tokio::test]
async fn what_came_before_a_kill_and_is_not_known_yet_becomes_known() {
    let mut place = Place::new();
    place.record(3).await;
    place.head = None;
    let (log, mut written) = place.open(u64::MAX);
    written.changed().await.unwrap();
    assert_eq!(written.borrow().seq, 3);
    drop(log);
}

#[tokio::test]
async fn a_torn_line_is_cut_off_and_the_log_says_so() {
    for cut in [1, 30, 200] {
        let mut place = Place::new();
        place.record(3).await;
        // A fourth, killed in the middle of its write: nobody was answered.
        let mut line = Vec::new();
        let head = place.head.unwrap();
        line::append(&mut line, head, jiff::Timestamp::UNIX_EPOCH, &event(9));
        let mut bytes = fs::read(place.file()).unwrap();
        bytes.extend(&line[..cut]);
        fs::write(place.file(), bytes).unwrap();
        let report = place.verify(None);
        assert!(report.fault.is_none() && report.remarks[0].contains("unfinished"));
        place.record(1).await;
        place.is_whole(5);
        let said = &place.records()[3];
        assert_eq!(said.act, "resume-audit");
        let detail = said.detail.as_deref().unwrap();
        assert!(detail.contains(&format!("{cut} bytes")), "{detail}");
        assert!(!place.verify(None).remarks.is_empty());
    }
}

#[tokio::test]
async fn what_no_record_begins_with_is_a_fault_at_the_end_until_it_is_cut_off() {
    for end in [
        &b"\0"[..],
        &[0; 4096],
        b"{\"seq\":4,\"at\":\"2020-08-13T01\0\0\0",
        b"x",
        b"{\"act\":",
    ] {
        let mut place = Place::new();
        place.record(3).await;
        let whole = fs::read(place.file()).unwrap();
        fs::write(place.file(), [&whole[..], end].concat()).unwrap();
        let report = place.verify(None);
        let fault = report.fault.unwrap();
        assert_eq!((fault.seq, fault.kind), (4, FaultKind::ForeignEnd));
        assert_eq!(report.last, Some(3));
        assert_eq!(fault.place.unwrap().line, 4);
        place.record(1).await;
        place.is_whole(5);
        let cut = place.records()[3].detail.clone().unwrap();
        assert!(cut.contains("was cut off from the end"), "{cut}");
    }
}

#[tokio::test]
async fn a_line_without_its_end_is_a_record() {
    let mut place = Place::new();
    place.record(3).await;
    let bytes = fs::read(place.file()).unwrap();
    fs::write(place.file(), &bytes[..bytes.len() - 1]).unwrap();
    place.is_whole(3);
    place.record(1).await;
    place.is_whole(4);
    assert_eq!(place.last().detail.as_deref(), Some("event 0"));
}

#[tokio::test]
async fn what_looks_torn_and_was_acknowledged_is_missing_for_ever() {
    let mut place = Place::new();
    place.record(5).await;
    let bytes = fs::read(place.file()).unwrap();
    fs::write(place.file(), &bytes[..bytes.len() - 40]).unwrap();
    let fault = place.verify(None).fault.unwrap();
    assert_eq!((fault.seq, fault.kind), (5, FaultKind::CutOff { to: 5 }));
    for _ in 0..2 {
        place.record(1).await;
        let fault = place.verify(None).fault.unwrap();
        let told = fault.to_string();
        assert!(
            told.contains("record 5 is missing; record 6 states it"),
            "{told}"
        );
    }
    let torn = &place.records()[5];
    assert!(torn.detail.as_deref().unwrap().contains("unfinished line"));
    // Whoever knows of it looks at the rest.
    assert_eq!(place.verify(Some(6)).fault, None);
}

#[tokio::test]
async fn a_cut_off_end_and_an_older_file_put_back_are_stated_and_found_for_ever() {
    let mut place = Place::new();
    place.record(5).await;
    let older = fs::read(place.file()).unwrap();
    place.record(7).await;
    fs::write(place.file(), older).unwrap();
    let fault = place.verify(None).fault.unwrap();
    assert_eq!((fault.seq, fault.kind), (6, FaultKind::CutOff { to: 12 }));
    place.record(2).await;
    let report = place.verify(None);
    assert_eq!(report.last, Some(5));
    let fault = report.fault.unwrap();
    assert_eq!((fault.seq, fault.place.as_ref().unwrap().line), (6, 6));
    let told = fault.to_string();
    assert!(
        told.contains("records 6 to 12 are missing; record 13 states it")
            && told.contains("nobody has acknowledged"),
        "{told}"
    );
    let after = place.verify(Some(13));
    assert_eq!((after.fault, after.last), (None, Some(15)));
    // All of it gone.
    fs::remove_file(place.file()).unwrap();
    place.record(1).await;
    let fault = place.verify(None).fault.unwrap();
    assert_eq!(fault.kind, FaultKind::NoBeginning { begins_with: 16 });
    let fault = place.verify(Some(10)).fault.unwrap();
    assert!(matches!(
        fault.kind,
        FaultKind::Missing {
            to: 15,
            stated: Some(_)
        }
    ));
}

#[tokio::test]
async fn an_end_that_was_written_anew_is_found_though_its_chain_is_whole() {
    let mut place = Place::new();
    place.record(5).await;
    let five = fs::read(place.file()).unwrap();
    place.record(2).await;
    let known = place.head;
    fs::write(place.file(), five).unwrap();
    // Somebody with this very program, and without the store.
    place.head = None;
    place.record(6).await;
    place.head = known;
    let fault = place.verify(None).fault.unwrap();
    assert_eq!((fault.seq, fault.kind), (7, FaultKind::Rewritten));
    // The store's head goes on with the log, but not before what it knew is in the log.
    let (log, mut written) = place.open(u64::MAX);
    written.changed().await.unwrap();
    assert_eq!(written.borrow().seq, 12);
    drop(log);
    place.head = Some(ended(written).await);
    place.record(1).await;
    let fault = place.verify(None).fault.unwrap();
    assert_eq!(fault.seq, 12);
    assert!(matches!(&fault.kind, FaultKind::Stated(said) if said.contains("record 7 is not")));
    assert_eq!(place.verify(Some(12)).fault, None);
}

#[tokio::test]
async fn an_end_that_is_no_record_is_left_there_and_gone_on_after() {
    let mut place = Place::new();
    place.record(3).await;
    let text = fs::read_to_string(place.file()).unwrap();
    fs::write(place.file(), text.replace("event 2", "event X")).unwrap();
    place.record(1).await;
    let fault = place.verify(None).fault.unwrap();
    assert_eq!((fault.seq, fault.kind), (3, FaultKind::Changed));
    assert!(
        fs::read_to_string(place.file())
            .unwrap()
            .contains("event X")
    );
    assert_eq!(place.last().seq, 6);
}

#[tokio::test]
async fn a_full_file_is_put_aside_and_a_kill_in_between_harms_nothing() {
    let mut place = Place::new();
    let (log, written) = place.open(1);
    for number in 0..4 {
        log.record(vec![event(number)]).await.unwrap();
    }
    drop(log);
    place.head = Some(ended(written).await);
    let name = |part: &files::Part| part.path.file_name().unwrap().to_owned();
    let names: Vec<_> = place.files().parts().unwrap().iter().map(name).collect();
    assert_eq!(
        names,
        [
            "audit-000000000001.jsonl",
            "audit-000000000002.jsonl",
            "audit-000000000003.jsonl",
            "audit.jsonl"
        ]
    );
    place.is_whole(4);
    // Killed after the renaming, and once more after the next file was made.
    fs::rename(place.file(), place.files().full(4)).unwrap();
    place.is_whole(4);
    place.record(1).await;
    place.is_whole(5);
    fs::rename(place.file(), place.files().full(5)).unwrap();
    fs::write(place.file(), "").unwrap();
    place.record(1).await;
    place.is_whole(6);
    // The oldest are kept elsewhere.
    fs::remove_file(place.files().full(1)).unwrap();
    fs::remove_file(place.files().full(2)).unwrap();
    let fault = place.verify(None).fault.unwrap();
    assert_eq!(fault.kind, FaultKind::NoBeginning { begins_with: 3 });
    assert_eq!(place.verify(Some(3)).fault, None);
    assert!(place.verify(Some(2)).fault.is_some());
    fs::remove_file(place.files().full(4)).unwrap();
    let fault = place.verify(Some(3)).fault.unwrap();
    assert!(matches!(
        fault.kind,
        FaultKind::Missing {
            to: 4,
            stated: None
        }
    ));
}

#[tokio::test]
async fn a_full_file_that_cannot_be_put_aside_grows_on() {
    let mut place = Place::new();
    let (log, written) = place.open(500);
    fs::write(place.files().full(1), "somebody else's").unwrap();
    for number in 0..20 {
        log.record(vec![event(number)]).await.unwrap();
    }
    drop(log);
    place.head = Some(ended(written).await);
    assert_eq!(
        fs::read_to_string(place.files().full(1)).unwrap(),
        "somebody else's"
    );
    fs::remove_file(place.files().full(1)).unwrap();
    place.is_whole(20);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_refuses_says_so_and_goes_on_by_itself() {
    let mut place = Place::new();
    let (log, written) = place.open(u64::MAX);
    let health = log.health();
    log.record(vec![event(0)]).await.unwrap();
    let aside = place.folder.path().join("aside");
    fs::rename(place.file(), &aside).unwrap();
    fs::create_dir(place.file()).unwrap();
    for number in 1..4 {
        let refused = log
            .record(vec![event(number), event(number)])
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("audit.jsonl"), "{refused}");
        assert!(health.is_failing());
    }
    fs::remove_dir(place.file()).unwrap();
    fs::rename(&aside, place.file()).unwrap();
    log.record(vec![event(4)]).await.unwrap();
    assert!(!health.is_failing());
    drop(log);
    place.head = Some(ended(written).await);
    place.is_whole(3);
    let said = place.records()[1].detail.clone().unwrap();
    assert!(said.contains("6 events of that time"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_taken_away_cut_or_added_to_while_it_is_written_is_stated() {
    type Change = fn(&Place);
    let changes: [(Change, &str); 4] = [
        (
            |place| {
                let last = end::inspect(&place.files(), None).unwrap().last.unwrap();
                let mut text = fs::read(place.file()).unwrap();
                let at = jiff::Timestamp::UNIX_EPOCH;
                line::append(&mut text, last, at, &event(9));
                fs::write(place.file(), text).unwrap();
            },
            "somebody else wrote record 4",
        ),
        (
            |place| fs::remove_file(place.file()).unwrap(),
            "without records 1 to 3",
        ),
        (
            |place| {
                let text = fs::read_to_string(place.file()).unwrap();
                let first = text.split_inclusive('\n').next().unwrap();
                fs::write(place.file(), first).unwrap();
            },
            "without records 2 to 3",
        ),
        (
            |place| {
                let text = fs::read_to_string(place.file()).unwrap();
                fs::write(place.file(), format!("{text}nonsense\n")).unwrap();
            },
            "what stands after record 3",
        ),
    ];
    for (change, says) in changes {
        let mut place = Place::new();
        let (log, written) = place.open(u64::MAX);
        for number in 0..3 {
            log.record(vec![event(number)]).await.unwrap();
        }
        change(&place);
        log.record(vec![event(3)]).await.unwrap();
        drop(log);
        place.head = Some(ended(written).await);
        let expected = if says.contains("somebody else") { 6 } else { 5 };
        assert_eq!(place.last().seq, expected, "{says}");
        let said = place.records().into_iter().rev().nth(1).unwrap();
        assert!(said.reason.as_deref().unwrap().contains(says), "{said:?}");
        assert!(place.verify(None).fault.is_some(), "{says}");
    }
}

#[tokio::test]
async fn one_process_writes_a_log() {
    let place = Place::new();
    let (log, written) = place.open(u64::MAX);
    let clock = Arc::new(SystemClock::start());
    let second = AuditLog::open(&place.file(), 1, clock.clone(), None);
    assert!(second.unwrap_err().to_string().contains("another process"));
    drop(log);
    ended(written).await;
    AuditLog::open(&place.file(), 1, clock.clone(), None).unwrap();
    let no_file = AuditLog::open(std::path::Path::new("/dev/null"), 1, clock, None);
    assert!(no_file.unwrap_err().to_string().contains("no regular file"));
}

#[tokio::test]
async fn whoever_follows_misses_nothing_over_any_number_of_files() {
    let place = Place::new();
    let (log, written) = place.open(1000);
    let mut following = Following::after(place.files(), 2);
    let mut seen = Vec::new();
    let mut look = |following: &mut Following| {
        let each = |record: AuditRecord, _: &[u8]| {
            seen.push(record.seq);
            Ok(std::ops::ControlFlow::Continue(()))
        };
        following.next(each).unwrap();
        seen.len()
    };
    look(&mut following);
    for number in 0..60 {
        log.record(vec![event(number)]).await.unwrap();
        if number % 7 == 0 {
            look(&mut following);
        }
    }
    assert_eq!(look(&mut following), 58);
    assert_eq!(seen, (3..=60).collect::<Vec<u64>>());
    drop(log);
    ended(written).await;
}

#[tokio::test]
async fn the_newest_page_and_the_pages_before_are_all_records_once() {
    let place = Place::new();
    let (log, written) = place.open(3000);
    for number in 0..100 {
        log.record(vec![event(number)]).await.unwrap();
    }
    drop(log);
    ended(written).await;
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let mut page = Vec::new();
        let each = |record: AuditRecord, _: &[u8]| {
            page.push(record.seq);
            Ok(match page.len() {
                7 => std::ops::ControlFlow::Break(()),
                _ => std::ops::ControlFlow::Continue(()),
            })
        };
        reading::backwards(&place.files(), before, each).unwrap();
        let Some(oldest) = page.last() else { break };
        before = Some(*oldest);
        seen.extend(page);
    }
    assert_eq!(seen, (1..=100).rev().collect::<Vec<u64>>());
}
