//! The one answer to every request for a reset: what has been done *if* the data match, and what to do next.

use super::STEPS;
use crate::{
    domain::idle::Presence,
    tui::{
        Now, Request,
        context::Context,
        route::{Route, Waiting},
        screen::{Attempt, FormScreen, Refusal, Screen, Step, form_of, write_working},
        text::{Text, fill},
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// With fewer columns the sentences fill a phone's rows, and the air between them would push the answer itself out.
const WIDE: u16 = 50;

/// The neutral answer.
#[derive(Debug)]
pub struct ResetSentScreen {
    form: Form<Act>,
    attempt: Attempt,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Confirm,
    /// In training mode the letter is to be read right here.
    OpenInbox,
    Finish,
}

impl Default for ResetSentScreen {
    fn default() -> Self {
        Self {
            form: Form::new(Act::Confirm),
            attempt: Attempt::default(),
        }
    }
}

impl FormScreen for ResetSentScreen {
    form_of!(Act, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Act> {
        let text = context.text;
        let is_training = context.settings.training.is_some();
        let items = [
            Some(items::button(Act::Confirm, &text.reset_sent.confirm)),
            is_training.then(|| items::button(Act::OpenInbox, &text.inbox.title)),
            Some(items::button(Act::Finish, &text.common.finish)),
        ];
        Items::new(items.into_iter().flatten()).esc(&text.common.finish)
    }

    fn choose(&mut self, act: Act, _context: &Context<'_>) -> Step {
        match act {
            Act::Confirm => {
                *self = Self::default();
                Step::Open(Route::ResetConfirm {
                    over: Waiting::Screen,
                    code: None,
                })
            }
            Act::OpenInbox => Step::Ask(Request::LoadInbox),
            Act::Finish => Step::Finish,
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Finish
    }
}

impl Screen for ResetSentScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_sent;
        let holds = context.text.duration(context.settings.reset_link_holds);
        sheet.step_title(&words.title, &context.text.step(2, STEPS));
        let gap = |sheet: &mut Sheet| {
            if sheet.width() >= WIDE {
                sheet.gap();
            }
        };
        gap(sheet);
        sheet.paragraph(&words.lead);
        gap(sheet);
        sheet.bullet(&fill(&words.holds, &[("time", &holds)]));
        sheet.bullet(&words.newest);
        sheet.bullet(&words.spam);
        sheet.bullet(&words.officer);
        sheet.gap();
        self.view(context).write_all(sheet, |_| true);
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_sent
    }

    fn presence(&self) -> Presence {
        Presence::Reading
    }

    fn next_tick(&self, now: Now) -> Option<std::time::Duration> {
        self.attempt.next_tick(now)
    }
}
