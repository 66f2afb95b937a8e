//! An account's card at the officer's desk: who it is, how its login stands, what happened last, and what can be done
//! about it. Only what makes sense in that state is offered.

use std::time::Duration;

use super::{
    desk_act::{declined_words, write_refusal},
    draft::Draft,
};
use crate::{
    domain::{
        Activity, EmailAddress,
        account::{LastLogin, PhoneClock, Role, TotpState},
        calendar,
        idle::Presence,
        officer::{ActKind, Card, Declined},
        throttle::Gate,
    },
    tui::{
        DeskReply, DeskRequest, Now, Request,
        command::Command,
        context::Context,
        route::Route,
        screen::{
            Attempt, FormScreen, Left, Refusal, Screen, Step, form_of, until_next_second,
            write_working,
        },
        text::{Text, fill},
        widget::{
            form::{Form, Items, items},
            frame::KeyHint,
            sheet::Sheet,
            table::Table,
        },
    },
};

/// The card of one account.
#[derive(Debug)]
pub struct AccountCardScreen {
    card: Card,
    /// Monotonic time at which the card was read: its wait counts down from then.
    read_at: Duration,
    email: Option<EmailAddress>,
    form: Form<Item>,
    /// The act whose form is open over the card.
    doing: Option<ActKind>,
    done: Option<ActKind>,
    declined: Option<Declined>,
    attempt: Attempt,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    RevealEmail,
    Act(ActKind),
    Back,
    /// A line of the activities: there is nothing to do with it but to read on.
    Activity(usize),
}

impl AccountCardScreen {
    pub fn new(card: Card, now: Now) -> Self {
        Self {
            form: Form::new(match card.is_own {
                true => Item::Back,
                false => Item::RevealEmail,
            }),
            card,
            read_at: now.monotonic,
            email: None,
            doing: None,
            done: None,
            declined: None,
            attempt: Attempt::default(),
        }
    }

    /// What is left of the wait after wrong codes.
    fn wait(&self, now: Now) -> Option<Duration> {
        match self.card.gate {
            Gate::Wait(wait) => {
                let since = now.monotonic.saturating_sub(self.read_at);
                Some(wait.saturating_sub(since)).filter(|left| !left.is_zero())
            }
            Gate::Open | Gate::Held => None,
        }
    }

    /// What makes sense for this account.
    fn acts(&self, now: Now) -> Vec<ActKind> {
        let card = &self.card;
        let acts = [
            (ActKind::Unlock, self.wait(now).is_some()),
            (ActKind::ResetTotp, card.totp != TotpState::Off),
            (ActKind::IssuePassword, card.suspended.is_none()),
            (ActKind::CorrectEmail, true),
            (ActKind::EndLogins, card.suspended.is_none()),
            (ActKind::Suspend, card.suspended.is_none()),
            (ActKind::Reinstate, card.suspended.is_some()),
            // Whether wrong passwords make somebody wait somewhere, no card tells. Last, where it is not what is needed.
            (
                ActKind::Unlock,
                self.wait(now).is_none() && card.gate != Gate::Held,
            ),
        ];
        let acts = acts.into_iter().filter(|(_, makes_sense)| *makes_sense);
        acts.map(|(act, _)| act).collect()
    }

    fn close(&self) -> Step {
        Step::Close(Left::Card(Box::new(self.card.clone())))
    }

    /// The card as it is now. The address is masked again: what was seen was that of the card before.
    fn renew(&mut self, card: Card, now: Now) {
        self.card = card;
        self.read_at = now.monotonic;
        self.email = None;
    }

    fn write_facts(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.account_card;
        let theme = context.theme;
        let card = &self.card;
        let date = |at| calendar::date_and_minute(at, context.settings.zone, &context.text.months);
        let on = |sentence: &str, at| fill(sentence, &[("date", &date(at))]);
        sheet.name_columns(18);
        let email = match &self.email {
            Some(email) => email.as_str(),
            None => &card.masked_email,
        };
        sheet.pair(&words.email, email, theme.label);
        let (totp, style) = match card.totp {
            TotpState::Off => (context.text.home.totp_off.clone(), theme.label),
            TotpState::Pending { since } => (on(&words.totp_pending, since), theme.label),
            TotpState::Active { since } => {
                (on(&context.text.home.totp_active, since), theme.success)
            }
        };
        sheet.pair(&context.text.home.totp, &totp, style);
        for phone in &card.phones {
            let short = |at| {
                let (zone, months) = (context.settings.zone, &context.text.months);
                calendar::short_date_and_minute(at, zone, months)
            };
            // That it is a phone, the name of the row says.
            let name = match phone.name {
                Some(_) => context.text.numbered_phone(phone),
                None => phone.ordinal.number().to_string(),
            };
            let since = short(phone.since);
            let told = match phone.last_used {
                Some(used) => {
                    let values = [
                        ("phone", name.as_str()),
                        ("since", &since),
                        ("used", &short(used)),
                    ];
                    fill(&words.phone_used, &values)
                }
                None => fill(&words.phone_unused, &[("phone", &name), ("since", &since)]),
            };
            sheet.pair(&words.phone, &told, theme.label);
        }
        if let Some(PhoneClock { drift, seen }) = card.phone_clock {
            let minutes = fill(
                &context.text.common.minutes,
                &[("n", &format!("{:+}", drift.minutes()))],
            );
            let date = calendar::date(seen, context.settings.zone, &context.text.months);
            let said = [("minutes", minutes.as_str()), ("date", date.as_str())];
            let said = fill(&words.phone_clock_value, &said);
            sheet.pair(&words.phone_clock, &said, theme.label);
        }
        if let Some(left) = card.recovery_codes_left {
            let left = fill(&words.codes_left, &[("n", &left.to_string())]);
            sheet.pair(&words.recovery_codes, &left, theme.label);
        }
        let failures = context.text.number(card.passcode_failures.into());
        let failures = fill(&words.wrong_codes, &[("n", &failures)]);
        match (card.gate, self.wait(context.now)) {
            (Gate::Held, _) => {
                let held = format!("{failures} {}", words.held);
                sheet.pair(&words.codes, &held, theme.error);
            }
            (_, Some(left)) => {
                let left = context.text.duration(left);
                let wait = fill(&words.wait, &[("wait", &left)]);
                sheet.pair(&words.codes, &format!("{failures} {wait}"), theme.error);
            }
            (_, None) if card.passcode_failures > 0 => {
                sheet.pair(&words.codes, &failures, theme.label);
            }
            (_, None) => {}
        }
        if let Some(since) = card.suspended {
            sheet.pair(&words.suspended, &on(&words.since, since), theme.error);
        }
        if let Some(until) = card.one_time_password_until {
            sheet.pair(
                &words.one_time_password,
                &on(&words.until, until),
                theme.label,
            );
        }
        let last = match &card.last_login {
            Some(LastLogin { at, from }) => fill(
                &context.text.home.last_login_value,
                &[("date", &date(*at)), ("source", &context.text.place(from))],
            ),
            None => words.never.clone(),
        };
        sheet.pair(&context.text.home.last_login, &last, theme.label);
        sheet.pair(&words.created, &date(card.created), theme.label);
    }

    fn write_activity(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.account_card;
        if self.card.activity.is_empty() {
            return sheet.hint(&words.no_activity);
        }
        let time = fill(&words.time, &[("zone", context.settings.zone.as_str())]);
        let mut table = Table::new(&[
            (time.as_str(), 17),
            (&words.activity, 12),
            (&words.from, 8),
            (&words.by, 8),
        ]);
        for Activity { at, kind, from, by } in &self.card.activity {
            let (zone, months) = (context.settings.zone, &context.text.months);
            table.row(vec![
                calendar::short_date_and_minute(*at, zone, months),
                context.text.activity.of(*kind).to_owned(),
                context.text.place(from),
                by.as_ref()
                    .map_or(String::new(), |by| by.user_id.to_string()),
            ]);
        }
        let focus = match self.form.focused() {
            Item::Activity(number) => Some(number),
            _ => None,
        };
        table.write(sheet, focus, self.card.activity.len(), false);
    }
}

impl FormScreen for AccountCardScreen {
    form_of!(Item);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        // A look is recorded, so no slip may be one.
        let reveal =
            || items::button(Item::RevealEmail, &text.account_card.reveal_email).by_enter();
        let act = |act: ActKind| {
            let button = items::button(Item::Act(act), &text.account_act.of(act).label);
            match act.takes_away() {
                true => button.danger(),
                false => button,
            }
        };
        let line = |number| items::own(Item::Activity(number)).unsaid();
        let acts = self.acts(context.now).into_iter().map(act);
        let is_masked = self.email.is_none();
        let about = is_masked.then(reveal).into_iter().chain(acts);
        let items = about
            .filter(|_| !self.card.is_own)
            .chain([items::button(Item::Back, &text.key.back)])
            .chain((0..self.card.activity.len()).map(line));
        let scroll = KeyHint::new(context.theme.arrows, &text.key.scroll);
        // Ten lines on, not to the end: the activities are read.
        Items::new(items)
            .without_main()
            .paged(10)
            .esc(&text.key.back)
            .further(1, Some(scroll))
    }

    fn before(&mut self, _command: Command, _context: &Context<'_>) -> Option<Step> {
        self.done = None;
        self.declined = None;
        self.attempt = Attempt::default();
        None
    }

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        match item {
            Item::RevealEmail => {
                let account = self.card.key.clone();
                Step::Ask(Request::Desk(DeskRequest::RevealEmail(account)))
            }
            Item::Act(act) => {
                self.doing = Some(act);
                let (key, name) = (self.card.key.clone(), self.card.name.clone());
                Step::Open(Route::DeskAct(Draft::Account(key, name, act)))
            }
            Item::Back => self.close(),
            Item::Activity(_) => Step::Stay,
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.close()
    }
}

impl Screen for AccountCardScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn desk(&mut self, reply: DeskReply, context: &Context<'_>) -> Step {
        match reply {
            DeskReply::Email(email) => self.email = Some(email),
            DeskReply::Card(card) => self.renew(*card, context.now),
            DeskReply::Done(card, password) => {
                self.renew(*card, context.now);
                self.done = self.doing.take();
                // What was done stands there, and a key still held does nothing to it.
                self.form.focus(match self.card.activity.first() {
                    Some(_) => Item::Activity(0),
                    None => Item::Back,
                });
                if let Some(password) = password {
                    return Step::Open(Route::OneTimePassword {
                        account: self.card.key.clone(),
                        name: self.card.name.clone(),
                        password,
                    });
                }
            }
            DeskReply::Declined(why) => self.declined = Some(why),
            DeskReply::Rules(_) | DeskReply::Outbox(_) | DeskReply::Audit(_) => {}
        }
        Step::Stay
    }

    fn returned(&mut self, left: Left, context: &Context<'_>) -> Step {
        match left {
            Left::Done(reply) => self.desk(reply, context),
            Left::Nothing | Left::Card(_) => Step::Stay,
        }
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let text = context.text;
        let card = &self.card;
        sheet.title(card.name.as_str());
        let kind = card.key.user_type.label();
        let role = match card.role {
            Role::Officer => format!("  {}", text.desk.officer),
            Role::User => String::new(),
        };
        sheet.hint(&format!("{}  {kind}{role}", card.key.user_id));
        if let Some(done) = self.done {
            sheet.success(&text.account_act.of(done).done);
        } else if let Some(why) = self.declined {
            sheet.refusal(declined_words(why, text));
        } else if self.attempt.last().is_some() {
            write_refusal(&self.attempt, sheet, context);
        }
        sheet.gap();
        self.write_facts(sheet, context);
        if card.is_own {
            sheet.gap();
            sheet.paragraph(&text.account_card.own);
        }
        sheet.gap();
        self.view(context).write_toolbar(sheet);
        write_working(sheet, context);
        sheet.gap();
        self.write_activity(sheet, context);
    }

    fn is_wide(&self) -> bool {
        true
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.account_card
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        let wait = self.wait(now).map(until_next_second);
        [wait, self.attempt.next_tick(now)]
            .into_iter()
            .flatten()
            .min()
    }
}
