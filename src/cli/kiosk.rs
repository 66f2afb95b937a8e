//! `lpse-kiosk` without a command: the kiosk on this terminal. Whoever may not know what that is, is told before, and where
//! nobody could log in, what to do first.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process,
};

use tokio::signal::unix::{SignalKind, signal};

use super::{error::CliError, progress, runtime::block_on};
use crate::{
    adapter::clock::SystemClock,
    assembly::{self, KeySource, waiting::waits_for},
    config::{Config, Flags, StoreKind},
    daemon,
    domain::UserType,
    service::{ServiceError, Services},
    store::folder,
};

/// Runs the kiosk; at once where that is wished for (`--kiosk`), where systemd has started this process, and where there is
/// no terminal, which the kiosk refuses by itself.
pub fn run(at_once: bool, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    let has_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !at_once && has_terminal && !is_of_a_unit(env::var("SYSTEMD_EXEC_PID").ok().as_deref()) {
        match block_on(look(&config))? {
            Kept::Nobody => return Err(CliError::Usage(what_to_do_first(flags))),
            Kept::Somebody => block_on(ask())?,
            Kept::Elsewhere => {}
        }
    }
    Ok(block_on(daemon::run::kiosk(config))?)
}

/// Whether systemd has started this very process, by what it tells those that it starts (systemd.exec(5); since 248).
/// INVOCATION_ID says less: the shells of a desktop's terminals inherit it.
fn is_of_a_unit(told: Option<&str>) -> bool {
    told == Some(process::id().to_string().as_str())
}

/// Who could log in.
enum Kept {
    Nobody,
    Somebody,
    /// A process that runs has the store: the kiosk is refused.
    Elsewhere,
}

/// Looks who could log in. No store is made for it.
async fn look(config: &Config) -> Result<Kept, CliError> {
    if config.store != StoreKind::Etcd
        && folder::kind_in(&config.store_folder()).is_ok_and(|kind| kind.is_none())
        && assembly::trace_of_store(config).is_none()
    {
        return Ok(Kept::Nobody);
    }
    let progress = progress::count("Looking for accounts", "{msg} {spinner}");
    let key = KeySource::File(config.master_key_file.clone());
    let clock = SystemClock::start();
    let opened = assembly::open_for_command(config, &key, clock.into()).await;
    let looked = match opened {
        Ok(at_hand) if at_hand.is_elsewhere() => {
            at_hand.close().await;
            Ok(Kept::Elsewhere)
        }
        Ok(at_hand) => {
            let found = has_accounts(&at_hand.services).await;
            at_hand.close().await;
            match found? {
                true => Ok(Kept::Somebody),
                false => Ok(Kept::Nobody),
            }
        }
        // What the kiosk waits for is waited for there.
        Err(error) => waits_for(config, error)
            .await
            .map(|_| Kept::Somebody)
            .map_err(CliError::from),
    };
    progress.finish_and_clear();
    looked
}

async fn has_accounts(services: &Services) -> Result<bool, ServiceError> {
    for user_type in UserType::ALL {
        let page = services.accounts.page(user_type, "", None, 1).await?;
        if !page.accounts.is_empty() || !page.altered.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn what_to_do_first(flags: &Flags) -> String {
    let has_options = flags.config.is_some()
        || flags.data.is_some()
        || flags.store.is_some()
        || flags.master_key_file.is_some();
    let options = match has_options {
        true => "\nEach of them takes the options that were given here.",
        false => "",
    };
    format!(
        "nothing was started, because there are no accounts yet.\n\
         \nTo try everything out, with sample accounts (Ctrl-C leaves):\n\
         \n  lpse-kiosk demo\n\
         \nFor real, first an account and the policy, then the kiosk on this terminal, or\
         \n`lpse-kiosk serve` for many over SSH:\n\
         \n  lpse-kiosk user add PPK30 --type non-penyedia --name \"Siti Nurhaliza\" \\\
         \n    --email siti@contoh.go.id\
         \n  lpse-kiosk policy required\
         \n  lpse-kiosk\n{options}\
         \n`lpse-kiosk --kiosk` starts it all the same. `lpse-kiosk --help` explains\
         \neverything."
    )
}

/// Tells what becomes of this terminal, and waits for Enter. Nothing else starts it.
async fn ask() -> Result<(), CliError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut error = io::stderr();
    write!(
        error,
        "This terminal becomes a kiosk, and nothing leads out of it: Ctrl-C, Ctrl-Z and\n\
         Ctrl-\\ are keys like others there. From another terminal, this ends it:\n\
         \n  kill {}\n\
         \nPress Enter to start it, or Ctrl-C to leave this terminal as it is. With\n\
         --kiosk, nothing is asked. ",
        process::id()
    )?;
    error.flush()?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        _ = interrupt.recv() => {
            writeln!(error)?;
            Err(CliError::Interrupted)
        }
        answer = answer => match answer.map_err(io::Error::from)?? {
            line if line.trim_end_matches(['\r', '\n']).is_empty() && !line.is_empty() => Ok(()),
            _ => Err(CliError::Refused("nothing was started: Enter alone starts it".into())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_known_by_what_systemd_tells_the_process_that_it_starts_and_no_other() {
        assert!(is_of_a_unit(Some(&process::id().to_string())));
        // A shell's, of a unit, which this process has inherited.
        assert!(!is_of_a_unit(Some("1")));
        assert!(!is_of_a_unit(None));
    }
}
