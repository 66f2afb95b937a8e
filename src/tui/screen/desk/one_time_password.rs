//! The password that an officer has issued, shown once to be handed over.

use zeroize::Zeroizing;

use crate::{
    domain::{
        IssuedPassword,
        identity::{AccountKey, PersonName},
        idle::Presence,
    },
    tui::{
        context::Context,
        screen::{FormScreen, Left, Screen, Step, form_of},
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
    form: Form<Item>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    PutAway,
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
            form: Form::new(Item::PutAway),
        }
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
        let finish = &context.text.common.finish;
        // What is put away cannot be shown again.
        Items::new([items::button(Item::PutAway, finish).enter(finish).grave()])
    }

    fn choose(&mut self, _item: Item, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }

    /// Esc does nothing: it is put away on purpose only.
    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Stay
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
        self.view(context).write(sheet, Item::PutAway);
        sheet.gap();
        sheet.bullet(&words.once);
        sheet.bullet(&words.holds);
        sheet.bullet(&words.change);
        if !self.is_grouped() {
            sheet.bullet(&words.without_spaces);
        }
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
