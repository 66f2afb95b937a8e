//! Signed checkpoints of the audit log: OpenSSH alone believes them, and whoever writes log and store anew together is
//! found by them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use lpse_kiosk::{
    adapter::{
        audit_key::{AuditKey, Signers},
        audit_log::{
            AuditFiles, AuditLog,
            verification::{FaultKind, Question, verify},
        },
        checkpoint_folder::{self, CheckpointFolder},
        clock::SystemClock,
        random::SystemRandom,
    },
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditHead, AuditOutcome, RecordHash},
        checkpoint::Checkpoint,
    },
    ports::{Audit, Clock},
    store::{
        Commit, Key, Store, StoreKind, audit_heads::AuditHeads, engine::memory::Memory, open,
        record::encode_audit_head,
    },
};
use ring::digest::{SHA256, digest};
use support::{Office, eventually, log_out, manual::block_tried_by, refused, succeeds, text};

/// The one node that an office has whose store is in its own folder.
const NODE: &str = "local";

/// An office where somebody has logged in over SSH and `serve` has ended, and what it has signed.
fn served() -> Office {
    let office = Office::empty_embedded()
        .with("LPSE_KIOSK_STORE_KIND", "redb")
        .with_people();
    serve_once(&office);
    office
}

fn serve_once(office: &Office) -> String {
    let mut server = office.serve();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP");
    log_out(&mut kiosk);
    eventually("the end of the login on record", || {
        office.audited("logout", "done") > 0
    });
    assert_eq!(server.signal("TERM").wait(), 0);
    office.pass(60);
    server.log()
}

fn checkpoints(office: &Office) -> Vec<(u64, PathBuf)> {
    let folder = CheckpointFolder::new(office.data().join("checkpoints"), false);
    folder.of(NODE).unwrap()
}

fn newest(office: &Office) -> (u64, PathBuf) {
    checkpoints(office).pop().expect("there is a checkpoint")
}

/// Runs a block of the manual in the office's home, with what it prints.
fn run(office: &Office, script: &str) -> Output {
    let bin = office.path("bin");
    if !bin.exists() {
        fs::create_dir(&bin).unwrap();
        symlink(support::program(), bin.join("lpse-kiosk")).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", script])
        .current_dir(office.path("home"))
        .env_clear()
        .envs(office.environment())
        .env("PATH", format!("{}:{path}", bin.display()))
        .output()
        .expect("bash is there")
}

#[test]
fn openssh_alone_believes_a_checkpoint_and_none_that_was_changed() {
    let office = served();
    let block = block_tried_by(
        "assets/manual/operating.md",
        file!(),
        "ssh-keygen -Y verify",
    );
    let data = office.data().display().to_string();
    let script = block.text.replace("/var/lib/lpse-kiosk", &data);
    let out = succeeds(run(&office, &script));
    assert!(
        out.contains("Good \"lpse-kiosk-audit\" signature for audit@local")
            && out.contains("is the one that it tells of."),
        "{out}"
    );
    let (seq, file) = newest(&office);
    assert_eq!(seq, office.audit().len() as u64, "the end is signed");
    let verify = "ssh-keygen -Y verify -f allowed_signers -I audit@local -n lpse-kiosk-audit -s \"$1.sig\" < \"$1\"";
    let (whole, signature) = checkpoint_folder::read(&file).unwrap();
    let other = checkpoints(&office).remove(0).1;
    let changed = office.path("home/changed.checkpoint");
    let (of_another, _) = checkpoint_folder::read(&other).unwrap();
    let mut texts = vec![of_another, whole.replace("local", "loca1")];
    for line in 0..5 {
        let mut lines: Vec<&str> = whole.lines().collect();
        lines.remove(line);
        texts.push(lines.join("\n") + "\n");
    }
    texts.push(whole.replace(&format!("record {seq}"), &format!("record {}", seq - 1)));
    for text in &texts {
        assert_ne!(*text, whole);
        fs::write(&changed, text).unwrap();
        fs::write(office.path("home/changed.checkpoint.sig"), &signature).unwrap();
        let tried = run(&office, &verify.replace("$1", changed.to_str().unwrap()));
        assert!(!tried.status.success(), "{text}");
        let own = office.command(&["audit", "verify", "--checkpoint", changed.to_str().unwrap()]);
        assert_eq!(own.status.code(), Some(1), "{text}");
    }
    // Another key, which nobody has named.
    let key = AuditKey::read_or_make(&office.path("home/other"), &SystemRandom).unwrap();
    let signed = key.sign(whole.parse().unwrap()).unwrap();
    fs::write(&changed, &whole).unwrap();
    fs::write(office.path("home/changed.checkpoint.sig"), signed.signature).unwrap();
    let tried = run(&office, &verify.replace("$1", changed.to_str().unwrap()));
    assert!(!tried.status.success());
    let own = office.command(&["audit", "verify", "--checkpoint", changed.to_str().unwrap()]);
    refused(&own, 1, "a key that is not one of audit@local");
}

#[test]
fn a_checkpoint_is_taken_out_of_the_programs_log_again() {
    let office = Office::empty_embedded()
        .with_people()
        .with("LPSE_KIOSK_LOG_FORMAT", "json");
    let log = serve_once(&office);
    let told = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .rfind(|line| line["signature"].is_string())
        .unwrap_or_else(|| panic!("a checkpoint is told:\n{log}"));
    let field = |name: &str| told[name].clone();
    let in_journal = serde_json::json!({
        "LPSE_NODE": field("node"),
        "LPSE_RECORD": field("record").to_string(),
        "LPSE_HASH": field("hash"),
        "LPSE_TIME": field("time"),
        "LPSE_SIGNATURE": field("signature"),
    });
    fs::write(office.path("home/record.json"), in_journal.to_string()).unwrap();
    let block = block_tried_by("assets/manual/operating.md", file!(), "journalctl");
    let script: String = block
        .text
        .lines()
        .filter(|line| !line.starts_with("journalctl"))
        .map(|line| format!("{line}\n"))
        .collect();
    let out = succeeds(run(&office, &script));
    assert!(out.contains("is the one that it tells of."), "{out}");
    // And OpenSSH takes it, too.
    let script = "lpse-kiosk audit key > signers; ssh-keygen -Y verify -f signers -I audit@local -n lpse-kiosk-audit \
                  -s told.checkpoint.sig < told.checkpoint";
    succeeds(run(&office, script));
}

#[test]
fn what_is_older_than_the_files_that_are_left_is_not_taken_for_found() {
    let office = served();
    let (seq, file) = newest(&office);
    office.policy("required");
    office.policy("enabled");
    let log = office.data().join("audit.jsonl");
    let lines: Vec<String> = fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let verify = |from: u64| {
        let left = &lines[usize::try_from(from).unwrap() - 1..];
        fs::write(&log, left.join("\n") + "\n").unwrap();
        let from = from.to_string();
        let file = file.to_str().unwrap();
        office.command(&[
            "audit",
            "verify",
            "--json",
            "--from",
            &from,
            "--checkpoint",
            file,
        ])
    };
    let standing = |output: &Output| {
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        told["witnesses"][0]["standing"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for (from, status, word) in [
        (1, 0, "holds"),
        (seq, 0, "holds"),
        (seq + 1, 0, "holds"),
        (seq + 2, 7, "before"),
    ] {
        let done = verify(from);
        let said = text(&done.stderr);
        assert_eq!(
            (done.status.code(), standing(&done)),
            (Some(status), word.into()),
            "from {from}: {said}"
        );
        assert_eq!(
            said.contains("look where the older files are kept"),
            status == 7,
            "{said}"
        );
    }
}

#[test]
fn a_folder_that_is_not_there_stops_nobody_and_is_told() {
    let office = Office::empty_embedded().with_people();
    let folder = office.path("mnt");
    let office = office.with("LPSE_KIOSK_AUDIT_CHECKPOINTS", folder.to_str().unwrap());
    let mut server = office.serve();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP");
    log_out(&mut kiosk);
    server.expect_log("a checkpoint of the audit log");
    server.expect_log("cannot be kept in");
    let examined = text(&office.command(&["doctor"]).stdout);
    let mut lines = examined.lines();
    assert!(
        lines.any(|line| line.starts_with("warning  checkpoints ") && line.contains("/mnt")),
        "{examined}"
    );
    assert!(!folder.exists(), "it may only not be mounted");
    fs::create_dir(&folder).unwrap();
    assert_eq!(server.signal("TERM").wait(), 0);
    let kept = CheckpointFolder::new(folder.clone(), false)
        .of(NODE)
        .unwrap();
    assert!(!kept.is_empty(), "the end has it kept");
    let examined = text(&office.command(&["doctor"]).stdout);
    assert!(examined.contains("ok       checkpoints "), "{examined}");
    let folder = folder.to_str().unwrap();
    succeeds(office.command(&["audit", "verify", "--checkpoint", folder]));
}

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

/// A line as somebody writes it who knows the form: with this number, after the one that closes with `prev`; and what it
/// closes with.
fn forged(line: &str, seq: usize, prev: &str) -> (String, String) {
    let (_, rest) = line.split_once(',').unwrap();
    let (said, _) = rest.rsplit_once(",\"prev\":\"").unwrap();
    let digested = format!("{{\"seq\":{seq},{said},\"prev\":\"{prev}\"");
    let hash = data_encoding::HEXLOWER.encode(digest(&SHA256, digested.as_bytes()).as_ref());
    (format!("{digested},\"hash\":\"{hash}\"}}"), hash)
}

/// The log as it is after its lines were numbered and chained anew, and its head.
fn chained(lines: &[String]) -> (String, AuditHead) {
    let mut prev = "0".repeat(2 * RecordHash::LENGTH);
    let mut log = String::new();
    for (number, line) in lines.iter().enumerate() {
        let (line, hash) = forged(line, number + 1, &prev);
        log += &line;
        log += "\n";
        prev = hash;
    }
    let head = AuditHead {
        seq: lines.len() as u64,
        hash: prev.parse().unwrap(),
    };
    (log, head)
}

/// What somebody does to one record, and all that follow from it.
fn rewritten(lines: &[String], at: usize, chance: &mut Chance) -> Vec<String> {
    let mut lines = lines.to_vec();
    match chance.below(3) {
        0 => lines[at] = lines[at].replace("refused", "done").replace("PPK", "POKJA"),
        1 => drop(lines.remove(at)),
        _ => lines.insert(at, lines[at].replace("PPK", "CVMAJU")),
    }
    lines
}

async fn put_head(store: &dyn Store, head: AuditHead) {
    let commit = Commit::new().put(Key::audit_head(NODE), encode_audit_head(head));
    store.commit(commit).await.unwrap();
}

#[tokio::test]
async fn a_hundred_rewrites_of_log_and_store_together_are_found_a_hundred_times() {
    const RECORDS: usize = 200;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("audit.jsonl");
    let clock = Arc::new(SystemClock::start());
    let (log, mut written) = AuditLog::open(&file, u64::MAX, clock.clone(), None).unwrap();
    let key = AuditKey::read_or_make(&place.path().join("key"), &SystemRandom).unwrap();
    let folder = CheckpointFolder::new(place.path().join("checkpoints"), true);
    for number in 0..RECORDS {
        let from = Source::Console("loket-1".into());
        let outcome = match number % 3 {
            0 => AuditOutcome::Refused("wrong-password".into()),
            _ => AuditOutcome::Done,
        };
        let account = format!("non-penyedia/PPK{}", number % 7).parse().unwrap();
        let event = AuditEvent::new(Act::Login, outcome, &from).on(&account);
        log.record(vec![event]).await.unwrap();
        let head = *written.borrow();
        if head.seq % 40 == 0 {
            let checkpoint = Checkpoint::new(NODE, head, clock.now());
            folder.keep(&key.sign(checkpoint).unwrap()).unwrap();
        }
    }
    drop(log);
    while written.changed().await.is_ok() {}
    let whole: Vec<String> = fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let (again, head) = chained(&whole);
    assert_eq!(again, whole.join("\n") + "\n", "the form is known");
    assert_eq!(head, *written.borrow());
    // What has left the machine before: believed by the key's public half alone.
    let signers = Signers::read(&key.allowed_signer(NODE)).unwrap();
    let told: Vec<AuditHead> = folder
        .of(NODE)
        .unwrap()
        .iter()
        .map(|(_, file)| {
            let (text, signature) = checkpoint_folder::read(file).unwrap();
            let checkpoint: Checkpoint = text.parse().unwrap();
            assert_eq!(signers.check(&checkpoint, &signature), Ok(()));
            checkpoint.head
        })
        .collect();
    assert_eq!(told.len(), RECORDS / 40);
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    let heads = AuditHeads::new(store.clone());
    let files = AuditFiles::of(&file);
    let mut chance = Chance(0x5DEE_CE66_D1CE_4E5B);
    let (mut other, mut shorter) = (0, 0);
    for round in 0..100 {
        let at = chance.below(RECORDS);
        let (log, head) = chained(&rewritten(&whole, at, &mut chance));
        assert_ne!(log, again, "round {round}: something was done");
        fs::write(&file, log).unwrap();
        put_head(&*store, head).await;
        let fooled = Question {
            head: heads.get(NODE).await.unwrap(),
            ..Question::default()
        };
        let report = verify(&files, fooled).unwrap();
        assert_eq!(report.fault, None, "round {round}: nothing else finds it");
        let asked = Question {
            witnesses: &told,
            ..fooled
        };
        let fault = verify(&files, asked).unwrap().fault;
        let fault = fault.unwrap_or_else(|| panic!("round {round}, record {}", at + 1));
        // The first checkpoint from there on.
        let first = (at as u64 / 40 + 1) * 40;
        match fault.kind {
            FaultKind::Contradicted { .. } => {
                assert_eq!(fault.seq, first, "round {round}");
                other += 1;
            }
            FaultKind::ShorterThanTold { to } => {
                assert_eq!((first, to), (200, 200), "round {round}");
                shorter += 1;
            }
            kind => panic!("round {round}: {kind:?}"),
        }
    }
    assert_eq!(other + shorter, 100);
    assert!(shorter > 0, "some had a record less at the end");
}

#[test]
fn whoever_writes_log_and_store_anew_is_found_by_the_command() {
    let office = served();
    let away = office.path("away");
    fs::create_dir(&away).unwrap();
    for entry in fs::read_dir(office.data().join("checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, away.join(path.file_name().unwrap())).unwrap();
    }
    let signers = office.path("signers");
    fs::write(&signers, succeeds(office.command(&["audit", "key"]))).unwrap();
    let shown = |path: &Path| path.to_str().unwrap().to_owned();
    let (away, signers) = (shown(&away), shown(&signers));
    let held_against = [
        "audit",
        "verify",
        "--checkpoint",
        &away,
        "--signers",
        &signers,
    ];
    let out = succeeds(office.command(&held_against));
    assert!(out.contains("is the one that it tells of."), "{out}");
    // As root, with the program ended.
    let log = office.data().join("audit.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let write_anew = |lines: &[String]| {
        let (anew, head) = chained(lines);
        fs::write(&log, anew).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = open(StoreKind::Redb, &office.data().join("store"), 8).unwrap();
            put_head(&store, head).await;
            let ended = store.ended();
            drop(store);
            ended.wait().await;
        });
    };
    let login = lines.iter().position(|line| line.contains("\"login\""));
    lines[login.unwrap()] = lines[login.unwrap()].replace("PPK30", "CVMAJU");
    let changed = lines.clone();
    lines.truncate(login.unwrap());
    let json = [&held_against[..], &["--json"]].concat();
    for (anew, kind, standing, said) in [
        (
            changed,
            "contradicted",
            "contradicted",
            "is not the one that a checkpoint or another machine's log tells of",
        ),
        (
            lines,
            "shorter-than-told",
            "missing",
            "a checkpoint or another machine's log tells that the log came to record",
        ),
    ] {
        write_anew(&anew);
        succeeds(office.command(&["audit", "verify"]));
        let found = office.command(&held_against);
        refused(&found, 1, said);
        assert!(text(&found.stdout).contains(" NOT "), "{kind}");
        let found = office.command(&json);
        let told: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
        assert_eq!(told["fault"]["kind"], kind);
        let witnesses = told["witnesses"].as_array().unwrap();
        let newest = witnesses.last().unwrap();
        assert_eq!(newest["standing"], standing, "{told}");
    }
}
