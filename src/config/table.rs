//! All settings as a table in Markdown, for manuals.

use super::setting::SETTINGS;

/// The table, with a line for each setting.
pub fn markdown_table() -> String {
    let mut table = String::from(
        "| Setting | Meaning | Allowed | Default | Variable |\n|---|---|---|---|---|\n",
    );
    for setting in SETTINGS.iter() {
        table.push_str(&format!(
            "| `{setting}` | {} | {} | {} | `{}` |\n",
            setting.means,
            setting.allowed,
            setting.default(),
            setting.variable()
        ));
    }
    table
}
