//! The code of a login: with the server's time to compare with the phone, and what to check when it is refused.

use std::time::Duration;

use jiff::Timestamp;

use super::STEPS;
use crate::{
    domain::{AccountKey, TimeStep, calendar, idle::Presence},
    tui::{
        Now, Request,
        context::Context,
        route::Route,
        screen::{Attempt, FormScreen, Refusal, Screen, Step, form_of, next_second, write_working},
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
    Code,
    Login,
    TwoCodes,
    Recovery,
    Reset,
    StartOver,
}

/// So many refused codes are no slip any more.
const REFUSED: u8 = 2;

/// The form for the code of an account whose password was right.
#[derive(Debug)]
pub struct PasscodeScreen {
    account: AccountKey,
    /// The key was never proved: the way back is offered.
    pending: bool,
    /// A recovery code will do instead.
    recovery: bool,
    /// Until then the phone may show the code that was accepted last, which is spent.
    spent_until: Option<Timestamp>,
    /// How many codes were refused here.
    refused: u8,
    form: Form<Item>,
    attempt: Attempt,
}

impl PasscodeScreen {
    pub fn new(account: AccountKey, pending: bool, recovery: bool) -> Self {
        Self {
            account,
            pending,
            recovery,
            spent_until: None,
            refused: 0,
            form: Form::new(Item::Code).code(Item::Code),
            attempt: Attempt::default(),
        }
    }

    /// The same, and until when the phone may show a code that is spent.
    pub fn spent_until(mut self, until: Option<Timestamp>) -> Self {
        self.spent_until = until;
        self
    }

    /// The same, where codes were refused before, if `two_codes` will do.
    pub fn with_two_codes(mut self, two_codes: bool) -> Self {
        self.refused = if two_codes { REFUSED } else { 0 };
        self
    }

    /// Whether two codes will do: only those of a key that was proved, and not before one alone was refused often enough.
    fn takes_two_codes(&self) -> bool {
        self.refused >= REFUSED && !self.pending
    }

    /// How much longer the phone may show a code that is spent.
    fn spent_for(&self, now: Now) -> Option<Duration> {
        let left = self.spent_until?.duration_since(now.wall);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    fn submit(&mut self, now: Now) -> Step {
        match self.attempt.take_code(&mut self.form, Item::Code, now) {
            Some(passcode) => Step::Ask(Request::CheckPasscode(passcode)),
            None => Step::Stay,
        }
    }
}

/// Whoever asks for a reset has no phone, so the login of `account` cannot go on; it does not wait open under a form.
pub(super) fn reset(account: &AccountKey, context: &Context<'_>) -> Step {
    if !context.settings.reset_by_mail {
        return Step::ShowReset;
    }
    let AccountKey { user_type, user_id } = account.clone();
    let user_id = user_id.to_string();
    let form = Route::ResetRequest {
        user_type,
        user_id: user_id.clone(),
    };
    let below = Route::UserId { user_type, user_id };
    Step::Retreat(vec![below, form])
}

impl FormScreen for PasscodeScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, common) = (&context.text.passcode, &context.text.common);
        let may_recover = self.recovery && !self.pending;
        let items = [
            Some(items::code(Item::Code, &common.passcode).large()),
            Some(items::button(Item::Login, &common.login)),
            self.takes_two_codes()
                .then(|| items::link(Item::TwoCodes, &words.two_codes)),
            may_recover.then(|| items::link(Item::Recovery, &words.recovery)),
            Some(items::link(Item::Reset, &common.reset_link)),
            self.pending
                .then(|| items::link(Item::StartOver, &words.pending).grave()),
        ];
        let items = items.into_iter().flatten();
        Items::new(items.map(|item| item.enter(&common.login))).esc(&common.cancel)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Code | Item::Login => self.submit(context.now),
            Item::TwoCodes => Step::Go(Route::TwoCodes {
                account: self.account.clone(),
                recovery: self.recovery,
            }),
            Item::Recovery => Step::Go(Route::Recovery {
                account: self.account.clone(),
                two_codes: self.takes_two_codes(),
            }),
            Item::Reset => reset(&self.account, context),
            Item::StartOver => Step::Ask(Request::StartOver),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Finish
    }

    fn changed(&mut self, _item: Item, change: Change, context: &Context<'_>) -> Step {
        match change {
            Change::Completed => self.submit(context.now),
            Change::Typed | Change::Pasted => Step::Stay,
        }
    }
}

impl Screen for PasscodeScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.form.focus(Item::Code);
        if matches!(
            refusal,
            Refusal::Rejected { .. } | Refusal::ClockInDoubt { .. }
        ) {
            self.refused = self.refused.saturating_add(1);
        }
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.passcode;
        let form = self.view(context);
        let account = self.account.user_id.as_str();
        let now = context.now.wall;
        let left = TimeStep::seconds_left(now);
        let said = context.text.duration(Duration::from_secs(left));
        sheet.step_title(&words.title, &context.text.step(4, STEPS));
        sheet.hint(&fill(&words.lead, &[("account", account)]));
        sheet.gap();
        form.write(sheet, Item::Code);
        let time = calendar::time_with_seconds(now, context.settings.zone);
        sheet.gauge(&words.next_code, left, TimeStep::SECONDS, &said);
        sheet.pair(&words.server_time, &time, context.theme.title);
        sheet.gap();
        form.write_actions(sheet);
        if let Some(left) = self.spent_for(context.now)
            && self.attempt.last().is_none()
        {
            let left = context.text.duration(left);
            sheet.message_aside(&fill(&words.just_used, &[("seconds", &left)]));
        }
        if self.pending && self.attempt.last().is_none() {
            sheet.message_aside(&words.pending_hint);
        }
        self.attempt.write(sheet, context, |sheet| {
            sheet.refusal(&words.rejected);
            sheet.message_bullet(&words.check_clock);
            sheet.message_bullet(&fill(&words.check_account, &[("account", account)]));
            sheet.message_bullet(&fill(&words.check_next, &[("seconds", &said)]));
        });
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.passcode
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        let clock = next_second(now);
        Some(
            self.attempt
                .next_tick(now)
                .map_or(clock, |wait| wait.min(clock)),
        )
    }
}
