//! `lpse-kiosk policy`: who is asked for a code.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde_json::json;

use super::{CliError, output::line};
use crate::{
    domain::{Policy, Source},
    service::Services,
};

/// Show or set who is asked for a TOTP code
///
/// disabled: nobody; enabled: whoever has activated TOTP; required: everybody, and whoever has not activated it must
/// do so right after the password. In force at the next login.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk policy\n  lpse-kiosk policy required")]
pub struct PolicyArguments {
    /// The new policy; shows the present one if left out
    #[arg(value_parser = policies())]
    policy: Option<Policy>,
    /// Print JSON: {"policy":"enabled"}
    #[arg(long)]
    json: bool,
}

fn policies() -> impl TypedValueParser<Value = Policy> {
    PossibleValuesParser::new(Policy::ALL.map(Policy::as_str))
        .try_map(|word| word.parse::<Policy>())
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
