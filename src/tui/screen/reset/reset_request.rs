//! `Permintaan Reset TOTP`: whose TOTP, by which e-mail address, and the Kode Keamanan read from its picture.
//!
//! The answer tells nothing of accounts, so what a field says is wrong with it is only ever what anybody can see: its
//! form. Every sending uses the picture up; whatever becomes of it, the next try has a new one.

use std::time::Duration;

use ratatui::text::Line;
use zeroize::Zeroizing;

use crate::{
    domain::{
        EmailAddress, UserId, UserType,
        identity::{AccountKey, UserIdError},
        idle::Presence,
        security_code::{Challenge, Picture},
    },
    tui::{
        Now, Request,
        command::{Command, Edit},
        context::Context,
        route::{Route, Waiting},
        screen::{Attempt, Left, Refused, Screen, Step, jumped, moved, usual_hints, write_working},
        text::{Text, fill},
        widget::{field::TextField, frame::KeyHint, security_code, sheet::Sheet},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    UserId,
    Email,
    UserType,
    Code,
    Send,
    Renew,
    HaveLetter,
}

impl Item {
    const ALL: [Self; 7] = [
        Self::UserId,
        Self::Email,
        Self::UserType,
        Self::Code,
        Self::Send,
        Self::Renew,
        Self::HaveLetter,
    ];
}

/// Characters that the field of the Kode Keamanan takes: twice a code, for slips and spaces.
const CODE_COLUMNS: usize = 12;

/// Rows of the form that are left empty while no field has anything to say.
const AIR: usize = 2;

/// The form for a reset by a letter.
#[derive(Debug)]
pub struct ResetRequestScreen {
    user_id: TextField,
    email: TextField,
    user_type: UserType,
    code: TextField,
    drawn: Drawn,
    focus: Item,
    wrong: Wrong,
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

/// What is wrong with each field.
#[derive(Debug, Default)]
struct Wrong {
    user_id: Option<UserIdError>,
    email: Option<EmailWrong>,
    code: Option<CodeWrong>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmailWrong {
    Empty,
    Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodeWrong {
    Empty,
    Misread,
    /// Nobody sent it in time; its picture was replaced.
    TooLate,
}

impl ResetRequestScreen {
    /// The form with what is known already.
    pub fn new(user_type: UserType, user_id: &str) -> Self {
        let mut field = TextField::new(UserId::MAX_LENGTH + 8);
        field.paste(user_id);
        Self {
            focus: if UserId::parse(user_id).is_ok() {
                Item::Email
            } else {
                Item::UserId
            },
            user_id: field,
            email: TextField::new(EmailAddress::MAX_BYTES),
            user_type,
            code: TextField::new(CODE_COLUMNS),
            drawn: Drawn {
                renew: true,
                ..Drawn::default()
            },
            wrong: Wrong::default(),
            attempt: Attempt::default(),
        }
    }

    fn position(&self) -> usize {
        let mut items = Item::ALL.iter();
        items.position(|item| *item == self.focus).unwrap_or(0)
    }

    fn field(&mut self) -> Option<&mut TextField> {
        match self.focus {
            Item::UserId => {
                self.wrong.user_id = None;
                Some(&mut self.user_id)
            }
            Item::Email => {
                self.wrong.email = None;
                Some(&mut self.email)
            }
            Item::Code => {
                self.wrong.code = None;
                Some(&mut self.code)
            }
            _ => None,
        }
    }

    fn edit(&mut self, edit: Edit) {
        if self.focus == Item::UserType {
            self.choose(edit);
        } else if let Some(field) = self.field() {
            field.edit(edit);
        }
    }

    /// A key at the two user types: Space and the arrows change, a first letter chooses.
    fn choose(&mut self, edit: Edit) {
        self.user_type = match (edit, self.user_type) {
            (Edit::Insert('p' | 'P'), _) => UserType::Penyedia,
            (Edit::Insert('n' | 'N'), _) => UserType::NonPenyedia,
            (Edit::Insert(' ') | Edit::Left | Edit::Right, UserType::Penyedia) => {
                UserType::NonPenyedia
            }
            (Edit::Insert(' ') | Edit::Left | Edit::Right, UserType::NonPenyedia) => {
                UserType::Penyedia
            }
            (_, user_type) => user_type,
        };
    }

    fn renew(&mut self) {
        self.drawn.renew = true;
        self.wrong.code = None;
        self.code = TextField::new(CODE_COLUMNS);
    }

    fn send(&mut self, now: Now) -> Step {
        // Too late for the picture, the new one is on its way.
        if self.attempt.wait(now).is_some() || self.drawn.renew || self.drawn.is_too_old(now) {
            return Step::Stay;
        }
        let user_id = UserId::parse(self.user_id.value());
        let typed = self.email.value();
        let email = EmailAddress::parse(typed).map_err(|_| match typed.trim() {
            "" => EmailWrong::Empty,
            _ => EmailWrong::Form,
        });
        let code = self.code.value().trim();
        self.wrong = Wrong {
            user_id: user_id.as_ref().err().copied(),
            email: email.as_ref().err().copied(),
            code: code.is_empty().then_some(CodeWrong::Empty),
        };
        self.attempt = Attempt::default();
        let security_code = Zeroizing::new(code.to_owned());
        match (user_id, email) {
            (Ok(user_id), Ok(email)) if self.wrong.code.is_none() => {
                self.drawn.used = true;
                Step::Ask(Request::RequestReset {
                    account: AccountKey::new(self.user_type, user_id),
                    email,
                    security_code,
                })
            }
            (user_id, email) => {
                self.focus = match (user_id, email) {
                    (Err(_), _) => Item::UserId,
                    (_, Err(_)) => Item::Email,
                    _ => Item::Code,
                };
                Step::Stay
            }
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

    /// The picture, or what it needs where it cannot be seen.
    fn write_picture(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let rows = usize::from(Picture::HEIGHT / 2);
        // The indentation of every field.
        let needed = Picture::WIDTH + 2;
        if sheet.width() < needed {
            let columns = (needed + 2).to_string();
            let words = &context.text.reset_request.too_narrow;
            return sheet.error(&fill(words, &[("columns", &columns)]));
        }
        sheet.picture(match &self.drawn.picture {
            Some(picture) => security_code::lines(picture, context.theme),
            None => vec![Line::default(); rows],
        });
    }
}

impl Screen for ResetRequestScreen {
    fn typing(&self) -> bool {
        matches!(
            self.focus,
            Item::UserId | Item::Email | Item::UserType | Item::Code
        )
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate => match self.focus {
                Item::Code | Item::Send => return self.send(context.now),
                Item::Renew => {
                    self.renew();
                    self.focus = Item::Code;
                }
                Item::HaveLetter => return self.have_letter(),
                Item::UserId | Item::Email | Item::UserType => {
                    self.focus = Item::ALL[self.position() + 1];
                }
            },
            Command::Back => return Step::Close(Left::Nothing),
            Command::Edit(edit) => self.edit(edit),
            Command::Jump(letter) => {
                let words = &context.text.reset_request;
                let labels = [
                    "",
                    "",
                    "",
                    "",
                    &words.send,
                    &words.renew,
                    &words.have_letter,
                ];
                if let Some(item) = jumped(self.position(), &labels, letter) {
                    self.focus = Item::ALL[item];
                }
            }
            other => self.focus = Item::ALL[moved(self.position(), Item::ALL.len(), other)],
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        if let Some(field) = self.field() {
            field.paste(text);
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.renew();
        self.focus = Item::Code;
        if refusal == Refused::SecurityCode {
            self.wrong.code = Some(CodeWrong::Misread);
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
            self.code = TextField::new(CODE_COLUMNS);
            self.wrong.code = Some(CodeWrong::TooLate);
        }
        self.drawn = Drawn {
            picture: Some(picture),
            at: now.monotonic,
            ..Drawn::default()
        };
        is_too_late && self.focus == Item::Code
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_request;
        let user_id_words = &context.text.user_id;
        let user_id = self.wrong.user_id.map(|error| match error {
            UserIdError::Empty => &user_id_words.empty,
            UserIdError::Length => &user_id_words.length,
            UserIdError::Characters => &user_id_words.characters,
        });
        let email = self.wrong.email.map(|error| match error {
            EmailWrong::Empty => &words.email_empty,
            EmailWrong::Form => &words.email_form,
        });
        let code = self.wrong.code.map(|error| match error {
            CodeWrong::Empty => &words.code_empty,
            CodeWrong::Misread => &words.code_misread,
            CodeWrong::TooLate => &words.code_too_late,
        });
        let errors = [user_id, email, code].into_iter().flatten().count();
        let refused = self.attempt.last().is_some();
        // On 80x24 the form fills its rows; what went wrong takes the hint's place first, then the air's.
        let air = AIR.saturating_sub(errors.saturating_sub(1));
        sheet.title(&words.title);
        if errors == 0 && !refused {
            sheet.hint(&words.lead);
        }
        if air > 0 && !(refused && errors > 0) {
            sheet.gap();
        }
        let focused = |item| self.focus == item;
        let say = |sheet: &mut Sheet, error: Option<&String>| {
            if let Some(error) = error {
                sheet.error(error);
            }
        };
        sheet.row_field(
            &user_id_words.label,
            &self.user_id,
            UserId::MAX_LENGTH,
            focused(Item::UserId),
        );
        say(sheet, user_id);
        sheet.row_field(
            &words.email,
            &self.email,
            EmailAddress::MAX_BYTES,
            focused(Item::Email),
        );
        say(sheet, email);
        let chosen = UserType::ALL
            .iter()
            .position(|kind| *kind == self.user_type);
        sheet.row_choice(
            &words.user_type,
            &[&words.penyedia, &words.non_penyedia],
            chosen.unwrap_or_default(),
            focused(Item::UserType),
        );
        let above = sheet.height();
        self.write_picture(sheet, context);
        let rows = sheet.height() - above;
        sheet.row_field(
            &words.security_code,
            &self.code,
            CODE_COLUMNS,
            focused(Item::Code),
        );
        if focused(Item::Code) {
            sheet.seen_with_focus(rows);
        }
        say(sheet, code);
        // Either a request is under way or the last one was refused; both take the place of the air.
        let before = sheet.height();
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
        if air > 1 && sheet.height() == before {
            sheet.gap();
        }
        sheet.buttons(&[
            (&words.send, focused(Item::Send)),
            (&words.renew, focused(Item::Renew)),
        ]);
        sheet.link(&words.have_letter, focused(Item::HaveLetter));
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let words = &text.reset_request;
        let enter = match self.focus {
            Item::UserId | Item::Email | Item::UserType => &text.key.next,
            Item::Code | Item::Send => &words.send,
            Item::Renew => &words.renew,
            Item::HaveLetter => &text.key.choose,
        };
        let mut hints = usual_hints(context, enter, Some(&text.key.back));
        if self.focus == Item::UserType {
            hints.insert(0, KeyHint::new(&text.key.space, &text.key.change));
        }
        hints
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_request
    }

    fn presence(&self) -> Presence {
        Presence::Form
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
