//! Keys that come before anybody can have read what they would act on, and keys typed ahead for the field that follows.

use lpse_kiosk::tui::attention::READING_TIME;

use super::*;

/// A terminal at which people read.
fn reader(settings: AppSettings) -> Person {
    Person {
        reads: 2 * READING_TIME,
        ..Person::new(AppSettings {
            reading_time: READING_TIME,
            ..settings
        })
    }
}

/// In `state`, from now on without a pause of its own after answers.
fn hasty(settings: AppSettings, state: fn(Person) -> Person) -> Person {
    let mut person = state(reader(settings));
    person.reads = Duration::ZERO;
    person
}

impl Person {
    fn after(&mut self, milliseconds: u64) -> &mut Self {
        self.now.monotonic += Duration::from_millis(milliseconds);
        self
    }

    /// Types with so many milliseconds before each key; returns everything that was asked of the world.
    fn types_every(&mut self, milliseconds: u64, text: &str) -> Vec<Effect> {
        let typed = keys(text).flat_map(|key| self.after(milliseconds).presses(key));
        typed.collect()
    }
}

fn at_home_with_totp() -> Reply {
    Reply::Home(Box::new(home(ACTIVE, Policy::Enabled, None)))
}

fn activated() -> Reply {
    Reply::Home(Box::new(HomeView {
        notice: Some(HomeNotice::TotpActivated),
        ..with_recovery(None)
    }))
}

fn passcode_wanted() -> Reply {
    Reply::PasscodeWanted {
        pending: false,
        recovery: true,
        spent_until: None,
    }
}

fn rejected() -> Reply {
    Reply::Refused(Refusal::Rejected {
        wait: Duration::ZERO,
    })
}

fn password_due() -> Reply {
    Reply::PasswordDue {
        account: account(),
        name: PersonName::parse("Siti Rahmawati").unwrap(),
    }
}

#[test]
fn the_enter_behind_a_code_is_the_codes_own() {
    for (milliseconds, is_late) in [(0, false), (300, false), (999, false), (1000, true)] {
        let mut person = hasty(settings(Language::Id), |person| person.at_passcode(false));
        let sent = person.types_every(100, "123456");
        assert!(matches!(requested(&sent), Some(Request::CheckPasscode(_))));
        // One while it is judged, and one behind the answer.
        assert!(person.types_every(50, "\n").is_empty());
        person.after(400).answered(at_home_with_totp());
        person.app.drawn(person.now);
        assert!(person.after(milliseconds).types("\n").is_empty());
        assert_eq!(person.shows("Password lama"), is_late, "{milliseconds} ms");
        assert_eq!(person.shows("Selamat datang, Siti"), !is_late);
    }
}

#[test]
fn the_offer_of_recovery_codes_is_read_before_it_is_taken() {
    let mut person = hasty(settings(Language::Id), |person| person.at_enrollment(true));
    let sent = person.types("123456\n");
    assert!(sent.is_empty(), "{sent:?}");
    person.after(200).answered(activated());
    for milliseconds in [0, 300, 699, 800] {
        let sent = person.after(milliseconds).types("\n");
        assert!(sent.is_empty(), "{sent:?}");
        assert!(person.shows("▸ ▐ Buat kode pemulihan ▌"));
    }
    let sent = person.after(401).types("\n");
    assert!(matches!(
        requested(&sent),
        Some(Request::IssueRecoveryCodes(None))
    ));
    // Nor do the codes go away by the keys that follow.
    person.answered(Reply::RecoveryCodes(
        issued_codes(),
        Box::new(with_recovery(Some(10))),
    ));
    let first = issued_codes().iter().next().unwrap().grouped();
    for keys in ["\n\t\n", "n\n\t\n", " \t "] {
        assert!(person.after(200).types(keys).is_empty());
        assert!(person.shows(&first) && !person.shows("Semua sudah tercatat?"));
    }
}

#[test]
fn esc_does_not_leave_what_has_just_come() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.answered(passcode_wanted());
    assert!(person.after(300).presses(Key::Esc).is_empty());
    assert!(person.shows("Masukkan kode TOTP"));
    let effects = person.after(1000).presses(Key::Esc);
    assert!(matches!(effects[..], [Effect::EndLogin]), "{effects:?}");
}

#[test]
fn no_key_that_comes_too_early_vanishes_without_a_sign() {
    let at_home = || {
        let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
        person.answered(at_home_with_totp());
        person
    };
    for (key, said) in [
        (Key::Enter, "Enter Baca dulu, tekan lagi"),
        (Key::Char(' '), "Spasi Baca dulu, tekan lagi"),
        (Key::Char('l'), "Huruf Baca dulu, tekan lagi"),
        (Key::Esc, "Esc Baca dulu, tekan lagi"),
    ] {
        let mut person = at_home();
        person.after(600).presses(key);
        assert!(person.shows(said), "{}", person.screen(80, 24));
        let left = person.app.next_tick(person.now).unwrap();
        assert!(left <= READING_TIME, "{left:?}");
        person.after(1000).event(Event::Tick);
        assert!(!person.shows("Baca dulu"), "{key:?}");
        // It is what the next key is told by, too.
        person.presses(key);
        assert!(!person.shows("Baca dulu"), "{key:?}");
    }
    // Moving needs no reading, and is its own sign.
    let mut person = at_home();
    person.after(100).types("\n\t");
    assert!(!person.shows("Baca dulu"));
    // The rest of a text that was typed for the screen before.
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.answered(rejected());
    person.after(100).types("123");
    assert!(person.shows("Ketikan untuk layar sebelumnya"));
    person.after(1000).types("123");
    assert!(!person.shows("Ketikan untuk") && person.shows("•••"));
    // Beside the picture of a key there is room for it, too.
    let mut person = hasty(settings(Language::En), |person| person.with_password_sent());
    person.answered(Reply::Enrollment {
        provisioning: provisioning(),
        compulsory: true,
        codes_follow: false,
    });
    person.after(100).types("1");
    assert!(person.shows("Typing was for the last screen"));
    person.after(100).presses(Key::Enter);
    assert!(person.shows("Enter Read first, press again"));
}

#[test]
fn moving_the_focus_waits_for_nobody() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.answered(at_home_with_totp());
    person.after(10).types("\t");
    assert!(person.shows("▸   AKTIVITAS "));
    // A letter jumps for whoever has read what begins with it.
    person.after(10).types("l");
    assert!(!person.shows("▸ [ LOGOUT ]") && person.shows("Huruf Baca dulu"));
    person.after(1000).types("l");
    assert!(person.shows("▸   LOGOUT "));
}

/// The whole of an auto-type, with the password's answer coming behind every key of it.
#[test]
fn a_code_typed_ahead_arrives_wherever_the_password_s_answer_comes() {
    let code = "123456\n";
    for split in 0..=code.len() {
        for milliseconds in [0, 1, 10, 150] {
            let mut person = hasty(settings(Language::Id), |person| person);
            let sent = person.types_every(milliseconds, "\nnppk30\nrahasia sekali\n");
            let is_password = |effect: &Effect| {
                matches!(effect, Effect::Request(_, Request::CheckPassword { password, .. })
                    if password.is(&PlainPassword::typed("rahasia sekali").unwrap()))
            };
            assert!(sent.iter().any(is_password), "{sent:?}");
            let (before, behind) = code.split_at(split);
            let early = person.types_every(milliseconds, before);
            assert!(early.is_empty(), "{early:?}");
            let mut sent = person.answered(passcode_wanted());
            sent.extend(person.types_every(milliseconds, behind));
            assert!(
                matches!(requested(&sent), Some(Request::CheckPasscode(_))),
                "{split} keys before, {milliseconds} ms: {sent:?}"
            );
            let sent = person.after(5).answered(at_home_with_totp());
            assert!(sent.is_empty(), "{sent:?}");
            assert!(person.shows("▸   GANTI PASSWORD "));
        }
    }
}

#[test]
fn a_code_pasted_ahead_arrives_too() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    assert!(person.pastes("123 456").is_empty());
    let sent = person.answered(passcode_wanted());
    assert!(matches!(requested(&sent), Some(Request::CheckPasscode(_))));
}

/// Only text and the Enter behind it are typed ahead: what would go to another item than the field goes nowhere.
#[test]
fn keys_that_leave_the_field_are_not_typed_ahead() {
    for ahead in ["\t\t\n", "12\t\t\n", "\t123456"] {
        let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
        person.types(ahead);
        let sent = person.answered(passcode_wanted());
        assert!(sent.is_empty(), "{sent:?}");
        assert!(person.shows("Masukkan kode TOTP"), "{ahead:?}");
    }
}

#[test]
fn a_refusal_drops_what_was_typed_ahead_and_what_goes_on_without_a_pause() {
    let code = "123456\n";
    let refusals = [
        rejected(),
        Reply::Refused(Refusal::Wait(Duration::from_secs(1))),
        Reply::Refused(Refusal::Busy),
        Reply::Refused(Refusal::Unavailable),
    ];
    for refusal in refusals {
        for split in 0..=code.len() {
            for milliseconds in [0, 1, 10, 150, 399] {
                let mut person =
                    hasty(settings(Language::Id), |person| person.with_password_sent());
                let refusal = match &refusal {
                    Reply::Refused(Refusal::Rejected { wait }) => {
                        Reply::Refused(Refusal::Rejected { wait: *wait })
                    }
                    Reply::Refused(Refusal::Wait(wait)) => Reply::Refused(Refusal::Wait(*wait)),
                    Reply::Refused(Refusal::Busy) => Reply::Refused(Refusal::Busy),
                    _ => Reply::Refused(Refusal::Unavailable),
                };
                let (before, behind) = code.split_at(split);
                let mut sent = person.types_every(milliseconds, before);
                sent.extend(person.answered(refusal));
                sent.extend(person.types_every(milliseconds, behind));
                assert!(sent.is_empty(), "{sent:?}");
                assert!(person.shows("Masukkan password") && !person.shows("•"));
                // Whoever then types the password does it as ever.
                person.after(1000).types("rahasia lagi");
                assert!(person.shows("••••"));
                let sent = person.types("\n");
                assert!(matches!(
                    requested(&sent),
                    Some(Request::CheckPassword { .. })
                ));
            }
        }
    }
}

#[test]
fn a_password_behind_a_user_id_that_is_none_is_never_shown() {
    for milliseconds in [0, 1, 10, 150] {
        for id in ["ab", "ppk/30", &"x".repeat(33)] {
            let mut person = hasty(settings(Language::Id), |person| person);
            person.types("\nn");
            let sent = person.types_every(milliseconds, &format!("{id}\nrahasia\n123456\n"));
            assert!(sent.is_empty(), "{sent:?}");
            assert!(person.shows("Masukkan User ID") && !person.shows("rahasia"));
            assert!(!person.shows("123"), "{}", person.screen(80, 24));
        }
    }
}

#[test]
fn a_code_behind_a_password_that_has_to_wait_is_not_added_to_it() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.answered(Reply::Refused(Refusal::Wait(Duration::from_secs(30))));
    person.after(2000).types("rahasia\n123456\n");
    assert!(person.shows("•••••••") && !person.shows("••••••••"));
}

#[test]
fn a_wrong_code_drops_what_follows_it() {
    let mut person = hasty(settings(Language::Id), |person| person.at_passcode(false));
    person.types("123456");
    person.types("\n65");
    assert!(person.after(100).answered(rejected()).is_empty());
    assert!(person.after(10).types("4321\n").is_empty());
    assert!(person.shows(&large_code("")) && !person.shows("Kode belum"));
}

#[test]
fn a_new_password_is_typed_ahead_behind_a_code_and_never_a_code_into_a_new_password() {
    let ahead = format!("\n{NEW}\n{NEW}\n");
    let mut person = hasty(settings(Language::Id), |person| person.at_passcode(false));
    person.types("123456");
    person.types(&ahead);
    let sent = person.answered(password_due());
    assert!(
        matches!(requested(&sent), Some(Request::ReplacePassword(_))),
        "{sent:?}"
    );
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.types("1234");
    person.answered(password_due());
    person.after(10).types("56\n");
    assert!(!person.shows("•"));
    // Nor is the code of an older key tried for a new one.
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.types("1234");
    person.answered(Reply::Enrollment {
        provisioning: provisioning(),
        compulsory: true,
        codes_follow: false,
    });
    assert!(person.after(10).types("56\n").is_empty());
    assert!(person.shows("_ _ _  _ _ _"));
}

#[test]
fn what_is_typed_ahead_is_nowhere_once_it_is_given_up() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.types("987654");
    assert!(!format!("{:?}", person.app).contains("987"));
    person.presses(Key::Esc);
    assert!(person.shows("Layanan login dan TOTP"));
    person.types("\nnppk30\nrahasia\n");
    assert!(person.answered(passcode_wanted()).is_empty());
    assert!(person.shows(&large_code("")));
}

#[test]
fn the_time_to_read_begins_when_the_terminal_has_the_screen() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.answered(at_home_with_totp());
    // A terminal that takes three seconds for a frame.
    person.after(3000);
    person.app.drawn(person.now);
    person.after(300).types("\n");
    assert!(person.shows("▸   GANTI PASSWORD "));
    person.app.drawn(person.now);
    person.after(700).types("\n");
    assert!(person.shows("Password lama"));
}

#[test]
fn what_changes_below_a_page_is_read_once_the_page_is_gone() {
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.presses(Key::Function(1));
    person.answered(at_home_with_totp());
    person.after(5000).types("\n");
    person.after(300).types("\n");
    assert!(person.shows("▸   GANTI PASSWORD "));
    // What was typed under the page is for the page.
    let mut person = hasty(settings(Language::Id), |person| person.with_password_sent());
    person.types("12");
    person.presses(Key::Function(1));
    assert!(person.answered(passcode_wanted()).is_empty());
    person.after(5000).types("\n");
    assert!(person.shows(&large_code("")));
}

/// A key held down: once, after half a second again, and then thirty times a second.
fn hold(person: &mut Person, key: Key, mut on: impl FnMut(&mut Person, Vec<Effect>)) {
    for repeat in 0..300_u32 {
        let pause = match repeat {
            0 => 0,
            1 => 500,
            _ => 33,
        };
        let effects = person.after(pause).presses(key);
        person.app.drawn(person.now);
        on(person, effects);
    }
}

/// What cannot be taken back.
fn is_grave(request: &Request) -> bool {
    match request {
        Request::IssueRecoveryCodes(_)
        | Request::DisableTotp(_)
        | Request::RemovePhone { .. }
        | Request::StartOver
        | Request::ConfirmReset => true,
        Request::Desk(_)
        | Request::CheckPassword { .. }
        | Request::CheckPasscode(_)
        | Request::CheckPair(_)
        | Request::CheckRecoveryCode(_)
        | Request::StartEnrollment
        | Request::ProveEnrollment(_)
        | Request::AddPhone { .. }
        | Request::ProvePhone(_)
        | Request::ChangePassword { .. }
        | Request::ReplacePassword(_)
        | Request::LoadActivity
        | Request::LoadHome
        | Request::RequestReset { .. }
        | Request::FindReset(_)
        | Request::LoadInbox => false,
    }
}

#[test]
fn a_held_key_does_not_walk_through_screens() {
    for key in [Key::Enter, Key::Char(' ')] {
        let mut person = hasty(settings(Language::Id), |person| person.at_enrollment(true));
        person.types("123456");
        hold(&mut person, key, |person, effects| {
            assert!(effects.is_empty(), "{effects:?}");
            if person.request.is_some() {
                person.answered(activated());
            }
        });
        assert!(person.shows("▸ ▐ Buat kode pemulihan ▌"), "{key:?}");
        // Let go and pressed anew, it does what it is for.
        let sent = person.after(1000).presses(key);
        assert!(matches!(
            requested(&sent),
            Some(Request::IssueRecoveryCodes(_))
        ));
    }
    // From the password on: home, and no further.
    let mut person = hasty(settings(Language::Id), |person| person.at_password());
    person.types("rahasia");
    hold(&mut person, Key::Enter, |person, _| {
        if person.request.is_some() {
            person.answered(at_home_with_totp());
        }
    });
    assert!(person.shows("▸   GANTI PASSWORD "));
    // Through what its own presses open: the activities at home, and no further.
    let mut person = hasty(settings(Language::Id), |person| {
        person.at_home(home(ACTIVE, Policy::Enabled, None))
    });
    person.types("a");
    hold(&mut person, Key::Enter, |person, _| {
        if person.request.is_some() {
            person.answered(Reply::Activity(Box::new(a_full_history())));
        }
    });
    assert!(person.shows("Aktivitas akun"));
}

#[test]
fn the_question_to_switch_totp_off_wants_a_key_of_its_own() {
    let mut person = hasty(settings(Language::Id), |person| {
        person.at_home(home(ACTIVE, Policy::Enabled, None))
    });
    person.types("d\n");
    assert!(person.after(300).types("d\n").is_empty());
    let sent = person.after(1000).types("\n");
    assert!(matches!(requested(&sent), Some(Request::DisableTotp(None))));
    person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
    // The Enter behind a sixth digit is not that key.
    assert!(person.after(2000).types_every(150, "123456\n").is_empty());
    assert!(person.after(300).types("\n").is_empty());
    let sent = person.after(1000).types("\n");
    assert!(matches!(
        requested(&sent),
        Some(Request::DisableTotp(Some(_)))
    ));
}

#[test]
fn a_code_that_is_pasted_for_a_grave_act_wants_a_key_of_its_own_too() {
    let mut person = hasty(settings(Language::Id), |person| {
        let mut person = person.at_recovery_issue(with_recovery(Some(3)));
        person.types("b");
        person.after(1000).types("\n");
        person
    });
    person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
    person.after(2000).pastes("123456");
    assert!(person.after(300).types("\n").is_empty());
    let sent = person.after(1000).types("\n");
    assert!(matches!(
        requested(&sent),
        Some(Request::IssueRecoveryCodes(Some(_)))
    ));
}

#[test]
fn a_reset_that_was_found_by_a_paste_is_read_before_it_is_confirmed() {
    let mut person = hasty(with_letters(Language::Id), |person| {
        person.at_reset_confirm()
    });
    person.after(1000).pastes(LINK);
    // The Enter behind the link finds it at once.
    let sent = person.after(100).types("\n");
    assert!(matches!(requested(&sent), Some(Request::FindReset(_))));
    person.types("o\n");
    person.answered(Reply::ResetFound {
        user_type: UserType::NonPenyedia,
        masked_id: "PP**0".into(),
    });
    for keys in ["\n", "o", "\n", " "] {
        let effects = person.after(200).types(keys);
        assert!(effects.is_empty(), "{effects:?}");
        assert!(person.shows("PP**0"));
    }
    person.after(1300).types("o");
    let sent = person.types("\n");
    assert!(matches!(requested(&sent), Some(Request::ConfirmReset)));
}

#[test]
fn what_is_typed_as_the_idle_question_comes_is_for_the_form() {
    let at_warning = || {
        let mut person = hasty(settings(Language::Id), |person| person.at_password());
        person.types("abc");
        person.event(ends_in(15, EndingReason::Idle));
        person.app.drawn(person.now);
        assert!(person.shows("Masih di sini?"));
        person
    };
    // Text goes where it was typed.
    let mut person = at_warning();
    person.after(300).types("def");
    assert!(person.shows("••••••") && !person.shows("Masih di sini?"));
    let mut person = at_warning();
    person.after(300).pastes("defg");
    assert!(person.shows("•••••••"));
    // Enter says that somebody is here, and does not send half a password.
    let mut person = at_warning();
    assert!(person.after(300).types("\n").is_empty());
    assert!(person.shows("•••") && !person.shows("Masih di sini?"));
    hold(&mut person, Key::Enter, |_, effects| {
        assert!(effects.is_empty(), "{effects:?}");
    });
    // Whoever has read that any key will do has typed nothing by it.
    let mut person = at_warning();
    person.after(1000).types("x");
    assert!(person.shows("•••") && !person.shows("••••") && !person.shows("Masih di sini?"));
}

#[test]
fn a_login_that_ends_takes_what_is_typed_with_it() {
    let at_end = |end: fn(&mut Person)| {
        let mut person = hasty(settings(Language::Id), |person| person.at_own_password());
        person.types("rahasia");
        end(&mut person);
        person
    };
    let ends: [fn(&mut Person); 2] = [
        |person| drop(person.event(Event::LoginEnded)),
        |person| person.app.wipe(person.now, Reason::Idle),
    ];
    for end in ends {
        let mut person = at_end(end);
        let before = person.screen(80, 24);
        let effects = person.types_every(150, "lama l\n\nl\nl\n");
        assert!(effects.is_empty(), "{effects:?}");
        assert!(person.shows("Enter Baca dulu"));
        person.after(1000);
        assert_eq!(person.screen(80, 24), before);
    }
}

#[test]
fn the_rest_of_an_answer_is_not_for_the_picture_that_replaced_its_own() {
    let mut person = hasty(with_letters(Language::Id), |person| {
        person.at_reset_request()
    });
    person.types("siti@contoh.go.id\n\nacd");
    person.now.monotonic += Challenge::GOOD_FOR;
    person.event(Event::Tick);
    assert!(person.types_every(150, "efg\n").is_empty());
    assert!(person.shows("Waktu kode habis") && !person.shows("efg"));
    let sent = person.after(1000).types("acdefg\n");
    assert!(matches!(
        requested(&sent),
        Some(Request::RequestReset { .. })
    ));
}

/// What a hasty person, or a held key, or a cat does, and when.
fn haste() -> impl Strategy<Value = (u64, Key)> {
    let key = prop_oneof![
        6 => Just(Key::Enter),
        2 => Just(Key::Tab),
        1 => Just(Key::Up),
        1 => Just(Key::Esc),
        1 => Just(Key::Char(' ')),
        1 => Just(Key::Function(1)),
        3 => prop::sample::select("bdlmnokpru1234567890".chars().collect::<Vec<_>>()).prop_map(Key::Char),
    ];
    let pause = prop_oneof![
        4 => 0..60_u64,
        3 => 100..1200_u64,
        2 => 1200..3000_u64,
    ];
    (pause, key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_grave_is_confirmed_on_a_screen_that_nobody_can_have_read(
        state in 0..all_states().len(),
        keys in proptest::collection::vec((haste(), any_reply(), 0..3_u8), 1..60),
    ) {
        let (_, settings, state) = all_states()[state];
        let mut person = hasty(settings(Language::Id), state);
        // When the screen was last changed by no key, and the last time that the last key was pressed. What stands there at
        // first has been read.
        let mut changed = person.now.monotonic.saturating_sub(READING_TIME);
        let mut last: Option<(Key, Duration)> = None;
        for ((pause, key), answer, moment) in keys {
            let now = person.after(pause).now.monotonic;
            let sent = person.presses(key);
            let is_grave = sent.iter().any(|effect| {
                matches!(effect, Effect::Request(_, request) if is_grave(request))
            });
            if is_grave {
                prop_assert!(now - changed >= READING_TIME, "{:?} after {:?}", key, now - changed);
                if let Some((before, at)) = last {
                    prop_assert!(before != key || now - at >= Duration::from_millis(300));
                }
            }
            last = Some((key, now));
            if moment == 0 && person.request.is_some() {
                person.answered(reply(answer));
                changed = now;
            }
        }
    }
}
