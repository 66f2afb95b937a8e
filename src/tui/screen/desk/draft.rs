//! An act at the desk while it is being decided on: whom or what it is about, and its words.

use crate::{
    domain::{
        EmailAddress,
        identity::{AccountKey, PersonName},
        officer::{ActKind, DeskAct},
        policy::LoginRules,
    },
    tui::text::{Text, fill},
};

/// What is to be done, as far as it is known before the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    Account(AccountKey, PersonName, ActKind),
    Rules {
        before: LoginRules,
        wanted: LoginRules,
    },
}

impl Draft {
    pub fn wants_identity(&self) -> bool {
        matches!(self, Self::Account(_, _, act) if act.wants_identity())
    }

    pub fn wants_email(&self) -> bool {
        matches!(self, Self::Account(_, _, ActKind::CorrectEmail))
    }

    pub fn act(&self, email: Option<EmailAddress>) -> Option<DeskAct> {
        match self {
            Self::Account(key, _, act) => {
                let act = act.with(email)?;
                Some(DeskAct::Account(key.clone(), act))
            }
            Self::Rules { wanted, .. } => Some(DeskAct::SetRules(*wanted)),
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
                    ("act", &text.account_act.of(*act).label),
                    ("id", key.user_id.as_str()),
                    ("name", name.as_str()),
                ],
            ),
            Self::Rules { .. } => words.set_rules.clone(),
        }
    }

    pub fn button(&self, text: &'static Text) -> &'static str {
        match self {
            Self::Account(_, _, act) => &text.account_act.of(*act).label,
            Self::Rules { .. } => &text.desk_act.set_rules,
        }
    }
}
