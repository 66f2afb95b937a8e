//! A screen that is a form: it lists its items and says what each is for, and keys mean the same on it as on every other.

use super::{Keys, Step};
use crate::tui::{
    command::Command,
    context::Context,
    widget::{
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

    /// Does what only the screen can do.
    fn answer(&mut self, pressed: Pressed<Self::Item>, context: &Context<'_>) -> Step {
        match pressed {
            Pressed::Nothing => Step::Stay,
            Pressed::Chosen(item) => self.choose(item, context),
            Pressed::Back => self.back(context),
            Pressed::Changed(item, change) => self.changed(item, change, context),
        }
    }
}

/// Says that a screen keeps its form, whose items these are, in its field `form`.
macro_rules! form_of {
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
        self.form().typing(&self.items(context))
    }

    fn is_grave(&self, context: &Context<'_>) -> bool {
        self.form().is_grave(&self.items(context))
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        if let Some(step) = self.before(command, context) {
            return step;
        }
        let items = self.items(context);
        let pressed = self.form_mut().command(command, &items);
        self.answer(pressed, context)
    }

    fn paste(&mut self, text: &str, context: &Context<'_>) -> Step {
        let items = self.items(context);
        let pressed = self.form_mut().paste(text, &items);
        self.answer(pressed, context)
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        self.items(context).hints(self.form().focused(), context)
    }
}
