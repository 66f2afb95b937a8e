//! `lpse-kiosk audit tail`: the newest records, and those that come.

use std::{collections::VecDeque, ops::ControlFlow, thread, time::Duration};

use clap::Args;

use super::{
    files::{broken_off, files, output, tell_damaged},
    show::{Form, records},
};
use crate::{
    adapter::audit_log::reading::{self, Following},
    cli::error::CliError,
    config::Config,
};

/// A log that is followed is looked at this often.
const PAUSE: Duration = Duration::from_millis(250);

/// Show the newest records, the newest last
///
/// One record a line: its number, when, what, how it ended, whose account, from where, and why.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk audit tail\n  lpse-kiosk audit tail -n 100\n  lpse-kiosk audit tail --follow"
)]
pub struct TailArguments {
    /// How many records
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: u32,
    /// Go on with the records that come, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Print JSON lines, as they stand in the log; times in UTC
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &TailArguments, config: &Config) -> Result<(), CliError> {
    let files = files(&config.audit_file())?;
    let (form, zone) = (Form::of(arguments.json), config.zone);
    let mut newest = VecDeque::new();
    let mut last = 0;
    let read = reading::backwards(&files, None, |record, line| {
        last = last.max(record.seq);
        if newest.len() == arguments.lines as usize {
            return Ok(ControlFlow::Break(()));
        }
        newest.push_front(form.row(&record, line, zone));
        Ok(ControlFlow::Continue(()))
    });
    let damaged = read.map_err(|error| broken_off(&config.audit_file(), error))?;
    let mut listing = records();
    for record in newest {
        listing.add(record)?;
    }
    listing.flush()?;
    tell_damaged(damaged);
    if !arguments.follow {
        let file = config.audit_file();
        return form.end(
            listing,
            &format!("there are no records in {}", file.display()),
        );
    }
    let mut following = Following::after(files, last);
    loop {
        following
            .next(|record, line| {
                let row = form.row(&record, line, zone);
                listing.add(row).map_err(output)?;
                Ok(ControlFlow::Continue(()))
            })
            .map_err(|error| broken_off(&config.audit_file(), error))?;
        listing.flush()?;
        thread::sleep(PAUSE);
    }
}
