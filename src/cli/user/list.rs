//! `lpse-kiosk user list`: page by page, so that a million accounts cost no more memory than a page.

use clap::Args;
use unicode_normalization::UnicodeNormalization;

use super::{show, which::UserTypes};
use crate::{
    assembly::place_of_store,
    cli::{
        error::CliError,
        listing::{Column, Listing, Row},
    },
    config::Config,
    domain::{Account, UserId, UserType},
    service::Services,
};

/// Accounts read from the store at once.
const PAGE: usize = 256;

/// List accounts, in the order of their IDs
///
/// One account a line: type, User ID, TOTP (off, pending, active, held), name, e-mail address, and where it is so,
/// officer, suspended, or one-time password.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user list\n  lpse-kiosk user list --type penyedia --prefix CV\n  \
        lpse-kiosk user list --json | jq -r 'select(.totp == \"held\") | .user_id'"
)]
pub struct ListArguments {
    /// Only this user type
    #[arg(long = "type", value_name = "TYPE", value_parser = UserTypes)]
    user_type: Option<UserType>,
    /// Only IDs that begin with this
    #[arg(long, default_value = "", hide_default_value = true, value_parser = parse_prefix)]
    prefix: String,
    /// Print JSON lines: one object a line, the same as that of `user show --json`
    #[arg(long)]
    json: bool,
}

/// The beginning of a User ID, in the form in which IDs are kept.
pub fn parse_prefix(typed: &str) -> Result<String, String> {
    let prefix: String = typed
        .trim()
        .chars()
        .take(4 * UserId::MAX_LENGTH)
        .nfkc()
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if prefix.len() <= UserId::MAX_LENGTH && prefix.chars().all(allowed) {
        Ok(prefix)
    } else {
        Err("a User ID has at most 32 letters A-Z, digits, dots, underscores and hyphens".into())
    }
}

pub async fn run(
    arguments: ListArguments,
    services: &Services,
    config: &Config,
) -> Result<(), CliError> {
    let ListArguments {
        user_type,
        prefix,
        json,
    } = arguments;
    let types = match user_type {
        Some(one) => vec![one],
        None => UserType::ALL.to_vec(),
    };
    let is_all = user_type.is_none() && prefix.is_empty();
    let mut listing = accounts();
    let mut altered = 0;
    for user_type in types {
        let mut after: Option<UserId> = None;
        loop {
            let page = services
                .accounts
                .page(user_type, &prefix, after.as_ref(), PAGE)
                .await?;
            write(&page.accounts, json, &mut listing)?;
            altered += page.altered.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let place = place_of_store(config);
    match altered {
        0 if json => listing.flush(),
        0 if is_all => listing.end(&format!(
            "there are no accounts in {place}; `user add` adds one"
        )),
        0 => listing.end(&format!("there are no such accounts in {place}")),
        _ => {
            listing.flush()?;
            Err(CliError::Refused(not_shown(altered)))
        }
    }
}

/// What is said of accounts that a listing leaves out.
pub fn not_shown(altered: usize) -> String {
    let (plural, verb) = if altered == 1 {
        ("", "is")
    } else {
        ("s", "are")
    };
    format!(
        "{altered} account{plural} {verb} not shown: the record{plural} {verb} not as lpse-kiosk wrote it; `lpse-kiosk store \
         check` names each and says how to go on"
    )
}

/// A listing of accounts.
pub fn accounts() -> Listing<6> {
    Listing::new([
        Column::new("TYPE", 12),
        Column::new("USER ID", 31),
        Column::new("TOTP", 7),
        Column::new("NAME", 0),
        Column::new("E-MAIL", 0),
        Column::new("NOTES", 0),
    ])
}

/// Adds one page of accounts to a listing, each as JSON or in words.
pub fn write(page: &[Account], json: bool, listing: &mut Listing<6>) -> Result<(), CliError> {
    for account in page {
        if json {
            listing.add(show::as_json(account))?;
        } else {
            listing.add(Row::Cells(cells(account)))?;
        }
    }
    Ok(())
}

fn cells(account: &Account) -> [String; 6] {
    let marks = [
        (account.role.is_officer(), "officer"),
        (account.suspended.is_some(), "suspended"),
        (account.one_time_password.is_some(), "one-time password"),
    ];
    let marks = marks.into_iter().filter(|(is_so, _)| *is_so);
    [
        account.key.user_type.to_string(),
        account.key.user_id.to_string(),
        show::totp_word(account).to_owned(),
        account.name.to_string(),
        format!("<{}>", account.email),
        marks.map(|(_, mark)| mark).collect::<Vec<_>>().join("  "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_read_as_the_beginning_of_an_id_and_nothing_else() {
        assert_eq!(parse_prefix(" ppk "), Ok("PPK".into()));
        assert_eq!(parse_prefix("ｐｐｋ"), Ok("PPK".into()));
        assert_eq!(parse_prefix(""), Ok(String::new()));
        for typed in ["a/b", "../", "\0", "a b", &"x".repeat(33)] {
            assert!(parse_prefix(typed).is_err(), "{typed:?}");
        }
    }
}
