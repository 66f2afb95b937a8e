//! Every state of every screen as a snapshot, in both languages, at 80x24 and at 120x40; every form key by key; and
//! any keys at any size without a panic.
//!
//! A snapshot is the screen's text, then where the cursor stands and what is highlighted: the focus must be plain to
//! see without colour. `INSTA_UPDATE=always cargo test --test screens` writes them anew; then read each one.

use std::{fmt::Write as _, time::Duration};

use jiff::Timestamp;
use lpse_kiosk::{
    domain::{
        AccountKey, Activity, ActivityKind, PersonName, Policy, Secret, Source, UserId, UserType,
        account::LastLogin,
        calendar::Zone,
        idle::Presence,
        language::Language,
        provisioning::{Issuer, Provisioning},
    },
    tui::{
        App, AppSettings, Effect, Event, HomeNotice, HomeView, Now, Reply, Request, RequestId,
        SampleAccount, TotpView,
        command::{Key, KeyPress},
        theme::{Colours, Glyphs, Terminal},
    },
};
use proptest::prelude::*;
use ratatui::{Terminal as Ratatui, backend::TestBackend, style::Modifier};
use zeroize::Zeroizing;

fn now() -> Now {
    Now {
        wall: "2020-08-13T01:53:05Z".parse().unwrap(),
        monotonic: Duration::from_secs(100),
    }
}

fn later(seconds: u64) -> Now {
    let Now { wall, monotonic } = now();
    let step = Duration::from_secs(seconds);
    Now {
        wall: wall + step,
        monotonic: monotonic + step,
    }
}

fn settings(language: Language) -> AppSettings {
    AppSettings {
        office: "LPSE Kota Contoh".into(),
        session: "loket-1".into(),
        training: None,
        zone: Zone::Wib,
        version: "0.1.0".into(),
        language,
        leaves_on_interrupt: false,
        reset_by_mail: false,
        terminal: Terminal {
            glyphs: Glyphs::Unicode,
            colours: Colours::Ansi256,
            no_color: false,
        },
    }
}

fn account() -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
}

fn provisioning() -> Provisioning {
    let secret = Secret::from_bytes(*b"12345678901234567890");
    Provisioning::new(&Issuer::default(), &account().user_id, &secret)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn home(totp: TotpView, policy: Policy, notice: Option<HomeNotice>) -> HomeView {
    let from = Source::Console("loket-1".into());
    let activity = |at: &str, kind| Activity {
        at: self::at(at),
        kind,
        from: from.clone(),
    };
    HomeView {
        account: account(),
        name: PersonName::parse("Siti Rahmawati").unwrap(),
        totp,
        policy,
        last_login: Some(LastLogin {
            at: at("2020-08-12T07:10:00Z"),
            from: from.clone(),
        }),
        activity: vec![
            activity("2020-08-13T01:53:00Z", ActivityKind::Login),
            activity("2020-08-12T07:30:00Z", ActivityKind::PasscodeRejected),
            activity("2020-08-12T07:20:00Z", ActivityKind::TotpActivated),
            activity("2020-08-12T07:15:00Z", ActivityKind::EnrollmentStarted),
            activity("2020-08-12T07:10:00Z", ActivityKind::Login),
        ],
        notice,
    }
}

const ACTIVE: TotpView = TotpView::Active {
    since: Timestamp::constant(1_597_216_800, 0),
};

/// A person at the screens, with the world's answers in the test's hand.
struct Person {
    app: App,
    now: Now,
    request: Option<RequestId>,
}

impl Person {
    fn new(settings: AppSettings) -> Self {
        let mut person = Self {
            app: App::new(settings),
            now: now(),
            request: None,
        };
        person.event(Event::Visits(1234));
        person
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.app.update(self.now, event);
        for effect in &effects {
            if let Effect::Request(id, _) = effect {
                self.request = Some(*id);
            }
        }
        effects
    }

    /// Types text; a newline is Enter, a tab Tab.
    fn types(&mut self, text: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for c in text.chars() {
            let key = match c {
                '\n' => Key::Enter,
                '\t' => Key::Tab,
                c => Key::Char(c),
            };
            effects = self.event(Event::Key(key.into()));
        }
        effects
    }

    fn presses(&mut self, key: Key) -> Vec<Effect> {
        self.event(Event::Key(key.into()))
    }

    fn answered(&mut self, reply: Reply) -> Vec<Effect> {
        let id = self.request.take().expect("a request is under way");
        self.event(Event::Reply(id, reply))
    }

    fn at_password(mut self) -> Self {
        self.types("\nn\nppk30\n");
        self
    }

    fn with_password_sent(self) -> Self {
        let mut person = self.at_password();
        person.types("rahasia sekali\n");
        person
    }

    fn at_passcode(self, pending: bool) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::PasscodeWanted { pending });
        person
    }

    fn at_home(self, view: HomeView) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::Home(Box::new(view)));
        person
    }

    fn at_enrollment(self, compulsory: bool) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::Enrollment {
            provisioning: provisioning(),
            compulsory,
        });
        person
    }

    fn screen(&self, columns: u16, rows: u16) -> String {
        let mut terminal = Ratatui::new(TestBackend::new(columns, rows)).unwrap();
        let mut cursor = None;
        let frame = terminal
            .draw(|frame| {
                self.app.view(frame, self.now);
            })
            .unwrap();
        let buffer = frame.buffer.clone();
        if terminal.backend().cursor_visible() {
            cursor = Some(terminal.backend().cursor_position());
        }
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
        let cursor = cursor.map_or("hidden".into(), |at| format!("{},{}", at.x, at.y));
        let _ = write!(text, "-- cursor {cursor}; highlighted {highlighted:?}");
        text
    }
}

type State = (&'static str, fn(Person) -> Person);

/// Every state worth looking at.
const STATES: &[State] = &[
    ("menu", |person| person),
    ("menu_after_ended_login", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Ended);
        person
    }),
    ("user_type", |mut person| {
        person.types("\nn");
        person
    }),
    ("user_id", |mut person| {
        person.types("\nn\n");
        person
    }),
    ("user_id_refused", |mut person| {
        person.types("\nn\nppk 30\n");
        person
    }),
    ("user_id_at_reset", |mut person| {
        person.types("\nn\nppk30\t\t");
        person
    }),
    ("reset", |mut person| {
        person.types("\nn\nppk30\t\t\n");
        person
    }),
    ("password_typed", |person| {
        let mut person = person.at_password();
        person.types("rahasia");
        person
    }),
    ("password_empty", |person| {
        let mut person = person.at_password();
        person.types("\n");
        person
    }),
    ("password_working", |person| {
        let mut person = person.with_password_sent();
        person.now = later(1);
        person
    }),
    ("password_rejected_with_wait", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Rejected {
            wait: Duration::from_secs(125),
        });
        person
    }),
    ("password_busy", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Busy);
        person
    }),
    ("password_unavailable", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Unavailable);
        person
    }),
    ("passcode", |person| {
        let mut person = person.at_passcode(false);
        person.types("123 4");
        person
    }),
    ("passcode_pending", |person| person.at_passcode(true)),
    ("passcode_rejected", |person| {
        let mut person = person.at_passcode(true);
        person.types("123456");
        person.answered(Reply::Rejected {
            wait: Duration::from_secs(3),
        });
        person
    }),
    ("passcode_held", |person| {
        let mut person = person.at_passcode(false);
        person.types("123456");
        person.answered(Reply::Held);
        person
    }),
    ("home_off", |person| {
        let mut view = home(TotpView::Off, Policy::Enabled, None);
        view.last_login = None;
        view.activity.truncate(1);
        person.at_home(view)
    }),
    ("home_active", |person| {
        person.at_home(home(
            ACTIVE,
            Policy::Enabled,
            Some(HomeNotice::TotpActivated),
        ))
    }),
    ("home_policy_disabled", |person| {
        person.at_home(home(ACTIVE, Policy::Disabled, None))
    }),
    ("enrollment", |person| person.at_enrollment(false)),
    ("enrollment_compulsory_rejected", |person| {
        let mut person = person.at_enrollment(true);
        person.types("123456");
        person.answered(Reply::Rejected {
            wait: Duration::from_secs(1),
        });
        person
    }),
    ("disable", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Enabled, None));
        person.types("\n");
        person
    }),
    ("disable_fresh_code", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Required, None));
        person.types("\nd\n");
        person.answered(Reply::FreshPasscodeWanted);
        person.types("12");
        person
    }),
    ("page_terms", |mut person| {
        person.presses(Key::Function(5));
        person
    }),
    ("help_on_passcode", |person| {
        let mut person = person.at_passcode(false);
        person.presses(Key::Function(1));
        person
    }),
    ("idle_warning", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Enabled, None));
        person.event(Event::IdleWarning(Some(Duration::from_secs(15))));
        person
    }),
];

#[test]
fn every_state_of_every_screen() {
    for (name, state) in STATES {
        for (language, word) in [(Language::Id, "id"), (Language::En, "en")] {
            for (columns, rows) in [(80, 24), (120, 40)] {
                let person = state(Person::new(settings(language)));
                insta::assert_snapshot!(
                    format!("{name}.{word}.{columns}x{rows}"),
                    person.screen(columns, rows)
                );
            }
        }
    }
}

#[test]
fn the_training_menu_and_a_plain_terminal() {
    let sample = |user_type, id: &str, password: &str| SampleAccount {
        user_type,
        user_id: UserId::parse(id).unwrap(),
        password: password.into(),
    };
    let mut training = settings(Language::Id);
    training.training = Some(vec![
        sample(UserType::NonPenyedia, "PPK30", "mangga-manis-30"),
        sample(UserType::Penyedia, "CVMAJU", "perahu-layar-biru"),
    ]);
    training.leaves_on_interrupt = true;
    insta::assert_snapshot!(
        "menu_training.id.80x24",
        Person::new(training).screen(80, 24)
    );
    let mut plain = settings(Language::Id);
    plain.terminal = Terminal {
        glyphs: Glyphs::Ascii,
        colours: Colours::Mono,
        no_color: true,
    };
    let plain = Person::new(plain).at_passcode(true).screen(80, 24);
    assert!(plain.is_ascii(), "{plain}");
    insta::assert_snapshot!("passcode_ascii.id.80x24", plain);
    let mut console = settings(Language::Id);
    console.terminal = Terminal {
        glyphs: Glyphs::LinuxConsole,
        colours: Colours::Ansi16,
        no_color: false,
    };
    let mut console = Person::new(console).at_passcode(false);
    console.types("123456");
    console.answered(Reply::Rejected {
        wait: Duration::from_secs(3),
    });
    console.event(Event::IdleWarning(Some(Duration::from_secs(9))));
    let console = console.screen(80, 24);
    // What every console font has: code page 437's lines, blocks and dots.
    assert!(
        console
            .chars()
            .all(|c| c.is_ascii() || "─│┌┐└┘·█▀▄".contains(c)),
        "{console}"
    );
}

#[test]
fn nothing_is_cut_off_at_80x24() {
    // Each state's own last words must be seen: a footer's hint for keys, and the last button of the body.
    for (name, state) in STATES {
        for language in [Language::Id, Language::En] {
            let small = state(Person::new(settings(language))).screen(80, 24);
            let large = state(Person::new(settings(language))).screen(80, 60);
            let words = |screen: &str| {
                let body = screen.split("-- cursor").next().unwrap().to_owned();
                let qr = |c: &char| !"█▀▄─".contains(*c);
                body.chars()
                    .filter(qr)
                    .collect::<String>()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            // The QR code gives up header and footer for its height; there only the body's words count.
            if name.starts_with("enrollment") || ["page_terms", "idle_warning"].contains(name) {
                continue;
            }
            assert_eq!(words(&small), words(&large), "{name} in {language:?}");
        }
    }
}

#[test]
fn a_reply_to_a_screen_that_has_gone_is_dropped() {
    let mut person = Person::new(settings(Language::Id)).with_password_sent();
    let late = person.request.unwrap();
    let effects = person.presses(Key::Esc);
    assert!(
        matches!(effects.as_slice(), [Effect::EndLogin]),
        "{effects:?}"
    );
    let view = home(ACTIVE, Policy::Enabled, None);
    assert!(
        person
            .event(Event::Reply(late, Reply::Home(Box::new(view))))
            .is_empty()
    );
    assert!(
        person.screen(80, 24).contains("Pakta Integritas")
            && !person.screen(80, 24).contains("Siti")
    );
}

#[test]
fn while_a_request_is_under_way_keys_change_nothing() {
    let mut person = Person::new(settings(Language::Id)).with_password_sent();
    let before = person.screen(80, 24);
    assert!(person.types("abc\n\n\t").is_empty());
    assert_eq!(person.screen(80, 24), before);
}

#[test]
fn the_sixth_digit_sends_the_code_and_a_wait_holds_the_next() {
    let mut person = Person::new(settings(Language::Id)).at_passcode(false);
    assert!(person.types("12345").is_empty());
    let sent = person.types("6");
    assert!(
        matches!(
            sent.as_slice(),
            [Effect::Request(_, Request::CheckPasscode(_))]
        ),
        "{sent:?}"
    );
    person.answered(Reply::Rejected {
        wait: Duration::from_secs(3),
    });
    assert!(
        person.types("654321\n").is_empty(),
        "nothing is sent during the wait"
    );
    person.now = later(3);
    let sent = person.types("\n");
    assert!(
        matches!(
            sent.as_slice(),
            [Effect::Request(_, Request::CheckPasscode(_))]
        ),
        "{sent:?}"
    );
}

#[test]
fn a_key_at_the_idle_warning_does_nothing_else() {
    let mut person =
        Person::new(settings(Language::Id)).at_home(home(ACTIVE, Policy::Enabled, None));
    person.event(Event::IdleWarning(Some(Duration::from_secs(5))));
    assert!(person.types("\n").is_empty());
    assert!(!person.screen(80, 24).contains("Masih di sini?"));
    assert!(
        person.screen(80, 24).contains("Login terakhir"),
        "Enter did not reach the button below"
    );
}

#[test]
fn a_wipe_leaves_a_fresh_menu_in_the_first_language() {
    let fresh = Person::new(settings(Language::Id));
    let mut person = Person::new(settings(Language::Id)).at_enrollment(false);
    person.presses(Key::Function(2));
    person.presses(Key::Function(1));
    person.app.wipe();
    assert_eq!(person.screen(80, 24), fresh.screen(80, 24));
    assert_eq!(person.app.presence(), Presence::Nobody);
}

#[test]
fn only_a_terminal_that_may_be_left_leaves_on_ctrl_c() {
    let interrupt = || {
        Event::Key(KeyPress {
            key: Key::Char('c'),
            ctrl: true,
            alt: false,
        })
    };
    let mut kiosk =
        Person::new(settings(Language::Id)).at_home(home(ACTIVE, Policy::Enabled, None));
    assert!(kiosk.event(interrupt()).is_empty());
    let mut lent = settings(Language::Id);
    lent.leaves_on_interrupt = true;
    let effects = Person::new(lent).event(interrupt());
    assert!(
        matches!(effects.as_slice(), [Effect::EndLogin, Effect::Quit]),
        "{effects:?}"
    );
}

#[test]
fn an_untouched_menu_wakes_up_once_a_minute() {
    let person = Person::new(settings(Language::Id));
    assert_eq!(person.app.next_tick(now()), Some(Duration::from_secs(55)));
    let person = Person::new(settings(Language::Id)).at_passcode(false);
    assert_eq!(person.app.next_tick(now()), Some(Duration::from_secs(1)));
    let mut person = Person::new(settings(Language::Id)).at_password();
    person.types("rahasia\n");
    assert_eq!(
        person.app.next_tick(now()),
        Some(Duration::from_millis(150))
    );
}

/// Anything that can happen to the screens.
fn anything() -> impl Strategy<Value = Event> {
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
    prop_oneof![
        12 => (key, any::<bool>(), any::<bool>())
            .prop_map(|(key, ctrl, alt)| Event::Key(KeyPress { key, ctrl: ctrl && alt, alt: alt && !ctrl })),
        1 => ".{0,200}".prop_map(|text| Event::Paste(Zeroizing::new(text))),
        1 => (0..1_u8).prop_map(|_| Event::Paste(Zeroizing::new("novel ".repeat(200_000)))),
        1 => (0..20_u64).prop_map(|left| Event::IdleWarning(Some(Duration::from_secs(left)))),
        1 => any::<u64>().prop_map(Event::Visits),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_at_any_size_in_any_state_draw_something(
        state in 0..STATES.len(),
        events in proptest::collection::vec(anything(), 0..30),
        (columns, rows) in (1..300_u16, 1..100_u16),
        english in any::<bool>(),
        ascii in any::<bool>(),
    ) {
        let mut settings = settings(if english { Language::En } else { Language::Id });
        if ascii {
            settings.terminal.glyphs = Glyphs::Ascii;
        }
        let mut person = STATES[state].1(Person::new(settings));
        person.screen(columns, rows);
        for event in events {
            person.event(event);
            person.screen(columns, rows);
        }
    }
}
