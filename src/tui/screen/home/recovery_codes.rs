//! The recovery codes, shown once, until the person has said twice that they are written down.

use zeroize::Zeroizing;

use crate::{
    domain::{idle::Presence, recovery::IssuedCodes},
    tui::{
        Copied, HomeView,
        context::Context,
        screen::{FormScreen, Screen, Step, form_of, write_copied},
        text::Text,
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// Columns that two numbered codes beside each other need.
const NUMBERED: usize = 2 * 18 + 6;

/// Columns that two codes need without their numbers.
const BARE: usize = 2 * 14 + 2;

/// The screen of new codes.
#[derive(Debug)]
pub struct RecoveryCodesScreen {
    codes: IssuedCodes,
    /// Where it leads.
    view: HomeView,
    /// The steps of the way to them.
    steps: Option<usize>,
    /// Asked once more: a key held down since the screen before must not take the codes away unread.
    asked: bool,
    form: Form<Item>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Noted,
    /// Back from the question.
    Stay,
    Leave,
}

impl RecoveryCodesScreen {
    pub fn new(codes: IssuedCodes, view: HomeView, steps: Option<usize>) -> Self {
        Self {
            codes,
            view,
            steps,
            asked: false,
            form: Form::new(Item::Noted),
        }
    }

    fn ask(&mut self, asked: bool) -> Step {
        self.asked = asked;
        // What costs nothing is in focus.
        let first = if asked { Item::Stay } else { Item::Noted };
        self.form.focus(first);
        Step::Stay
    }

    /// The codes in two columns, the first five in the left one; in one column where there is no room for two.
    fn lines(&self, width: usize) -> Vec<String> {
        let codes = self.codes.iter().zip(1..);
        let codes: Vec<String> = codes
            .map(|(code, number)| match width {
                NUMBERED.. => format!("{number:>2}. {}", code.grouped().as_str()),
                _ => code.grouped().to_string(),
            })
            .collect();
        if width < BARE {
            return codes;
        }
        let gap = if width < NUMBERED { "  " } else { "      " };
        let (left, right) = codes.split_at(codes.len() / 2);
        let rows = left.iter().zip(right);
        rows.map(|(left, right)| format!("{left}{gap}{right}"))
            .collect()
    }
}

impl FormScreen for RecoveryCodesScreen {
    form_of!(Item);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, keys) = (&context.text.recovery_codes, &context.text.key);
        if self.asked {
            let stay = items::button(Item::Stay, &words.stay);
            let leave = items::button(Item::Leave, &words.leave).grave();
            Items::new([stay, leave]).esc(&keys.back)
        } else {
            Items::new([items::button(Item::Noted, &words.noted)])
        }
    }

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        match item {
            Item::Noted => self.ask(true),
            Item::Stay => self.ask(false),
            Item::Leave => Step::GoHome(Box::new(self.view.clone())),
        }
    }

    /// All of them, a line each.
    fn to_copy(&self) -> Option<Copied> {
        let codes: Vec<_> = self.codes.iter().map(|code| code.grouped()).collect();
        let length = codes.iter().map(|code| code.len() + 1).sum();
        let mut lines = Zeroizing::new(String::with_capacity(length));
        for code in &codes {
            lines.push_str(code);
            lines.push('\n');
        }
        Some(lines.into())
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.ask(!self.asked)
    }
}

impl Screen for RecoveryCodesScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.recovery_codes;
        sheet.step_of(&words.title, self.step(), context.text);
        sheet.paragraph(&words.lead);
        sheet.paragraph(&words.apart);
        sheet.gap();
        let before = sheet.height();
        sheet.issued(&self.lines(sheet.width().into()));
        sheet.gap();
        if self.asked {
            sheet.paragraph(&words.question);
        } else if context.is_copied {
            // It has just been sent somewhere.
            sheet.gap();
        } else {
            sheet.hint(&words.once);
        }
        sheet.gap();
        let form = self.view(context);
        for item in [Item::Noted, Item::Stay, Item::Leave] {
            form.write(sheet, item);
            if form.is_focused(item) {
                // On a low terminal the codes come before everything else.
                sheet.seen_with_focus(sheet.height() - 1 - before);
            }
        }
        write_copied(sheet, context);
    }

    fn step(&self) -> Option<(usize, usize)> {
        self.steps.map(|steps| (steps, steps))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.recovery_codes
    }

    fn presence(&self) -> Presence {
        Presence::Copying
    }
}
