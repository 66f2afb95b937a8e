//! `lpse-kiosk audit key`: by which signatures the checkpoints of this machine's audit log are known.

use clap::Args;
use serde_json::json;

use crate::{
    adapter::audit_key::AuditKey,
    assembly,
    cli::{error::CliError, output, owner::owner_of_data},
    config::Config,
    domain::checkpoint::signer,
};

/// Show the public key of the audit log's checkpoints, as a line of a file of allowed signers
///
/// Keep the line on another machine: `ssh-keygen -Y verify -f` takes a file of such lines, and so does `audit verify
/// --signers`. The key is made at the first start of `serve` or a kiosk.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk audit key >> allowed_signers\n  lpse-kiosk audit key --json"
)]
pub struct KeyArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &KeyArguments, config: &Config) -> Result<(), CliError> {
    let file = config.audit_key_file();
    let key = AuditKey::read_for(&file, owner_of_data(&config.data))
        .map_err(|error| CliError::Refused(error.to_string()))?;
    let node = assembly::node(config);
    let line = key.allowed_signer(&node);
    match arguments.json {
        false => output::line(line),
        true => output::line(json!({
            "file": file.display().to_string(),
            "signer": signer(&node),
            "fingerprint": key.fingerprint(),
            "allowed_signer": line,
        })),
    }
}
