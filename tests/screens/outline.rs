//! The outlines of screens as text: what whoever does not see them is told, in reading order, an item in focus marked by
//! a star.

use std::fmt::Write as _;

use lpse_kiosk::tui::{App, AppSettings, Now, widget::outline::Part};
use support::screen::at_cursor;

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

/// Braille displays and screen readers follow the terminal's cursor, whether it is seen or not.
#[test]
fn the_cursor_stands_at_the_first_cell_of_what_is_in_focus() {
    let as_it_is = |_: &mut AppSettings| {};
    let people = super::people::all_apps(as_it_is);
    for (name, app, now) in people.chain(super::desk::all_apps(as_it_is)) {
        let outline = app.outline(now);
        // What is asked over a screen comes first.
        let asked = match outline.first() {
            Some(Part::Heading(title)) if name.starts_with("idle_warning") => Some(title.as_str()),
            _ => None,
        };
        let focused = || outline.iter().find_map(Part::focused_words);
        let heading = || match outline.first() {
            Some(Part::Heading(title)) => title.as_str(),
            other => panic!("{name} begins with {other:?}"),
        };
        let words = asked.or_else(focused).unwrap_or_else(heading);
        for (columns, rows) in [(80, 24), (120, 40), (40, 24), (60, 20)] {
            let at = at_cursor(&app, now, columns, rows)
                .unwrap_or_else(|| panic!("{name} at {columns}x{rows} has no cursor"));
            // A choice has its mark before its words; a narrow line may break them.
            let at = at.trim_start_matches(['(', '[', '•', ' ', ')', ']']);
            let first = words.split(' ').next().unwrap_or_default();
            // A letter is read from its head on.
            let first = if name == "inbox_notice" {
                "Kepada"
            } else {
                first
            };
            assert!(at.starts_with(first), "{name} at {columns}x{rows}: {at:?}");
        }
    }
}
