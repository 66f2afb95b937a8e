//! What the tests of the screens share: an instant, a terminal, a drawing as text, and any key at all.

use std::{fmt::Write as _, num::NonZeroU16, time::Duration};

use jiff::Timestamp;
use lpse_kiosk::{
    domain::{calendar::Zone, language::Language, palette::Palette},
    session::canvas::{Canvas, Wipe},
    tui::{
        App, AppSettings, Now,
        command::{Key, KeyPress},
        theme::{Colours, Glyphs, Terminal},
        widget::digits,
    },
};
use proptest::prelude::*;
use ratatui::{
    Terminal as Ratatui,
    backend::TestBackend,
    buffer::Buffer,
    layout::{Position, Size},
    style::Modifier,
};

pub fn now() -> Now {
    Now {
        wall: "2020-08-13T01:53:05Z".parse().unwrap(),
        monotonic: Duration::from_secs(100),
    }
}

pub fn later(seconds: u64) -> Now {
    let Now { wall, monotonic } = now();
    let step = Duration::from_secs(seconds);
    Now {
        wall: wall + step,
        monotonic: monotonic + step,
    }
}

pub fn settings(language: Language) -> AppSettings {
    AppSettings {
        office: "LPSE Kota Contoh".into(),
        banner: None,
        session: "loket-1".into(),
        training: None,
        zone: Zone::Wib,
        version: "0.1.0".into(),
        language,
        is_guest: false,
        reset_by_mail: false,
        reset_link_holds: Duration::from_secs(30 * 60),
        // Most tests press keys in no time at all.
        reading_time: Duration::ZERO,
        terminal: Terminal {
            glyphs: Glyphs::Unicode,
            colours: Colours::Ansi256,
            no_color: false,
            sequences: Default::default(),
        },
        palette: Some(Palette::DARK),
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The screen's cells, where the cursor stands, and whether it is seen there.
fn painted(app: &App, now: Now, columns: u16, rows: u16) -> (Buffer, Option<Position>, bool) {
    let mut terminal = Ratatui::new(TestBackend::new(columns, rows)).unwrap();
    let mut is_seen = false;
    let frame = terminal
        .draw(|frame| {
            is_seen = app.view(frame, now);
        })
        .unwrap();
    let buffer = frame.buffer.clone();
    let stands = terminal.backend().cursor_visible();
    let at = stands.then(|| terminal.backend().cursor_position());
    (buffer, at, is_seen)
}

/// The screen's text, then where the cursor stands and what is highlighted.
pub fn drawn(app: &App, now: Now, columns: u16, rows: u16) -> String {
    let (buffer, at, is_seen) = painted(app, now, columns, rows);
    let mut text = String::new();
    let mut highlighted = Vec::new();
    for y in 0..rows {
        let mut line = String::new();
        let mut run = String::new();
        for x in 0..columns {
            let cell = &buffer[(x, y)];
            line.push_str(cell.symbol());
            if cell.modifier.contains(Modifier::REVERSED) {
                run.push_str(cell.symbol());
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
        if !run.trim().is_empty() {
            highlighted.push(run);
        }
    }
    let at = at.map_or("nowhere".into(), |at| format!("{},{}", at.x, at.y));
    let seen = if is_seen { "cursor" } else { "hidden cursor" };
    let _ = write!(text, "-- {seen} {at}; highlighted {highlighted:?}");
    text
}

/// What stands from the cursor on, to the end of its line; `None` where the cursor has no place.
pub fn at_cursor(app: &App, now: Now, columns: u16, rows: u16) -> Option<String> {
    let (buffer, at, _) = painted(app, now, columns, rows);
    let at = at?;
    let cells = at.x..columns;
    Some(cells.map(|x| buffer[(x, at.y)].symbol()).collect())
}

/// What a terminal shows of the screen, by the bytes that it would be sent.
pub fn shown(app: &App, now: Now, columns: u16, rows: u16) -> vt100::Screen {
    let mut canvas = Canvas::new(Size::new(columns, rows), Wipe::All);
    let bytes = canvas.draw(|frame| app.view(frame, now));
    let size = |n| NonZeroU16::new(n).unwrap();
    let mut parser = vt100::Parser::new(size(rows), size(columns), 0);
    parser.process(&bytes);
    parser.screen().clone()
}

/// The last row of a large code of which these digits have been typed.
pub fn large_code(typed: &str) -> String {
    let [_, _, last] = digits::rows(typed);
    last.trim_end().to_owned()
}

/// The keys that type `text`: a newline is Enter, a tab Tab.
pub fn keys(text: &str) -> impl Iterator<Item = Key> {
    text.chars().map(|c| match c {
        '\n' => Key::Enter,
        '\t' => Key::Tab,
        c => Key::Char(c),
    })
}

/// Any key, alone or with Ctrl or Alt.
pub fn any_key() -> impl Strategy<Value = KeyPress> {
    let key = prop_oneof![
        any::<char>().prop_map(Key::Char),
        prop::sample::select(vec![
            Key::Enter,
            Key::Esc,
            Key::Tab,
            Key::BackTab,
            Key::Backspace,
            Key::Delete,
            Key::Left,
            Key::Right,
            Key::Up,
            Key::Down,
            Key::Home,
            Key::End,
            Key::PageUp,
            Key::PageDown,
        ]),
        (1..=12_u8).prop_map(Key::Function),
    ];
    (key, any::<bool>(), any::<bool>()).prop_map(|(key, ctrl, alt)| KeyPress {
        key,
        ctrl: ctrl && alt,
        alt: alt && !ctrl,
    })
}
