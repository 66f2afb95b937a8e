//! Home: who is logged in, the state of TOTP, what happened last, and what can be done.

pub mod activity;
pub mod add_phone;
pub mod disable;
pub mod enrollment;
pub mod own_password;
pub mod phones;
pub mod recovery_codes;
pub mod recovery_issue;

use crate::{
    domain::{
        Policy,
        account::{LastLogin, TotpState},
        authenticator::Phones,
        calendar,
        idle::Presence,
        recovery::RecoveryState,
    },
    tui::{
        HomeNotice, HomeView, Now, Request,
        context::Context,
        route::Route,
        screen::{Attempt, FormScreen, Left, Refusal, Screen, Step, form_of, write_working},
        text::{Text, fill},
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// Activities shown at home, and on a screen of so many rows.
const ACTIVITIES: usize = 4;
const MORE_ACTIVITIES: usize = 12;
const ROWS_FOR_MORE: usize = 28;

/// Home of somebody who is logged in.
#[derive(Debug)]
pub struct HomeScreen {
    view: HomeView,
    form: Form<Act>,
    attempt: Attempt,
}

/// What can be done at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Enable,
    Disable,
    RecoveryCodes,
    /// A phone beside the only one.
    AddPhone,
    /// The two there are.
    Phones,
    ChangePassword,
    ShowActivity,
    /// Back to an officer's desk.
    Desk,
    LogOut,
}

impl HomeScreen {
    pub fn new(view: HomeView) -> Self {
        Self {
            form: Form::new(acts(&view)[0]),
            view,
            attempt: Attempt::default(),
        }
    }
}

/// What somebody can do, the first thing in focus.
fn acts(view: &HomeView) -> Vec<Act> {
    let has_codes = view.policy != Policy::Disabled;
    let is_active = matches!(view.totp, TotpState::Active { .. });
    let acts = [
        (has_codes && !is_active).then_some(Act::Enable),
        view.recovery.map(|_| Act::RecoveryCodes),
        Some(Act::ChangePassword),
        Some(Act::ShowActivity),
        (has_codes && is_active).then_some(match view.phones.len() {
            Phones::MOST => Act::Phones,
            _ => Act::AddPhone,
        }),
        view.role.is_officer().then_some(Act::Desk),
        // What takes something away is never the first thing in focus.
        (has_codes && is_active).then_some(Act::Disable),
        Some(Act::LogOut),
    ];
    acts.into_iter().flatten().collect()
}

fn label(act: Act, text: &'static Text) -> &'static str {
    match act {
        Act::Enable => &text.home.enable,
        Act::Disable => &text.home.disable,
        Act::RecoveryCodes => &text.home.recovery_codes,
        Act::AddPhone => &text.home.add_phone,
        Act::Phones => &text.home.phones,
        Act::ChangePassword => &text.home.change_password,
        Act::ShowActivity => &text.home.show_activity,
        Act::Desk => &text.home.desk,
        Act::LogOut => &text.common.logout,
    }
}

/// What is said of what has just been done.
pub fn notice_words(
    notice: HomeNotice,
    recovery: Option<RecoveryState>,
    text: &'static Text,
) -> String {
    let words = &text.home;
    match notice {
        HomeNotice::TotpActivated => words.activated.clone(),
        HomeNotice::TotpDisabled => words.disabled.clone(),
        HomeNotice::PhoneAdded => words.phone_added.clone(),
        HomeNotice::PhoneRemoved => words.phone_removed.clone(),
        HomeNotice::RecoveryCodesIssued => words.recovery_codes_issued.clone(),
        HomeNotice::RecoveryCodeUsed => {
            let left = recovery.map_or(0, |state| state.left).to_string();
            fill(&words.recovery_code_used, &[("n", &left)])
        }
        HomeNotice::PasswordChanged | HomeNotice::PasswordReplaced => {
            words.password_changed.clone()
        }
        HomeNotice::PhoneClock(drift) => text.drift(drift, &words.phone_ahead, &words.phone_behind),
        HomeNotice::OfficeClock => words.office_clock.clone(),
    }
}

impl FormScreen for HomeScreen {
    form_of!(Act, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Act> {
        let text = context.text;
        let acts = acts(&self.view).into_iter();
        let esc = match self.view.role.is_officer() {
            true => &text.key.back,
            false => &text.common.logout,
        };
        let button = |act| {
            let button = items::button(act, label(act, text));
            match act {
                Act::Enable => button.main(),
                Act::Disable => button.danger(),
                Act::LogOut => button.by_enter(),
                _ => button,
            }
        };
        Items::new(acts.map(button)).without_main().esc(esc)
    }

    fn choose(&mut self, act: Act, _context: &Context<'_>) -> Step {
        match act {
            Act::Enable => Step::Ask(Request::StartEnrollment),
            Act::Disable => Step::Open(Route::Disable {
                account: self.view.account.clone(),
                policy: self.view.policy,
            }),
            Act::RecoveryCodes => Step::Open(Route::RecoveryIssue(self.view.recovery)),
            Act::AddPhone => Step::Open(Route::AddPhone(self.view.phones.clone())),
            Act::Phones => Step::Open(Route::Phones {
                account: self.view.account.clone(),
                phones: self.view.phones.clone(),
            }),
            Act::ChangePassword => Step::Open(Route::OwnPassword {
                account: self.view.account.clone(),
                name: self.view.name.clone(),
            }),
            Act::ShowActivity => Step::Ask(Request::LoadActivity),
            Act::Desk => Step::Close(Left::Nothing),
            Act::LogOut => Step::LogOut,
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        if self.view.role.is_officer() {
            return Step::Close(Left::Nothing);
        }
        // Leaving home by a slip of Esc would cost a login; it only puts LOGOUT in focus.
        self.form.focus(Act::LogOut);
        Step::Stay
    }
}

impl Screen for HomeScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    /// Home as somebody who comes to it finds it.
    fn returned(&mut self, _left: Left, _context: &Context<'_>) -> Step {
        self.form = Form::new(acts(&self.view)[0]);
        self.attempt = Attempt::default();
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.home;
        let view = &self.view;
        let plain = context.theme.label;
        let date = |at| calendar::date_and_minute(at, context.settings.zone, &context.text.months);
        sheet.title(&fill(&words.hello, &[("name", view.name.as_str())]));
        let kind = view.account.user_type.label();
        sheet.hint(&format!("{}  {kind}", view.account.user_id));
        if let Some(notice) = view.notice {
            sheet.success(&notice_words(notice, view.recovery, context.text));
            match notice {
                HomeNotice::RecoveryCodeUsed => {
                    sheet.message_aside(&words.recovery_code_used_hint);
                }
                HomeNotice::PhoneClock(_) => sheet.message_aside(&words.phone_clock_hint),
                _ => {}
            }
        }
        sheet.gap();
        let (totp, style) = match view.totp {
            TotpState::Off => (words.totp_off.clone(), plain),
            TotpState::Pending { .. } => (words.totp_pending.clone(), plain),
            TotpState::Active { since } => {
                let active = match view.phones.len() {
                    Phones::MOST => &words.totp_active_on_two,
                    _ => &words.totp_active,
                };
                let active = fill(active, &[("date", &date(since))]);
                (active, context.theme.success)
            }
        };
        sheet.pair(&words.totp, &totp, style);
        let last = match &view.last_login {
            Some(LastLogin { at, from }) => fill(
                &words.last_login_value,
                &[("date", &date(*at)), ("source", &context.text.place(from))],
            ),
            None => words.first_login.clone(),
        };
        sheet.pair(&words.last_login, &last, plain);
        let shown = match sheet.rows() {
            0..ROWS_FOR_MORE => ACTIVITIES,
            _ => MORE_ACTIVITIES,
        };
        for (number, activity) in view.activity.iter().take(shown).enumerate() {
            let name = if number == 0 {
                words.activity.as_str()
            } else {
                ""
            };
            let what = context.text.activity.of(activity.kind);
            sheet.pair(name, &format!("{}  {what}", date(activity.at)), plain);
        }
        if view.policy == Policy::Disabled {
            sheet.hint(&words.policy_disabled);
        }
        if let Some(state) = view.recovery.filter(|state| state.runs_out()) {
            let left = state.left.to_string();
            sheet.hint(&fill(&words.recovery_codes_few, &[("n", &left)]));
        }
        sheet.gap();
        self.view(context).write_buttons(sheet);
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.home
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<std::time::Duration> {
        self.attempt.next_tick(now)
    }
}
