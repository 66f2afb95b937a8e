//! The rules of login: what the three policies mean, which is in force, and the way to another.

use ratatui::Frame;

use super::{
    draft::Draft,
    rule_words::{meaning, name},
};
use crate::{
    domain::{Policy, idle::Presence, policy::LoginRules},
    tui::{
        DeskReply,
        command::Command,
        context::Context,
        route::Route,
        screen::{Left, Screen, Step, jumped, moved, usual_hints},
        text::Text,
        widget::{
            frame::{self, KeyHint},
            sheet::Sheet,
        },
    },
};

const RECOVERY_CODES: usize = 3;
const SET: usize = 4;
const BACK: usize = 5;
const ITEMS: usize = 6;

/// The rules in force, and those that are chosen here.
#[derive(Debug)]
pub struct DeskPolicyScreen {
    rules: LoginRules,
    wanted: LoginRules,
    focus: usize,
    is_set: bool,
    /// `Ubah` was pressed, and there is nothing to change.
    unchanged: bool,
}

impl DeskPolicyScreen {
    pub fn new(rules: LoginRules) -> Self {
        let mut policies = Policy::ALL.into_iter();
        Self {
            rules,
            wanted: rules,
            focus: policies.position(|one| one == rules.policy).unwrap_or(0),
            is_set: false,
            unchanged: false,
        }
    }

    fn activate(&mut self) -> Step {
        match self.focus {
            RECOVERY_CODES => self.wanted.recovery_codes = !self.wanted.recovery_codes,
            SET if self.wanted == self.rules => self.unchanged = true,
            SET => {
                let draft = Draft::Rules {
                    before: self.rules,
                    wanted: self.wanted,
                };
                return Step::Open(Route::DeskAct(draft));
            }
            BACK => return Step::Close(Left::Nothing),
            policy => self.wanted.policy = Policy::ALL[policy],
        }
        Step::Stay
    }
}

impl Screen for DeskPolicyScreen {
    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        self.is_set = false;
        self.unchanged = false;
        match command {
            Command::Activate => return self.activate(),
            Command::Back => return Step::Close(Left::Nothing),
            Command::Jump(letter) => {
                let words = &context.text.desk_policy;
                let labels = [
                    "",
                    "",
                    "",
                    words.recovery_codes.as_str(),
                    &words.set,
                    &context.text.key.back,
                ];
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, ITEMS, other),
        }
        Step::Stay
    }

    fn returned(&mut self, left: Left, _context: &Context<'_>) -> Step {
        if let Left::Done(DeskReply::Rules(rules)) = left {
            self.rules = rules;
            self.wanted = rules;
            self.is_set = true;
        }
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let text = context.text;
        let words = &text.desk_policy;
        sheet.title(&words.title);
        if self.is_set {
            sheet.success(&words.is_set);
        } else if self.unchanged {
            sheet.error(&words.unchanged);
        } else {
            sheet.hint(&words.lead);
        }
        sheet.gap();
        for (number, policy) in Policy::ALL.into_iter().enumerate() {
            let is_chosen = policy == self.wanted.policy;
            let in_force = policy == self.rules.policy;
            let aside = if in_force {
                words.in_force.as_str()
            } else {
                ""
            };
            sheet.radio(name(policy, text), is_chosen, aside, self.focus == number);
            sheet.meaning(meaning(policy, text));
        }
        sheet.gap();
        let aside = if self.rules.recovery_codes {
            &words.codes_on
        } else {
            &words.codes_off
        };
        sheet.checkbox(
            &words.recovery_codes,
            self.wanted.recovery_codes,
            aside,
            self.focus == RECOVERY_CODES,
        );
        sheet.meaning(&words.recovery_codes_meaning);
        sheet.gap();
        sheet.buttons(&[
            (&words.set, self.focus == SET),
            (&text.key.back, self.focus == BACK),
        ]);
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let area = frame::paint_wide(frame, context, &self.hints(context));
        let mut sheet = Sheet::new(context.theme, area.width);
        self.sheet(&mut sheet, context);
        sheet.paint(frame, area, 0);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.key.choose, Some(&text.key.back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_policy
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
