//! Every state of every screen as a picture, in every theme: `PICTURES=DIR tests/run screens pictures` writes them, to be
//! looked at one by one.

use std::{fs, path::Path};

use lpse_kiosk::{
    domain::palette::Palette,
    tui::{
        AppSettings,
        theme::{Colours, Glyphs},
    },
};
use support::{picture, screen::shown};

pub type Change = fn(&mut AppSettings);

pub const THEMES: [(&str, Change); 6] = [
    ("dark", |settings| settings.palette = Some(Palette::DARK)),
    ("light", |settings| settings.palette = Some(Palette::LIGHT)),
    ("high-contrast", |settings| {
        settings.palette = Some(Palette::HIGH_CONTRAST);
    }),
    ("monochrome", |settings| settings.palette = None),
    ("console", |settings| {
        settings.terminal.glyphs = Glyphs::LinuxConsole;
        settings.terminal.colours = Colours::Ansi16;
    }),
    ("ascii", |settings| {
        settings.terminal.glyphs = Glyphs::Ascii;
        settings.terminal.colours = Colours::Mono;
    }),
];

const SIZES: [(u16, u16); 5] = [(80, 24), (120, 40), (60, 20), (40, 24), (200, 60)];

#[test]
fn every_state_is_a_picture_in_every_theme() {
    for (theme, change) in THEMES {
        let people = super::people::all_apps(change);
        for (name, app, now) in people.chain(super::desk::all_apps(change)) {
            for (columns, rows) in SIZES {
                let screen = shown(&app, now, columns, rows);
                assert!(
                    !screen.contents().trim().is_empty(),
                    "{name} shows nothing at {columns}x{rows}"
                );
                if let Some(folder) = std::env::var_os("PICTURES") {
                    let svg = picture::svg(&screen, picture::DARK);
                    let file = format!("{name}.{theme}.{columns}x{rows}.svg");
                    fs::write(Path::new(&folder).join(file), svg).unwrap();
                }
            }
        }
    }
}
