//! `lpse-kiosk policy`: who is asked for a code.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde_json::json;

use super::{error::CliError, output::line};
use crate::{
    domain::{Policy, Source, policy::LoginRules},
    service::Services,
};

/// Show or set who is asked for a TOTP code
///
/// disabled: nobody; enabled: whoever has activated TOTP; required: everybody, and whoever has not activated it must
/// do so right after the password. In force at the next login. Officers need TOTP whatever the policy.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk policy\n  lpse-kiosk policy required\n  \
    lpse-kiosk policy --recovery-codes off"
)]
pub struct PolicyArguments {
    /// The new policy; shows the present one if left out
    #[arg(value_parser = policies())]
    policy: Option<Policy>,
    /// Issue and take recovery codes, on or off; as it is if left out
    #[arg(long, value_name = "ON|OFF", value_parser = on_or_off())]
    recovery_codes: Option<bool>,
    /// Print JSON: {"policy":"enabled","recovery_codes":true}
    #[arg(long)]
    json: bool,
}

fn policies() -> impl TypedValueParser<Value = Policy> {
    PossibleValuesParser::new(Policy::ALL.map(Policy::as_str))
        .try_map(|word| word.parse::<Policy>())
}

fn on_or_off() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|word| word == "on")
}

pub async fn run(
    arguments: PolicyArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let rules = match (arguments.policy, arguments.recovery_codes) {
        // Set as a whole, whatever it was: also when that can no longer be read.
        (Some(policy), Some(recovery_codes)) => LoginRules {
            policy,
            recovery_codes,
        },
        (policy, recovery_codes) => {
            let before = services.policy.get().await?;
            LoginRules {
                policy: policy.unwrap_or(before.policy),
                recovery_codes: recovery_codes.unwrap_or(before.recovery_codes),
            }
        }
    };
    if arguments.policy.is_some() || arguments.recovery_codes.is_some() {
        services.policy.set(rules, source).await?;
    }
    if arguments.json {
        line(json!({ "policy": rules.policy.as_str(), "recovery_codes": rules.recovery_codes }))
    } else {
        let recovery_codes = if rules.recovery_codes { "on" } else { "off" };
        line(rules.policy)?;
        line(format!("recovery codes: {recovery_codes}"))
    }
}
