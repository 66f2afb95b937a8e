//! `lpse-kiosk user show`, and the one form in which an account is printed as JSON.

use clap::Args;
use serde_json::{Value, json};

use super::which::Which;
use crate::{
    cli::{error::CliError, moment, output::Lines},
    domain::{Account, Authenticator, calendar::Zone, throttle::PASSCODE_FAILURES_HELD},
    service::Services,
};

/// Show one account: who it is, its TOTP, its last login and latest activity
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user show PPK30\n  lpse-kiosk user show PPK30 --type non-penyedia --json"
)]
pub struct ShowArguments {
    #[command(flatten)]
    which: Which,
    /// Print JSON, on one line
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: ShowArguments,
    services: &Services,
    zone: Zone,
) -> Result<(), CliError> {
    let account = arguments.which.account(services).await?;
    let mut lines = Lines::new();
    if arguments.json {
        lines.line(as_json(&account))?;
    } else {
        for (name, value) in facts(&account, zone) {
            lines.line(format!("{name:<13}{value}"))?;
        }
    }
    lines.flush()
}

/// The state of an account's TOTP in a word.
pub fn totp_word(account: &Account) -> &'static str {
    if account.passcode_throttle.failures >= PASSCODE_FAILURES_HELD {
        return "held";
    }
    match account.authenticator {
        Authenticator::Absent => "off",
        Authenticator::Pending(_) => "pending",
        Authenticator::Active(_) => "active",
    }
}

/// An account as JSON; times in UTC, RFC 3339. No hash and no secret is part of it.
pub fn as_json(account: &Account) -> Value {
    json!({
        "user_id": account.key.user_id.as_str(),
        "type": account.key.user_type.as_str(),
        "name": account.name.as_str(),
        "email": account.email.as_str(),
        "role": account.role.as_str(),
        "suspended": account.suspended.map(|since| since.to_string()),
        "one_time_password_until": account.one_time_password.map(|it| it.good_until.to_string()),
        "totp": totp_word(account),
        "phones": account.authenticator.phones_seen().iter().map(|phone| json!({
            "number": phone.ordinal.number(),
            "name": phone.name.as_ref().map(ToString::to_string),
            "since": phone.since.to_string(),
            "last_used": phone.last_used.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
        "recovery_codes_left": account.recovery.as_ref().map(|codes| codes.left),
        "passcode_failures": account.passcode_throttle.failures,
        "created": account.created.to_string(),
        "last_login": account.last_login.as_ref().map(|login| json!({
            "at": login.at.to_string(),
            "from": login.from.to_string(),
        })),
        "activity": account.activity.iter().map(|activity| json!({
            "at": activity.at.to_string(),
            "kind": activity.kind.as_str(),
            "from": activity.from.to_string(),
            "by": activity.by.as_ref().map(ToString::to_string),
        })).collect::<Vec<_>>(),
    })
}

fn facts(account: &Account, zone: Zone) -> Vec<(&'static str, String)> {
    let shown = |at| moment::shown(at, zone);
    let last_login = match &account.last_login {
        Some(login) => format!("{} from {}", shown(login.at), login.from),
        None => "never".to_owned(),
    };
    let failures = account.passcode_throttle.failures.to_string();
    let mut facts = vec![
        ("User ID", account.key.user_id.to_string()),
        ("Type", account.key.user_type.to_string()),
        ("Name", account.name.to_string()),
        ("E-mail", account.email.to_string()),
        ("Role", account.role.as_str().to_owned()),
        ("TOTP", totp_word(account).to_owned()),
        ("Wrong codes", failures),
        ("Created", shown(account.created).to_string()),
        ("Last login", last_login),
    ];
    for phone in account.authenticator.phones_seen() {
        let mut told = format!("{}, since {}", phone.ordinal.number(), shown(phone.since));
        if let Some(name) = &phone.name {
            told.push_str(&format!(", {name:?}", name = name.as_str()));
        }
        if let Some(used) = phone.last_used {
            told.push_str(&format!(", last used {}", shown(used)));
        }
        facts.push(("Phone", told));
    }
    if let Some(since) = account.suspended {
        facts.push(("Suspended", format!("since {}", shown(since))));
    }
    if let Some(issued) = account.one_time_password {
        let until = shown(issued.good_until);
        facts.push(("Password", format!("one-time, until {until}")));
    }
    if let Some(codes) = &account.recovery {
        facts.push(("Recovery", format!("{} codes left", codes.left)));
    }
    for activity in &account.activity {
        let word = activity.kind.as_str();
        let mut told = format!("{} {word} from {}", shown(activity.at), activity.from);
        if let Some(by) = &activity.by {
            told.push_str(&format!(" by {by}"));
        }
        facts.push(("Activity", told));
    }
    facts
}
