//! The form before an officer's act: what will be done and to whom, why, what was seen to know the person, and a fresh
//! code of the officer's own phone where one is wanted.
//!
//! Enter in a field only moves on; an act that changes something wants its own button, below the question, and an Enter of
//! its own.

use std::time::Duration;

use ratatui::Frame;

use super::{
    draft::{ActKind, Draft},
    rule_words::change_lines,
};
use crate::{
    domain::{
        EmailAddress, TimeStep,
        idle::Presence,
        officer::{Declined, Order, Statement, StatementError},
    },
    tui::{
        DeskReply, DeskRequest, Now, Request,
        command::{Command, Edit},
        context::Context,
        screen::{
            Attempt, Left, Refused, Screen, Step, entry::PasscodeEntry, jumped, moved, next_second,
            usual_hints, write_working,
        },
        text::{Text, fill},
        widget::{
            field::TextField,
            frame::{self, KeyHint},
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
        Some(words) => sheet.error(words),
        None => attempt.write(sheet, context, |_| {}),
    }
}

/// What people are sent to an officer for.
fn refused_words(refused: Option<Refused>, text: &'static Text) -> Option<&'static str> {
    match refused {
        Some(Refused::Held) => Some(&text.desk_act.officer_held),
        Some(Refused::Unavailable) => Some(&text.desk_act.unavailable),
        Some(Refused::Away) => Some(&text.common.away),
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
    email: TextField,
    reason: TextField,
    seen: TextField,
    /// A fresh code is wanted.
    entry: Option<PasscodeEntry>,
    focus: Item,
    wrong: Wrong,
    declined: Option<Declined>,
    attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Email,
    Reason,
    Seen,
    Code,
    Confirm,
    Cancel,
}

/// What is wrong with each field.
#[derive(Debug, Default)]
struct Wrong {
    email: Option<EmailWrong>,
    reason: Option<StatementError>,
    seen: Option<StatementError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmailWrong {
    Empty,
    Form,
}

impl DeskActScreen {
    pub fn new(draft: Draft) -> Self {
        Self {
            focus: if draft.wants_email() {
                Item::Email
            } else {
                Item::Reason
            },
            draft,
            email: TextField::new(EmailAddress::MAX_BYTES),
            reason: TextField::new(Statement::MAX_CHARS),
            seen: TextField::new(Statement::MAX_CHARS),
            entry: None,
            wrong: Wrong::default(),
            declined: None,
            attempt: Attempt::default(),
        }
    }

    fn items(&self) -> Vec<Item> {
        let items = [
            (Item::Email, self.draft.wants_email()),
            (Item::Reason, true),
            (Item::Seen, self.draft.wants_identity()),
            (Item::Code, self.entry.is_some()),
            (Item::Confirm, true),
            (Item::Cancel, true),
        ];
        let wanted = items.into_iter().filter(|(_, is_wanted)| *is_wanted);
        wanted.map(|(item, _)| item).collect()
    }

    fn edit(&mut self, edit: Edit, now: Now) -> Step {
        match self.focus {
            Item::Email => {
                self.wrong.email = None;
                self.email.edit(edit);
            }
            Item::Reason => {
                self.wrong.reason = None;
                self.reason.edit(edit);
            }
            Item::Seen => {
                self.wrong.seen = None;
                self.seen.edit(edit);
            }
            Item::Code => {
                if self.entry.as_mut().is_some_and(|entry| entry.edit(edit)) {
                    return self.code_typed(now);
                }
            }
            Item::Confirm | Item::Cancel => {}
        }
        Step::Stay
    }

    /// The sixth digit submits nothing that changes something: that wants its own key.
    fn code_typed(&mut self, now: Now) -> Step {
        if self.draft.is_a_look() {
            return self.submit(now);
        }
        self.focus = Item::Confirm;
        Step::Stay
    }

    fn submit(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        self.declined = None;
        let email = self.draft.wants_email().then(|| {
            let typed = self.email.value();
            EmailAddress::parse(typed).map_err(|_| match typed.trim() {
                "" => EmailWrong::Empty,
                _ => EmailWrong::Form,
            })
        });
        let email = email.transpose();
        let reason = Statement::parse(self.reason.value());
        let seen = self.draft.wants_identity();
        let seen = seen
            .then(|| Statement::parse(self.seen.value()))
            .transpose();
        self.wrong = Wrong {
            email: email.as_ref().err().copied(),
            reason: reason.as_ref().err().copied(),
            seen: seen.as_ref().err().copied(),
        };
        let (email, reason, seen) = match (email, reason, seen) {
            (Ok(email), Ok(reason), Ok(seen)) => (email, reason, seen),
            (email, reason, _) => {
                self.focus = match (email, reason) {
                    (Err(_), _) => Item::Email,
                    (_, Err(_)) => Item::Reason,
                    _ => Item::Seen,
                };
                return Step::Stay;
            }
        };
        let passcode = match &mut self.entry {
            None => None,
            Some(entry) => match entry.submit(now) {
                Some(passcode) => Some(passcode),
                None => {
                    self.focus = Item::Code;
                    return Step::Stay;
                }
            },
        };
        let Some(act) = self.draft.act(email) else {
            return Step::Stay;
        };
        self.attempt = Attempt::default();
        Step::Ask(Request::Desk(DeskRequest::CarryOut(Box::new(Order {
            act,
            reason,
            seen,
            passcode,
        }))))
    }

    fn label(&self, item: Item, text: &'static Text) -> &'static str {
        match item {
            Item::Confirm => self.draft.button(text),
            Item::Cancel => &text.common.cancel,
            Item::Email | Item::Reason | Item::Seen | Item::Code => "",
        }
    }

    fn write_effects(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.desk_act;
        match &self.draft {
            Draft::Account(_, _, act) => {
                sheet.bullet(act.effect(context.text));
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
            Draft::Outbox => sheet.bullet(&words.read_outbox_effect),
            Draft::Audit => sheet.bullet(&words.read_audit_effect),
        }
    }

    fn write_fields(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.desk_act;
        sheet.name_columns(LABELS);
        let statement = |wrong| match wrong {
            StatementError::TooShort => &words.too_short,
            StatementError::TooLong => &words.too_long,
            StatementError::Control => &words.control,
        };
        if self.draft.wants_email() {
            let focused = self.focus == Item::Email;
            sheet.row_field(&words.email, &self.email, FIELD, focused);
            match self.wrong.email {
                Some(EmailWrong::Empty) => sheet.error(&context.text.reset_request.email_empty),
                Some(EmailWrong::Form) => sheet.error(&context.text.reset_request.email_form),
                None => {}
            }
        }
        let focused = self.focus == Item::Reason;
        sheet.row_field(&words.reason, &self.reason, FIELD, focused);
        if let Some(wrong) = self.wrong.reason {
            sheet.error(statement(wrong));
        }
        if self.draft.wants_identity() {
            let focused = self.focus == Item::Seen;
            sheet.row_field(&words.seen, &self.seen, FIELD, focused);
            match self.wrong.seen {
                Some(wrong) => sheet.error(statement(wrong)),
                None => sheet.field_hint(&words.seen_hint),
            }
        }
    }

    fn write_code(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.desk_act;
        let Some(entry) = &self.entry else {
            return write_refusal(&self.attempt, sheet, context);
        };
        sheet.gap();
        if !entry.was_refused() {
            sheet.paragraph(&words.fresh);
        }
        entry.write_field(sheet, context, self.focus == Item::Code);
        if let Some(refused) = refused_words(entry.refusal(), context.text) {
            return sheet.error(refused);
        }
        let left = TimeStep::seconds_left(context.now.wall);
        let said = context.text.duration(Duration::from_secs(left));
        entry.write_refusal(sheet, context, |sheet| {
            sheet.error(&fill(&words.rejected, &[("seconds", &said)]));
        });
    }
}

impl Screen for DeskActScreen {
    fn typing(&self) -> bool {
        !matches!(self.focus, Item::Confirm | Item::Cancel)
    }

    fn is_grave(&self) -> bool {
        self.focus == Item::Confirm && !self.draft.is_a_look()
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items();
        let position = items.iter().position(|item| *item == self.focus);
        let position = position.unwrap_or(0);
        match command {
            Command::Activate => match self.focus {
                Item::Confirm => return self.submit(context.now),
                Item::Cancel => return Step::Close(Left::Nothing),
                Item::Email | Item::Reason | Item::Seen | Item::Code => {
                    let next = items[position + 1];
                    if next == Item::Confirm && self.draft.is_a_look() {
                        return self.submit(context.now);
                    }
                    self.focus = next;
                }
            },
            Command::Back => return Step::Close(Left::Nothing),
            Command::Edit(edit) => return self.edit(edit, context.now),
            Command::Jump(letter) => {
                let labels: Vec<_> = items
                    .iter()
                    .map(|item| self.label(*item, context.text))
                    .collect();
                if let Some(item) = jumped(position, &labels, letter) {
                    self.focus = items[item];
                }
            }
            other => self.focus = items[moved(position, items.len(), other)],
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, context: &Context<'_>) -> Step {
        match self.focus {
            Item::Email => self.email.paste(text),
            Item::Reason => self.reason.paste(text),
            Item::Seen => self.seen.paste(text),
            Item::Code => {
                if self.entry.as_mut().is_some_and(|entry| entry.paste(text)) {
                    return self.code_typed(context.now);
                }
            }
            Item::Confirm | Item::Cancel => {}
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        if refusal == Refused::FreshPasscodeWanted {
            self.entry = Some(PasscodeEntry::default());
            self.focus = Item::Code;
            return;
        }
        match &mut self.entry {
            Some(entry) => {
                self.focus = Item::Code;
                entry.refused(refusal, context.now);
            }
            None => self.attempt.refused(refusal, context.now),
        }
    }

    fn desk(&mut self, reply: DeskReply, _context: &Context<'_>) -> Step {
        let DeskReply::Declined(why) = reply else {
            return Step::Close(Left::Done(reply));
        };
        // The code that came with it has been taken: the login is fresh now.
        self.entry = None;
        self.declined = Some(why);
        self.focus = match why {
            Declined::IdentityWanted if self.draft.wants_identity() => Item::Seen,
            _ => Item::Cancel,
        };
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let text = context.text;
        sheet.title(&self.draft.title(text));
        self.write_effects(sheet, context);
        sheet.gap();
        self.write_fields(sheet, context);
        self.write_code(sheet, context);
        if let Some(why) = self.declined {
            sheet.error(declined_words(why, text));
        }
        sheet.gap();
        if !self.draft.is_a_look() {
            sheet.paragraph(&text.desk_act.question);
        }
        sheet.buttons(&[
            (self.draft.button(text), self.focus == Item::Confirm),
            (&text.common.cancel, self.focus == Item::Cancel),
        ]);
        write_working(sheet, context);
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let area = frame::paint_wide(frame, context, &self.hints(context));
        let mut sheet = Sheet::new(context.theme, area.width);
        self.sheet(&mut sheet, context);
        sheet.paint(frame, area, 0);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let enter = if self.typing() {
            &text.key.next
        } else {
            &text.key.choose
        };
        usual_hints(context, enter, Some(&text.common.cancel))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_act
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        let shows_seconds = self.entry.is_some() || self.attempt.last().is_some();
        shows_seconds.then(|| next_second(now))
    }
}
