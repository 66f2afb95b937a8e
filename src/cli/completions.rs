//! `lpse-kiosk completions`: scripts by which shells complete our command line.
//!
//! What clap generates knows commands, options and words. User IDs are asked for while somebody types, of `complete-user`:
//! clap's own way to complete values by the program (`unstable-dynamic`) is no stable one yet, and would have the program do
//! what is in the scripts now.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use super::error::CliError;

/// Print a completion script for a shell
///
/// User IDs are completed in bash, zsh and fish for whoever may speak with the service that runs: its user and root.
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
    command.build();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "lpse-kiosk", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let script = match arguments.shell {
        Shell::Bash => for_bash(&script, &command),
        Shell::Zsh => for_zsh(&script),
        Shell::Fish => script + &for_fish(&command),
        _ => script,
    };
    let mut output = io::stdout().lock();
    output.write_all(script.as_bytes())?;
    Ok(output.flush()?)
}

/// The commands about an account that there is, each with its options that take a value.
fn about_accounts(command: &Command) -> impl Iterator<Item = &Command> {
    let user = command.find_subcommand("user").into_iter();
    let takes_id = |c: &&Command| c.get_positionals().any(|word| word.get_id() == "user_id");
    // What is added has an ID that nobody has.
    user.flat_map(Command::get_subcommands)
        .filter(move |c| c.get_name() != "add" && takes_id(c))
}

fn for_bash(script: &str, command: &Command) -> String {
    let names: Vec<&str> = about_accounts(command).map(Command::get_name).collect();
    let mut with_value: Vec<String> = about_accounts(command)
        .flat_map(Command::get_arguments)
        .filter(|option| option.get_action().takes_values())
        .filter_map(|option| Some(format!("--{}", option.get_long()?)))
        .collect();
    with_value.sort();
    with_value.dedup();
    let of_users = BASH
        .replace("COMMANDS", &names.join("|"))
        .replace("OPTIONS", &with_value.join(" | "));
    // clap_complete 4.6 spells a hyphen in the program's name in two ways, so that nothing after a subcommand
    // would be completed (clap-rs/clap issue 6421). Where it is mended, this changes nothing.
    let script = script.replace("lpse__subcmd__kiosk", "lpse__kiosk");
    let script = script.replace(
        "complete -F _lpse__kiosk ",
        "complete -F _lpse__kiosk_with_users ",
    );
    script + &of_users
}

const BASH: &str = r#"
_lpse__kiosk_with_users() {
    _lpse__kiosk "$@"
    [[ $2 != -* && " ${COMP_WORDS[*]:1:COMP_CWORD-1} " =~ \ user\ (.*\ )?(COMMANDS)\  ]] || return 0
    case $3 in OPTIONS) return 0 ;; esac
    local at where=() ids
    for ((at = 1; at + 1 < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in --config | --data) where+=("${COMP_WORDS[at]}" "${COMP_WORDS[at + 1]}") ;; esac
    done
    mapfile -t ids < <("$1" "${where[@]}" complete-user -- "$2" 2>/dev/null)
    COMPREPLY+=("${ids[@]}")
}
"#;

fn for_zsh(script: &str) -> String {
    let lines = script.split_inclusive('\n').map(|line| {
        let is_of_account = line.starts_with("':user_id -- The account'");
        match is_of_account {
            true => line.replace(":_default'", ":_lpse_kiosk_users'"),
            false => line.to_owned(),
        }
    });
    // The file is the body of the function that it defines last, and calls there.
    let script: String = lines.collect();
    script.replacen(
        "\n_lpse-kiosk() {",
        &format!("\n{ZSH}\n_lpse-kiosk() {{"),
        1,
    )
}

const ZSH: &str = r#"_lpse_kiosk_users() {
    local name
    local -a where ids
    for name in --config --data; do
        [[ -n ${opt_args[$name]} ]] && where+=($name ${(Q)opt_args[$name]})
    done
    ids=(${(f)"$(lpse-kiosk $where complete-user -- "$PREFIX" 2>/dev/null)"})
    (( $#ids )) && compadd -M 'm:{a-z}={A-Z}' -a ids
}
"#;

fn for_fish(command: &Command) -> String {
    let names: Vec<&str> = about_accounts(command).map(Command::get_name).collect();
    format!(
        "complete -c lpse-kiosk -n \"__fish_lpse_kiosk_using_subcommand user; and __fish_seen_subcommand_from {}\" \
         -f -a \"(lpse-kiosk complete-user -- (commandline -ct) 2>/dev/null)\"\n",
        names.join(" ")
    )
}
