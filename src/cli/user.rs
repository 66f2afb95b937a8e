//! `lpse-kiosk user`: the accounts, by operators.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{CliError, import, line};
use crate::{
    domain::{
        Account, AccountKey, Authenticator, EmailAddress, PersonName, PlainPassword, Source,
        UserId, UserType, throttle::PASSCODE_FAILURES_HELD,
    },
    service::{Services, accounts::NewAccount},
};

/// Accounts listed in one read of the store.
const PAGE: usize = 256;

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account; its password is asked for twice, or read from the first line of standard input
    #[command(
        after_help = "Example:\n  lpse-kiosk user add PPK30 --type non-penyedia --name \"Siti Nurhaliza\" --email siti@contoh.go.id"
    )]
    Add {
        /// 3 to 32 letters, digits, dots, underscores or hyphens; capital and small letters are the same
        #[arg(value_parser = UserId::parse)]
        user_id: UserId,
        #[arg(long = "type", value_name = "TYPE", help = "penyedia or non-penyedia")]
        user_type: UserType,
        #[arg(long, help = "The name of the person or the business", value_parser = PersonName::parse)]
        name: PersonName,
        #[arg(long, help = "Where letters go", value_parser = EmailAddress::parse)]
        email: EmailAddress,
    },
    /// List accounts, in the order of their IDs
    List {
        /// Only this type: penyedia or non-penyedia
        #[arg(long = "type", value_name = "TYPE")]
        user_type: Option<UserType>,
        /// Only IDs that begin with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// Print JSON, one account a line
        #[arg(long)]
        json: bool,
    },
    /// Show one account
    Show {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a new password, asked for as with add; open logins of the account end
    SetPassword(Which),
    /// Switch an account's TOTP off, also when it is held after too many wrong codes; open logins end
    ResetTotp(Which),
    /// Remove an account
    Remove {
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Add many accounts from a CSV file, all or nothing
    ///
    /// The first line names the columns: user_id, type, name, email, and password or password_hash (an Argon2id
    /// hash in PHC form). Every bad line is told with its number.
    #[command(
        after_help = "Example:\n  lpse-kiosk user import --dry-run accounts.csv\n  lpse-kiosk user import accounts.csv"
    )]
    Import {
        file: PathBuf,
        /// Check everything and write nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which account.
#[derive(Debug, Args)]
pub struct Which {
    /// The account's User ID
    #[arg(value_parser = UserId::parse)]
    user_id: UserId,
    #[arg(long = "type", value_name = "TYPE", help = "penyedia or non-penyedia")]
    user_type: UserType,
}

impl Which {
    fn key(&self) -> AccountKey {
        AccountKey::new(self.user_type, self.user_id.clone())
    }
}

pub async fn run(
    command: UserCommand,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let accounts = &services.accounts;
    match command {
        UserCommand::Add {
            user_id,
            user_type,
            name,
            email,
        } => {
            let key = AccountKey::new(user_type, user_id);
            if accounts.get(&key).await?.is_some() {
                return Err(crate::service::accounts::AccountsError::Exists(key).into());
            }
            let password = new_password(&key, &name, &email)?;
            let password = accounts.hash(password).await?;
            let said = format!("Added {} {}.", key.user_type, key.user_id);
            let new = NewAccount {
                key,
                name,
                email,
                password,
            };
            accounts.add(new, source).await?;
            line(said)
        }
        UserCommand::List {
            user_type,
            prefix,
            json,
        } => list(services, user_type, &prefix, json).await,
        UserCommand::Show { which, json } => {
            let account = known(services, &which.key()).await?;
            if json {
                return line(as_json(&account));
            }
            for (name, value) in facts(&account) {
                line(format!("{name:<16}{value}"))?;
            }
            Ok(())
        }
        UserCommand::SetPassword(which) => {
            let account = known(services, &which.key()).await?;
            let password = new_password(&account.key, &account.name, &account.email)?;
            let password = accounts.hash(password).await?;
            accounts
                .set_password(&account.key, password, source)
                .await?;
            line(format!("Password of {} set.", account.key.user_id))
        }
        UserCommand::ResetTotp(which) => {
            accounts.reset_totp(&which.key(), source).await?;
            line(format!("TOTP of {} is off.", which.user_id))
        }
        UserCommand::Remove { which, yes } => {
            let account = known(services, &which.key()).await?;
            if !yes && !confirmed(&account)? {
                return Err(CliError::Refused("nothing was removed".into()));
            }
            accounts.remove(&account.key, source).await?;
            line(format!("Removed {} {}.", which.user_type, which.user_id))
        }
        UserCommand::Import { file, dry_run } => {
            import::run(&file, dry_run, services, source).await
        }
    }
}

async fn known(services: &Services, key: &AccountKey) -> Result<Account, CliError> {
    let account = services.accounts.get(key).await?;
    account.ok_or_else(|| crate::service::accounts::AccountsError::Unknown(key.clone()).into())
}

async fn list(
    services: &Services,
    user_type: Option<UserType>,
    prefix: &str,
    json: bool,
) -> Result<(), CliError> {
    let prefix = prefix.trim().to_ascii_uppercase();
    let types = match user_type {
        Some(one) => vec![one],
        None => UserType::ALL.to_vec(),
    };
    for user_type in types {
        let mut after: Option<UserId> = None;
        loop {
            let page = services
                .accounts
                .page(user_type, &prefix, after.as_ref(), PAGE)
                .await?;
            for account in page.accounts {
                if json {
                    line(as_json(&account))?;
                } else {
                    let Account {
                        key, name, email, ..
                    } = &account;
                    let totp = totp_word(&account);
                    line(format!(
                        "{:<13} {:<32} {totp:<8} {name}  <{email}>",
                        key.user_type, key.user_id
                    ))?;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn totp_word(account: &Account) -> &'static str {
    if account.passcode_throttle.failures >= PASSCODE_FAILURES_HELD {
        return "held";
    }
    match account.authenticator {
        Authenticator::Absent => "off",
        Authenticator::Pending { .. } => "pending",
        Authenticator::Active { .. } => "active",
    }
}

fn as_json(account: &Account) -> Value {
    json!({
        "user_id": account.key.user_id.as_str(),
        "type": account.key.user_type.as_str(),
        "name": account.name.as_str(),
        "email": account.email.as_str(),
        "totp": totp_word(account),
        "passcode_failures": account.passcode_throttle.failures,
        "created": account.created.to_string(),
        "last_login": account.last_login.as_ref().map(|login| json!({
            "at": login.at.to_string(),
            "from": login.from.to_string(),
        })),
        "activity": account.activity.iter().map(|activity| json!({
            "at": activity.at.to_string(),
            "kind": activity.kind.as_str(),
            "from": activity.from.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn facts(account: &Account) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("User ID", account.key.user_id.to_string()),
        ("Type", account.key.user_type.to_string()),
        ("Name", account.name.to_string()),
        ("E-mail", account.email.to_string()),
        ("TOTP", totp_word(account).to_owned()),
        (
            "Wrong codes",
            account.passcode_throttle.failures.to_string(),
        ),
        ("Created", account.created.to_string()),
        (
            "Last login",
            match &account.last_login {
                Some(login) => format!("{} from {}", login.at, login.from),
                None => "never".to_owned(),
            },
        ),
    ];
    for activity in &account.activity {
        let word = activity.kind.as_str();
        facts.push((
            "Activity",
            format!("{} {word} from {}", activity.at, activity.from),
        ));
    }
    facts
}

/// A password that may become the account's: asked for twice on a terminal, else the first line of standard input.
fn new_password(
    key: &AccountKey,
    name: &PersonName,
    email: &EmailAddress,
) -> Result<PlainPassword, CliError> {
    let refused = |why: &str| CliError::Refused(format!("the password was not set: {why}"));
    let typed = if io::stdin().is_terminal() {
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt)
                .map(Zeroizing::new)
                .map_err(|error| refused(&error.to_string()))
        };
        let first = ask("Password: ")?;
        if *first != *ask("Password again: ")? {
            return Err(refused("the two entries differ"));
        }
        first
    } else {
        let mut text = Zeroizing::new(String::with_capacity(1024));
        // A line is bounded, so that a mistaken file is not read whole.
        let mut input = io::Read::take(io::stdin().lock(), 1024);
        input
            .read_line(&mut text)
            .map_err(|error| refused(&error.to_string()))?;
        let end = text.trim_end_matches(['\r', '\n']).len();
        text.truncate(end);
        text
    };
    let context = [key.user_id.as_str(), name.as_str(), email.as_str()];
    PlainPassword::chosen(&typed, &context).map_err(|error| refused(&error.to_string()))
}

fn confirmed(account: &Account) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Refused(
            "nothing was removed: there is nobody to ask; say --yes".into(),
        ));
    }
    let mut error = io::stderr();
    write!(
        error,
        "Remove {} {} ({})? [y/N] ",
        account.key.user_type, account.key.user_id, account.name
    )?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "ya"))
}
