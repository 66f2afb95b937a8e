//! The rules of login in words: each policy's name, what it means, and what a change would make different.

use crate::{
    domain::{Policy, policy::LoginRules},
    tui::text::{Text, fill},
};

/// A policy's name.
pub fn name(policy: Policy, text: &'static Text) -> &'static str {
    let words = &text.desk_policy;
    match policy {
        Policy::Disabled => &words.disabled,
        Policy::Enabled => &words.enabled,
        Policy::Required => &words.required,
    }
}

/// What a policy asks of people.
pub fn meaning(policy: Policy, text: &'static Text) -> &'static str {
    let words = &text.desk_policy;
    match policy {
        Policy::Disabled => &words.disabled_meaning,
        Policy::Enabled => &words.enabled_meaning,
        Policy::Required => &words.required_meaning,
    }
}

/// What is different in `wanted`, a line each.
pub fn change_lines(before: LoginRules, wanted: LoginRules, text: &'static Text) -> Vec<String> {
    let words = &text.desk_policy;
    let mut lines = Vec::new();
    if wanted.policy != before.policy {
        let names = [
            ("before", name(before.policy, text)),
            ("after", name(wanted.policy, text)),
        ];
        lines.push(fill(&words.policy_change, &names));
        lines.push(meaning(wanted.policy, text).to_owned());
    }
    if wanted.recovery_codes != before.recovery_codes {
        lines.push(if wanted.recovery_codes {
            words.codes_switched_on.clone()
        } else {
            words.codes_switched_off.clone()
        });
    }
    lines
}
