//! The officer's desk (`petugas`): finding an account while typing, and the way to everything else an officer does.
//!
//! While nothing is typed, it shows who waits for help, and what else waits for an officer.
//!
//! The list belongs to the text it was found for. While a newer one is on its way nothing in it is opened, so nobody
//! opens an account that has just slipped under the pointer.

pub mod account_card;
pub mod desk_act;
pub mod desk_audit;
pub mod desk_outbox;
pub mod desk_policy;
pub mod draft;
mod found;
pub mod one_time_password;
mod overview;
pub mod rule_words;

use std::time::Duration;

use self::{
    desk_act::{declined_words, write_refusal},
    found::{AHEAD, List, found_of, found_table},
    overview::Waiting,
};
use crate::{
    domain::{
        identity::{AccountKey, PersonName},
        idle::Presence,
        officer::{Declined, Found, Overview},
        recorded::{ClockFault, elapsed},
        recovery::RecoveryState,
    },
    tui::{
        DeskReply, DeskRequest, HomeNotice, HomeView, Lookup, LookupReply, Now, Request,
        command::{Command, Edit},
        context::{Context, PATIENCE},
        route::Route,
        screen::{Attempt, FormScreen, Left, Refusal, Screen, Step, form_of, home::notice_words},
        text::{Text, fill},
        widget::{
            filter,
            form::{Change, Form, Items, items},
            frame::KeyHint,
            sheet::Sheet,
        },
    },
};

/// Columns of the field in which is typed what is looked for.
const SEARCH: usize = 48;

/// Rows of the body besides those of the list.
const OTHER_ROWS: usize = 9;

/// The home of an officer.
#[derive(Debug)]
pub struct DeskScreen {
    name: PersonName,
    notice: Option<HomeNotice>,
    /// The officer's own recovery codes, which a notice may be about.
    recovery: Option<RecoveryState>,
    clock: Option<ClockFault>,
    form: Form<Focus>,
    list: Option<List>,
    /// What is shown while nothing is typed.
    waiting: Waiting,
    /// The text for which nothing could be looked up.
    failed_for: Option<String>,
    declined: Option<Declined>,
    attempt: Attempt,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Search,
    Row(usize),
    Button(Button),
}

/// What leads on from the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    Policy,
    Outbox,
    Audit,
    Account,
    LogOut,
}

impl Button {
    const ALL: [Self; 5] = [
        Self::Policy,
        Self::Outbox,
        Self::Audit,
        Self::Account,
        Self::LogOut,
    ];

    fn label(self, text: &'static Text) -> &'static str {
        let words = &text.desk;
        match self {
            Self::Policy => &words.policy,
            Self::Outbox => &words.outbox,
            Self::Audit => &words.audit,
            Self::Account => &words.account,
            Self::LogOut => &text.common.logout,
        }
    }
}

impl DeskScreen {
    pub fn new(view: HomeView) -> Self {
        Self {
            name: view.name,
            notice: view.notice,
            recovery: view.recovery,
            clock: view.clock,
            form: Form::new(Focus::Search).text(Focus::Search, PersonName::MAX_CHARS, ""),
            list: None,
            waiting: Waiting::new(),
            failed_for: None,
            declined: None,
            attempt: Attempt::default(),
        }
    }

    fn typed(&self) -> &str {
        self.form.value(Focus::Search).trim()
    }

    fn accounts(&self) -> &[Found] {
        self.list.as_ref().map_or(&[], |list| &list.accounts)
    }

    /// The accounts that can be gone into: those that were found, or, while nothing is typed, those that wait.
    fn rows(&self) -> usize {
        match self.typed().is_empty() {
            true => self.waiting.stranded().len(),
            false => self.accounts().len(),
        }
    }

    fn account_at(&self, row: usize) -> Option<&AccountKey> {
        match self.typed().is_empty() {
            true => self
                .waiting
                .stranded()
                .get(row)
                .map(|stranded| &stranded.key),
            false => self.accounts().get(row).map(|found| &found.key),
        }
    }

    /// What was said about an act before goes with the next key.
    fn settle(&mut self) {
        self.notice = None;
        self.declined = None;
        self.attempt = Attempt::default();
    }

    fn typing_changed(&mut self) {
        if self.typed().is_empty() {
            self.list = None;
            self.waiting.want();
        }
        if self.failed_for.as_deref() != Some(self.typed()) {
            self.failed_for = None;
        }
    }

    /// Moves the focus as a key says that moves it. Among what was found it moves otherwise than in the form around.
    fn go(&mut self, command: Command, context: &Context<'_>) {
        let rows = self.rows();
        let focus = self.form.focused();
        let to = match (focus, command) {
            (Focus::Search, Command::PageDown) if rows > 0 => Focus::Row(0),
            // Whoever goes down faster than an account is found goes to no button.
            (Focus::Search, Command::Next) if rows == 0 && self.is_looking() => Focus::Search,
            // While a page is on its way, the end of the list is not its end.
            (Focus::Row(row), Command::Next) if row + 1 == rows && self.has_more() => focus,
            (Focus::Row(row), Command::PageDown) => Focus::Row((row + AHEAD).min(rows - 1)),
            (Focus::Row(row), Command::PageUp) => Focus::Row(row.saturating_sub(AHEAD)),
            (Focus::Row(_), Command::First) => return self.go_to_the_top(),
            (Focus::Row(_), Command::Last) => Focus::Row(rows - 1),
            (Focus::Button(_), Command::First) => Focus::Button(Button::ALL[0]),
            (Focus::Button(_), Command::PageUp) if rows > 0 => Focus::Row(rows - 1),
            (_, Command::PageDown | Command::PageUp) => focus,
            _ => self.items(context).moved(focus, command).unwrap_or(focus),
        };
        self.form.focus(to);
        self.look_ahead();
    }

    fn row(&self) -> Option<usize> {
        match self.form.focused() {
            Focus::Row(row) => Some(row),
            Focus::Search | Focus::Button(_) => None,
        }
    }

    /// The account that Enter opens.
    fn chosen(&self) -> Option<&AccountKey> {
        self.account_at(self.row()?)
    }

    /// The next page is wanted while the list runs out, however few accounts the pages bring.
    fn look_ahead(&mut self) {
        let row = self.row();
        if let Some(list) = &mut self.list {
            list.wants_more = list.runs_out(row);
        }
    }

    /// Whether there may yet be something to go down into.
    fn is_looking(&self) -> bool {
        let awaited = !self.typed().is_empty() && !self.is_up_to_date();
        self.failed_for.is_none() && awaited || self.has_more()
    }

    fn has_more(&self) -> bool {
        let list = self.list.as_ref();
        list.is_some_and(|list| list.next.is_some()) && self.failed_for.is_none()
    }

    /// To the first row. If it was left behind, the text is looked up anew.
    fn go_to_the_top(&mut self) {
        self.form.focus(Focus::Row(0));
        if self.list.as_ref().is_some_and(|list| list.left_behind > 0) {
            self.list = None;
            self.form.focus(Focus::Search);
        }
    }

    /// Whether the list is that of what is typed now.
    fn is_up_to_date(&self) -> bool {
        let list = self.list.as_ref();
        self.typed().is_empty() || list.is_some_and(|list| list.typed == self.typed())
    }

    /// Puts what waits in place of what was known before. Whoever is at an account stays there, or goes back to the field. Says
    /// whether Enter now stands for something else.
    fn replace_waiting(&mut self, overview: Option<Overview>) -> bool {
        let chosen = self.chosen().cloned();
        self.waiting.answered(overview);
        if !self.typed().is_empty() || self.row().is_none() {
            return false;
        }
        let place = (0..self.rows()).find(|row| self.account_at(*row) == chosen.as_ref());
        self.form.focus(place.map_or(Focus::Search, Focus::Row));
        place.is_none()
    }

    /// Puts a list in place of the one before. Whoever went down into that one already is at the first account of this
    /// one; whoever went further stays on the same account, or goes back to the field.
    fn replace(&mut self, list: List) {
        if let Some(row) = self.row()
            && (row > 0 || list.accounts.is_empty())
        {
            let chosen = self.accounts().get(row).map(|found| &found.key);
            let place = list
                .accounts
                .iter()
                .position(|found| Some(&found.key) == chosen);
            self.form.focus(place.map_or(Focus::Search, Focus::Row));
        }
        self.list = Some(list);
    }

    fn write_list(&self, sheet: &mut Sheet, context: &Context<'_>, rows: usize) {
        if self.typed().is_empty() {
            // The buttons stay where they are, whatever waits.
            return self.waiting.write(sheet, context, self.row(), rows + 2);
        }
        let words = &context.text.desk;
        let Some(list) = self.list.as_ref().filter(|list| !list.accounts.is_empty()) else {
            let begin = sheet.height();
            if self.failed_for.is_some() {
                sheet.error(&words.failed);
            } else if self.list.as_ref().is_some_and(List::is_short) {
                sheet.hint(&words.looking);
            } else if self.is_up_to_date() {
                sheet.paragraph(&fill(&words.nothing, &[("typed", self.typed())]));
                if let Some(gap) = self.list.as_ref().and_then(|list| list.gap(context.text)) {
                    sheet.hint(gap);
                }
            }
            // The buttons stay where they are, found or not.
            while sheet.height() < begin + rows + 2 {
                sheet.gap();
            }
            return;
        };
        let table = found_table(&list.accounts, context);
        let begin = sheet.height();
        table.write(sheet, self.row(), rows, list.next.is_some());
        while sheet.height() < begin + rows + 1 {
            sheet.gap();
        }
        if self.failed_for.is_some() {
            return sheet.error(&words.failed);
        }
        let n = context
            .text
            .number((list.left_behind + list.accounts.len()) as u64);
        let counted = if list.next.is_some() {
            fill(&words.more, &[("n", &n)])
        } else {
            fill(&words.count, &[("n", &n)])
        };
        let hint = match list.gap(context.text) {
            Some(gap) => format!("{counted}  {gap}"),
            None => counted,
        };
        sheet.hint(&hint);
    }
}

impl FormScreen for DeskScreen {
    form_of!(Focus, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Focus> {
        let (words, keys) = (&context.text.desk, &context.text.key);
        let search = items::field(Focus::Search, &words.search, SEARCH).in_row();
        let search = match (&self.failed_for, self.rows()) {
            (Some(_), _) => search.enter(&words.again),
            (None, 0) => search.unsaid(),
            (None, _) => search.enter(&words.list),
        };
        let rows = (0..self.rows()).map(Focus::Row);
        let rows = rows.map(|row| items::own(row).enter(&words.open));
        let button =
            |button: Button| items::button(Focus::Button(button), button.label(context.text));
        let esc = match self.form.focused() {
            Focus::Search if self.form.value(Focus::Search).is_empty() => {
                &context.text.common.logout
            }
            Focus::Search => &words.clear,
            Focus::Row(_) | Focus::Button(_) => &keys.back,
        };
        let buttons = Button::ALL.map(button);
        let is_away = self.form.focused() != Focus::Search;
        let find = is_away.then(|| KeyHint::new("/", &words.search));
        Items::new([search].into_iter().chain(rows).chain(buttons))
            .without_main()
            .esc(esc)
            .further(2, find)
    }

    fn before(&mut self, command: Command, context: &Context<'_>) -> Option<Step> {
        self.settle();
        // What begins a search on every list leads to the field here, and into it only behind other letters.
        let begins = match command {
            Command::Jump(filter::KEY) => true,
            Command::Edit(Edit::Insert(filter::KEY)) => self.form.value(Focus::Search).is_empty(),
            _ => false,
        };
        if begins {
            self.form.focus(Focus::Search);
            return Some(Step::Stay);
        }
        if command.moves_focus() {
            self.go(command, context);
            return Some(Step::Stay);
        }
        None
    }

    fn choose(&mut self, item: Focus, _context: &Context<'_>) -> Step {
        match item {
            Focus::Search => {
                if self.failed_for.as_deref() == Some(self.typed()) {
                    self.failed_for = None;
                } else if self.is_up_to_date() && self.rows() > 0 {
                    self.form.focus(Focus::Row(0));
                }
                Step::Stay
            }
            // What is in focus of an older list may be gone with the next one.
            Focus::Row(_) if !self.is_up_to_date() => Step::Stay,
            Focus::Row(row) => match self.account_at(row) {
                Some(account) => Step::Ask(Request::Desk(DeskRequest::Show(account.clone()))),
                None => Step::Stay,
            },
            Focus::Button(Button::Policy) => Step::Ask(Request::Desk(DeskRequest::ShowRules)),
            Focus::Button(Button::Outbox) => Step::Ask(Request::Desk(DeskRequest::ShowOutbox)),
            Focus::Button(Button::Audit) => Step::Ask(Request::Desk(DeskRequest::ShowAudit)),
            Focus::Button(Button::Account) => Step::Ask(Request::LoadHome),
            Focus::Button(Button::LogOut) => Step::LogOut,
        }
    }

    /// One step back: from the list to what is typed, then to nothing typed, then to `LOGOUT`, which a slip of Esc
    /// does not press.
    fn back(&mut self, _context: &Context<'_>) -> Step {
        match self.form.focused() {
            Focus::Search if self.form.value(Focus::Search).is_empty() => {
                self.form.focus(Focus::Button(Button::LogOut));
            }
            Focus::Search => {
                self.form.clear(Focus::Search);
                self.typing_changed();
            }
            Focus::Row(_) | Focus::Button(_) => self.form.focus(Focus::Search),
        }
        Step::Stay
    }

    fn changed(&mut self, _item: Focus, _change: Change, _context: &Context<'_>) -> Step {
        self.settle();
        self.typing_changed();
        Step::Stay
    }
}

impl Screen for DeskScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn wants_lookup(&self) -> Option<Lookup> {
        let typed = self.typed();
        if typed.is_empty() {
            return self.waiting.is_wanted().then_some(Lookup::Overview);
        }
        if self.failed_for.as_deref() == Some(typed) {
            return None;
        }
        let after = match &self.list {
            Some(list) if list.typed == typed => {
                let next = list.next.clone().filter(|_| list.wants_more);
                Some(next?)
            }
            _ => None,
        };
        Some(Lookup::Find {
            typed: typed.to_owned(),
            after,
        })
    }

    fn lookup_reply(&mut self, lookup: Lookup, reply: LookupReply, _context: &Context<'_>) -> bool {
        let (typed, after) = match lookup {
            Lookup::Find { typed, after } => (typed, after),
            Lookup::OlderRecords { .. } => return false,
            Lookup::Overview => {
                return self.replace_waiting(match reply {
                    LookupReply::Overview(overview) => Some(*overview),
                    _ => None,
                });
            }
        };
        // The field has been emptied meanwhile: there is nothing to be shown.
        if self.typed().is_empty() {
            return false;
        }
        let LookupReply::Found(page) = reply else {
            self.failed_for = Some(typed);
            return false;
        };
        let row = self.row();
        let chosen = self.chosen().cloned();
        match after {
            None => self.replace(List::new(typed, page)),
            Some(after) => {
                let same =
                    |list: &&mut List| list.typed == typed && list.next.as_ref() == Some(&after);
                let Some(list) = self.list.as_mut().filter(same) else {
                    return false;
                };
                let gone = list.append(page, row);
                if let Some(row) = row {
                    self.form.focus(Focus::Row(row - gone));
                }
            }
        }
        self.look_ahead();
        self.row().is_some() && self.chosen() != chosen.as_ref()
    }

    fn desk(&mut self, reply: DeskReply, _context: &Context<'_>) -> Step {
        match reply {
            DeskReply::Card(card) => Step::Open(Route::AccountCard(card)),
            DeskReply::Rules(rules) => Step::Open(Route::DeskPolicy(rules)),
            DeskReply::Outbox(letters) => Step::Open(Route::DeskOutbox(letters)),
            DeskReply::Audit(records) => Step::Open(Route::DeskAudit(records)),
            DeskReply::Declined(why) => {
                self.declined = Some(why);
                Step::Stay
            }
            DeskReply::Email(_) | DeskReply::Done(..) => Step::Stay,
        }
    }

    fn returned(&mut self, left: Left, context: &Context<'_>) -> Step {
        self.waiting.want();
        match left {
            Left::Done(reply) => return self.desk(reply, context),
            Left::Card(card) => {
                let known = |key: &AccountKey, found: &Found| found.key == *key;
                let found = found_of(*card);
                let accounts = self.list.iter_mut().flat_map(|list| &mut list.accounts);
                for account in accounts.filter(|account| known(&found.key, account)) {
                    *account = found.clone();
                }
            }
            Left::Nothing => {}
        }
        Step::Stay
    }

    fn is_desk(&self) -> bool {
        true
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let rows = sheet.rows_besides(OTHER_ROWS, 3);
        let text = context.text;
        let words = &text.desk;
        sheet.title(&fill(&words.title, &[("name", self.name.as_str())]));
        match (self.notice, self.declined) {
            (Some(notice), _) => {
                sheet.success(&notice_words(notice, self.recovery, text));
            }
            (None, Some(declined)) => sheet.refusal(declined_words(declined, text)),
            (None, None) if self.attempt.last().is_some() => {
                write_refusal(&self.attempt, sheet, context);
            }
            (None, None) => match self.clock {
                Some(ClockFault::Unsynchronised) => sheet.error(&words.clock),
                Some(ClockFault::Apart(apart)) => {
                    let by = text.clock_off(apart.unsigned_abs());
                    sheet.error(&fill(&words.clock_apart, &[("by", &by)]));
                }
                Some(ClockFault::BeforeBuild(past) | ClockFault::BeforeRecorded(past)) => {
                    let by = text.clock_off(elapsed(context.now.wall, past));
                    sheet.error(&fill(&words.clock_wrong, &[("by", &by)]));
                }
                None => {}
            },
        }
        sheet.name_columns(9);
        let form = self.view(context);
        form.write(sheet, Focus::Search);
        let signs = [
            (context.working, &text.common.working),
            (context.looking, &words.looking),
        ];
        let is_long = |since: &Duration| *since >= PATIENCE;
        let going_on = signs
            .into_iter()
            .find_map(|(since, sign)| Some((sign, since.filter(is_long)?)));
        match going_on {
            Some((sign, since)) => sheet.field_working(sign, since),
            None => sheet.field_hint(&words.search_hint),
        }
        sheet.gap();
        self.write_list(sheet, context, rows);
        sheet.gap();
        form.write_toolbar(sheet);
    }

    fn is_wide(&self) -> bool {
        true
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
