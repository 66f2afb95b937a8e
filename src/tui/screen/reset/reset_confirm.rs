//! `Konfirmasi Reset TOTP`: the link or the short code of a letter, then whose TOTP it resets, and `OK`.
//!
//! Nothing is reset by finding it: between the form and the reset stands the question, as in the browser.

use std::time::Duration;

use super::STEPS;
use crate::{
    domain::{
        UserType,
        idle::Presence,
        reset::{LONGEST_PASTE, ResetSecret, ShortCode, Void},
    },
    tui::{
        Now, Request,
        context::Context,
        route::{Route, Waiting},
        screen::{Attempt, FormScreen, Left, Refusal, Screen, Step, form_of, write_working},
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
    Secret,
    Next,
    /// To the form for another letter.
    NewRequest,
    Confirm,
    Cancel,
}

/// The form for a link or a short code, and the question that follows.
#[derive(Debug)]
pub struct ResetConfirmScreen {
    form: Form<Item>,
    void: Option<Void>,
    found: Option<Found>,
    attempt: Attempt,
    over: Waiting,
}

/// Whose TOTP will be reset.
#[derive(Debug)]
struct Found {
    user_type: UserType,
    masked_id: String,
}

impl ResetConfirmScreen {
    /// The empty form; Esc leads to what waits below, or to the menu.
    pub fn new(over: Waiting) -> Self {
        Self {
            form: Form::new(Item::Secret).secret(Item::Secret, LONGEST_PASTE),
            void: None,
            found: None,
            attempt: Attempt::default(),
            over,
        }
    }

    /// The form with the code of a letter that was read right here.
    pub fn with_code(over: Waiting, code: &ShortCode) -> Self {
        let mut screen = Self::new(over);
        screen.form.fill(Item::Secret, &code.grouped());
        screen.form.focus(Item::Next);
        screen
    }

    /// The question whether to reset the TOTP that was found.
    pub fn found(user_type: UserType, masked_id: String) -> Self {
        let mut screen = Self::new(Waiting::Nothing);
        screen.found = Some(Found {
            user_type,
            masked_id,
        });
        // What costs nothing is in focus: a key held down at the form must not reset anything.
        screen.form.focus(Item::Cancel);
        screen
    }

    /// What was typed, if it can be read; otherwise what is wrong with it: it is neither a link nor a code.
    fn read(&self) -> Result<ResetSecret, Sentence> {
        let typed = self.form.value(Item::Secret).trim();
        let wrong: Sentence = if typed.is_empty() {
            |text| text.reset_confirm.empty.clone()
        } else if typed.contains(['?', '/', '=']) {
            // It looks like a link of which something is missing.
            |text| text.reset_confirm.no_link.clone()
        } else {
            |text| {
                let length = ShortCode::LENGTH.to_string();
                fill(&text.reset_confirm.no_code, &[("n", &length)])
            }
        };
        ResetSecret::typed(typed).ok_or(wrong)
    }

    fn find(&mut self, now: Now) -> Step {
        match self.read() {
            Ok(secret) if self.attempt.may_try(now) => {
                self.void = None;
                Step::Ask(Request::FindReset(secret))
            }
            Ok(_) => Step::Stay,
            Err(wrong) => {
                self.void = None;
                self.form.refuse(Item::Secret, wrong);
                Step::Stay
            }
        }
    }

    fn confirm(&mut self, now: Now) -> Step {
        match self.attempt.may_try(now) {
            true => Step::Ask(Request::ConfirmReset),
            false => Step::Stay,
        }
    }

    fn new_request(&self) -> Step {
        match self.over {
            Waiting::RequestForm => Step::Close(Left::Nothing),
            Waiting::Nothing | Waiting::Screen => {
                let user_type = UserType::Penyedia;
                let below = Route::UserId {
                    user_type,
                    user_id: String::new(),
                };
                let form = Route::ResetRequest {
                    user_type,
                    user_id: String::new(),
                };
                Step::Replace(vec![below, form])
            }
        }
    }

    fn write_form(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_confirm;
        let form = self.view(context);
        sheet.hint(&words.lead);
        sheet.gap();
        form.write(sheet, Item::Secret);
        match self.void {
            None => {}
            Some(Void::Unknown) => sheet.refusal(&words.unknown),
            Some(Void::Used) => sheet.refusal(&words.used),
            Some(Void::Expired) => sheet.refusal(&words.expired),
        }
        self.attempt
            .write(sheet, context, |sheet| sheet.refusal(&words.unknown));
        write_working(sheet, context);
        sheet.gap();
        form.write(sheet, Item::Next);
        if context.settings.reset_by_mail {
            sheet.gap();
            form.write(sheet, Item::NewRequest);
        }
    }

    fn write_question(&self, found: &Found, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_confirm;
        sheet.gap();
        sheet.paragraph(&words.effects);
        sheet.bullet(&words.effect_totp);
        sheet.bullet(&words.effect_logins);
        sheet.bullet(&words.effect_password);
        sheet.gap();
        // Right above the buttons, so that even the lowest terminal shows whose it is together with them.
        let title = context.theme.title;
        sheet.paragraph(&words.question);
        sheet.pair(&context.text.user_id.label, &found.masked_id, title);
        let user_type = found.user_type.label();
        sheet.pair(&context.text.reset_request.user_type, user_type, title);
        sheet.gap();
        self.attempt.write(sheet, context, |_| {});
        self.view(context).write_all(sheet, |_| true);
        write_working(sheet, context);
    }
}

impl FormScreen for ResetConfirmScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let words = &text.reset_confirm;
        if self.found.is_some() {
            let confirm = items::button(Item::Confirm, &words.confirm).grave();
            let cancel = items::button(Item::Cancel, &text.common.cancel);
            return Items::new([confirm, cancel]).esc(&text.common.cancel);
        }
        let field = items::field(Item::Secret, &words.label, LONGEST_PASTE).copied();
        let by_mail = context.settings.reset_by_mail;
        let items = [
            Some(field.enter(&text.key.next)),
            Some(items::button(Item::Next, &text.key.next).enter(&text.key.next)),
            by_mail.then(|| items::link(Item::NewRequest, &words.new_request)),
        ];
        Items::new(items.into_iter().flatten()).esc(&text.key.back)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Secret | Item::Next => self.find(context.now),
            Item::NewRequest => self.new_request(),
            Item::Confirm => self.confirm(context.now),
            Item::Cancel => self.back(context),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        if self.found.is_some() {
            // What was found is dropped with the way back.
            return Step::Retreat(vec![Route::ResetConfirm {
                over: Waiting::Nothing,
                code: None,
            }]);
        }
        match self.over {
            Waiting::Nothing => Step::Finish,
            Waiting::Screen | Waiting::RequestForm => Step::Close(Left::Nothing),
        }
    }

    /// A paste is judged at once.
    fn changed(&mut self, _item: Item, change: Change, _context: &Context<'_>) -> Step {
        self.void = None;
        if change == Change::Pasted {
            match self.read() {
                Ok(_) => self.form.focus(Item::Next),
                Err(wrong) => self.form.refuse(Item::Secret, wrong),
            }
        }
        Step::Stay
    }
}

impl Screen for ResetConfirmScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        if let Refusal::ResetVoid(why) = refusal {
            self.found = None;
            self.void = Some(why);
            if why != Void::Unknown {
                // There is nothing to correct in it.
                self.form.clear(Item::Secret);
            }
        }
        if self.found.is_none() {
            self.form.focus(match self.void {
                Some(Void::Expired) if context.settings.reset_by_mail => Item::NewRequest,
                _ => Item::Secret,
            });
        }
        self.attempt.refused(refusal, context.now);
    }

    fn user_type(&self) -> Option<UserType> {
        self.found.as_ref().map(|found| found.user_type)
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let step = context.text.step(3, STEPS);
        sheet.step_title(&context.text.reset_confirm.title, &step);
        match &self.found {
            None => self.write_form(sheet, context),
            Some(found) => self.write_question(found, sheet, context),
        }
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_confirm
    }

    fn presence(&self) -> Presence {
        if self.found.is_some() {
            Presence::LoggedIn
        } else if self.form.value(Item::Secret).is_empty() {
            // The letter is being looked for on a phone; there is nothing here to protect.
            Presence::Reading
        } else {
            // It is being copied from there.
            Presence::LongForm
        }
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
