//! Settings of the screens, as a terminal is told them.

use std::time::Duration;

use crate::{
    config::Config,
    tui::{AppSettings, attention::READING_TIME, theme::Terminal},
};

/// What the screens of a terminal are told; the same for every door.
pub fn app_settings(
    config: &Config,
    session: String,
    is_guest: bool,
    terminal: Terminal,
) -> AppSettings {
    AppSettings {
        office: config.office.clone(),
        banner: config.banner.clone(),
        session,
        training: None,
        zone: config.zone,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        language: config.language,
        is_guest,
        reset_by_mail: config.letters_are_sent(),
        reset_link_holds: config.link_holds,
        reading_time: reading_time(),
        // A kiosk's own stands unattended, and nobody takes its clipboard along.
        terminal: match is_guest {
            true => terminal,
            false => terminal.of_nobody(),
        },
        palette: config.palette,
    }
}

/// How long people are given to read a screen that changed by itself. A journey, which is no person, sets its own in
/// milliseconds, where the program is built for journeys.
fn reading_time() -> Duration {
    #[cfg(feature = "test-hooks")]
    if let Some(time) = std::env::var("LPSE_TEST_READING_TIME")
        .ok()
        .and_then(|time| time.parse().ok())
    {
        return Duration::from_millis(time);
    }
    READING_TIME
}
