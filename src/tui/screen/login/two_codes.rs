//! Two codes in the place of one: for a phone whose clock is off. Judged only when both are there.

use std::time::Duration;

use super::{STEPS, passcode::reset};
use crate::{
    domain::{AccountKey, idle::Presence, totp::PasscodePair},
    tui::{
        Now, Request,
        context::Context,
        route::Route,
        screen::{Attempt, FormScreen, Refusal, Screen, Step, form_of, write_working},
        text::{Text, fill},
        widget::{
            form::{Change, Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    First,
    /// There once the first is whole.
    Second,
    Login,
    OneCode,
    Recovery,
    Reset,
}

/// The form for two codes of an account whose password was right.
#[derive(Debug)]
pub struct TwoCodesScreen {
    account: AccountKey,
    /// A recovery code will do instead.
    recovery: bool,
    /// The field of the second code is there.
    is_open: bool,
    form: Form<Item>,
    attempt: Attempt,
}

impl TwoCodesScreen {
    pub fn new(account: AccountKey, recovery: bool) -> Self {
        Self {
            account,
            recovery,
            is_open: false,
            form: Form::new(Item::First).code(Item::First),
            attempt: Attempt::default(),
        }
    }

    /// Sends two whole codes; anything else is told, and costs nothing. So does the same code twice: nobody but whoever is
    /// too quick types it.
    fn submit(&mut self, now: Now) -> Step {
        let Some(first) = self.form.judge_code(Item::First) else {
            self.form.focus(Item::First);
            return Step::Stay;
        };
        if !self.is_open {
            self.is_open = true;
            self.form.add_code(Item::Second);
            self.form.focus(Item::Second);
            return Step::Stay;
        }
        self.form.focus(Item::Second);
        let Some(second) = self.form.judge_code(Item::Second) else {
            return Step::Stay;
        };
        let pair = PasscodePair { first, second };
        if pair.is_one_code() {
            self.form.clear(Item::Second);
            self.form
                .refuse(Item::Second, |text| text.two_codes.same.clone());
            return Step::Stay;
        }
        if !self.attempt.may_try(now) {
            return Step::Stay;
        }
        self.form.clear(Item::First);
        self.close_second();
        self.form.focus(Item::First);
        Step::Ask(Request::CheckPair(pair))
    }

    fn close_second(&mut self) {
        self.is_open = false;
        self.form.remove(Item::Second);
    }

    /// To the one code. Whoever has come here may come again.
    fn to_one_code(&self) -> Step {
        Step::Go(Route::Passcode {
            account: self.account.clone(),
            pending: false,
            recovery: self.recovery,
            spent_until: None,
            two_codes: true,
        })
    }
}

impl FormScreen for TwoCodesScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, common) = (&context.text.two_codes, &context.text.common);
        let recovery = &context.text.passcode.recovery;
        let items = [
            Some(items::code(Item::First, &words.first)),
            self.is_open
                .then(|| items::code(Item::Second, &words.second)),
            Some(items::button(Item::Login, &common.login)),
            Some(items::link(Item::OneCode, &words.one_code)),
            self.recovery.then(|| items::link(Item::Recovery, recovery)),
            Some(items::link(Item::Reset, &common.reset_link)),
        ];
        let items = items.into_iter().flatten();
        Items::new(items.map(|item| item.enter(&common.login))).esc(&context.text.key.back)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::First | Item::Second | Item::Login => self.submit(context.now),
            Item::OneCode => self.to_one_code(),
            Item::Recovery => Step::Go(Route::Recovery {
                account: self.account.clone(),
                two_codes: true,
            }),
            Item::Reset => reset(&self.account, context),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.to_one_code()
    }

    fn changed(&mut self, item: Item, change: Change, context: &Context<'_>) -> Step {
        match (item, change) {
            (_, Change::Completed) => self.submit(context.now),
            // The second follows the first that stands there, and no other.
            (Item::First, _) => {
                self.close_second();
                Step::Stay
            }
            _ => Step::Stay,
        }
    }
}

impl Screen for TwoCodesScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.form.focus(Item::First);
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let (words, one) = (&context.text.two_codes, &context.text.passcode);
        let account = self.account.user_id.as_str();
        let form = self.view(context);
        sheet.step_title(&words.title, &context.text.step(4, STEPS));
        sheet.hint(&fill(&words.lead, &[("account", account)]));
        sheet.gap();
        sheet.paragraph(&words.step_1);
        form.write(sheet, Item::First);
        sheet.paragraph(&words.step_2);
        form.write(sheet, Item::Second);
        if !self.is_open {
            sheet.gap();
        }
        form.write_actions(sheet);
        self.attempt.write(sheet, context, |sheet| {
            sheet.refusal(&one.rejected);
            sheet.message_bullet(&words.check_order);
            sheet.message_bullet(&fill(&one.check_account, &[("account", account)]));
            sheet.message_bullet(&words.check_used);
        });
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.two_codes
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
