//! A recovery code in place of the phone's: typed from paper, judged only when it is whole.

use std::time::Duration;

use super::STEPS;
use crate::{
    domain::{
        AccountKey, idle::Presence, keyboard_code::KeyboardCodeError, recovery::RecoveryCode,
    },
    tui::{
        Now, Request,
        context::Context,
        route::Route,
        screen::{Attempt, FormScreen, Refusal, Screen, Step, form_of, write_working},
        text::{Text, fill},
        widget::{
            form::{Change, Form, Items, Sentence, items},
            sheet::Sheet,
        },
    },
};

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Code,
    Login,
    Phone,
}

/// The most characters of one code, with room for what people put between its symbols.
const LONGEST: usize = 40;

/// Columns of the field: a code in its groups, and a few more.
const COLUMNS: usize = 20;

/// The form for a recovery code of an account whose password was right.
#[derive(Debug)]
pub struct RecoveryScreen {
    account: AccountKey,
    /// Two codes of the phone will do too.
    two_codes: bool,
    form: Form<Item>,
    attempt: Attempt,
}

impl RecoveryScreen {
    pub fn new(account: AccountKey, two_codes: bool) -> Self {
        Self {
            account,
            two_codes,
            form: Form::new(Item::Code).secret(Item::Code, LONGEST),
            attempt: Attempt::default(),
        }
    }

    /// Sends a whole code; anything else is told, and costs nothing. What was typed stays until it is accepted, so that
    /// one wrong letter of twelve is corrected and not typed anew.
    fn submit(&mut self, now: Now) -> Step {
        self.form.focus(Item::Code);
        match RecoveryCode::parse(self.form.value(Item::Code)) {
            Ok(code) if self.attempt.may_try(now) => Step::Ask(Request::CheckRecoveryCode(code)),
            Ok(_) => Step::Stay,
            Err(error) => {
                self.form.refuse(Item::Code, code_words(error));
                Step::Stay
            }
        }
    }

    /// To the code of the phone. Only somebody with codes left has come here, and they have them still.
    fn to_phone(&self) -> Step {
        Step::Go(Route::Passcode {
            account: self.account.clone(),
            pending: false,
            recovery: true,
            // Whoever has been here has had the time.
            spent_until: None,
            two_codes: self.two_codes,
        })
    }
}

/// What is wrong with what was typed as a recovery code.
fn code_words(error: KeyboardCodeError) -> Sentence {
    match error {
        KeyboardCodeError::Empty => |text| text.recovery.empty.clone(),
        KeyboardCodeError::TooShort | KeyboardCodeError::TooLong | KeyboardCodeError::NoSymbol => {
            |text| {
                let length = RecoveryCode::LENGTH.to_string();
                fill(&text.recovery.no_code, &[("n", &length)])
            }
        }
    }
}

impl FormScreen for RecoveryScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, common) = (&context.text.recovery, &context.text.common);
        let items = [
            items::field(Item::Code, &words.label, COLUMNS).copied(),
            items::button(Item::Login, &common.login),
            items::link(Item::Phone, &words.phone),
        ];
        let items = items.map(|item| item.enter(&common.login));
        Items::new(items).esc(&context.text.key.back)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Code | Item::Login => self.submit(context.now),
            Item::Phone => self.to_phone(),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.to_phone()
    }

    /// A paste is looked at at once.
    fn changed(&mut self, _item: Item, change: Change, _context: &Context<'_>) -> Step {
        if change == Change::Pasted {
            match RecoveryCode::parse(self.form.value(Item::Code)) {
                Ok(_) => self.form.focus(Item::Login),
                Err(error) => self.form.refuse(Item::Code, code_words(error)),
            }
        }
        Step::Stay
    }
}

impl Screen for RecoveryScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.form.focus(Item::Code);
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.recovery;
        let account = self.account.user_id.as_str();
        sheet.step_title(&words.title, &context.text.step(4, STEPS));
        sheet.hint(&fill(&words.lead, &[("account", account)]));
        sheet.gap();
        let form = self.view(context);
        form.write(sheet, Item::Code);
        form.write_actions(sheet);
        self.attempt.write(sheet, context, |sheet| {
            sheet.refusal(&words.rejected);
            sheet.message_bullet(&words.check_paper);
            sheet.message_bullet(&words.check_newest);
            sheet.message_bullet(&words.check_used);
        });
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.recovery
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
