//! The password that an officer has issued, shown once to be handed over, until they have said twice that it is.

use zeroize::Zeroizing;

use crate::{
    domain::{
        IssuedPassword,
        identity::{AccountKey, PersonName},
        idle::Presence,
    },
    tui::{
        Copied,
        context::Context,
        screen::{FormScreen, Left, Screen, Step, form_of, write_copied},
        text::Text,
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// Letters that stand together where the password has no groups of its own.
const GROUP: usize = 4;

/// A one-time password. Dropped with the screen, it is wiped from memory.
pub struct OneTimePasswordScreen {
    account: AccountKey,
    name: PersonName,
    password: IssuedPassword,
    /// Asked once more whether it is handed over.
    asked: bool,
    form: Form<Item>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    PutAway,
    /// Back from the question.
    Stay,
    Leave,
}

impl std::fmt::Debug for OneTimePasswordScreen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OneTimePasswordScreen({})", self.account)
    }
}

impl OneTimePasswordScreen {
    pub fn new(account: AccountKey, name: PersonName, password: IssuedPassword) -> Self {
        Self {
            account,
            name,
            password,
            asked: false,
            form: Form::new(Item::PutAway),
        }
    }

    fn ask(&mut self, asked: bool) -> Step {
        self.asked = asked;
        // What costs nothing is in focus.
        let first = if asked { Item::Stay } else { Item::PutAway };
        self.form.focus(first);
        Step::Stay
    }

    /// Whether the password comes in groups, whose dashes are typed with it.
    fn is_grouped(&self) -> bool {
        self.password.as_str().chars().any(|c| !c.is_alphanumeric())
    }

    fn grouped(&self) -> Zeroizing<String> {
        if self.is_grouped() {
            return Zeroizing::new(self.password.as_str().to_owned());
        }
        let password = self.password.as_str();
        let mut grouped = Zeroizing::new(String::with_capacity(8 * password.len()));
        for (place, c) in password.chars().enumerate() {
            if place > 0 && place.is_multiple_of(GROUP) {
                grouped.push(' ');
            }
            grouped.push(c);
        }
        grouped
    }
}

impl FormScreen for OneTimePasswordScreen {
    form_of!(Item);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, common) = (&context.text.recovery_codes, &context.text.common);
        if self.asked {
            let stay = items::button(Item::Stay, &words.stay);
            // What is put away cannot be shown again.
            let leave = items::button(Item::Leave, &words.leave).grave();
            return Items::new([stay, leave]).esc(&context.text.key.back);
        }
        let finish = &common.finish;
        Items::new([items::button(Item::PutAway, finish).enter(finish)])
    }

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        match item {
            Item::PutAway => self.ask(true),
            Item::Stay => self.ask(false),
            Item::Leave => Step::Close(Left::Nothing),
        }
    }

    /// The password as it is typed.
    fn to_copy(&self) -> Option<Copied> {
        Some(Zeroizing::new(self.password.as_str().to_owned()).into())
    }

    /// It is put away on purpose only.
    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.ask(!self.asked)
    }
}

impl Screen for OneTimePasswordScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.one_time_password;
        sheet.title(&words.title);
        let kind = self.account.user_type.label();
        sheet.hint(&format!("{}  {kind}  {}", self.account.user_id, self.name));
        sheet.gap();
        sheet.paragraph(&words.hand_over);
        // Right above the button, so that even the lowest terminal shows it.
        sheet.placard(&self.grouped());
        if self.asked {
            sheet.paragraph(&words.question);
        }
        self.view(context).write_all(sheet, |_| true);
        sheet.gap();
        sheet.bullet(&words.once);
        sheet.bullet(&words.holds);
        sheet.bullet(&words.change);
        if !self.is_grouped() {
            sheet.bullet(&words.without_spaces);
        }
        write_copied(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.one_time_password
    }

    fn presence(&self) -> Presence {
        Presence::Copying
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{UserId, UserType};

    fn screen(password: &str) -> OneTimePasswordScreen {
        let key = AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap());
        let name = PersonName::parse("Siti").unwrap();
        OneTimePasswordScreen::new(key, name, Zeroizing::new(password.to_owned()).into())
    }

    #[test]
    fn a_password_is_shown_in_groups_and_never_debugged() {
        assert_eq!(screen("kd7mqr29tzxw").grouped().as_str(), "kd7m qr29 tzxw");
        assert_eq!(screen("kd7m-qr29").grouped().as_str(), "kd7m-qr29");
        assert!(!format!("{:?}", screen("kd7m-qr29")).contains("kd7m"));
    }
}
