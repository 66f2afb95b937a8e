//! `lpse-kiosk completions`: scripts by which shells complete our command line.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use super::error::CliError;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk completions bash > /etc/bash_completion.d/lpse-kiosk\n  \
        lpse-kiosk completions zsh > /usr/local/share/zsh/site-functions/_lpse-kiosk\n  \
        lpse-kiosk completions fish > ~/.config/fish/completions/lpse-kiosk.fish"
)]
pub struct CompletionsArguments {
    shell: Shell,
}

/// Prints how `command`, the whole command line, is completed.
pub fn run(arguments: &CompletionsArguments, mut command: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "lpse-kiosk", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if arguments.shell == Shell::Bash {
        // clap_complete 4.6 spells a hyphen in the program's name in two ways, so that nothing after a subcommand
        // would be completed (clap-rs/clap issue 6421). Where it is mended, this changes nothing.
        script = script.replace("lpse__subcmd__kiosk", "lpse__kiosk");
    }
    let mut output = io::stdout().lock();
    output.write_all(script.as_bytes())?;
    Ok(output.flush()?)
}
