//! A password of one's own: changed at home, or, after an officer's one-time password, made before anything else.
//!
//! What is typed stays in its fields until the password is changed or the screen is left, so that a code that is asked
//! for in between costs nobody a second typing; leaving wipes it.

use std::time::Duration;

use crate::{
    domain::{
        PersonName, PlainPassword,
        identity::AccountKey,
        idle::Presence,
        password::{PasswordRuleError, Strength},
    },
    tui::{
        Now, Request,
        context::Context,
        screen::{
            Attempt, FormScreen, Left, Refusal, Screen, Step, form_of, fresh_code::FreshCode,
            write_working,
        },
        text::Text,
        widget::{
            form::{Change, Form, Items, Sentence, items},
            sheet::{METER, Sheet},
        },
    },
};

/// Columns of the fields.
const COLUMNS: usize = 40;

/// A field takes twice what a password may have: one that is too long is told so, and never cut off unseen.
const LIMIT: usize = 2 * PlainPassword::MAX_CHARS;

/// The form for a new password.
#[derive(Debug)]
pub struct OwnPasswordScreen {
    way: Way,
    account: AccountKey,
    name: PersonName,
    form: Form<Item>,
    /// What is typed is shown. Never on a kiosk, where others stand around.
    is_shown: bool,
    /// Of what is in the field of the new one; judged when it changes, not when it is drawn.
    strength: Option<Strength>,
    fresh: FreshCode<Item>,
    /// Of all but the fresh code.
    attempt: Attempt,
}

/// How somebody comes here, and so where they can go.
#[derive(Debug)]
enum Way {
    /// From home, which waits below.
    Home,
    /// From a login by a one-time password: on, or out.
    Due,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Current,
    New,
    Again,
    /// Whether what is typed is shown.
    Show,
    Code,
    Save,
    Leave,
}

/// What is wrong with what was typed; it says whose field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    CurrentEmpty,
    CurrentRejected,
    NewEmpty,
    New(PasswordRuleError),
    Differs,
}

impl Wrong {
    fn item(self) -> Item {
        match self {
            Self::CurrentEmpty | Self::CurrentRejected => Item::Current,
            Self::NewEmpty | Self::New(_) => Item::New,
            Self::Differs => Item::Again,
        }
    }

    fn sentence(self) -> Sentence {
        match self {
            Self::CurrentEmpty => |text| text.own_password.current_empty.clone(),
            Self::CurrentRejected => |text| text.own_password.current_rejected.clone(),
            Self::NewEmpty => |text| text.own_password.new_empty.clone(),
            Self::New(PasswordRuleError::TooShort) => |text| text.own_password.new_short.clone(),
            Self::New(PasswordRuleError::TooLong) => |text| text.own_password.new_long.clone(),
            Self::New(PasswordRuleError::Common) => |text| text.own_password.new_guessable.clone(),
            Self::New(PasswordRuleError::Control) => |text| text.own_password.new_control.clone(),
            Self::New(PasswordRuleError::Unchanged) => {
                |text| text.own_password.new_unchanged.clone()
            }
            Self::Differs => |text| text.own_password.again_differs.clone(),
        }
    }
}

impl OwnPasswordScreen {
    /// For somebody at home.
    pub fn at_home(account: AccountKey, name: PersonName) -> Self {
        Self::new(Way::Home, account, name, Item::Current)
    }

    /// For somebody whose password is an officer's.
    pub fn due(account: AccountKey, name: PersonName) -> Self {
        Self::new(Way::Due, account, name, Item::New)
    }

    fn new(way: Way, account: AccountKey, name: PersonName, focus: Item) -> Self {
        Self {
            way,
            account,
            name,
            form: Form::new(focus)
                .secret(Item::Current, LIMIT)
                .secret(Item::New, LIMIT)
                .secret(Item::Again, LIMIT),
            is_shown: false,
            strength: None,
            fresh: FreshCode::new(Item::Code),
            attempt: Attempt::default(),
        }
    }

    fn judge_strength(&mut self) {
        let context = [self.account.user_id.as_str(), self.name.as_str()];
        let new = self.form.value(Item::New);
        self.strength = PlainPassword::typed(new)
            .filter(|_| !new.is_empty())
            .map(|password| password.strength(&context));
    }

    /// The new password, if the form is filled in right.
    fn judged(&self) -> Result<PlainPassword, Wrong> {
        let value = |item| self.form.value(item);
        let (current, new) = (value(Item::Current), value(Item::New));
        if matches!(self.way, Way::Home) && current.is_empty() {
            return Err(Wrong::CurrentEmpty);
        }
        if new.is_empty() {
            return Err(Wrong::NewEmpty);
        }
        let context = [self.account.user_id.as_str(), self.name.as_str()];
        let chosen = PlainPassword::chosen(new, &context).map_err(Wrong::New)?;
        if current == new {
            return Err(Wrong::New(PasswordRuleError::Unchanged));
        }
        if new != value(Item::Again) {
            return Err(Wrong::Differs);
        }
        Ok(chosen)
    }

    fn save(&mut self, now: Now) -> Step {
        let new = match self.judged() {
            Ok(new) => new,
            Err(wrong) => {
                self.point_at(wrong);
                return Step::Stay;
            }
        };
        // Longer than any password is not it either.
        let Some(current) = PlainPassword::typed(self.form.value(Item::Current)) else {
            self.point_at(Wrong::CurrentRejected);
            return Step::Stay;
        };
        if !self.attempt.may_try(now) {
            return Step::Stay;
        }
        let is_due = matches!(self.way, Way::Due);
        self.fresh
            .ask(&mut self.form, now, |passcode| match is_due {
                true => Request::ReplacePassword(new),
                false => Request::ChangePassword {
                    current,
                    new,
                    passcode,
                },
            })
    }

    fn point_at(&mut self, wrong: Wrong) {
        self.form.refuse(wrong.item(), wrong.sentence());
        let emptied = match wrong {
            Wrong::CurrentRejected => Item::Current,
            Wrong::Differs => Item::Again,
            Wrong::CurrentEmpty | Wrong::NewEmpty | Wrong::New(_) => return,
        };
        self.form.clear(emptied);
        self.is_shown = false;
    }

    fn leave(&self) -> Step {
        match self.way {
            Way::Home => Step::Close(Left::Nothing),
            Way::Due => Step::LogOut,
        }
    }

    fn leave_label(&self, text: &'static Text) -> &'static str {
        match self.way {
            Way::Home => &text.common.cancel,
            Way::Due => &text.common.logout,
        }
    }

    fn write_strength(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let (words, theme) = (&context.text.own_password, context.theme);
        // Nobody is scolded while typing: what is not enough yet is in the colour of a hint.
        let (tenths, said, style) = match self.strength {
            None if self.form.value(Item::New).is_empty() => (0, "", theme.hint),
            None => (0, words.long.as_str(), theme.hint),
            Some(Strength::Short) => (1, words.short.as_str(), theme.hint),
            Some(Strength::Guessable) => (2, words.guessable.as_str(), theme.hint),
            Some(Strength::Weak) => (4, words.weak.as_str(), theme.label),
            Some(Strength::Fair) => (7, words.fair.as_str(), theme.success),
            Some(Strength::Strong) => (10, words.strong.as_str(), theme.success),
        };
        sheet.row_meter(&words.strength, METER * tenths / 10, said, style);
    }
}

impl FormScreen for OwnPasswordScreen {
    form_of!(Item, attempt, fresh);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let words = &text.own_password;
        let is_shown = self.is_shown;
        let field = |item, label| items::field(item, label, COLUMNS).in_row().shown(is_shown);
        let show = || items::checkbox(Item::Show, &words.show, is_shown, "");
        let is_at_home = matches!(self.way, Way::Home);
        let code = self.fresh.item(text);
        let items = [
            is_at_home.then(|| field(Item::Current, &words.current)),
            Some(field(Item::New, &words.new)),
            Some(field(Item::Again, &words.again).enter(&words.save)),
            context.settings.is_guest.then(show),
            code.map(|item| item.enter(&words.save)),
            Some(
                items::button(Item::Save, &words.save)
                    .enter(&words.save)
                    .grave(),
            ),
            Some(items::button(Item::Leave, self.leave_label(text))),
        ];
        let items = Items::new(items.into_iter().flatten());
        match self.way {
            Way::Home => items.esc(&text.common.cancel),
            Way::Due => items,
        }
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Leave => self.leave(),
            Item::Show => {
                self.is_shown = !self.is_shown;
                Step::Stay
            }
            _ => self.save(context.now),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        match self.way {
            Way::Home => self.leave(),
            Way::Due => {
                self.form.focus(Item::Leave);
                Step::Stay
            }
        }
    }

    fn changed(&mut self, item: Item, change: Change, _context: &Context<'_>) -> Step {
        if item == Item::New {
            self.judge_strength();
        }
        // Whoever begins anew is not looked at until they say so again.
        if self.form.value(item).is_empty() {
            self.is_shown = false;
        }
        // The sixth digit does not submit here: a new password wants its own key.
        if change == Change::Completed {
            self.form.focus(Item::Save);
        }
        Step::Stay
    }
}

impl Screen for OwnPasswordScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        let now = context.now;
        match refusal {
            Refusal::CurrentRejected { wait } => {
                self.point_at(Wrong::CurrentRejected);
                self.attempt.refused(Refusal::Wait(wait), now);
            }
            Refusal::CurrentWait(wait) => {
                self.form.focus(Item::Current);
                self.attempt.refused(Refusal::Wait(wait), now);
            }
            Refusal::NewPassword(why) => {
                self.point_at(Wrong::New(why));
            }
            Refusal::FreshPasscodeWanted => self.fresh.refused(refusal, &mut self.form, now),
            Refusal::Rejected { .. }
            | Refusal::ClockInDoubt { .. }
            | Refusal::Wait(_)
            | Refusal::Held
                if self.fresh.is_wanted() =>
            {
                self.fresh.refused(refusal, &mut self.form, now);
            }
            _ => self.attempt.refused(refusal, now),
        }
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.own_password;
        let form = self.view(context);
        let whose = format!(
            "{}  {}",
            self.account.user_id,
            self.account.user_type.label()
        );
        match self.way {
            Way::Home => {
                sheet.step_of(&words.title, self.step(), context.text);
                sheet.hint(&whose);
            }
            Way::Due => {
                sheet.title(&words.title_due);
                sheet.hint(&whose);
                sheet.paragraph(&words.lead_due);
            }
        }
        sheet.gap();
        form.write(sheet, Item::Current);
        form.write(sheet, Item::New);
        self.write_strength(sheet, context);
        form.write(sheet, Item::Again);
        form.write(sheet, Item::Show);
        sheet.gap();
        if self.fresh.is_wanted() {
            // By now the rules are kept, and the code needs their room.
            sheet.paragraph(&words.fresh);
            let rejected = &context.text.enrollment.rejected;
            self.fresh.write(sheet, &form, context, rejected);
        } else {
            sheet.hint(&words.rule_length);
            sheet.hint(&words.rule_words);
            sheet.hint(&words.rule_context);
            sheet.gap();
        }
        form.write_buttons(sheet);
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn step(&self) -> Option<(usize, usize)> {
        self.fresh.step()
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.own_password
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.fresh
            .next_tick(now)
            .or_else(|| self.attempt.next_tick(now))
    }
}
