//! What is typed goes where it is seen to go: letters at a button into no field, and a password onto the screen only where
//! its owner asks for that.

use lpse_kiosk::tui::widget::outline::Part;

use super::*;

/// What stands in the fields and choices of a screen, below its heading.
fn filled_in(app: &App, now: Now) -> (Option<String>, Vec<String>) {
    let outline = app.outline(now);
    let heading = outline.iter().find_map(|part| match part {
        Part::Heading(heading) => Some(heading.clone()),
        _ => None,
    });
    let is_filled_in = |part: &&Part| matches!(part, Part::Field { .. } | Part::Choices { .. });
    let fields = outline.iter().filter(is_filled_in);
    let fields = fields.map(|part| part.to_string().replace(" *:", ":"));
    (heading, fields.collect())
}

fn is_at_button(app: &App, now: Now) -> bool {
    app.outline(now).iter().any(|part| {
        matches!(
            part,
            Part::Button { focused: true, .. }
                | Part::Link { focused: true, .. }
                | Part::Switch { focused: true, .. }
        )
    })
}

#[test]
fn letters_at_a_button_never_go_into_a_field() {
    let mut tried = 0;
    for (name, settings, state) in all_states() {
        for tabs in 0..8 {
            let mut person = state(Person::new(settings(Language::Id)));
            for _ in 0..tabs {
                person.presses(Key::Tab);
            }
            if !is_at_button(&person.app, person.now) {
                continue;
            }
            let (heading, before) = filled_in(&person.app, person.now);
            for letter in "abcdefghijklmnopqrstuvwxyz0123456789-.".chars() {
                person.presses(Key::Char(letter));
                let (at, after) = filled_in(&person.app, person.now);
                // A letter that leads to another screen is over with this one.
                if at != heading || !is_at_button(&person.app, person.now) {
                    break;
                }
                assert_eq!(after, before, "{name}, {tabs} Tabs: {letter}");
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// A password that nobody types by chance.
const TYPED: &str = "kuda biru";

#[test]
fn a_password_is_shown_on_a_terminal_of_ones_own_and_only_while_it_is_asked_for() {
    let mut person = Person::new(at_a_distance(Language::Id)).at_password();
    let is_shown = |person: &Person| person.screen(80, 24).contains(TYPED);
    person.types(TYPED);
    assert!(!is_shown(&person));
    person.types("\t ");
    assert!(is_shown(&person));
    person.types(" ");
    assert!(!is_shown(&person), "and off again");
    person.types(" ");
    person.presses(Key::BackTab);
    person.types("!");
    assert!(person.screen(80, 24).contains("kuda biru!"));
    // Whoever begins anew begins unseen.
    for _ in 0..TYPED.len() + 1 {
        person.presses(Key::Backspace);
    }
    person.types(TYPED);
    assert!(!is_shown(&person));
    // So does whoever was refused, whose field is empty.
    person.types("\t ");
    assert!(is_shown(&person));
    person.presses(Key::BackTab);
    person.types("\n");
    person.answered(Reply::Refused(Refusal::Rejected {
        wait: Duration::ZERO,
    }));
    person.types(TYPED);
    assert!(!is_shown(&person));
    // And whoever comes back.
    person.types("\t ");
    assert!(is_shown(&person));
    person.presses(Key::Esc);
    person.types("\n");
    person.types(TYPED);
    assert!(!is_shown(&person));
}

#[test]
fn a_kiosk_shows_no_password() {
    for (_, state) in STATES {
        let screen = state(Person::new(settings(Language::Id))).screen(80, 24);
        assert!(!screen.contains("Tampilkan password"), "{screen}");
    }
}

#[test]
fn a_new_password_is_shown_in_all_its_fields_until_one_of_them_is_emptied() {
    let mut person = Person::new(at_a_distance(Language::Id)).at_own_password();
    person.types("rahasia lama\nperahu layar\nperahu layur");
    assert!(!person.screen(80, 24).contains("perahu"));
    person.types("\t ");
    let screen = person.screen(80, 24);
    for typed in ["rahasia lama", "perahu layar", "perahu layur"] {
        assert!(screen.contains(typed), "{screen}");
    }
    // They differ, so the second is to be typed again.
    person.types("\t\n");
    let screen = person.screen(80, 24);
    assert!(
        screen.contains("tidak sama") && !screen.contains("perahu"),
        "{screen}"
    );
}

#[test]
fn what_a_refused_password_offers_next_is_whole_on_small_terminals() {
    for settings in [settings as Settings, at_a_distance] {
        for language in [Language::Id, Language::En] {
            let mut person = Person::new(settings(language)).with_password_sent();
            person.answered(Reply::Refused(Refusal::Rejected {
                wait: Duration::from_secs(3605),
            }));
            let outline = person.app.outline(person.now);
            for (columns, rows) in [(80, 24), (40, 24)] {
                let screen = person.screen(columns, rows);
                let words = screen.split_whitespace().filter(|word| *word != "│");
                let shown = words.collect::<Vec<_>>().join(" ");
                for part in &outline {
                    let (Part::Text(said) | Part::Error(said)) = part else {
                        continue;
                    };
                    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert!(shown.contains(&said), "{said}\n{screen}");
                }
                assert!(!screen.contains('↓'), "{screen}");
            }
        }
    }
}
