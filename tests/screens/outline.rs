//! The outlines of screens as text: what whoever does not see them is told, in reading order, an item in focus marked by
//! a star.

use std::fmt::Write as _;

use lpse_kiosk::tui::{App, Now};

/// What stands on the screen, a part a line.
pub fn outlined(app: &App, now: Now) -> String {
    let outline = app.outline(now);
    let parts: Vec<String> = outline.iter().map(ToString::to_string).collect();
    parts.join("\n")
}

/// Many outlines in one text, each below the name of its state.
pub fn gathered<'a>(outlines: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut text = String::new();
    for (name, outline) in outlines {
        let focused = outline.lines().filter(|line| line.contains(" *: "));
        assert!(
            focused.count() <= 1,
            "{name}: one thing is in focus\n{outline}"
        );
        let _ = writeln!(text, "=== {name}\n{outline}\n");
    }
    text
}
