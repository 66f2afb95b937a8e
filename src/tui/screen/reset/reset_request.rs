//! `Permintaan Reset TOTP`: whose TOTP, by which e-mail address, and the Kode Keamanan read from its picture.
//!
//! The answer tells nothing of accounts, so what a field says is wrong with it is only ever what anybody can see: its
//! form. Every sending uses the picture up; whatever becomes of it, the next try has a new one.

use std::time::Duration;

use ratatui::{Frame, text::Line};
use zeroize::Zeroizing;

use super::STEPS;
use crate::{
    domain::{
        EmailAddress, UserId, UserType,
        identity::AccountKey,
        idle::Presence,
        security_code::{Challenge, Picture},
    },
    tui::{
        Now, Request,
        context::Context,
        route::{Route, Waiting},
        screen::{
            Attempt, FormScreen, Keys, Left, Refusal, Screen, Step, form_of,
            login::user_id::{self, user_id_words},
            write_working,
        },
        text::{Text, fill},
        widget::{
            form::{Form, Items, Sentence, items},
            frame,
            panel::Panel,
            security_code::Layout,
            sheet::{self, Sheet},
        },
    },
};

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    UserId,
    Email,
    UserType,
    Code,
    Send,
    Renew,
    HaveLetter,
}

/// Characters that the field of the Kode Keamanan takes: twice a code, for slips and spaces.
const CODE_COLUMNS: usize = 12;

/// Rows of that field where it has no room beside its label.
const FIELD_ROWS: usize = 2;

/// Columns and rows with which the form can be sent: those of a phone held upright.
const SMALLEST: [u16; 2] = [40, 24];

/// Rows of the form that are left empty while no field has anything to say.
const AIR: usize = 2;

/// The form for a reset by a letter.
#[derive(Debug)]
pub struct ResetRequestScreen {
    form: Form<Item>,
    drawn: Drawn,
    attempt: Attempt,
}

/// The picture, and what is to become of it.
#[derive(Debug, Default)]
struct Drawn {
    picture: Option<Picture>,
    /// Monotonic time at which it came.
    at: Duration,
    /// An answer to it is being judged: it stays on the screen, and does not age.
    used: bool,
    /// A new one is wanted, whatever its age.
    renew: bool,
}

impl Drawn {
    /// What is left of its time.
    fn left(&self, now: Now) -> Option<Duration> {
        if self.used {
            return None;
        }
        self.picture.as_ref()?;
        Some((self.at + Challenge::GOOD_FOR).saturating_sub(now.monotonic))
    }

    fn is_too_old(&self, now: Now) -> bool {
        self.left(now).is_some_and(|left| left.is_zero())
    }
}

/// What is wrong with what was typed as an e-mail address.
pub fn email_words(typed: &str) -> Sentence {
    match typed.trim() {
        "" => |text| text.reset_request.email_empty.clone(),
        _ => |text| text.reset_request.email_form.clone(),
    }
}

impl ResetRequestScreen {
    /// The form with what is known already.
    pub fn new(user_type: UserType, user_id: &str) -> Self {
        let focus = match UserId::parse(user_id) {
            Ok(_) => Item::Email,
            Err(_) => Item::UserId,
        };
        let mut kinds = UserType::ALL.into_iter();
        let chosen = kinds.position(|kind| kind == user_type);
        Self {
            form: Form::new(focus)
                .text(Item::UserId, user_id::LIMIT, user_id)
                .text(Item::Email, EmailAddress::MAX_BYTES, "")
                .choices(Item::UserType, chosen.unwrap_or_default())
                .text(Item::Code, CODE_COLUMNS, ""),
            drawn: Drawn {
                renew: true,
                ..Drawn::default()
            },
            attempt: Attempt::default(),
        }
    }

    fn renew(&mut self) {
        self.drawn.renew = true;
        self.form.settle(Item::Code);
        self.form.clear(Item::Code);
    }

    fn send(&mut self, now: Now) -> Step {
        // Too late for the picture, the new one is on its way.
        if self.drawn.renew || self.drawn.is_too_old(now) {
            return Step::Stay;
        }
        let value = |item| self.form.value(item);
        let user_id = UserId::parse(value(Item::UserId));
        let typed = value(Item::Email);
        let email = EmailAddress::parse(typed).map_err(|_| email_words(typed));
        let security_code = Zeroizing::new(value(Item::Code).trim().to_owned());
        let empty: Sentence = |text| text.reset_request.code_empty.clone();
        let user_type = UserType::ALL[self.form.chosen(Item::UserType)];
        let is_whole = self.form.judge([
            (
                Item::UserId,
                user_id.as_ref().err().copied().map(user_id_words),
            ),
            (Item::Email, email.as_ref().err().copied()),
            (Item::Code, security_code.is_empty().then_some(empty)),
        ]);
        match (user_id, email) {
            (Ok(user_id), Ok(email)) if is_whole && self.attempt.may_try(now) => {
                self.drawn.used = true;
                Step::Ask(Request::RequestReset {
                    account: AccountKey::new(user_type, user_id),
                    email,
                    security_code,
                })
            }
            _ => Step::Stay,
        }
    }

    /// On to the letter's link or code; the form waits below, for a new picture when somebody comes back to it.
    fn have_letter(&mut self) -> Step {
        self.renew();
        self.attempt = Attempt::default();
        Step::Open(Route::ResetConfirm {
            over: Waiting::RequestForm,
            code: None,
        })
    }

    /// The picture, or what it needs where it cannot be seen whole together with its field.
    fn write_picture(&self, sheet: &mut Sheet, context: &Context<'_>) {
        // An outline is for no terminal.
        let rows = match sheet.rows() {
            0 => usize::MAX,
            rows => rows.saturating_sub(FIELD_ROWS),
        };
        let Some(layout) = Layout::within(sheet.picture_columns(), rows) else {
            let [columns, rows] = SMALLEST.map(|cells| cells.to_string());
            let words = &context.text.reset_request.too_small;
            let size = [("columns", columns.as_str()), ("rows", rows.as_str())];
            return sheet.error(&fill(words, &size));
        };
        sheet.picture(match &self.drawn.picture {
            Some(picture) => layout.lines(picture, context.theme),
            None => vec![Line::default(); layout.height()],
        });
    }
}

impl FormScreen for ResetRequestScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let words = &text.reset_request;
        let field = |item, label, columns| items::field(item, label, columns).in_row();
        let kinds = UserType::ALL.map(|kind| match kind {
            UserType::Penyedia => words.penyedia.as_str(),
            UserType::NonPenyedia => words.non_penyedia.as_str(),
        });
        let items = [
            field(Item::UserId, &text.user_id.label, UserId::MAX_LENGTH),
            field(Item::Email, &words.email, EmailAddress::MAX_BYTES),
            items::choices(Item::UserType, &words.user_type, kinds.to_vec()),
            field(Item::Code, &words.security_code, CODE_COLUMNS).enter(&words.send),
            items::button(Item::Send, &words.send).enter(&words.send),
            items::button(Item::Renew, &words.renew).enter(&words.renew),
            items::link(Item::HaveLetter, &words.have_letter),
        ];
        Items::new(items).esc(&text.key.back)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::UserId | Item::Email | Item::UserType => {}
            Item::Code | Item::Send => return self.send(context.now),
            Item::Renew => {
                self.renew();
                self.form.focus(Item::Code);
            }
            Item::HaveLetter => return self.have_letter(),
        }
        Step::Stay
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }
}

impl Screen for ResetRequestScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.renew();
        self.form.focus(Item::Code);
        if refusal == Refusal::SecurityCode {
            let misread: Sentence = |text| text.reset_request.code_misread.clone();
            self.form.say(Item::Code, misread);
        } else {
            self.attempt.refused(refusal, context.now);
        }
    }

    fn wants_security_code(&self, now: Now) -> bool {
        self.drawn.renew || self.drawn.is_too_old(now)
    }

    fn security_code(&mut self, picture: Picture, now: Now) -> bool {
        let is_too_late = !self.drawn.renew;
        if is_too_late {
            self.form.clear(Item::Code);
            self.attempt.edited();
            let too_late: Sentence = |text| text.reset_request.code_too_late.clone();
            self.form.say(Item::Code, too_late);
        }
        self.drawn = Drawn {
            picture: Some(picture),
            at: now.monotonic,
            ..Drawn::default()
        };
        is_too_late && self.form.focused() == Item::Code
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_request;
        let form = self.view(context);
        let fields = [Item::UserId, Item::Email, Item::Code];
        let errors = fields
            .into_iter()
            .filter_map(|field| form.wrong(field))
            .count();
        let refused = self.attempt.last().is_some();
        // On 80x24 the form fills its rows; what went wrong takes the hint's place first, then the air's.
        let air = AIR.saturating_sub(errors.saturating_sub(1));
        sheet.step_title(&words.title, &context.text.step(1, STEPS));
        if errors == 0 && !refused {
            sheet.hint(&words.lead);
        }
        if air > 0 && !(refused && errors > 0) {
            sheet.gap();
        }
        form.write(sheet, Item::UserId);
        form.write(sheet, Item::Email);
        form.write(sheet, Item::UserType);
        let above = sheet.height();
        self.write_picture(sheet, context);
        let rows = sheet.height() - above;
        form.write(sheet, Item::Code);
        if form.is_focused(Item::Code) {
            sheet.seen_with_focus(rows);
        }
        // Either a request is under way or the last one was refused; both take the place of the air.
        let before = sheet.height();
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
        if air > 1 && sheet.height() == before {
            sheet.gap();
        }
        form.write_buttons(sheet);
        form.write(sheet, Item::HaveLetter);
    }

    /// Where the picture just fits the window, the panel has no sides.
    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let body = frame::paint(frame, context, &self.hints(context));
        let usual = Panel::new(body, sheet::WIDTH);
        let is_too_narrow = usual.sheet(context.theme).picture_columns() < Picture::WIDTH;
        let panel = match is_too_narrow && body.width >= Picture::WIDTH {
            true => Panel::edge_to_edge(body),
            false => usual,
        };
        let mut sheet = panel.sheet(context.theme);
        self.sheet(&mut sheet, context);
        panel.paint(frame, context, sheet);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_request
    }

    fn presence(&self) -> Presence {
        Presence::LongForm
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        // A picture that is too old has been asked for anew already; nothing is to be waited for.
        let picture = self.drawn.left(now).filter(|left| !left.is_zero());
        [picture, self.attempt.next_tick(now)]
            .into_iter()
            .flatten()
            .min()
    }
}
