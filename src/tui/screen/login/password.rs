//! The password: masked, one message whatever did not match, and the wait after failures counted down.

use std::time::Duration;

use super::STEPS;
use crate::{
    domain::{PlainPassword, UserId, UserType, idle::Presence},
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
    Password,
    /// Whether what is typed is shown.
    Show,
    Login,
}

/// The form for the password of a claimed account.
#[derive(Debug)]
pub struct PasswordScreen {
    user_type: UserType,
    user_id: UserId,
    form: Form<Item>,
    /// What is typed is shown. Never on a kiosk, where others stand around.
    is_shown: bool,
    attempt: Attempt,
}

impl PasswordScreen {
    pub fn new(user_type: UserType, user_id: UserId) -> Self {
        Self {
            user_type,
            user_id,
            form: Form::new(Item::Password).secret(Item::Password, PlainPassword::MAX_CHARS),
            is_shown: false,
            attempt: Attempt::default(),
        }
    }

    /// What to look at before the next try, and who helps: the same whatever did not match.
    fn write_ways_on(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.password;
        let user_type = [("user_type", self.user_type.label())];
        sheet.message_bullet(&fill(&words.check_type, &user_type));
        sheet.message_bullet(match context.settings.is_guest {
            true => &words.check_shown,
            false => &words.check_case,
        });
        sheet.message_bullet(&words.forgotten);
    }

    fn submit(&mut self, now: Now) -> Step {
        let typed = self.form.value(Item::Password);
        if typed.is_empty() {
            let empty = |text: &'static Text| text.password.empty.clone();
            self.form.refuse(Item::Password, empty);
            return Step::Stay;
        }
        let Some(password) = PlainPassword::typed(typed) else {
            return Step::Refused;
        };
        if !self.attempt.may_try(now) {
            return Step::Refused;
        }
        self.form.clear(Item::Password);
        self.is_shown = false;
        Step::Ask(Request::CheckPassword {
            user_type: self.user_type,
            user_id: self.user_id.clone(),
            password,
        })
    }
}

impl FormScreen for PasswordScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let field = items::field(Item::Password, &text.password.label, UserId::MAX_LENGTH);
        let show = || items::checkbox(Item::Show, &text.password.show, self.is_shown, "");
        let items = [
            Some(field.shown(self.is_shown).enter(&text.common.login)),
            context.settings.is_guest.then(show),
            Some(items::button(Item::Login, &text.common.login).enter(&text.common.login)),
        ];
        Items::new(items.into_iter().flatten()).esc(&text.key.back)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Show => {
                self.is_shown = !self.is_shown;
                Step::Stay
            }
            Item::Password | Item::Login => self.submit(context.now),
        }
    }

    /// Whoever begins anew is not looked at until they say so again.
    fn changed(&mut self, item: Item, _change: Change, _context: &Context<'_>) -> Step {
        if self.form.value(item).is_empty() {
            self.is_shown = false;
        }
        Step::Stay
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Retreat(vec![Route::UserId {
            user_type: self.user_type,
            user_id: self.user_id.to_string(),
        }])
    }
}

impl Screen for PasswordScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.form.focus(Item::Password);
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.password;
        let form = self.view(context);
        sheet.step_title(&words.title, &context.text.step(3, STEPS));
        sheet.hint(&format!("{}  {}", self.user_id, self.user_type.label()));
        sheet.gap();
        form.write(sheet, Item::Password);
        if context.settings.is_guest {
            form.write(sheet, Item::Show);
            sheet.gap();
        }
        form.write_actions(sheet);
        self.attempt
            .write(sheet, context, |sheet| sheet.refusal(&words.rejected));
        if let Some(Refusal::Rejected { .. }) = self.attempt.last() {
            self.write_ways_on(sheet, context);
        }
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.password
    }

    fn presence(&self) -> Presence {
        match self.form.value(Item::Password) {
            "" => Presence::Empty,
            _ => Presence::Form,
        }
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
