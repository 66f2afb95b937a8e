//! The QR code of a new key, shown once, with the field that proves the phone right here.
//!
//! On 80x24 the code takes the whole height at the left and everything else stands beside it; where there is more
//! room, the usual header and footer stay.

use std::{mem, time::Duration};

use ratatui::{
    Frame,
    layout::{Rect, Size},
};

use zeroize::Zeroizing;

use crate::{
    domain::{TimeStep, calendar, idle::Presence, provisioning::Provisioning},
    tui::{
        Copied, Now, Request,
        command::Command,
        context::Context,
        screen::{
            Attempt, FormScreen, Keys, Refusal, Screen, Step, form_of, next_second, write_copied,
            write_working,
        },
        text::{Text, fill},
        widget::{
            form::{Change, Form, Items, items},
            frame::{self, KeyHint},
            outline::Part,
            panel::Panel,
            qr::Qr,
            sheet::{self, Sheet},
        },
    },
};

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Code,
    Prove,
    LogOut,
}

/// The least columns that the text beside the code needs.
const BESIDE: u16 = 33;

/// The most that it uses.
const WIDEST_BESIDE: u16 = 48;

/// Rows that are left below the sheet within the usual frame, as below every panel.
const BELOW: u16 = 1;

/// Rows below the text where there is no room for the usual footer.
const FOOT: u16 = 3;

/// The screen of a new key.
#[derive(Debug)]
pub struct EnrollmentScreen {
    provisioning: Provisioning,
    qr: Option<Qr>,
    /// The picture stands alone, where there is no room for it beside the text.
    is_alone: bool,
    /// Reached without being home: there is no way back but `LOGOUT`.
    compulsory: bool,
    /// Nobody has said yet why it is there: the office requires it.
    unexpected: bool,
    /// Recovery codes are offered once it is proved.
    codes_follow: bool,
    /// It is for a second phone, beside one that is in force.
    is_second: bool,
    form: Form<Item>,
    attempt: Attempt,
}

impl EnrollmentScreen {
    pub fn new(provisioning: Provisioning, compulsory: bool, context: &Context<'_>) -> Self {
        Self {
            qr: Qr::new(provisioning.uri(), context.theme.terminal),
            is_alone: false,
            provisioning,
            compulsory,
            unexpected: false,
            codes_follow: false,
            is_second: false,
            form: Form::new(Item::Code).code(Item::Code),
            attempt: Attempt::default(),
        }
    }

    /// The same, which says why it is there if that is `unexpected`: right after a password, because the office requires it.
    pub fn because(mut self, unexpected: bool) -> Self {
        self.unexpected = unexpected;
        self
    }

    /// The same, which is the first step of a way to recovery codes if these follow.
    pub fn before_codes(mut self, codes_follow: bool) -> Self {
        self.codes_follow = codes_follow;
        self
    }

    /// The same, for a second phone beside the one there is.
    pub fn for_second_phone(mut self) -> Self {
        self.is_second = true;
        self
    }

    fn submit(&mut self, now: Now) -> Step {
        match self.attempt.take_code(&mut self.form, Item::Code, now) {
            Some(passcode) if self.is_second => Step::Ask(Request::ProvePhone(passcode)),
            Some(passcode) => Step::Ask(Request::ProveEnrollment(passcode)),
            None => Step::Stay,
        }
    }

    /// The key in lines of whole groups of four that fit `width`.
    fn key_lines(&self, width: u16) -> Vec<String> {
        let groups: Vec<&str> = self.provisioning.key().split(' ').collect();
        let a_line = if usize::from(width) >= self.provisioning.key().len() {
            groups.len()
        } else {
            4
        };
        groups.chunks(a_line).map(|line| line.join(" ")).collect()
    }
}

impl FormScreen for EnrollmentScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let items = [
            items::code(Item::Code, &text.common.passcode),
            items::button(Item::Prove, &text.enrollment.prove),
            items::button(Item::LogOut, &text.common.logout),
        ];
        // Beside the picture there is no room to say what Enter does.
        let items = Items::new(items.map(items::Item::unsaid));
        match self.compulsory {
            true => items,
            false => items.esc(&text.key.back),
        }
    }

    /// Letters are no part of a code, so they are free for the picture.
    fn before(&mut self, command: Command, _context: &Context<'_>) -> Option<Step> {
        let qr = self.qr.as_mut()?;
        let letter = command.letter();
        if letter == Some('b') && qr.can_be_turned_over() {
            qr.turn_over();
            return Some(Step::Stay);
        }
        let was_alone = mem::take(&mut self.is_alone);
        self.is_alone = !was_alone && letter == Some('q');
        // A digit closes the picture too, and goes into its field; so does a move of the focus.
        let is_other = letter.is_some_and(|letter| !letter.is_ascii_digit());
        let closes = is_other || matches!(command, Command::Back | Command::Activate);
        (letter == Some('q') || was_alone && closes).then_some(Step::Stay)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Code | Item::Prove => self.submit(context.now),
            Item::LogOut => Step::LogOut,
        }
    }

    /// The key as apps take it, where it is seen.
    fn to_copy(&self) -> Option<Copied> {
        if self.is_alone {
            return None;
        }
        let mut key = Zeroizing::new(String::with_capacity(self.provisioning.key().len()));
        key.extend(self.provisioning.key().split(' '));
        Some(key.into())
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        if !self.compulsory {
            return Step::Ask(Request::LoadHome);
        }
        self.form.focus(Item::LogOut);
        Step::Stay
    }

    fn changed(&mut self, _item: Item, change: Change, context: &Context<'_>) -> Step {
        self.is_alone = false;
        match change {
            Change::Completed => self.submit(context.now),
            Change::Typed | Change::Pasted => Step::Stay,
        }
    }
}

impl Screen for EnrollmentScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.is_alone = false;
        self.form.focus(Item::Code);
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let can_be_turned_over = self.qr.as_ref().is_some_and(Qr::can_be_turned_over);
        let turn = can_be_turned_over.then(|| context.text.enrollment.turn_over.clone());
        self.write(sheet, context, turn.as_slice());
    }

    /// The picture stands beside the sheet.
    fn outline(&self, context: &Context<'_>) -> Vec<Part> {
        let mut outline = Sheet::outline(context.theme, |sheet| self.sheet(sheet, context));
        if self.qr.is_some() {
            outline.insert(outline.len().min(1), Part::Picture);
        }
        outline
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let area = frame.area();
        if let Some(qr) = self.alone() {
            qr.paint_alone(frame, context);
        } else if let Some((qr, (cells, quiet))) = self.within_frame(area) {
            let body = frame::paint(frame, context, &self.hints_beside(context));
            self.paint_beside(frame, context, body, (qr, cells, quiet));
        } else if let Some((qr, (cells, quiet))) = self.fitted(area, area.height) {
            self.paint_beside(frame, context, area, (qr, cells, quiet));
            let beside = Rect {
                x: area.x + cells.width,
                width: area.width - cells.width,
                ..area
            };
            self.paint_foot(frame, context, beside);
        } else {
            let (said, key) = self.in_place_of_picture(area, context);
            let body = frame::paint(frame, context, &self.hints_with(key, context));
            let panel = Panel::new(body, sheet::WIDTH);
            let mut sheet = panel.sheet(context.theme);
            self.write(&mut sheet, context, &said);
            panel.paint(frame, context, sheet);
        }
    }

    /// Beside a picture of the whole height: no phone reads one that is covered.
    fn paint_banner(&self, frame: &mut Frame<'_>, context: &Context<'_>, sentence: &str) {
        if self.alone().is_some() {
            return frame::paint_banner_below(frame, context, sentence);
        }
        let area = frame.area();
        let whole = self.within_frame(area).is_none();
        let Some((_, (cells, _))) = self.fitted(area, area.height).filter(|_| whole) else {
            return frame::paint_banner(frame, context, sentence);
        };
        let theme = context.theme;
        let (x, width) = (area.x + cells.width, area.width - cells.width);
        let room = usize::from(width).saturating_sub(2);
        let lines = sheet::wrap(&theme.shown(sentence), room);
        for (y, line) in (area.y..area.bottom()).zip(lines) {
            let line = format!(" {line:<room$} ");
            let buffer = frame.buffer_mut();
            buffer.set_stringn(x, y, line, usize::from(width), theme.care);
        }
    }

    /// The code, then whether recovery codes are wanted, then those.
    fn step(&self) -> Option<(usize, usize)> {
        self.codes_follow.then_some((1, 3))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.enrollment
    }

    fn presence(&self) -> Presence {
        Presence::Copying
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        Some(next_second(now))
    }
}

impl EnrollmentScreen {
    /// The picture, as it fits beside the text in so many rows, and the columns of its quiet zone.
    fn fitted(&self, area: Rect, height: u16) -> Option<(&Qr, (Size, usize))> {
        let room = Size::new(area.width.saturating_sub(BESIDE), height);
        let qr = self.qr.as_ref()?;
        Some((qr, qr.fitted(room)?))
    }

    /// The same, with the whole quiet zone inside the usual frame, if there is room; else the picture has the whole height.
    fn within_frame(&self, area: Rect) -> Option<(&Qr, (Size, usize))> {
        let fitted = self.fitted(area, area.height.saturating_sub(frame::around(area.height)));
        fitted.filter(|(_, (_, quiet))| *quiet == 4)
    }

    /// The keys where the picture stands beside the text.
    fn hints_beside(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let turn = self.qr.as_ref().and_then(|qr| qr.turn_hint(context));
        self.hints_with(turn, context)
    }

    /// The keys, and one for the picture before them, but behind what is said of a key that came too early.
    fn hints_with(&self, key: Option<KeyHint>, context: &Context<'_>) -> Vec<KeyHint> {
        let mut hints = self.hints(context);
        let place = usize::from(context.unread.is_some());
        hints.splice(place..place, key);
        hints
    }

    /// The picture that is to stand alone.
    fn alone(&self) -> Option<&Qr> {
        self.qr.as_ref().filter(|_| self.is_alone)
    }

    /// What is said where the picture has no room beside the text, and the key that shows it alone, if that helps.
    fn in_place_of_picture(
        &self,
        area: Rect,
        context: &Context<'_>,
    ) -> (Vec<String>, Option<KeyHint>) {
        let words = &context.text.enrollment;
        match &self.qr {
            None => (vec![words.by_hand.clone()], None),
            Some(qr) if qr.fitted(area.as_size()).is_some() => {
                let key = KeyHint::new("Q", &context.text.key.show_qr);
                (vec![words.alone.clone()], Some(key))
            }
            Some(qr) => (vec![qr.need(context), words.by_hand.clone()], None),
        }
    }

    /// Everything but the picture, and what is to be said of it.
    fn write(&self, sheet: &mut Sheet, context: &Context<'_>, of_picture: &[String]) {
        let words = &context.text.enrollment;
        let form = self.view(context);
        let left = TimeStep::seconds_left(context.now.wall);
        let said = context.text.duration(Duration::from_secs(left));
        let phones = &context.text.phones;
        let (title, step_1, rejected) = match self.is_second {
            true => (&phones.title_add, &phones.step_1, &phones.rejected),
            false => (&words.title, &words.step_1, &words.rejected_entry),
        };
        sheet.step_of(title, self.step(), context.text);
        sheet.paragraph(&format!(
            "{}: {}",
            words.account,
            self.provisioning.account_name()
        ));
        // Whoever has got as far as a refused code knows it, and that needs the room.
        if self.unexpected && self.attempt.last().is_none() {
            sheet.hint(&words.required);
        }
        sheet.paragraph(step_1);
        sheet.paragraph(&words.step_2);
        sheet.paragraph(&words.step_3);
        sheet.gap();
        sheet.issued(&self.key_lines(sheet.width()));
        sheet.hint(&words.once);
        for said in of_picture {
            sheet.hint(said);
        }
        sheet.gap();
        form.write(sheet, Item::Code);
        self.attempt.write(sheet, context, |sheet| {
            let entry = self.provisioning.account_name();
            let said = [("entry", entry), ("seconds", said.as_str())];
            sheet.refusal(&fill(rejected, &said));
        });
        match self.attempt.last() {
            Some(Refusal::PhoneClock(drift)) => {
                let (ahead, behind) = (&words.clock_ahead, &words.clock_behind);
                sheet.refusal(&context.text.drift(drift, ahead, behind));
            }
            Some(Refusal::OfficeClock) => sheet.refusal(&words.office_clock),
            _ => {}
        }
        write_copied(sheet, context);
        write_working(sheet, context);
        form.write(sheet, Item::Prove);
        form.write(sheet, Item::LogOut);
    }

    fn paint_beside(
        &self,
        frame: &mut Frame<'_>,
        context: &Context<'_>,
        area: Rect,
        (qr, cells, quiet): (&Qr, Size, usize),
    ) {
        let spare = area.width - cells.width;
        let gap = if spare > 40 { 3 } else { 2 };
        let width = (spare - gap).min(WIDEST_BESIDE);
        let picture = Rect {
            // Both in the middle together.
            x: area.x + (spare - gap - width) / 2,
            y: area.y + (area.height - cells.height) / 2,
            width: cells.width,
            height: cells.height,
        };
        // The sheet's inks are for the panel's paper; what stands below it is for the page's.
        let is_whole = area == frame.area();
        let sheet = Rect {
            height: area.height - if is_whole { FOOT } else { BELOW },
            ..area
        };
        frame.buffer_mut().set_style(sheet, context.theme.panel);
        qr.paint(frame.buffer_mut(), picture, quiet);
        // Beside a code of the whole height the last rows are the foot's.
        let whole = is_whole && area.height < 30;
        let top = if whole { area.y } else { picture.y };
        let text = Rect {
            // The sheet's own gutter is the gap.
            x: picture.right() + gap - 2,
            y: top,
            width: width + 2,
            height: area.bottom() - top - if whole { FOOT } else { 0 },
        };
        let mut sheet = Sheet::new(context.theme, text.width);
        self.sheet(&mut sheet, context);
        sheet.messages_within();
        sheet.paint(frame, text);
    }

    /// The server's time and the keys, below the text, where there is no room for the usual footer.
    fn paint_foot(&self, frame: &mut Frame<'_>, context: &Context<'_>, area: Rect) {
        let time = calendar::time_with_seconds(context.now.wall, context.settings.zone);
        let time = format!("{}  {time}", context.text.passcode.server_time);
        let x = area.x + 2;
        let buffer = frame.buffer_mut();
        buffer.set_stringn(
            x,
            area.bottom() - 2,
            context.theme.shown(&time),
            usize::from(area.width - 2),
            context.theme.footer,
        );
        let line = frame::hint_line(context, &self.hints_beside(context), area.width - 1);
        buffer.set_line(x - 1, area.bottom() - 1, &line, area.width - 1);
    }
}
