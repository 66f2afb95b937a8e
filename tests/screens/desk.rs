//! The officer's desk: every state of its screens as a snapshot, in both languages, at 80x24 and at 120x40; its forms
//! key by key; looking things up while typing; and any keys at any size without a panic.
//!
//! `INSTA_UPDATE=always tests/run screens desk` writes the snapshots anew; then read each one.

use std::{net::IpAddr, time::Duration};

use lpse_kiosk::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, EmailAddress, PasswordHash, PersonName,
        Policy, Refusal, Source, UserId, UserType,
        account::{LastLogin, PhoneClock, Role, TotpState},
        audit::{Act, AuditRecord, OutcomeWord},
        authenticator::Ordinal,
        idle::{Presence, Reason},
        language::Language,
        letter::LetterKind,
        officer::{
            AccountAct, ActKind, Bookmark, Card, Declined, DeskAct, DoneAct, FailingLetters, Found,
            FoundPage, Order, Overview, StrandedAccount,
        },
        password::HashCost,
        policy::LoginRules,
        recorded::ClockFault,
        stranded::Stranded,
        throttle::Gate,
        totp::Drift,
    },
    tui::{
        App, AppSettings, DeskReply, DeskRequest, Effect, Ending, EndingReason, Event, HomeNotice,
        HomeView, Lookup, LookupReply, Now, OutboxRow, Reply, Request, RequestId,
        attention::READING_TIME,
        command::Key,
        sequences::Sequences,
        theme::{Colours, Glyphs, Terminal},
    },
};
use proptest::prelude::*;
use support::screen::{any_key, at, drawn, keys, later, now, settings};
use zeroize::Zeroizing;

use super::{
    outline::{gathered, outlined},
    people::phone,
};

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
pub fn home(notice: Option<HomeNotice>) -> HomeView {
    HomeView {
        account: rina(),
        name: name("Rina Wulandari"),
        role: Role::Officer,
        totp: active(),
        phones: vec![phone(Ordinal::First, None)],
        recovery: None,
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
        clock: None,
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
        has_altered: false,
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

pub fn card() -> Card {
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
        phone_clock: None,
        phones: vec![phone(Ordinal::First, None)],
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
        phone_clock: Some(PhoneClock {
            drift: Drift::of_steps(12).unwrap(),
            seen: at("2020-08-13T01:40:00Z"),
        }),
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
        phones: Vec::new(),
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
            outcome: [OutcomeWord::Done, OutcomeWord::Refused, OutcomeWord::Done][number % 3],
            reason: (number % 3 == 1).then(|| "wrong-password".into()),
            account: (number % 5 != 4).then(|| "non-penyedia/PPK30".parse().unwrap()),
            by: number.is_multiple_of(5).then(|| "non-penyedia/PETUGAS1".parse().unwrap()),
            from: match number % 5 {
                4 => "command:siti (as root, pts/0)".into(),
                _ => "console:loket-1".into(),
            },
            detail: (number == 0).then(|| {
                "reason: Ponsel hilang, surat kehilangan dari kepolisian\u{1b}]0;x\u{7}; seen: KTP dan kartu \
                 pegawai\u{202e} yang masih berlaku, difoto oleh pemiliknya sendiri di loket"
                    .into()
            }),
        })
        .collect()
}

/// An account that is stranded since `minutes` before now, by what `change` makes of it.
fn stranded(
    id: &str,
    name: &str,
    minutes: u64,
    change: impl FnOnce(&mut Account),
) -> StrandedAccount {
    let key = key(UserType::NonPenyedia, id);
    let mut account = Account::new(
        key.clone(),
        self::name(name),
        EmailAddress::parse("orang@contoh.go.id").unwrap(),
        PasswordHash::unmatchable(HashCost::MIN),
        at("2020-07-01T02:00:00Z"),
    );
    change(&mut account);
    account.passcode_throttle.last_failure =
        Some(at("2020-08-13T01:53:00Z") - Duration::from_secs(60 * minutes));
    StrandedAccount {
        key,
        name: self::name(name),
        stranded: Stranded::of(&account).unwrap(),
    }
}

fn by_codes(id: &str, name: &str, minutes: u64, failures: u32) -> StrandedAccount {
    stranded(id, name, minutes, |account| {
        account.passcode_throttle.failures = failures;
    })
}

/// What waits in an office on a bad morning.
fn waits() -> Overview {
    let done = |minutes: u64, act, id: &str| DoneAct {
        at: at("2020-08-13T01:50:00Z") - Duration::from_secs(60 * minutes),
        act,
        account: Some(key(UserType::NonPenyedia, id)),
        by: key(UserType::NonPenyedia, "PETUGAS2"),
    };
    let policy = DoneAct {
        account: None,
        ..done(90, Act::SetPolicy, "PPK30")
    };
    Overview {
        stranded: vec![
            by_codes("PPK31", "Budi Santoso", 2, 7),
            by_codes("PPK30", "Siti Rahmawati", 31, 100),
            stranded(
                "CVMAJU",
                "CV Maju Bersama Nusantara Sejahtera",
                44,
                |account| {
                    account.logged_in(&loket(), at("2020-08-13T01:00:00Z"));
                    for _ in 0..9 {
                        account.count_wrong_password(&loket(), at("2020-08-13T01:09:00Z"));
                    }
                },
            ),
        ],
        has_more_stranded: false,
        letters: FailingLetters {
            count: 3,
            is_more: false,
            oldest: Some(at("2020-08-13T01:10:00Z")),
        },
        acts: vec![
            done(1, Act::IssuePassword, "PPK32"),
            done(12, Act::Unlock, "PPK33"),
            policy,
        ],
    }
}

/// More than there is room for.
fn waits_long() -> Overview {
    let number = |number: u32| {
        let id = format!("PPK{number:04}");
        by_codes(
            &id,
            &format!("Pegawai Nomor {number}"),
            u64::from(number),
            7 + number,
        )
    };
    Overview {
        stranded: (1..=20).map(number).collect(),
        has_more_stranded: true,
        ..waits()
    }
}

/// An officer at the screens, with the world's answers in the test's hand.
struct Officer {
    app: App,
    now: Now,
    request: Option<RequestId>,
    /// The lookup that is under way.
    lookup: Option<(RequestId, Lookup)>,
    /// What waits, which is told as soon as it is asked for; nothing can be told where it is `None`.
    waits: Option<Overview>,
    /// How often it was asked for.
    overviews: usize,
    /// Records of the audit log that are older than those that were shown at first, told a page at a time.
    older: Vec<AuditRecord>,
    /// How long it takes to read an answer, and to press a key.
    pace: (Duration, Duration),
}

impl Officer {
    fn new(settings: AppSettings) -> Self {
        let mut officer = Self {
            app: App::new(settings),
            now: now(),
            request: None,
            lookup: None,
            waits: Some(Overview::default()),
            overviews: 0,
            older: Vec::new(),
            pace: (Duration::ZERO, Duration::ZERO),
        };
        officer.event(Event::Visits(1234));
        officer
    }

    /// At a terminal at which people read, in `state`, and from then on in haste.
    fn hasty(state: impl FnOnce(Self) -> Self) -> Self {
        let mut officer = Self::new(AppSettings {
            reading_time: READING_TIME,
            ..settings(Language::Id)
        });
        officer.pace = (2 * READING_TIME, Duration::from_millis(200));
        let mut officer = state(officer);
        officer.pace = (Duration::ZERO, Duration::ZERO);
        officer
    }

    fn after(&mut self, milliseconds: u64) -> &mut Self {
        self.now.monotonic += Duration::from_millis(milliseconds);
        self
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = self.app.update(self.now, event);
        while let Some((id, reply)) = self.told_at_once(&mut effects) {
            effects.extend(self.app.update(self.now, Event::LookupReply(id, reply)));
        }
        for effect in &effects {
            match effect {
                Effect::Request(id, _) => self.request = Some(*id),
                Effect::Lookup(id, lookup) => {
                    assert!(self.lookup.is_none(), "one lookup at a time");
                    self.lookup = Some((*id, lookup.clone()));
                }
                // What is under way is void, and never answered.
                Effect::EndLogin => self.lookup = None,
                _ => {}
            }
        }
        effects
    }

    /// The answer to a lookup among `effects`, which is taken out of them, if the test does not answer it itself.
    fn told_at_once(&mut self, effects: &mut Vec<Effect>) -> Option<(RequestId, LookupReply)> {
        let is_told = |effect: &Effect| match effect {
            Effect::Lookup(_, lookup) => !matches!(lookup, Lookup::Find { .. }),
            _ => false,
        };
        let place = effects.iter().position(is_told)?;
        let Effect::Lookup(id, lookup) = effects.remove(place) else {
            return None;
        };
        let reply = match lookup {
            Lookup::OlderRecords { before } => {
                let older = self.older.iter().filter(|record| record.seq < before);
                LookupReply::Records(older.take(100).cloned().collect())
            }
            _ => {
                self.overviews += 1;
                let waits = self.waits.clone().map(Box::new);
                waits.map_or(LookupReply::Unavailable, LookupReply::Overview)
            }
        };
        Some((id, reply))
    }

    /// Types text; a newline is Enter, a tab Tab.
    fn types(&mut self, text: &str) -> Vec<Effect> {
        self.presses(&keys(text).collect::<Vec<_>>())
    }

    fn presses(&mut self, keys: &[Key]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys {
            self.now.monotonic += self.pace.1;
            effects = self.event(Event::Key((*key).into()));
        }
        effects
    }

    fn answered(&mut self, reply: Reply) -> Vec<Effect> {
        let id = self.request.take().expect("a request is under way");
        let effects = self.event(Event::Reply(id, reply));
        self.now.monotonic += self.pace.0;
        effects
    }

    fn desk(&mut self, reply: DeskReply) -> Vec<Effect> {
        self.answered(Reply::Desk(reply))
    }

    /// Answers the lookup under way.
    fn sees(&mut self, reply: LookupReply) -> Vec<Effect> {
        let (id, _) = self.lookup.take().expect("a lookup is under way");
        self.event(Event::LookupReply(id, reply))
    }

    fn finds(&mut self, page: FoundPage) -> Vec<Effect> {
        self.sees(LookupReply::Found(page))
    }

    fn looks_for(&self) -> Option<(&str, Option<&str>)> {
        match &self.lookup.as_ref()?.1 {
            Lookup::Find { typed, after } => {
                Some((typed.as_str(), after.as_ref().map(|mark| mark.0.as_str())))
            }
            Lookup::Overview | Lookup::OlderRecords { .. } => None,
        }
    }

    fn logged_in(mut self, notice: Option<HomeNotice>) -> Self {
        self.types("\nnpetugas1\nrahasia sekali\n");
        self.answered(Reply::PasscodeWanted {
            pending: false,
            recovery: false,
            spent_until: None,
        });
        self.types("123456");
        self.answered(Reply::Home(Box::new(home(notice))));
        self
    }

    fn at_desk(self) -> Self {
        self.logged_in(None)
    }

    fn at_desk_where(mut self, waits: Option<Overview>) -> Self {
        self.waits = waits;
        self.logged_in(None)
    }

    /// With `ppk` typed and what it finds in the list.
    fn with_list(self) -> Self {
        let mut officer = self.at_desk();
        officer.types("ppk");
        officer.finds(page(few(), None));
        while officer.lookup.is_some() {
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

    fn at_policy(self, rules: LoginRules) -> Self {
        let mut officer = self.at_desk();
        officer.types("\t\n");
        officer.desk(DeskReply::Rules(rules));
        officer
    }

    fn at_outbox(self, letters: Vec<OutboxRow>) -> Self {
        let mut officer = self.at_desk();
        officer.presses(&[Key::Tab, Key::Tab]);
        officer.types("\n");
        officer.desk(DeskReply::Outbox(letters));
        officer
    }

    fn at_audit(self, records: Vec<AuditRecord>) -> Self {
        let mut officer = self.at_desk();
        officer.presses(&[Key::Tab, Key::Tab, Key::Tab]);
        officer.types("\n");
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

/// Every state worth looking at, reached by keys that are the same in both languages.
const STATES: &[State] = &[
    ("desk", |officer| officer.at_desk()),
    ("desk_phone_offer", |officer| {
        officer.logged_in(Some(HomeNotice::TotpActivated))
    }),
    ("desk_phone_offer_after_password", |officer| {
        officer.logged_in(Some(HomeNotice::PasswordReplaced))
    }),
    ("desk_notice", |officer| {
        let mut officer = officer.logged_in(Some(HomeNotice::TotpActivated));
        officer.presses(&[Key::Esc]);
        officer
    }),
    ("desk_clock", |mut officer| {
        officer.types("\nnpetugas1\nrahasia sekali\n");
        let view = HomeView {
            clock: Some(ClockFault::Unsynchronised),
            ..home(None)
        };
        officer.answered(Reply::Home(Box::new(view)));
        officer
    }),
    ("desk_clock_wrong", |mut officer| {
        officer.types("\nnpetugas1\nrahasia sekali\n");
        let ahead = at("2020-08-13T09:00:00Z");
        let view = HomeView {
            clock: Some(ClockFault::BeforeRecorded(ahead)),
            ..home(None)
        };
        officer.answered(Reply::Home(Box::new(view)));
        officer
    }),
    ("desk_clock_apart", |mut officer| {
        officer.types("\nnpetugas1\nrahasia sekali\n");
        let view = HomeView {
            clock: Some(ClockFault::Apart(jiff::SignedDuration::from_mins(10))),
            ..home(None)
        };
        officer.answered(Reply::Home(Box::new(view)));
        officer
    }),
    ("desk_waiting", |officer| {
        officer.at_desk_where(Some(waits()))
    }),
    ("desk_waiting_long", |officer| {
        let mut officer = officer.at_desk_where(Some(waits_long()));
        officer.presses(&[Key::Down; 6]);
        officer
    }),
    ("desk_waiting_unknown", |officer| {
        officer.at_desk_where(None)
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
        while officer.lookup.is_some() {
            officer.finds(page(Vec::new(), None));
        }
        officer
    }),
    ("desk_altered", |officer| {
        let mut officer = officer.at_desk();
        officer.types("s");
        officer.finds(FoundPage {
            has_altered: true,
            ..page(few(), None)
        });
        officer
    }),
    ("desk_failed", |officer| {
        let mut officer = officer.at_desk();
        officer.types("s");
        officer.sees(LookupReply::Unavailable);
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
    ("desk_activity", |officer| {
        let mut officer = officer.at_desk();
        officer.presses(&[Key::BackTab, Key::BackTab]);
        officer.types("\n");
        officer.answered(Reply::Home(Box::new(home(None))));
        officer.types("a\n");
        officer.answered(Reply::Activity(Box::new(home(None))));
        officer
    }),
    ("desk_help", |officer| {
        let mut officer = officer.at_desk();
        officer.presses(&[Key::Function(1)]);
        officer
    }),
    ("card", |officer| officer.at_card(card())),
    ("card_two_phones", |officer| {
        let second = phone(Ordinal::Second, Some("HP kantor"));
        officer.at_card(Card {
            phones: vec![phone(Ordinal::First, None), second],
            ..card()
        })
    }),
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
        officer.types("ok\t\t\n");
        officer
    }),
    ("act_reset_code", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        officer.types("12");
        officer
    }),
    ("act_reset_code_rejected", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        officer.types("123456\n");
        officer.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        officer
    }),
    ("act_reset_code_held", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        officer.types("123456\n");
        officer.answered(Reply::Refused(Refusal::Held));
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
        officer.answered(Reply::Refused(Refusal::Unavailable));
        officer
    }),
    ("act_reset_working", |officer| {
        let mut officer = officer.with_reset_filled();
        officer.types("\n");
        officer.now = later(1);
        officer
    }),
    ("act_email", |officer| {
        officer.at_act(card(), ActKind::CorrectEmail)
    }),
    ("act_email_wrong_with_code", |officer| {
        let mut officer = officer.at_act(card(), ActKind::CorrectEmail);
        officer.types("siti@contoh.go.id\nAlamat lama mati\nKTP asli\t\n");
        officer.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        officer.presses(&[Key::Up, Key::Up]);
        officer.types("\u{8}");
        officer.presses(&[Key::Up]);
        officer.types(" x");
        officer.presses(&[Key::BackTab, Key::BackTab]);
        officer.types("\n");
        officer
    }),
    ("act_issue", |officer| {
        officer.at_act(card(), ActKind::IssuePassword)
    }),
    ("act_unlock", |officer| {
        officer.at_act(waiting_card(), ActKind::Unlock)
    }),
    ("act_suspend", |officer| {
        officer.at_act(card(), ActKind::Suspend)
    }),
    ("act_reinstate", |officer| {
        officer.at_act(suspended_card(), ActKind::Reinstate)
    }),
    ("act_end_logins", |officer| {
        officer.at_act(card(), ActKind::EndLogins)
    }),
    ("act_rules", |officer| {
        let mut officer = officer.at_policy_chosen();
        officer.types("\n");
        officer
    }),
    ("one_time_password", |officer| {
        officer.at_password("kd7m-qr29-tzxw")
    }),
    ("one_time_password_question", |officer| {
        let mut officer = officer.at_password("kd7m-qr29-tzxw");
        officer.types("\n");
        officer
    }),
    ("one_time_password_ungrouped", |officer| {
        officer.at_password("kd7mqr29tzxw")
    }),
    ("policy", |officer| officer.at_policy(LoginRules::default())),
    ("policy_chosen", |officer| officer.at_policy_chosen()),
    ("policy_unchanged", |officer| {
        let mut officer = officer.at_policy(LoginRules::default());
        officer.presses(&[Key::Down, Key::Down, Key::Down]);
        officer.types("\n");
        officer
    }),
    ("policy_set", |officer| {
        let mut officer = officer.at_policy_chosen();
        officer.types("\nSurat edaran kepala dinas\t\n");
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
    ("audit_record_command", |officer| {
        let mut officer = officer.at_audit(audit());
        officer.presses(&[Key::Down; 4]);
        officer.types("\n");
        officer
    }),
    ("audit_empty", |officer| officer.at_audit(Vec::new())),
    ("audit_filter", |officer| {
        let mut officer = officer.at_audit(audit());
        officer.types("/petugas1 reset");
        officer
    }),
    ("audit_filtered", |officer| {
        let mut officer = officer.at_audit(audit());
        officer.types("/petugas1 reset\n");
        officer.presses(&[Key::Down]);
        officer
    }),
    ("audit_filter_none", |officer| {
        let mut officer = officer.at_audit(audit());
        officer.types("/ppk31");
        officer
    }),
    ("outbox_filter", |officer| {
        let mut officer = officer.at_outbox(outbox());
        officer.types("/cvmaju");
        officer
    }),
    ("idle_warning_beside_password", |officer| {
        let mut officer = officer.at_password("kd7m-qr29-tzxw");
        let left = Duration::from_secs(15);
        let why = EndingReason::Idle;
        officer.event(Event::Ending(Some(Ending { left, why })));
        officer
    }),
];

impl Officer {
    /// At the form of an act that the card offers, wherever its button is.
    fn at_act(self, card: Card, act: ActKind) -> Self {
        let mut officer = self.at_card(card);
        let label = &officer.app.language().text().account_act.of(act).label;
        let focused = format!("button *: {label}");
        let is_there = |officer: &Self| outlined(&officer.app, officer.now).contains(&focused);
        for _ in ActKind::ALL {
            if !is_there(&officer) {
                officer.presses(&[Key::Tab]);
            }
        }
        assert!(is_there(&officer), "{act:?} is offered");
        officer.types("\n");
        officer
    }

    fn at_reset(self) -> Self {
        self.at_act(card(), ActKind::ResetTotp)
    }

    /// All that a reset needs is typed, and its button is in focus.
    fn with_reset_filled(self) -> Self {
        let mut officer = self.at_reset();
        officer.types("Ponsel hilang, ada surat kehilangan\nKTP dan kartu pegawai\t");
        officer
    }

    fn with_password_ordered(self) -> Self {
        let mut officer = self.at_act(card(), ActKind::IssuePassword);
        officer.types("Lupa password\nKTP asli\t\n");
        officer
    }

    fn issues(&mut self, password: &str) {
        self.desk(DeskReply::Done(
            Box::new(Card {
                one_time_password_until: Some(at("2020-08-14T01:53:00Z")),
                ..card()
            }),
            Some(Zeroizing::new(password.to_owned()).into()),
        ));
    }

    fn at_password(self, password: &str) -> Self {
        let mut officer = self.with_password_ordered();
        officer.issues(password);
        officer
    }

    /// `required` and no recovery codes are chosen, and the button is in focus.
    fn at_policy_chosen(self) -> Self {
        let mut officer = self.at_policy(LoginRules::default());
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

/// The screens of every state of the desk, on a terminal whose settings `change` changes.
pub fn all_apps(change: fn(&mut AppSettings)) -> impl Iterator<Item = (&'static str, App, Now)> {
    STATES.iter().map(move |(name, state)| {
        let mut settings = settings(Language::Id);
        change(&mut settings);
        let officer = state(Officer::new(settings));
        (*name, officer.app, officer.now)
    })
}

/// What an officer who does not see the desk is told of each state.
#[test]
fn the_outline_of_every_state_of_the_desk() {
    for (language, word) in [(Language::Id, "id"), (Language::En, "en")] {
        let outlines = STATES.iter().map(|(name, state)| {
            let officer = state(Officer::new(settings(language)));
            (*name, outlined(&officer.app, officer.now))
        });
        let outlines = gathered(outlines);
        assert!(
            !outlines.contains("kd7m"),
            "a password stands in an outline"
        );
        insta::assert_snapshot!(format!("outline_desk.{word}"), outlines);
    }
}

/// What a request at the desk asks for, if `effects` is nothing else.
fn requested(effects: &[Effect]) -> Option<&DeskRequest> {
    match effects {
        [Effect::Request(_, Request::Desk(request))] => Some(request),
        _ => None,
    }
}

fn ordered(effects: &[Effect]) -> &Order {
    match requested(effects) {
        Some(DeskRequest::CarryOut(order)) => order,
        other => panic!("no order but {other:?} in {effects:?}"),
    }
}

#[test]
fn an_officers_home_is_the_desk_and_their_account_stands_over_it() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    assert!(officer.shows("Meja petugas: Rina Wulandari"));
    officer.presses(&[Key::Down, Key::Down]);
    let before = officer.screen(80, 24);
    let asked = officer.types("a\n");
    assert!(
        matches!(asked.as_slice(), [Effect::Request(_, Request::LoadHome)]),
        "{asked:?}"
    );
    officer.answered(Reply::Home(Box::new(home(None))));
    assert!(officer.shows("Selamat datang, Rina Wulandari") && officer.shows("MEJA PETUGAS"));
    // What follows from there leads back there, not to the desk.
    officer.types("d\nd\n");
    officer.answered(Reply::Home(Box::new(home(Some(HomeNotice::TotpDisabled)))));
    assert!(officer.shows("TOTP sudah dinonaktifkan."));
    officer.types("m");
    let back = officer.screen(80, 24);
    assert!(back.contains("  AKUN SAYA ") && back.contains("PPK31"));
    assert!(
        officer
            .presses(&[Key::Esc, Key::Down, Key::Down])
            .is_empty()
    );
    assert_eq!(officer.screen(80, 24), before, "as it was left");
    let ended = officer.types("l\n");
    assert!(matches!(ended.as_slice(), [Effect::EndLogin]), "{ended:?}");
    assert!(officer.shows("Pakta Integritas") && !officer.shows("Rina"));
}

#[test]
fn an_officer_is_told_to_have_their_totp_reset_by_another_officer() {
    let (_, state) = STATES
        .iter()
        .find(|state| state.0 == "desk_activity")
        .unwrap();
    let mut by_mail = settings(Language::Id);
    by_mail.reset_by_mail = true;
    let officer = state(Officer::new(by_mail));
    assert!(officer.shows("Minta petugas lain me-reset TOTP") && !officer.shows("Reset TOTP?"));
}

#[test]
fn esc_at_the_home_over_the_desk_leads_back_and_everybody_elses_home_is_no_desk() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.presses(&[Key::Up, Key::Up]);
    officer.types("\n");
    officer.answered(Reply::Home(Box::new(home(None))));
    assert!(officer.presses(&[Key::Esc]).is_empty());
    assert!(officer.shows("Meja petugas"));

    let mut user = Officer::new(settings(Language::Id));
    user.types("\nnppk30\nrahasia sekali\n");
    let view = HomeView {
        role: Role::User,
        ..home(None)
    };
    user.answered(Reply::Home(Box::new(view)));
    assert!(user.shows("Selamat datang") && !user.shows("MEJA PETUGAS"));
}

#[test]
fn the_desk_opens_on_who_waits_and_two_keys_open_their_card() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk_where(Some(waits()));
    for words in [
        "Menunggu bantuan",
        "7 kode salah",
        "DIBLOKIR: 100 kode salah",
    ] {
        assert!(officer.shows(words), "{words}");
    }
    assert!(officer.shows("9 password salah") && officer.shows("3 e-mail gagal"));
    assert!(officer.shows("Akhiri masa tunggu") && officer.shows("▸ Cari"));
    let sent = officer.presses(&[Key::Down, Key::Enter]);
    assert!(
        matches!(requested(&sent), Some(DeskRequest::Show(key)) if key.user_id.as_str() == "PPK31"),
        "{sent:?}"
    );
    officer.desk(DeskReply::Card(Box::new(card())));
    // Meanwhile another has got stranded, and somebody else has helped the first.
    let mut later = waits();
    later.stranded.remove(0);
    later
        .stranded
        .insert(0, by_codes("PPK40", "Dewi Lestari", 1, 7));
    officer.waits = Some(later);
    let before = officer.overviews;
    officer.presses(&[Key::Esc]);
    assert_eq!(officer.overviews, before + 1);
    assert!(officer.shows("PPK40") && !officer.shows("PPK31"));
    assert!(
        officer.shows("▸ Cari"),
        "whoever was chosen waits no longer"
    );
    // Where they are still there, the pointer goes with them.
    officer.presses(&[Key::Down, Key::Down]);
    assert!(officer.shows("▸ PPK30"));
    officer.presses(&[Key::Enter]);
    officer.desk(DeskReply::Card(Box::new(card())));
    officer.waits.as_mut().unwrap().stranded.remove(0);
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("▸ PPK30") && !officer.shows("PPK40"));
    officer.waits = Some(Overview::default());
    officer.presses(&[Key::Enter]);
    officer.desk(DeskReply::Card(Box::new(card())));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("Tidak ada yang menunggu bantuan."));
}

#[test]
fn who_waits_is_asked_for_once_at_each_return_and_never_beside_a_search() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk_where(Some(waits()));
    assert_eq!(officer.overviews, 1);
    officer.event(Event::Tick);
    officer.presses(&[Key::Down, Key::Up, Key::Tab]);
    assert_eq!(officer.overviews, 1);
    officer.presses(&[Key::Home, Key::Up]);
    officer.types("ppk");
    assert_eq!(officer.overviews, 1);
    officer.finds(page(few(), None));
    while officer.lookup.is_some() {
        officer.finds(page(few(), None));
    }
    assert!(!officer.shows("Menunggu bantuan"));
    officer.presses(&[Key::Esc]);
    assert_eq!(officer.overviews, 2);
    assert!(officer.shows("Menunggu bantuan"));
    // What cannot be told is not asked for again and again, and what was seen before stays.
    officer.waits = None;
    officer.types("x");
    officer.finds(page(Vec::new(), None));
    officer.presses(&[Key::Esc]);
    officer.event(Event::Tick);
    assert_eq!(officer.overviews, 3);
    assert!(officer.shows("Menunggu bantuan"));
}

#[test]
fn esc_at_the_desk_goes_back_step_by_step_and_never_ends_the_login() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.presses(&[Key::Down]);
    assert!(officer.presses(&[Key::Esc]).is_empty());
    assert!(officer.shows("ppk") && officer.shows("PPK31"));
    assert!(officer.presses(&[Key::Esc]).is_empty());
    assert!(!officer.shows("PPK31"), "what was found goes with the text");
    for _ in 0..3 {
        assert!(officer.presses(&[Key::Esc]).is_empty());
    }
    assert!(officer.shows("Meja petugas"));
}

#[test]
fn one_lookup_is_under_way_however_fast_somebody_types_and_the_newest_comes_next() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    let effects = officer.types("s");
    assert!(
        matches!(effects.as_slice(), [Effect::Lookup(..)]),
        "{effects:?}"
    );
    assert_eq!(officer.looks_for(), Some(("s", None)));
    // `event` sees to it that no second lookup begins.
    assert!(officer.types("iti rahmawati").is_empty());
    let effects = officer.finds(page(many(1, 3), None));
    assert!(
        matches!(effects.as_slice(), [Effect::Lookup(..)]),
        "{effects:?}"
    );
    assert_eq!(officer.looks_for(), Some(("siti rahmawati", None)));
    // What was found meanwhile is shown, as what it is.
    assert!(officer.shows("PPK0003"));
    assert!(officer.finds(page(few(), None)).is_empty());
    assert!(officer.shows("PPK31") && !officer.shows("PPK0003"));
    // A key that changes nothing of what is looked for asks nothing.
    assert!(officer.types(" ").is_empty());
    assert!(officer.event(Event::Tick).is_empty());
}

#[test]
fn a_thousand_keys_make_two_lookups() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    let mut looks = 0;
    for _ in 0..500 {
        looks += officer.types("x").len();
        looks += officer.presses(&[Key::Backspace]).len();
    }
    looks += officer.types("y").len();
    assert_eq!(looks, 1);
    officer.finds(page(many(1, 1), None));
    assert_eq!(officer.looks_for(), Some(("y", None)));
    officer.finds(page(many(2, 1), None));
    assert_eq!(officer.looks_for(), None);
    assert!(officer.shows("PPK0002"));
}

#[test]
fn a_lookup_reply_that_is_not_waited_for_is_dropped() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("s");
    let (id, _) = officer.lookup.clone().unwrap();
    officer.finds(page(few(), None));
    let before = officer.screen(80, 24);
    for late in [id, RequestId(id.0 + 1), RequestId(9_999)] {
        let reply = LookupReply::Found(page(many(1, 9), None));
        assert!(officer.event(Event::LookupReply(late, reply)).is_empty());
        assert_eq!(officer.screen(80, 24), before);
    }
    // Nor does a reply of before come back to a fresh menu.
    officer.types("x");
    let (id, _) = officer.lookup.clone().unwrap();
    officer.app.wipe(officer.now, Reason::Idle);
    let reply = LookupReply::Found(page(few(), None));
    assert!(officer.event(Event::LookupReply(id, reply)).is_empty());
    assert!(
        officer
            .event(Event::LookupReply(id, LookupReply::Ended))
            .is_empty()
    );
    assert_eq!(officer.app.presence(), Presence::Nobody);
}

#[test]
fn what_was_typed_is_emptied_and_its_answer_is_not_shown() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("s");
    officer.presses(&[Key::Backspace]);
    assert!(officer.finds(page(few(), None)).is_empty());
    assert!(!officer.shows("PPK30") && officer.shows("Ketik beberapa huruf"));
}

#[test]
fn a_sign_comes_only_when_it_takes_long() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("s");
    assert!(!officer.shows("Mencari"));
    let patience = Duration::from_millis(150);
    assert_eq!(officer.app.next_tick(officer.now), Some(patience));
    officer.now.monotonic += patience;
    assert!(officer.shows("Mencari"));
    // The next lookup does not begin the wait anew: what is typed has been waited for since.
    officer.types("i");
    officer.finds(page(few(), None));
    assert!(officer.shows("Mencari") && officer.shows("PPK30"));
    officer.finds(page(few(), None));
    assert!(!officer.shows("Mencari"));
    assert_eq!(
        officer.app.next_tick(officer.now),
        Some(Duration::from_secs(55)),
        "nothing but the minute"
    );
}

#[test]
fn a_search_that_fails_says_so_and_is_tried_again_on_demand_only() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("s");
    assert!(officer.sees(LookupReply::Unavailable).is_empty());
    assert!(officer.shows("Pencarian belum berhasil"));
    assert!(officer.event(Event::Tick).is_empty());
    let again = officer.types("\n");
    assert!(
        matches!(again.as_slice(), [Effect::Lookup(..)]),
        "{again:?}"
    );
    officer.finds(page(few(), None));
    assert!(officer.shows("PPK30") && !officer.shows("Pencarian belum"));
    // Another text is looked for at once.
    officer.types("x");
    officer.sees(LookupReply::Unavailable);
    officer.types("y");
    assert_eq!(officer.looks_for(), Some(("sxy", None)));
}

#[test]
fn pages_follow_each_other_while_going_down_and_the_first_ones_are_left_behind() {
    let mut officer = Officer::new(settings(Language::Id)).with_long_list();
    let mut last = 50;
    officer.presses(&[Key::Down]);
    for _ in 0..8 {
        officer.presses(&[Key::End]);
        let mark = last.to_string();
        assert_eq!(officer.looks_for(), Some(("p", Some(mark.as_str()))));
        // At the end of what is here, Down waits instead of leaving the list.
        officer.presses(&[Key::Down]);
        officer.finds(page(many(last + 1, 50), Some(&(last + 50).to_string())));
        last += 50;
        assert!(officer.shows(&format!("▸ PPK{:04}", last - 50)), "{last}");
    }
    assert!(officer.shows("450 akun tampil"));
    officer.presses(&[Key::End]);
    officer.finds(page(many(last + 1, 3), None));
    officer.presses(&[Key::End]);
    assert!(officer.shows("▸ PPK0453") && officer.shows("453 akun"));
    assert_eq!(officer.looks_for(), None);
    // The top has been left behind, so it is looked up again.
    officer.presses(&[Key::Home]);
    assert_eq!(officer.looks_for(), Some(("p", None)));
}

#[test]
fn a_short_page_and_an_empty_one_lead_on_to_what_follows() {
    // Two accounts and a bookmark: more are looked for at once, and Down goes through those that are here meanwhile.
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("p");
    officer.finds(page(many(1, 2), Some("2")));
    assert_eq!(officer.looks_for(), Some(("p", Some("2"))));
    officer.presses(&[Key::Down]);
    assert!(officer.shows("▸ PPK0001") && officer.shows("masih ada lagi"));
    for key in [Key::End, Key::Down, Key::PageDown, Key::Tab] {
        officer.presses(&[key]);
        assert!(officer.shows("▸ PPK0002"), "{key:?}");
    }
    // An empty page in between changes nothing but where the search goes on.
    officer.finds(page(Vec::new(), Some("2b")));
    assert_eq!(officer.looks_for(), Some(("p", Some("2b"))));
    assert!(officer.shows("▸ PPK0002"));
    officer.finds(page(many(3, 20), Some("22")));
    assert_eq!(officer.looks_for(), None, "there is enough to go through");
    for number in 3..=22 {
        officer.presses(&[Key::Down]);
        assert!(officer.shows(&format!("▸ PPK{number:04}")), "{number}");
    }
    assert_eq!(officer.looks_for(), Some(("p", Some("22"))));
    // Now the list is no short one: the search goes on all the same while its end is in sight.
    for (from, next) in [("22", "22b"), ("22b", "22c")] {
        assert_eq!(officer.looks_for(), Some(("p", Some(from))));
        officer.finds(page(Vec::new(), Some(next)));
        assert!(officer.shows("▸ PPK0022"));
    }
    officer.finds(page(many(23, 1), Some("23")));
    assert_eq!(officer.looks_for(), Some(("p", Some("23"))));
    officer.presses(&[Key::PageDown]);
    assert!(officer.shows("▸ PPK0023"));
    let sent = officer.types("\n");
    assert!(
        matches!(requested(&sent), Some(DeskRequest::Show(key)) if key.user_id.as_str() == "PPK0023"),
        "{sent:?}"
    );
    officer.desk(DeskReply::Card(Box::new(card())));
    officer.presses(&[Key::Esc]);
    // What was on its way when the card opened is asked for anew.
    officer.finds(page(many(24, 1), None));
    assert!(officer.shows("▸ PPK0023"));
    assert_eq!(officer.looks_for(), Some(("p", Some("23"))));
    officer.finds(page(many(24, 1), None));
    officer.presses(&[Key::End]);
    assert!(officer.shows("▸ PPK0024") && officer.shows("24 akun"));
    assert_eq!(officer.looks_for(), None);
    officer.presses(&[Key::Down]);
    assert!(officer.shows("▸   KEBIJAKAN "));
}

#[test]
fn while_the_first_account_is_on_its_way_down_waits_for_it() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("p");
    officer.presses(&[Key::Down]);
    assert!(officer.shows("▸ Cari"));
    for mark in ["a", "b"] {
        officer.finds(page(Vec::new(), Some(mark)));
        assert_eq!(officer.looks_for(), Some(("p", Some(mark))));
        assert!(officer.shows("Mencari") && !officer.shows("Tidak ada akun"));
        for key in [Key::Down, Key::PageDown, Key::End, Key::Enter, Key::Tab] {
            officer.presses(&[key]);
            assert!(officer.shows("▸ Cari"), "{key:?}");
        }
    }
    officer.finds(page(many(1, 1), None));
    officer.presses(&[Key::Down]);
    assert!(officer.shows("▸ PPK0001") && officer.shows("1 akun"));
    // Where nothing follows after all, it says so, and Down leads to the buttons.
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("p");
    officer.finds(page(Vec::new(), Some("a")));
    officer.finds(page(Vec::new(), None));
    assert!(officer.shows("Tidak ada akun yang cocok"));
    officer.presses(&[Key::Down]);
    assert!(officer.shows("▸   KEBIJAKAN "));
    // Up leaves the field whatever is on its way.
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("p");
    officer.presses(&[Key::Up]);
    assert!(officer.shows("▸   LOGOUT "));
}

#[test]
fn an_account_in_focus_stays_when_the_list_grows_too_long() {
    let mut officer = Officer::new(settings(Language::Id)).with_long_list();
    officer.presses(&[Key::Down]);
    for last in [50, 100, 150] {
        officer.presses(&[Key::End]);
        officer.finds(page(many(last + 1, 50), Some(&(last + 50).to_string())));
    }
    // A page is on its way for which the first ones would go, but the pointer is back among those.
    officer.presses(&[Key::End, Key::Home, Key::Down]);
    officer.finds(page(many(201, 50), Some("250")));
    assert!(officer.shows("▸ PPK0002"));
    let sent = officer.types("\n");
    assert!(
        matches!(requested(&sent), Some(DeskRequest::Show(key)) if key.user_id.as_str() == "PPK0002"),
        "{sent:?}"
    );
    officer.desk(DeskReply::Card(Box::new(card())));
    officer.presses(&[Key::Esc, Key::Up]);
    assert!(officer.shows("▸ PPK0001"));
    // Nor do they go for one who is in the field meanwhile.
    officer.presses(&[Key::End, Key::Home, Key::Up]);
    officer.finds(page(many(251, 50), None));
    officer.presses(&[Key::Down]);
    assert!(officer.shows("▸ PPK0001") && officer.shows("300 akun"));
}

#[test]
fn down_at_the_end_of_the_list_goes_on_to_the_buttons_and_up_comes_back() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.presses(&[Key::Down; 6]);
    assert!(officer.shows("▸   KEBIJAKAN "));
    officer.presses(&[Key::Up]);
    assert!(officer.shows("▸ PPK.DINAS"));
    officer.presses(&[Key::Home, Key::Up]);
    assert!(officer.shows("▸ Cari"));
    officer.presses(&[Key::Up]);
    assert!(officer.shows("▸   LOGOUT "));
    officer.presses(&[Key::Tab]);
    assert!(officer.shows("▸ Cari"));
    // Letters are text in the field and jump in the list.
    officer.types("\tj");
    assert!(officer.shows("▸   JURNAL AUDIT "));
}

#[test]
fn an_account_that_slips_under_the_pointer_is_not_opened() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("3");
    officer.presses(&[Key::Down, Key::Down]);
    assert!(officer.shows("▸ PPK31"));
    assert!(officer.types("\n").is_empty(), "a newer list is on its way");
    // It has the account elsewhere: the pointer goes with it.
    let mut accounts = few();
    accounts.swap(1, 3);
    officer.finds(page(accounts, None));
    assert!(officer.shows("▸ PPK31"));
    let sent = officer.types("\n");
    assert!(
        matches!(requested(&sent), Some(DeskRequest::Show(key)) if key.user_id.as_str() == "PPK31"),
        "{sent:?}"
    );
    // Where it is in it no longer, Enter opens nothing.
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("3");
    officer.presses(&[Key::Down, Key::Down]);
    officer.finds(page(many(1, 5), None));
    assert!(officer.shows("▸ Cari"));
    // Whoever only went down, faster than the answer, is at the first account of what was typed.
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("3");
    officer.presses(&[Key::Down]);
    officer.finds(page(many(1, 5), None));
    assert!(officer.shows("▸ PPK0001"));
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("3");
    officer.presses(&[Key::Down]);
    officer.finds(page(Vec::new(), None));
    assert!(officer.shows("▸ Cari"));
}

#[test]
fn no_look_begins_while_a_request_has_the_proofs() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("3");
    officer.presses(&[Key::Down]);
    let sent = officer.types("k\n");
    assert!(
        matches!(requested(&sent), Some(DeskRequest::ShowRules)),
        "{sent:?}"
    );
    // The list answers first, and has a next page that could be wanted.
    assert!(officer.finds(page(many(1, 50), Some("50"))).is_empty());
    officer.desk(DeskReply::Rules(LoginRules::default()));
    assert!(officer.shows("Kebijakan login"));
    assert_eq!(officer.looks_for(), None, "the policy looks nothing up");
}

#[test]
fn a_look_whose_screen_has_gone_is_waited_for_and_not_shown() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("3");
    officer.presses(&[Key::Down]);
    officer.types("k\n");
    officer.desk(DeskReply::Rules(LoginRules::default()));
    // Back at the desk the text is wanted again, but not before the look from before has ended.
    assert!(officer.presses(&[Key::Esc]).is_empty());
    let next = officer.finds(page(many(1, 5), None));
    assert!(matches!(next.as_slice(), [Effect::Lookup(..)]), "{next:?}");
    assert!(!officer.shows("PPK0001"));
    officer.finds(page(many(6, 5), None));
    assert!(officer.shows("PPK0006"));
}

#[test]
fn back_from_a_card_the_search_is_as_it_was_with_what_the_card_has_changed() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.types("\n");
    let before = officer.screen(80, 24);
    assert!(before.contains("▸ PPK30"));
    officer.types("\n");
    officer.desk(DeskReply::Card(Box::new(card())));
    assert!(officer.presses(&[Key::Esc]).is_empty());
    assert_eq!(officer.screen(80, 24), before);
    // A card that has changed meanwhile changes the list.
    officer.types("\n");
    officer.desk(DeskReply::Card(Box::new(Card {
        suspended: Some(at("2020-08-13T00:10:00Z")),
        ..card()
    })));
    officer.presses(&[Key::Esc]);
    let screen = officer.screen(80, 24);
    let marked = |line: &&str| line.contains("PPK30") && line.contains("DITANGGUHKAN");
    assert!(screen.lines().any(|line| marked(&line)), "{screen}");
}

#[test]
fn only_the_acts_that_make_sense_are_offered() {
    let offered = |card: Card, act: &str| {
        let officer = Officer::new(settings(Language::Id)).at_card(card);
        let screen = officer.screen(120, 40);
        let drawn = [format!("  {act}  "), format!("[ {act} ]")];
        drawn.iter().any(|button| screen.contains(button))
    };
    // Wrong passwords may make somebody wait whose card tells of no wait.
    assert!(offered(card(), "Akhiri masa tunggu") && offered(waiting_card(), "Akhiri masa tunggu"));
    assert!(!offered(held_card(), "Akhiri masa tunggu") && offered(held_card(), "Reset TOTP"));
    assert!(!offered(suspended_card(), "Reset TOTP"));
    assert!(offered(suspended_card(), "Pulihkan") && !offered(suspended_card(), "Tangguhkan"));
    assert!(!offered(card(), "Pulihkan") && offered(card(), "Tangguhkan"));
    for act in [
        "Tampilkan e-mail",
        "Reset TOTP",
        "Password sekali pakai",
        "Perbaiki e-mail",
        "Akhiri login",
        "Tangguhkan",
    ] {
        assert!(offered(card(), act) && !offered(own_card(), act), "{act}");
    }
}

#[test]
fn a_wait_counts_down_and_is_offered_first_to_be_ended_while_it_lasts() {
    let mut officer = Officer::new(settings(Language::Id)).at_card(waiting_card());
    assert!(officer.shows("Menunggu 5 menit lagi."));
    assert_eq!(
        officer.app.next_tick(officer.now),
        Some(Duration::from_secs(1))
    );
    officer.now = later(299);
    assert!(officer.shows("Menunggu 1 detik lagi."));
    officer.presses(&[Key::Tab]);
    assert!(officer.shows("▸   Akhiri masa tunggu "));
    officer.now = later(300);
    assert!(!officer.shows("Menunggu"));
    // The focus stays on it at its new place.
    assert!(officer.shows("▸   Akhiri masa tunggu "));
}

#[test]
fn an_address_is_shown_when_it_is_asked_for_and_hidden_again_with_the_card() {
    let mut officer = Officer::new(settings(Language::Id)).at_card(card());
    let sent = officer.types("\n");
    assert!(
        matches!(requested(&sent), Some(DeskRequest::RevealEmail(key)) if *key == siti()),
        "{sent:?}"
    );
    officer.desk(DeskReply::Email(
        EmailAddress::parse("siti@contoh.go.id").unwrap(),
    ));
    assert!(officer.shows("siti@contoh.go.id"));
    officer.presses(&[Key::Esc]);
    officer.types("\n");
    officer.desk(DeskReply::Card(Box::new(card())));
    assert!(!officer.shows("siti@contoh.go.id"));
}

#[test]
fn an_act_is_ordered_by_its_button_with_all_that_was_said() {
    let mut officer = Officer::hasty(Officer::at_reset);
    assert!(officer.shows("Reset TOTP untuk PPK30 — Siti Rahmawati"));
    // Enter in the last field only moves on.
    let sent = officer.types("  Ponsel hilang \n KTP asli \n");
    assert!(sent.is_empty(), "{sent:?}");
    // Nor does the same Enter order anything while it is held down: half a second until it repeats, then at once.
    for milliseconds in [0, 500, 33, 33, 33, 33, 33, 33, 33, 33, 33, 250, 399] {
        let sent = officer.after(milliseconds).types("\n");
        assert!(sent.is_empty(), "{sent:?}");
    }
    assert!(officer.shows("▸ ▐ Reset TOTP ▌"));
    let sent = officer.after(400).types("\n");
    let order = ordered(&sent);
    assert_eq!(order.act, DeskAct::Account(siti(), AccountAct::ResetTotp));
    assert_eq!(order.reason.as_str(), "Ponsel hilang");
    assert_eq!(order.seen.as_ref().unwrap().as_str(), "KTP asli");
    assert!(order.passcode.is_none());
    officer.desk(DeskReply::Done(Box::new(card()), None));
    assert!(officer.shows("TOTP sudah di-reset"));
    // A key that is still held does nothing more.
    assert!(officer.types("\n\n\n").is_empty());
    assert!(officer.shows("Waktu (WIB)"));
}

#[test]
fn enter_that_comes_when_its_button_has_moved_presses_no_other() {
    let mut officer = Officer::hasty(|officer| officer.at_card(waiting_card()));
    officer.types("\t");
    assert!(officer.shows("▸   Akhiri masa tunggu "));
    officer.now.monotonic += Duration::from_secs(300);
    // The wait is over, and the button has its place behind all others.
    assert!(officer.shows("▸   Akhiri masa tunggu "));
    let sent = officer.types("\n");
    assert!(sent.is_empty(), "{sent:?}");
    assert!(officer.shows("Akhiri masa tunggu untuk PPK30"));
}

#[test]
fn an_account_that_slips_under_the_pointer_is_read_before_it_is_opened() {
    let mut officer = Officer::hasty(Officer::with_list);
    officer.types("31");
    officer.presses(&[Key::Down]);
    // The list of the longer text comes, with another account in the first place.
    // What was looked for when the first of its letters was typed, and then the whole.
    for _ in 0..2 {
        officer.finds(page(few().split_off(1), None));
    }
    assert!(officer.after(300).types("\n").is_empty());
    let sent = officer.after(1000).types("\n");
    assert!(
        matches!(&sent[..], [Effect::Request(_, Request::Desk(DeskRequest::Show(key)))]
            if key.user_id.as_str() == "PPK31"),
        "{sent:?}"
    );
}

#[test]
fn every_act_is_ordered_as_what_it_is() {
    let email = EmailAddress::parse("baru@contoh.go.id").unwrap();
    for kind in ActKind::ALL {
        let card = match kind {
            ActKind::Reinstate => suspended_card(),
            _ => card(),
        };
        let act = kind.with(Some(email.clone())).unwrap();
        let mut officer = Officer::new(settings(Language::Id)).at_act(card, kind);
        if kind == ActKind::CorrectEmail {
            officer.types("baru@contoh.go.id\n");
        }
        officer.types("Permintaan pemilik\t");
        if act.wants_identity() {
            officer.types("KTP asli\t");
        }
        let sent = officer.types("\n");
        let order = ordered(&sent);
        assert_eq!(order.act, DeskAct::Account(siti(), act.clone()));
        assert_eq!(order.seen.is_some(), act.wants_identity(), "{act:?}");
    }
}

#[test]
fn nothing_is_ordered_without_a_reason_and_what_was_seen() {
    let mut officer = Officer::new(settings(Language::Id)).at_reset();
    assert!(officer.types("ok\t\t\n").is_empty());
    assert!(officer.shows("▸ Alasan") && officer.shows("paling sedikit 5 karakter"));
    assert!(officer.types(" sudah diperiksa\n\t\n").is_empty());
    assert!(officer.shows("▸ Dokumen"));
    let mut officer = Officer::new(settings(Language::Id)).at_act(card(), ActKind::CorrectEmail);
    assert!(
        officer
            .types("siti di contoh\nAlamat lama mati\nKTP asli\t\n")
            .is_empty()
    );
    assert!(officer.shows("▸ E-mail baru") && officer.shows("tanpa spasi"));
    // Esc gives it up, and nothing has happened.
    assert!(officer.presses(&[Key::Esc]).is_empty());
    assert!(officer.shows("  Perbaiki e-mail ") && officer.shows("s***@contoh.go.id"));
}

#[test]
fn a_fresh_code_is_asked_for_in_the_form_and_goes_with_the_order() {
    let mut officer = Officer::new(settings(Language::Id)).with_reset_filled();
    officer.types("\n");
    officer.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
    // The sixth digit orders nothing.
    assert!(officer.types("123456").is_empty());
    assert!(officer.shows("▸ ▐ Reset TOTP ▌"));
    let sent = officer.types("\n");
    let order = ordered(&sent);
    assert!(order.passcode.is_some());
    assert_eq!(order.reason.as_str(), "Ponsel hilang, ada surat kehilangan");
    officer.answered(Reply::Refused(Refusal::Rejected {
        wait: Duration::from_secs(3),
    }));
    assert!(officer.shows("Kode tidak diterima"));
    assert!(officer.types("654321\n").is_empty(), "not during the wait");
    officer.now = later(3);
    officer.presses(&[Key::Down]);
    let sent = officer.types("\n");
    assert!(ordered(&sent).passcode.is_some());
    // A declined order has taken the code all the same: the login is fresh.
    officer.desk(DeskReply::Declined(Declined::Held));
    assert!(officer.shows("TOTP akun ini diblokir") && !officer.shows("Kode TOTP"));
    assert!(
        officer.types("\n").is_empty(),
        "what costs nothing is in focus"
    );
    assert!(officer.shows("  Tampilkan e-mail "));
}

#[test]
fn looking_at_outbox_and_audit_takes_one_key() {
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.presses(&[Key::Tab, Key::Tab]);
    let asked = officer.types("\n");
    let [Effect::Request(_, Request::Desk(DeskRequest::ShowOutbox))] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    officer.desk(DeskReply::Outbox(outbox()));
    assert!(officer.shows("Kotak keluar") && officer.shows("Permintaan reset TOTP"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("▸   KOTAK KELUAR "));
    let asked = officer.types("j\n");
    let [Effect::Request(_, Request::Desk(DeskRequest::ShowAudit))] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    officer.desk(DeskReply::Audit(audit()));
    officer.types("\n");
    assert!(officer.shows("Catatan nomor 2000"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("Jurnal audit"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("▸   JURNAL AUDIT "));
}

#[test]
fn a_list_narrows_while_somebody_types_in_the_words_that_it_shows() {
    let mut officer = Officer::new(settings(Language::Id)).at_audit(audit());
    assert!(officer.shows("/ Cari") && officer.shows("60 catatan terbaru"));
    officer.types("/TOTP ditolak");
    assert!(officer.shows("4 dari 60 baris") && !officer.shows("Ubah kebijakan"));
    // Letters that lead to something elsewhere, Space too, are but letters here.
    assert!(officer.shows("totp ditolak") || officer.shows("TOTP ditolak"));
    officer.types("\n\n");
    assert!(officer.shows("Catatan nomor") && officer.shows("Ditolak (refused)"));
    let slash = officer.types("/");
    assert!(slash.is_empty() && officer.shows("Catatan nomor"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("4 dari 60 baris"), "as it was left");
    // In the other language the words are others, and so is what they match.
    officer.presses(&[Key::Function(2)]);
    assert!(officer.shows("0 of 60 rows") && officer.shows("No row matches."));
    officer.presses(&[Key::Function(2), Key::Esc]);
    assert!(officer.shows("60 catatan terbaru"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("▸   JURNAL AUDIT "));
    // The letters that wait, by whom they go to; the letter below the list is that of the row in focus.
    let mut officer = Officer::new(settings(Language::Id)).at_outbox(outbox());
    officer.types("/cvmaju\n");
    assert!(officer.shows("▸ 13 Agu 2020 08:20  CVMAJU") && officer.shows("550 5.1.1"));
    officer.types("/x");
    assert!(officer.shows("Tidak ada baris yang cocok."));
    assert!(!officer.shows("550 5.1.1"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("Greylisting"));
}

#[test]
fn whoever_looks_for_an_older_record_is_led_on_to_it_and_not_for_ever() {
    let record = |seq: u64, id: &str| AuditRecord {
        seq,
        account: Some(key(UserType::NonPenyedia, id)),
        ..audit().remove(0)
    };
    let mut officer = Officer::new(settings(Language::Id));
    officer.older = (1..=1_940).rev().map(|seq| record(seq, "PPK40")).collect();
    officer.older[700].account = Some(key(UserType::NonPenyedia, "DICARI"));
    officer.older[1_500].account = Some(key(UserType::NonPenyedia, "DICARI"));
    let mut officer = officer.at_audit(audit());
    assert!(officer.shows("60 catatan terbaru"));
    officer.types("/dicari");
    assert!(
        officer.shows("1 dari 1.060 baris"),
        "no more than are looked through"
    );
    officer.types("\n\n");
    assert!(officer.shows("Catatan nomor 1240") && officer.shows("DICARI"));
    // Whoever scrolls to the end goes on too.
    let mut officer = Officer::new(settings(Language::Id));
    officer.older = (1..=1_940).rev().map(|seq| record(seq, "PPK40")).collect();
    let mut officer = officer.at_audit(audit());
    officer.presses(&[Key::End]);
    assert!(officer.shows("160 catatan terbaru") && officer.shows("▸ 13 Agu 2020"));
    // Where there are none, the end is the end.
    let mut officer = Officer::new(settings(Language::Id)).at_audit(audit());
    officer.presses(&[Key::End, Key::Down]);
    assert!(officer.shows("60 catatan terbaru"));
}

#[test]
fn a_slash_leads_to_the_search_of_the_desk() {
    let mut officer = Officer::new(settings(Language::Id)).with_list();
    officer.presses(&[Key::Down, Key::Down]);
    assert!(officer.shows("/ Cari"));
    officer.types("/");
    assert!(officer.shows("▸ Cari       ppk") && !officer.shows("/ Cari"));
    officer.presses(&[Key::Up]);
    assert!(officer.shows("▸   LOGOUT "));
    officer.types("/");
    officer.presses(&[Key::Esc]);
    // What begins a search is nothing to look for; within a word it is a letter like any other.
    officer.types("/s/n");
    assert_eq!(officer.looks_for(), Some(("s", None)));
    officer.finds(page(few(), None));
    assert_eq!(officer.looks_for(), Some(("s/n", None)));
}

#[test]
fn what_stands_in_logs_acts_on_no_terminal() {
    let mut officer = Officer::new(settings(Language::Id)).at_outbox(outbox());
    let mut screens = officer.screen(120, 40);
    officer = Officer::new(settings(Language::Id)).at_audit(audit());
    officer.types("\n");
    screens.push_str(&officer.screen(120, 40));
    assert!(screens.contains("Greylisting") && screens.contains("kepolisian"));
    let acts = |c: &char| lpse_kiosk::domain::identity::is_disguise(*c) && *c != '\n';
    assert_eq!(screens.chars().find(acts), None);
    // Nor does what is typed here.
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    let pasted = "si\u{202e}ti\u{1b}[2J";
    officer.event(Event::Paste(Zeroizing::new(pasted.into())));
    assert_eq!(officer.looks_for(), Some(("siti[2J", None)));
}

#[test]
fn the_policy_is_changed_by_an_order_and_shown_as_it_is_then() {
    let mut officer = Officer::new(settings(Language::Id)).at_policy(LoginRules::default());
    // What is chosen here changes nothing yet.
    assert!(officer.types("\t \t ").is_empty());
    let wanted = LoginRules {
        policy: Policy::Required,
        recovery_codes: false,
    };
    officer.types("u\n");
    assert!(
        officer.shows("Kode pemulihan dinonaktifkan") && officer.shows("menjadi \"TOTP wajib\"")
    );
    let sent = officer.types("Surat edaran\t\n");
    assert_eq!(ordered(&sent).act, DeskAct::SetRules(wanted));
    officer.desk(DeskReply::Rules(wanted));
    assert!(officer.shows("(•) TOTP wajib  berlaku sekarang"));
    assert!(officer.shows("Kebijakan sudah diubah"));
    officer.presses(&[Key::Esc]);
    assert!(officer.shows("▸   KEBIJAKAN "));
}

#[test]
fn a_one_time_password_is_shown_once_and_no_held_key_takes_it_away() {
    let mut officer = Officer::hasty(|officer| officer.with_password_ordered());
    officer.issues("kd7m-qr29-tzxw");
    for milliseconds in [0, 300, 500, 33, 33, 33, 700, 400] {
        officer.after(milliseconds).types("\n ");
        officer.presses(&[Key::Esc]);
    }
    assert!(officer.shows("kd7m-qr29-tzxw"));
    // It is asked whether it is handed over, and Esc is no way to lose it.
    let question = "Sudah disampaikan?";
    for _ in 0..2 {
        if !officer.shows(question) {
            officer.after(1000).presses(&[Key::Esc]);
        }
        assert!(officer.shows(question) && officer.shows("kd7m-qr29-tzxw"));
        officer.after(1000).types("\n");
        assert!(!officer.shows(question) && officer.shows("kd7m-qr29-tzxw"));
    }
    officer.after(1000).types("\n");
    assert!(officer.shows(question) && officer.shows("▸ ▐ Lihat dulu ▌"));
    officer.after(1000).types("\t");
    assert!(officer.types("\n").is_empty());
    assert!(officer.shows("Password sekali pakai sudah dibuat") && !officer.shows("kd7m"));
    assert!(!format!("{:?}", officer.app).contains("kd7m"));
    // Nor does it outlast the login.
    let mut officer = Officer::new(settings(Language::Id)).at_password("kd7m-qr29-tzxw");
    officer.app.wipe(officer.now, Reason::Idle);
    assert!(!officer.shows("kd7m") && officer.shows("Pakta Integritas"));
    officer.types("\nn");
    officer.presses(&[Key::Esc, Key::Esc, Key::Esc]);
    assert!(!officer.shows("Siti"), "nothing waits below a fresh menu");
}

#[test]
fn a_one_time_password_is_copied_as_it_is_typed_by_whoever_has_a_clipboard() {
    for (term, is_rich) in [("xterm-256color", true), ("linux", false)] {
        let mut settings = settings(Language::Id);
        settings.terminal.sequences = Sequences::of(term);
        let mut officer = Officer::new(settings).at_password("kd7mqr29tzxw");
        assert_eq!(officer.shows("C Salin"), is_rich);
        let effects = officer.types("c");
        match effects.as_slice() {
            [Effect::Copy(copied)] if is_rich => assert_eq!(copied.as_str(), "kd7mqr29tzxw"),
            [] if !is_rich => {}
            other => panic!("{term}: {other:?}"),
        }
        assert_eq!(officer.shows("Dikirim ke papan klip"), is_rich);
        assert!(officer.shows("kd7m qr29 tzxw"));
        officer.types("\t");
        assert!(!officer.shows("Dikirim ke papan klip"));
    }
}

#[test]
fn an_officer_who_is_one_no_longer_is_led_out() {
    let out = |officer: &mut Officer, effects: Vec<Effect>| {
        assert!(
            matches!(effects.as_slice(), [Effect::EndLogin]),
            "{effects:?}"
        );
        assert!(officer.shows("Login ini sudah tidak berlaku") && !officer.shows("Rina"));
        officer.types("\nnppk30\n");
        assert!(officer.shows("Masukkan password"));
    };
    let mut officer = Officer::new(settings(Language::Id)).at_desk();
    officer.types("s");
    let effects = officer.sees(LookupReply::Ended);
    out(&mut officer, effects);
    let mut officer = Officer::new(settings(Language::Id)).with_reset_filled();
    officer.types("\n");
    let effects = officer.answered(Reply::Refused(Refusal::Ended));
    out(&mut officer, effects);
    let mut officer = Officer::new(settings(Language::Id)).at_card(card());
    let effects = officer.event(Event::LoginEnded);
    out(&mut officer, effects);
}

#[test]
fn the_language_switches_anywhere_and_keeps_what_was_typed() {
    for (name, state) in STATES {
        let mut officer = state(Officer::new(settings(Language::Id)));
        let before = officer.screen(80, 24);
        let asked = officer.presses(&[Key::Function(2), Key::Function(2)]);
        assert!(asked.is_empty(), "{name}");
        if *name != "idle_warning_beside_password" {
            assert_eq!(officer.screen(80, 24), before, "{name}");
        }
    }
}

#[test]
fn all_of_it_stands_on_80x24() {
    // What scrolls by its nature: the activities of a card, the rows of lists.
    let scrolls = [
        "card",
        "desk_long",
        "desk_waiting_long",
        "desk_help",
        "audit",
        "idle_warning",
        "act_email_wrong",
    ];
    for (name, state) in STATES {
        if scrolls.iter().any(|begin| name.starts_with(begin)) {
            continue;
        }
        for language in [Language::Id, Language::En] {
            let screen = state(Officer::new(settings(language))).screen(80, 24);
            let body: Vec<_> = screen.lines().skip(2).take(18).collect();
            let is_cut = body.iter().any(|line| line.ends_with(['↑', '↓']));
            assert!(!is_cut, "{name} in {language:?}:\n{screen}");
        }
    }
}

#[test]
fn the_desk_on_a_plain_terminal_is_ascii() {
    for (name, state) in STATES {
        let mut plain = settings(Language::Id);
        plain.terminal = Terminal {
            glyphs: Glyphs::Ascii,
            colours: Colours::Mono,
            no_color: true,
            sequences: Default::default(),
        };
        let screen = state(Officer::new(plain)).screen(80, 24);
        assert!(screen.is_ascii(), "{name}:\n{screen}");
    }
}

/// Any answer at all, whatever was asked.
fn reply(number: u8) -> Reply {
    let desk = |reply| Reply::Desk(reply);
    match number % 16 {
        0 => Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }),
        1 => Reply::Refused(Refusal::Wait(Duration::from_secs(90))),
        2 => Reply::Refused(Refusal::Busy),
        3 => Reply::Refused(Refusal::Unavailable),
        4 => Reply::Refused(Refusal::Ended),
        5 => Reply::Refused(Refusal::FreshPasscodeWanted),
        6 => Reply::Home(Box::new(home(None))),
        7 => desk(DeskReply::Card(Box::new(waiting_card()))),
        8 => desk(DeskReply::Done(Box::new(suspended_card()), None)),
        9 => desk(DeskReply::Done(
            Box::new(card()),
            Some(Zeroizing::new("kd7m-qr29-tzxw".to_owned()).into()),
        )),
        10 => desk(DeskReply::Email(
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
        )),
        11 => desk(DeskReply::Rules(LoginRules::default())),
        12 => desk(DeskReply::Outbox(outbox())),
        13 => desk(DeskReply::Audit(audit())),
        14 => desk(DeskReply::Declined(Declined::IdentityWanted)),
        _ => Reply::Refused(Refusal::Held),
    }
}

fn lookup_reply(number: u8) -> LookupReply {
    match number % 7 {
        0 => LookupReply::Unavailable,
        6 if number < 128 => LookupReply::Records(audit()),
        6 => LookupReply::Overview(Box::new(waits_long())),
        1 => LookupReply::Found(page(Vec::new(), None)),
        2 => LookupReply::Found(page(many(1, 50), Some("next"))),
        3 if number == 3 => LookupReply::Ended,
        _ => LookupReply::Found(page(few(), None)),
    }
}

fn anything() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => any_key().prop_map(Event::Key),
        1 => ".{0,200}".prop_map(|text| Event::Paste(Zeroizing::new(text))),
        1 => (0..20_u64).prop_map(|left| {
            let left = Duration::from_secs(left);
            Event::Ending(Some(Ending { left, why: EndingReason::Idle }))
        }),
        1 => (0..1_u8).prop_map(|_| Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_at_any_size_at_the_desk_draw_something(
        state in 0..STATES.len(),
        events in proptest::collection::vec((anything(), 0..40_u64, any::<u8>()), 0..40),
        (columns, rows) in (1..200_u16, 1..70_u16),
        english in any::<bool>(),
        ascii in any::<bool>(),
    ) {
        let mut settings = settings(if english { Language::En } else { Language::Id });
        if ascii {
            settings.terminal.glyphs = Glyphs::Ascii;
        }
        let mut officer = STATES[state].1(Officer::new(settings));
        officer.screen(columns, rows);
        let mut seconds = 0;
        for (event, pause, answer) in events {
            seconds += pause;
            officer.now = later(seconds);
            // `event` asserts that there is never more than one look under way.
            officer.event(event);
            officer.screen(columns, rows);
            prop_assert!(officer.app.next_tick(officer.now) > Some(Duration::ZERO));
            if pause % 3 == 0 && officer.lookup.is_some() {
                officer.sees(lookup_reply(answer));
                officer.screen(columns, rows);
            }
            if pause % 4 == 0 && officer.request.is_some() {
                officer.answered(reply(answer));
                officer.screen(columns, rows);
            }
        }
    }
}

#[test]
fn the_desk_on_small_terminals() {
    for name in [
        "desk_in_list",
        "card",
        "act_reset_code",
        "one_time_password",
        "audit_record",
    ] {
        let (_, state) = STATES.iter().find(|state| state.0 == name).unwrap();
        let officer = state(Officer::new(settings(Language::Id)));
        for (columns, rows) in [(40, 12), (20, 5)] {
            insta::assert_snapshot!(
                format!("{name}.id.{columns}x{rows}"),
                officer.screen(columns, rows)
            );
        }
    }
}
