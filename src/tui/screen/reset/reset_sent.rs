//! The one answer to every request for a reset: what has been done *if* the data match, and what to do next.

use crate::{
    domain::idle::Presence,
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        route::{Route, Waiting},
        screen::{Attempt, Refused, Screen, Step, jumped, moved, usual_hints, write_working},
        text::{Text, fill},
        widget::{frame::KeyHint, sheet::Sheet},
    },
};

/// The neutral answer.
#[derive(Debug, Default)]
pub struct ResetSentScreen {
    focus: usize,
    attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Confirm,
    /// In training mode the letter is to be read right here.
    OpenInbox,
    Finish,
}

impl ResetSentScreen {
    fn acts(context: &Context<'_>) -> &'static [Act] {
        match context.settings.training {
            Some(_) => &[Act::Confirm, Act::OpenInbox, Act::Finish],
            None => &[Act::Confirm, Act::Finish],
        }
    }

    fn label(act: Act, text: &'static Text) -> &'static str {
        match act {
            Act::Confirm => &text.reset_sent.confirm,
            Act::OpenInbox => &text.inbox.title,
            Act::Finish => &text.common.finish,
        }
    }
}

impl Screen for ResetSentScreen {
    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let acts = Self::acts(context);
        match command {
            Command::Activate => {
                return match acts[self.focus] {
                    Act::Confirm => {
                        *self = Self::default();
                        Step::Open(Route::ResetConfirm {
                            over: Waiting::Screen,
                            code: None,
                        })
                    }
                    Act::OpenInbox => Step::Ask(Request::LoadInbox),
                    Act::Finish => Step::Finish,
                };
            }
            Command::Back => return Step::Finish,
            Command::Jump(letter) => {
                let labels: Vec<_> = acts
                    .iter()
                    .map(|act| Self::label(*act, context.text))
                    .collect();
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, acts.len(), other),
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_sent;
        let holds = context.text.duration(context.settings.reset_link_holds);
        sheet.title(&words.title);
        sheet.gap();
        sheet.paragraph(&words.lead);
        sheet.gap();
        sheet.bullet(&fill(&words.holds, &[("time", &holds)]));
        sheet.bullet(&words.newest);
        sheet.bullet(&words.spam);
        sheet.bullet(&words.officer);
        sheet.gap();
        for (item, act) in Self::acts(context).iter().enumerate() {
            sheet.button(Self::label(*act, context.text), self.focus == item);
        }
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.key.choose, Some(&text.common.finish))
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
