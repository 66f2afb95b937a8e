//! `lpse-kiosk user find`: by what officers type at the desk, page by page.

use clap::Args;

use super::list::{accounts, not_shown, write};
use crate::{
    assembly::place_of_store,
    cli::{error::CliError, standard_error::say},
    config::Config,
    service::Services,
};

/// Accounts asked for at once.
const PAGE: usize = 100;

/// Find accounts by beginnings of their ID, name or e-mail address, as officers do at the desk
///
/// Every word must be the beginning of something: of the ID or a part of it, of a part of the name, of the address or
/// its host. Capital letters, accents and punctuation make no difference. The lines are those of `user list`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user find siti rahma\n  lpse-kiosk user find ppk30\n  \
        lpse-kiosk user find contoh.go.id --json | jq -r .user_id"
)]
pub struct FindArguments {
    /// What to look for
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// Print JSON lines: one object a line, the same as that of `user show --json`
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: FindArguments,
    services: &Services,
    config: &Config,
) -> Result<(), CliError> {
    let FindArguments { words, json } = arguments;
    let typed = words.join(" ");
    let mut listing = accounts();
    let mut after = None;
    let mut altered = 0;
    loop {
        let page = services.accounts.find(&typed, after.as_ref(), PAGE).await?;
        write(&page.accounts, json, &mut listing)?;
        altered += page.altered;
        after = page.next;
        if after.is_none() {
            if altered > 0 {
                say(&not_shown(altered));
            }
            return match json || altered > 0 {
                true => listing.flush(),
                false => listing.end(&format!("no account in {} fits", place_of_store(config))),
            };
        }
    }
}
