//! Switching TOTP off, or taking one of two phones away: asked once more, and with a fresh code when the login is older than
//! five minutes.

use std::time::Duration;

use super::phones::write_phones;
use crate::{
    domain::{AccountKey, Policy, authenticator::PhoneSeen, idle::Presence},
    tui::{
        Now, Request,
        context::Context,
        screen::{
            FormScreen, Left, Refusal, Screen, Step, form_of, fresh_code::FreshCode, write_working,
        },
        text::Text,
        widget::{
            form::{Change, Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// The question whether to switch TOTP off, or to take a phone away.
#[derive(Debug)]
pub struct DisableScreen {
    account: AccountKey,
    what: What,
    fresh: FreshCode<Item>,
    form: Form<Item>,
}

/// What is not to be in force any more.
#[derive(Debug, Clone)]
enum What {
    /// TOTP, under this policy.
    Totp(Policy),
    /// One of two phones.
    Phone(PhoneSeen),
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Code,
    Confirm,
    Cancel,
}

impl DisableScreen {
    pub fn new(account: AccountKey, policy: Policy) -> Self {
        Self::of(account, What::Totp(policy))
    }

    /// Of one of two phones.
    pub fn of_phone(account: AccountKey, phone: PhoneSeen) -> Self {
        Self::of(account, What::Phone(phone))
    }

    fn of(account: AccountKey, what: What) -> Self {
        Self {
            account,
            what,
            fresh: FreshCode::new(Item::Code),
            // What costs nothing is in focus.
            form: Form::new(Item::Cancel),
        }
    }
}

impl FormScreen for DisableScreen {
    form_of!(Item, fresh);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let code = self.fresh.item(text);
        let confirm = match self.what {
            What::Totp(_) => &text.disable.confirm,
            What::Phone(_) => &text.phones.remove,
        };
        let items = [
            code.map(|item| item.enter(&text.key.choose).grave()),
            Some(items::button(Item::Confirm, confirm).grave().danger()),
            Some(items::button(Item::Cancel, &text.common.cancel)),
        ];
        Items::new(items.into_iter().flatten()).esc(&text.common.cancel)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Cancel => self.back(context),
            Item::Code | Item::Confirm => {
                let what = self.what.clone();
                let request = |passcode| match what {
                    What::Totp(_) => Request::DisableTotp(passcode),
                    What::Phone(phone) => Request::RemovePhone { phone, passcode },
                };
                self.fresh.ask(&mut self.form, context.now, request)
            }
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }

    fn changed(&mut self, _item: Item, change: Change, _context: &Context<'_>) -> Step {
        // The sixth digit does not submit here: switching protection off wants its own key.
        if change == Change::Completed {
            self.form.focus(Item::Confirm);
        }
        Step::Stay
    }
}

impl Screen for DisableScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.fresh.refused(refusal, &mut self.form, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let (words, phones) = (&context.text.disable, &context.text.phones);
        let form = self.view(context);
        let title = match self.what {
            What::Totp(_) => &words.title,
            What::Phone(_) => &phones.title_remove,
        };
        sheet.step_of(title, self.step(), context.text);
        sheet.hint(&format!(
            "{}  {}",
            self.account.user_id,
            self.account.user_type.label()
        ));
        sheet.gap();
        match &self.what {
            What::Totp(Policy::Required) => sheet.paragraph(&words.question_required),
            What::Totp(Policy::Enabled | Policy::Disabled) => sheet.paragraph(&words.question),
            What::Phone(phone) => {
                write_phones(sheet, std::slice::from_ref(phone), context);
                sheet.gap();
                sheet.paragraph(&phones.question);
            }
        }
        sheet.gap();
        if self.fresh.is_wanted() {
            sheet.paragraph(match self.what {
                What::Totp(_) => &words.fresh,
                What::Phone(_) => &phones.fresh,
            });
        }
        let rejected = &context.text.enrollment.rejected;
        self.fresh.write(sheet, &form, context, rejected);
        form.write(sheet, Item::Confirm);
        form.write(sheet, Item::Cancel);
        write_working(sheet, context);
    }

    fn step(&self) -> Option<(usize, usize)> {
        self.fresh.step()
    }

    fn help(&self, text: &'static Text) -> &'static str {
        match self.what {
            What::Totp(_) => &text.help.disable,
            What::Phone(_) => &text.help.phones,
        }
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.fresh.next_tick(now)
    }
}
