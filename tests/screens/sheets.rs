//! Every screen once, on a sheet a theme and size: `PICTURES=assets/pictures tests/run screens sheets` writes those that the
//! project keeps.

use std::{fs, path::Path};

use support::{picture, screen::shown};

use super::pictures::THEMES;

/// One state of each screen, in the order in which people come to them.
const SCREENS: [&str; 42] = [
    "menu",
    "user_type",
    "user_id",
    "password_typed",
    "password_rejected_with_wait",
    "passcode",
    "passcode_rejected",
    "two_codes_second",
    "recovery",
    "enrollment",
    "enrollment_phone_clock",
    "recovery_offer",
    "recovery_codes",
    "recovery_codes_question",
    "home_off",
    "home_active",
    "home_phone_clock",
    "home_two_phones",
    "phones",
    "remove_phone",
    "disable",
    "own_password",
    "activity_full",
    "help_on_passcode",
    "reset",
    "reset_request_typed",
    "reset_sent",
    "reset_confirm",
    "reset_question",
    "reset_done",
    "menu_training",
    "inbox",
    "inbox_letter",
    "idle_warning",
    "desk_waiting",
    "desk_found",
    "card",
    "act_reset_filled",
    "one_time_password",
    "policy",
    "outbox",
    "audit_record",
];

#[test]
fn every_screen_stands_on_a_sheet() {
    let kept = |(theme, _): &&(&str, _)| ["dark", "light", "monochrome"].contains(theme);
    for (theme, change) in THEMES.iter().filter(kept) {
        for (columns, rows) in [(80, 24), (120, 40)] {
            let states = super::people::all_apps(*change).chain(super::desk::all_apps(*change));
            let mut screens: Vec<_> = states
                .filter(|(name, ..)| SCREENS.contains(name))
                .map(|(name, app, now)| (name, shown(&app, now, columns, rows)))
                .collect();
            screens.sort_by_key(|(name, _)| SCREENS.iter().position(|screen| screen == name));
            let names: Vec<_> = screens.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, SCREENS);
            let sheet = picture::sheet(&screens, 6, picture::DARK);
            if let Some(folder) = std::env::var_os("PICTURES") {
                let file = format!("all-{theme}-{columns}x{rows}.svg");
                fs::write(Path::new(&folder).join(file), sheet).unwrap();
            }
        }
    }
}
