//! `lpse-kiosk key rotate`: a new master key, while people work.

use clap::Args;

use super::{drop_old, records::records};
use crate::{
    cli::{error::CliError, output::Lines, progress},
    domain::Source,
    service::{
        Services,
        keys::{Progress, Ready, Rotation},
    },
};

/// Bring in a new master key, and seal everything in the store anew under it
///
/// The new key is put into the master key file, then the running kiosk learns it, then everything is sealed under it, record
/// by record, while people work. A rotation that is broken off, however it was, goes on when this is run again. The old
/// key stays in the file, below the new one, because backups made before need it; `key drop-old` takes it out. A service
/// whose key is a systemd credential has to be started again in between: the command says when.
///
/// Where several machines share the store and run, the first run only puts the new key into this machine's file, and names
/// the machines that do not hold it. Copy that file over theirs, then run this again here with --copied: it goes on when all
/// that run hold the new key. Again with --copied, it changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk key rotate\n  lpse-kiosk key rotate --drop-old\n  lpse-kiosk key rotate --copied"
)]
pub struct RotateArguments {
    /// Take the old keys out of the file when nothing is sealed under them any more; backups made before are worthless
    /// then, unless a copy of the file is kept
    #[arg(long)]
    drop_old: bool,
    /// Go on with a rotation that waits for other machines; never begin one
    #[arg(long)]
    copied: bool,
}

pub async fn run(
    arguments: &RotateArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let template = "{msg} {spinner} {pos} records looked at  {rate}";
    let progress = progress::count("Sealing anew", template);
    let mut begun = None;
    let rotated = services
        .keys
        .rotate(!arguments.copied, source, |event| match event {
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
    let rotated = match rotated? {
        Rotation::None { sealing } => {
            lines.line(format!(
                "No rotation is under way: {sealing} seals everything, and nothing was changed. `key rotate` without \
                 --copied begins one."
            ))?;
            lines.flush()?;
            return match arguments.drop_old {
                true => drop_old::drop_old(services, source).await,
                false => Ok(()),
            };
        }
        Rotation::Ready(ready) => return told(&ready, lines),
        Rotation::Rotated(rotated) => rotated,
    };
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
    away(&rotated.away, &mut lines)?;
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
fn told(ready: &Ready, mut lines: Lines) -> Result<(), CliError> {
    lines.line(format!(
        "The new master key is in {} and seals nothing yet: these machines that share the store do not hold it: {}.",
        ready.file,
        ready.lacking.join(", ")
    ))?;
    lines.line(
        "Copy that file over the master key file of each of them; where a service gets it by LoadCredential=, start the \
         service again. Then go on here with `lpse-kiosk key rotate --copied`.",
    )?;
    away(&ready.away, &mut lines)?;
    lines.flush()
}

/// Names the machines that have not said that they hold the key and cannot be asked.
fn away(names: &[String], lines: &mut Lines) -> Result<(), CliError> {
    if names.is_empty() {
        return Ok(());
    }
    lines.line(format!(
        "Machines that do not run now, and are refused at their next start unless they are given the file before: {}. \
         `lpse-kiosk node forget NAME` forgets one that is gone.",
        names.join(", ")
    ))
}
