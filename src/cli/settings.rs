//! `lpse-kiosk config`: the settings in force, and where each came from. Opens nothing but the configuration file.

use clap::Args;
use serde_json::{Value, json};

use super::{error::CliError, output::Lines};
use crate::config::{Config, Flags, Kind, SETTINGS, Setting, markdown_table, template};

/// Show the settings in force, and where each came from
///
/// Prints a configuration file that means the same. A bad setting is refused as it is at the kiosk's start, so this
/// also checks a file before it is used.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk config\n  lpse-kiosk --config new.toml config > /dev/null && echo good\n  \
        lpse-kiosk config --json\n  lpse-kiosk config --template > config.toml"
)]
pub struct SettingsArguments {
    /// Print JSON, one setting a line: setting, variable, value, from
    #[arg(long)]
    json: bool,
    /// Print every setting there is as a Markdown table, for manuals
    #[arg(long, conflicts_with = "json")]
    table: bool,
    /// Print a configuration file with every setting in it, explained and commented out at its default
    #[arg(long, conflicts_with_all = ["json", "table"])]
    template: bool,
}

pub fn run(arguments: &SettingsArguments, flags: &Flags) -> Result<(), CliError> {
    let mut lines = Lines::new();
    if arguments.table {
        lines.line(markdown_table().trim_end())?;
        return lines.flush();
    }
    if arguments.template {
        lines.line(template().trim_end())?;
        return lines.flush();
    }
    let (config, origins) = Config::load_with_origins(flags)?;
    let mut section = "";
    for setting in SETTINGS.iter() {
        let value = typed(setting, &config);
        let from = origins.of(setting.section, setting.name);
        if arguments.json {
            lines.line(json!({
                "setting": format!("{}.{}", setting.section, setting.name),
                "variable": setting.variable(),
                "value": value,
                "from": from.to_string(),
            }))?;
            continue;
        }
        if setting.section != section {
            if !section.is_empty() {
                lines.line("")?;
            }
            section = setting.section;
            lines.line(format!("[{section}]"))?;
        }
        if value.is_null() {
            lines.line(format!("# {}: {}", setting.name, setting.default()))?;
        } else {
            // A JSON string of text without control characters is also a TOML string.
            lines.line(format!("{} = {value}  # {from}", setting.name))?;
        }
    }
    lines.flush()
}

fn typed(setting: &Setting, config: &Config) -> Value {
    match (setting.value(config), setting.kind) {
        (None, _) => Value::Null,
        (Some(value), Kind::Number) => value.parse::<u64>().map_or(Value::Null, Value::from),
        (Some(value), Kind::Text) => Value::from(value),
    }
}
