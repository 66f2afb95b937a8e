//! `lpse-kiosk key rotate`: a new master key, while people work.

use clap::Args;

use super::{drop_old, records};
use crate::{
    cli::{CliError, output::Lines, progress},
    domain::Source,
    service::{
        Services,
        keys::{Progress, Ready},
    },
};

/// Bring in a new master key, and seal everything in the store anew under it
///
/// The new key is put into the master key file, then the running kiosk learns it, then everything is sealed under it, record
/// by record, while people work. A rotation that is broken off, however it was, goes on when this is run again. The old
/// key stays in the file, below the new one, because backups made before need it; `key drop-old` takes it out. A service
/// whose key is a systemd credential has to be started again in between: the command says when.
///
/// Where several machines share the store, the first run only puts the new key into this machine's file. Copy that file
/// over the one of each other machine, then run this again here with --copied.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk key rotate\n  lpse-kiosk key rotate --drop-old\n  lpse-kiosk key rotate --copied"
)]
pub struct RotateArguments {
    /// Take the old keys out of the file when nothing is sealed under them any more; backups made before are worthless
    /// then, unless a copy of the file is kept
    #[arg(long)]
    drop_old: bool,
    /// The other machines that share the store have this machine's master key file, with the new key in it
    #[arg(long)]
    copied: bool,
}

pub async fn run(
    arguments: &RotateArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    if !arguments.copied {
        let ready = services.keys.get_ready(source, |_| {}).await?;
        if let Some(ready) = ready {
            return told(&ready);
        }
    }
    let template = "{msg} {spinner} {pos} records looked at  {rate}";
    let progress = progress::count("Sealing anew", template);
    let mut begun = None;
    let rotated = services
        .keys
        .rotate(source, |event| match event {
            Progress::Begun { id } => begun = Some(format!("The new master key is {id}.")),
            Progress::Resumed { id } => {
                begun = Some(format!("A rotation to the master key {id} goes on."));
            }
            Progress::Sealed { looked, .. } => progress.inc(looked),
        })
        .await;
    progress.finish_and_clear();
    let mut lines = Lines::new();
    if let Some(begun) = begun {
        lines.line(begun)?;
        lines.flush()?;
    }
    let rotated = rotated?;
    for (record, why) in &rotated.failed {
        lines.line(format!("{record}: {why}"))?;
    }
    let changed = records(rotated.changed);
    if !rotated.failed.is_empty() {
        lines.flush()?;
        let failed = records(rotated.failed.len() as u64);
        return Err(CliError::Refused(format!(
            "{changed} sealed anew, but {failed} cannot be opened; put back the master key file that opens them, then run \
             `key rotate` again; no key was dropped"
        )));
    }
    lines.line(format!(
        "{changed} sealed anew; everything is sealed under {} now. Keep a new copy of the master key file in a safe \
         place.",
        rotated.id
    ))?;
    if arguments.drop_old {
        lines.flush()?;
        return drop_old::drop_old(services, source).await;
    }
    lines.line(
        "The old key stays in the file: backups made before need it. `key drop-old` takes it out.",
    )?;
    lines.flush()
}

/// Tells what to do before the rotation goes on.
fn told(ready: &Ready) -> Result<(), CliError> {
    let mut lines = Lines::new();
    lines.line(format!(
        "The new master key is {}. It is in {} and seals nothing yet.",
        ready.id, ready.file
    ))?;
    lines.line(format!(
        "Copy that file over the master key file of every other machine that shares the store ({}); where a service \
         gets it by LoadCredential=, start the service again. Then go on here with `lpse-kiosk key rotate --copied`.",
        ready.elsewhere.join(", ")
    ))?;
    lines.flush()
}
