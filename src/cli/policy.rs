//! `lpse-kiosk policy`: who is asked for a code.

use clap::Args;
use serde_json::json;

use super::{CliError, line};
use crate::{
    domain::{Policy, Source},
    service::Services,
};

/// Who is asked for a TOTP code.
///
/// disabled: nobody; enabled: whoever has activated TOTP; required: everybody, and whoever has not activated it must
/// do so right after the password. In force at the next login.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk policy\n  lpse-kiosk policy required")]
pub struct PolicyArguments {
    /// disabled, enabled or required; shows the present policy if left out
    policy: Option<Policy>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: PolicyArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    if let Some(policy) = arguments.policy {
        services.policy.set(policy, source).await?;
    }
    let policy = services.policy.get().await?;
    if arguments.json {
        line(json!({ "policy": policy.as_str() }))
    } else {
        line(policy)
    }
}
