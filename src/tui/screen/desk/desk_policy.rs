//! The rules of login: what the three policies mean, which is in force, and the way to another.

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
        screen::{FormScreen, Left, Screen, Step, form_of},
        text::Text,
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Policy(Policy),
    RecoveryCodes,
    Set,
    Back,
}

/// The rules in force, and those that are chosen here.
#[derive(Debug)]
pub struct DeskPolicyScreen {
    rules: LoginRules,
    wanted: LoginRules,
    form: Form<Item>,
    is_set: bool,
    /// `Ubah` was pressed, and there is nothing to change.
    unchanged: bool,
}

impl DeskPolicyScreen {
    pub fn new(rules: LoginRules) -> Self {
        Self {
            rules,
            wanted: rules,
            form: Form::new(Item::Policy(rules.policy)),
            is_set: false,
            unchanged: false,
        }
    }

    fn set(&mut self) -> Step {
        if self.wanted == self.rules {
            self.unchanged = true;
            return Step::Stay;
        }
        Step::Open(Route::DeskAct(Draft::Rules {
            before: self.rules,
            wanted: self.wanted,
        }))
    }
}

impl FormScreen for DeskPolicyScreen {
    form_of!(Item);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let words = &text.desk_policy;
        let policies = Policy::ALL.map(|policy| {
            let in_force = match policy == self.rules.policy {
                true => words.in_force.as_str(),
                false => "",
            };
            let is_chosen = policy == self.wanted.policy;
            items::radio(
                Item::Policy(policy),
                name(policy, text),
                is_chosen,
                in_force,
            )
        });
        let in_force = match self.rules.recovery_codes {
            true => &words.codes_on,
            false => &words.codes_off,
        };
        let on = self.wanted.recovery_codes;
        let others = [
            items::checkbox(Item::RecoveryCodes, &words.recovery_codes, on, in_force),
            items::button(Item::Set, &words.set),
            items::button(Item::Back, &text.key.back),
        ];
        Items::new(policies.into_iter().chain(others)).esc(&text.key.back)
    }

    fn before(&mut self, _command: Command, _context: &Context<'_>) -> Option<Step> {
        self.is_set = false;
        self.unchanged = false;
        None
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Policy(policy) => self.wanted.policy = policy,
            Item::RecoveryCodes => self.wanted.recovery_codes = !self.wanted.recovery_codes,
            Item::Set => return self.set(),
            Item::Back => return self.back(context),
        }
        Step::Stay
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }
}

impl Screen for DeskPolicyScreen {
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
            sheet.refusal(&words.unchanged);
        }
        sheet.hint(&words.lead);
        sheet.gap();
        let form = self.view(context);
        for policy in Policy::ALL {
            form.write(sheet, Item::Policy(policy));
            sheet.meaning(meaning(policy, text));
        }
        sheet.gap();
        form.write(sheet, Item::RecoveryCodes);
        sheet.meaning(&words.recovery_codes_meaning);
        sheet.gap();
        form.write_buttons(sheet);
    }

    fn is_wide(&self) -> bool {
        true
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_policy
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
