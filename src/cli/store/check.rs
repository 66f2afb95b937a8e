//! `lpse-kiosk store check`: whether every record is as it was written, and no account is missing.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{error::CliError, outcome::Form, output::Lines, progress},
    domain::{Source, audit::Act},
    service::Services,
    store::{
        Altered, Key,
        check::{Checked, Counted},
    },
};

/// Read every record, and say which are not as they were written
///
/// Every record carries a tag that only this program can make, under a key that the master key seals. One that was damaged
/// on the disk, moved, or changed by anything else is named, and so it is when accounts are missing. Nothing is decided by
/// such a record: whom it is about is told that the service is unavailable. A record that was put back as it once was is not
/// found in this way. The exit status is 1 when something is not as it was written.
///
/// A backup brings everything back, into an empty store (`lpse-kiosk restore`). With --accept the store goes on without:
/// altered records are removed, each noted in the audit log first, and the number of accounts is what it is then. An account
/// that is removed can be added again; what was counted against a terminal or an address begins anew; the links and letters
/// that are removed lead nowhere any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk store check\n  lpse-kiosk store check --accept")]
pub struct CheckArguments {
    /// Remove what is altered, and take the number of accounts for what it is
    #[arg(long)]
    accept: bool,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: &CheckArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let template = "{msg} {spinner} {pos} records  {rate}";
    let progress = progress::count("Checking", template);
    let told = |records| progress.inc(records);
    let (removed, checked) = match arguments.accept {
        false => (Vec::new(), services.store_check.check(source, told).await?),
        true => {
            let accepted = services.store_check.accept(source, told).await?;
            let checked = Checked {
                counted: Counted::Accounts(accepted.accounts),
                // They were counted anew.
                totp_counted: None,
                ..accepted.left
            };
            (accepted.removed, checked)
        }
    };
    progress.finish_and_clear();
    if arguments.form.is_json() {
        let (act, about) = match arguments.accept {
            true => (Act::AcceptAltered, as_json(&checked, Some(&removed))),
            false => (Act::CheckStore, as_json(&checked, None)),
        };
        let form = arguments.form;
        form.tell(act, !removed.is_empty(), about, "")?;
    } else {
        let mut lines = Lines::new();
        for altered in &removed {
            lines.line(format!("{:?} is removed.", altered.record()))?;
        }
        if let (true, Counted::Accounts(accounts)) = (arguments.accept, checked.counted) {
            lines.line(format!("There are {accounts} accounts."))?;
        }
        if !arguments.accept || checked.altered > 0 {
            for sentence in sentences(&checked) {
                lines.line(sentence)?;
            }
        }
        lines.flush()?;
    }
    match checked.is_good() || arguments.accept && checked.altered == 0 {
        true => Ok(()),
        false => Err(CliError::Refused(what_to_do(&checked).to_owned())),
    }
}

/// What a walk has found, for programs: the same as [`sentences`]. `removed`: what was accepted, where anything could be.
fn as_json(checked: &Checked, removed: Option<&[Altered]>) -> Value {
    let names = |altered: &[Altered]| -> Vec<Value> {
        let named = altered.iter().map(|altered| {
            let is_missing = matches!(altered, Altered::Missing(_));
            json!({
                "record": format!("{:?}", altered.record()),
                "is": if is_missing { "missing" } else { "changed" },
            })
        });
        named.collect()
    };
    let mut about = json!({
        "records": checked.records,
        "accounts": checked.accounts,
        "accounts_missing": checked.missing(),
        "accounts_miscounted_by_totp": checked.is_totp_miscounted(),
        "altered": checked.altered,
        "named": names(&checked.named),
    });
    if let (Some(removed), Value::Object(about)) = (removed, &mut about) {
        about.insert("removed".to_owned(), names(removed).into());
    }
    about
}

/// What a walk over the records has found.
pub fn sentences(checked: &Checked) -> Vec<String> {
    let Checked {
        records,
        accounts,
        altered,
        named,
        ..
    } = checked;
    if checked.is_good() {
        return vec![format!(
            "{records} records, {accounts} accounts: each is as it was written."
        )];
    }
    if checked.is_totp_miscounted() {
        return vec![format!(
            "{records} records, {accounts} accounts: each is as it was written. How many have TOTP was counted wrongly, which \
             only monitoring goes by."
        )];
    }
    let mut said: Vec<String> = named.iter().map(name).collect();
    let more = altered - named.len() as u64;
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    match checked.missing() {
        Some(missing) if missing > 0 => said.push(format!(
            "{accounts} accounts can be read, {missing} fewer than were counted: they are altered, or were removed by \
             something that is not lpse-kiosk."
        )),
        Some(missing) if missing < 0 => said.push(format!(
            "{accounts} accounts can be read, {} more than were counted: the number, or the accounts, were put back as they \
             once were.",
            missing.unsigned_abs()
        )),
        _ => {}
    }
    said
}

fn name(altered: &Altered) -> String {
    match altered {
        Altered::Changed(key) => format!("{key:?} was damaged, moved or changed."),
        Altered::Missing(key) => format!("{key:?} is missing."),
    }
}

/// How to go on.
pub fn what_to_do(checked: &Checked) -> &'static str {
    if checked.is_totp_miscounted() {
        return "`lpse-kiosk store check --accept` counts them anew; nothing else is changed by it.";
    }
    let policy = Key::policy();
    match checked.named.iter().any(|it| *it.record() == policy) {
        true => {
            "Nobody is let in before the policy is set again: `lpse-kiosk policy required --recovery-codes on`, or as it was. \
             For the rest, `lpse-kiosk restore` brings a backup back, and `lpse-kiosk store check --accept` goes on without."
        }
        false => {
            "Nothing is decided by these records. `lpse-kiosk restore` brings a backup back into an empty store; \
             `lpse-kiosk store check --accept` goes on without them."
        }
    }
}
