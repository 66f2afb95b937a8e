//! `lpse-kiosk user import`: many accounts from a CSV file, all or nothing.
//!
//! The file is read twice: first every line is judged and nothing is written, then the accounts are added by parts
//! and become visible together. A part holds a few hundred accounts at most, so memory does not grow with the file
//! but for a digest a line that finds IDs given twice.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, IsTerminal, Write},
    path::Path,
};

use csv::{Reader, ReaderBuilder, StringRecord};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{CliError, line};
use crate::{
    domain::{AccountKey, EmailAddress, PasswordHash, PersonName, PlainPassword, Source, UserId},
    service::{
        Services,
        accounts::{AccountsError, Import, NewAccount},
    },
};

/// Accounts hashed and added together; no more than the hashing queue takes.
const PART: usize = 64;

/// Bad lines told in full; the rest is counted.
const TOLD: usize = 50;

/// Where each column stands.
struct Columns {
    user_id: usize,
    user_type: usize,
    name: usize,
    email: usize,
    password: Option<usize>,
    password_hash: Option<usize>,
}

/// A line that can become an account.
struct Row {
    key: AccountKey,
    name: PersonName,
    email: EmailAddress,
    credential: Credential,
}

enum Credential {
    Password(PlainPassword),
    Hash(PasswordHash),
}

pub async fn run(
    path: &Path,
    dry_run: bool,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let (rows, bad) = judge(path, services).await?;
    if bad > 0 {
        return Err(CliError::Refused(format!(
            "{bad} of {} lines are bad; nothing was imported",
            rows + bad
        )));
    }
    if dry_run {
        return line(format!(
            "All {rows} lines are good; nothing was written (dry run)."
        ));
    }
    let import = services.accounts.begin_import().await?;
    match add_all(path, rows, services, &import).await {
        Ok(()) => {
            import.finish(source).await?;
            line(format!("Imported {rows} accounts."))
        }
        Err(error) => {
            import.abandon().await?;
            Err(error)
        }
    }
}

/// Judges every line; returns how many are good and how many bad, which are told on standard error.
async fn judge(path: &Path, services: &Services) -> Result<(u64, u64), CliError> {
    let (mut reader, columns) = open(path)?;
    let progress = progress("Checking", path)?;
    let mut seen = HashSet::new();
    let (mut good, mut bad) = (0, 0);
    let mut record = StringRecord::new();
    loop {
        let (number, judged) = match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let number = record.position().map_or(0, csv::Position::line);
                (number, row(&record, &columns, true))
            }
            Err(error) => {
                let number = error.position().map_or(0, csv::Position::line);
                if matches!(error.kind(), csv::ErrorKind::Io(_)) {
                    return Err(unreadable(path, &error));
                }
                (
                    number,
                    Err(
                        "the line is not valid CSV in UTF-8, or has too many or too few columns"
                            .to_owned(),
                    ),
                )
            }
        };
        progress.set_position(reader.position().byte());
        let judged = match judged {
            Ok(row) if !seen.insert(digest(&row.key)) => Err(format!(
                "{} {} stands twice in the file",
                row.key.user_type, row.key.user_id
            )),
            Ok(row) if services.accounts.get(&row.key).await?.is_some() => {
                Err(AccountsError::Exists(row.key).to_string())
            }
            other => other.map(drop),
        };
        match judged {
            Ok(()) => good += 1,
            Err(why) => {
                bad += 1;
                if bad <= TOLD as u64 {
                    progress.suspend(|| writeln!(io::stderr(), "line {number}: {why}"))?;
                }
            }
        }
    }
    progress.finish_and_clear();
    if bad > TOLD as u64 {
        writeln!(io::stderr(), "and {} further bad lines", bad - TOLD as u64)?;
    }
    Ok((good, bad))
}

async fn add_all(
    path: &Path,
    expected: u64,
    services: &Services,
    import: &Import,
) -> Result<(), CliError> {
    let changed =
        || CliError::Refused("the file changed while it was imported; nothing was imported".into());
    let (mut reader, columns) = open(path)?;
    let progress = progress("Importing", path)?;
    let mut part = Vec::with_capacity(PART);
    let mut added = 0;
    let mut record = StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).map_err(|_| changed())?;
        if more {
            part.push(row(&record, &columns, false).map_err(|_| changed())?);
        }
        if part.len() == PART || (!more && !part.is_empty()) {
            added += part.len() as u64;
            import
                .add(hashed(std::mem::take(&mut part), services).await?)
                .await?;
            progress.set_position(reader.position().byte());
        }
        if !more {
            break;
        }
    }
    progress.finish_and_clear();
    if added == expected {
        Ok(())
    } else {
        Err(changed())
    }
}

/// The rows with their passwords hashed, on all threads of the hashing pool at once.
async fn hashed(rows: Vec<Row>, services: &Services) -> Result<Vec<NewAccount>, CliError> {
    let mut tasks = JoinSet::new();
    for row in rows {
        let accounts = services.accounts.clone();
        tasks.spawn(async move {
            let password = match row.credential {
                Credential::Hash(hash) => hash,
                Credential::Password(password) => accounts.hash(password).await?,
            };
            Ok::<_, CliError>(NewAccount {
                key: row.key,
                name: row.name,
                email: row.email,
                password,
            })
        });
    }
    let mut new = Vec::with_capacity(tasks.len());
    for done in tasks.join_all().await {
        new.push(done?);
    }
    Ok(new)
}

fn open(path: &Path) -> Result<(Reader<File>, Columns), CliError> {
    let file = File::open(path).map_err(|error| {
        CliError::Refused(format!("{} cannot be read: {error}", path.display()))
    })?;
    let mut reader = ReaderBuilder::new()
        .trim(csv::Trim::Fields)
        .from_reader(file);
    let headers = reader
        .headers()
        .map_err(|error| unreadable(path, &error))?
        .clone();
    let headers: Vec<&str> = headers
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}'))
        .collect();
    let find = |name: &str| {
        headers
            .iter()
            .position(|header| header.eq_ignore_ascii_case(name))
    };
    let need = |name: &str| {
        find(name).ok_or_else(|| {
            CliError::Refused(format!(
                "{}: the first line must name the columns user_id, type, name, email and password or password_hash; \
                 {name} is missing",
                path.display()
            ))
        })
    };
    let columns = Columns {
        user_id: need("user_id")?,
        user_type: need("type")?,
        name: need("name")?,
        email: need("email")?,
        password: find("password"),
        password_hash: find("password_hash"),
    };
    if columns.password.is_none() && columns.password_hash.is_none() {
        need("password")?;
    }
    Ok((reader, columns))
}

/// What a line means. The rules for new passwords are applied when `judging`; the second time they hold already.
fn row(record: &StringRecord, columns: &Columns, judging: bool) -> Result<Row, String> {
    let field = |column: usize| record.get(column).unwrap_or_default();
    let user_id =
        UserId::parse(field(columns.user_id)).map_err(|error| format!("user_id: {error}"))?;
    let user_type = field(columns.user_type)
        .parse()
        .map_err(|error| format!("type: {error}"))?;
    let name = PersonName::parse(field(columns.name)).map_err(|error| format!("name: {error}"))?;
    let email =
        EmailAddress::parse(field(columns.email)).map_err(|error| format!("email: {error}"))?;
    let given = |column: Option<usize>| column.map(field).filter(|text| !text.is_empty());
    let credential = match (given(columns.password_hash), given(columns.password)) {
        (Some(_), Some(_)) => return Err("password and password_hash are both given".into()),
        (None, None) => return Err("neither password nor password_hash is given".into()),
        (Some(hash), None) => Credential::Hash(
            PasswordHash::parse(hash).map_err(|error| format!("password_hash: {error}"))?,
        ),
        (None, Some(password)) if judging => {
            let context = [user_id.as_str(), name.as_str(), email.as_str()];
            Credential::Password(
                PlainPassword::chosen(password, &context)
                    .map_err(|error| format!("password: {error}"))?,
            )
        }
        (None, Some(password)) => {
            Credential::Password(PlainPassword::typed(password).ok_or("password: too long")?)
        }
    };
    Ok(Row {
        key: AccountKey::new(user_type, user_id),
        name,
        email,
        credential,
    })
}

fn digest(key: &AccountKey) -> [u8; 16] {
    let hash = Sha256::digest(key.to_string().as_bytes());
    std::array::from_fn(|at| hash[at])
}

fn progress(what: &'static str, path: &Path) -> Result<ProgressBar, CliError> {
    let bytes = path.metadata()?.len();
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{msg:<10} {wide_bar} {percent:>3} %  {eta} left")
        .expect("the template is part of the program");
    Ok(ProgressBar::with_draw_target(Some(bytes), target)
        .with_style(style)
        .with_message(what))
}

fn unreadable(path: &Path, error: &csv::Error) -> CliError {
    CliError::Refused(format!("{} cannot be read: {error}", path.display()))
}
