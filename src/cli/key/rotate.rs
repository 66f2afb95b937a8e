//! `lpse-kiosk key rotate`: a new master key, while people work.

use clap::Args;

use super::{drop_old, records};
use crate::{
    cli::{CliError, output::Lines, progress},
    domain::Source,
    service::{Services, keys::Progress},
};

/// Bring in a new master key, and seal everything in the store anew under it
///
/// The new key is put into the master key file, then the running kiosk learns it, then everything is sealed under it, record
/// by record, while people work. A rotation that is broken off, however it was, goes on when this is run again. The old
/// key stays in the file, below the new one, because backups made before need it; `key drop-old` takes it out. A service
/// whose key is a systemd credential has to be started again in between: the command says when.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk key rotate\n  lpse-kiosk key rotate --drop-old")]
pub struct RotateArguments {
    /// Take the old keys out of the file when nothing is sealed under them any more; backups made before are worthless
    /// then, unless a copy of the file is kept
    #[arg(long)]
    drop_old: bool,
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
