//! An act at the desk while it is being decided on: whom or what it is about, and its words.

use crate::{
    domain::{
        EmailAddress,
        identity::{AccountKey, PersonName},
        officer::{AccountAct, DeskAct},
        policy::LoginRules,
    },
    tui::text::{Text, fill},
};

/// An act on an account, before all that it needs has been said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActKind {
    Unlock,
    ResetTotp,
    IssuePassword,
    CorrectEmail,
    EndLogins,
    Suspend,
    Reinstate,
}

impl ActKind {
    /// The act, for all but the one that needs an address.
    fn act(self) -> Option<AccountAct> {
        match self {
            Self::Unlock => Some(AccountAct::Unlock),
            Self::ResetTotp => Some(AccountAct::ResetTotp),
            Self::IssuePassword => Some(AccountAct::IssuePassword),
            Self::CorrectEmail => None,
            Self::EndLogins => Some(AccountAct::EndLogins),
            Self::Suspend => Some(AccountAct::Suspend),
            Self::Reinstate => Some(AccountAct::Reinstate),
        }
    }

    pub fn act_with(self, email: Option<EmailAddress>) -> Option<AccountAct> {
        match email {
            Some(email) => Some(AccountAct::CorrectEmail(email)),
            None => self.act(),
        }
    }

    /// As [`AccountAct::wants_identity`]: a new address always does.
    pub fn wants_identity(self) -> bool {
        self.act().is_none_or(|act| act.wants_identity())
    }

    pub fn label(self, text: &'static Text) -> &'static str {
        let words = &text.desk_act;
        match self {
            Self::Unlock => &words.unlock,
            Self::ResetTotp => &words.reset_totp,
            Self::IssuePassword => &words.issue_password,
            Self::CorrectEmail => &words.correct_email,
            Self::EndLogins => &words.end_logins,
            Self::Suspend => &words.suspend,
            Self::Reinstate => &words.reinstate,
        }
    }

    /// What follows from the act.
    pub fn effect(self, text: &'static Text) -> &'static str {
        let words = &text.desk_act;
        match self {
            Self::Unlock => &words.unlock_effect,
            Self::ResetTotp => &words.reset_totp_effect,
            Self::IssuePassword => &words.issue_password_effect,
            Self::CorrectEmail => &words.correct_email_effect,
            Self::EndLogins => &words.end_logins_effect,
            Self::Suspend => &words.suspend_effect,
            Self::Reinstate => &words.reinstate_effect,
        }
    }

    /// That it is done.
    pub fn done(self, text: &'static Text) -> &'static str {
        let words = &text.desk_act;
        match self {
            Self::Unlock => &words.unlock_done,
            Self::ResetTotp => &words.reset_totp_done,
            Self::IssuePassword => &words.issue_password_done,
            Self::CorrectEmail => &words.correct_email_done,
            Self::EndLogins => &words.end_logins_done,
            Self::Suspend => &words.suspend_done,
            Self::Reinstate => &words.reinstate_done,
        }
    }
}

/// What is to be done, as far as it is known before the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    Account(AccountKey, PersonName, ActKind),
    Rules {
        before: LoginRules,
        wanted: LoginRules,
    },
    Outbox,
    Audit,
}

impl Draft {
    pub fn wants_identity(&self) -> bool {
        matches!(self, Self::Account(_, _, act) if act.wants_identity())
    }

    pub fn wants_email(&self) -> bool {
        matches!(self, Self::Account(_, _, ActKind::CorrectEmail))
    }

    /// It only looks at something: Enter in the last field is enough.
    pub fn is_a_look(&self) -> bool {
        matches!(self, Self::Outbox | Self::Audit)
    }

    pub fn act(&self, email: Option<EmailAddress>) -> Option<DeskAct> {
        match self {
            Self::Account(key, _, act) => {
                let act = act.act_with(email)?;
                Some(DeskAct::Account(key.clone(), act))
            }
            Self::Rules { wanted, .. } => Some(DeskAct::SetRules(*wanted)),
            Self::Outbox => Some(DeskAct::ReadOutbox),
            Self::Audit => Some(DeskAct::ReadAudit),
        }
    }

    pub fn title(&self, text: &'static Text) -> String {
        let words = &text.desk_act;
        match self {
            Self::Account(key, name, act) => fill(
                match act {
                    ActKind::Suspend | ActKind::Reinstate => &words.title_of_whole,
                    _ => &words.title,
                },
                &[
                    ("act", act.label(text)),
                    ("id", key.user_id.as_str()),
                    ("name", name.as_str()),
                ],
            ),
            Self::Rules { .. } => words.set_rules.clone(),
            Self::Outbox => words.read_outbox.clone(),
            Self::Audit => words.read_audit.clone(),
        }
    }

    pub fn button(&self, text: &'static Text) -> &'static str {
        match self {
            Self::Account(_, _, act) => act.label(text),
            Self::Rules { .. } => &text.desk_act.set_rules,
            Self::Outbox | Self::Audit => &text.desk.open,
        }
    }
}
