//! A configuration file to begin with: every setting explained, and commented out at its default.

use super::{notation::Kind, setting::SETTINGS, source::DEFAULT_FILE};

/// The file. Nothing is set in it; without its comment signs, each line of a setting is allowed as it stands.
pub fn template() -> String {
    let mut text = format!(
        "# The settings of lpse-kiosk: {DEFAULT_FILE}\n#\n\
         # No setting is needed. Each line that sets something is a comment and shows the default, or an example where the\n\
         # default depends on the machine; take the # away to change it. `lpse-kiosk config` then checks this file and\n\
         # shows what is in force; lpse-kiosk.toml(5) tells the same as these comments. Secrets never stand here, only the\n\
         # paths of their files.\n"
    );
    let mut section = "";
    for setting in SETTINGS.iter() {
        if setting.section != section {
            section = setting.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        text.push('\n');
        text.push_str(&wrapped(&format!(
            "{}: {}. It may be {}.",
            setting.name, setting.means, setting.allowed
        )));
        if setting.is_of_the_machine() {
            text.push_str(&wrapped(&format!("Default: {}.", setting.default())));
        }
        // A JSON string of text without control characters is also a TOML string.
        let value = match setting.kind {
            Kind::Number => setting.example(),
            Kind::Text => serde_json::Value::from(setting.example()).to_string(),
        };
        text.push_str(&format!("#{} = {value}\n", setting.name));
    }
    text
}

/// A comment of lines that are not long.
fn wrapped(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > LONGEST {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}
