//! The form by its keys: where they lead, what they change, and what only the screen can do.

use super::{
    items::{self, Items},
    *,
};
use crate::{domain::language::Language, tui::command::Key};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Name,
    Kind,
    Code,
    Send,
    Delete,
    Row(usize),
}

fn form() -> Form<Id> {
    Form::new(Id::Name)
        .text(Id::Name, 8, "")
        .choices(Id::Kind, 0)
        .code(Id::Code)
}

fn items() -> Items<Id> {
    Items::new([
        items::field(Id::Name, "Nama", 8).in_row(),
        items::choices(Id::Kind, "Jenis", vec!["Penyedia", "Non"]),
        items::code(Id::Code, "Kode").enter("Kirim"),
        items::button(Id::Send, "Kirim"),
        items::link(Id::Delete, "Hapus").grave(),
    ])
}

/// What the last of `keys` came to: a newline is Enter, a tab Tab, `<` Esc, `>` Right.
fn press(form: &mut Form<Id>, keys: &str, items: &Items<Id>) -> Pressed<Id> {
    let mut pressed = Pressed::Nothing;
    for key in keys.chars() {
        let key = match key {
            '\n' => Key::Enter,
            '\t' => Key::Tab,
            '<' => Key::Esc,
            '>' => Key::Right,
            key => Key::Char(key),
        };
        let typing = form.typing(items);
        if let Some(command) = crate::tui::command::command(key.into(), typing) {
            pressed = form.command(command, items);
        }
    }
    pressed
}

#[test]
fn keys_lead_around_the_items_and_into_their_fields() {
    use Change::{Completed, Typed};
    use Pressed::{Back, Changed, Chosen, Nothing};
    for (keys, focus, pressed) in [
        ("", Id::Name, Nothing),
        ("abc", Id::Name, Changed(Id::Name, Typed)),
        ("abc\n", Id::Kind, Nothing),
        ("\t\t", Id::Code, Nothing),
        ("\t\t12345", Id::Code, Changed(Id::Code, Typed)),
        ("\t\t123456", Id::Code, Changed(Id::Code, Completed)),
        ("\t\t\n", Id::Code, Chosen(Id::Code)),
        ("\t\t\t\n", Id::Send, Chosen(Id::Send)),
        ("\t\t\t ", Id::Send, Chosen(Id::Send)),
        ("\t\t\th", Id::Delete, Nothing),
        ("\t\t\thk", Id::Send, Nothing),
        ("\t\t\thx", Id::Delete, Nothing),
        ("\t\t\t\t\t", Id::Name, Nothing),
        ("\t<", Id::Kind, Back),
    ] {
        let mut form = form();
        assert_eq!(press(&mut form, keys, &items()), pressed, "{keys:?}");
        assert_eq!(form.focused(), focus, "{keys:?}");
        let is_field = matches!(focus, Id::Name | Id::Kind | Id::Code);
        assert_eq!(form.typing(&items()), is_field, "{keys:?}");
        assert_eq!(form.is_grave(&items()), focus == Id::Delete, "{keys:?}");
    }
}

#[test]
fn on_a_menu_a_letter_acts_at_once_and_elsewhere_it_moves() {
    use Pressed::{Chosen, Nothing};
    let menu = || {
        let entry = |row, label| items::entry(Id::Row(row), label);
        vec![
            entry(0, "Masuk"),
            entry(1, "Tentang"),
            entry(2, "Syarat"),
            entry(3, "Sandi"),
            items::button(Id::Send, "Keluar").by_enter(),
            items::button(Id::Delete, "Hapus").danger(),
        ]
    };
    let with = |item| menu().into_iter().chain([item]);
    let checked = || items::checkbox(Id::Kind, "Ingat", false, "");
    for (keys, items, focus, pressed) in [
        ("t", Items::new(menu()), Id::Row(1), Chosen(Id::Row(1))),
        ("T", Items::new(menu()), Id::Row(1), Chosen(Id::Row(1))),
        // Two begin with it: which is meant is for Enter to say.
        ("s", Items::new(menu()), Id::Row(2), Nothing),
        ("ss\n", Items::new(menu()), Id::Row(3), Chosen(Id::Row(3))),
        ("x", Items::new(menu()), Id::Row(0), Nothing),
        // What a slip would cost too much wants an Enter.
        ("k", Items::new(menu()), Id::Send, Nothing),
        ("h", Items::new(menu()), Id::Delete, Nothing),
        ("h\n", Items::new(menu()), Id::Delete, Chosen(Id::Delete)),
        // Beside something to fill in, a letter may have been meant for that.
        ("t", Items::new(with(checked())), Id::Row(1), Nothing),
    ] {
        let mut form = Form::new(Id::Row(0));
        assert_eq!(press(&mut form, keys, &items), pressed, "{keys:?}");
        assert_eq!(form.focused(), focus, "{keys:?}");
    }
}

#[test]
fn a_choice_is_made_with_space_arrows_and_letters() {
    for (keys, chosen) in [
        (" ", 1),
        ("  ", 0),
        (">", 1),
        ("n", 1),
        ("nN", 1),
        ("np", 0),
        ("x", 0),
    ] {
        let mut form = form();
        press(&mut form, &format!("\t{keys}"), &items());
        assert_eq!(form.chosen(Id::Kind), chosen, "{keys:?}");
    }
}

#[test]
fn what_is_wrong_with_a_field_is_said_until_it_is_changed() {
    let said: Sentence = |text| text.user_id.empty.clone();
    let mut form = form();
    assert!(!form.judge([
        (Id::Name, None),
        (Id::Code, Some(said)),
        (Id::Kind, Some(said))
    ]));
    assert_eq!(form.focused(), Id::Code);
    let wrong = |form: &Form<Id>, id| {
        let view = view::View::new(form, items(), Language::Id.text());
        view.wrong(id).is_some()
    };
    assert!(wrong(&form, Id::Code) && wrong(&form, Id::Kind) && !wrong(&form, Id::Name));
    press(&mut form, "1", &items());
    assert!(!wrong(&form, Id::Code) && wrong(&form, Id::Kind));
    assert!(form.judge_code(Id::Code).is_none());
    assert!(wrong(&form, Id::Code));
    assert!(form.judge([(Id::Name, None)]));
    assert!(!wrong(&form, Id::Code) && !wrong(&form, Id::Kind));
}

#[test]
fn what_is_no_digit_of_a_code_is_said_until_the_next_digit() {
    let said = |form: &Form<Id>| {
        let view = view::View::new(form, items(), Language::Id.text());
        view.wrong(Id::Code)
    };
    let not_digits = Some(Language::Id.text().passcode.not_digits.clone());
    for (typed, wrong, pressed) in [
        ("12", None, Pressed::Changed(Id::Code, Change::Typed)),
        ("12x", not_digits.clone(), Pressed::Nothing),
        ("x", not_digits.clone(), Pressed::Nothing),
        ("12x3", None, Pressed::Changed(Id::Code, Change::Typed)),
        // What people put between digits is no slip.
        ("123 ", None, Pressed::Nothing),
        ("123-4", None, Pressed::Changed(Id::Code, Change::Typed)),
        // A whole code stays, whatever is typed behind it.
        ("1234567", None, Pressed::Nothing),
    ] {
        let mut form = form();
        form.focus(Id::Code);
        assert_eq!(press(&mut form, typed, &items()), pressed, "{typed:?}");
        assert_eq!(said(&form), wrong, "{typed:?}");
    }
    let mut form = form();
    form.focus(Id::Code);
    for (pasted, wrong) in [("kode", true), ("12", false), ("1234567", true)] {
        form.paste(pasted, &items());
        assert_eq!(said(&form).is_some(), wrong, "{pasted:?}");
    }
    assert_eq!(form.value(Id::Code), "12");
}

#[test]
fn a_move_of_the_cursor_changes_nothing() {
    let mut form = form();
    let empty: Sentence = |text| text.user_id.empty.clone();
    form.say(Id::Name, empty);
    assert_eq!(press(&mut form, ">", &items()), Pressed::Nothing);
    let view = view::View::new(&form, items(), Language::Id.text());
    assert!(view.wrong(Id::Name).is_some());
}

#[test]
fn a_code_that_is_judged_stays_in_its_field() {
    let mut form = form();
    press(&mut form, "\t\t123456", &items());
    assert!(form.judge_code(Id::Code).is_some());
    assert_eq!(form.value(Id::Code), "123456");
    form.remove(Id::Code);
    assert!(form.judge_code(Id::Code).is_none());
}

#[test]
fn a_paste_goes_to_the_field_in_focus_or_to_the_only_one() {
    let mut form = form();
    press(&mut form, "\t\t\t", &items());
    assert_eq!(
        form.paste("abc", &items()),
        Pressed::Nothing,
        "nobody knows to which"
    );
    let one = || {
        Items::new([
            items::field(Id::Name, "Nama", 8),
            items::button(Id::Send, "Kirim"),
        ])
    };
    let changed = Pressed::Changed(Id::Name, Change::Pasted);
    assert_eq!(form.paste("abc", &one()), changed);
    assert_eq!((form.focused(), form.value(Id::Name)), (Id::Name, "abc"));
    // A link or a code from a letter is the whole of it.
    let mut form = Form::new(Id::Name).secret(Id::Name, 40);
    let whole = Items::new([items::field(Id::Name, "Kode", 8).copied()]);
    for pasted in ["xyz", " ab\ncd\n"] {
        form.paste(pasted, &whole);
    }
    assert_eq!(form.value(Id::Name), "ab cd");
}

#[test]
fn a_list_is_paged_and_keeps_to_what_there_is() {
    let list = |rows| Items::new((0..rows).map(|row| items::own(Id::Row(row)))).list(10);
    let mut form = Form::new(Id::Row(0));
    for (command, rows, focus) in [
        (Command::PageDown, 15, 10),
        (Command::PageDown, 15, 14),
        (Command::PageUp, 15, 4),
        (Command::First, 15, 0),
        (Command::Previous, 15, 14),
        // What was in focus is there no longer: the first is.
        (Command::Next, 5, 1),
        (Command::Last, 5, 4),
    ] {
        form.command(command, &list(rows));
        assert_eq!(form.focused(), Id::Row(focus), "{command:?}");
    }
    assert_eq!(form.command(Command::Activate, &list(0)), Pressed::Nothing);
}

#[test]
fn no_secret_is_debugged() {
    let mut form = Form::new(Id::Name).secret(Id::Name, 40).code(Id::Code);
    form.fill(Id::Name, "rahasia");
    form.fill(Id::Code, "123456");
    let shown = format!("{form:?}");
    assert!(
        !shown.contains("rahasia") && !shown.contains("123"),
        "{shown}"
    );
}
