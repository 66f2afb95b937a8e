//! The surroundings of a screen: whose terminal it is on, the language, the time, and what is waited for.

use std::time::Duration;

use super::{AppSettings, Now, attention::Unread, text::Text, theme::Theme};
use crate::domain::language::Language;

/// What a screen sees of the world around it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub settings: &'a AppSettings,
    pub language: Language,
    pub text: &'static Text,
    pub theme: &'a Theme,
    pub now: Now,
    pub visits: Option<u64>,
    /// How long a request has been under way, if one is.
    pub working: Option<Duration>,
    /// A key that came before anybody can have read what it would have acted on, for a moment.
    pub unread: Option<Unread>,
    /// What the screen shows was sent to the terminal's clipboard by the last key.
    pub is_copied: bool,
    /// How long the screen has been wanting to see something that it does not have yet.
    pub looking: Option<Duration>,
}

/// What takes shorter than this is not worth a sign.
pub const PATIENCE: Duration = Duration::from_millis(150);
