//! The command line: what can be asked of the program, one file a subcommand.
//!
//! It speaks English, the language of its manual; people at a kiosk never see it.

mod attach;
mod audit;
mod backup;
mod backup_key;
mod complete_user;
mod completions;
mod demo;
mod doctor;
mod echo;
mod error;
mod exit_status;
mod host_key;
mod key;
mod kiosk;
mod listing;
mod manual;
mod manual_pages;
mod moment;
mod node;
mod outbox;
mod outcome;
mod output;
mod owner;
mod password;
mod policy;
mod progress;
mod restore;
mod runtime;
mod serve;
mod services;
mod settings;
mod standard_error;
mod store;
mod user;
mod verify;
mod words;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueHint,
    error::{ContextKind, ContextValue, ErrorKind},
};

use self::{
    error::CliError,
    exit_status::ExitStatus,
    runtime::block_on,
    services::with_services,
    standard_error::{harmless, say},
    words::one_of,
};
use crate::{
    config::{Config, Flags, LogFormat, StoreKind},
    daemon,
    domain::identity::is_disguise,
};

/// Login and TOTP self-service for SPSE users, on a terminal.
///
/// Without a command, the kiosk runs on this terminal, and nothing leads out of it; before that it asks, so that nobody
/// starts it by accident. `lpse-kiosk demo` tries it out.
#[derive(Debug, Parser)]
#[command(
    name = "lpse-kiosk",
    version,
    after_help = "lpse-kiosk --help also tells the settings, the exit statuses and examples.",
    after_long_help = manual::text(),
    max_term_width = 110
)]
pub struct CommandLine {
    /// Run the kiosk on this terminal at once, without a question: for units, and whatever else starts it by itself
    #[arg(long)]
    kiosk: bool,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Options {
    /// Read settings from this file instead of /etc/lpse-kiosk/config.toml
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Keep the store and the logs in this folder
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// Read the master key from this file, or create it there for a new store
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    master_key_file: Option<PathBuf>,
    /// The embedded engine that keeps the records
    #[arg(long, global = true, value_name = "KIND", value_parser = one_of::<StoreKind, _>(StoreKind::ALL.map(StoreKind::as_str)))]
    store: Option<StoreKind>,
    /// Write the program's own log in this form
    #[arg(long, global = true, value_name = "FORMAT", value_parser = one_of::<LogFormat, _>(LogFormat::ALL.map(LogFormat::as_str)))]
    log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArguments),
    Serve(serve::ServeArguments),
    Attach(attach::AttachArguments),
    HostKey(host_key::HostKeyArguments),
    User(user::UserArguments),
    Policy(policy::PolicyArguments),
    Outbox(outbox::OutboxArguments),
    Audit(audit::AuditArguments),
    Key(key::KeyArguments),
    Backup(backup::BackupArguments),
    Restore(restore::RestoreArguments),
    Verify(verify::VerifyArguments),
    Node(node::NodeArguments),
    Store(store::StoreArguments),
    Doctor(doctor::DoctorArguments),
    Config(settings::SettingsArguments),
    Completions(completions::CompletionsArguments),
    CompleteUser(complete_user::CompleteUserArguments),
    ManualPages(manual_pages::ManualPagesArguments),
}

/// Carries out `command_line`. What was not done is told in a sentence or two on standard error.
pub fn run(command_line: CommandLine) -> ExitCode {
    // Only the place is told: a panic's words may hold what was typed.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        say(&format!(
            "a fault in the program, at {}; please report it",
            place.as_deref().unwrap_or("an unknown place")
        ));
    }));
    match panic::catch_unwind(AssertUnwindSafe(|| carry_out(command_line))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // Whoever reads our output (`| head`) has seen enough.
        Ok(Err(CliError::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => {
            if !matches!(error, CliError::Told) {
                say(&error.to_string());
            }
            ExitCode::from(error.exit_status())
        }
        Err(_) => ExitCode::from(ExitStatus::Fault.number()),
    }
}

/// What this process was asked to do; else the status to end with, after it was told what was wrong with the question.
pub fn command_line() -> Result<CommandLine, ExitCode> {
    let words: Vec<OsString> = env::args_os().collect();
    CommandLine::try_parse_from(&words).map_err(|mut error| {
        if lacks_reason(&error) {
            let wanted = vec![user::REASON_WANTED.into()];
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(wanted));
        }
        let acts = |word: &OsString| word.to_string_lossy().contains(is_disguise);
        // A refusal repeats the word that it is about. Where one could act on the terminal, the parser's own colours are
        // left out too: they are made of such characters.
        let _ = if words.iter().any(acts) && error.use_stderr() {
            write!(io::stderr(), "{}", harmless(&error.render().to_string()))
        } else {
            error.print()
        };
        let status = u8::try_from(error.exit_code());
        ExitCode::from(status.unwrap_or(ExitStatus::Fault.number()))
    })
}

/// Whether a command that must say why did not.
fn lacks_reason(error: &clap::Error) -> bool {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(lacking))
            if error.kind() == ErrorKind::MissingRequiredArgument =>
        {
            lacking.iter().any(|name| name.starts_with("--reason"))
        }
        _ => false,
    }
}

fn carry_out(command_line: CommandLine) -> Result<(), CliError> {
    let Options {
        config,
        data,
        master_key_file,
        store,
        log_format,
    } = command_line.options;
    let flags = Flags {
        config,
        data,
        master_key_file,
        store,
        log_format,
    };
    match command_line.command {
        None => kiosk::run(command_line.kiosk, &flags),
        Some(_) if command_line.kiosk => Err(CliError::Usage(
            "--kiosk before a command says nothing: it is for the kiosk on this terminal, which has none".into(),
        )),
        Some(Command::Demo(_)) => {
            if flags.master_key_file.is_some() {
                return Err(CliError::Usage(
                    "training makes a key of its own; leave --master-key-file out".into(),
                ));
            }
            let kept = flags.data.is_some();
            let config = Config::load_for_training(&flags)?;
            Ok(block_on(daemon::run::demo(config, kept))?)
        }
        Some(Command::Serve(arguments)) => serve::run(&arguments, flags),
        Some(Command::Attach(arguments)) => attach::run(&arguments, &flags),
        Some(Command::HostKey(arguments)) => host_key::run(&arguments, &flags),
        Some(Command::User(arguments)) => with_services(&flags, async |services, source, config| {
            user::run(arguments, &services, &source, config).await
        }),
        Some(Command::Policy(arguments)) => with_services(&flags, async |services, source, _| {
            policy::run(arguments, &services, &source).await
        }),
        Some(Command::Outbox(arguments)) => with_services(&flags, async |services, source, config| {
            outbox::run(arguments, &services, &source, config).await
        }),
        Some(Command::Node(arguments)) => with_services(&flags, async |services, source, config| {
            node::run(arguments, &services, &source, config.zone).await
        }),
        Some(Command::Audit(arguments)) => audit::run(arguments, &flags),
        Some(Command::Key(arguments)) => with_services(&flags, async |services, source, _| {
            key::run(arguments, &services, &source).await
        }),
        Some(Command::Backup(arguments)) => with_services(&flags, async |services, source, config| {
            backup::run(arguments, &services, &source, config).await
        }),
        Some(Command::Restore(arguments)) => restore::run(&arguments, &flags),
        Some(Command::Verify(arguments)) => block_on(async { verify::run(&arguments, &flags) }),
        Some(Command::Store(arguments)) => store::run(&arguments, &flags),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments, &flags),
        Some(Command::Config(arguments)) => settings::run(&arguments, &flags),
        Some(Command::Completions(arguments)) => {
            completions::run(&arguments, CommandLine::command())
        }
        Some(Command::CompleteUser(arguments)) => complete_user::run(&arguments, &flags),
        Some(Command::ManualPages(arguments)) => {
            manual_pages::run(&arguments, CommandLine::command())
        }
    }
}
