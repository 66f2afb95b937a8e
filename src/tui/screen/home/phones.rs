//! The two phones of an account: since when each makes codes, when it was used last, and the way to take one away.

use crate::{
    domain::{
        AccountKey,
        authenticator::{Ordinal, PhoneSeen},
        calendar,
        idle::Presence,
    },
    tui::{
        context::Context,
        route::Route,
        screen::{FormScreen, Left, Screen, Step, form_of},
        text::{Text, fill},
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// The list of phones, over home.
#[derive(Debug)]
pub struct PhonesScreen {
    account: AccountKey,
    phones: Vec<PhoneSeen>,
    form: Form<Item>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Remove(Ordinal),
    Back,
}

impl PhonesScreen {
    pub fn new(account: AccountKey, phones: Vec<PhoneSeen>) -> Self {
        Self {
            account,
            phones,
            // What costs nothing is in focus.
            form: Form::new(Item::Back),
        }
    }
}

/// Each phone by its number and name, and below it since when it makes codes and when it was used last.
pub fn write_phones(sheet: &mut Sheet, phones: &[PhoneSeen], context: &Context<'_>) {
    let words = &context.text.phones;
    let date = |at| calendar::date_and_minute(at, context.settings.zone, &context.text.months);
    for phone in phones {
        sheet.paragraph(&context.text.numbered_phone(phone));
        let since = date(phone.since);
        sheet.hint(&match phone.last_used {
            Some(used) => {
                let values = [("since", since.as_str()), ("used", &date(used))];
                fill(&words.since_used, &values)
            }
            None => fill(&words.since_unused, &[("since", &since)]),
        });
    }
}

impl FormScreen for PhonesScreen {
    form_of!(Item);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let remove = |phone: &PhoneSeen| {
            let label = match phone.ordinal {
                Ordinal::First => &text.phones.remove_first,
                Ordinal::Second => &text.phones.remove_second,
            };
            items::button(Item::Remove(phone.ordinal), label).danger()
        };
        let removals = self.phones.iter().map(remove);
        let items = removals.chain([items::button(Item::Back, &text.key.back)]);
        Items::new(items).without_main().esc(&text.key.back)
    }

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        let chosen = match item {
            Item::Remove(ordinal) => self.phones.iter().find(|phone| phone.ordinal == ordinal),
            Item::Back => None,
        };
        match chosen {
            Some(phone) => Step::Open(Route::RemovePhone {
                account: self.account.clone(),
                phone: phone.clone(),
            }),
            None => Step::Close(Left::Nothing),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }
}

impl Screen for PhonesScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.phones;
        let form = self.view(context);
        sheet.title(&words.title);
        sheet.gap();
        sheet.paragraph(&words.lead);
        sheet.gap();
        write_phones(sheet, &self.phones, context);
        sheet.gap();
        form.write_buttons(sheet);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.phones
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
