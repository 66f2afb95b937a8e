//! The store, and what only it can tell: whether the master key is its own, and which letters wait.
//!
//! A store that a running kiosk holds is read through that kiosk. Any other is opened, but only where there is one, by
//! its own user, and in a folder that is private already: opening would make it so.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    cluster, files,
    finding::{Finding, Status},
    help, last_backup,
    patient::Patient,
};
use crate::{
    adapter::{
        master_key_file::{self, MasterKeyError},
        secret_file::SecretFileError,
    },
    assembly::{
        self,
        held::{self, Held},
    },
    cli::{
        runtime::blocking,
        store::check::{sentences, what_to_do},
    },
    config::StoreKind,
    domain::{
        account::SealedSecret,
        letter::{Delivery, LetterId, Stage},
        recorded::elapsed,
    },
    store::{
        self, Store, StoreError, backup,
        check::{self, Scope},
        copy::{self, Standing},
        engine::committer::Embedded,
        folder::{self, OpenError},
        health::Refusal,
        outbox::{self, Outbox},
        remote::{self, Remote},
        settings::Settings,
        tagged::{StoreKeyError, Tagged},
    },
    vault::Vault,
};

const RECORDS: &str = "records";
const STORE: &str = "store";
const MASTER_KEY: &str = "master-key";
const OUTBOX: &str = "outbox";

/// Altered records that are named; `store check` names more.
const NAMED: usize = 5;

/// Letters read at once.
const PAGE: usize = 64;

/// Letters looked at; where so many wait, the number does not matter any more.
const MOST_LETTERS: usize = 2048;

/// A letter that has not left after this long is late.
const LATE: Duration = Duration::from_secs(15 * 60);

/// What the store told.
pub struct Examined {
    pub findings: Vec<Finding>,
    /// Whether a process holds the store and serves.
    pub is_running: bool,
}

/// A way to the store.
enum Way {
    Running(Remote, tokio::task::JoinHandle<()>),
    Alone(Embedded),
    /// In a cluster, which is read from here.
    Cluster(Arc<dyn Store>),
    /// There is no store yet.
    New,
    /// It was not opened, and why.
    Closed(Finding),
}

pub async fn examine(patient: &Patient<'_>) -> Examined {
    let config = patient.config;
    let shown = config.store_folder().display().to_string();
    let kind = match config.store {
        StoreKind::Etcd => format!(
            "etcd, keys under {}, this machine is the node {}",
            config.cluster.prefix,
            assembly::node(config)
        ),
        kind => format!("{kind}, embedded, in {shown}"),
    };
    let (way, is_running) = reach(patient).await;
    let findings = match way {
        Way::New => vec![
            Finding::ok(
                STORE,
                format!(
                    "there is none in {shown} yet: the first start makes one ({}, embedded; etcd is not used)",
                    config.store
                ),
            ),
            master_key(patient, Kept::Nothing),
        ],
        Way::Closed(finding) => vec![finding, master_key(patient, Kept::Unknown)],
        Way::Running(remote, ended) => {
            let told = format!(
                "{kind}, held by the running lpse-kiosk, which answers{}",
                no_etcd(config.store)
            );
            let reading = Reading::Checked(Arc::new(remote));
            let findings = read(patient, reading, told, is_running).await;
            // Everything is answered; that the line closes is no finding.
            let _ = tokio::time::timeout(held::PATIENCE, ended).await;
            findings
        }
        Way::Alone(embedded) => {
            let ended = embedded.ended();
            let told = format!(
                "{kind}; no lpse-kiosk runs on it; every record was read, and all that were written are there{}",
                no_etcd(config.store)
            );
            let reading = Reading::Raw(Arc::new(embedded));
            let findings = read(patient, reading, told, is_running).await;
            ended.wait().await;
            findings
        }
        Way::Cluster(store) => {
            let told = format!("{kind}; no lpse-kiosk runs on this machine");
            read(patient, Reading::Raw(store), told, is_running).await
        }
    };
    Examined {
        findings,
        is_running,
    }
}

fn no_etcd(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Etcd => "",
        StoreKind::Sled | StoreKind::Redb => "; etcd is not used",
    }
}

/// The way to the store, and whether somebody runs on it.
async fn reach(patient: &Patient<'_>) -> (Way, bool) {
    let config = patient.config;
    let folder = config.store_folder();
    let failed = |message: String, what_to_do: &str| {
        Way::Closed(Finding::failure(STORE, message, what_to_do))
    };
    let mut held = Held::at_most(held::PATIENCE);
    loop {
        match remote::join(&config.socket_file()).await {
            Ok(Some(joined)) => {
                return (Way::Running(Remote::new(joined.line), joined.ended), true);
            }
            Ok(None) => {}
            Err(error) => {
                let what_to_do = "See what that process does, for example in its log.";
                return (failed(error.to_string(), what_to_do), true);
            }
        }
        if config.store == StoreKind::Etcd {
            let way = match cluster::to_look(&config.cluster) {
                Ok(store) => Way::Cluster(store),
                Err(error) => failed(
                    error,
                    "Mend the settings of [store], or the files that they name.",
                ),
            };
            return (way, false);
        }
        match folder::kind_in(&folder) {
            Ok(None) => {
                let way = match assembly::trace_of_store(config) {
                    None => Way::New,
                    Some(gone) => failed(
                        gone.to_string(),
                        "Do what it says; nothing else makes a store there.",
                    ),
                };
                return (way, false);
            }
            Ok(Some(_)) => {}
            Err(error) => {
                let message = format!(
                    "the store in {} cannot be looked at: {error}",
                    folder.display()
                );
                return (failed(message, &files::as_owner(patient)), false);
            }
        }
        if let Some(why) = spared(patient, &folder) {
            return (Way::Closed(why), false);
        }
        let (kind, floor) = (config.store, config.free_space_floor_mib);
        let at = folder.clone();
        match blocking(move || store::examine(kind, &at, floor)).await {
            Ok(embedded) => return (Way::Alone(embedded), false),
            Err(by @ OpenError::Held { .. }) => {
                let Err(by) = held.wait(by).await else {
                    continue;
                };
                let what_to_do = "It takes no commands at its socket: if it is not just doing some other command's work, \
                                  restart it.";
                return (failed(by.to_string(), what_to_do), true);
            }
            Err(error) => return (failed(error.to_string(), remedy(&error)), false),
        }
    }
}

/// Why the store in `folder` is not opened to look at it, if so.
fn spared(patient: &Patient<'_>, folder: &Path) -> Option<Finding> {
    // Files that root makes in somebody else's store would keep its owner out.
    if !patient.is_own() {
        let message = format!(
            "the store in {} belongs to uid {} and no lpse-kiosk runs on it: it was not opened",
            folder.display(),
            patient.user
        );
        let what_to_do = format!(
            "Start the kiosk and run this again. {}",
            files::as_owner(patient)
        );
        return Some(Finding::warning(STORE, message, what_to_do));
    }
    let mode = fs::metadata(folder).map_or(0, |folder| folder.mode());
    (mode & 0o077 != 0).then(|| {
        let message = format!(
            "the store in {} is open to others, and was not opened",
            folder.display()
        );
        let what_to_do = "Mend the modes told of above, and run this again.";
        Finding::failure(STORE, message, what_to_do)
    })
}

/// What to do about a store that cannot be opened.
fn remedy(error: &OpenError) -> &'static str {
    match error {
        OpenError::NoRoom(_) => "Make room on that disk; the store then goes on by itself.",
        OpenError::OtherKind { .. } => "Correct [store] kind.",
        OpenError::Newer { .. } => "Install that newer lpse-kiosk.",
        OpenError::Vanished { .. } => "Do what it says; nothing else makes a store there.",
        _ => "Keep a copy of the folder as it is before anything else is tried.",
    }
}

/// A store to be read.
enum Reading {
    /// Its holder checks every record.
    Checked(Arc<dyn Store>),
    /// As it is on the disk, or in the cluster.
    Raw(Arc<dyn Store>),
}

impl Reading {
    fn store(&self) -> &Arc<dyn Store> {
        match self {
            Self::Checked(store) | Self::Raw(store) => store,
        }
    }
}

/// Reads all records, but for the index of accounts.
async fn read(
    patient: &Patient<'_>,
    reading: Reading,
    told: String,
    is_running: bool,
) -> Vec<Finding> {
    let looked = async {
        let store = reading.store();
        let check = Settings::new(store.clone()).seal_check().await?;
        let standing = copy::standing(&**store).await?;
        let is_half_restored = backup::is_unfinished(&**store).await?;
        Ok::<_, StoreError>((check, standing, is_half_restored))
    };
    let (check, standing, is_half_restored) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            return vec![unread(patient, &error), master_key(patient, Kept::Unknown)];
        }
    };
    let kept = check.sealed.as_ref().map_or(Kept::Nothing, Kept::SealedBy);
    let key = master_key(patient, kept);
    // Its holder has a key of its own. Otherwise, without the master key, there is nothing to check records by.
    let is_checkable = matches!(reading, Reading::Checked(_)) || key.status == Status::Ok;
    if is_half_restored {
        let half = Finding::failure(
            STORE,
            format!("{told}; a restore into it was not finished"),
            "Run `lpse-kiosk restore` again, with the same backup or another, where it does not run now.",
        );
        return vec![half, key];
    }
    let mut findings = vec![stands(told, standing), key];
    // What is half there, or lives on elsewhere, is not to be held against anything.
    if standing == Standing::InService && is_checkable {
        match checked(patient, reading).await {
            Ok(Some(store)) => findings.extend(read_checked(patient, store, is_running).await),
            Ok(None) => {}
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// The store whose records are checked as they are read; `None` where there are none.
async fn checked(
    patient: &Patient<'_>,
    reading: Reading,
) -> Result<Option<Arc<dyn Store>>, Finding> {
    let raw = match reading {
        Reading::Checked(store) => return Ok(Some(store)),
        Reading::Raw(store) => store,
    };
    let path = &patient.config.master_key_file;
    let Ok(keys) = master_key_file::read_for(path, patient.user) else {
        return Ok(None);
    };
    match Tagged::look(raw, &Vault::of_keys(keys)).await {
        Ok(tagged) => Ok(tagged.map(|(tagged, _)| -> Arc<dyn Store> { Arc::new(tagged) })),
        Err(StoreKeyError::Store(error)) => Err(unread(patient, &error)),
        Err(error) => Err(Finding::failure(
            RECORDS,
            format!("they cannot be checked: {error}"),
            "Put the master key file that belongs to this store back, or restore a backup into an empty store.",
        )),
    }
}

/// What is found where every record is checked.
async fn read_checked(
    patient: &Patient<'_>,
    store: Arc<dyn Store>,
    is_running: bool,
) -> Vec<Finding> {
    let checked = match check::check(&store, Scope::ButTheIndex, |_| {}).await {
        Ok(checked) => checked,
        Err(error) => return vec![unread(patient, &error)],
    };
    let records = match checked.is_good() {
        true => Finding::ok(
            RECORDS,
            format!(
                "{} records, {} accounts: each is as it was written; `store check` reads the index of accounts too",
                checked.records, checked.accounts
            ),
        ),
        false => {
            let mut said = sentences(&checked);
            let more = said.len().saturating_sub(NAMED);
            if more > 0 {
                said.truncate(NAMED);
                said.push(format!("and {more} more"));
            }
            let (said, what_to_do) = (said.join(" "), what_to_do(&checked));
            match checked.is_totp_miscounted() {
                true => Finding::warning(RECORDS, said, what_to_do),
                false => Finding::failure(RECORDS, said, what_to_do),
            }
        }
    };
    let last_backup = match Settings::new(store.clone()).last_backup().await {
        Ok(last) => last_backup::judge(checked.accounts, last, patient.now, patient.config.zone),
        Err(error) => unread(patient, &error),
    };
    let letters = match letters(&Outbox::new(store)).await {
        Ok(letters) => judge_letters(&letters, patient.now, is_running),
        Err(error) => unread(patient, &error),
    };
    let help = help::judge(&checked, patient.config.letters_are_sent());
    vec![records, letters, help, last_backup]
}

fn unread(patient: &Patient<'_>, error: &StoreError) -> Finding {
    Finding::failure(
        STORE,
        format!("its records cannot be read: {error}"),
        match patient.config.store {
            StoreKind::Etcd => match Refusal::of(&error.to_string()) {
                Some(refusal) => refusal.what_to_do(),
                None => {
                    "Do what it says. Where members of the cluster are told of below, the service goes on by itself when most of them do."
                }
            },
            StoreKind::Sled | StoreKind::Redb => {
                "If it was written by a newer lpse-kiosk, install that one. Otherwise keep a copy of the folder as it is, \
                 and restore a backup."
            }
        },
    )
}

/// Whether the store serves.
fn stands(told: String, standing: Standing) -> Finding {
    match standing {
        Standing::InService => Finding::ok(STORE, told),
        Standing::HalfCopied => Finding::failure(
            STORE,
            format!("{told}; a copy into it was not finished"),
            "Run the same `lpse-kiosk store copy` again.",
        ),
        Standing::Moved => Finding::failure(
            STORE,
            format!("{told}; it was copied elsewhere, and lives on there"),
            "Set [store] kind, and the data folder, to where it was copied.",
        ),
    }
}

/// What is known of a store's seals.
#[derive(Clone, Copy)]
enum Kept<'a> {
    /// Nothing is sealed yet.
    Nothing,
    SealedBy(&'a SealedSecret),
    Unknown,
}

fn master_key(patient: &Patient<'_>, kept: Kept<'_>) -> Finding {
    let path = &patient.config.master_key_file;
    let shown = path.display();
    let vault = match master_key_file::read_for(path, patient.user) {
        Ok(keys) => Vault::of_keys(keys),
        Err(MasterKeyError::Missing(_)) => {
            if let Some(encrypted) = encrypted_beside(path) {
                return handed_over(path, &encrypted);
            }
            return match kept {
                Kept::Nothing => Finding::ok(
                    MASTER_KEY,
                    format!(
                        "there is none in {shown} yet: the first start makes one; keep a copy of it"
                    ),
                ),
                _ => Finding::failure(
                    MASTER_KEY,
                    format!("{shown} is missing, and the store's secrets are sealed with it"),
                    "Put it back from its safe copy. Where systemd hands it over, set [keys] master_key_file to its file.",
                ),
            };
        }
        // As at the kiosk's own user: systemd's credentials are for the service alone.
        Err(MasterKeyError::Unread(SecretFileError::Closed { .. })) => {
            return Finding::warning(
                MASTER_KEY,
                format!("{shown} cannot be read by this user"),
                "Run this as root while the kiosk runs, and the key is compared with the store.",
            );
        }
        Err(error) => {
            let what_to_do =
                "The kiosk refuses it too; mend it, or put it back from its safe copy.";
            return Finding::failure(MASTER_KEY, error.to_string(), what_to_do);
        }
    };
    match kept {
        Kept::SealedBy(check) => match vault.passes_check(check) {
            Ok(()) => Finding::ok(MASTER_KEY, format!("{shown} is the store's own")),
            Err(error) => Finding::failure(
                MASTER_KEY,
                format!("{shown} does not fit the store: {error}"),
                "Put the key file that belongs to this store back from its safe copy.",
            ),
        },
        Kept::Nothing => Finding::ok(MASTER_KEY, format!("{shown} is good; no store uses it yet")),
        Kept::Unknown => Finding::warning(
            MASTER_KEY,
            format!("{shown} is a good key; whether it is the store's own was not seen"),
            "Mend what is told of the store, and run this again.",
        ),
    }
}

/// Where systemd keeps the master key encrypted, as the unit has it, if it does: beside where it would be in the clear.
fn encrypted_beside(path: &Path) -> Option<PathBuf> {
    let mut encrypted = path.as_os_str().to_owned();
    encrypted.push(".cred");
    let encrypted = PathBuf::from(encrypted);
    encrypted.exists().then_some(encrypted)
}

/// Only systemd opens such a key, for the service and for a command that it starts.
fn handed_over(path: &Path, encrypted: &Path) -> Finding {
    let encrypted = encrypted.display();
    Finding::warning(
        MASTER_KEY,
        format!(
            "{} is not there, and systemd keeps it encrypted in {encrypted}: whether it is the store's own was not seen",
            path.display()
        ),
        format!(
            "Have systemd hand it to this command: systemd-run --pipe --wait -p \
             LoadCredentialEncrypted=master-key:{encrypted} lpse-kiosk doctor"
        ),
    )
}

async fn letters(outbox: &Outbox) -> Result<Vec<outbox::Read>, StoreError> {
    let mut letters = Vec::new();
    let mut after: Option<LetterId> = None;
    loop {
        let page = outbox.page(after.as_ref(), PAGE).await?;
        letters.extend(page.letters);
        after = page.next;
        if after.is_none() || letters.len() >= MOST_LETTERS {
            return Ok(letters);
        }
    }
}

fn judge_letters(letters: &[outbox::Read], now: jiff::Timestamp, is_running: bool) -> Finding {
    let refused = |delivery: &Delivery| delivery.stage == Stage::Refused;
    let refusals = letters
        .iter()
        .filter(|read| refused(&read.delivery))
        .count();
    let is_late =
        |read: &&outbox::Read| !refused(&read.delivery) && elapsed(read.letter.at, now) > LATE;
    let late = letters.iter().filter(is_late).count();
    let last_error = letters
        .iter()
        .rev()
        .find_map(|read| read.delivery.last_error.clone());
    let said = last_error.map_or(String::new(), |said| format!("; the mail server: {said}"));
    if refusals > 0 {
        return Finding::warning(
            OUTBOX,
            format!("letters that were refused: {refusals}{said}"),
            "See `lpse-kiosk outbox list`; `lpse-kiosk outbox retry` sends one again.",
        );
    }
    match (letters.len(), late, is_running) {
        (0, ..) => Finding::ok(OUTBOX, "no letter waits"),
        (_, 1.., true) => Finding::warning(
            OUTBOX,
            format!("letters that have waited for more than 15 minutes: {late}{said}"),
            "See `lpse-kiosk outbox list`, and the mail server.",
        ),
        (waiting, _, true) => Finding::ok(OUTBOX, format!("letters on their way: {waiting}")),
        (waiting, ..) => Finding::ok(
            OUTBOX,
            format!("letters that the next start of the kiosk delivers: {waiting}"),
        ),
    }
}
