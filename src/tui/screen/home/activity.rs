//! `Aktivitas akun`: what happened to the account lately, so that its owner notices what was not them, and what to do
//! then.
//!
//! The list scrolls between its title and the advice below it, which are always seen where there is room.

use crate::{
    domain::{Activity, account::Role, calendar, idle::Presence},
    tui::{
        HomeView, Now,
        command::Command,
        context::Context,
        route::Route,
        screen::{Keys, Left, Screen, Step, write_working},
        text::{Text, fill},
        widget::{
            filter::{Filter, Filtered},
            form::items::jumped,
            frame::KeyHint,
            sheet::{self, Sheet},
        },
    },
};

/// Rows of the list on 80x24, and so what one key turns over.
const PAGE: usize = 8;

/// A list with fewer rows than this scrolls together with what stands around it.
const FEWEST_ROWS: usize = 4;

/// The latest activities of somebody who is logged in.
#[derive(Debug)]
pub struct ActivityScreen {
    view: HomeView,
    filter: Filter,
    scroll: usize,
}

impl ActivityScreen {
    pub fn new(view: HomeView) -> Self {
        Self {
            view,
            filter: Filter::default(),
            scroll: 0,
        }
    }

    /// Rows of the list where it is as wide as usual.
    fn rows(&self, context: &Context<'_>) -> usize {
        let mut list = Sheet::new(context.theme, sheet::WIDTH);
        self.write_list(&mut list, context);
        list.height()
    }

    fn change_password(&self) -> Step {
        Step::Go(Route::OwnPassword {
            account: self.view.account.clone(),
            name: self.view.name.clone(),
        })
    }

    fn write_head(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.account_activity;
        let account = self.account();
        let count = self.view.activity.len().to_string();
        sheet.title(&words.title);
        if self.filter.is_shown() {
            let of = self.view.activity.len();
            let shown = self.shown(context).len();
            return self.filter.write(sheet, context, shown, of);
        }
        sheet.hint(&fill(&words.lead, &[("account", &account), ("n", &count)]));
        sheet.gap();
    }

    /// The activities that the filter leaves, each with its day and what is said of it.
    fn shown(&self, context: &Context<'_>) -> Vec<(&Activity, [String; 2])> {
        let zone = context.settings.zone;
        let rows = self.view.activity.iter().map(|activity| {
            let date = calendar::date(activity.at, zone, &context.text.months);
            (activity, [date, said(activity, context)])
        });
        rows.filter(|(_, words)| self.filter.matches(words))
            .collect()
    }

    /// A heading a day, below it a row an activity.
    fn write_list(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let shown = self.shown(context);
        if shown.is_empty() && self.filter.narrows() {
            return sheet.paragraph(&context.text.filter.none);
        }
        let mut day = None;
        for (activity, [date, said]) in shown {
            if day.as_ref() != Some(&date) {
                sheet.paragraph(&date);
                day = Some(date);
            }
            write_activity(sheet, context, activity, &said);
        }
    }

    fn write_advice(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.account_activity;
        let office = context.settings.office.as_str();
        let account = self.account();
        sheet.gap();
        sheet.title(&words.not_you);
        sheet.bullet(&words.step_password);
        // An officer's TOTP is reset by no letter.
        match self.view.role {
            Role::Officer => sheet.bullet(&words.step_totp_officer),
            Role::User if context.settings.reset_by_mail => sheet.bullet(&words.step_totp),
            Role::User => {}
        }
        let values = [("office", office), ("account", account.as_str())];
        sheet.bullet(&fill(&words.step_officer, &values));
    }

    fn account(&self) -> String {
        self.view.account.user_id.to_string()
    }
}

/// What an activity is called, and where it was.
fn said(activity: &Activity, context: &Context<'_>) -> String {
    let words = &context.text.account_activity;
    let what = context.text.activity.of(activity.kind).as_str();
    let source = context.text.place(&activity.from);
    match &activity.by {
        None => fill(&words.from, &[("what", what), ("source", &source)]),
        Some(officer) => {
            let officer = officer.user_id.as_str();
            let values = [("what", what), ("officer", officer), ("source", &source)];
            fill(&words.by_officer, &values)
        }
    }
}

fn write_activity(sheet: &mut Sheet, context: &Context<'_>, activity: &Activity, said: &str) {
    let theme = context.theme;
    let time = calendar::minute(activity.at, context.settings.zone);
    let (mark, style) = if activity.kind.is_refusal() {
        (theme.error_mark, theme.error)
    } else {
        (" ", theme.label)
    };
    sheet.pair(&format!("  {time}  {mark}"), said, style);
}

impl Keys for ActivityScreen {
    fn typing(&self, _context: &Context<'_>) -> bool {
        self.filter.is_typed()
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        if self.filter.paste(text) == Filtered::Changed {
            self.scroll = 0;
        }
        Step::Stay
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match self.filter.command(command) {
            Filtered::Passed => {}
            Filtered::Taken => return Step::Stay,
            Filtered::Changed => {
                self.scroll = 0;
                return Step::Stay;
            }
        }
        let rows = self.rows(context);
        // How far it scrolls is for the drawing to say, which alone knows how low the terminal is: on a low one there
        // is more below. Back up it goes from where 80x24 ends.
        let (end, shown) = (
            2 * (rows + PAGE),
            self.scroll.min(rows.saturating_sub(PAGE)),
        );
        let scrolled = match command {
            Command::Activate | Command::Back => {
                return Step::Close(Left::Nothing);
            }
            Command::Jump(letter) => {
                let change = [context.text.home.change_password.as_str()];
                return match jumped(0, &change, letter) {
                    Some(_) => self.change_password(),
                    None => Step::Stay,
                };
            }
            Command::Next => self.scroll + 1,
            Command::Previous => shown.saturating_sub(1),
            Command::PageDown => self.scroll + PAGE,
            Command::PageUp => shown.saturating_sub(PAGE),
            Command::First => 0,
            Command::Last => end,
            Command::Edit(_) => self.scroll,
        };
        self.scroll = scrolled.min(end);
        Step::Stay
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let hints = vec![
            KeyHint::new("Esc", self.filter.esc(text)),
            KeyHint::new(context.theme.arrows, &text.key.scroll),
            KeyHint::new(&text.home.change_password[..1], &text.own_password.title),
            KeyHint::new("F1", &text.key.help),
            KeyHint::new("F2", &text.key.language),
        ];
        self.filter.hints(hints, context)
    }
}

impl Screen for ActivityScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        self.write_head(sheet, context);
        let (mut list, mut advice) = (sheet.part(), sheet.part());
        self.write_list(&mut list, context);
        self.write_advice(&mut advice, context);
        let around = sheet.height() + advice.height();
        let room = sheet.rows().saturating_sub(around);
        if room < FEWEST_ROWS {
            self.write_list(sheet, context);
            sheet.turned(self.scroll);
        } else {
            sheet.window(list, room, self.scroll);
        }
        self.write_advice(sheet, context);
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.account_activity
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, _now: Now) -> Option<std::time::Duration> {
        None
    }
}
