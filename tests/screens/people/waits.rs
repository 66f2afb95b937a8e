//! What is sent while a wait counts down: it is sent by itself when the wait is over, unless it has become another; and what
//! was refused is said until something else stands there.

use super::*;

const WAIT: u64 = 4;

fn refused() -> Reply {
    Reply::Refused(Refusal::Rejected {
        wait: Duration::from_secs(WAIT),
    })
}

impl Person {
    /// Has the last try refused, and then presses keys.
    fn refused_then(mut self, keys: &str) -> Self {
        self.answered(refused());
        assert!(self.types(keys).is_empty(), "nothing is sent yet");
        self
    }

    fn when(&mut self, seconds: u64) -> Vec<Effect> {
        self.now.monotonic += Duration::from_secs(seconds);
        self.event(Event::Tick)
    }
}

const PUT_OFF: &str = "Dikirim otomatis dalam";
const WAITS: &str = "Coba lagi setelah";

type Sent = fn(&Request) -> bool;

/// Forms after a refusal with a wait, what is typed there meanwhile, and what is then sent by itself.
const PUT_OFFS: &[(State, &str, Sent)] = &[
    (
        ("code", |person| {
            let mut person = person.at_passcode(false);
            person.types("123456");
            person
        }),
        "654321",
        |request| matches!(request, Request::CheckPasscode(_)),
    ),
    (
        ("password", |person| person.with_password_sent()),
        "rahasia lain\n",
        |request| {
            matches!(request, Request::CheckPassword { password, .. }
            if password.is(&PlainPassword::typed("rahasia lain").unwrap()))
        },
    ),
    (
        ("recovery code", |person| {
            let mut person = person.at_recovery();
            person.types("acde-fghj-kmnp\n");
            person
        }),
        "\n",
        |request| matches!(request, Request::CheckRecoveryCode(_)),
    ),
    (
        ("new key", |person| {
            let mut person = person.at_enrollment(false);
            person.types("123456");
            person
        }),
        "654321",
        |request| matches!(request, Request::ProveEnrollment(_)),
    ),
    (
        ("letter", |person| person.with_code_sent()),
        "\n",
        |request| matches!(request, Request::FindReset(_)),
    ),
    (
        ("fresh code", |person| {
            let mut person = person.at_home(home(ACTIVE, Policy::Enabled, None));
            person.types("d\nd\n");
            person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
            person.types("123456\n");
            person
        }),
        "654321\n",
        |request| matches!(request, Request::DisableTotp(Some(_))),
    ),
];

#[test]
fn what_is_sent_too_early_is_sent_when_its_time_has_come_and_once() {
    for ((name, state), keys, sent) in PUT_OFFS {
        let mut person = state(Person::new(with_letters(Language::Id))).refused_then(keys);
        assert!(person.shows(PUT_OFF), "{name}: {}", person.screen(80, 24));
        assert!(!person.shows(WAITS), "{name}");
        assert!(person.when(WAIT - 1).is_empty(), "{name}");
        assert!(person.shows("1 detik"), "{name}");
        let effects = person.when(1);
        let request = requested(&effects).expect(name);
        assert!(sent(request), "{name}: {request:?}");
        person.answered(Reply::Refused(Refusal::Busy));
        assert!(person.when(1).is_empty(), "{name}");
    }
}

#[test]
fn what_becomes_another_is_not_sent_by_itself() {
    for ((name, state), keys, _) in PUT_OFFS {
        let mut person = state(Person::new(with_letters(Language::Id))).refused_then(keys);
        // The field is in focus, or a Shift-Tab away.
        person.presses(Key::Backspace);
        if person.shows(PUT_OFF) {
            person.presses(Key::BackTab);
            person.presses(Key::Backspace);
        }
        assert!(!person.shows(PUT_OFF) && person.shows(WAITS), "{name}");
        assert!(person.when(WAIT).is_empty(), "{name}");
        assert!(!person.shows(WAITS), "{name}");
    }
    // Nor what was never sent: half a code, and a password without an Enter.
    let mut person = Person::new(settings(Language::Id)).at_passcode(false);
    person.types("123456");
    let mut person = person.refused_then("65432\n");
    assert!(person.shows("Kode terdiri dari 6 digit") && person.shows(WAITS));
    assert!(person.when(WAIT).is_empty());
    let person = Person::new(settings(Language::Id)).with_password_sent();
    let mut person = person.refused_then("rahasia");
    assert!(person.shows(WAITS));
    assert!(person.when(WAIT).is_empty());
}

/// A page over the form, or the question whether somebody is still here, is answered first.
#[test]
fn nothing_is_sent_by_itself_while_nobody_looks() {
    let begin = || {
        let person = Person::new(settings(Language::Id)).with_password_sent();
        person.refused_then("rahasia\n")
    };
    let mut person = begin();
    person.presses(Key::Function(1));
    assert!(person.when(WAIT).is_empty());
    person.presses(Key::Esc);
    assert_eq!(person.app.next_tick(person.now), Some(Duration::ZERO));
    assert!(requested(&person.when(0)).is_some());
    let mut person = begin();
    person.event(ends_in(15, EndingReason::Idle));
    assert!(person.when(WAIT).is_empty());
    assert_ne!(person.app.next_tick(person.now), Some(Duration::ZERO));
    person.presses(Key::Esc);
    assert!(requested(&person.when(0)).is_some());
}

#[test]
fn a_refusal_goes_with_the_next_letter_and_the_wait_lasts() {
    let rejected = "password tidak sesuai";
    let begin = || Person::new(settings(Language::Id)).with_password_sent();
    for (keys, stays) in [("", true), ("\t", true), ("r", false)] {
        let person = begin().refused_then(keys);
        assert_eq!(person.shows(rejected), stays, "{keys:?}");
        assert!(person.shows(WAITS), "{keys:?}");
    }
    let mut person = begin().refused_then("");
    person.presses(Key::Left);
    assert!(person.shows(rejected), "a move of the cursor is no answer");
    person.pastes("rahasia");
    assert!(!person.shows(rejected) && person.shows(WAITS));
    // So does a sentence without a wait.
    let mut person = begin();
    person.answered(Reply::Refused(Refusal::Unavailable));
    assert!(person.shows("Layanan sedang tidak tersedia"));
    person.types("r");
    assert!(!person.shows("Layanan sedang tidak tersedia"));
}
