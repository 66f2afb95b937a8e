//! `lpse-kiosk user reset-totp`, `unlock`, `end-logins`, `suspend`, `reinstate`: the acts of the officer's desk that need
//! nothing but the account, by the command line; and what is told of every act.

use clap::{Args, Subcommand};

use super::{reason::Reason, which::Which};
use crate::{
    cli::{error::CliError, outcome::Form},
    domain::{Source, UserId, officer::AccountAct},
    service::{Services, accounts::ByCommand},
};

/// Which account, and why.
#[derive(Debug, Args)]
pub struct ActArguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Subcommand)]
pub enum ActCommand {
    /// Switch an account's TOTP off, also when it is held after too many wrong codes; open logins end
    ///
    /// Check who asks first: until TOTP is activated again, the password alone is enough, unless the policy is required.
    #[command(
        after_help = "Example:\n  lpse-kiosk user reset-totp PPK30 --reason \"Ponsel hilang, KTP diperiksa\""
    )]
    ResetTotp(ActArguments),
    /// End an account's waits after wrong codes and wrong passwords
    ///
    /// Wrong passwords are forgotten, from whatever terminal or address they came; the next wrong code waits as long again.
    /// What a terminal or an address as a whole has guessed at other accounts is not forgotten by it: nobody waits for that.
    ///
    /// A hold after 100 wrong codes is not ended by it: `user reset-totp` does that.
    #[command(
        after_help = "Example:\n  lpse-kiosk user unlock PPK30 --reason \"Lupa password, KTP diperiksa\""
    )]
    Unlock(ActArguments),
    /// End every open login of an account
    #[command(
        after_help = "Example:\n  lpse-kiosk user end-logins PPK30 --reason \"Lupa logout di loket 2\""
    )]
    EndLogins(ActArguments),
    /// Suspend an account: nobody logs in to it until it is reinstated, and open logins end
    #[command(
        after_help = "Example:\n  lpse-kiosk user suspend PPK30 --reason \"Surat Sekda 123/2026\""
    )]
    Suspend(ActArguments),
    /// End the suspension of an account
    #[command(
        after_help = "Example:\n  lpse-kiosk user reinstate PPK30 --reason \"Surat Sekda 140/2026\""
    )]
    Reinstate(ActArguments),
}

pub async fn run(
    command: ActCommand,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let (
        act,
        ActArguments {
            which,
            reason,
            form,
        },
    ) = match command {
        ActCommand::ResetTotp(arguments) => (AccountAct::ResetTotp, arguments),
        ActCommand::Unlock(arguments) => (AccountAct::Unlock, arguments),
        ActCommand::EndLogins(arguments) => (AccountAct::EndLogins, arguments),
        ActCommand::Suspend(arguments) => (AccountAct::Suspend, arguments),
        ActCommand::Reinstate(arguments) => (AccountAct::Reinstate, arguments),
    };
    carry_out(&act, &which, services, reason.from(source), form).await
}

/// Does `act` to an account, and tells what came of it.
pub async fn carry_out(
    act: &AccountAct,
    which: &Which,
    services: &Services,
    by: ByCommand<'_>,
    form: Form,
) -> Result<(), CliError> {
    let key = which.key(services).await?;
    let done = services.accounts.act(&key, act, by).await;
    form.told(act.row().act, &key, done, words(act, &key.user_id))
}

/// What is told when an act was done, and when it was so already.
pub fn words(act: &AccountAct, id: &UserId) -> (String, String) {
    let is_so = |said: String| (said.clone(), said);
    match act {
        AccountAct::ResetTotp => is_so(format!("TOTP of {id} is off.")),
        AccountAct::Unlock => (
            format!(
                "{id} need not wait any more: wrong passwords are forgotten wherever they were typed, and the wait \
                 after wrong codes has ended."
            ),
            format!("{id} does not wait for anything."),
        ),
        AccountAct::EndLogins => is_so(format!("Open logins of {id} have ended.")),
        AccountAct::Suspend => (
            format!("{id} is suspended."),
            format!("{id} was suspended already."),
        ),
        AccountAct::Reinstate => (
            format!("{id} is reinstated."),
            format!("{id} was not suspended."),
        ),
        AccountAct::CorrectEmail(email) => (
            format!("Letters to {id} go to {email}."),
            format!("Letters to {id} go to {email} already."),
        ),
        AccountAct::IssuePassword => {
            is_so(format!("One-time password of {id} set, good for 24 hours."))
        }
    }
}
