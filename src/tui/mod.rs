//! The screens, after Elm: an [`Event`] comes in, the model changes, an [`Effect`] may go out; drawing reads the model.
//!
//! Architecture invariant: this room is pure. It never sees a service, a store, a socket or a clock; what it asks of
//! the world is an [`Effect`], what the world answers is an [`Event::Reply`]. Nothing here grants anything: a screen
//! that forgot to ask for a code would get no home to show, because the session keeps the proofs (`domain::login`).

mod app;
pub mod attention;
pub mod command;
pub mod context;
mod lookup;
mod of_kind;
mod route;
pub mod screen;
pub mod sequences;
pub mod text;
pub mod theme;
mod training_walk;
mod typed_ahead;
pub mod widget;

use std::{fmt, time::Duration};

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::domain::{
    Activity, IssuedPassword, Passcode, PlainPassword, Policy, Refusal, UserId, UserType,
    account::{LastLogin, Role, TotpState},
    audit::AuditRecord,
    authenticator::PhoneSeen,
    calendar::Zone,
    identity::{AccountKey, EmailAddress, PersonName, PhoneName},
    language::Language,
    letter::LetterKind,
    officer::{Bookmark, Card, Declined, FoundPage, Order, Overview},
    palette::Palette,
    policy::LoginRules,
    provisioning::Provisioning,
    recorded::ClockFault,
    recovery::{IssuedCodes, RecoveryCode, RecoveryState},
    reset::{ResetSecret, ShortCode},
    security_code::Picture,
    totp::{Drift, PasscodePair},
};
pub use app::App;
use command::KeyPress;
use theme::Terminal;

/// What a terminal's screens are told once.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// The name of the LPSE.
    pub office: String,
    /// What the office says on the menu.
    pub banner: Option<String>,
    /// The name of this terminal or session.
    pub session: String,
    /// The sample accounts, in training mode.
    pub training: Option<Vec<SampleAccount>>,
    pub zone: Zone,
    pub version: String,
    /// The language that a fresh menu speaks.
    pub language: Language,
    /// The terminal is a guest's, the person's own: Ctrl-C leaves. Never on a kiosk.
    pub is_guest: bool,
    /// TOTP can be reset by a letter; otherwise people are sent to an officer.
    pub reset_by_mail: bool,
    /// How long a link from such a letter holds.
    pub reset_link_holds: Duration,
    /// How long people are given to read a screen that changed by itself: [`attention::READING_TIME`], but where nobody
    /// reads.
    pub reading_time: Duration,
    pub terminal: Terminal,
    /// The colours of the screens; `None`: without any.
    pub palette: Option<Palette>,
}

/// The instant of an event: wall time for what people read, monotonic time for what counts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: Timestamp,
    pub monotonic: Duration,
}

/// What happens to the screens, in one total order per person.
#[derive(Debug)]
pub enum Event {
    Key(KeyPress),
    /// Text that arrived as one bracketed paste, bounded by the front end.
    Paste(Zeroizing<String>),
    /// The terminal's size changed; the next drawing uses it.
    Resize,
    /// The moment that `App::next_tick` asked for has come.
    Tick,
    /// The answer to a request. One that is no longer waited for is dropped.
    Reply(RequestId, Reply),
    /// The answer to a lookup.
    LookupReply(RequestId, LookupReply),
    /// The visit or the session will end soon, or (`None`) no longer will.
    Ending(Option<Ending>),
    /// The login that this terminal shows is no longer valid, by what somebody did elsewhere.
    LoginEnded,
    /// The footer's number of visits so far.
    Visits(u64),
    /// The picture that [`Effect::NewSecurityCode`] asked for.
    SecurityCode(Picture),
}

/// An end that comes soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    pub left: Duration,
    pub why: EndingReason,
}

/// Why an end comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingReason {
    /// Nobody presses a key; one prolongs.
    Idle,
    /// The time is up, whatever is pressed.
    TimeUp,
    /// The program is to leave.
    Closing,
}

/// Which request a reply belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

/// What the screens ask of the world.
#[derive(Debug)]
pub enum Effect {
    /// Work for a service; answered by [`Event::Reply`] with the same id.
    Request(RequestId, Request),
    /// A question beside what goes on; answered by [`Event::LookupReply`] with the same id.
    Lookup(RequestId, Lookup),
    /// Somebody has begun to use the terminal.
    CountVisit,
    /// The person is done, or gave up a login under way: all proofs are dropped, replies under way are void.
    EndLogin,
    /// A new picture of a Kode Keamanan, at once; the one before no longer counts.
    NewSecurityCode,
    /// The whole screen is drawn anew, whatever stands on the terminal.
    Repaint,
    /// The terminal is asked to take this to its clipboard. Only where it understands that.
    Copy(Copied),
    /// Leave the program (training mode, or a terminal that is not a kiosk's).
    Quit,
}

/// Text on its way to a clipboard, a secret more often than not: wiped when dropped, never printed.
#[derive(PartialEq, Eq)]
pub struct Copied(Zeroizing<String>);

impl Copied {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Copied {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Copied(…)")
    }
}

/// Work for a service.
#[derive(Debug)]
pub enum Request {
    CheckPassword {
        user_type: UserType,
        user_id: UserId,
        password: PlainPassword,
    },
    /// The code at login.
    CheckPasscode(Passcode),
    /// Two codes of a phone whose clock is off, in its place.
    CheckPair(PasscodePair),
    /// A recovery code in its place.
    CheckRecoveryCode(RecoveryCode),
    /// `Buat kode baru`: recovery codes in place of all before; with a code when one was asked for.
    IssueRecoveryCodes(Option<Passcode>),
    /// `Belum memindai? Ulangi aktivasi` at the code screen: a new key in place of the pending one.
    StartOver,
    /// `ENABLE TOTP` at home.
    StartEnrollment,
    /// `Aktifkan` at the QR code.
    ProveEnrollment(Passcode),
    /// `DISABLE TOTP`, confirmed; with a code when one was asked for.
    DisableTotp(Option<Passcode>),
    /// `TAMBAH PONSEL`: a key for a second phone; with a code when one was asked for.
    AddPhone {
        name: Option<PhoneName>,
        passcode: Option<Passcode>,
    },
    /// `Aktifkan` at its QR code.
    ProvePhone(Passcode),
    /// `Hapus ponsel`, confirmed; with a code when one was asked for.
    RemovePhone {
        phone: PhoneSeen,
        passcode: Option<Passcode>,
    },
    /// A new password at home; with a code when one was asked for.
    ChangePassword {
        current: PlainPassword,
        new: PlainPassword,
        passcode: Option<Passcode>,
    },
    /// The owner's own password in the place of an officer's one-time password.
    ReplacePassword(PlainPassword),
    /// `AKTIVITAS` at home.
    LoadActivity,
    /// Home again, from the QR code or after a refusal.
    LoadHome,
    /// `Kirim` at the form for a reset. The answer to the picture goes with it, and is used up by it.
    RequestReset {
        account: AccountKey,
        email: EmailAddress,
        security_code: Zeroizing<String>,
    },
    /// A link or a short code from a letter: whose is it?
    FindReset(ResetSecret),
    /// `OK`: reset the TOTP that was found.
    ConfirmReset,
    /// The letters of training mode.
    LoadInbox,
    /// Something at the officer's desk that has to be waited for.
    Desk(DeskRequest),
}

/// What an officer asks for at the desk.
#[derive(Debug)]
pub enum DeskRequest {
    /// The card of one account.
    Show(AccountKey),
    RevealEmail(AccountKey),
    /// The rules of login that are in force.
    ShowRules,
    /// The letters that wait.
    ShowOutbox,
    /// The newest records of the audit log.
    ShowAudit,
    CarryOut(Box<Order>),
}

/// A question that is asked while the person goes on typing: its answer is shown when it comes, if it is still wanted.
/// It changes nothing, and needs no proof but those there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Accounts for what is typed in the desk's search field.
    Find {
        typed: String,
        after: Option<Bookmark>,
    },
    /// What waits for an officer.
    Overview,
    /// Records of the audit log from before that number.
    OlderRecords { before: u64 },
}

/// The answer to a [`Lookup`].
#[derive(Debug)]
pub enum LookupReply {
    Found(FoundPage),
    Overview(Box<Overview>),
    /// The newest first; none where there are no older ones.
    Records(Vec<AuditRecord>),
    /// Nothing can be looked up now.
    Unavailable,
    /// Whoever asks is no officer, or no longer logged in.
    Ended,
}

impl Request {
    /// It brings the code of a login, so that nothing of it is still to be typed but what a next step asks for.
    fn brings_code(&self) -> bool {
        matches!(
            self,
            Self::CheckPasscode(_)
                | Self::CheckPair(_)
                | Self::CheckRecoveryCode(_)
                | Self::ProveEnrollment(_)
        )
    }

    /// It brings a code of a phone, which a wrong clock makes a wrong one.
    pub fn brings_passcode(&self) -> bool {
        match self {
            Self::CheckPasscode(_)
            | Self::CheckPair(_)
            | Self::ProveEnrollment(_)
            | Self::ProvePhone(_) => true,
            Self::IssueRecoveryCodes(passcode)
            | Self::DisableTotp(passcode)
            | Self::AddPhone { passcode, .. }
            | Self::RemovePhone { passcode, .. }
            | Self::ChangePassword { passcode, .. } => passcode.is_some(),
            Self::Desk(DeskRequest::CarryOut(order)) => order.passcode.is_some(),
            _ => false,
        }
    }

    /// The account whose password this request brings.
    fn claimed_account(&self) -> Option<AccountKey> {
        match self {
            Self::CheckPassword {
                user_type, user_id, ..
            } => Some(AccountKey::new(*user_type, user_id.clone())),
            _ => None,
        }
    }
}

/// What the world answers: only what the person may know.
#[derive(Debug)]
pub enum Reply {
    /// Nothing came of it.
    Refused(Refusal),
    /// The password was right and a code is wanted.
    PasscodeWanted {
        /// The key was shown but never proved: offer the way back.
        pending: bool,
        /// A recovery code will do instead.
        recovery: bool,
        /// Until then the phone may show the code that was accepted last, which is spent.
        spent_until: Option<Timestamp>,
    },
    /// A new key, to be shown once.
    Enrollment {
        provisioning: Provisioning,
        /// Reached without being home first: `LOGOUT` is the only way out but `Aktifkan`.
        compulsory: bool,
        /// Recovery codes are offered once it is proved.
        codes_follow: bool,
    },
    /// The key of a second phone, to be shown once.
    SecondPhone(Provisioning),
    /// Logged in.
    Home(Box<HomeView>),
    /// New recovery codes, to be shown once, and the home to go to from them.
    RecoveryCodes(IssuedCodes, Box<HomeView>),
    /// The password was an officer's, and the owner's own must take its place before anything else.
    PasswordDue {
        account: AccountKey,
        name: PersonName,
    },
    /// What happened to the account, with all that home shows.
    Activity(Box<HomeView>),
    /// The one answer to every request for a reset, whether or not such an account exists.
    ResetRequested,
    /// The link or the short code stands for a reset of this account, its ID masked.
    ResetFound {
        user_type: UserType,
        masked_id: String,
    },
    /// TOTP is off for the account, and every open login of it has ended.
    ResetDone,
    /// The letters of training mode, the newest first.
    Inbox(Vec<InboxLetter>),
    Desk(DeskReply),
}

/// What the desk answers.
#[derive(Debug)]
pub enum DeskReply {
    Card(Box<Card>),
    Email(EmailAddress),
    /// An act on an account is done: the account as it is now, and the one-time password if one was issued.
    Done(Box<Card>, Option<IssuedPassword>),
    /// The rules that are in force.
    Rules(LoginRules),
    Outbox(Vec<OutboxRow>),
    Audit(Vec<AuditRecord>),
    /// It cannot be done; nothing was.
    Declined(Declined),
}

/// A letter that waits, as the desk shows it: nothing of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub written: Timestamp,
    pub account: AccountKey,
    pub kind: LetterKind,
    pub failures: u32,
    /// When it is tried next; `None` when the mail server has refused it for good.
    pub next_try: Option<Timestamp>,
    /// What the last failed try was told.
    pub last_error: Option<String>,
}

/// A letter as training mode's `Kotak Masuk` shows it.
#[derive(Debug, Clone)]
pub struct InboxLetter {
    pub at: Timestamp,
    /// `Siti Rahmawati <ppk30@contoh.go.id>`.
    pub to: String,
    pub subject: String,
    /// The letter's text part. It holds a link and a code where the letter is about a request.
    pub text: Zeroizing<String>,
    /// The short code, for the key that opens `Konfirmasi Reset TOTP` with it.
    pub code: Option<ShortCode>,
}

/// What home shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeView {
    pub account: AccountKey,
    pub name: PersonName,
    pub role: Role,
    pub totp: TotpState,
    /// The phones of which codes let in.
    pub phones: Vec<PhoneSeen>,
    /// What is asked of this account.
    pub policy: Policy,
    /// Its recovery codes, where they are of use to it.
    pub recovery: Option<RecoveryState>,
    /// The login before this one.
    pub last_login: Option<LastLogin>,
    /// The newest first.
    pub activity: Vec<Activity>,
    /// What has just been done, if this home follows an act.
    pub notice: Option<HomeNotice>,
    /// What is wrong with the machine's clock: right codes may be refused. Officers are told.
    pub clock: Option<ClockFault>,
}

impl HomeView {
    /// Whether an activation goes on to a second phone before this is shown: that of an officer, whom nobody at the desk may
    /// help but another officer. New officers activate before they replace their one-time password.
    fn offers_phone(&self) -> bool {
        let begins = matches!(
            self.notice,
            Some(HomeNotice::TotpActivated | HomeNotice::PasswordReplaced)
        );
        begins && self.role.is_officer() && self.phones.len() == 1
    }

    /// Whether it goes on to recovery codes: there are none yet.
    fn offers_codes(&self) -> bool {
        let is_activated = match self.notice {
            Some(HomeNotice::TotpActivated) => true,
            Some(HomeNotice::PhoneAdded) => self.role.is_officer(),
            _ => false,
        };
        is_activated && self.recovery.is_some_and(|state| state.issued.is_none())
    }
}

/// The success that home tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeNotice {
    TotpActivated,
    TotpDisabled,
    PhoneAdded,
    PhoneRemoved,
    RecoveryCodesIssued,
    /// The login was by a recovery code.
    RecoveryCodeUsed,
    PasswordChanged,
    /// A password of one's own is in the place of the one-time password.
    PasswordReplaced,
    /// The login was by two codes, and the phone's clock is so far off.
    PhoneClock(Drift),
    /// The same, where the office's own clock may be the one that is wrong.
    OfficeClock,
}

/// A sample account of training mode, shown on the menu with its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleAccount {
    pub user_type: UserType,
    pub user_id: UserId,
    pub password: String,
}
