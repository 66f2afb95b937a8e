//! The end of `lpse-kiosk --help`, after the options: examples, settings, exit statuses. The manual pages tell the
//! same, and what the manual for operators has in tables.

use super::exit_status;
use crate::config::{DATA_VARIABLE, DEFAULT_FILE, FILE_VARIABLE, SETTINGS};

pub const EXAMPLES: &str = "Examples:
  lpse-kiosk demo
  lpse-kiosk serve
  lpse-kiosk attach
  lpse-kiosk doctor
  lpse-kiosk user add PPK30 --type non-penyedia --name \"Siti Nurhaliza\" --email siti@contoh.go.id
  lpse-kiosk policy required
  lpse-kiosk key rotate
  lpse-kiosk backup --key-file /root/backup.key /mnt/backup/latest
  lpse-kiosk audit tail --follow
  lpse-kiosk --config /etc/lpse-kiosk/loket-2.toml
";

/// What the manual for operators tells of files, variables and signals stands there and nowhere else.
const OPERATING: &str = include_str!("../../assets/manual/operating.md");

/// The headings of its tables that the manual page has too.
pub const TABLES: [&str; 3] = ["Files", "Environment", "Signals"];

/// A row of such a table: what it is about, and what there is to say of that.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub names: String,
    pub meaning: String,
}

/// The rows of the table under `heading`, without the marks of their setting.
pub fn table(heading: &str) -> Vec<Row> {
    let under = format!("\n### {heading}\n");
    let (_, section) = OPERATING.split_once(&under).unwrap_or_default();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---"));
    lines
        .skip(1)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter_map(|row| row.split_once(" | "))
        .map(|(names, meaning)| Row {
            names: names.replace('`', ""),
            meaning: meaning.replace('`', ""),
        })
        .collect()
}

/// The manual. The settings come from their one declaration.
pub fn text() -> String {
    let mut text = String::from(EXAMPLES);
    text.push_str(
        "\nSettings: flags go over variables, those over the file, that over the defaults. In the file, they stand in sections:\n",
    );
    let mut section = "";
    for setting in SETTINGS.iter() {
        if setting.section != section {
            section = setting.section;
            text.push_str(&format!("  [{section}]\n"));
        }
        text.push_str(&format!(
            "    {}\n        {}\n        {}; default: {}\n",
            setting.name,
            setting.means,
            setting.allowed,
            setting.default()
        ));
    }
    text.push('\n');
    text.push_str(&notes());
    text
}

/// What stands after the settings. Paragraphs are one line each: the help is wrapped to the terminal's width.
pub fn notes() -> String {
    format!(
        "Variables: [store] kind is LPSE_KIOSK_STORE_KIND, and so on. {FILE_VARIABLE} names the file instead of \
         {DEFAULT_FILE}, and {DATA_VARIABLE} the data folder.\n\
         \nSecrets come neither by variables nor by arguments: passwords are asked for, or read from standard input; \
         the passphrase of a backup is asked for, or read from a private file; \
         the master key is read from its file or from the systemd credential named master-key.\n\
         \nBeside a running kiosk: commands go through its socket, lpse-kiosk.sock in the data folder, and do the same \
         as without it. It serves its own user and root.\n\
         \nExit status:\n{}",
        exit_status::table()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_there_and_each_row_has_its_sentence() {
        for heading in TABLES {
            let rows = table(heading);
            assert!(rows.len() >= 4, "{heading}: {rows:?}");
            for row in rows {
                assert!(
                    row.meaning.ends_with('.') && !row.names.contains('|'),
                    "{row:?}"
                );
            }
        }
        assert_eq!(table("Nothing of the kind"), []);
    }

    #[test]
    fn the_tables_name_what_the_program_goes_by() {
        let names = |heading| -> Vec<String> {
            let rows = table(heading).into_iter();
            rows.flat_map(|row| row.names.split(", ").map(str::to_owned).collect::<Vec<_>>())
                .collect()
        };
        assert!(names("Files").contains(&DEFAULT_FILE.to_owned()));
        let variables = names("Environment");
        for variable in [FILE_VARIABLE, DATA_VARIABLE] {
            assert!(variables.contains(&variable.to_owned()), "{variable}");
        }
    }
}
