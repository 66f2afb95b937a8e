//! `lpse-kiosk key rotate`: a new master key, while people work.

use clap::Args;
use serde_json::json;

use super::{drop_old, records::records};
use crate::{
    cli::{error::CliError, outcome::Form, output::Lines, progress},
    domain::{Source, audit::Act},
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
/// whose key is a systemd credential is handed the new one, if the file is the one that its unit's LoadCredential= names:
/// else it is refused before anything is changed. Where the unit names an encrypted file, the command says how to go on.
///
/// Where several machines share the store and run, this only puts the new key into this machine's file, and names the
/// machines that do not hold it. Copy that file over theirs (where systemd hands it over, run this with --copied there too):
/// within seconds after all that run hold the new key, one of them goes on by itself. A machine that does not run, and was not seen with the key, is waited for up to 10 minutes. With --copied,
/// this goes on at once, or waits for the end of what goes on already; when that is over, it changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk key rotate\n  lpse-kiosk key rotate --drop-old\n  lpse-kiosk key rotate --copied"
)]
pub struct RotateArguments {
    /// Take the old keys out of the file when nothing is sealed under them any more; backups made before are worthless
    /// then, unless a copy of the file is kept
    #[arg(long)]
    drop_old: bool,
    /// Go on with a rotation that was begun, or wait for its end; never begin one
    #[arg(long)]
    copied: bool,
    #[command(flatten)]
    form: Form,
}

/// What is left to do when a rotation is over.
const NEW_COPY: &str = "Keep a new copy of the master key file in a safe place.";

pub async fn run(
    arguments: &RotateArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let template = "{msg} {spinner} {pos} records looked at  {rate}";
    let progress = progress::count("Sealing anew", template);
    let mut begun = None;
    let mut elsewhere = None;
    let rotated = services
        .keys
        .rotate(!arguments.copied, source, |event| match event {
            Progress::Begun { id } => begun = Some(format!("The new master key is {id}.")),
            Progress::Resumed { id } => {
                begun = Some(format!("A rotation to the master key {id} goes on."));
            }
            Progress::Elsewhere { id } => {
                tracing::warn!(
                    "another process goes on with the rotation to the master key {id}. Its end is waited for; Ctrl-C ends \
                     the waiting alone"
                );
                elsewhere = Some(id);
            }
            Progress::Sealed { looked, .. } => progress.inc(looked),
        })
        .await;
    progress.finish_and_clear();
    if arguments.form.is_json() {
        return told_as_json(rotated?, arguments, services, source).await;
    }
    let mut lines = Lines::new();
    if let Some(begun) = begun {
        lines.line(begun)?;
        lines.flush()?;
    }
    let rotated = match rotated? {
        Rotation::None { sealing } => {
            lines.line(match elsewhere {
                Some(id) if id == sealing => {
                    format!("The rotation is over: everything is sealed under {sealing} now. {NEW_COPY}")
                }
                _ => format!(
                    "No rotation is under way: {sealing} seals everything, and nothing was changed. `key rotate` without \
                     --copied begins one."
                ),
            })?;
            lines.flush()?;
            return match arguments.drop_old {
                true => drop_old::drop_old(services, source, arguments.form).await,
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
        return Err(unopened(rotated.changed, rotated.failed.len()));
    }
    lines.line(format!(
        "{changed} sealed anew; everything is sealed under {} now. {NEW_COPY}",
        rotated.id
    ))?;
    away(&rotated.away, &mut lines)?;
    if arguments.drop_old {
        lines.flush()?;
        return drop_old::drop_old(services, source, arguments.form).await;
    }
    lines.line(
        "The old key stays in the file: backups made before need it. `key drop-old` takes it out.",
    )?;
    lines.flush()
}

/// The same for programs: what a rotation came to, and, on a line of its own, what was dropped after it. `ready`: the new
/// key is in this machine's file, and other machines lack it.
async fn told_as_json(
    rotated: Rotation,
    arguments: &RotateArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let form = arguments.form;
    let tell = |changed, about| form.tell(Act::RotateKey, changed, about, "");
    match rotated {
        Rotation::None { sealing } => {
            tell(
                false,
                json!({ "state": "none", "key": sealing, "records": 0 }),
            )?;
        }
        Rotation::Ready(ready) => {
            return tell(
                true,
                json!({
                    "state": "ready",
                    "key": ready.id,
                    "records": 0,
                    "file": ready.file,
                    "lacking": ready.lacking,
                    "away": ready.away,
                }),
            );
        }
        Rotation::Rotated(rotated) => {
            let failed = rotated.failed.iter();
            let failed: Vec<_> = failed
                .map(|(record, why)| json!({ "record": record, "why": why }))
                .collect();
            let state = if failed.is_empty() {
                "rotated"
            } else {
                "failed"
            };
            tell(
                true,
                json!({
                    "state": state,
                    "key": rotated.id,
                    "records": rotated.changed,
                    "away": rotated.away,
                    "failed": failed,
                }),
            )?;
            if !rotated.failed.is_empty() {
                return Err(unopened(rotated.changed, rotated.failed.len()));
            }
        }
    }
    match arguments.drop_old {
        true => drop_old::drop_old(services, source, form).await,
        false => Ok(()),
    }
}

/// A rotation that is not over, because something cannot be opened.
fn unopened(changed: u64, failed: usize) -> CliError {
    let (changed, failed) = (records(changed), records(failed as u64));
    CliError::Refused(format!(
        "{changed} sealed anew, but {failed} cannot be opened; put back the master key file that opens them, then run \
         `key rotate --copied`; no key was dropped"
    ))
}

/// Tells what to do before the rotation goes on.
fn told(ready: &Ready, mut lines: Lines) -> Result<(), CliError> {
    lines.line(format!(
        "The new master key is in {} and seals nothing yet: these machines that share the store do not hold it: {}.",
        ready.file,
        ready.lacking.join(", ")
    ))?;
    lines.line(
        "Copy that file over the master key file of each of them; where a service gets it by LoadCredential=, run \
         `lpse-kiosk key rotate --copied` there too. The rotation goes on by itself when all that run hold the key; `lpse-kiosk key rotate --copied` goes \
         on at once, and waits for the end.",
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
