//! The list of the accounts that were found for one text, as far as its pages have come.

use crate::{
    domain::{
        account::{Role, TotpState},
        officer::{Bookmark, Card, Found, FoundPage},
        throttle::Gate,
    },
    tui::{context::Context, text::Text, widget::table::Table},
};

/// Accounts that the list holds at most. Whoever pages on leaves the first ones behind.
const MOST: usize = 200;

/// The next page is asked for when this many rows or fewer are below the one in focus.
pub const AHEAD: usize = 10;

/// What was found for one text.
#[derive(Debug)]
pub struct List {
    pub typed: String,
    pub accounts: Vec<Found>,
    pub next: Option<Bookmark>,
    has_altered: bool,
    /// The page behind the last one is wanted.
    pub wants_more: bool,
    /// Accounts before the first that the list holds no longer.
    pub left_behind: usize,
}

impl List {
    pub fn new(typed: String, page: FoundPage) -> Self {
        Self {
            typed,
            accounts: page.accounts,
            next: page.next,
            has_altered: page.has_altered,
            wants_more: false,
            left_behind: 0,
        }
    }

    /// A page ends where its work was bounded, so it may hold few accounts, or none, and yet there are more: the search
    /// goes on until there is something to page through.
    pub fn is_short(&self) -> bool {
        self.next.is_some() && self.accounts.len() <= AHEAD
    }

    /// Whether there is more to be had, and hardly anything of it is here below the account in focus, if one is.
    pub fn runs_out(&self, row: Option<usize>) -> bool {
        let below = row.map_or(0, |row| row + AHEAD);
        self.is_short() || (self.next.is_some() && below >= self.accounts.len())
    }

    /// Why accounts may be missing, if so.
    pub fn gap<'t>(&self, text: &'t Text) -> Option<&'t str> {
        let words = &text.desk;
        self.has_altered.then_some(words.altered.as_str())
    }

    /// Adds the page behind the last one; returns how many accounts had to go in front. None goes while the one in
    /// focus is among them, or none is: that would put another under the pointer.
    pub fn append(&mut self, page: FoundPage, row: Option<usize>) -> usize {
        self.accounts.extend(page.accounts);
        self.next = page.next;
        self.has_altered |= page.has_altered;
        let surplus = self.accounts.len().saturating_sub(MOST);
        let gone = row.filter(|row| *row >= surplus).map_or(0, |_| surplus);
        self.accounts.drain(..gone);
        self.left_behind += gone;
        gone
    }
}

/// The accounts as rows.
pub fn found_table(accounts: &[Found], context: &Context<'_>) -> Table {
    let words = &context.text.desk;
    let mut table = Table::new(&[
        (words.id.as_str(), 14),
        (&words.user_type, 12),
        (&words.name, 12),
        (&words.totp, 8),
        ("", 15),
    ]);
    for found in accounts {
        let totp = match found.totp {
            TotpState::Off => &words.totp_off,
            TotpState::Pending { .. } => &words.totp_pending,
            TotpState::Active { .. } => &words.totp_active,
        };
        let marks = [
            (found.suspended, &words.suspended),
            (found.held, &words.held),
            (found.role == Role::Officer, &words.officer),
        ];
        let marks: Vec<&str> = marks
            .into_iter()
            .filter(|(is_so, _)| *is_so)
            .map(|(_, mark)| mark.as_str())
            .collect();
        table.row(vec![
            found.key.user_id.to_string(),
            found.key.user_type.label().to_owned(),
            found.name.to_string(),
            totp.clone(),
            marks.join(", "),
        ]);
    }
    table
}

/// The account of `card` as the list shows it.
pub fn found_of(card: Card) -> Found {
    Found {
        key: card.key,
        name: card.name,
        role: card.role,
        totp: card.totp,
        suspended: card.suspended.is_some(),
        held: card.gate == Gate::Held,
    }
}
