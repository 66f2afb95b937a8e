//! The items of a form: what can be focused on a screen as it stands, in the order in which Tab goes through it.
//!
//! A screen makes the list anew from its model whenever it is wanted, so that nothing has to be kept in step with it.

use crate::tui::{
    attention::Unread,
    command::{Command, Edit},
    context::Context,
    text::KeyNames,
    widget::frame::KeyHint,
};

/// The items, and what other keys do beside them.
#[derive(Debug)]
pub struct Items<Id> {
    list: Vec<Item<Id>>,
    esc: Option<&'static str>,
    kind: Kind,
    page: Option<usize>,
    further: Vec<(usize, KeyHint)>,
    has_main: bool,
}

/// What is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Form,
    List,
    Reading,
}

impl<Id: Copy + PartialEq> Items<Id> {
    pub fn new(items: impl IntoIterator<Item = Item<Id>>) -> Self {
        Self {
            list: items.into_iter().collect(),
            esc: None,
            kind: Kind::Form,
            page: None,
            further: Vec::new(),
            has_main: true,
        }
    }

    /// No button is the one that the screen is for, unless it says so itself.
    pub fn without_main(mut self) -> Self {
        self.has_main = false;
        self
    }

    /// The button that the screen is for: one that says so, or the first that takes nothing away.
    pub fn main(&self) -> Option<Id> {
        let mut buttons = self.list.iter().filter(|item| item.is_button());
        let said = buttons.clone().find(|button| button.is_main);
        let first = || buttons.find(|button| !button.takes_away);
        let main = said.or_else(|| self.has_main.then(first).flatten());
        main.map(|button| button.id)
    }

    /// What Esc is said to do.
    pub fn esc(mut self, words: &'static str) -> Self {
        self.esc = Some(words);
        self
    }

    /// The items are the rows of a list, in which arrows scroll and a page is `rows` of them.
    pub fn list(mut self, rows: usize) -> Self {
        self.kind = Kind::List;
        self.paged(rows)
    }

    /// What is there is read: arrows scroll in it, and Esc leaves it.
    pub fn reading(mut self) -> Self {
        self.kind = Kind::Reading;
        self
    }

    /// A key turns over so many items at once; otherwise it goes to the first or the last.
    pub fn paged(mut self, items: usize) -> Self {
        self.page = Some(items);
        self
    }

    /// One more key to be told of, at this place among the others.
    pub fn further(mut self, place: usize, hint: Option<KeyHint>) -> Self {
        self.further.extend(hint.map(|hint| (place, hint)));
        self
    }

    pub fn get(&self, id: Id) -> Option<&Item<Id>> {
        self.list.iter().find(|item| item.id == id)
    }

    /// The item `focus`, or the first where that is not there (any longer).
    pub fn at(&self, focus: Id) -> Option<&Item<Id>> {
        self.get(focus).or_else(|| self.list.first())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Item<Id>> {
        self.list.iter()
    }

    fn position(&self, focus: Id) -> usize {
        let mut items = self.list.iter();
        items.position(|item| item.id == focus).unwrap_or(0)
    }

    fn place(&self, place: usize) -> Option<Id> {
        self.list.get(place).map(|item| item.id)
    }

    /// Where a command leads that moves the focus, around the ends.
    pub fn moved(&self, focus: Id, command: Command) -> Option<Id> {
        let (at, count) = (self.position(focus), self.list.len());
        let last = count.checked_sub(1)?;
        self.place(match (command, self.page) {
            (Command::Next, _) => (at + 1) % count,
            (Command::Previous, _) => (at + last) % count,
            (Command::PageDown, Some(page)) => (at + page).min(last),
            (Command::PageUp, Some(page)) => at.saturating_sub(page),
            (Command::First | Command::PageUp, _) => 0,
            (Command::Last | Command::PageDown, _) => last,
            _ => at,
        })
    }

    /// The first item after `focus` that `letter` jumps to.
    pub fn jumped(&self, focus: Id, letter: char) -> Option<Id> {
        let labels: Vec<_> = self.list.iter().map(Item::jump_label).collect();
        self.place(jumped(self.position(focus), &labels, letter)?)
    }

    /// Whether `letter` does at once what `item` is for. It does on a menu, where nothing is typed that it could have been
    /// meant for, if no other item begins with it, and unless the item wants an Enter of its own.
    pub fn acts_at_once(&self, item: Id, letter: char) -> bool {
        let is_menu = self.list.iter().all(|item| !item.is_filled_in());
        let mut meant = self
            .list
            .iter()
            .filter(|item| begins(item.jump_label(), letter));
        let only = meant.next().filter(|_| meant.next().is_none());
        is_menu && only.is_some_and(|only| only.id == item && !only.wants_enter)
    }

    /// What the last row says of keys while `focus` is in focus.
    pub fn hints(&self, focus: Id, context: &Context<'_>) -> Vec<KeyHint> {
        let keys = &context.text.key;
        let item = self.at(focus);
        let unread = context.unread.map(|unread| unread_hint(unread, keys));
        let mut hints: Vec<_> = unread.into_iter().collect();
        if item.is_some_and(Item::is_choices) {
            hints.push(KeyHint::new(&keys.space, &keys.change));
        }
        if let Some(enter) = item.and_then(|item| item.enter_words(keys)) {
            hints.push(KeyHint::new("Enter", enter));
        }
        let scroll = item.map(|_| KeyHint::new(context.theme.arrows, &keys.scroll));
        let esc = self.esc.map(|esc| KeyHint::new("Esc", esc));
        let moves = match self.kind {
            Kind::Form => [Some(KeyHint::new("Tab", &keys.r#move)), esc],
            Kind::List => [scroll, esc],
            Kind::Reading => [esc, scroll],
        };
        hints.extend(moves.into_iter().flatten());
        hints.push(KeyHint::new("F1", &keys.help));
        hints.push(KeyHint::new("F2", &keys.language));
        for (place, hint) in &self.further {
            let place = place.saturating_add(usize::from(context.unread.is_some()));
            hints.insert(hints.len().min(place), hint.clone());
        }
        hints
    }
}

/// What is said of a key that came too early, so that none vanishes without a sign.
pub fn unread_hint(unread: Unread, keys: &'static KeyNames) -> KeyHint {
    match unread {
        Unread::Enter => KeyHint::new("Enter", &keys.read_first),
        Unread::Space => KeyHint::new(&keys.space, &keys.read_first),
        Unread::Esc => KeyHint::new("Esc", &keys.read_first),
        Unread::Letter => KeyHint::new(&keys.letter, &keys.read_first),
        Unread::Text => KeyHint::new(&keys.typing, &keys.of_before),
    }
}

/// The first label after place `focus` that begins with `letter`, if any does.
pub fn jumped(focus: usize, labels: &[&str], letter: char) -> Option<usize> {
    (1..=labels.len())
        .map(|step| (focus + step) % labels.len())
        .find(|item| begins(labels[*item], letter))
}

fn begins(label: &str, letter: char) -> bool {
    let first = label.chars().next();
    first.is_some_and(|first| first.to_lowercase().eq(letter.to_lowercase()))
}

/// One thing that can be focused, and what is said of it.
#[derive(Debug)]
pub struct Item<Id> {
    pub id: Id,
    pub(super) look: Look,
    pub(super) label: &'static str,
    enter: Enter,
    is_grave: bool,
    takes_away: bool,
    wants_enter: bool,
    is_main: bool,
}

/// How an item is drawn.
#[derive(Debug)]
pub(super) enum Look {
    /// Whatever the form has there: text, a secret, a code.
    Field {
        columns: usize,
        in_row: bool,
        is_copied: bool,
        is_shown: bool,
        is_large: bool,
    },
    Choices(Vec<&'static str>),
    Button,
    Link,
    Entry,
    Radio {
        on: bool,
        aside: &'static str,
    },
    Checkbox {
        on: bool,
        aside: &'static str,
    },
    /// As the screen draws it.
    Own,
}

/// What Enter does at an item, and what is said of that.
#[derive(Debug, Clone, Copy)]
enum Enter {
    /// At a field it leads to the next item, elsewhere it chooses.
    Usual,
    /// It chooses, which is called so.
    Called(&'static str),
    /// It chooses, and nothing is said of it.
    Unsaid,
}

impl<Id> Item<Id> {
    fn new(id: Id, label: &'static str, look: Look) -> Self {
        Self {
            id,
            look,
            label,
            enter: Enter::Usual,
            is_grave: false,
            takes_away: false,
            wants_enter: false,
            is_main: false,
        }
    }

    /// The field stands in one row with its label.
    pub fn in_row(mut self) -> Self {
        if let Look::Field { in_row, .. } = &mut self.look {
            *in_row = true;
        }
        self
    }

    /// What is typed of a secret is shown: it has to be compared with paper or a phone. A paste is the whole of it, so it
    /// takes the place of what was there.
    pub fn copied(mut self) -> Self {
        if let Look::Field { is_copied, .. } = &mut self.look {
            *is_copied = true;
        }
        self
    }

    /// What is typed of a secret is shown, because whoever types it has asked for that.
    pub fn shown(mut self, on: bool) -> Self {
        if let Look::Field { is_shown, .. } = &mut self.look {
            *is_shown = on;
        }
        self
    }

    /// The digits of a code are as large as there is room for.
    pub fn large(mut self) -> Self {
        if let Look::Field { is_large, .. } = &mut self.look {
            *is_large = true;
        }
        self
    }

    /// What Enter is said to do here. At a field it no longer leads on to the next item.
    pub fn enter(mut self, words: &'static str) -> Self {
        self.enter = Enter::Called(words);
        self
    }

    /// There is no room to say what Enter does, or it does nothing.
    pub fn unsaid(mut self) -> Self {
        self.enter = Enter::Unsaid;
        self
    }

    /// What Enter does here cannot be taken back.
    pub fn grave(mut self) -> Self {
        self.is_grave = true;
        self.by_enter()
    }

    /// It takes something away, or leads to where that is done.
    pub fn danger(mut self) -> Self {
        self.takes_away = true;
        self.by_enter()
    }

    /// A letter only puts it in focus, on a menu too: done by a slip, it would cost a login.
    pub fn by_enter(mut self) -> Self {
        self.wants_enter = true;
        self
    }

    /// The button that the screen is for.
    pub fn main(mut self) -> Self {
        self.is_main = true;
        self
    }

    pub fn is_grave(&self) -> bool {
        self.is_grave
    }

    pub(super) fn is_button(&self) -> bool {
        matches!(self.look, Look::Button)
    }

    pub(super) fn is_action(&self) -> bool {
        matches!(self.look, Look::Button | Look::Link)
    }

    pub(super) fn takes_away(&self) -> bool {
        self.takes_away
    }

    pub(super) fn is_copied(&self) -> bool {
        matches!(self.look, Look::Field { is_copied, .. } if is_copied)
    }

    pub(super) fn is_field(&self) -> bool {
        matches!(self.look, Look::Field { .. })
    }

    fn is_choices(&self) -> bool {
        matches!(self.look, Look::Choices(_))
    }

    /// Whether letters, Space, Left and Right are for this item.
    pub(super) fn is_typed_into(&self) -> bool {
        self.is_field() || self.is_choices()
    }

    /// Whether it is there to be filled in, with text or by a choice.
    fn is_filled_in(&self) -> bool {
        let is_chosen = matches!(self.look, Look::Radio { .. } | Look::Checkbox { .. });
        self.is_typed_into() || is_chosen
    }

    /// Whether Enter only leads on to the next item.
    pub(super) fn leads_on(&self) -> bool {
        self.is_typed_into() && matches!(self.enter, Enter::Usual)
    }

    fn enter_words(&self, keys: &'static KeyNames) -> Option<&'static str> {
        match self.enter {
            Enter::Usual if self.leads_on() => Some(&keys.next),
            Enter::Usual => Some(&keys.choose),
            Enter::Called(words) => Some(words),
            Enter::Unsaid => None,
        }
    }

    fn jump_label(&self) -> &'static str {
        match self.look {
            Look::Button | Look::Link | Look::Entry | Look::Checkbox { .. } => self.label,
            Look::Field { .. } | Look::Choices(_) | Look::Radio { .. } | Look::Own => "",
        }
    }

    /// The choice that `edit` makes where `chosen` was made: Space and the arrows go through them, a first letter chooses.
    pub(super) fn chosen(&self, chosen: usize, edit: Edit) -> usize {
        let Look::Choices(choices) = &self.look else {
            return chosen;
        };
        let count = choices.len().max(1);
        match edit {
            Edit::Insert(' ') | Edit::Right => (chosen + 1) % count,
            Edit::Left => (chosen + count - 1) % count,
            Edit::Insert(letter) => jumped(chosen, choices, letter).unwrap_or(chosen),
            _ => chosen,
        }
    }
}

/// A field of so many columns, its label above it. The form says what kind of field it is.
pub fn field<Id>(id: Id, label: &'static str, columns: usize) -> Item<Id> {
    let look = Look::Field {
        columns,
        in_row: false,
        is_copied: false,
        is_shown: false,
        is_large: false,
    };
    Item::new(id, label, look)
}

/// The field of a code, which has its own width.
pub fn code<Id>(id: Id, label: &'static str) -> Item<Id> {
    field(id, label, 0)
}

/// A few choices in a row, of which the form keeps the one that is made.
pub fn choices<Id>(id: Id, label: &'static str, choices: Vec<&'static str>) -> Item<Id> {
    Item::new(id, label, Look::Choices(choices))
}

/// A button, which says what it does.
pub fn button<Id>(id: Id, label: &'static str) -> Item<Id> {
    Item::new(id, label, Look::Button)
}

/// A button that looks like a word, for what is needed seldom.
pub fn link<Id>(id: Id, label: &'static str) -> Item<Id> {
    Item::new(id, label, Look::Link)
}

/// A line of a menu.
pub fn entry<Id>(id: Id, label: &'static str) -> Item<Id> {
    Item::new(id, label, Look::Entry)
}

/// One of a few choices below each other, and what is said behind it.
pub fn radio<Id>(id: Id, label: &'static str, on: bool, aside: &'static str) -> Item<Id> {
    Item::new(id, label, Look::Radio { on, aside })
}

/// Something that is on or off, and what is said behind it.
pub fn checkbox<Id>(id: Id, label: &'static str, on: bool, aside: &'static str) -> Item<Id> {
    Item::new(id, label, Look::Checkbox { on, aside })
}

/// Something that the screen draws by itself, a row of a table or a line; no letter jumps to it.
pub fn own<Id>(id: Id) -> Item<Id> {
    Item::new(id, "", Look::Own)
}
