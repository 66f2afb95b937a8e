//! `lpse-kiosk user import`: many accounts from a CSV file, all or nothing.
//!
//! The file is read twice: first every row is judged and nothing is written, then the accounts are added by parts
//! and become visible together. At most [`HASHES_AT_ONCE`] passwords are in memory; with the file grows only a digest
//! a row, which finds IDs given twice. What is piped is kept in memory for the second reading.

mod pipe;
mod row;
mod spreadsheet;
mod table;
mod utf16;

use std::{
    collections::{HashMap, HashSet, hash_map},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use indicatif::ProgressBar;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use self::{
    row::{Credential, Entry, Header, Problem, Reading},
    table::Table,
};
use super::reason::AnyReason;
use crate::{
    adapter::file_owner::as_oneself,
    cli::{error::CliError, outcome::Form, progress},
    domain::{AccountKey, Source, account::Role, audit::Act},
    service::{
        ServiceError, Services,
        accounts::{AccountsError, ByCommand, Import, NewAccount},
    },
};

/// Passwords that wait for their hash or are being hashed at once; enough for many cores.
pub const HASHES_AT_ONCE: usize = 128;

/// Accounts that are looked for in the store side by side.
const LOOKED_UP_AT_ONCE: usize = 64;

/// Accounts added to the store together.
const PART: usize = 256;

/// Problems told in full; the rest is counted.
const TOLD: u64 = 50;

/// Add many accounts from a CSV file, all or nothing
///
/// The first line names the columns, in any order: user_id, type, name, email, and password or password_hash (an
/// Argon2id hash of 32 bytes in PHC form) or both, one of them empty. Columns are separated by commas, semicolons or
/// tabs, the text is UTF-8, or UTF-16 with a byte order mark: "CSV UTF-8" and "Unicode text" of spreadsheets. First every
/// line is checked, also against the store; every bad line is told with its number, its column and what is wrong, the
/// first 50 in full. What a spreadsheet may have mangled, such as a long number, is a warning. Only when all are good,
/// the accounts are added, and become visible together. Passwords are hashed on all cores.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user import --dry-run accounts.csv\n  lpse-kiosk user import accounts.csv\n  \
        gpg --decrypt accounts.csv.gpg | lpse-kiosk user import - --json\n\n\
        A file:\n  user_id,type,name,email,password\n  \
        PPK30,non-penyedia,Siti Nurhaliza,siti@contoh.go.id,kuda hijau di awan\n  \
        CVMAJU,penyedia,\"Maju Bersama, CV\",cv@maju.co.id,perahu layar biru"
)]
pub struct ImportArguments {
    /// The CSV file; - is what is piped into the command
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Check everything and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reason: AnyReason,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: ImportArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let ImportArguments {
        file,
        dry_run,
        reason,
        form,
    } = arguments;
    let by = reason.from(source);
    let (file, table) = match file == Path::new("-") {
        true => ("standard input".into(), pipe::kept().and_then(Table::of)),
        false => (file.clone(), as_oneself(|| Table::open(&file))),
    };
    let mut table = table.map_err(|error| unreadable(&file, error))?;
    let judged = judge(&mut table, &file, services).await?;
    if judged.bad > 0 {
        let all = judged.good + judged.bad;
        let told = format!("{} of {} bad; nothing was imported", judged.bad, lines(all));
        // A script that imports a file again relies on what it left behind, and wants to know that this is all.
        return Err(match judged.there == all {
            true => CliError::ThereAlready(told),
            false => CliError::Refused(told),
        });
    }
    let tell = |changed, sentence: String| {
        let about = json!({ "accounts": judged.good, "warned": judged.suspicious });
        form.tell(Act::ImportAccounts, changed, about, sentence)
    };
    if dry_run {
        let (good, warned) = (lines(judged.good), judged.warned());
        let told = format!("{good} good{warned}; nothing was written (dry run).");
        return tell(false, told);
    }
    let template = "{msg:<10} {wide_bar} {pos}/{len}  {rate}  {eta} left";
    let progress = progress::bar("Importing", judged.good, template);
    let mut import = services.accounts.begin_import().await?;
    let adding = Adding {
        services,
        by,
        progress: &progress,
    };
    match adding.all(&mut table, &file, &judged, &mut import).await {
        Ok(()) => {
            let finished = import.finish(by).await;
            progress.finish_and_clear();
            finished?;
            let plural = if judged.good == 1 { "" } else { "s" };
            let warned = judged.warned();
            let told = format!("Imported {} account{plural}{warned}.", judged.good);
            tell(true, told)
        }
        Err(error) => {
            // Nothing of it is visible either way: what is left behind is cleared away when the store opens next.
            let _ = import.abandon().await;
            progress.finish_and_clear();
            Err(error)
        }
    }
}

/// What the first reading found.
struct Judged {
    good: u64,
    bad: u64,
    /// Those of the bad whose account there is already.
    there: u64,
    /// Lines that are good and look as if a spreadsheet had made something of them.
    suspicious: u64,
    /// Of everything that was read.
    digest: [u8; 32],
}

impl Judged {
    fn warned(&self) -> String {
        match self.suspicious {
            0 => String::new(),
            1 => ", 1 of them with a warning".to_owned(),
            many => format!(", {many} of them with warnings"),
        }
    }
}

/// Judges every row; the bad ones are told on standard error.
async fn judge(table: &mut Table, path: &Path, services: &Services) -> Result<Judged, CliError> {
    let header = header(table, path)?;
    let template = "{msg:<10} {wide_bar} {percent:>3} %  {bytes_per_sec}  {eta} left";
    let progress = progress::bar("Checking", table.length(), template);
    let mut seen: HashMap<[u8; 16], u64> = HashMap::new();
    let (mut good, mut bad, mut already, mut suspicious) = (0, 0, 0, 0);
    let (mut told, mut warned) = (0, 0);
    let mut more = true;
    while more {
        let mut rows = Vec::with_capacity(LOOKED_UP_AT_ONCE);
        while rows.len() < LOOKED_UP_AT_ONCE {
            let position = table.position();
            let Some(row) = table.next().map_err(|error| unreadable(path, error))? else {
                more = false;
                break;
            };
            progress.set_position(position);
            let number = row.line;
            rows.push((
                number,
                match row.content.map(|f| header.entry(f, Reading::Judging)) {
                    Ok(Ok(entry)) => match first_of_its_key(&entry.key, number, &mut seen) {
                        Ok(()) => Ok((entry.key, entry.suspicions)),
                        Err(problem) => Err(vec![problem]),
                    },
                    Ok(Err(problems)) => Err(problems),
                    Err(fault) => Err(vec![Problem {
                        column: None,
                        why: fault.to_string(),
                    }]),
                },
            ));
        }
        let keys = rows
            .iter()
            .filter_map(|(_, judged)| judged.as_ref().ok().map(|(key, _)| key));
        let there = those_that_exist(keys, services).await?;
        for (number, judged) in rows {
            let problems = match judged {
                Ok((key, _)) if there.contains(&key) => {
                    already += 1;
                    vec![of_user_id(AccountsError::Exists(key).to_string())]
                }
                Ok((_, suspicions)) => {
                    good += 1;
                    suspicious += u64::from(!suspicions.is_empty());
                    for suspicion in suspicions {
                        warned += 1;
                        if warned <= TOLD {
                            let told = format!("warning: line {number}, {suspicion}");
                            progress.suspend(|| writeln!(io::stderr(), "{told}"))?;
                        }
                    }
                    continue;
                }
                Err(problems) => problems,
            };
            bad += 1;
            for problem in problems {
                told += 1;
                if told <= TOLD {
                    progress.suspend(|| writeln!(io::stderr(), "line {number}, {problem}"))?;
                }
            }
        }
    }
    progress.finish_and_clear();
    if told > TOLD {
        writeln!(io::stderr(), "and {} more problems", told - TOLD)?;
    }
    if warned > TOLD {
        writeln!(io::stderr(), "and {} more warnings", warned - TOLD)?;
    }
    Ok(Judged {
        good,
        bad,
        there: already,
        suspicious,
        digest: table.digest(),
    })
}

fn of_user_id(why: String) -> Problem {
    Problem {
        column: Some(row::Column::UserId),
        why,
    }
}

/// Refuses an account that stands on an earlier line.
fn first_of_its_key(
    key: &AccountKey,
    number: u64,
    seen: &mut HashMap<[u8; 16], u64>,
) -> Result<(), Problem> {
    match seen.entry(digest(key)) {
        hash_map::Entry::Occupied(first) => {
            let perhaps = match spreadsheet::is_rounded(key.user_id.as_str()) {
                true => {
                    "; a spreadsheet, which keeps 15 digits of a number, may have made one of two"
                }
                false => "",
            };
            Err(of_user_id(format!(
                "{} {} stands on line {} already{perhaps}",
                key.user_type,
                key.user_id,
                first.get()
            )))
        }
        hash_map::Entry::Vacant(place) => {
            place.insert(number);
            Ok(())
        }
    }
}

/// Those of `keys` that the store has an account of. They are asked for side by side: a cluster is a network away.
async fn those_that_exist(
    keys: impl Iterator<Item = &AccountKey>,
    services: &Services,
) -> Result<HashSet<AccountKey>, CliError> {
    let mut looks = JoinSet::new();
    for key in keys.cloned() {
        let accounts = services.accounts.clone();
        looks.spawn(async move {
            let found = accounts.get(&key).await?;
            Ok::<_, ServiceError>(found.map(|_| key))
        });
    }
    let mut there = HashSet::new();
    while let Some(looked) = looks.join_next().await {
        let looked =
            looked.map_err(|_| CliError::Refused("an account was not looked up".into()))?;
        there.extend(looked?);
    }
    Ok(there)
}

/// What the second reading works with.
struct Adding<'a> {
    services: &'a Services,
    by: ByCommand<'a>,
    progress: &'a ProgressBar,
}

impl Adding<'_> {
    /// Reads the file again and adds its accounts, unless it is no longer the file that was judged.
    async fn all(
        &self,
        table: &mut Table,
        path: &Path,
        judged: &Judged,
        import: &mut Import,
    ) -> Result<(), CliError> {
        let changed = || {
            CliError::Refused("the file changed while it was imported; nothing was imported".into())
        };
        table.rewind().map_err(|error| unreadable(path, error))?;
        let header = header(table, path)?;
        let mut hashing: JoinSet<Result<NewAccount, ServiceError>> = JoinSet::new();
        let mut part: Vec<NewAccount> = Vec::with_capacity(PART);
        let mut more = true;
        while more || !hashing.is_empty() {
            let before = part.len();
            // Hashes go on while a part is written, so that the cores and the disk do not wait for each other.
            if more && hashing.len() < HASHES_AT_ONCE {
                match table.next().map_err(|error| unreadable(path, error))? {
                    None => more = false,
                    Some(row) => {
                        let fields = row.content.map_err(|_| changed())?;
                        let entry = header.entry(fields, Reading::Taking);
                        take(
                            entry.map_err(|_| changed())?,
                            self.services,
                            &mut hashing,
                            &mut part,
                        );
                    }
                }
            } else if let Some(done) = hashing.join_next().await {
                let done =
                    done.map_err(|_| CliError::Refused("a password was not hashed".into()))?;
                part.push(done?);
            }
            // Each hash shows: what is written together takes seconds to be hashed.
            self.progress.inc((part.len() - before) as u64);
            if part.len() >= PART {
                self.add(&mut part, import).await?;
            }
        }
        self.add(&mut part, import).await?;
        // The digest of the second reading must be the first's: otherwise something unjudged was added.
        if table.digest() == judged.digest {
            Ok(())
        } else {
            Err(changed())
        }
    }

    async fn add(&self, part: &mut Vec<NewAccount>, import: &mut Import) -> Result<(), CliError> {
        if !part.is_empty() {
            import.add(std::mem::take(part), self.by).await?;
        }
        Ok(())
    }
}

/// Puts an entry into the part, by way of the hashing pool where its password has no hash yet.
fn take(
    entry: Entry,
    services: &Services,
    hashing: &mut JoinSet<Result<NewAccount, ServiceError>>,
    part: &mut Vec<NewAccount>,
) {
    let Entry {
        key,
        name,
        email,
        credential,
        suspicions: _,
    } = entry;
    let with = |password| NewAccount {
        key,
        name,
        email,
        role: Role::User,
        password,
    };
    match credential {
        Credential::Hash(password) => part.push(with(password)),
        Credential::Password(password) => {
            let accounts = services.accounts.clone();
            hashing.spawn(async move { Ok(with(accounts.hash(password).await?)) });
        }
    }
}

fn header(table: &mut Table, path: &Path) -> Result<Header, CliError> {
    let refused = |line: u64, why: String| {
        CliError::Refused(format!("{}, line {line}: {why}", path.display()))
    };
    match table.next().map_err(|error| unreadable(path, error))? {
        None => Err(refused(
            1,
            "the file is empty; its first line must name the columns".into(),
        )),
        Some(row) => {
            let refused = |why| refused(row.line, why);
            let fields = row.content.map_err(|fault| refused(fault.to_string()))?;
            Header::read(fields).map_err(refused)
        }
    }
}

/// Tells accounts apart in a quarter of the room of their keys.
fn digest(key: &AccountKey) -> [u8; 16] {
    let hash = Sha256::digest(key.to_string().as_bytes());
    std::array::from_fn(|at| hash[at])
}

fn lines(count: u64) -> String {
    match count {
        1 => "1 line is".to_owned(),
        _ => format!("{count} lines are"),
    }
}

fn unreadable(path: &Path, error: io::Error) -> CliError {
    CliError::Refused(format!("{} cannot be read: {error}", path.display()))
}
