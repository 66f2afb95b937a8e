//! The command line: what can be asked of the program, one file a subcommand.
//!
//! It speaks English, the language of its manual; people at a kiosk never see it.

mod import;
mod policy;
mod user;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{
    adapter::clock::SystemClock,
    config::{Config, ConfigError, Flags, SETTINGS, StoreKind},
    domain::Source,
    frontend::kiosk::{self, KioskError},
    parts::{self, KeySource, PartsError},
    service::{ServiceError, Services, accounts::AccountsError},
};

/// Login and TOTP self-service for SPSE users, on a terminal.
///
/// Without a command, the kiosk runs on this terminal; nothing leads out of it. `lpse-kiosk demo` tries it out.
#[derive(Debug, Parser)]
#[command(version, after_long_help = manual(), max_term_width = 110)]
pub struct CommandLine {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Options {
    /// Read settings from this file instead of /etc/lpse-kiosk/config.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep store and logs in this folder
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Read the master key from this file, or create it there for a new store
    #[arg(long, global = true, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// The embedded engine that keeps the records: sled or redb
    #[arg(long, global = true, value_name = "KIND")]
    store: Option<StoreKind>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything out: sample accounts, nothing to configure; Ctrl-C leaves
    ///
    /// The store lives in a fresh folder that is removed at the end; --data DIR keeps one.
    Demo,
    /// Accounts: add, list, show, change, remove, import
    #[command(subcommand)]
    User(user::UserCommand),
    /// Show or set who is asked for a TOTP code
    Policy(policy::PolicyArguments),
    /// Print a completion script for a shell, for example: lpse-kiosk completions bash
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
}

fn manual() -> String {
    let mut text = String::from(
        "Settings: flags go over LPSE_KIOSK_* variables, those over the file, that over the defaults.\n\
         [section] name = what it means (allowed; default)\n",
    );
    for setting in SETTINGS {
        text.push_str(&format!(
            "  [{}] {} = {} ({}; {})\n",
            setting.section,
            setting.name,
            setting.means,
            setting.allowed,
            setting.default()
        ));
    }
    text.push_str(
        "\nThe variable of [store] kind is LPSE_KIOSK_STORE_KIND, and so on. A systemd credential named master-key is \
         used when no master key file is named.\n\
         \nExit status: 0 done; 1 not done, with a sentence that says why; 2 wrong usage; 3 the store is in use by \
         another process; 75 not possible just now, try again later.",
    );
    text
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Parts(#[from] PartsError),
    #[error(transparent)]
    Kiosk(#[from] KioskError),
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("{0}")]
    Refused(String),
    #[error("output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    fn exit_status(&self) -> u8 {
        match self {
            Self::Parts(error) => error.exit_status(),
            Self::Kiosk(error) => error.exit_status(),
            Self::Service(_) | Self::Accounts(AccountsError::Service(_)) => 75,
            Self::Config(_) | Self::Accounts(_) | Self::Refused(_) | Self::Output(_) => 1,
        }
    }
}

/// Carries out `command_line`; errors are one sentence on standard error.
pub fn run(command_line: CommandLine) -> ExitCode {
    match carry_out(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closed the pipe (`| head`) has seen enough.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "lpse-kiosk: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

fn carry_out(command_line: CommandLine) -> Result<(), CliError> {
    let Options {
        config,
        data,
        master_key_file,
        store,
    } = command_line.options;
    let flags = Flags {
        config,
        data,
        master_key_file,
        store,
    };
    match command_line.command {
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(
                shell,
                &mut CommandLine::command(),
                "lpse-kiosk",
                &mut script,
            );
            Ok(io::stdout().write_all(&script)?)
        }
        None => {
            let config = Config::load(&flags)?;
            Ok(runtime().block_on(kiosk::run(config))?)
        }
        Some(Command::Demo) => {
            let kept = flags.data.is_some();
            let config = Config::load(&flags)?;
            Ok(runtime().block_on(kiosk::demo(config, kept))?)
        }
        Some(Command::User(command)) => with_services(&flags, async |services, source| {
            user::run(command, &services, &source).await
        }),
        Some(Command::Policy(arguments)) => with_services(&flags, async |services, source| {
            policy::run(arguments, &services, &source).await
        }),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system starts threads at the program's start")
}

/// Opens the store for one command, and closes it in order.
fn with_services(
    flags: &Flags,
    command: impl AsyncFnOnce(Arc<Services>, Source) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    runtime().block_on(async {
        let clock = Arc::new(SystemClock::start());
        let key = KeySource::File(config.master_key_file.clone());
        let opened = parts::open(&config, &key, clock).await?;
        let source = Source::Console("command line".into());
        let done = command(opened.services.clone(), source).await;
        opened.close().await;
        done
    })
}

/// Writes a line to standard output.
fn line(text: impl std::fmt::Display) -> Result<(), CliError> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
