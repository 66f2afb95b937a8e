//! What terminals get besides the screens where they understand it, and what people at poor or small ones do instead.

use lpse_kiosk::{
    session::canvas::{Canvas, Wipe},
    tui::sequences::Sequences,
};
use ratatui::layout::Size;

use super::*;

/// A person's own terminal of today.
fn rich(mut settings: AppSettings) -> AppSettings {
    settings.terminal.sequences = Sequences::of("xterm-256color");
    settings
}

fn poor(mut settings: AppSettings) -> AppSettings {
    settings.terminal = Terminal {
        glyphs: Glyphs::Ascii,
        colours: Colours::Mono,
        no_color: false,
        sequences: Sequences::of("vt220"),
    };
    settings
}

fn at_letter(settings: AppSettings) -> Person {
    let mut person = Person::new(settings).at_inbox(letters());
    person.types("\n");
    person
}

/// The screens that have something to be copied, and what that is.
fn with_something_to_copy(change: fn(AppSettings) -> AppSettings) -> [(Person, String); 3] {
    let settings = |settings: Settings| change(settings(Language::Id));
    let codes = issued_codes();
    let codes: String = codes
        .iter()
        .map(|code| format!("{}\n", *code.grouped()))
        .collect();
    [
        (
            Person::new(settings(super::settings)).at_enrollment(false),
            provisioning().key().replace(' ', ""),
        ),
        (
            Person::new(settings(super::settings)).at_recovery_codes(),
            codes,
        ),
        (at_letter(settings(in_training)), LINK.to_owned()),
    ]
}

const SENT: &str = "Dikirim ke papan klip";

/// The screen's words, however they are broken into lines.
fn words(screen: &str) -> String {
    let words = screen.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn c_copies_what_is_to_be_copied_and_the_screen_says_so_until_the_next_key() {
    for (mut person, text) in with_something_to_copy(rich) {
        for key in ["c", "C"] {
            let screen = person.screen(80, 24);
            assert!(
                screen.contains("C Salin") && !words(&screen).contains(SENT),
                "{screen}"
            );
            let effects = person.types(key);
            let [Effect::Copy(copied)] = effects.as_slice() else {
                panic!("nothing was copied: {effects:?}\n{screen}");
            };
            assert_eq!(copied.as_str(), text);
            assert!(!format!("{effects:?}").contains(&text));
            let screen = person.screen(80, 24);
            assert!(words(&screen).contains(SENT), "{screen}");
            assert!(outlined(&person.app, person.now).contains(SENT));
            person.presses(Key::Down);
        }
    }
}

#[test]
fn c_is_a_letter_like_others_where_nobody_has_a_clipboard() {
    for change in [poor as fn(AppSettings) -> AppSettings, |settings| settings] {
        for (mut person, _) in with_something_to_copy(change) {
            assert!(person.types("c").is_empty());
            let screen = person.screen(80, 24);
            assert!(
                !screen.contains("C Salin") && !words(&screen).contains(SENT),
                "{screen}"
            );
        }
    }
}

#[test]
fn nothing_is_copied_that_nobody_can_have_read() {
    let mut settings = rich(settings(Language::Id));
    settings.reading_time = Duration::from_secs(1);
    let mut person = Person::new(settings);
    person.reads = Duration::from_secs(2);
    person.types("\nn\nppk30\nrahasia sekali\n");
    person.reads = Duration::ZERO;
    person.answered(Reply::Enrollment {
        provisioning: provisioning(),
        compulsory: true,
        codes_follow: false,
    });
    assert!(person.types("c").is_empty());
    assert_eq!(person.app.presence(), Presence::Copying);
    person.now.monotonic += Duration::from_secs(1);
    assert!(matches!(person.types("c")[..], [Effect::Copy(_)]));
    assert_eq!(person.app.presence(), Presence::Copying);
}

/// What a terminal of this size is sent for the screen.
fn bytes(person: &Person, columns: u16, rows: u16) -> String {
    let mut canvas = Canvas::new(Size::new(columns, rows), Wipe::Screen);
    let bytes = canvas.draw(|frame| person.app.view(frame, person.now));
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_link_in_a_letter_can_be_opened_where_all_of_it_is_seen() {
    let address = format!("\x1b]8;;{LINK}\x1b\\");
    let mut person = at_letter(rich(in_training(Language::Id)));
    for columns in [80, 120, 200] {
        let sent = bytes(&person, columns, 40);
        assert_eq!(sent.matches(&address).count(), 1, "at {columns} columns");
        assert_eq!(sent.matches("\x1b]8;;\x1b\\").count(), 1);
    }
    // The letter is turned over until the first row of the link has gone, or the last has not come yet.
    let mut whole = 0;
    for _ in 0..30 {
        let sent = bytes(&person, 80, 14);
        let screen = person.screen(80, 14);
        let is_whole = screen.contains("http://127") && screen.contains("PPK30&kode=");
        let is_cut = screen
            .lines()
            .any(|line| line.starts_with("http") && line.ends_with(['↑', '↓']));
        assert_eq!(sent.contains(&address), is_whole && !is_cut, "{screen}");
        assert!(is_whole || !sent.contains("\x1b]8;"), "{screen}");
        whole += usize::from(is_whole);
        person.presses(Key::Down);
    }
    assert!(whole > 0);
    for plain in [poor(in_training(Language::Id)), in_training(Language::Id)] {
        assert!(!bytes(&at_letter(plain), 80, 40).contains("\x1b]8;"));
    }
}

#[test]
fn a_window_has_the_title_of_its_office_and_nothing_in_it_controls_the_terminal() {
    let mut settings = rich(settings(Language::Id));
    settings.office = "LPSE\x1b]52;c;x\x07 Kota\u{202e}".into();
    let title = App::new(settings).window_title().unwrap();
    assert_eq!(title, "LPSE ]52;c;x  Kota  - lpse-kiosk");
    assert_eq!(
        App::new(poor(super::settings(Language::Id))).window_title(),
        None
    );
}

#[test]
fn rich_poor_and_small_terminals() {
    let shown = |name: &str, person: &Person, sizes: &[(u16, u16)]| {
        for (columns, rows) in sizes {
            let screen = person.screen(*columns, *rows);
            insta::with_settings!({ snapshot_path => "../snapshots" }, {
                insta::assert_snapshot!(format!("{name}.{columns}x{rows}"), screen);
            });
        }
    };
    for (language, word) in LANGUAGES {
        let mut person = Person::new(rich(settings(language))).at_enrollment(false);
        shown(&format!("enrollment_rich.{word}"), &person, &[(80, 24)]);
        person.types("c");
        shown(
            &format!("enrollment_copied.{word}"),
            &person,
            &[(80, 24), (40, 24)],
        );
        let mut person = at_letter(rich(in_training(language)));
        shown(&format!("inbox_letter_rich.{word}"), &person, &[(80, 24)]);
        person.types("c");
        shown(&format!("inbox_letter_copied.{word}"), &person, &[(80, 24)]);
        let mut person = Person::new(rich(settings(language))).at_recovery_codes();
        person.types("c");
        shown(
            &format!("recovery_codes_copied.{word}"),
            &person,
            &[(80, 24)],
        );
        let mut person = Person::new(poor(settings(language))).at_enrollment(false);
        shown(
            &format!("enrollment_poor.{word}"),
            &person,
            &[(80, 24), (82, 41), (120, 40)],
        );
        person.types("q");
        shown(
            &format!("enrollment_poor_alone.{word}"),
            &person,
            &[(80, 24), (82, 41)],
        );
        let mut person = Person::new(settings(language)).at_enrollment(false);
        shown(
            &format!("enrollment.{word}"),
            &person,
            &[(60, 20), (40, 24)],
        );
        person.types("q");
        shown(&format!("enrollment_alone.{word}"), &person, &[(40, 24)]);
        let mut person = at_letter(in_training(language));
        person.types("q");
        shown(&format!("inbox_qr.{word}"), &person, &[(80, 24), (40, 12)]);
        let person = Person::new(with_letters(language)).at_reset_sent();
        shown(&format!("reset_sent.{word}"), &person, &[(40, 24)]);
        let mut person = Person::new(with_letters(language)).at_reset_request();
        shown(
            &format!("reset_request.{word}"),
            &person,
            &[(60, 20), (40, 24)],
        );
        person.types("\t\t");
        shown(
            &format!("reset_request_code.{word}"),
            &person,
            &[(60, 20), (40, 24)],
        );
    }
}

#[test]
fn every_key_leads_back_from_the_picture_and_digits_go_into_the_code() {
    for key in [Key::Char('q'), Key::Esc, Key::Enter] {
        let mut person = Person::new(settings(Language::Id)).at_enrollment(false);
        let before = person.screen(40, 24);
        person.types("q");
        assert!(!person.screen(40, 24).contains("Aktifkan"));
        assert!(person.presses(key).is_empty());
        assert_eq!(person.screen(40, 24), before);
    }
    let mut person = Person::new(settings(Language::Id)).at_enrollment(false);
    person.types("q12");
    assert!(person.screen(40, 24).contains("1 2 _  _ _ _"));
    person.types("q");
    let sent = person.types("3456");
    assert!(
        matches!(requested(&sent), Some(Request::ProveEnrollment(_))),
        "{sent:?}"
    );

    let mut person = at_letter(in_training(Language::Id));
    let before = person.screen(80, 24);
    person.types("q");
    assert!(!person.screen(80, 24).contains("Kepada"));
    person.presses(Key::Esc);
    assert_eq!(person.screen(80, 24), before);
}

/// The lit pixels of a screen's half blocks, row by row from the left edge, with the rows in which there are any.
fn pixels(screen: &str) -> Vec<(usize, [Vec<bool>; 2])> {
    let screen = screen.split("\n-- ").next().unwrap();
    let rows = screen
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains(['█', '▀', '▄']));
    rows.map(|(number, line)| {
        let lit = |marks: [char; 2]| line.chars().map(|c| marks.contains(&c)).collect();
        (number, [lit(['█', '▀']), lit(['█', '▄'])])
    })
    .collect()
}

/// The form can be sent from a phone held upright: every pixel of the picture is seen with its field, in two halves.
#[test]
fn the_whole_picture_of_a_code_is_seen_with_its_field_on_small_windows() {
    let mut person = Person::new(with_letters(Language::Id)).at_reset_request();
    person.types("siti@contoh.go.id\t\t");
    let picture = picture(person.pictures);
    let middle = usize::from(picture.middle());
    // Where its left edge is, and in how many parts it stands.
    for (columns, rows, left, parts) in [
        (80, 24, 7, 1),
        (62, 20, 2, 1),
        (60, 20, 0, 1),
        (40, 24, 2, 2),
    ] {
        let screen = person.screen(columns, rows);
        assert!(screen.contains("Kode Keamanan"), "{screen}");
        let shown = pixels(&screen);
        let [first, ..] = shown.as_slice() else {
            panic!("there is no picture:\n{screen}");
        };
        // This picture has ink in its first row.
        let lit = |row: usize, half: usize, column: usize| {
            let row = shown.iter().find(|(number, _)| *number == row);
            row.is_some_and(|(_, halves)| halves[half].get(column) == Some(&true))
        };
        let mut seen = 0;
        for y in 0..usize::from(Picture::HEIGHT) {
            for x in 0..usize::from(Picture::WIDTH) {
                let (part, x_in_part) = match parts == 2 && x >= middle {
                    true => (8, x - middle),
                    false => (0, x),
                };
                let is_lit = lit(first.0 + part + y / 2, y % 2, left + x_in_part);
                let expected = picture.is_lit(x as u16, y as u16);
                assert_eq!(is_lit, expected, "{x},{y} at {columns}x{rows}\n{screen}");
                seen += usize::from(is_lit);
            }
        }
        assert!(seen > 100);
    }
    person.types("acdefg");
    let sent = person.types("\n");
    assert!(
        matches!(requested(&sent), Some(Request::RequestReset { .. })),
        "{sent:?}"
    );
}
