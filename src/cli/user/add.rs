//! `lpse-kiosk user add`: a new account, and its first password.

use clap::Args;

use super::{reason::AnyReason, which::UserTypes};
use crate::{
    cli::{error::CliError, outcome::Form, password},
    domain::{
        AccountKey, EmailAddress, PersonName, Source, UserId, UserType, account::Role, audit::Act,
    },
    service::{
        Services,
        accounts::{AccountsError, NewAccount},
    },
};

/// Add an account
///
/// Its password is asked for twice, or read from the first line of standard input where that is no terminal. A User ID
/// has 3 to 32 letters, digits, dots, underscores or hyphens, and is unique per user type.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user add PPK30 --type non-penyedia --name \"Siti Nurhaliza\" \
        --email siti@contoh.go.id\n  lpse-kiosk user add CVMAJU --type penyedia --name \"CV Maju\" \
        --email cv@maju.co.id < password.txt\n  lpse-kiosk user add PETUGAS1 --type non-penyedia \
        --name \"Rina Wulandari\" --email rina@contoh.go.id --officer"
)]
pub struct AddArguments {
    /// The account's User ID; capital and small letters are the same
    #[arg(value_parser = UserId::parse)]
    user_id: UserId,
    /// The account's user type
    #[arg(long = "type", value_name = "TYPE", value_parser = UserTypes)]
    user_type: UserType,
    /// The name of the person or the business
    #[arg(long, value_parser = PersonName::parse)]
    name: PersonName,
    /// Where letters go
    #[arg(long, value_parser = EmailAddress::parse)]
    email: EmailAddress,
    /// An officer's account: it helps others at the desk, and needs TOTP whatever the policy
    #[arg(long)]
    officer: bool,
    #[command(flatten)]
    reason: AnyReason,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: AddArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let AddArguments {
        user_id,
        user_type,
        name,
        email,
        officer,
        reason,
        form,
    } = arguments;
    let key = AccountKey::new(user_type, user_id.clone());
    // Told before anybody has typed a password in vain.
    if services.accounts.get(&key).await?.is_some() {
        return Err(AccountsError::Exists(key).into());
    }
    let password = password::new(&key, &name, &email)?;
    let password = services.accounts.hash(password).await?;
    let new = NewAccount {
        key: key.clone(),
        name,
        email,
        role: if officer { Role::Officer } else { Role::User },
        password,
    };
    let added = services.accounts.add(new, reason.from(source)).await;
    let told = format!("Added {user_type} {user_id}.");
    form.told(Act::AddAccount, &key, added, (told.clone(), told))
}
