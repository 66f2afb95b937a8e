//! `lpse-kiosk user set-email`: where an account's letters go.

use clap::Args;

use super::{act::carry_out, reason::Reason, which::Which};
use crate::{
    cli::{error::CliError, outcome::Form},
    domain::{EmailAddress, Source, officer::AccountAct},
    service::Services,
};

/// Set where an account's letters go; both addresses are told, open logins end, and so do reset links under way
///
/// Check who asks first: whoever reads this mailbox can reset the account's TOTP.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lpse-kiosk user set-email PPK30 --email siti@contoh.go.id \
        --reason \"Surat permohonan, KTP diperiksa\""
)]
pub struct SetEmailArguments {
    #[command(flatten)]
    which: Which,
    /// Where letters go from now on
    #[arg(long, value_parser = EmailAddress::parse)]
    email: EmailAddress,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: SetEmailArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let SetEmailArguments {
        which,
        email,
        reason,
        form,
    } = arguments;
    let act = AccountAct::CorrectEmail(email);
    carry_out(&act, &which, services, reason.from(source), form).await
}
