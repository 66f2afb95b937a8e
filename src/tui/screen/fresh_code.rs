//! The fresh code that an act wants when the last one is older than five minutes: its field, which comes when it is
//! asked for, and the refusal of the last try.

use std::time::Duration;

use super::{Attempt, Refusal, Step, next_second};
use crate::{
    domain::{Passcode, TimeStep},
    tui::{
        Now, Request,
        context::Context,
        text::{Text, fill},
        widget::{
            form::{Form, Item, View, items},
            sheet::Sheet,
        },
    },
};

/// A code that may come to be wanted, in the field `item` of a form.
#[derive(Debug)]
pub struct FreshCode<Id> {
    item: Id,
    is_wanted: bool,
    /// Of the act, with the code or without.
    attempt: Attempt,
}

impl<Id: Copy + PartialEq> FreshCode<Id> {
    pub fn new(item: Id) -> Self {
        Self {
            item,
            is_wanted: false,
            attempt: Attempt::default(),
        }
    }

    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// The code is the last of two steps. That there are two, nobody knows before it is asked for.
    pub fn step(&self) -> Option<(usize, usize)> {
        self.is_wanted.then_some((2, 2))
    }

    /// The refusal of the last try.
    pub fn refusal(&self) -> Option<Refusal> {
        self.attempt.last()
    }

    /// The field, while a code is wanted.
    pub fn item(&self, text: &'static Text) -> Option<Item<Id>> {
        let field = || items::code(self.item, &text.common.passcode);
        self.is_wanted.then(field)
    }

    /// Takes note of a refusal. One that asks for a code brings its field; any other is one of the code, if there is one.
    pub fn refused(&mut self, refusal: Refusal, form: &mut Form<Id>, now: Now) {
        if refusal == Refusal::FreshPasscodeWanted {
            self.is_wanted = true;
            self.attempt = Attempt::default();
            form.add_code(self.item);
        } else {
            self.attempt.refused(refusal, now);
        }
        if self.is_wanted {
            form.focus(self.item);
        }
    }

    /// The code has been taken, whatever became of the act: the login is fresh now.
    pub fn taken(&mut self, form: &mut Form<Id>) {
        *self = Self::new(self.item);
        form.remove(self.item);
    }

    /// What was typed has become another.
    pub fn edited(&mut self) {
        self.attempt.edited();
    }

    /// How long until the try that was put off is made, if one was.
    pub fn due_in(&self, now: Now) -> Option<Duration> {
        self.attempt.due_in(now)
    }

    /// Asks for the act, with the code if one is wanted. A code that is none, or one too soon, is not sent, and is in
    /// focus.
    pub fn ask(
        &mut self,
        form: &mut Form<Id>,
        now: Now,
        request: impl FnOnce(Option<Passcode>) -> Request,
    ) -> Step {
        if !self.is_wanted {
            return match self.attempt.may_try(now) {
                true => Step::Ask(request(None)),
                false => Step::Stay,
            };
        }
        match self.attempt.take_code(form, self.item, now) {
            Some(code) => Step::Ask(request(Some(code))),
            None => Step::Stay,
        }
    }

    /// Writes the field, and below it why the last try was refused; `rejected` says it for a wrong or spent code.
    pub fn write(
        &self,
        sheet: &mut Sheet,
        form: &View<'_, Id>,
        context: &Context<'_>,
        rejected: &str,
    ) {
        if self.is_wanted {
            form.write(sheet, self.item);
        }
        let left = TimeStep::seconds_left(context.now.wall);
        let said = context.text.duration(Duration::from_secs(left));
        self.attempt.write(sheet, context, |sheet| {
            sheet.refusal(&fill(rejected, &[("seconds", &said)]));
        });
    }

    /// When what is written changes next.
    pub fn next_tick(&self, now: Now) -> Option<Duration> {
        let is_refused = self.attempt.last().is_some() || self.attempt.wait(now).is_some();
        let shows_seconds = self.is_wanted || is_refused;
        shows_seconds.then(|| next_second(now))
    }
}
