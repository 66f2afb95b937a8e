//! A second phone beside the one there is: what it is for, what it is called, and a fresh code when the login is older than
//! five minutes. At home, and once to officers when they have just activated TOTP.

use std::time::Duration;

use super::phones::write_phones;
use crate::{
    domain::{authenticator::PhoneSeen, identity::PhoneName, idle::Presence},
    tui::{
        HomeView, Now, Request,
        context::Context,
        route::Route,
        screen::{
            FormScreen, Left, Refusal, Screen, Step, form_of, fresh_code::FreshCode, write_working,
        },
        text::Text,
        widget::{
            form::{Change, Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// The question whether to add a phone.
#[derive(Debug)]
pub struct AddPhoneScreen {
    /// Those that let in already.
    phones: Vec<PhoneSeen>,
    /// TOTP has become active right before: the home to go to.
    offered: Option<Box<HomeView>>,
    fresh: FreshCode<Item>,
    form: Form<Item>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Name,
    Code,
    Add,
    /// Home, with nothing changed.
    Later,
    LogOut,
}

/// Characters that the field takes: room for a whole name with a slip or two to correct.
const LIMIT: usize = PhoneName::MAX_CHARS + 8;

impl AddPhoneScreen {
    /// The offer to an officer whose phone has just become the only one. It is what they are advised to take, so it is in
    /// focus.
    pub fn offered(view: Box<HomeView>) -> Self {
        Self {
            form: Form::new(Item::Add).text(Item::Name, LIMIT, ""),
            ..Self::new(view.phones.clone(), Some(view))
        }
    }

    /// `TAMBAH PONSEL` at home.
    pub fn at_home(phones: Vec<PhoneSeen>) -> Self {
        Self::new(phones, None)
    }

    fn new(phones: Vec<PhoneSeen>, offered: Option<Box<HomeView>>) -> Self {
        Self {
            phones,
            offered,
            fresh: FreshCode::new(Item::Code),
            form: Form::new(Item::Name).text(Item::Name, LIMIT, ""),
        }
    }

    /// What leads home with nothing changed is called.
    fn later(&self, text: &'static Text) -> &'static str {
        match self.offered {
            Some(_) => &text.recovery_issue.later,
            None => &text.common.cancel,
        }
    }

    /// Home as it is now: the fresh code may have been refused meanwhile, which home tells. Before it an activation goes on to
    /// recovery codes.
    fn home(&self) -> Step {
        match &self.offered {
            _ if self.fresh.is_wanted() => Step::Ask(Request::LoadHome),
            Some(view) if view.offers_codes() => Step::Go(Route::RecoveryOffer(view.clone())),
            Some(view) => Step::GoHome(view.clone()),
            None => Step::Close(Left::Nothing),
        }
    }

    fn ask(&mut self, now: Now) -> Step {
        let name = match self.form.value(Item::Name).trim() {
            "" => None,
            typed => match PhoneName::parse(typed) {
                Ok(name) => Some(name),
                Err(_) => {
                    let said = |text: &'static Text| text.phones.name_wrong.clone();
                    self.form.refuse(Item::Name, said);
                    return Step::Stay;
                }
            },
        };
        let request = |passcode| Request::AddPhone { name, passcode };
        self.fresh.ask(&mut self.form, now, request)
    }
}

impl FormScreen for AddPhoneScreen {
    form_of!(Item, fresh);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let add = &text.phones.add;
        let name = items::field(Item::Name, &text.phones.name, PhoneName::MAX_CHARS);
        let code = self.fresh.item(text);
        let offered = self.offered.as_ref();
        let items = [
            Some(name.enter(add)),
            code.map(|item| item.enter(add)),
            Some(items::button(Item::Add, add)),
            Some(items::button(Item::Later, self.later(text))),
            offered.map(|_| items::button(Item::LogOut, &text.common.logout).by_enter()),
        ];
        Items::new(items.into_iter().flatten()).esc(self.later(text))
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Name | Item::Code | Item::Add => self.ask(context.now),
            Item::Later => self.home(),
            Item::LogOut => Step::LogOut,
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.home()
    }

    fn changed(&mut self, item: Item, change: Change, context: &Context<'_>) -> Step {
        match (item, change) {
            (Item::Code, Change::Completed) => self.ask(context.now),
            _ => Step::Stay,
        }
    }
}

impl Screen for AddPhoneScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.fresh.refused(refusal, &mut self.form, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.phones;
        let form = self.view(context);
        sheet.title(&words.title_add);
        if self.offered.is_some() {
            sheet.success(&context.text.home.activated);
        }
        sheet.gap();
        if self.fresh.is_wanted() {
            sheet.paragraph(&context.text.disable.fresh);
        } else {
            sheet.paragraph(match self.offered {
                Some(_) => &words.offer,
                None => &words.what,
            });
            sheet.gap();
            write_phones(sheet, &self.phones, context);
        }
        sheet.gap();
        form.write(sheet, Item::Name);
        sheet.hint(&words.name_hint);
        let rejected = &context.text.enrollment.rejected;
        self.fresh.write(sheet, &form, context, rejected);
        form.write_all(sheet, |item| !matches!(item, Item::Name | Item::Code));
        write_working(sheet, context);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.phones
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.fresh.next_tick(now)
    }
}
