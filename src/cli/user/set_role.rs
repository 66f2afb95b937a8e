//! `lpse-kiosk user set-role`: who is an officer.

use clap::Args;

use super::{reason::Reason, which::Which};
use crate::{
    cli::{error::CliError, outcome::Form, words::one_of},
    domain::{Source, account::Role, audit::Act},
    service::Services,
};

/// Make an account an officer's, who helps others at the desk, or a user's again; open logins end, and its owner is told
///
/// An officer needs TOTP at every login, whatever the policy, and activates it at the first. It cannot be reset by a
/// letter: another officer does that, or `user reset-totp`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user set-role PETUGAS1 officer --reason \"SK Kepala LPSE 7/2026\"\n  \
        lpse-kiosk user set-role PETUGAS1 user --reason \"Mutasi per 1 Desember\""
)]
pub struct SetRoleArguments {
    #[command(flatten)]
    which: Which,
    /// The account's role from now on
    #[arg(value_parser = one_of::<Role, _>(Role::ALL.map(Role::as_str)))]
    role: Role,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: SetRoleArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let SetRoleArguments {
        which,
        role,
        reason,
        form,
    } = arguments;
    let key = which.key(services).await?;
    let by = reason.from(source);
    let done = services.accounts.set_role(&key, role, by).await;
    let (id, role) = (&key.user_id, role.as_str());
    let told = (
        format!("{id} has the role {role}."),
        format!("{id} had the role {role} already."),
    );
    form.told(Act::SetRole, &key, done, told)
}
