//! Every state of every screen as a snapshot, in both languages, at 80x24 and at 120x40; every form key by key; and
//! any keys at any size without a panic.
//!
//! A snapshot is the screen's text, then where the cursor stands and what is highlighted: the focus must be plain to
//! see without colour. `INSTA_UPDATE=always tests/run screens people` writes them anew; then read each one.

mod ahead;
mod keystrokes;
mod terminals;
mod typing;
mod waits;

use std::time::Duration;

use jiff::Timestamp;
use lpse_kiosk::{
    daemon::training::samples,
    domain::{
        AccountKey, Activity, ActivityKind, PersonName, PlainPassword, Policy, Refusal, Secret,
        Source, UserId, UserType,
        account::{LastLogin, Role, TotpState},
        authenticator::{Ordinal, PhoneSeen},
        identity::PhoneName,
        idle::{Presence, Reason},
        language::Language,
        password::PasswordRuleError,
        provisioning::{Issuer, Provisioning},
        recovery::{IssuedCodes, RecoverySet, RecoveryState},
        reset::{ResetSecret, ShortCode, Void},
        security_code::{Challenge, Picture},
        totp::Drift,
    },
    tui::{
        App, AppSettings, DeskReply, Effect, Ending, EndingReason, Event, HomeNotice, HomeView,
        InboxLetter, Now, Reply, Request, RequestId,
        command::{Key, KeyPress},
        theme::{Colours, Glyphs, Terminal},
    },
};
use proptest::prelude::*;
use support::screen::{any_key, at, drawn, keys, large_code, later, now, settings};
use zeroize::Zeroizing;

use super::outline::{gathered, outlined};

fn ends_in(seconds: u64, why: EndingReason) -> Event {
    let left = Duration::from_secs(seconds);
    Event::Ending(Some(Ending { left, why }))
}

/// A terminal of an office that has a mail server.
fn with_letters(language: Language) -> AppSettings {
    AppSettings {
        reset_by_mail: true,
        ..settings(language)
    }
}

/// A newcomer's.
fn in_training(language: Language) -> AppSettings {
    AppSettings {
        training: Some(samples()),
        is_guest: true,
        ..with_letters(language)
    }
}

/// A person's own, over SSH.
fn at_a_distance(language: Language) -> AppSettings {
    AppSettings {
        is_guest: true,
        ..settings(language)
    }
}

/// A picture that differs by `number`.
fn picture(number: u8) -> Picture {
    let bytes = std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(number));
    Challenge::new(&bytes, Duration::ZERO).1
}

const LINK: &str = "http://127.0.0.1:8080/proc4user/resettotp?email=siti%40contoh.go.id&isRekanan=0&userId=PPK30\
                    &kode=a4dqobyha4dqobyha4dqobyha4dqobyh";

fn short_code() -> ShortCode {
    ShortCode::from_random(&std::array::from_fn(|i| (i * 7) as u8))
}

fn letters() -> Vec<InboxLetter> {
    let request = format!(
        "Yth. Siti Rahmawati,\n\nAda permintaan reset TOTP untuk akun PPK30 (NON PENYEDIA) pada 13 Agustus 2020 08:50 WIB \
         dari loket-1.\n\nUntuk melanjutkan, buka tautan ini:\n\n{LINK}\n\nAtau ketik kode ini di kiosk, pada layar \
         Konfirmasi Reset TOTP:\n\n    {}\n\nTautan dan kode berlaku sampai 13 Agustus 2020 09:20 WIB, satu kali.\n\n\
         Bukan Anda yang meminta? Abaikan e-mail ini; tidak ada yang berubah. Jika terjadi lagi, laporkan kepada \
         petugas LPSE.\n\nLPSE Kota Contoh\n",
        short_code().grouped().as_str()
    );
    let letter = |at: &str, subject: &str, text: String, code| InboxLetter {
        at: self::at(at),
        to: "Siti Rahmawati <siti@contoh.go.id>".into(),
        subject: subject.into(),
        text: Zeroizing::new(text),
        code,
    };
    vec![
        letter(
            "2020-08-13T01:50:00Z",
            "Konfirmasi Permintaan Reset TOTP",
            request,
            Some(short_code()),
        ),
        letter(
            "2020-08-12T07:20:00Z",
            "TOTP diaktifkan",
            "Yth. Siti Rahmawati,\n\nTOTP akun PPK30 diaktifkan pada 12 Agustus 2020 14:20 WIB.\n"
                .into(),
            None,
        ),
    ]
}

fn account() -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
}

fn provisioning() -> Provisioning {
    let secret = Secret::from_bytes(*b"12345678901234567890");
    Provisioning::new(&Issuer::default(), &account().user_id, &secret)
}

fn home(totp: TotpState, policy: Policy, notice: Option<HomeNotice>) -> HomeView {
    let from = Source::Console("loket-1".into());
    let activity = |at: &str, kind| Activity::of_owner(self::at(at), kind, &from);
    HomeView {
        account: account(),
        name: PersonName::parse("Siti Rahmawati").unwrap(),
        role: Role::User,
        totp,
        phones: match totp {
            TotpState::Active { .. } => vec![phone(Ordinal::First, None)],
            TotpState::Off | TotpState::Pending { .. } => Vec::new(),
        },
        policy,
        recovery: None,
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
        clock: None,
    }
}

/// A phone that came with the activation, or an hour later.
pub fn phone(ordinal: Ordinal, name: Option<&str>) -> PhoneSeen {
    let since = match ordinal {
        Ordinal::First => at("2020-08-12T07:20:00Z"),
        Ordinal::Second => at("2020-08-12T08:20:00Z"),
    };
    PhoneSeen {
        ordinal,
        name: name.map(|name| PhoneName::parse(name).unwrap()),
        since,
        last_used: (ordinal == Ordinal::First).then(|| at("2020-08-13T01:53:00Z")),
    }
}

/// Home of somebody with two phones.
fn with_two_phones() -> HomeView {
    let second = PhoneSeen {
        last_used: Some(at("2020-08-12T08:20:00Z")),
        ..phone(Ordinal::Second, Some("HP kantor Siti 2020!"))
    };
    HomeView {
        phones: vec![phone(Ordinal::First, None), second],
        ..home(ACTIVE, Policy::Enabled, None)
    }
}

/// Home of somebody to whom recovery codes are of use, with so many left of those that were issued.
fn with_recovery(left: Option<u8>) -> HomeView {
    HomeView {
        recovery: Some(RecoveryState {
            issued: left.map(|_| at("2020-08-12T07:21:00Z")),
            left: left.unwrap_or(0),
        }),
        ..home(ACTIVE, Policy::Enabled, None)
    }
}

/// A phone whose clock is so many steps ahead.
fn drift(steps: i64) -> Drift {
    Drift::of_steps(steps).unwrap()
}

fn issued_codes() -> IssuedCodes {
    RecoverySet::issue(&std::array::from_fn(|i| (i * 7 + i / 64) as u8)).0
}
/// As many activities as are kept, an officer's among them.
fn a_full_history() -> HomeView {
    let mut view = home(ACTIVE, Policy::Enabled, None);
    let officer = AccountKey::new(UserType::NonPenyedia, UserId::parse("PETUGAS1").unwrap());
    let far = Source::Peer("2001:db8:85a3:8d3:1319:8a2e:370:7348".parse().unwrap());
    view.activity[1].from = far.clone();
    let issued = Activity {
        by: Some(officer.clone()),
        from: far,
        ..Activity::of_owner(
            at("2020-08-11T02:00:00Z"),
            ActivityKind::PasswordIssued,
            &Source::Console("meja".into()),
        )
    };
    view.activity.push(issued);
    for (number, kind) in ActivityKind::ALL.into_iter().cycle().enumerate() {
        if view.activity.len() == Activity::KEPT {
            break;
        }
        let hours = Duration::from_secs(7 * 3600 * number as u64);
        let from = Source::Console("loket-2".into());
        view.activity.push(Activity::of_owner(
            at("2020-08-10T02:00:00Z") - hours,
            kind,
            &from,
        ));
    }
    view
}

const NEW: &str = "perahu layar 7 biru";

const ACTIVE: TotpState = TotpState::Active {
    since: Timestamp::constant(1_597_216_800, 0),
};

/// A person at the screens, with the world's answers in the test's hand.
struct Person {
    app: App,
    now: Now,
    request: Option<RequestId>,
    /// Pictures of a Kode Keamanan drawn so far, and whether the session draws them.
    pictures: u8,
    draws: bool,
    /// How long every answer is read, and every screen before Enter is pressed.
    reads: Duration,
}

impl Person {
    fn new(settings: AppSettings) -> Self {
        let mut person = Self {
            app: App::new(settings),
            now: now(),
            request: None,
            pictures: 0,
            draws: true,
            reads: Duration::ZERO,
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
            if matches!(effect, Effect::NewSecurityCode) && self.draws {
                self.pictures += 1;
                let drawn = Event::SecurityCode(picture(self.pictures));
                assert!(self.app.update(self.now, drawn).is_empty());
            }
        }
        effects
    }

    fn pastes(&mut self, text: &str) -> Vec<Effect> {
        self.event(Event::Paste(Zeroizing::new(text.into())))
    }

    /// At the form for a reset, from the screen of the User ID.
    fn at_reset_request(mut self) -> Self {
        self.types("\nnppk30\t\t\n");
        self
    }

    fn with_reset_requested(self) -> Self {
        let mut person = self.at_reset_request();
        person.types("siti@contoh.go.id\n\nacdefg\n");
        person
    }

    fn at_reset_sent(self) -> Self {
        let mut person = self.with_reset_requested();
        person.answered(Reply::ResetRequested);
        person
    }

    fn at_reset_confirm(self) -> Self {
        let mut person = self.at_reset_sent();
        person.types("\n");
        person
    }

    fn with_code_sent(self) -> Self {
        let mut person = self.at_reset_confirm();
        person.types(&short_code().grouped());
        person.types("\n");
        person
    }

    fn at_reset_question(self) -> Self {
        let mut person = self.with_code_sent();
        person.answered(Reply::ResetFound {
            user_type: UserType::NonPenyedia,
            masked_id: "PP**0".into(),
        });
        person
    }

    fn at_inbox(mut self, letters: Vec<InboxLetter>) -> Self {
        self.types("\t\n");
        self.answered(Reply::Inbox(letters));
        self
    }

    /// Types text; a newline is Enter, a tab Tab.
    fn types(&mut self, text: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys(text) {
            effects = self.presses(key);
        }
        effects
    }

    fn presses(&mut self, key: Key) -> Vec<Effect> {
        if key == Key::Enter {
            self.now.monotonic += self.reads;
        }
        self.event(Event::Key(key.into()))
    }

    fn answered(&mut self, reply: Reply) -> Vec<Effect> {
        let Some(id) = self.request.take() else {
            // Whoever reads comes less far by a state's keys than whoever does not.
            assert!(!self.reads.is_zero(), "a request is under way");
            return Vec::new();
        };
        let effects = self.event(Event::Reply(id, reply));
        self.now.monotonic += self.reads;
        effects
    }

    fn at_password(mut self) -> Self {
        self.types("\nnppk30\n");
        self
    }

    fn with_password_sent(self) -> Self {
        let mut person = self.at_password();
        person.types("rahasia sekali\n");
        person
    }

    fn at_passcode(self, pending: bool) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::PasscodeWanted {
            pending,
            recovery: false,
            spent_until: None,
        });
        person
    }

    fn at_passcode_with_recovery(self) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::PasscodeWanted {
            pending: false,
            recovery: true,
            spent_until: None,
        });
        person
    }

    /// At the code of a phone of which two have been refused.
    fn with_two_refused(self) -> Self {
        let mut person = self.at_passcode_with_recovery();
        for _ in 0..2 {
            person.types("123456");
            person.answered(Reply::Refused(Refusal::Rejected {
                wait: Duration::ZERO,
            }));
        }
        person
    }

    /// At the form for two codes, with the first of them typed.
    fn with_first_of_two(self) -> Self {
        let mut person = self.with_two_refused();
        person.types("\t\t\n123456");
        person
    }

    /// At the form for a recovery code, from the code of the phone.
    fn at_recovery(self) -> Self {
        let mut person = self.at_passcode_with_recovery();
        person.types("\t\t\n");
        person
    }

    /// At the form for a second phone, from home.
    fn at_add_phone(self) -> Self {
        let mut person = self.at_home(home(ACTIVE, Policy::Enabled, None));
        person.types(if person.app.language() == Language::Id {
            "t"
        } else {
            "s"
        });
        person
    }

    /// At the QR code of the second phone.
    fn at_second_phone(self) -> Self {
        let mut person = self.at_add_phone();
        person.types("HP kantor\n");
        person.answered(Reply::SecondPhone(provisioning()));
        person
    }

    /// At the list of both phones.
    fn at_phones(self) -> Self {
        let mut person = self.at_home(with_two_phones());
        person.types("p");
        person
    }

    /// Asked whether to take the first of them away.
    fn at_removal(self) -> Self {
        let mut person = self.at_phones();
        person.types("\t\n");
        person
    }

    /// Asked whether to make recovery codes, right after an activation.
    fn at_recovery_offer(self) -> Self {
        self.at_home(HomeView {
            notice: Some(HomeNotice::TotpActivated),
            ..with_recovery(None)
        })
    }

    /// At home's page of the recovery codes.
    fn at_recovery_issue(self, view: HomeView) -> Self {
        let mut person = self.at_home(view);
        person.types("\n");
        person
    }

    fn at_recovery_codes(self) -> Self {
        let mut person = self.at_recovery_offer();
        person.types("\n");
        let home = HomeView {
            notice: Some(HomeNotice::RecoveryCodesIssued),
            ..with_recovery(Some(10))
        };
        person.answered(Reply::RecoveryCodes(issued_codes(), Box::new(home)));
        person
    }

    fn at_home(self, view: HomeView) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::Home(Box::new(view)));
        person
    }

    fn at_own_password(self) -> Self {
        let mut person = self.at_home(home(ACTIVE, Policy::Enabled, None));
        person.types(if person.app.language() == Language::Id {
            "g"
        } else {
            "c"
        });
        person
    }

    /// The form filled in and sent.
    fn with_own_password_sent(self) -> Self {
        let mut person = self.at_own_password();
        person.types(&format!("rahasia lama\n{NEW}\n{NEW}\n"));
        person
    }

    fn at_password_due(self) -> Self {
        let mut person = self.with_password_sent();
        person.answered(Reply::PasswordDue {
            account: account(),
            name: PersonName::parse("Siti Rahmawati").unwrap(),
        });
        person
    }

    fn at_activity(self, view: HomeView) -> Self {
        let mut person = self.at_home(view.clone());
        person.types("a");
        person.answered(Reply::Activity(Box::new(view)));
        person
    }

    fn at_enrollment(self, compulsory: bool) -> Self {
        let mut person = match compulsory {
            true => self.with_password_sent(),
            // From home, by whoever wants it.
            false => {
                let mut person = self.at_home(home(TotpState::Off, Policy::Enabled, None));
                person.types("\n");
                person
            }
        };
        person.answered(Reply::Enrollment {
            provisioning: provisioning(),
            compulsory,
            codes_follow: !compulsory,
        });
        person
    }

    /// At the last home of whoever has done all that training mode proposes.
    fn at_the_end_of_training(mut self) -> Self {
        let home = |notice| Reply::Home(Box::new(home(TotpState::Off, Policy::Enabled, notice)));
        let codes = with_recovery(Some(10));
        self = self.at_passcode(false);
        self.types("123456");
        self.answered(home(None));
        for reply in [
            home(Some(HomeNotice::TotpActivated)),
            Reply::RecoveryCodes(issued_codes(), Box::new(codes)),
            home(Some(HomeNotice::RecoveryCodeUsed)),
            Reply::ResetRequested,
            Reply::ResetDone,
            Reply::Home(Box::new(super::desk::home(None))),
            Reply::Desk(DeskReply::Card(Box::new(super::desk::card()))),
            home(Some(HomeNotice::TotpDisabled)),
        ] {
            self.app.wipe(self.now, Reason::Idle);
            self = self.with_password_sent();
            self.answered(reply);
        }
        self
    }

    fn screen(&self, columns: u16, rows: u16) -> String {
        drawn(&self.app, self.now, columns, rows)
    }

    fn shows(&self, words: &str) -> bool {
        self.screen(80, 24).contains(words)
    }
}

type State = (&'static str, fn(Person) -> Person);

type Settings = fn(Language) -> AppSettings;

type StateOnTerminal = (&'static str, Settings, fn(Person) -> Person);

const LANGUAGES: [(Language, &str); 2] = [(Language::Id, "id"), (Language::En, "en")];

/// Every state worth looking at.
const STATES: &[State] = &[
    ("menu", |person| person),
    ("menu_after_logout", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Enabled, None));
        person.presses(Key::Esc);
        person.types("\n");
        person
    }),
    ("menu_after_idle", |person| {
        let mut person = person.at_password();
        person.app.wipe(person.now, Reason::Idle);
        person
    }),
    ("menu_after_ended_login", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Refused(Refusal::Ended));
        person
    }),
    ("user_type", |mut person| {
        person.types("\n\t");
        person
    }),
    ("user_id", |mut person| {
        person.types("\nn");
        person
    }),
    ("user_id_refused", |mut person| {
        person.types("\nnppk 30\n");
        person
    }),
    ("user_id_at_reset", |mut person| {
        person.types("\nnppk30\t\t");
        person
    }),
    ("reset", |mut person| {
        person.types("\nnppk30\t\t\n");
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
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(125),
        }));
        person
    }),
    ("password_crowded", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Refused(Refusal::Crowded {
            wait: Duration::from_secs(2),
        }));
        person
    }),
    ("password_busy", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Refused(Refusal::Busy));
        person
    }),
    ("password_unavailable", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Refused(Refusal::Unavailable));
        person
    }),
    ("password_away", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Refused(Refusal::Away));
        person
    }),
    ("passcode", |person| {
        let mut person = person.at_passcode(false);
        person.types("123 4");
        person
    }),
    ("passcode_just_used", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::PasscodeWanted {
            pending: false,
            recovery: true,
            spent_until: Some(at("2020-08-13T01:53:30Z")),
        });
        person
    }),
    ("passcode_unknown", |person| {
        let mut person = person.at_passcode(false);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Unknown));
        person
    }),
    ("passcode_pending", |person| person.at_passcode(true)),
    ("passcode_rejected", |person| {
        let mut person = person.at_passcode(true);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        person
    }),
    ("passcode_put_off", |person| {
        let mut person = person.at_passcode(false);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        person.types("654321");
        person
    }),
    ("passcode_not_digits", |person| {
        let mut person = person.at_passcode(false);
        person.types("12e");
        person
    }),
    ("passcode_held", |person| {
        let mut person = person.at_passcode(false);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Held));
        person
    }),
    ("passcode_recovery", |person| {
        let mut person = person.at_passcode_with_recovery();
        person.types("\t\t");
        person
    }),
    ("passcode_recovery_rejected", |person| {
        let mut person = person.at_passcode_with_recovery();
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        person
    }),
    ("passcode_rejected_twice", |person| {
        person.with_two_refused()
    }),
    ("two_codes", |person| {
        let mut person = person.with_two_refused();
        person.types("\t\t\n123");
        person
    }),
    ("two_codes_second", |person| {
        let mut person = person.with_first_of_two();
        person.types("65");
        person
    }),
    ("two_codes_same", |person| {
        let mut person = person.with_first_of_two();
        person.types("123456");
        person
    }),
    ("two_codes_rejected", |person| {
        let mut person = person.with_first_of_two();
        person.types("654321");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        person
    }),
    ("recovery", |person| {
        let mut person = person.at_recovery();
        person.types("acde-fghj km");
        person
    }),
    ("recovery_empty", |person| {
        let mut person = person.at_recovery();
        person.types("\n");
        person
    }),
    ("recovery_no_code", |person| {
        let mut person = person.at_recovery();
        person.types("acde-fghj-kmno\n");
        person
    }),
    ("recovery_rejected", |person| {
        let mut person = person.at_recovery();
        person.types("acde-fghj-kmnp\n");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        person
    }),
    ("recovery_held", |person| {
        let mut person = person.at_recovery();
        person.types("acde-fghj-kmnp\n");
        person.answered(Reply::Refused(Refusal::Held));
        person
    }),
    ("recovery_offer", |person| person.at_recovery_offer()),
    ("recovery_issue", |person| {
        person.at_recovery_issue(with_recovery(Some(9)))
    }),
    ("recovery_issue_first", |person| {
        person.at_recovery_issue(with_recovery(None))
    }),
    ("recovery_issue_fresh_code", |person| {
        let mut person = person.at_recovery_issue(with_recovery(Some(2)));
        person.presses(Key::Up);
        person.types("\n");
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("123456\n");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(1),
        }));
        person
    }),
    ("recovery_codes", |person| person.at_recovery_codes()),
    ("recovery_codes_question", |person| {
        let mut person = person.at_recovery_codes();
        person.types("\n");
        person
    }),
    ("home_recovery_codes_issued", |person| {
        let mut person = person.at_recovery_codes();
        person.types("\n\t\n");
        person
    }),
    ("home_recovery_code_used", |person| {
        let mut view = with_recovery(Some(3));
        view.notice = Some(HomeNotice::RecoveryCodeUsed);
        let used = ActivityKind::RecoveryCodeUsed;
        view.activity.insert(
            1,
            Activity {
                kind: used,
                ..view.activity[0].clone()
            },
        );
        person.at_home(view)
    }),
    ("home_phone_clock", |person| {
        let mut view = with_recovery(Some(3));
        view.notice = Some(HomeNotice::PhoneClock(drift(12)));
        let two_codes = Activity {
            kind: ActivityKind::PhoneClock,
            ..view.activity[0].clone()
        };
        view.activity.insert(1, two_codes);
        person.at_home(view)
    }),
    ("home_office_clock", |person| {
        let notice = Some(HomeNotice::OfficeClock);
        person.at_home(home(ACTIVE, Policy::Enabled, notice))
    }),
    ("home_recovery_codes_used_up", |person| {
        let mut view = with_recovery(Some(0));
        let refused = ActivityKind::RecoveryCodeRejected;
        view.activity.insert(
            1,
            Activity {
                kind: refused,
                ..view.activity[0].clone()
            },
        );
        person.at_home(view)
    }),
    ("help_on_recovery_codes", |person| {
        let mut person = person.at_recovery_codes();
        person.presses(Key::Function(1));
        person
    }),
    ("home_off", |person| {
        let mut view = home(TotpState::Off, Policy::Enabled, None);
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
    ("home_two_phones", |person| {
        person.at_home(with_two_phones())
    }),
    ("home_phone_added", |person| {
        person.at_home(HomeView {
            notice: Some(HomeNotice::PhoneAdded),
            ..with_two_phones()
        })
    }),
    ("home_phone_removed", |person| {
        let notice = Some(HomeNotice::PhoneRemoved);
        person.at_home(home(ACTIVE, Policy::Enabled, notice))
    }),
    ("add_phone", |person| person.at_add_phone()),
    ("add_phone_name_wrong", |person| {
        let mut person = person.at_add_phone();
        person.types("HP kantor yang kedua, cadangan\n");
        person
    }),
    ("add_phone_fresh_code", |person| {
        let mut person = person.at_add_phone();
        person.types("HP kantor\n");
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("12");
        person
    }),
    ("enrollment_second", |person| person.at_second_phone()),
    ("enrollment_second_rejected", |person| {
        let mut person = person.at_second_phone();
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::ZERO,
        }));
        person
    }),
    ("phones", |person| person.at_phones()),
    ("remove_phone", |person| person.at_removal()),
    ("remove_phone_fresh_code", |person| {
        let mut person = person.at_removal();
        person.presses(Key::BackTab);
        person.types("\n");
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("12");
        person
    }),
    ("home_policy_disabled", |person| {
        person.at_home(home(ACTIVE, Policy::Disabled, None))
    }),
    ("enrollment", |person| person.at_enrollment(false)),
    ("enrollment_required", |person| person.at_enrollment(true)),
    ("enrollment_idle", |person| {
        let mut person = person.at_enrollment(false);
        person.event(ends_in(15, EndingReason::Idle));
        person
    }),
    ("recovery_codes_idle", |person| {
        let mut person = person.at_recovery_codes();
        person.event(ends_in(15, EndingReason::Idle));
        person
    }),
    ("enrollment_phone_clock", |person| {
        let mut person = person.at_enrollment(true);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::PhoneClock(drift(-12))));
        person
    }),
    ("passcode_clock_in_doubt", |person| {
        let mut person = person.at_passcode(false);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::ClockInDoubt {
            wait: Duration::from_secs(3),
        }));
        person
    }),
    ("enrollment_office_clock", |person| {
        let mut person = person.at_enrollment(false);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::OfficeClock));
        person
    }),
    ("enrollment_compulsory_rejected", |person| {
        let mut person = person.at_enrollment(true);
        person.types("123456");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(1),
        }));
        person
    }),
    ("disable", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Enabled, None));
        person.types("d\n");
        person
    }),
    ("disable_fresh_code", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Required, None));
        person.types("d\nd\n");
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("12");
        person
    }),
    ("home_password_changed", |person| {
        person.at_home(home(
            ACTIVE,
            Policy::Enabled,
            Some(HomeNotice::PasswordChanged),
        ))
    }),
    ("own_password", |person| person.at_own_password()),
    ("own_password_typed", |person| {
        let mut person = person.at_own_password();
        person.types("rahasia lama\nperahu layar");
        person
    }),
    ("own_password_empty", |person| {
        let mut person = person.at_own_password();
        person.types("\n\n\n");
        person
    }),
    ("own_password_guessable", |person| {
        let mut person = person.at_own_password();
        person.types("rahasia lama\nrahmawati1\nrahmawati1\n");
        person
    }),
    ("own_password_differs", |person| {
        let mut person = person.at_own_password();
        person.types(&format!("rahasia lama\n{NEW}\n{NEW}x\n"));
        person
    }),
    ("own_password_working", |person| {
        let mut person = person.with_own_password_sent();
        person.now = later(1);
        person
    }),
    ("own_password_rejected_with_wait", |person| {
        let mut person = person.with_own_password_sent();
        let wait = Duration::from_secs(65);
        let why = Refusal::CurrentRejected { wait };
        person.answered(Reply::Refused(why));
        person
    }),
    ("own_password_fresh_code", |person| {
        let mut person = person.with_own_password_sent();
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("12");
        person
    }),
    ("own_password_fresh_code_rejected", |person| {
        let mut person = person.with_own_password_sent();
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("123456\n");
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }));
        person
    }),
    ("own_password_due", |person| person.at_password_due()),
    ("own_password_due_unchanged", |person| {
        let mut person = person.at_password_due();
        person.types(&format!("{NEW}\n{NEW}\n"));
        let why = Refusal::NewPassword(PasswordRuleError::Unchanged);
        person.answered(Reply::Refused(why));
        person
    }),
    ("own_password_due_logout", |person| {
        let mut person = person.at_password_due();
        person.presses(Key::Esc);
        person
    }),
    ("help_on_own_password", |person| {
        let mut person = person.at_own_password();
        person.presses(Key::Function(1));
        person
    }),
    ("activity", |person| {
        person.at_activity(home(ACTIVE, Policy::Enabled, None))
    }),
    ("activity_full", |person| {
        person.at_activity(a_full_history())
    }),
    ("activity_filter", |person| {
        let mut person = person.at_activity(a_full_history());
        person.types("/ditolak");
        person
    }),
    ("activity_full_scrolled", |person| {
        let mut person = person.at_activity(a_full_history());
        person.presses(Key::End);
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
        person.event(ends_in(15, EndingReason::Idle));
        person
    }),
    ("ending_time_up", |person| {
        let mut person = person.at_home(home(ACTIVE, Policy::Enabled, None));
        person.event(ends_in(15, EndingReason::TimeUp));
        person
    }),
    ("ending_closing", |person| {
        let mut person = person.at_passcode(false);
        person.types("12");
        person.event(ends_in(30, EndingReason::Closing));
        person
    }),
];

/// Every state worth looking at where TOTP is reset by a letter.
const LETTER_STATES: &[State] = &[
    ("reset_request", |person| person.at_reset_request()),
    ("reset_request_typed", |person| {
        let mut person = person.at_reset_request();
        person.types("siti@contoh.go.id\n\nacd");
        person
    }),
    ("reset_request_user_type", |person| {
        let mut person = person.at_reset_request();
        person.types("\t ");
        person
    }),
    ("reset_request_all_wrong", |mut person| {
        person.types("\nnppk 30\t\t\n\tsiti di contoh\n\n\n");
        person
    }),
    ("reset_request_one_wrong", |person| {
        let mut person = person.at_reset_request();
        person.types("\n\nacdefg\n");
        person
    }),
    ("reset_request_working", |person| {
        let mut person = person.with_reset_requested();
        person.now = later(1);
        person
    }),
    ("reset_request_code_misread", |person| {
        let mut person = person.with_reset_requested();
        person.answered(Reply::Refused(Refusal::SecurityCode));
        person
    }),
    ("reset_request_code_too_late", |person| {
        let mut person = person.at_reset_request();
        person.types("siti@contoh.go.id\n\nacd");
        person.now = later(120);
        person.event(Event::Tick);
        person
    }),
    ("reset_request_unavailable", |person| {
        let mut person = person.with_reset_requested();
        person.answered(Reply::Refused(Refusal::Unavailable));
        person
    }),
    ("reset_sent", |person| person.at_reset_sent()),
    ("reset_confirm", |person| person.at_reset_confirm()),
    ("reset_confirm_link", |person| {
        let mut person = person.at_reset_confirm();
        person.pastes(LINK);
        person.presses(Key::BackTab);
        person
    }),
    ("reset_confirm_no_link", |person| {
        let mut person = person.at_reset_confirm();
        person.pastes(&LINK[..70]);
        person
    }),
    ("reset_confirm_no_code", |person| {
        let mut person = person.at_reset_confirm();
        person.types("abcd-efgh\n");
        person
    }),
    ("reset_confirm_unknown", |person| {
        let mut person = person.with_code_sent();
        person.answered(Reply::Refused(Refusal::ResetVoid(Void::Unknown)));
        person
    }),
    ("reset_confirm_used", |person| {
        let mut person = person.with_code_sent();
        person.answered(Reply::Refused(Refusal::ResetVoid(Void::Used)));
        person
    }),
    ("reset_confirm_expired", |person| {
        let mut person = person.at_reset_question();
        person.types("o\n");
        person.answered(Reply::Refused(Refusal::ResetVoid(Void::Expired)));
        person
    }),
    ("reset_confirm_wait", |person| {
        let mut person = person.with_code_sent();
        person.answered(Reply::Refused(Refusal::Wait(Duration::from_secs(30))));
        person
    }),
    ("reset_question", |person| person.at_reset_question()),
    ("reset_done", |person| {
        let mut person = person.at_reset_question();
        person.types("o\n");
        person.answered(Reply::ResetDone);
        person
    }),
    ("help_on_reset_request", |person| {
        let mut person = person.at_reset_request();
        person.presses(Key::Function(1));
        person
    }),
];

/// Every state that looks another way on a person's own terminal.
const GUEST_STATES: &[State] = &[
    ("password_at_a_distance", |person| person.at_password()),
    ("password_shown", |person| {
        let mut person = person.at_password();
        person.types("rahasia\t ");
        person
    }),
    ("password_rejected_at_a_distance", |person| {
        let mut person = person.with_password_sent();
        person.answered(Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(125),
        }));
        person
    }),
    ("own_password_shown", |person| {
        let mut person = person.at_own_password();
        person.types("rahasia lama\nperahu layar\n\t ");
        person
    }),
    ("own_password_fresh_code_at_a_distance", |person| {
        let mut person = person.with_own_password_sent();
        person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
        person.types("12");
        person
    }),
];

/// Every state worth looking at in training mode only.
const TRAINING_STATES: &[State] = &[
    ("menu_training", |person| person),
    ("menu_training_begun", |person| {
        let mut person = person.at_home(home(TotpState::Off, Policy::Enabled, None));
        person.presses(Key::Esc);
        person.types("\n");
        // Where what has just happened is said, there is no room for more.
        person.presses(Key::Down);
        person
    }),
    ("home_training_over", Person::at_the_end_of_training),
    ("reset_sent_training", |person| person.at_reset_sent()),
    ("inbox", |person| person.at_inbox(letters())),
    ("inbox_filter", |person| {
        let mut person = person.at_inbox(letters());
        person.types("/diaktifkan");
        person
    }),
    ("inbox_filter_none", |person| {
        let mut person = person.at_inbox(letters());
        person.types("/xyz");
        person
    }),
    ("inbox_empty", |person| person.at_inbox(Vec::new())),
    ("inbox_letter", |person| {
        let mut person = person.at_inbox(letters());
        person.types("\n");
        person
    }),
    ("inbox_letter_scrolled", |person| {
        let mut person = person.at_inbox(letters());
        person.types("\n");
        person.presses(Key::End);
        person
    }),
    ("inbox_notice", |person| {
        let mut person = person.at_inbox(letters());
        person.types("\t\n");
        person
    }),
    ("inbox_code_used", |person| {
        let mut person = person.at_inbox(letters());
        person.types("k");
        person
    }),
];

/// The screens of every state, as `settings` change those of its terminal.
pub fn all_apps(change: fn(&mut AppSettings)) -> impl Iterator<Item = (&'static str, App, Now)> {
    all_states()
        .into_iter()
        .map(move |(name, settings, state)| {
            let mut settings = settings(Language::Id);
            change(&mut settings);
            let person = state(Person::new(settings));
            (name, person.app, person.now)
        })
}

/// All states, each on the terminal that it belongs to.
fn all_states() -> Vec<StateOnTerminal> {
    let on = |states: &'static [State], settings: Settings| {
        states
            .iter()
            .map(move |(name, state)| (*name, settings, *state))
    };
    on(STATES, settings)
        .chain(on(LETTER_STATES, with_letters))
        .chain(on(GUEST_STATES, at_a_distance))
        .chain(on(TRAINING_STATES, in_training))
        .collect()
}

#[test]
fn every_state_of_every_screen() {
    for (name, settings, state) in all_states() {
        for (language, word) in LANGUAGES {
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

/// What whoever does not see the screens is told of each state.
#[test]
fn the_outline_of_every_state() {
    for (language, word) in LANGUAGES {
        let groups: [(&str, &[State], Settings); 4] = [
            ("people", STATES, settings),
            ("letters", LETTER_STATES, with_letters),
            ("guests", GUEST_STATES, at_a_distance),
            ("training", TRAINING_STATES, in_training),
        ];
        for (group, states, settings) in groups {
            let outlines = states.iter().map(|(name, state)| {
                let person = state(Person::new(settings(language)));
                (*name, outlined(&person.app, person.now))
            });
            insta::assert_snapshot!(format!("outline_{group}.{word}"), gathered(outlines));
        }
    }
}

#[test]
fn no_outline_holds_a_secret() {
    let codes = issued_codes();
    let mut secrets: Vec<String> = codes
        .iter()
        .map(|code| code.grouped().to_string())
        .collect();
    let key = provisioning();
    secrets.extend(key.key().split(' ').map(str::to_owned));
    secrets.push(short_code().grouped().to_string());
    let typed = [
        "kode=a4dq",
        NEW,
        "rahasia lama",
        "rahasia sekali",
        "acde-",
        "123456",
    ];
    secrets.extend(typed.map(str::to_owned));
    for (name, settings, state) in all_states() {
        let person = state(Person::new(settings(Language::Id)));
        let outline = outlined(&person.app, person.now);
        for secret in &secrets {
            assert!(!outline.contains(secret.as_str()), "{name}: {secret}");
        }
    }
    let mut person = Person::new(settings(Language::Id)).at_password();
    person.types("rahasia");
    let outline = outlined(&person.app, person.now);
    assert!(outline.contains("= 7 letters of a secret"), "{outline}");
}

#[test]
fn a_plain_terminal_and_a_console() {
    let mut plain = settings(Language::Id);
    plain.terminal = Terminal {
        glyphs: Glyphs::Ascii,
        colours: Colours::Mono,
        no_color: true,
        sequences: Default::default(),
    };
    let plain = Person::new(plain).at_passcode(true).screen(80, 24);
    assert!(plain.is_ascii(), "{plain}");
    insta::assert_snapshot!("passcode_ascii.id.80x24", plain);
    let mut console = settings(Language::Id);
    console.terminal = Terminal {
        glyphs: Glyphs::LinuxConsole,
        colours: Colours::Ansi16,
        no_color: false,
        sequences: Default::default(),
    };
    let mut console = Person::new(console).at_passcode(false);
    console.types("123456");
    console.answered(Reply::Refused(Refusal::Rejected {
        wait: Duration::from_secs(3),
    }));
    console.event(ends_in(9, EndingReason::Idle));
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
fn what_the_office_says_stands_on_the_menu_alone_and_takes_nothing_off_it() {
    let banner = "Senin sampai Jumat, 08.00 sampai 15.00 WIB. ".repeat(4);
    let banner = banner.trim();
    for (columns, rows) in [(80, 24), (120, 40), (40, 24)] {
        let mut said = with_letters(Language::Id);
        said.banner = Some(banner.to_owned());
        let mut person = Person::new(said);
        let screen = person.screen(columns, rows);
        let words = screen.split_whitespace().filter(|word| *word != "│");
        let shown = words.collect::<Vec<_>>().join(" ");
        assert!(shown.contains(banner), "{screen}");
        assert!(shown.contains("Syarat dan Ketentuan"), "{screen}");
        person.types("\n");
        assert!(!person.screen(columns, rows).contains("Senin"));
    }
}

#[test]
fn nothing_is_cut_off_at_80x24() {
    // Each state's own last words must be seen: a footer's hint for keys, and the last button of the body.
    for (name, settings, state) in all_states() {
        for language in [Language::Id, Language::En] {
            let small = state(Person::new(settings(language))).screen(80, 24);
            let large = state(Person::new(settings(language))).screen(80, 30);
            let words = |screen: &str| {
                let body = screen.split("\n-- ").next().unwrap().to_owned();
                let qr = |c: &char| !"█▀▄─│╭╮╰╯".contains(*c);
                body.chars()
                    .filter(qr)
                    .collect::<String>()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            // The QR code gives up header and footer for its height; there only the body's words count.
            // A letter scrolls, and a link in it breaks where the terminal ends.
            if name.starts_with("enrollment")
                || name.starts_with("inbox_letter")
                || name.starts_with("activity_full")
                || ["page_terms", "idle_warning"].contains(&name)
            {
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
    person.answered(Reply::Refused(Refusal::Rejected {
        wait: Duration::from_secs(3),
    }));
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
fn a_new_password_is_sent_with_the_present_one_and_stays_typed_until_it_is_taken() {
    let mut person = Person::new(settings(Language::Id)).at_own_password();
    assert!(person.types("rahasia lama\nperahu").is_empty());
    let sent = person.types(&format!("{}\n{NEW}\n", &NEW["perahu".len()..]));
    let [
        Effect::Request(
            _,
            Request::ChangePassword {
                current,
                new,
                passcode: None,
            },
        ),
    ] = sent.as_slice()
    else {
        panic!("{sent:?}")
    };
    assert!(current.is(&PlainPassword::typed("rahasia lama").unwrap()));
    assert!(new.is(&PlainPassword::typed(NEW).unwrap()));
    person.answered(Reply::Refused(Refusal::FreshPasscodeWanted));
    assert!(
        person.types("123456").is_empty(),
        "the sixth digit does not send it"
    );
    let sent = person.types("\n");
    assert!(
        matches!(
            sent.as_slice(),
            [Effect::Request(
                _,
                Request::ChangePassword {
                    passcode: Some(_),
                    ..
                }
            )]
        ),
        "{sent:?}"
    );
    // Only what was wrong is typed again, and not before the wait is over.
    person.answered(Reply::Refused(Refusal::CurrentRejected {
        wait: Duration::from_secs(2),
    }));
    assert!(person.types("rahasia lama\n\t\t\n").is_empty());
    person.now = later(2);
    person.types("654321");
    let sent = person.types("\n");
    assert!(
        matches!(
            sent.as_slice(),
            [Effect::Request(_, Request::ChangePassword { .. })]
        ),
        "{sent:?}"
    );
}

#[test]
fn a_password_that_is_due_leads_on_or_out_and_nowhere_else() {
    let mut person = Person::new(settings(Language::Id)).at_password_due();
    for _ in 0..3 {
        assert!(person.presses(Key::Esc).is_empty());
    }
    assert!(person.screen(80, 24).contains("Buat password Anda sendiri"));
    let left = person.types("\n");
    assert!(matches!(left.as_slice(), [Effect::EndLogin]), "{left:?}");
    let mut person = Person::new(settings(Language::Id)).at_password_due();
    let sent = person.types(&format!("{NEW}\n{NEW}\n"));
    assert!(
        matches!(
            sent.as_slice(),
            [Effect::Request(_, Request::ReplacePassword(_))]
        ),
        "{sent:?}"
    );
}

#[test]
fn a_password_longer_than_any_is_refused_and_not_cut_off() {
    let mut person = Person::new(settings(Language::Id)).at_password_due();
    let long = "kuda hijau ".repeat(12);
    for _ in 0..2 {
        person.pastes(&long[..129]);
        assert!(person.screen(80, 24).contains("terlalu panjang"));
        assert!(person.types("\n").is_empty());
    }
    let said = person.screen(80, 24);
    assert!(said.contains("lebih dari 128 karakter"), "{said}");
}

#[test]
fn a_key_at_the_idle_warning_does_nothing_else() {
    let mut person =
        Person::new(settings(Language::Id)).at_home(home(ACTIVE, Policy::Enabled, None));
    person.event(ends_in(5, EndingReason::Idle));
    assert!(person.types("\n").is_empty());
    assert!(!person.screen(80, 24).contains("Masih di sini?"));
    assert!(
        person.screen(80, 24).contains("Login terakhir"),
        "Enter did not reach the button below"
    );
}

#[test]
fn an_end_that_no_key_prolongs_stands_in_nobodys_way() {
    let mut person = Person::new(settings(Language::Id)).at_passcode(false);
    person.event(ends_in(30, EndingReason::Closing));
    let said = "Layanan segera dimulai ulang. Selesaikan dalam 30 detik.";
    assert!(person.screen(80, 24).contains(said));
    let effects = person.types("287082");
    assert!(
        matches!(effects[..], [Effect::Request(..)]),
        "the code goes on its way: {effects:?}"
    );
    assert!(person.screen(80, 24).contains(said));
}

#[test]
fn a_wipe_leaves_a_fresh_menu_in_the_first_language() {
    let fresh = Person::new(settings(Language::Id));
    let mut person = Person::new(settings(Language::Id)).at_enrollment(false);
    person.presses(Key::Function(2));
    person.presses(Key::Function(1));
    person.app.wipe(person.now, Reason::Idle);
    assert_eq!(person.app.presence(), Presence::Nobody);
    // But for the reason, until the next key, or for a minute.
    let reason = "Layar dibersihkan karena tidak ada tombol";
    assert!(person.screen(80, 24).contains(reason));
    let left = person.app.next_tick(person.now);
    assert!(left <= Some(Duration::from_secs(60)), "{left:?}");
    let now = std::mem::replace(&mut person.now, later(60));
    assert!(!person.screen(80, 24).contains(reason));
    person.now = now;
    person.presses(Key::Down);
    person.presses(Key::Up);
    assert_eq!(person.screen(80, 24), fresh.screen(80, 24));
}

#[test]
fn the_menu_says_that_somebody_is_logged_out_and_not_that_somebody_never_was() {
    let words = "Anda sudah logout.";
    let mut person = Person::new(settings(Language::Id));
    person = person.at_home(home(ACTIVE, Policy::Enabled, None));
    person.presses(Key::Esc);
    assert!(matches!(person.types("\n")[..], [Effect::EndLogin]));
    assert!(person.screen(80, 24).contains(words));
    let mut person = Person::new(settings(Language::Id)).at_passcode(false);
    person.presses(Key::Esc);
    assert!(person.screen(80, 24).contains("Selamat datang"));
    assert!(!person.screen(80, 24).contains(words));
}

#[test]
fn what_is_at_stake_is_what_stands_there() {
    use Presence::{Copying, Empty, Form, LoggedIn, LongForm, Nobody, Reading};
    type At = (fn(Person) -> Person, Presence);
    let at: [At; 10] = [
        (|person| person, Nobody),
        (
            |mut person| {
                person.types("\n");
                person
            },
            Empty,
        ),
        (
            |mut person| {
                person.types("\nnp");
                person
            },
            Form,
        ),
        (Person::at_password, Empty),
        (
            |person| {
                let mut person = person.at_password();
                person.types("r");
                person
            },
            Form,
        ),
        (Person::at_reset_request, LongForm),
        (Person::at_reset_confirm, Reading),
        (|person| person.at_passcode(false), LoggedIn),
        (|person| person.at_enrollment(true), Copying),
        (Person::at_recovery_codes, Copying),
    ];
    for (number, (state, presence)) in at.into_iter().enumerate() {
        let person = state(Person::new(with_letters(Language::Id)));
        assert_eq!(person.app.presence(), presence, "state {number}");
    }
}

#[test]
fn a_spent_code_is_told_of_before_it_is_typed_and_until_there_is_another() {
    let mut person = Person::new(settings(Language::Id)).with_password_sent();
    person.answered(Reply::PasscodeWanted {
        pending: false,
        recovery: false,
        spent_until: Some(at("2020-08-13T01:53:30Z")),
    });
    let said = "Kode yang baru dipakai tidak berlaku lagi. Kode baru dalam";
    for (seconds, left) in [(0, Some("25 detik")), (24, Some("1 detik")), (25, None)] {
        person.now = later(seconds);
        // However it is broken into lines.
        let screen = person.screen(80, 24);
        let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(screen.contains(said), left.is_some(), "{screen}");
        assert!(left.is_none_or(|left| screen.contains(&format!("{said} {left}."))));
    }
}

#[test]
fn an_activation_that_nobody_asked_for_says_why_it_is_there_and_how_to_leave() {
    let why = "TOTP wajib di sini";
    let person = Person::new(settings(Language::Id)).at_enrollment(false);
    assert!(!person.screen(120, 40).contains(why));
    // Nor is it a rule of the office that brings a key anew to who has not scanned the last one.
    let mut person = Person::new(settings(Language::Id)).at_passcode(true);
    person.presses(Key::BackTab);
    assert!(matches!(
        requested(&person.types("\n")),
        Some(Request::StartOver)
    ));
    person.answered(Reply::Enrollment {
        provisioning: provisioning(),
        compulsory: true,
        codes_follow: false,
    });
    assert!(!person.screen(120, 40).contains(why));
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut person = Person::new(settings(Language::Id)).at_enrollment(true);
        assert!(person.screen(columns, rows).contains(why));
        person.presses(Key::Esc);
        let screen = person.screen(columns, rows);
        assert!(screen.contains("▸   LOGOUT"), "{screen}");
    }
}

/// What is copied without a key is not covered by the question whether somebody is here, and takes what is typed.
#[test]
fn the_idle_warning_stands_beside_what_is_copied() {
    let mut person = Person::new(settings(Language::Id)).at_recovery_codes();
    let before = person.screen(80, 24);
    person.event(ends_in(15, EndingReason::Idle));
    let warned = person.screen(80, 24);
    assert!(warned.contains("Layar dibersihkan dalam 15 detik. Tekan"));
    assert!(
        before.lines().skip(1).eq(warned.lines().skip(1)),
        "{warned}"
    );
    // Any key says that somebody is here, and does nothing else.
    person.types("\n");
    assert_eq!(person.screen(80, 24), before);
    let mut person = Person::new(settings(Language::Id)).at_enrollment(true);
    person.event(ends_in(15, EndingReason::Idle));
    person.now = later(14);
    person.types("1");
    let screen = person.screen(80, 24);
    assert!(screen.contains("1 _ _") && !screen.contains("dibersihkan"));
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
    let mut guest = settings(Language::Id);
    guest.is_guest = true;
    let effects = Person::new(guest).event(interrupt());
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

/// What a request asks for, if `effects` is nothing else.
fn requested(effects: &[Effect]) -> Option<&Request> {
    match effects {
        [Effect::Request(_, request)] => Some(request),
        _ => None,
    }
}

#[test]
fn the_form_for_a_reset_sends_what_was_typed_and_keeps_all_but_the_code() {
    let mut person = Person::new(with_letters(Language::Id)).at_reset_request();
    person.types("siti@contoh.go.id\n\n");
    let sent = person.types("acdefg\n");
    let Some(Request::RequestReset {
        account: asked,
        email,
        security_code,
    }) = requested(&sent)
    else {
        panic!("{sent:?}");
    };
    assert_eq!(*asked, account());
    assert_eq!(email.as_str(), "siti@contoh.go.id");
    assert_eq!(security_code.as_str(), "acdefg");
    assert_eq!(person.pictures, 1);
    for (failures, reply) in [
        Reply::Refused(Refusal::SecurityCode),
        Reply::Refused(Refusal::Busy),
        Reply::Refused(Refusal::Unavailable),
        Reply::Refused(Refusal::Wait(Duration::ZERO)),
    ]
    .into_iter()
    .enumerate()
    {
        let effects = person.answered(reply);
        assert!(
            matches!(effects.as_slice(), [Effect::NewSecurityCode]),
            "{effects:?}"
        );
        assert_eq!(usize::from(person.pictures), failures + 2);
        let screen = person.screen(80, 24);
        assert!(screen.contains("ppk30") && screen.contains("siti@contoh.go.id"));
        assert!(!screen.contains("acdefg"));
        let sent = person.types("acdefg\n");
        assert!(requested(&sent).is_some(), "{sent:?}");
    }
}

#[test]
fn the_user_type_is_chosen_with_space_arrows_and_letters() {
    let mut person = Person::new(with_letters(Language::Id)).at_reset_request();
    person.types("siti@contoh.go.id\n");
    let chosen = |person: &mut Person| {
        let screen = person.screen(80, 24);
        screen.contains("(•) Penyedia")
    };
    assert!(!chosen(&mut person));
    for (key, penyedia) in [
        (Key::Char(' '), true),
        (Key::Left, false),
        (Key::Right, true),
        (Key::Char('n'), false),
        (Key::Char('n'), false),
        (Key::Char('P'), true),
        (Key::Char('x'), true),
    ] {
        person.presses(key);
        assert_eq!(chosen(&mut person), penyedia, "{key:?}");
    }
    let sent = person.types("\nacdefg\n");
    assert!(
        matches!(requested(&sent), Some(Request::RequestReset { account, .. })
            if account.user_type == UserType::Penyedia),
        "{sent:?}"
    );
}

#[test]
fn a_picture_is_asked_for_once_and_replaced_after_two_minutes() {
    let mut person = Person::new(with_letters(Language::Id));
    person.draws = false;
    let effects = person.types("\nnppk30\t\t\n");
    assert!(matches!(effects.as_slice(), [Effect::NewSecurityCode]));
    // However many events pass, it is not asked for again.
    assert!(person.types("siti@contoh.go.id\n\n").is_empty());
    assert!(person.event(Event::Tick).is_empty());
    person.now = later(10);
    person.event(Event::SecurityCode(picture(1)));
    person.draws = true;
    person.types("acd");
    assert_eq!(
        person.app.next_tick(later(110)),
        Some(Duration::from_secs(5)),
        "the footer's minute comes first"
    );
    assert_eq!(
        person.app.next_tick(later(128)),
        Some(Duration::from_secs(2)),
        "two minutes after it came"
    );
    person.now = later(129);
    assert!(person.event(Event::Tick).is_empty());
    person.now = later(130);
    let effects = person.event(Event::Tick);
    assert!(matches!(effects.as_slice(), [Effect::NewSecurityCode]));
    let screen = person.screen(80, 24);
    assert!(screen.contains("Waktu kode habis") && !screen.contains("acd"));
    assert!(screen.contains("siti@contoh.go.id"));
    // Enter that comes too late is not sent with the old picture's answer.
    person.types("acdefg");
    person.now = later(251);
    let effects = person.types("\n");
    assert!(matches!(effects.as_slice(), [Effect::NewSecurityCode]));
}

#[test]
fn another_code_on_demand_and_back_from_the_letter() {
    let mut person = Person::new(with_letters(Language::Id)).at_reset_request();
    person.types("siti@contoh.go.id\n\nacd\t\t");
    let effects = person.types("\n");
    assert!(matches!(effects.as_slice(), [Effect::NewSecurityCode]));
    assert!(!person.screen(80, 24).contains("acd"));
    // To the form for the letter, and back by Esc: all but the code is there, with a new picture.
    person.types("\t\t\t\n");
    assert!(person.screen(80, 24).contains("Konfirmasi Reset TOTP"));
    let effects = person.presses(Key::Esc);
    assert!(matches!(effects.as_slice(), [Effect::NewSecurityCode]));
    assert!(person.screen(80, 24).contains("siti@contoh.go.id"));
}

#[test]
fn a_reset_from_the_code_screen_drops_the_half_proved_login() {
    let mut person = Person::new(with_letters(Language::Id)).at_passcode(false);
    let effects = person.types("\t\t\n");
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::EndLogin, Effect::NewSecurityCode]
        ),
        "{effects:?}"
    );
    assert!(person.screen(80, 24).contains("PPK30"));
    assert_eq!(person.app.presence(), Presence::LongForm);
    assert!(person.presses(Key::Esc).is_empty());
    let screen = person.screen(80, 24);
    assert!(screen.contains("Masukkan User ID") && screen.contains("PPK30"));
}

#[test]
fn esc_from_a_reset_leads_back_to_the_user_id_as_it_was() {
    let mut person = Person::new(with_letters(Language::Id));
    person.types("\np\nppk 30\t\t");
    let before = person.screen(80, 24);
    person.types("\n\n\n\n");
    person.presses(Key::Esc);
    assert_eq!(person.screen(80, 24), before);
}

/// What the form for a reset's proof asks for, once `fill` has filled it in and Enter is pressed.
fn looked_for(fill: impl FnOnce(&mut Person)) -> Option<ResetSecret> {
    let mut person = Person::new(with_letters(Language::Id)).at_reset_confirm();
    fill(&mut person);
    match requested(&person.types("\n")) {
        Some(Request::FindReset(secret)) => Some(secret.clone()),
        _ => None,
    }
}

#[test]
fn a_paste_takes_the_place_of_what_was_typed_and_is_judged_at_once() {
    let secret = looked_for(|person| {
        person.types("xyz");
        person.pastes("hello");
        assert!(person.screen(80, 24).contains("16 huruf dan angka"));
        // As a terminal gives a link that stood there in two lines.
        person.pastes(&format!("{}\r\n  {}\n", &LINK[..90], &LINK[90..]));
    });
    assert!(matches!(secret, Some(ResetSecret::Link(_))), "{secret:?}");
    // As mail programs and gateways leave one.
    let escaped: String = form_urlencoded::byte_serialize(LINK.as_bytes()).collect();
    for pasted in [
        format!("> {}\r\n> {}\r\n>\r\n", &LINK[..90], &LINK[90..]),
        format!(
            "<{}=\r\n{}>.",
            &LINK[..90].replace('=', "=3D"),
            &LINK[90..].replace('=', "=3D")
        ),
        format!(
            "https://aaa.safelinks.protection.outlook.com/?url={escaped}&data=05%7C02&reserved=0"
        ),
    ] {
        let secret = looked_for(|person| drop(person.pastes(&pasted)));
        assert!(
            matches!(&secret, Some(ResetSecret::Link(link)) if link.user_id.is_some() && link.email.is_some()),
            "{pasted}: {secret:?}"
        );
    }
    let both = format!("{LINK} {}", LINK.replace("a4dq", "b4dq"));
    let secret = looked_for(|person| drop(person.pastes(&both)));
    assert!(secret.is_none(), "nobody knows which is meant: {secret:?}");
    let code = short_code();
    let pasted = format!("Kode: {}.\r\n", code.grouped().as_str());
    let typed = code.grouped().to_lowercase();
    for secret in [
        looked_for(|person| drop(person.pastes(&pasted))),
        looked_for(|person| drop(person.types(&typed))),
    ] {
        assert!(
            matches!(&secret, Some(ResetSecret::Code(found)) if found.digest().is(&code.digest())),
            "{secret:?}"
        );
    }
}

#[test]
fn finding_resets_nothing_and_leaving_the_question_drops_what_was_found() {
    let mut person = Person::new(with_letters(Language::Id)).at_reset_question();
    assert_eq!(person.app.presence(), Presence::LoggedIn);
    assert!(person.screen(80, 24).contains("PP**0"));
    // A key held down since the form.
    let effects = person.types("\n");
    assert!(
        matches!(effects.as_slice(), [Effect::EndLogin]),
        "{effects:?}"
    );
    assert!(!person.screen(80, 24).contains("PP**0"));
    let mut person = Person::new(with_letters(Language::Id)).at_reset_question();
    let sent = person.types("o\n");
    assert!(matches!(requested(&sent), Some(Request::ConfirmReset)));
    person.answered(Reply::ResetDone);
    let effects = person.types("\n");
    assert!(matches!(effects.as_slice(), [Effect::EndLogin]));
    // The login after a reset is that of the same type of user.
    let screen = person.screen(80, 24);
    assert!(screen.contains("Masukkan User ID") && screen.contains("NON PENYEDIA"));
}

#[test]
fn the_way_back_loses_no_user_id_until_it_ends_at_the_menu() {
    let mut person = Person::new(settings(Language::Id));
    // A slip in the type is mended without typing anew.
    person.types("\np\nppk30");
    person.presses(Key::Esc);
    assert!(person.screen(80, 24).contains("▸  PENYEDIA"));
    assert_eq!(person.app.presence(), Presence::Form);
    person.types("n");
    let screen = person.screen(80, 24);
    assert!(screen.contains("ppk30") && screen.contains("NON PENYEDIA"));
    // A password is wiped on the way, as ever.
    person.types("\nrahasia");
    person.presses(Key::Esc);
    person.presses(Key::Esc);
    assert!(person.screen(80, 24).contains("▸  NON PENYEDIA"));
    person.types("\n");
    assert!(person.screen(80, 24).contains("PPK30"));
    person.types("\n");
    assert!(!person.screen(80, 24).contains("•"));
    // Whoever comes next finds nothing.
    for _ in 0..3 {
        person.presses(Key::Esc);
    }
    assert_eq!(person.app.presence(), Presence::Nobody);
    person.types("\nn");
    assert!(!person.screen(80, 24).contains("PPK30"));
}

#[test]
fn a_void_link_leaves_the_form_usable() {
    for (void, next) in [
        (Void::Unknown, "Konfirmasi Reset TOTP"),
        (Void::Used, "Konfirmasi Reset TOTP"),
        (Void::Expired, "Permintaan Reset TOTP"),
    ] {
        let mut person = Person::new(with_letters(Language::Id)).with_code_sent();
        person.answered(Reply::Refused(Refusal::ResetVoid(void)));
        if void != Void::Expired {
            person.pastes(&short_code().grouped());
            let sent = person.types("\n");
            assert!(requested(&sent).is_some(), "{void:?}");
        } else {
            person.types("\n");
        }
        assert!(person.screen(80, 24).contains(next), "{void:?}");
    }
}

#[test]
fn the_inbox_is_asked_for_whenever_it_is_opened_and_its_code_is_used_with_one_key() {
    let mut person = Person::new(in_training(Language::Id));
    let sent = person.types("k");
    assert!(matches!(requested(&sent), Some(Request::LoadInbox)));
    person.answered(Reply::Inbox(letters()));
    let sent = person.types("m");
    assert!(matches!(requested(&sent), Some(Request::LoadInbox)));
    person.answered(Reply::Inbox(letters()));
    person.types("\nk");
    let sent = person.types("\n");
    assert!(
        matches!(
            requested(&sent),
            Some(Request::FindReset(ResetSecret::Code(_)))
        ),
        "{sent:?}"
    );
    assert!(
        !Person::new(with_letters(Language::Id))
            .screen(80, 24)
            .contains("Kotak Masuk"),
        "outside training there are no letters to read"
    );
}

#[test]
fn a_link_in_a_letter_stands_alone_from_edge_to_edge() {
    let mut person = Person::new(in_training(Language::Id)).at_inbox(letters());
    person.types("\n");
    let screen = person.screen(80, 30);
    let lines: Vec<&str> = screen.lines().collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with("http"))
        .unwrap();
    assert_eq!(format!("{}{}", lines[first], lines[first + 1]), LINK);
}

#[test]
fn letters_and_their_codes_on_small_terminals() {
    for name in ["inbox", "inbox_letter", "inbox_code_used"] {
        let (_, state) = TRAINING_STATES
            .iter()
            .find(|state| state.0 == name)
            .unwrap();
        let person = state(Person::new(in_training(Language::Id)));
        for (columns, rows) in [(40, 12), (20, 5)] {
            insta::assert_snapshot!(
                format!("{name}.id.{columns}x{rows}"),
                person.screen(columns, rows)
            );
        }
    }
    let person = Person::new(with_letters(Language::Id)).at_reset_question();
    insta::assert_snapshot!("reset_question.id.40x12", person.screen(40, 12));
    // Whose TOTP it is stands right above the buttons, however low the terminal.
    assert!(person.screen(40, 6).contains("PP**0"));
}

#[test]
fn the_form_for_a_reset_is_whole_wherever_it_fits_and_says_what_it_needs_elsewhere() {
    for (name, state) in LETTER_STATES
        .iter()
        .filter(|(name, _)| name.starts_with("reset_request"))
    {
        for language in [Language::Id, Language::En] {
            let screen = state(Person::new(with_letters(language))).screen(80, 24);
            assert!(
                !screen.contains('↑') && !screen.contains('↓'),
                "{name}: {screen}"
            );
        }
    }
    let mut plain = with_letters(Language::Id);
    plain.terminal = Terminal {
        glyphs: Glyphs::Ascii,
        colours: Colours::Mono,
        no_color: true,
        sequences: Default::default(),
    };
    let plain = Person::new(plain).at_reset_request();
    assert!(plain.screen(80, 24).is_ascii());
    insta::assert_snapshot!("reset_request_ascii.id.80x24", plain.screen(80, 24));
    let mut small = Person::new(with_letters(Language::Id)).at_reset_request();
    insta::assert_snapshot!("reset_request.id.40x12", small.screen(40, 12));
    insta::assert_snapshot!("reset_request.id.20x5", small.screen(20, 5));
    // With the code's field in focus, picture and field are seen together where both have room.
    small.types("\t\t");
    insta::assert_snapshot!("reset_request_code.id.80x12", small.screen(80, 12));
}

#[test]
fn a_recovery_code_is_sent_only_whole_and_stays_to_be_corrected() {
    let mut person = Person::new(settings(Language::Id)).at_recovery();
    assert!(person.types("acde-fghj-kmn\n").is_empty());
    assert!(person.screen(80, 24).contains("12 huruf dan angka"));
    let sent = person.types("p\n");
    assert!(
        matches!(requested(&sent), Some(Request::CheckRecoveryCode(code))
            if code.grouped().as_str() == "ACDE-FGHJ-KMNP"),
        "{sent:?}"
    );
    person.answered(Reply::Refused(Refusal::Rejected {
        wait: Duration::from_secs(3),
    }));
    assert!(
        person.types("\n").is_empty(),
        "nothing is sent during the wait"
    );
    person.now = later(3);
    person.presses(Key::Backspace);
    let sent = person.types("q\n");
    assert!(
        matches!(requested(&sent), Some(Request::CheckRecoveryCode(code))
            if code.grouped().as_str() == "ACDE-FGHJ-KMNQ"),
        "{sent:?}"
    );
    // A paste takes the place of what was typed, and waits for Enter.
    let mut person = Person::new(settings(Language::Id)).at_recovery();
    person.types("xyz");
    assert!(person.pastes(" rtvw xy34 679a\r\n").is_empty());
    let sent = person.types("\n");
    assert!(
        matches!(requested(&sent), Some(Request::CheckRecoveryCode(code))
            if code.grouped().as_str() == "RTVW-XY34-679A"),
        "{sent:?}"
    );
    // Back to the phone's code, and here again.
    let mut person = Person::new(settings(Language::Id)).at_recovery();
    assert!(
        person.presses(Key::Esc).is_empty(),
        "the password stays proved"
    );
    assert!(person.screen(80, 24).contains("Masukkan kode TOTP"));
}

#[test]
fn recovery_codes_come_before_all_else_on_small_terminals_and_leave_at_a_second_word_only() {
    let mut person = Person::new(settings(Language::Id)).at_recovery_codes();
    insta::assert_snapshot!("recovery_codes.id.40x15", person.screen(40, 15));
    insta::assert_snapshot!("recovery_codes.id.30x24", person.screen(30, 24));
    let first = issued_codes().iter().next().unwrap().grouped();
    for _ in 0..20 {
        assert!(person.types("\n").is_empty());
        assert!(person.screen(80, 24).contains(first.as_str()));
    }
    person.types("\n\t\n");
    let screen = person.screen(80, 24);
    assert!(screen.contains("Selamat datang, Siti") && !screen.contains(first.as_str()));
}

/// Anything that can happen to the screens.
fn anything() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => any_key().prop_map(Event::Key),
        1 => ".{0,200}".prop_map(|text| Event::Paste(Zeroizing::new(text))),
        1 => (0..1_u8).prop_map(|_| Event::Paste(Zeroizing::new("novel ".repeat(200_000)))),
        1 => (0..20_u64).prop_map(|left| ends_in(left, EndingReason::Idle)),
        1 => (0..20_u64).prop_map(|left| ends_in(left, EndingReason::Closing)),
        1 => any::<u64>().prop_map(Event::Visits),
        1 => any::<u8>().prop_map(|number| Event::SecurityCode(picture(number))),
        1 => (0..1_u8).prop_map(|_| Event::Tick),
    ]
}

/// Any answer at all, whatever was asked.
fn any_reply() -> impl Strategy<Value = u8> {
    0..20_u8
}

fn reply(number: u8) -> Reply {
    match number {
        0 => Reply::Refused(Refusal::Rejected {
            wait: Duration::from_secs(3),
        }),
        1 => Reply::Refused(Refusal::Wait(Duration::from_secs(90))),
        2 => Reply::Refused(Refusal::Busy),
        3 => Reply::Refused(Refusal::Unavailable),
        4 => Reply::Refused(Refusal::Ended),
        5 => Reply::PasscodeWanted {
            pending: true,
            recovery: true,
            spent_until: None,
        },
        6 => Reply::ResetRequested,
        7 => Reply::Refused(Refusal::SecurityCode),
        8 => Reply::ResetFound {
            user_type: UserType::Penyedia,
            masked_id: "CV**U".into(),
        },
        9 => Reply::Refused(Refusal::ResetVoid(Void::Expired)),
        10 => Reply::Refused(Refusal::ResetVoid(Void::Unknown)),
        11 => Reply::ResetDone,
        12 => Reply::PasscodeWanted {
            pending: false,
            recovery: true,
            spent_until: None,
        },
        13 => Reply::RecoveryCodes(issued_codes(), Box::new(with_recovery(Some(10)))),
        14 => Reply::Refused(Refusal::FreshPasscodeWanted),
        15 => Reply::SecondPhone(provisioning()),
        16 => Reply::Refused(Refusal::PhoneClock(drift(12))),
        17 => Reply::Refused(Refusal::OfficeClock),
        18 => Reply::Refused(Refusal::ClockInDoubt {
            wait: Duration::from_secs(3),
        }),
        _ => Reply::Inbox(letters()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_at_any_size_in_any_state_draw_something(
        state in 0..all_states().len(),
        events in proptest::collection::vec((anything(), 0..40_u64, any_reply()), 0..30),
        (columns, rows) in (1..300_u16, 1..100_u16),
        english in any::<bool>(),
        ascii in any::<bool>(),
    ) {
        let (_, settings, state) = all_states()[state];
        let mut settings = settings(if english { Language::En } else { Language::Id });
        if ascii {
            settings.terminal.glyphs = Glyphs::Ascii;
        }
        let mut person = state(Person::new(settings));
        person.screen(columns, rows);
        let mut seconds = 0;
        for (event, pause, answer) in events {
            seconds += pause;
            person.now = later(seconds);
            person.event(event);
            person.screen(columns, rows);
            if person.app.next_tick(person.now) == Some(Duration::ZERO) {
                // What was put off is due: a tick does it, and then nothing is.
                person.event(Event::Tick);
            }
            prop_assert!(person.app.next_tick(person.now) > Some(Duration::ZERO));
            if pause % 4 == 0 && person.request.is_some() {
                person.answered(reply(answer));
                person.screen(columns, rows);
            }
        }
    }
}
