//! The audit log as an operator has it: whatever is done to its files is found, whatever happens to the program loses no
//! record that was acknowledged, and the commands that read it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use lpse_kiosk::{
    adapter::{
        audit_log::{
            AuditFiles, AuditLog, Written, reading,
            verification::{FaultKind, Place as Line, Question, Report, verify},
            verified::{self, Verdict},
        },
        audit_trail::AuditTrailFiles,
        clock::SystemClock,
        operator,
    },
    domain::{
        AccountKey, Source, UserId, UserType,
        audit::{Act, AuditEvent, AuditHead, AuditOutcome},
    },
    ports::{Audit, AuditTrail},
};
use serde_json::Value;
use support::command::{Done, Place, shown};
use support::{Office, PASSWORD, disk::SmallDisk, eventually, key, text};

/// Chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

fn account(id: &str) -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
}

fn event(number: usize) -> AuditEvent {
    let from = Source::Console("loket-1".into());
    let outcome = match number % 3 {
        0 => AuditOutcome::Refused("wrong-password".into()),
        _ => AuditOutcome::Done,
    };
    AuditEvent::new(Act::Login, outcome, &from).on(&account(&format!("PPK{}", number % 7)))
}

fn open(file: &Path, rotate_bytes: u64) -> (AuditLog, Written) {
    let clock = Arc::new(SystemClock::start());
    AuditLog::open(file, rotate_bytes, clock, None).unwrap()
}

async fn ended(mut written: Written) -> AuditHead {
    while written.changed().await.is_ok() {}
    *written.borrow()
}

const RECORDS: usize = 300;

/// A log of several files, as it was recorded, and what is done to a copy of it.
struct Recorded {
    folder: tempfile::TempDir,
    head: AuditHead,
    /// Each file's name and its lines, with their ends.
    files: Vec<(String, Vec<String>)>,
}

impl Recorded {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (log, written) = open(&folder.path().join("audit.jsonl"), 20_000);
        for number in 0..RECORDS {
            log.record(vec![event(number)]).await.unwrap();
        }
        drop(log);
        let head = ended(written).await;
        let parts = AuditFiles::of(&folder.path().join("audit.jsonl")).parts();
        let lines = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            text.split_inclusive('\n').map(str::to_owned).collect()
        };
        let files: Vec<(String, Vec<String>)> = parts
            .unwrap()
            .iter()
            .map(|part| {
                let name = part.path.file_name().unwrap().to_str().unwrap();
                (name.to_owned(), lines(&part.path))
            })
            .collect();
        assert!(files.len() >= 4, "{} files", files.len());
        let recorded = Self {
            folder,
            head,
            files,
        };
        assert_eq!(recorded.verify(&recorded.files).fault, None);
        recorded
    }

    /// What is found in these files.
    fn verify(&self, files: &[(String, Vec<String>)]) -> Report {
        let bytes: Vec<_> = files
            .iter()
            .map(|(name, lines)| (name.clone(), lines.concat().into_bytes()))
            .collect();
        self.verify_bytes(&bytes)
    }

    fn verify_bytes(&self, files: &[(String, Vec<u8>)]) -> Report {
        for (name, bytes) in files {
            fs::write(self.folder.path().join(name), bytes).unwrap();
        }
        let question = Question {
            head: Some(self.head),
            ..Question::default()
        };
        let files = AuditFiles::of(&self.folder.path().join("audit.jsonl"));
        verify(&files, question).unwrap()
    }

    /// The file and the line of record `seq`, both counted from 0.
    fn place(&self, seq: u64) -> (usize, usize) {
        let mut left = usize::try_from(seq).unwrap() - 1;
        for (file, (_, lines)) in self.files.iter().enumerate() {
            if left < lines.len() {
                return (file, left);
            }
            left -= lines.len();
        }
        panic!("there is no record {seq}");
    }

    fn line(&self, file: usize, line: usize) -> Line {
        Line {
            file: self.folder.path().join(&self.files[file].0),
            line: line as u64 + 1,
        }
    }
}

#[tokio::test]
async fn a_hundred_changed_bytes_are_found_a_hundred_times() {
    let log = Recorded::new().await;
    let mut chance = Chance(0x5DEE_CE66_D1CE_4E5B);
    for _ in 0..100 {
        let seq = chance.below(RECORDS) as u64 + 1;
        let (file, line) = log.place(seq);
        let mut bytes: Vec<_> = log
            .files
            .iter()
            .map(|(name, lines)| (name.clone(), lines.concat().into_bytes()))
            .collect();
        let before: usize = log.files[file].1[..line].iter().map(String::len).sum();
        let at = before + chance.below(log.files[file].1[line].len());
        let other = u8::try_from(1 + chance.below(255)).unwrap();
        bytes[file].1[at] ^= other;
        let fault = log.verify_bytes(&bytes).fault;
        let fault = fault.unwrap_or_else(|| panic!("byte {at} of file {file} ^ {other}"));
        assert_eq!(fault.seq, seq, "{fault}");
        match fault.kind {
            FaultKind::Changed => assert_eq!(fault.place, Some(log.line(file, line))),
            // The end of the last line.
            FaultKind::CutOff { to } => assert_eq!((seq, to), (RECORDS as u64, RECORDS as u64)),
            _ => panic!("{fault}"),
        }
    }
}

#[tokio::test]
async fn a_hundred_cut_lines_are_found_a_hundred_times_and_named() {
    let log = Recorded::new().await;
    let mut chance = Chance(0x1234_5678_9ABC_DEF1);
    let picked = (0..98).map(|_| chance.below(RECORDS) as u64 + 1);
    for seq in picked.chain([1, RECORDS as u64]) {
        let (file, line) = log.place(seq);
        let mut files = log.files.clone();
        files[file].1.remove(line);
        let fault = log.verify(&files).fault.unwrap();
        assert_eq!(fault.seq, seq, "{fault}");
        let expected = match seq {
            1 => FaultKind::NoBeginning { begins_with: 2 },
            _ if seq == RECORDS as u64 => FaultKind::CutOff { to: seq },
            _ => FaultKind::Missing {
                to: seq,
                stated: None,
            },
        };
        assert_eq!(fault.kind, expected);
        if seq < RECORDS as u64 {
            // It shows where the next one stands.
            let (next, _) = log.place(seq + 1);
            let at = if next == file { line } else { 0 };
            assert_eq!(fault.place, Some(log.line(next, at)));
        }
    }
}

#[tokio::test]
async fn a_hundred_pairs_of_lines_in_each_others_place_are_found_and_named() {
    let log = Recorded::new().await;
    let mut chance = Chance(0x0BAD_5EED_0BAD_5EED);
    for _ in 0..100 {
        let first = chance.below(RECORDS - 1) as u64 + 1;
        let after = RECORDS - usize::try_from(first).unwrap();
        let second = first + 1 + chance.below(after) as u64;
        let (one, other) = (log.place(first), log.place(second));
        let mut files = log.files.clone();
        files[one.0].1[one.1] = log.files[other.0].1[other.1].clone();
        files[other.0].1[other.1] = log.files[one.0].1[one.1].clone();
        let fault = log.verify(&files).fault.unwrap();
        assert_eq!(fault.seq, first, "{fault}");
        assert_eq!(fault.place, Some(log.line(one.0, one.1)));
        let found = log.line(other.0, other.1);
        let instead = second;
        assert_eq!(fault.kind, FaultKind::Displaced { instead, found });
    }
}

#[tokio::test]
async fn a_hundred_doubled_lines_are_found_a_hundred_times_and_named() {
    let log = Recorded::new().await;
    let mut chance = Chance(0x7777_1357_9BDF_0246);
    for _ in 0..100 {
        let seq = chance.below(RECORDS) as u64 + 1;
        let (file, line) = log.place(seq);
        let copy = log.files[file].1[line].clone();
        let into = chance.below(log.files.len());
        let at = chance.below(log.files[into].1.len() + 1);
        let mut files = log.files.clone();
        files[into].1.insert(at, copy);
        let fault = log.verify(&files).fault.unwrap();
        match &fault.kind {
            FaultKind::Doubled => assert_eq!(fault.seq, seq, "{fault}"),
            FaultKind::Displaced { instead, .. } => assert_eq!(*instead, seq, "{fault}"),
            _ => panic!("{fault}"),
        }
        // Beside its twin the second of the two shows, whichever was put there.
        let twins = into == file && at == line;
        let shows = if twins { line + 1 } else { at };
        assert_eq!(fault.place, Some(log.line(into, shows)), "{fault}");
    }
}

#[tokio::test]
async fn a_cut_off_end_is_found_however_many_records_and_files_it_is() {
    let log = Recorded::new().await;
    for left in [0, 1, 100, 250, RECORDS - 1] {
        let mut files = log.files.clone();
        let mut left_over = left;
        for (_, lines) in &mut files {
            let here = lines.len().min(left_over);
            lines.truncate(here);
            left_over -= here;
        }
        let fault = log.verify(&files).fault.unwrap();
        assert_eq!(fault.seq, left as u64 + 1);
        let to = RECORDS as u64;
        assert_eq!((fault.kind, fault.place), (FaultKind::CutOff { to }, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn records_side_by_side_keep_one_chain_over_many_files() {
    const TASKS: usize = 8;
    const EACH: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let (log, written) = open(&file, 8_000);
    let log = Arc::new(log);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    let said = format!("{task}/{number}");
                    let events = vec![event(number), event(number).saying(said)];
                    log.record(events).await.unwrap();
                }
            })
        })
        .collect();
    let files = AuditFiles::of(&file);
    // Whoever looks meanwhile sees a whole log up to some record.
    let mut looks = 0;
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        let question = Question {
            head: Some(*written.borrow()),
            is_live: true,
            ..Question::default()
        };
        assert_eq!(verify(&files, question).unwrap().fault, None);
        let mut before = 0;
        let each = |record: lpse_kiosk::domain::audit::AuditRecord, _: &[u8]| {
            assert_eq!(record.seq, before + 1);
            before = record.seq;
            Ok(ControlFlow::Continue(()))
        };
        reading::forwards(&files, each).unwrap();
        looks += 1;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert!(looks > 0);
    drop(log);
    let head = ended(written).await;
    assert_eq!(head.seq, (2 * TASKS * EACH) as u64);
    let question = Question {
        head: Some(head),
        ..Question::default()
    };
    let report = verify(&files, question).unwrap();
    assert_eq!((report.fault, report.last), (None, Some(head.seq)));
    assert!(report.files > 10, "{} files", report.files);
    // Each task's own order is kept, and what was recorded together stands together.
    let mut next = [0; TASKS];
    let each = |record: lpse_kiosk::domain::audit::AuditRecord, _: &[u8]| {
        if let Some(said) = &record.detail {
            let (task, number) = said.split_once('/').unwrap();
            let task: usize = task.parse().unwrap();
            assert_eq!(number.parse(), Ok(next[task]));
            assert_eq!(record.seq % 2, 0);
            next[task] += 1;
        }
        Ok(ControlFlow::Continue(()))
    };
    reading::forwards(&files, each).unwrap();
    assert_eq!(next, [EACH; TASKS]);
}

/// Says that this process is the child of the test below, and where its log is.
const CHILD: &str = "LPSE_KIOSK_TEST_AUDIT_LOG";

#[test]
fn a_kill_at_any_moment_loses_no_record_that_was_acknowledged() {
    if let Some(file) = std::env::var_os(CHILD) {
        return record_until_killed(Path::new(&file));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let mut chance = Chance(0xFEED_FACE_CAFE_BEEF);
    let mut acknowledged = 0;
    for _ in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "audit::a_kill_at_any_moment_loses_no_record_that_was_acknowledged",
                "--nocapture",
            ])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wanted = 1 + chance.below(60);
        while wanted > 0 {
            let line = said.next().expect("the child goes on").unwrap();
            if let Some(seq) = line.strip_prefix("acknowledged ") {
                acknowledged = seq.parse().unwrap();
                wanted -= 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in said {
            let line = line.unwrap();
            if let Some(Ok(seq)) = line.strip_prefix("acknowledged ").map(str::parse) {
                acknowledged = seq;
            }
        }
        let report = verify(&AuditFiles::of(&file), Question::default()).unwrap();
        assert_eq!(report.fault, None);
        assert!(
            report.last >= Some(acknowledged),
            "{acknowledged}: {report:?}"
        );
    }
}

fn record_until_killed(file: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (log, written) = open(file, 3_000);
        let log = Arc::new(log);
        for task in 0..4 {
            let (log, written) = (log.clone(), written.clone());
            tokio::spawn(async move {
                loop {
                    log.record(vec![event(task), event(task)]).await.unwrap();
                    let seq = written.borrow().seq;
                    let _ = writeln!(std::io::stdout(), "\nacknowledged {seq}");
                }
            });
        }
        std::future::pending::<()>().await;
    });
}

fn audit(office: &Office, arguments: &[&str]) -> Done {
    Done::from(office.command(&[&["audit"][..], arguments].concat()))
}

#[test]
fn a_kiosk_that_is_killed_while_people_log_in_leaves_a_whole_log() {
    let office = Office::new();
    for round in 0..4 {
        let mut kiosk = office.kiosk();
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        kiosk.expect("Selamat datang, Siti");
        audit(&office, &["verify"]).ok();
        support::log_out(&mut kiosk);
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        if round % 2 == 0 {
            kiosk.expect("Selamat datang, Siti");
        }
        kiosk.signal("KILL").wait();
        let verified = audit(&office, &["verify"]).ok();
        assert!(
            verified.out.contains("are as they were recorded"),
            "{}",
            verified.out
        );
        office.pass(60);
    }
    let logins = office.audited("login", "done");
    assert!((6..=8).contains(&logins), "{logins}");
}

#[test]
fn a_full_disk_lets_nobody_in_and_the_log_goes_on_when_there_is_room() {
    let office = Office::empty();
    let folder = office.path("catatan");
    let Some(_disk) = SmallDisk::mount(&folder, "256k") else {
        return;
    };
    let file = folder.join("audit.jsonl");
    let office = office.with("LPSE_KIOSK_AUDIT_FILE", file.to_str().unwrap());
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    let filler = folder.join("filler");
    let mut full = fs::File::create(&filler).unwrap();
    while full.write_all(&[0; 4096]).is_ok() {}
    // Whoever still fits into the log's last page is let in.
    let mut let_in = 0;
    loop {
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        kiosk.expect_screen("an answer", |screen| {
            let text = screen.contents();
            text.contains("Selamat datang, Siti") || text.contains("Layanan sedang tidak tersedia")
        });
        if kiosk.text().contains("Layanan sedang tidak tersedia") {
            break;
        }
        let_in += 1;
        assert!(let_in < 20, "a page holds fewer records");
        support::log_out(&mut kiosk);
        office.pass(60);
    }
    let whole = fs::read(&file).unwrap();
    assert_eq!(whole.last(), Some(&b'\n'), "no half line is left");
    let log = fs::read_to_string(office.data().join("lpse-kiosk.log")).unwrap();
    assert!(
        log.contains("the audit log cannot be written, and nobody is let in")
            && log.contains("make room"),
        "{log}"
    );
    // A command beside it says why.
    let refused = office.command(&["policy", "required"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(75), "{said}");
    assert!(said.contains("the audit log cannot be written"), "{said}");
    drop(full);
    fs::remove_file(&filler).unwrap();
    office.policy("enabled");
    kiosk
        .press(PASSWORD)
        .press(key::ENTER)
        .expect("Selamat datang, Siti");
    let verified = audit(&office, &["verify"]).ok();
    assert!(
        verified.out.contains("nothing could be recorded since"),
        "{}",
        verified.out
    );
}

#[test]
fn health_tells_of_a_log_that_cannot_be_written() {
    let port = support::free_port();
    let office = Office::new().with("LPSE_KIOSK_METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    let health = || {
        use std::io::Read;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        let ask = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    };
    eventually("health", || {
        health().is_some_and(|answer| answer.ends_with("ok\n"))
    });
    let (file, aside) = (office.data().join("audit.jsonl"), office.path("aside"));
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Layanan sedang tidak tersedia");
    let answer = health().unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("audit log\n"),
        "{answer}"
    );
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    // Without anybody trying.
    eventually("health", || {
        health().is_some_and(|answer| answer.ends_with("ok\n"))
    });
}

#[test]
fn a_log_that_is_not_what_it_was_is_told_at_once_and_reported_for_ever() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    place.run(&["policy", "required"]).ok();
    let file = place.path("data/audit.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let noted = || verified::last(&place.path("data/audit-verified.json"));
    assert_eq!(noted(), None);
    let verified = place.run(&["audit", "verify"]).ok().out;
    assert!(
        verified.contains("Records 1 to 2, in one file, are as they were recorded.")
            && verified.contains("The store knows of record 2."),
        "{verified}"
    );
    let whole_then = noted().unwrap();
    assert_eq!(
        (whole_then.verdict, whole_then.last_whole),
        (Verdict::Whole, Some(whole_then.at))
    );
    let (first, _) = whole.split_once('\n').unwrap();
    fs::write(&file, format!("{first}\n")).unwrap();
    let broken = place.run(&["audit", "verify"]);
    assert_eq!(broken.status, 1);
    let broken_then = noted().unwrap();
    assert_eq!(broken_then.verdict, Verdict::Broken);
    assert_eq!(broken_then.last_whole, Some(whole_then.at));
    assert!(
        broken.err.contains(
            "the end: record 2 is missing; the store knows that the log came to record 2"
        ),
        "{}",
        broken.err
    );
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        format!("{first}\n"),
        "looking changes nothing"
    );
    let told = place.run(&["policy"]);
    assert_eq!(told.status, 0);
    assert!(told.out.starts_with("required\n"), "{}", told.out);
    assert!(
        told.err.contains(
            "the audit log is not what it was: the log ended with record 1, without record 2"
        ) && told.err.contains("audit verify"),
        "{}",
        told.err
    );
    for _ in 0..2 {
        let broken = place.run(&["audit", "verify", "--json"]);
        assert_eq!(broken.status, 1);
        let fault = &broken.json()["fault"];
        assert_eq!(fault["kind"], "missing");
        assert_eq!((&fault["seq"], &fault["to"]), (&2.into(), &2.into()));
        assert_eq!(fault["line"], 2);
        assert_eq!(fault["file"], shown(&file));
        let message = fault["message"].as_str().unwrap();
        assert!(message.contains("record 3 states it"), "{message}");
        place.run(&["policy", "enabled"]).ok();
    }
    place.run(&["audit", "verify", "--from", "3"]).ok();
    fs::remove_dir_all(place.path("data/store")).unwrap();
    fs::remove_file(&file).unwrap();
    place
        .run(&["audit", "verify"])
        .refused(1, &["there is no audit log at", "audit.jsonl"]);
}

#[test]
fn the_log_is_looked_at_beside_a_kiosk_and_without_one() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk
        .give_password("non-penyedia", "PPK30", "bukan ini passwordnya")
        .expect("tidak sesuai");
    office.pass(60);
    kiosk.submit_password(PASSWORD).expect("Siti Rahmawati");
    let look = || {
        let newest = audit(&office, &["tail", "-n", "3"]).ok().out;
        let lines: Vec<&str> = newest.lines().collect();
        assert_eq!(lines.len(), 3, "{newest}");
        assert_eq!(
            lines[0],
            "     3  2020-08-13 08:53:05 WIB  check-password   refused   non-penyedia/PPK30       \
             from console:loket-1 because wrong-password"
        );
        assert!(
            lines[2].contains("  login            done      non-penyedia/PPK30"),
            "{newest}"
        );
        let search = |arguments: &[&str]| {
            let found = audit(&office, &[&["search", "--json"][..], arguments].concat());
            let seq = |line: &Value| line["seq"].as_u64().unwrap();
            found.ok().json_lines().iter().map(seq).collect::<Vec<_>>()
        };
        assert_eq!(search(&[]), [1, 2, 3, 4, 5]);
        assert_eq!(search(&["--account", "ppk30"]), [1, 3, 4, 5]);
        assert_eq!(
            search(&["--account", "PPK30", "--type", "penyedia"]),
            [0; 0]
        );
        assert_eq!(search(&["--type", "penyedia"]), [2]);
        assert_eq!(search(&["--act", "check-password"]), [3, 4]);
        assert_eq!(search(&["--outcome", "refused"]), [3]);
        assert_eq!(search(&["--from", "loket-1"]), [3, 4, 5]);
        let operator = operator::of_this_process();
        for from in [
            "command line",
            operator.name(),
            &format!("command:{operator}"),
        ] {
            assert_eq!(search(&["--from", from]), [1, 2], "{from}");
        }
        assert_eq!(search(&["--by", "PPK30"]), [0; 0]);
        assert_eq!(search(&["--since", "2020-08-14"]), [0; 0]);
        assert_eq!(
            search(&["--since", "2020-08-13", "--until", "2020-08-13"]),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(search(&["--since", "2020-08-13T08:54:05+07:00"]), [4, 5]);
        assert_eq!(search(&["--until", "2020-08-13T01:54:05Z"]), [1, 2, 3]);
        let table = audit(&office, &["export", "--until", "2020-08-13T01:54:05Z"])
            .ok()
            .out;
        let rows: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(rows.len(), 5, "{table}");
        assert_eq!(
            rows[3],
            "\"3\",\"2020-08-13T01:53:05Z\",\"check-password\",\"refused\",\"wrong-password\",\
             \"non-penyedia/PPK30\",\"\",\"console:loket-1\",\"\""
        );
        let verified = audit(&office, &["verify", "--json"]).ok().json();
        assert_eq!(
            (&verified["ok"], &verified["last"]),
            (&true.into(), &5.into())
        );
    };
    look();
    kiosk.signal("KILL").wait();
    look();
    let table = office.path("table.csv");
    let table = table.to_str().unwrap();
    assert_eq!(audit(&office, &["export", table]).ok().out, "");
    assert_eq!(fs::read_to_string(table).unwrap().lines().count(), 6);
    audit(&office, &["export", table]).refused(1, &["table.csv cannot be created"]);
    audit(&office, &["search", "--act", "logn"]).refused(2, &["logn"]);
    audit(&office, &["search", "--since", "kemarin"]).refused(2, &["2026-11-25"]);
    audit(&office, &["verify", "--from", "0"]).refused(2, &["--from"]);
}

#[test]
fn a_log_is_followed_into_its_next_file() {
    let office = Office::empty().with("LPSE_KIOSK_AUDIT_ROTATE_MIB", "1");
    // A log without its store would be of one that is gone.
    assert!(office.command(&["policy"]).status.success());
    // Nearly full; the records that follow do not all fit.
    let file = office.data().join("audit.jsonl");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let old = runtime.block_on(async {
        let (log, written) = open(&file, u64::MAX);
        let mut number = 0;
        loop {
            let length = fs::metadata(&file).unwrap().len();
            if length > 1024 * 1024 - 200 {
                break;
            }
            let group = if length < 1_000_000 { 100 } else { 1 };
            let events = (number..number + group).map(event).collect();
            log.record(events).await.unwrap();
            number += group;
        }
        drop(log);
        ended(written).await.seq
    });
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    let mut command = Command::new(support::program());
    command.args(["audit", "tail", "-n", "1", "--follow"]);
    command.env_clear().envs(office.environment());
    let mut following = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("add-account"));
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    assert!(next().contains("check-password"));
    assert!(next().contains("login"));
    kiosk.expect("Selamat datang, Siti");
    support::log_out(&mut kiosk);
    assert!(next().contains("logout"));
    following.kill().unwrap();
    following.wait().unwrap();
    let full = office.data().join("audit-000000000001.jsonl");
    assert!(fs::metadata(full).unwrap().len() >= 1024 * 1024);
    let verified = audit(&office, &["verify"]).ok().out;
    let told = format!("Records 1 to {}, in 2 files", old + 4);
    assert!(verified.contains(&told), "{verified}");
}

#[test]
fn nothing_in_a_log_acts_on_whoever_reads_it() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    // Written by somebody else: this program escapes such characters.
    let hostile = "=cmd|' /C calc'!A0\u{1b}[2J\u{9b}1m\u{202e}\r";
    let line = serde_json::json!({
        "seq": 1, "at": "2020-08-13T01:53:05Z", "act": "login\u{9b}", "outcome": "failed", "reason": hostile,
        "account": "non-penyedia/PPK30", "from": format!("console:{hostile}"), "detail": "+1;=2",
    });
    place.write("data/audit.jsonl", format!("{line}\nnonsense \u{1b}[2J\n"));
    for arguments in [
        &["audit", "tail"][..],
        &["audit", "tail", "--json"],
        &["audit", "search"],
        &["audit", "search", "--json"],
        &["audit", "export"],
    ] {
        let done = place.run(arguments);
        assert_eq!(done.status, 0, "{}", done.err);
        let acts = |c: char| !"\r\n".contains(c) && (c.is_control() || c == '\u{202e}');
        assert!(!done.out.contains(acts), "{arguments:?}: {:?}", done.out);
        assert!(done.out.contains("calc"), "{}", done.out);
        assert!(done.err.contains("1 line is no record"), "{}", done.err);
        assert!(!done.err.contains('\u{1b}'));
    }
    let table = place.run(&["audit", "export"]).out;
    assert!(table.contains("\"'=cmd|"), "{table}");
    assert!(table.contains("\"'+1;'=2\""), "{table}");
    place.run(&["audit", "tail", "--data", "/nowhere"]).refused(
        1,
        &["there is no audit log at /nowhere/audit.jsonl", "--data"],
    );
}

#[tokio::test]
async fn a_page_of_the_trail_is_read_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let (log, written) = open(&file, 20_000);
    for number in 0..RECORDS {
        log.record(vec![event(number)]).await.unwrap();
    }
    drop(log);
    ended(written).await;
    let trail = AuditTrailFiles::new(&file);
    let seqs = |records: &[lpse_kiosk::domain::audit::AuditRecord]| {
        records.iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    let newest = trail.newest(None, 4).await.unwrap();
    assert_eq!(seqs(&newest), [300, 299, 298, 297]);
    assert_eq!(newest[0].account, Some(account("PPK5")));
    assert_eq!(newest[0].act.parse(), Ok(Act::Login));
    assert_eq!(seqs(&trail.newest(Some(297), 2).await.unwrap()), [296, 295]);
    assert_eq!(seqs(&trail.newest(Some(3), 10).await.unwrap()), [2, 1]);
    assert_eq!(seqs(&trail.newest(Some(1), 10).await.unwrap()), [0; 0]);
    let nowhere = AuditTrailFiles::new(&folder.path().join("nowhere/audit.jsonl"));
    assert!(nowhere.newest(None, 1).await.is_err());
}
