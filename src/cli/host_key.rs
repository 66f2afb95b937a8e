//! `lpse-kiosk host-key`: what people compare before they trust a connection.

use clap::Args;

use super::{error::CliError, output, owner::owner_of_data};
use crate::{
    config::{Config, Flags},
    frontend::ssh::host_key::HostKey,
};

/// Show the SSH host key's fingerprint and public key
///
/// The fingerprint is what `ssh` shows at the first connection; the public key is what stands in a known_hosts file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk host-key\n  lpse-kiosk host-key --json")]
pub struct HostKeyArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &HostKeyArguments, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    let file = config.host_key_file();
    let key = HostKey::read_for(&file, owner_of_data(&config.data))
        .map_err(|error| CliError::Refused(error.to_string()))?;
    let (path, fingerprint, public) = (file.display().to_string(), key.fingerprint(), key.public());
    if arguments.json {
        let shown = serde_json::json!({
            "file": path,
            "fingerprint": fingerprint,
            "public_key": public,
        });
        output::line(shown)
    } else {
        output::line(format!("file         {path}"))?;
        output::line(format!("fingerprint  {fingerprint}"))?;
        output::line(format!("public key   {public}"))
    }
}
