//! The colours of every state of every screen: no ink stands on other paper than its own, so that what is judged of a
//! palette holds for all that people see.

use std::collections::BTreeSet;

use lpse_kiosk::{
    domain::palette::{Palette, Role},
    tui::AppSettings,
};
use support::screen::shown;

/// What is drawn and not read: halves of a button's ends, and pictures.
const DRAWN: &str = "▐▌█▀▄";

/// A palette in which each role has colours that no other has.
fn told_apart() -> Palette {
    let mut palette = Palette::DARK;
    for ((_, role), number) in Role::ALL.into_iter().zip((16..).step_by(2)) {
        match role {
            Role::OnPanel(ink) | Role::OnPage(ink) => *ink(&mut palette.of_256) = number,
            Role::Own(pair) => {
                let pair = pair(&mut palette.of_256);
                (pair.ink, pair.paper) = (number, number + 1);
            }
        }
    }
    palette
}

#[test]
fn every_ink_stands_on_its_own_paper_on_every_screen() {
    let colours = told_apart().of_256;
    let pairs: BTreeSet<_> = colours
        .pairs()
        .map(|(_, pair)| (pair.ink, pair.paper))
        .into();
    let word_of = |colour: vt100::Color| {
        let vt100::Color::Idx(number) = colour else {
            return format!("{colour:?}");
        };
        let mut pairs = colours.pairs().into_iter();
        let found = pairs.find(|(_, pair)| [pair.ink, pair.paper].contains(&number));
        found.map_or(number.to_string(), |(word, _)| word.to_owned())
    };
    let paint = |settings: &mut AppSettings| settings.palette = Some(told_apart());
    let people = super::people::all_apps(paint);
    let mut foreign = BTreeSet::new();
    for (name, app, now) in people.chain(super::desk::all_apps(paint)) {
        for (columns, rows) in [(80, 24), (120, 40), (60, 20), (40, 24)] {
            let screen = shown(&app, now, columns, rows);
            let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
            for cell in places.filter_map(|(row, column)| screen.cell(row, column)) {
                let is_read =
                    !cell.contents().trim().is_empty() && !DRAWN.contains(cell.contents());
                let (ink, paper) = match cell.inverse() {
                    false => (cell.fgcolor(), cell.bgcolor()),
                    true => (cell.bgcolor(), cell.fgcolor()),
                };
                let is_pair = match (ink, paper) {
                    (vt100::Color::Idx(ink), vt100::Color::Idx(paper)) => {
                        pairs.contains(&(ink, paper))
                    }
                    _ => false,
                };
                if is_read && !is_pair {
                    let (ink, paper) = (word_of(ink), word_of(paper));
                    foreign.insert(format!("{name} at {columns}x{rows}: {ink} on {paper}"));
                }
            }
        }
    }
    assert!(foreign.is_empty(), "{foreign:#?}");
}
