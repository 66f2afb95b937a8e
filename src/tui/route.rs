//! Routes: which screen is to stand there, as data, with what it begins with.
//!
//! A screen that leads to another names its route; only [`super::App`] knows what the screens are made of, and so no
//! screen knows another.

use jiff::Timestamp;

use super::{HomeView, InboxLetter, OutboxRow, screen::desk::draft::Draft};
use crate::domain::{
    IssuedPassword, Policy, UserId, UserType,
    audit::AuditRecord,
    authenticator::PhoneSeen,
    identity::{AccountKey, PersonName},
    idle::Reason,
    officer::Card,
    policy::LoginRules,
    provisioning::Provisioning,
    recovery::{IssuedCodes, RecoveryState},
    reset::ShortCode,
};

/// A screen, and what it begins with.
#[derive(Debug)]
pub enum Route {
    Menu,
    /// The menu, which says why it is there.
    MenuAfter(Farewell),
    UserType {
        /// What is in focus.
        user_type: UserType,
        /// As somebody who comes back has typed it, for the field that follows.
        user_id: String,
    },
    UserId {
        user_type: UserType,
        /// What stands in the field already, whatever it is.
        user_id: String,
    },
    Password {
        user_type: UserType,
        user_id: UserId,
    },
    Passcode {
        account: AccountKey,
        /// The key was never proved: the way back is offered.
        pending: bool,
        /// A recovery code will do instead.
        recovery: bool,
        /// Until then the phone may show the code that was accepted last, which is spent.
        spent_until: Option<Timestamp>,
        /// Two codes will do instead: one was refused again and again.
        two_codes: bool,
    },
    /// Two codes of a phone whose clock is off.
    TwoCodes {
        account: AccountKey,
        /// A recovery code will do instead.
        recovery: bool,
    },
    /// A recovery code in the place of the phone's.
    Recovery {
        account: AccountKey,
        /// Two codes will do instead.
        two_codes: bool,
    },
    ResetRequest {
        user_type: UserType,
        /// As it was typed, whatever it is.
        user_id: String,
    },
    ResetSent,
    ResetConfirm {
        over: Waiting,
        /// Of a letter that was read right here.
        code: Option<ShortCode>,
    },
    /// Whether to reset the TOTP that was found.
    ResetQuestion {
        user_type: UserType,
        masked_id: String,
    },
    /// Of an account of this type, if that is known.
    ResetDone(Option<UserType>),
    Inbox(Vec<InboxLetter>),
    Home(Box<HomeView>),
    Activity(Box<HomeView>),
    Disable {
        account: AccountKey,
        policy: Policy,
    },
    Enrollment {
        provisioning: Provisioning,
        /// Reached without being home: there is no way back but `LOGOUT`.
        compulsory: bool,
        /// Recovery codes are offered once it is proved.
        codes_follow: bool,
        /// Right after the password, because the office requires it, which has not been said yet.
        unexpected: bool,
    },
    /// The key of a second phone, on its way to it.
    SecondPhone(Provisioning),
    /// Whether to add a phone to those there are, over home.
    AddPhone(Vec<PhoneSeen>),
    /// The same, offered when TOTP has just become active, and the home to go to from it.
    PhoneOffer(Box<HomeView>),
    /// The phones there are, over home.
    Phones {
        account: AccountKey,
        phones: Vec<PhoneSeen>,
    },
    /// Whether to take one of them away.
    RemovePhone {
        account: AccountKey,
        phone: PhoneSeen,
    },
    /// A new password, over home.
    OwnPassword {
        account: AccountKey,
        name: PersonName,
    },
    /// The owner's own password in the place of an officer's.
    OwnPasswordDue {
        account: AccountKey,
        name: PersonName,
    },
    /// Over home.
    RecoveryIssue(Option<RecoveryState>),
    /// The same, offered when TOTP has just become active, and the home to go to from it.
    RecoveryOffer(Box<HomeView>),
    /// New codes, and the home to go to from them.
    RecoveryCodes {
        codes: IssuedCodes,
        view: Box<HomeView>,
        /// The steps of the way to them, of which this is the last; none where it is no way.
        steps: Option<usize>,
    },
    Desk(Box<HomeView>),
    AccountCard(Box<Card>),
    DeskAct(Draft),
    DeskPolicy(LoginRules),
    DeskOutbox(Vec<OutboxRow>),
    DeskAudit(Vec<AuditRecord>),
    OneTimePassword {
        account: AccountKey,
        name: PersonName,
        password: IssuedPassword,
    },
}

/// Why the menu is there, for whoever has been at work until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The login that was under way is no longer valid.
    EndedLogin,
    LoggedOut,
    /// The visit is over, and why.
    Cleared(Reason),
}

/// What waits below the form for a letter's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    Nothing,
    Screen,
    /// The form for a letter, which is also where a new letter is asked for.
    RequestForm,
}
