//! The officer's desk: every state of its screens as a snapshot, in both languages, at 80x24 and at 120x40; its forms
//! key by key; looking things up while typing; and any keys at any size without a panic.
//!
//! `INSTA_UPDATE=always cargo test --test desk_screens` writes the snapshots anew; then read each one.

mod screen_harness;

use std::{net::IpAddr, time::Duration};

use lpse_kiosk::{
    domain::{
        AccountKey, Activity, ActivityKind, EmailAddress, PersonName, Policy, Source, UserId,
        UserType,
        account::{LastLogin, Role, TotpState},
        audit::AuditRecord,
        idle::Presence,
        language::Language,
        letter::LetterKind,
        officer::{AccountAct, Bookmark, Card, Declined, DeskAct, Found, FoundPage, Order},
        policy::LoginRules,
        throttle::Gate,
    },
    tui::{
        App, DeskReply, DeskRequest, Effect, Ending, EndingReason, Event, HomeNotice, HomeView,
        Look, Now, OutboxRow, Reply, Request, RequestId, Sight,
        command::Key,
        theme::{Colours, Glyphs, Terminal},
    },
};
use proptest::prelude::*;
use screen_harness::{any_key, at, drawn, later, now, settings};
use zeroize::Zeroizing;

fn key(user_type: UserType, id: &str) -> AccountKey {
    AccountKey::new(user_type, UserId::parse(id).unwrap())
}

fn siti() -> AccountKey {
    key(UserType::NonPenyedia, "PPK30")
}

fn rina() -> AccountKey {
    key(UserType::NonPenyedia, "PETUGAS1")
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).unwrap()
}

fn loket() -> Source {
    Source::Console("loket-1".into())
}

fn active() -> TotpState {
    TotpState::Active {
        since: at("2020-08-12T07:20:00Z"),
    }
}

/// The home of the officer Rina.
fn home(notice: Option<HomeNotice>) -> HomeView {
    HomeView {
        account: rina(),
        name: name("Rina Wulandari"),
        role: Role::Officer,
        totp: active(),
        policy: Policy::Required,
        last_login: Some(LastLogin {
            at: at("2020-08-12T01:10:00Z"),
            from: loket(),
        }),
        activity: vec![Activity::of_owner(
            at("2020-08-13T01:53:00Z"),
            ActivityKind::Login,
            &loket(),
        )],
        notice,
    }
}

fn found(key: AccountKey, name: &str) -> Found {
    Found {
        key,
        name: self::name(name),
        role: Role::User,
        totp: active(),
        suspended: false,
        held: false,
    }
}

/// What `ppk` finds.
fn few() -> Vec<Found> {
    vec![
        found(siti(), "Siti Rahmawati"),
        Found {
            totp: TotpState::Off,
            ..found(key(UserType::NonPenyedia, "PPK31"), "Budi Santoso")
        },
        Found {
            suspended: true,
            ..found(
                key(UserType::Penyedia, "PPKJAYA"),
                "PT Pembangunan Perumahan dan Konstruksi Jaya Abadi Nusantara Sejahtera Bersama",
            )
        },
        Found {
            held: true,
            role: Role::Officer,
            ..found(key(UserType::NonPenyedia, "PETUGAS2"), "Agus Ppk")
        },
        Found {
            totp: TotpState::Pending {
                since: at("2020-08-13T01:00:00Z"),
            },
            ..found(
                key(UserType::NonPenyedia, "PPK.DINAS-PENDIDIKAN.KOTA.CONTOH"),
                "Dewi Lestari",
            )
        },
    ]
}

fn page(accounts: Vec<Found>, next: Option<&str>) -> FoundPage {
    FoundPage {
        accounts,
        next: next.map(|mark| Bookmark(mark.into())),
        incomplete: false,
    }
}

/// `count` accounts from number `first` on.
fn many(first: usize, count: usize) -> Vec<Found> {
    (first..first + count)
        .map(|number| {
            let key = key(UserType::NonPenyedia, &format!("PPK{number:04}"));
            found(key, &format!("Pegawai Nomor {number}"))
        })
        .collect()
}

fn card() -> Card {
    let peer = Source::Peer("192.0.2.7".parse::<IpAddr>().unwrap());
    let kinds = [
        ActivityKind::PasscodeRejected,
        ActivityKind::Login,
        ActivityKind::PasswordChanged,
        ActivityKind::Login,
        ActivityKind::TotpActivated,
        ActivityKind::EnrollmentStarted,
        ActivityKind::TotpReset,
        ActivityKind::PasswordIssued,
    ];
    let activity = (0..20).map(|number| {
        let kind = kinds[number % kinds.len()];
        let by = matches!(kind, ActivityKind::TotpReset | ActivityKind::PasswordIssued);
        Activity {
            at: at("2020-08-13T01:50:00Z") - Duration::from_secs(7 * 3600 * number as u64),
            kind,
            from: if number % 3 == 0 {
                peer.clone()
            } else {
                loket()
            },
            by: by.then(|| key(UserType::NonPenyedia, "PETUGAS2")),
        }
    });
    Card {
        key: siti(),
        name: name("Siti Rahmawati"),
        role: Role::User,
        masked_email: "s***@contoh.go.id".into(),
        totp: active(),
        gate: Gate::Open,
        passcode_failures: 0,
        suspended: None,
        one_time_password_until: None,
        recovery_codes_left: Some(7),
        created: at("2020-07-01T02:00:00Z"),
        last_login: Some(LastLogin {
            at: at("2020-08-12T18:50:00Z"),
            from: loket(),
        }),
        activity: activity.collect(),
        is_own: false,
    }
}

fn waiting_card() -> Card {
    Card {
        gate: Gate::Wait(Duration::from_secs(300)),
        passcode_failures: 8,
        ..card()
    }
}

fn held_card() -> Card {
    Card {
        gate: Gate::Held,
        passcode_failures: 100,
        ..card()
    }
}

/// Suspended, TOTP off, a password of an officer's: what makes the card longest.
fn suspended_card() -> Card {
    Card {
        totp: TotpState::Off,
        recovery_codes_left: None,
        suspended: Some(at("2020-08-13T00:10:00Z")),
        one_time_password_until: Some(at("2020-08-14T00:10:00Z")),
        last_login: None,
        activity: Vec::new(),
        role: Role::Officer,
        ..card()
    }
}

fn own_card() -> Card {
    Card {
        key: rina(),
        name: name("Rina Wulandari"),
        role: Role::Officer,
        is_own: true,
        ..card()
    }
}

fn outbox() -> Vec<OutboxRow> {
    let row = |written, id, kind, failures, next_try, last_error: Option<&str>| OutboxRow {
        written: at(written),
        account: key(UserType::NonPenyedia, id),
        kind,
        failures,
        next_try: Option::map(next_try, at),
        last_error: last_error.map(str::to_owned),
    };
    vec![
        row(
            "2020-08-13T01:10:00Z",
            "PPK30",
            LetterKind::ResetRequested,
            4,
            Some("2020-08-13T01:56:00Z"),
            Some(
                "451 4.7.1 Greylisting in action, please come back later\u{1b}[2J\u{202e}; see https://mail.contoh.go.id/help",
            ),
        ),
        row(
            "2020-08-13T01:20:00Z",
            "CVMAJU",
            LetterKind::PasswordIssued,
            1,
            None,
            Some("550 5.1.1 User unknown"),
        ),
        row(
            "2020-08-13T01:53:00Z",
            "PPK31",
            LetterKind::Suspended,
            0,
            Some("2020-08-13T01:53:05Z"),
            None,
        ),
    ]
}

fn audit() -> Vec<AuditRecord> {
    let acts = [
        "reset-totp",
        "check-password",
        "login",
        "issue-recovery-codes",
        "set-policy",
    ];
    (0..60)
        .map(|number: usize| AuditRecord {
            seq: 2000 - number as u64,
            at: at("2020-08-13T01:53:00Z") - Duration::from_secs(137 * number as u64),
            act: acts[number % acts.len()].into(),
            outcome: ["done", "refused", "done"][number % 3].into(),
            reason: (number % 3 == 1).then(|| "wrong-password".into()),
            account: (number % 5 != 4).then(|| "non-penyedia/PPK30".into()),
            by: (number % 5 == 0).then(|| "non-penyedia/PETUGAS1".into()),
            from: "loket-1".into(),
            detail: (number == 0).then(|| {
                "reason: Ponsel hilang, surat kehilangan dari kepolisian\u{1b}]0;x\u{7}; seen: KTP dan kartu \
                 pegawai\u{202e} yang masih berlaku, difoto oleh pemiliknya sendiri di loket"
                    .into()
            }),
        })
        .collect()
}

/// An officer at the screens, with the world's answers in the test's hand.
struct Officer {
    app: App,
    now: Now,
    request: Option<RequestId>,
    /// The look that is under way.
    look: Option<(RequestId, Look)>,
}

impl Officer {
    fn new(settings: lpse_kiosk::tui::AppSettings) -> Self {
        let mut officer = Self {
            app: App::new(settings),
            now: now(),
            request: None,
            look: None,
        };
        officer.event(Event::Visits(1234));
        officer
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.app.update(self.now, event);
        for effect in &effects {
            match effect {
                Effect::Request(id, _) => self.request = Some(*id),
                Effect::Look(id, look) => {
                    assert!(self.look.is_none(), "one look at a time");
                    self.look = Some((*id, look.clone()));
                }
                // What is under way is void, and never answered.
                Effect::EndLogin => self.look = None,
                _ => {}
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

    fn presses(&mut self, keys: &[Key]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys {
            effects = self.event(Event::Key((*key).into()));
        }
        effects
    }

    fn answered(&mut self, reply: Reply) -> Vec<Effect> {
        let id = self.request.take().expect("a request is under way");
        self.event(Event::Reply(id, reply))
    }

    fn desk(&mut self, reply: DeskReply) -> Vec<Effect> {
        self.answered(Reply::Desk(reply))
    }

    /// Answers the look under way.
    fn sees(&mut self, sight: Sight) -> Vec<Effect> {
        let (id, _) = self.look.take().expect("a look is under way");
        self.event(Event::Sight(id, sight))
    }

    fn finds(&mut self, page: FoundPage) -> Vec<Effect> {
        self.sees(Sight::Found(page))
    }

    fn looks_for(&self) -> Option<(&str, Option<&str>)> {
        self.look.as_ref().map(|(_, Look::Find { typed, after })| {
            (typed.as_str(), after.as_ref().map(|mark| mark.0.as_str()))
        })
    }

    fn logged_in(mut self, notice: Option<HomeNotice>) -> Self {
        self.types("\nn\npetugas1\nrahasia sekali\n");
        self.answered(Reply::PasscodeWanted { pending: false });
        self.types("123456");
        self.answered(Reply::Home(Box::new(home(notice))));
        self
    }

    fn at_desk(self) -> Self {
        self.logged_in(None)
    }

    /// With `ppk` typed and what it finds in the list.
    fn with_list(self) -> Self {
        let mut officer = self.at_desk();
        officer.types("ppk");
        officer.finds(page(few(), None));
        while officer.look.is_some() {
            officer.finds(page(few(), None));
        }
        officer
    }

    fn with_long_list(self) -> Self {
        let mut officer = self.at_desk();
        officer.types("p");
        officer.finds(page(many(1, 50), Some("50")));
        officer
    }

    fn at_card(self, card: Card) -> Self {
        let mut officer = self.with_list();
        officer.types("\n\n");
        officer.desk(DeskReply::Card(Box::new(card)));
        officer
    }

    /// At the form of the card's act whose name begins with `letters`, each pressed once.
    fn at_act(self, card: Card, letters: &str) -> Self {
        let mut officer = self.at_card(card);
        officer.types(letters);
        officer.types("\n");
        officer
    }

    /// To a button of the desk, by the letter it begins with.
    fn at_button(self, letter: char) -> Self {
        let mut officer = self.at_desk();
        officer.presses(&[Key::Tab, Key::Char(letter)]);
        officer
    }

    fn at_policy(self, rules: LoginRules) -> Self {
        let mut officer = self.at_button('k');
        officer.types("\n");
        officer.desk(DeskReply::Rules(rules));
        officer
    }

    fn at_outbox(self, letters: Vec<OutboxRow>) -> Self {
        let mut officer = self.at_desk();
        officer.presses(&[Key::Tab, Key::Tab]);
        officer.types("\nSurat belum datang\n");
        officer.desk(DeskReply::Outbox(letters));
        officer
    }

    fn at_audit(self, records: Vec<AuditRecord>) -> Self {
        let mut officer = self.at_desk();
        officer.presses(&[Key::Tab, Key::Tab, Key::Tab]);
        officer.types("\nPemeriksaan bulanan\n");
        officer.desk(DeskReply::Audit(records));
        officer
    }

    fn screen(&self, columns: u16, rows: u16) -> String {
        drawn(&self.app, self.now, columns, rows)
    }

    fn shows(&self, words: &str) -> bool {
        self.screen(80, 24).contains(words)
    }
}

type State = (&'static str, fn(Officer) -> Officer);

/// Every state worth looking at. The jumps by letter are those of the Indonesian labels; in English the same place is
/// reached by Tab, so a state that jumps is reached by counted Tabs instead.
const STATES: &[State] = &[
    ("desk", |officer| officer.at_desk()),
    ("desk_notice", |officer| {
        officer.logged_in(Some(HomeNotice::TotpActivated))
    }),
    ("desk_looking", |officer| {
        let mut officer = officer.at_desk();
        officer.types("siti");
        officer.now = later(1);
        officer
    }),
    ("desk_found", |officer| officer.with_list()),
    ("desk_found_older", |officer| {
        let mut officer = officer.with_list();
        officer.types("3");
        officer.now = later(1);
        officer
    }),
    ("desk_in_list", |officer| {
        let mut officer = officer.with_list();
        officer.presses(&[Key::Down, Key::Down, Key::Down]);
        officer
    }),
    ("desk_long", |officer| officer.with_long_list()),
    ("desk_long_middle", |officer| {
        let mut officer = officer.with_long_list();
        officer.presses(&[Key::Down, Key::PageDown, Key::PageDown]);
        officer
    }),
    ("desk_nothing", |officer| {
        let mut officer = officer.at_desk();
        officer.types("zzz");
        while officer.look.is_some() {
            officer.finds(page(Vec::new(), None));
        }
        officer
    }),
    ("desk_incomplete", |officer| {
        let mut officer = officer.at_desk();
        officer.types("s");
        officer.finds(FoundPage {
            incomplete: true,
            ..page(few(), None)
        });
        officer
    }),
    ("desk_failed", |officer| {
        let mut officer = officer.at_desk();
        officer.types("s");
        officer.sees(Sight::Unavailable);
        officer
    }),
    ("desk_buttons", |officer| {
        let mut officer = officer.with_list();
        officer.presses(&[Key::BackTab]);
        officer
    }),
    ("desk_card_gone", |officer| {
        let mut officer = officer.with_list();
        officer.types("\n\n");
        officer.desk(DeskReply::Declined(Declined::Gone));
        officer
    }),
    ("desk_card_working", |officer| {
        let mut officer = officer.with_list();
        officer.types("\n\n");
        officer.now = later(1);
        officer
    }),
    ("desk_home", |officer| {
        let mut officer = officer.at_desk();
        officer.presses(&[Key::BackTab, Key::BackTab]);
        officer.types("\n");
        officer.answered(Reply::Home(Box::new(home(None))));
        officer
    }),
    ("desk_help", |officer| {
        let mut officer = officer.at_desk();
        officer.presses(&[Key::Function(1)]);
        officer
    }),
    ("card", |officer| officer.at_card(card())),
    ("card_email", |officer| {
        let mut officer = officer.at_card(card());
        officer.types("\n");
        officer.desk(DeskReply::Email(
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
        ));
        officer
    }),
    ("card_waiting", |officer| officer.at_card(waiting_card())),
    ("card_held", |officer| officer.at_card(held_card())),
    ("card_suspended", |officer| {
        officer.at_card(suspended_card())
    }),
    ("card_own", |officer| officer.at_card(own_card())),
    ("card_activity", |officer| {
        let mut officer = officer.at_card(card());
        officer.presses(&[Key::PageDown, Key::PageDown]);
        officer
    }),
    ("card_done", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.desk(DeskReply::Done(
            Box::new(Card {
                totp: TotpState::Off,
                recovery_codes_left: None,
                ..card()
            }),
            None,
        ));
        officer
    }),
    ("act_reset", |officer| officer.at_reset()),
    ("act_reset_filled", |officer| officer.with_reset_filled()),
    ("act_reset_empty", |officer| {
        let mut officer = officer.at_reset();
        officer.types("ok\n\n\n");
        officer
    }),
    ("act_reset_code", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::FreshPasscodeWanted);
        officer.types("12");
        officer
    }),
    ("act_reset_code_rejected", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::FreshPasscodeWanted);
        officer.types("123456\n");
        officer.answered(Reply::Rejected {
            wait: Duration::from_secs(3),
        });
        officer
    }),
    ("act_reset_code_held", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::FreshPasscodeWanted);
        officer.types("123456\n");
        officer.answered(Reply::Held);
        officer
    }),
    ("act_reset_declined", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.desk(DeskReply::Declined(Declined::NothingToDo));
        officer
    }),
    ("act_reset_unavailable", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::Unavailable);
        officer
    }),
    ("act_reset_working", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.now = later(1);
        officer
    }),
    ("act_email", |officer| officer.at_card_item(card(), 3)),
    ("act_email_wrong_with_code", |officer| {
        let mut officer = officer.at_card_item(card(), 3);
        officer.types("siti@contoh.go.id\nAlamat lama mati\nKTP asli\n\n");
        officer.answered(Reply::FreshPasscodeWanted);
        officer.presses(&[Key::Up, Key::Up]);
        officer.types("\u{8}");
        officer.presses(&[Key::Up]);
        officer.types(" x");
        officer.presses(&[Key::BackTab, Key::BackTab]);
        officer.types("\n");
        officer
    }),
    ("act_issue", |officer| officer.at_card_item(card(), 2)),
    ("act_unlock", |officer| {
        officer.at_card_item(waiting_card(), 1)
    }),
    ("act_suspend", |officer| officer.at_card_item(card(), 5)),
    ("act_reinstate", |officer| {
        officer.at_card_item(suspended_card(), 2)
    }),
    ("act_end_logins", |officer| officer.at_card_item(card(), 4)),
    ("act_outbox", |officer| {
        let mut officer = officer.at_desk();
        officer.presses(&[Key::Tab, Key::Tab]);
        officer.types("\n");
        officer
    }),
    ("act_audit_code", |officer| {
        let mut officer = officer.at_desk();
        officer.presses(&[Key::Tab, Key::Tab, Key::Tab]);
        officer.types("\nPemeriksaan bulanan\n");
        officer.answered(Reply::FreshPasscodeWanted);
        officer
    }),
    ("act_rules", |officer| {
        let mut officer = officer.at_policy_chosen();
        officer.types("\n");
        officer
    }),
    ("one_time_password", |officer| {
        officer.at_password("kd7m-qr29-tzxw")
    }),
    ("one_time_password_ungrouped", |officer| {
        officer.at_password("kd7mqr29tzxw")
    }),
    ("policy", |officer| officer.at_policy_by_tabs()),
    ("policy_chosen", |officer| officer.at_policy_chosen()),
    ("policy_unchanged", |officer| {
        let mut officer = officer.at_policy_by_tabs();
        officer.presses(&[Key::Down, Key::Down, Key::Down]);
        officer.types("\n");
        officer
    }),
    ("policy_set", |officer| {
        let mut officer = officer.at_policy_chosen();
        officer.types("\nSurat edaran kepala dinas\n\n");
        officer.desk(DeskReply::Rules(LoginRules {
            policy: Policy::Required,
            recovery_codes: false,
        }));
        officer
    }),
    ("outbox", |officer| officer.at_outbox(outbox())),
    ("outbox_refused", |officer| {
        let mut officer = officer.at_outbox(outbox());
        officer.presses(&[Key::Down]);
        officer
    }),
    ("outbox_empty", |officer| officer.at_outbox(Vec::new())),
    ("audit", |officer| officer.at_audit(audit())),
    ("audit_middle", |officer| {
        let mut officer = officer.at_audit(audit());
        officer.presses(&[Key::PageDown, Key::PageDown]);
        officer
    }),
    ("audit_record", |officer| {
        let mut officer = officer.at_audit(audit());
        officer.types("\n");
        officer
    }),
    ("audit_empty", |officer| officer.at_audit(Vec::new())),
    ("idle_warning_over_password", |officer| {
        let mut officer = officer.at_password("kd7m-qr29-tzxw");
        let left = Duration::from_secs(15);
        let why = EndingReason::Idle;
        officer.event(Event::Ending(Some(Ending { left, why })));
        officer
    }),
];

impl Officer {
    /// At the form of the card's button number `place`, from 0.
    fn at_card_item(self, card: Card, place: usize) -> Self {
        let mut officer = self.at_card(card);
        officer.presses(&vec![Key::Tab; place]);
        officer.types("\n");
        officer
    }

    fn at_reset(self) -> Self {
        self.at_card_item(card(), 1)
    }

    /// All that a reset needs is typed, and its button is in focus.
    fn with_reset_filled(self) -> Self {
        let mut officer = self.at_reset();
        officer.types("Ponsel hilang, ada surat kehilangan\nKTP dan kartu pegawai\n");
        officer
    }

    fn at_password(self, password: &str) -> Self {
        let mut officer = self.at_card_item(card(), 2);
        officer.types("Lupa password\nKTP asli\n\n");
        officer.desk(DeskReply::Done(
            Box::new(Card {
                one_time_password_until: Some(at("2020-08-14T01:53:00Z")),
                ..card()
            }),
            Some(Zeroizing::new(password.into())),
        ));
        officer
    }

    fn at_policy_by_tabs(self) -> Self {
        let mut officer = self.at_desk();
        officer.types("\t\n");
        officer.desk(DeskReply::Rules(LoginRules::default()));
        officer
    }

    /// `required` and no recovery codes are chosen, and the button is in focus.
    fn at_policy_chosen(self) -> Self {
        let mut officer = self.at_policy_by_tabs();
        officer.types("\t \t \t");
        officer
    }
}

#[test]
fn every_state_of_the_desk() {
    for (name, state) in STATES {
        for (language, word) in [(Language::Id, "id"), (Language::En, "en")] {
            for (columns, rows) in [(80, 24), (120, 40)] {
                let officer = state(Officer::new(settings(language)));
                insta::assert_snapshot!(
                    format!("{name}.{word}.{columns}x{rows}"),
                    officer.screen(columns, rows)
                );
            }
        }
    }
}
