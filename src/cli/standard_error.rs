//! Standard error: what a command tells besides its output, harmless to the terminal that shows it.

use std::io::{self, Write};

use crate::domain::identity::is_disguise;

/// Tells something on standard error, free of whatever a path or a stored text could do to a terminal.
pub fn say(text: &str) {
    // Where nobody listens, there is nobody to tell.
    let _ = writeln!(io::stderr(), "lpse-kiosk: {}", harmless(text));
}

/// Lines that do nothing to a terminal.
pub fn harmless(text: &str) -> String {
    let is_harmless = |c: char| c == '\n' || !is_disguise(c);
    text.chars()
        .map(|c| if is_harmless(c) { c } else { '\u{fffd}' })
        .collect()
}
