//! `lpse-kiosk manual-pages`: the manual as man(1) shows it, for whoever makes a package. A page a command, and one for
//! the settings; all of it derives from the command line and the settings themselves.

use std::{fs, path::PathBuf};

use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use roff::{Roff, bold, italic, roman};

use super::{error::CliError, manual};
use crate::config::{DEFAULT_FILE, FILE_VARIABLE, SETTINGS};

const VERSION: &str = concat!("lpse-kiosk ", env!("CARGO_PKG_VERSION"));
const SETTINGS_PAGE: &str = "lpse-kiosk.toml";

/// A line of help that stands alone and is no longer than this is a heading.
const LONGEST_HEADING: usize = 24;

/// Write the manual pages into a folder
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_help = "Example:\n  lpse-kiosk manual-pages /usr/local/share/man"
)]
pub struct ManualPagesArguments {
    #[arg(value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// The pages' date, which is today unless a package is to come out the same every time
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
}

/// Writes the pages of `command`, the whole command line.
pub fn run(arguments: &ManualPagesArguments, command: Command) -> Result<(), CliError> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let today = || TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let date = arguments.date.unwrap_or_else(today).to_string();
    let mut pages = vec![(format!("{SETTINGS_PAGE}.5"), settings_page(&date)?)];
    collect(&command, None, &date, &mut pages)?;
    for (name, page) in pages {
        let section = name.rsplit('.').next().unwrap_or_default();
        let folder = arguments.folder.join(format!("man{section}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), page)?;
    }
    Ok(())
}

/// The pages of `command`, which is one of those of `above`, and of every command below it.
fn collect(
    command: &Command,
    above: Option<&Command>,
    date: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), CliError> {
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        collect(below, Some(command), date, pages)?;
    }
    let man = Man::new(command.clone())
        .date(date)
        .source(VERSION)
        .manual("lpse-kiosk");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_options_section(&mut page)?;
    let mut rest = Roff::new();
    if above.is_none() {
        help(&mut rest, manual::EXAMPLES);
        rest.control("SH", ["NOTES"]);
        help(&mut rest, &manual::notes());
        for heading in manual::TABLES {
            tabled(&mut rest, heading);
        }
    } else if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        help(&mut rest, &after.to_string());
    }
    rest.control("SH", ["SEE ALSO"]);
    rest.text([roman(match above {
        None => format!("{SETTINGS_PAGE}(5)"),
        Some(_) => format!("lpse-kiosk(1), {SETTINGS_PAGE}(5)"),
    })]);
    rest.to_writer(&mut page)?;
    pages.push((man.get_filename(), page));
    Ok(())
}

/// What the help tells after the options: a heading is a section, what is indented stays as it is.
fn help(page: &mut Roff, text: &str) {
    let mut is_list = false;
    for line in text.lines() {
        let is_indented = line.starts_with(' ');
        if is_indented != is_list {
            page.control(if is_indented { "nf" } else { "fi" }, []);
            is_list = is_indented;
        }
        match line.strip_suffix(':') {
            _ if line.is_empty() => {
                page.control("PP", []);
            }
            Some(heading) if !is_indented && line.len() <= LONGEST_HEADING => {
                page.control("SH", [heading.to_uppercase().as_str()]);
            }
            _ => {
                page.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
            }
        }
    }
    if is_list {
        page.control("fi", []);
    }
}

/// A section of the manual for operators, as a list of what it names.
fn tabled(page: &mut Roff, heading: &str) {
    page.control("SH", [heading.to_uppercase().as_str()]);
    for row in manual::table(heading) {
        page.control("TP", []);
        page.text([bold(row.names)]);
        page.text([roman(row.meaning)]);
    }
}

/// Every setting, as lpse-kiosk.toml(5).
fn settings_page(date: &str) -> Result<Vec<u8>, CliError> {
    let mut page = Roff::new();
    page.control("TH", [SETTINGS_PAGE, "5", date, VERSION, "lpse-kiosk"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!(
        "{SETTINGS_PAGE} - the settings of lpse-kiosk"
    ))]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([italic(DEFAULT_FILE)]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(
        "A file in TOML. No setting is needed; what is not set holds at its default. What is unknown or not allowed is \
         refused with its line, and nothing is guessed. Each setting has a variable that goes over the file; flags go over \
         both. `lpse-kiosk config` checks a file and shows what is in force and where it came from; `lpse-kiosk config \
         --template` prints a file with everything in it as a comment. Secrets never stand in it, only the paths of their \
         files.",
    )]);
    let mut section = "";
    for setting in SETTINGS.iter() {
        if setting.section != section {
            section = setting.section;
            page.control("SH", [format!("[{section}]").as_str()]);
        }
        page.control("TP", []);
        page.text([bold(setting.name)]);
        page.text([roman(format!("{}.", capital(setting.means)))]);
        page.control("br", []);
        page.text([roman(format!("It may be {}.", setting.allowed))]);
        page.control("br", []);
        page.text([roman(format!("Default: {}", setting.default()))]);
        page.control("br", []);
        page.text([roman("Variable: "), roman(setting.variable())]);
    }
    page.control("SH", ["FILES"]);
    page.control("TP", []);
    page.text([bold(DEFAULT_FILE)]);
    page.text([roman(format!(
        "The settings, unless --config or {FILE_VARIABLE} names another file."
    ))]);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("lpse-kiosk(1), lpse-kiosk-config(1)")]);
    let mut written = Vec::new();
    page.to_writer(&mut written)?;
    Ok(written)
}

fn capital(sentence: &str) -> String {
    let mut rest = sentence.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + rest.as_str()
}
