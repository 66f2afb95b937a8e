//! The QR code as a phone sees it: drawn by the real screens, through the bytes of a real terminal, read by zbar.

use std::time::Duration;
use support::picture;

use lpse_kiosk::{
    domain::{
        Secret, UserId,
        calendar::Zone,
        language::Language,
        palette::Palette,
        provisioning::{Issuer, Provisioning},
    },
    tui::{
        App, AppSettings, Effect, Ending, EndingReason, Event, Now, Reply,
        command::Key,
        theme::{Colours, Glyphs, Terminal},
    },
};

const NOW: Now = Now {
    wall: jiff::Timestamp::UNIX_EPOCH,
    monotonic: Duration::ZERO,
};

/// The screen of a terminal on which the QR code of `provisioning` is shown after these `keys`, and that it will soon be
/// cleared.
fn shown(
    provisioning: &Provisioning,
    terminal: Terminal,
    (columns, rows): (u16, u16),
    keys: &str,
    is_warned: bool,
) -> vt100::Screen {
    let mut app = App::new(AppSettings {
        office: "LPSE Kota Contoh".into(),
        banner: None,
        session: "loket-1".into(),
        training: None,
        zone: Zone::Wib,
        version: "0.1.0".into(),
        language: Language::Id,
        is_guest: false,
        reset_by_mail: false,
        reset_link_holds: Duration::from_secs(30 * 60),
        reading_time: Duration::ZERO,
        terminal,
        palette: Some(Palette::DARK),
    });
    let typed = |app: &mut App, keys: &str| {
        let mut effects = Vec::new();
        for c in keys.chars() {
            let key = if c == '\n' { Key::Enter } else { Key::Char(c) };
            effects = app.update(NOW, Event::Key(key.into()));
        }
        effects
    };
    let asked = typed(&mut app, "\n\nPPK30\nrahasia sekali\n");
    let [Effect::Request(id, _)] = asked.as_slice() else {
        panic!("no password was sent: {asked:?}");
    };
    let reply = Reply::Enrollment {
        provisioning: provisioning.clone(),
        compulsory: false,
        codes_follow: false,
    };
    app.update(NOW, Event::Reply(*id, reply));
    typed(&mut app, keys);
    if is_warned {
        let warning = Ending {
            left: Duration::from_secs(15),
            why: EndingReason::Idle,
        };
        app.update(NOW, Event::Ending(Some(warning)));
    }
    support::screen::shown(&app, NOW, columns, rows)
}

fn provisionings() -> Vec<Provisioning> {
    let secret = Secret::from_bytes(*b"\x00\xff twenty bytes....!");
    let of = |issuer: &str, id: &str| {
        Provisioning::new(
            &Issuer::parse(issuer).unwrap(),
            &UserId::parse(id).unwrap(),
            &secret,
        )
    };
    vec![
        of("SPSE", "PPK30"),
        of("SPSE", &"W".repeat(32)),
        of(&"Q".repeat(16), &"W".repeat(32)),
    ]
}

#[test]
fn a_phone_reads_it_on_every_terminal_that_has_room() {
    let mut read = 0;
    for provisioning in provisionings() {
        for (columns, rows) in [(80, 24), (100, 30), (132, 43)] {
            for glyphs in [Glyphs::Unicode, Glyphs::LinuxConsole, Glyphs::Ascii] {
                for (colours, no_color) in [
                    (Colours::Ansi256, false),
                    (Colours::Ansi16, false),
                    (Colours::Ansi16, true),
                    (Colours::Mono, false),
                ] {
                    for (background, is_warned) in [
                        (picture::DARK, false),
                        (picture::BRIGHT, false),
                        (picture::DARK, true),
                    ] {
                        let terminal = Terminal {
                            glyphs,
                            colours,
                            no_color,
                            sequences: Default::default(),
                        };
                        // A terminal without colours shows bright letters on a dark tube; elsewhere the person sees to it.
                        let is_turned_over = colours == Colours::Mono
                            && background.background == picture::BRIGHT.background;
                        let keys = if is_turned_over { "b" } else { "" };
                        let size = (columns, rows);
                        let screen = shown(&provisioning, terminal, size, keys, is_warned);
                        let what = format!(
                            "{provisioning:?} at {columns}x{rows}, {terminal:?}, {background:?}"
                        );
                        let text = screen.contents();
                        assert!(
                            text.contains(&provisioning.key()[..19]),
                            "{what}: the key can be typed\n{text}"
                        );
                        if text.contains("QR memerlukan layar") || text.contains("Tekan Q") {
                            assert!(glyphs == Glyphs::Ascii, "{what}: half blocks fit\n{text}");
                            continue;
                        }
                        let found = picture::read_qr(&screen, background);
                        assert_eq!(found.as_deref(), Some(provisioning.uri()), "{what}\n{text}");
                        read += 1;
                    }
                }
            }
        }
    }
    assert!(read >= 63, "only {read} codes were read");
}

#[test]
fn alone_it_is_read_on_a_phone_held_upright_and_with_the_least_quiet_zone_that_fits() {
    let terminals = [Glyphs::Unicode, Glyphs::Ascii].map(|glyphs| {
        [Colours::Ansi256, Colours::Ansi16, Colours::Mono].map(|colours| Terminal {
            glyphs,
            colours,
            no_color: false,
            sequences: Default::default(),
        })
    });
    for terminal in terminals.concat() {
        let sizes: &[(u16, u16)] = match terminal.glyphs {
            // With 4, 2 and 1 modules around it; with a row for the keys, and without.
            Glyphs::Unicode => &[(60, 24), (40, 24), (37, 20), (40, 19), (36, 18), (35, 18)],
            _ => &[(82, 42), (82, 41), (80, 38), (74, 37), (70, 35)],
        };
        for size in sizes {
            for (background, is_warned) in [
                (picture::DARK, false),
                (picture::BRIGHT, false),
                (picture::DARK, true),
            ] {
                let is_turned_over = terminal.colours == Colours::Mono
                    && background.background == picture::BRIGHT.background;
                let keys = if is_turned_over { "qb" } else { "q" };
                let provisioning = &provisionings()[0];
                let screen = shown(provisioning, terminal, *size, keys, is_warned);
                let found = picture::read_qr(&screen, background);
                let what = format!("{size:?}, {terminal:?}, {background:?}, {is_warned}");
                let text = screen.contents();
                assert_eq!(found.as_deref(), Some(provisioning.uri()), "{what}\n{text}");
            }
        }
    }
}

#[test]
fn without_half_blocks_it_fits_a_large_terminal_and_elsewhere_says_what_it_needs() {
    let terminal = Terminal {
        glyphs: Glyphs::Ascii,
        colours: Colours::Ansi16,
        no_color: false,
        sequences: Default::default(),
    };
    let provisioning = &provisionings()[0];
    let large = shown(provisioning, terminal, (132, 43), "", false);
    assert_eq!(
        picture::read_qr(&large, picture::DARK).as_deref(),
        Some(provisioning.uri())
    );
    let small = shown(provisioning, terminal, (80, 24), "", false).contents();
    assert!(small.contains("QR memerlukan layar 70x35"), "{small}");
    assert!(small.contains("Tanpa QR: di aplikasi"), "{small}");
    let narrow = shown(provisioning, terminal, (82, 41), "", false).contents();
    assert!(narrow.contains("Tekan Q untuk melihatnya"), "{narrow}");
}
