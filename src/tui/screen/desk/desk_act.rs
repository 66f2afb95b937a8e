//! The form before an officer's act: what will be done and to whom, why, what was seen to know the person, and a fresh
//! code of the officer's own phone where one is wanted.
//!
//! Enter in a field only moves on; an act wants its own button, below the question, and an Enter of its own.

use std::time::Duration;

use super::{draft::Draft, rule_words::change_lines};
use crate::{
    domain::{
        EmailAddress,
        idle::Presence,
        officer::{ActKind, Declined, Order, Statement, StatementError},
    },
    tui::{
        DeskReply, DeskRequest, Now, Request,
        context::Context,
        screen::{
            Attempt, FormScreen, Left, Refusal, Screen, Step, form_of, fresh_code::FreshCode,
            reset::reset_request::email_words, write_working,
        },
        text::Text,
        widget::{
            form::{Change, Form, Items, Sentence, View, items},
            sheet::Sheet,
        },
    },
};

/// Columns of the fields' labels.
const LABELS: usize = 22;

/// Columns of the fields.
const FIELD: usize = 64;

/// Writes why a request was refused, in an officer's words where they differ from everybody's.
pub fn write_refusal(attempt: &Attempt, sheet: &mut Sheet, context: &Context<'_>) {
    match refused_words(attempt.last(), context.text) {
        Some(words) => sheet.refusal(words),
        None => attempt.write(sheet, context, |_| {}),
    }
}

/// What people are sent to an officer for.
fn refused_words(refused: Option<Refusal>, text: &'static Text) -> Option<&'static str> {
    match refused {
        Some(Refusal::Held) => Some(&text.desk_act.officer_held),
        Some(Refusal::Unavailable) => Some(&text.desk_act.unavailable),
        Some(Refusal::Away) => Some(&text.common.away),
        _ => None,
    }
}

/// Why an order is not carried out, in words.
pub fn declined_words(why: Declined, text: &'static Text) -> &'static str {
    let words = &text.desk_act;
    match why {
        Declined::OwnAccount => &words.own_account,
        Declined::Gone => &words.gone,
        Declined::NothingToDo => &words.nothing_to_do,
        Declined::Held => &words.held,
        Declined::IdentityWanted => &words.identity_wanted,
    }
}

/// The form before one act.
#[derive(Debug)]
pub struct DeskActScreen {
    draft: Draft,
    form: Form<Item>,
    fresh: FreshCode<Item>,
    declined: Option<Declined>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Email,
    Reason,
    Seen,
    Code,
    Confirm,
    Cancel,
}

/// What is wrong with a reason, or with what was seen.
fn statement_words(error: StatementError) -> Sentence {
    match error {
        StatementError::TooShort => |text| text.desk_act.too_short.clone(),
        StatementError::TooLong => |text| text.desk_act.too_long.clone(),
        StatementError::Control => |text| text.desk_act.control.clone(),
    }
}

impl DeskActScreen {
    pub fn new(draft: Draft) -> Self {
        let focus = match draft.wants_email() {
            true => Item::Email,
            false => Item::Reason,
        };
        Self {
            draft,
            form: Form::new(focus)
                .text(Item::Email, EmailAddress::MAX_BYTES, "")
                .text(Item::Reason, Statement::MAX_CHARS, "")
                .text(Item::Seen, Statement::MAX_CHARS, ""),
            fresh: FreshCode::new(Item::Code),
            declined: None,
        }
    }

    fn submit(&mut self, now: Now) -> Step {
        self.declined = None;
        let typed = self.form.value(Item::Email);
        let email = self.draft.wants_email().then(|| EmailAddress::parse(typed));
        let email = email.transpose().map_err(|_| email_words(typed));
        let statement = |item| Statement::parse(self.form.value(item)).map_err(statement_words);
        let reason = statement(Item::Reason);
        let wants_identity = self.draft.wants_identity();
        let seen = wants_identity.then(|| statement(Item::Seen)).transpose();
        self.form.judge([
            (Item::Email, email.as_ref().err().copied()),
            (Item::Reason, reason.as_ref().err().copied()),
            (Item::Seen, seen.as_ref().err().copied()),
        ]);
        let (Ok(email), Ok(reason), Ok(seen)) = (email, reason, seen) else {
            return Step::Stay;
        };
        let Some(act) = self.draft.act(email) else {
            return Step::Stay;
        };
        self.fresh.ask(&mut self.form, now, |passcode| {
            Request::Desk(DeskRequest::CarryOut(Box::new(Order {
                act,
                reason,
                seen,
                passcode,
            })))
        })
    }

    fn write_effects(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.desk_act;
        match &self.draft {
            Draft::Account(_, _, act) => {
                sheet.bullet(&context.text.account_act.of(*act).effect);
                if *act != ActKind::CorrectEmail {
                    sheet.bullet(&words.told);
                }
            }
            Draft::Rules { before, wanted } => {
                for line in change_lines(*before, *wanted, context.text) {
                    sheet.bullet(&line);
                }
                sheet.bullet(&words.set_rules_effect);
            }
        }
    }

    fn write_code(&self, sheet: &mut Sheet, form: &View<'_, Item>, context: &Context<'_>) {
        let words = &context.text.desk_act;
        if self.fresh.is_wanted() {
            sheet.gap();
            if self.fresh.refusal().is_none() {
                sheet.paragraph(&words.fresh);
            }
        }
        let officers = refused_words(self.fresh.refusal(), context.text);
        match officers {
            Some(refused) => {
                form.write(sheet, Item::Code);
                sheet.refusal(refused);
            }
            None => self.fresh.write(sheet, form, context, &words.rejected),
        }
    }
}

impl FormScreen for DeskActScreen {
    form_of!(Item, fresh);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (draft, text) = (&self.draft, context.text);
        let words = &text.desk_act;
        let field = |item, label| items::field(item, label, FIELD).in_row();
        let email = draft.wants_email();
        let seen = draft.wants_identity();
        let items = [
            email.then(|| field(Item::Email, &words.email)),
            Some(field(Item::Reason, &words.reason)),
            seen.then(|| field(Item::Seen, &words.seen)),
            self.fresh.item(text),
            Some(items::button(Item::Confirm, draft.button(text)).grave()),
            Some(items::button(Item::Cancel, &text.common.cancel)),
        ];
        Items::new(items.into_iter().flatten()).esc(&text.common.cancel)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Cancel => self.back(context),
            _ => self.submit(context.now),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }

    fn changed(&mut self, _item: Item, change: Change, _context: &Context<'_>) -> Step {
        self.declined = None;
        match change {
            // The sixth digit submits nothing: an act wants its own key.
            Change::Completed => {
                self.form.focus(Item::Confirm);
                Step::Stay
            }
            Change::Typed | Change::Pasted => Step::Stay,
        }
    }
}

impl Screen for DeskActScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.fresh.refused(refusal, &mut self.form, context.now);
    }

    fn desk(&mut self, reply: DeskReply, _context: &Context<'_>) -> Step {
        let DeskReply::Declined(why) = reply else {
            return Step::Close(Left::Done(reply));
        };
        // The code that came with it has been taken: the login is fresh now.
        self.fresh.taken(&mut self.form);
        self.declined = Some(why);
        self.form.focus(match why {
            Declined::IdentityWanted if self.draft.wants_identity() => Item::Seen,
            _ => Item::Cancel,
        });
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let text = context.text;
        let form = self.view(context);
        sheet.title(&self.draft.title(text));
        self.write_effects(sheet, context);
        sheet.gap();
        sheet.name_columns(LABELS);
        form.write(sheet, Item::Email);
        form.write(sheet, Item::Reason);
        form.write(sheet, Item::Seen);
        if self.draft.wants_identity() && form.wrong(Item::Seen).is_none() {
            sheet.field_hint(&text.desk_act.seen_hint);
        }
        self.write_code(sheet, &form, context);
        if let Some(why) = self.declined {
            sheet.refusal(declined_words(why, text));
        }
        sheet.gap();
        sheet.paragraph(&text.desk_act.question);
        form.write_buttons(sheet);
        write_working(sheet, context);
    }

    fn is_wide(&self) -> bool {
        true
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_act
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.fresh.next_tick(now)
    }
}
