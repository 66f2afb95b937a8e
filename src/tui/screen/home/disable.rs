//! Switching TOTP off: asked once more, and with a fresh code when the login is older than five minutes.

use std::time::Duration;

use crate::{
    domain::{AccountKey, Policy, idle::Presence},
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

/// The question whether to switch TOTP off.
#[derive(Debug)]
pub struct DisableScreen {
    account: AccountKey,
    policy: Policy,
    fresh: FreshCode<Item>,
    form: Form<Item>,
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
        Self {
            account,
            policy,
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
        let items = [
            code.map(|item| item.enter(&text.key.choose).grave()),
            Some(
                items::button(Item::Confirm, &text.disable.confirm)
                    .grave()
                    .danger(),
            ),
            Some(items::button(Item::Cancel, &text.common.cancel)),
        ];
        Items::new(items.into_iter().flatten()).esc(&text.common.cancel)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Cancel => self.back(context),
            Item::Code | Item::Confirm => {
                let form = &mut self.form;
                self.fresh.ask(form, context.now, Request::DisableTotp)
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
        let words = &context.text.disable;
        let form = self.view(context);
        sheet.step_of(&words.title, self.step(), context.text);
        sheet.hint(&format!(
            "{}  {}",
            self.account.user_id,
            self.account.user_type.label()
        ));
        sheet.gap();
        sheet.paragraph(match self.policy {
            Policy::Required => &words.question_required,
            Policy::Enabled | Policy::Disabled => &words.question,
        });
        sheet.gap();
        if self.fresh.is_wanted() {
            sheet.paragraph(&words.fresh);
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
        &text.help.disable
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.fresh.next_tick(now)
    }
}
