//! A login as a recording that can be replayed (asciicast v2), made from what the real program prints:
//! `PICTURES=assets/pictures tests/run journeys recording`.
//!
//! The moments are those of a calm person at the keys, not of the machine that ran it.

use std::{fs, num::NonZero, path::Path};

use serde_json::json;
use support::{Kiosk, Office, PASSWORD, activate, key, screen::large_code};

const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// Seconds between the keys of a word, and for which a new screen is looked at.
const KEY: f64 = 0.12;
const LOOK: f64 = 1.8;

/// What was printed so far, each part with its moment.
struct Recording {
    kiosk: Kiosk,
    at: f64,
    printed: usize,
    events: Vec<String>,
}

impl Recording {
    fn of(kiosk: Kiosk) -> Self {
        Self {
            kiosk,
            at: 0.0,
            printed: 0,
            events: Vec::new(),
        }
    }

    /// Takes down what was printed since, and goes on `seconds` later.
    fn pause(&mut self, seconds: f64) {
        // The screen is asked for first: then no frame is half printed.
        self.kiosk.screen();
        let raw = self.kiosk.raw();
        let new = String::from_utf8_lossy(&raw[self.printed..]).into_owned();
        if !new.is_empty() {
            let at = (self.at * 1000.0).round() / 1000.0;
            self.events.push(json!([at, "o", new]).to_string());
            self.printed = raw.len();
        }
        self.at += seconds;
    }

    /// Presses a key that leads to a screen with `words`.
    fn leads(&mut self, keys: &str, words: &str) {
        self.kiosk.press(keys).expect(words);
        self.pause(LOOK);
    }

    /// Types a word key by key; after each, what `shown` makes of it so far stands there.
    fn types(&mut self, word: &str, shown: impl Fn(&str) -> String) {
        for (start, letter) in word.char_indices() {
            let so_far = &word[..start + letter.len_utf8()];
            self.kiosk.press(letter.encode_utf8(&mut [0; 4]));
            self.kiosk.expect(&shown(so_far));
            self.pause(KEY);
        }
        self.at += LOOK / 2.0;
    }

    fn text(&self) -> String {
        let head = json!({
            "version": 2,
            "width": COLUMNS,
            "height": ROWS,
            "title": "lpse-kiosk: login",
            "env": {"TERM": "xterm-256color"},
        });
        let events = self.events.join("\n");
        format!("{head}\n{events}\n")
    }
}

#[test]
fn a_login_can_be_replayed() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    let phone = activate(&office, &mut kiosk);
    drop(kiosk);
    let mut recording = Recording::of(office.kiosk());
    recording
        .kiosk
        .expect("Selamat datang")
        .expect("Total Pengunjung");
    recording.pause(LOOK);
    recording.leads(key::ENTER, "Login sebagai");
    recording.leads("n", "Masukkan User ID");
    recording.types("ppk30", str::to_owned);
    recording.leads(key::ENTER, "Masukkan password");
    recording.types(PASSWORD, |typed| "•".repeat(typed.chars().count()));
    recording.leads(key::ENTER, "Masukkan kode TOTP");
    let code = phone.code(office.clock());
    recording.types(&code[..5], large_code);
    recording.leads(&code[5..], "Login terakhir");
    recording.leads("l", "▸   LOGOUT");
    recording.leads(key::ENTER, "Anda sudah logout.");
    // Whoever replays it sees what the people saw.
    let text = recording.text();
    let mut lines = text.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(head["width"], COLUMNS);
    let size = |cells| NonZero::new(cells).unwrap();
    let mut terminal = vt100::Parser::new(size(ROWS), size(COLUMNS), 0);
    let mut before = 0.0;
    for line in lines {
        let (at, _, printed): (f64, String, String) = serde_json::from_str(line).unwrap();
        assert!(before <= at, "{before} is before {at}");
        before = at;
        terminal.process(printed.as_bytes());
    }
    assert!(terminal.screen().contents().contains("Anda sudah logout."));
    if let Some(folder) = std::env::var_os("PICTURES") {
        fs::write(Path::new(&folder).join("login.cast"), text).unwrap();
    }
}
