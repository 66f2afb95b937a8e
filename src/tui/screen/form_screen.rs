//! A screen that is a form: it lists its items and says what each is for, and keys mean the same on it as on every other.

use std::time::Duration;

use super::{Keys, Step};
use crate::tui::{
    Copied, Now,
    command::Command,
    context::Context,
    widget::{
        filter::{Filter, Filtered},
        form::{Change, Form, Items, Pressed, View},
        frame::KeyHint,
    },
};

/// What a screen says of its form. In return it need not know of keys.
pub trait FormScreen {
    /// The names of its items.
    type Item: Copy + PartialEq;

    fn form(&self) -> &Form<Self::Item>;

    fn form_mut(&mut self) -> &mut Form<Self::Item>;

    /// The items as the screen stands now, in the order in which Tab goes through them.
    fn items(&self, context: &Context<'_>) -> Items<Self::Item>;

    /// What comes before the form's own answer to a command; if it is `Some`, in its place.
    fn before(&mut self, _command: Command, _context: &Context<'_>) -> Option<Step> {
        None
    }

    /// What `C` sends to a terminal's clipboard. Where there is something, no field takes letters.
    fn to_copy(&self) -> Option<Copied> {
        None
    }

    /// Does what an item is for.
    fn choose(&mut self, item: Self::Item, context: &Context<'_>) -> Step;

    /// What Esc does.
    fn back(&mut self, context: &Context<'_>) -> Step;

    /// What stands in a field has become another.
    fn changed(&mut self, _item: Self::Item, _change: Change, _context: &Context<'_>) -> Step {
        Step::Stay
    }

    /// The form, to be written into a sheet.
    fn view(&self, context: &Context<'_>) -> View<'_, Self::Item> {
        View::new(self.form(), self.items(context), context.text)
    }

    /// What narrows the list that the screen is, if it is one.
    fn filter(&self) -> Option<&Filter> {
        None
    }

    /// The same, where a key may be for it.
    fn filter_mut(&mut self) -> Option<&mut Filter> {
        None
    }

    /// Other rows are shown than before.
    fn filtered(&mut self, _context: &Context<'_>) {}

    /// Something else stands in the fields than what was refused or put off.
    fn edited(&mut self) {}

    /// How long until the try that was put off is made, if one was.
    fn put_off(&self, _now: Now) -> Option<Duration> {
        None
    }

    /// Whether the filter has taken a key or a paste, of which this came.
    fn is_taken(&mut self, filtered: Option<Filtered>, context: &Context<'_>) -> bool {
        if filtered == Some(Filtered::Changed) {
            self.filtered(context);
        }
        filtered.is_some_and(|filtered| filtered != Filtered::Passed)
    }

    /// Does what only the screen can do.
    fn answer(&mut self, pressed: Pressed<Self::Item>, context: &Context<'_>) -> Step {
        let item = match pressed {
            Pressed::Nothing => return Step::Stay,
            Pressed::Back => return self.back(context),
            Pressed::Chosen(item) => item,
            Pressed::Changed(item, _) => {
                self.edited();
                item
            }
        };
        let was_put_off = self.put_off(context.now).is_some();
        let step = match pressed {
            Pressed::Changed(_, change) => self.changed(item, change, context),
            _ => self.choose(item, context),
        };
        if !was_put_off && self.put_off(context.now).is_some() {
            self.form_mut().put_off(item);
        }
        step
    }
}

/// Says that a screen keeps its form, whose items these are, in its field `form`, and in others what became of its tries.
macro_rules! form_of {
    ($item:ty, $($tries:ident),+) => {
        form_of!($item);

        fn edited(&mut self) {
            $(self.$tries.edited();)+
        }

        fn put_off(&self, now: $crate::tui::Now) -> Option<std::time::Duration> {
            let due = [$(self.$tries.due_in(now)),+];
            due.into_iter().flatten().min()
        }
    };
    ($item:ty) => {
        type Item = $item;

        fn form(&self) -> &Form<$item> {
            &self.form
        }

        fn form_mut(&mut self) -> &mut Form<$item> {
            &mut self.form
        }
    };
}
pub(crate) use form_of;

impl<S: FormScreen> Keys for S {
    fn typing(&self, context: &Context<'_>) -> bool {
        let is_filtered = self.filter().is_some_and(Filter::is_typed);
        is_filtered || self.form().typing(&self.items(context))
    }

    fn is_grave(&self, context: &Context<'_>) -> bool {
        let is_filtered = self.filter().is_some_and(Filter::is_typed);
        !is_filtered && self.form().is_grave(&self.items(context))
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let filtered = self.filter_mut().map(|filter| filter.command(command));
        if self.is_taken(filtered, context) {
            return Step::Stay;
        }
        if command.letter() == Some('c')
            && has_clipboard(context)
            && let Some(text) = self.to_copy()
        {
            return Step::Copy(text);
        }
        if let Some(step) = self.before(command, context) {
            return step;
        }
        let items = self.items(context);
        let pressed = self.form_mut().command(command, &items);
        self.answer(pressed, context)
    }

    fn paste(&mut self, text: &str, context: &Context<'_>) -> Step {
        let filtered = self.filter_mut().map(|filter| filter.paste(text));
        if self.is_taken(filtered, context) {
            return Step::Stay;
        }
        let items = self.items(context);
        let pressed = self.form_mut().paste(text, &items);
        self.answer(pressed, context)
    }

    fn due_in(&self, now: Now) -> Option<Duration> {
        self.put_off(now)
    }

    fn due(&mut self, context: &Context<'_>) -> Step {
        if self.put_off(context.now) != Some(Duration::ZERO) {
            return Step::Stay;
        }
        // Whatever becomes of it, it is not put off any more.
        self.edited();
        match self.form_mut().take_put_off() {
            Some(item) => self.choose(item, context),
            None => Step::Stay,
        }
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let can_copy = has_clipboard(context) && self.to_copy().is_some();
        let copy = can_copy.then(|| KeyHint::new("C", &context.text.key.copy));
        let items = self.items(context).further(1, copy);
        let hints = items.hints(self.form().focused(), context);
        match self.filter() {
            Some(filter) => filter.hints(hints, context),
            None => hints,
        }
    }
}

fn has_clipboard(context: &Context<'_>) -> bool {
    context.theme.terminal.sequences.clipboard
}
