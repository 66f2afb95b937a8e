//! The recovery codes, shown once, until the person has said twice that they are written down.

use crate::{
    domain::{idle::Presence, recovery::IssuedCodes},
    tui::{
        HomeView,
        command::Command,
        context::Context,
        screen::{Screen, Step, jumped, moved, usual_hints},
        text::Text,
        widget::{frame::KeyHint, sheet::Sheet},
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
    /// Asked once more: a key held down since the screen before must not take the codes away unread.
    asked: bool,
    focus: Item,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Noted,
    /// Back from the question.
    Stay,
    Leave,
}

impl RecoveryCodesScreen {
    pub fn new(codes: IssuedCodes, view: HomeView) -> Self {
        Self {
            codes,
            view,
            asked: false,
            focus: Item::Noted,
        }
    }

    fn items(&self) -> &'static [Item] {
        if self.asked {
            &[Item::Stay, Item::Leave]
        } else {
            &[Item::Noted]
        }
    }

    fn label(item: Item, text: &'static Text) -> &'static str {
        let words = &text.recovery_codes;
        match item {
            Item::Noted => &words.noted,
            Item::Stay => &words.stay,
            Item::Leave => &words.leave,
        }
    }

    fn ask(&mut self, asked: bool) -> Step {
        self.asked = asked;
        // What costs nothing is in focus.
        self.focus = self.items()[0];
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

impl Screen for RecoveryCodesScreen {
    fn is_grave(&self) -> bool {
        self.focus == Item::Leave
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items();
        let at = items.iter().position(|item| *item == self.focus);
        let at = at.unwrap_or_default();
        match command {
            Command::Activate => {
                return match self.focus {
                    Item::Noted => self.ask(true),
                    Item::Stay => self.ask(false),
                    Item::Leave => Step::GoHome(Box::new(self.view.clone())),
                };
            }
            Command::Back => return self.ask(!self.asked),
            Command::Jump(letter) => {
                let labels: Vec<_> = items
                    .iter()
                    .map(|item| Self::label(*item, context.text))
                    .collect();
                self.focus = items[jumped(at, &labels, letter).unwrap_or(at)];
            }
            other => self.focus = items[moved(at, items.len(), other)],
        }
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.recovery_codes;
        sheet.title(&words.title);
        sheet.paragraph(&words.lead);
        sheet.paragraph(&words.apart);
        sheet.gap();
        let before = sheet.height();
        for line in self.lines(sheet.width().into()) {
            sheet.title(&line);
        }
        sheet.gap();
        if self.asked {
            sheet.paragraph(&words.question);
        } else {
            sheet.hint(&words.once);
        }
        sheet.gap();
        let needed = sheet.height() - before;
        for (number, item) in self.items().iter().enumerate() {
            sheet.button(Self::label(*item, context.text), self.focus == *item);
            if self.focus == *item {
                // On a low terminal the codes come before everything else.
                sheet.seen_with_focus(needed + number);
            }
        }
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let keys = &context.text.key;
        let back = self.asked.then_some(keys.back.as_str());
        usual_hints(context, &keys.choose, back)
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.recovery_codes
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
