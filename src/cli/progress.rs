//! The progress of a long command, on standard error where that is a terminal, and nowhere else.

use std::{
    fmt,
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A bar for work whose `length` is known.
pub fn bar(what: &'static str, length: u64, template: &str) -> ProgressBar {
    moving(drawn(Some(length), template).with_message(what))
}

/// A count for work whose end is not known before it is reached. `template` shows `{msg}`, `{pos}` and `{rate}`.
pub fn count(what: &'static str, template: &str) -> ProgressBar {
    moving(drawn(None, template).with_message(what))
}

/// How often it is drawn anew where nothing has been done meanwhile.
const TICK: Duration = Duration::from_millis(120);

/// Shows that the work goes on: at once, and before the first part of it is done.
fn moving(progress: ProgressBar) -> ProgressBar {
    progress.tick();
    progress.enable_steady_tick(TICK);
    progress
}

fn drawn(length: Option<u64>, template: &str) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style =
        ProgressStyle::with_template(template).expect("the templates are part of the program");
    ProgressBar::with_draw_target(length, target)
        .with_style(style.progress_chars("=> ").with_key("rate", rate))
}

/// Whole records per second; the library's own rate has decimals that nobody reads.
fn rate(state: &ProgressState, text: &mut dyn fmt::Write) {
    let _ = write!(text, "{:.0}/s", state.per_sec());
}
