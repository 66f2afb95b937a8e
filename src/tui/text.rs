//! Every word people read on the screens, in both languages, from `assets/text`.
//!
//! The words are fields, not keys looked up at run time: a sentence missing in one language does not load, and the
//! tests load both.

use std::{sync::LazyLock, time::Duration};

use serde::Deserialize;

use super::of_kind::OfKind;
use crate::domain::{
    ActivityKind, Source,
    audit::{Act, OutcomeWord},
    authenticator::PhoneSeen,
    calendar::MonthNames,
    identity::is_disguise,
    language::Language,
    letter::LetterKind,
    officer::ActKind,
    source::OwnPlace,
    totp::Drift,
};

impl Language {
    /// All words of this language.
    pub fn text(self) -> &'static Text {
        static ID: LazyLock<Text> =
            LazyLock::new(|| parse(include_str!("../../assets/text/id.toml")));
        static EN: LazyLock<Text> =
            LazyLock::new(|| parse(include_str!("../../assets/text/en.toml")));
        match self {
            Self::Id => &ID,
            Self::En => &EN,
        }
    }

    /// The text of an information page.
    pub fn page(self, page: Page) -> &'static str {
        match (self, page) {
            (Self::Id, Page::About) => include_str!("../../assets/pages/id/about.txt"),
            (Self::En, Page::About) => include_str!("../../assets/pages/en/about.txt"),
            (Self::Id, Page::Integrity) => include_str!("../../assets/pages/id/integrity.txt"),
            (Self::En, Page::Integrity) => include_str!("../../assets/pages/en/integrity.txt"),
            (Self::Id, Page::Terms) => include_str!("../../assets/pages/id/terms.txt"),
            (Self::En, Page::Terms) => include_str!("../../assets/pages/en/terms.txt"),
        }
    }
}

/// The three information pages of the footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    About,
    Integrity,
    Terms,
}

impl Page {
    pub const ALL: [Self; 3] = [Self::About, Self::Integrity, Self::Terms];

    pub fn title(self, text: &'static Text) -> &'static str {
        match self {
            Self::About => &text.footer.about,
            Self::Integrity => &text.footer.integrity,
            Self::Terms => &text.footer.terms,
        }
    }
}

fn parse(toml: &str) -> Text {
    toml::from_str(toml).expect("the words are part of the program and tested with it")
}

/// A section of words a struct, each word a field. The words of the reset page are declared by it too.
macro_rules! sections {
    ($($(#[$doc:meta])* $section:ident { $($word:ident),+ $(,)? })+) => {
        $($(#[$doc])* #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $section { $(pub $word: String),+ })+
    };
}
pub(crate) use sections;

/// All words of one language, by screen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub name: String,
    pub months: MonthNames,
    pub common: Common,
    pub footer: Footer,
    pub key: KeyNames,
    pub filter: FilterWords,
    pub menu: Menu,
    pub training_walk: TrainingWalkWords,
    pub user_type: UserTypeWords,
    pub user_id: UserIdWords,
    pub password: Password,
    pub passcode: Passcode,
    pub two_codes: TwoCodesWords,
    pub recovery: Recovery,
    pub recovery_issue: RecoveryIssue,
    pub recovery_codes: RecoveryCodes,
    pub home: Home,
    /// What activities are called.
    pub activity: OfKind<ActivityKind>,
    pub enrollment: Enrollment,
    pub disable: Disable,
    pub phones: PhonesWords,
    pub own_password: OwnPassword,
    pub account_activity: AccountActivity,
    pub reset: Reset,
    pub reset_request: ResetRequest,
    pub reset_sent: ResetSent,
    pub reset_confirm: ResetConfirm,
    pub reset_done: ResetDone,
    pub inbox: Inbox,
    pub desk: Desk,
    pub overview: OverviewWords,
    pub account_card: AccountCard,
    pub desk_act: DeskAct,
    /// What an officer may do to an account.
    pub account_act: OfKind<ActKind, ActWords>,
    pub one_time_password: OneTimePassword,
    pub desk_policy: DeskPolicy,
    pub desk_outbox: DeskOutbox,
    pub desk_audit: DeskAudit,
    /// What the audit log's acts are called, and how they ended.
    pub audit_act: OfKind<Act>,
    pub audit_outcome: OfKind<OutcomeWord>,
    /// What the program's own places are called.
    pub own_place: OfKind<OwnPlace>,
    /// What letters are about.
    pub letter: OfKind<LetterKind>,
    pub idle: Idle,
    pub ending: Ending,
    pub help: Help,
}

sections! {
    Common {
        training, login, logout, cancel, finish, reset_link, passcode, step, seconds, minutes, hours, days, working, unavailable,
        away, unknown, busy, crowded, clock_in_doubt, ended, suspended, wait, put_off, copied, qr_needs,
    }
    Footer { about, integrity, terms, visitors, version }
    /// What the keys do, for the line of key hints.
    KeyNames { r#move, choose, back, help, language, close, scroll, leave, next, space, change, letter, typing, read_first, of_before, copy, show_qr, turn_over }
    /// What narrows a list.
    FilterWords { label, left, none, clear }
    Menu { title, lead, login, samples, sample_hint, logged_out, cleared, time_up }
    /// What training mode proposes to try, and what is said when all of it has been done.
    TrainingWalkWords {
        lead, log_in, activate, issue_codes, log_in_by_code, log_in_by_recovery_code, request_reset, confirm_reset, open_desk,
        open_card, disable, over, over_next,
    }
    UserTypeWords { title, lead, penyedia_hint, non_penyedia_hint }
    UserIdWords { title, label, empty, length, characters }
    Password { title, label, empty, show, rejected, check_type, check_case, check_shown, forgotten }
    Passcode {
        title, lead, server_time, next_code, empty, short, not_digits, rejected, check_clock, check_account,
        check_next, held, pending, pending_hint, two_codes, recovery, just_used,
    }
    /// Two codes in place of one.
    TwoCodesWords { title, lead, step_1, first, step_2, second, same, check_order, check_used, one_code }
    /// A recovery code in place of the phone's.
    Recovery { title, lead, label, empty, no_code, rejected, check_paper, check_newest, check_used, phone }
    /// Making recovery codes.
    RecoveryIssue { title, left, left_value, issued, what, renewal, issue, renew, later }
    /// The codes, shown once.
    RecoveryCodes { title, lead, apart, once, noted, question, stay, leave }
    Home {
        hello, totp, totp_off, totp_pending, totp_active, totp_active_on_two, last_login, last_login_value, first_login,
        activity, enable, disable, add_phone, phones, phone_added, phone_removed, desk, policy_disabled, activated, disabled, recovery_codes, recovery_codes_issued,
        recovery_code_used, recovery_code_used_hint, recovery_codes_few,
        change_password, show_activity, password_changed, phone_ahead, phone_behind, phone_clock_hint, office_clock,
    }
    Enrollment {
        title, required, step_1, step_2, step_3, account, prove, once, alone, by_hand, turn_over, rejected, rejected_entry,
        clock_ahead, clock_behind, office_clock,
    }
    Disable { title, question, question_required, fresh, confirm }
    /// A second phone: adding one, the list of both, taking one away.
    PhonesWords {
        title, title_add, title_remove, lead, what, offer, nth, numbered, since_used, since_unused, name, name_hint, name_wrong, add,
        step_1, rejected, remove_first, remove_second, question, fresh, remove,
    }
    OwnPassword {
        title, title_due, lead_due, current, new, again, show, strength, short, long, guessable, weak, fair, strong, rule_length,
        rule_words, rule_context, current_empty, current_rejected, new_empty, new_short, new_long, new_guessable,
        new_control, new_unchanged, again_differs, fresh, save,
    }
    AccountActivity { title, lead, from, by_officer, not_you, step_password, step_totp, step_totp_officer, step_officer }
    Reset { title, text }
    ResetRequest {
        title, lead, email, user_type, penyedia, non_penyedia, security_code, send, renew, have_letter,
        email_empty, email_form, code_empty, code_misread, code_too_late, too_small,
    }
    /// The one answer to every request.
    ResetSent { title, lead, holds, newest, spam, officer, confirm }
    ResetConfirm {
        title, lead, label, empty, no_link, no_code, unknown, used, expired, new_request, question, effects, effect_totp,
        effect_logins, effect_password, confirm,
    }
    ResetDone { title, done, step_1, step_2, step_3 }
    Inbox { title, lead, empty, open, reload, to, date, subject, code, copy_hint, copy_key_hint, use_code, use_code_hint }
    Desk {
        title, clock, clock_wrong, clock_apart, search, search_hint, lead, looking, failed, nothing, altered, count, more, id, user_type, name, totp,
        totp_off, totp_pending, totp_active, suspended, held, officer, policy, outbox, audit, account, list, open,
        clear,
        again,
    }
    /// What the desk opens on.
    OverviewWords { nothing, failed, stranded, name, since, cause, held, codes, passwords, letters, acts, account, by, time }
    AccountCard {
        reveal_email, email, totp_pending, phone, phone_used, phone_unused, recovery_codes, codes_left, codes, wrong_codes, wait, held, suspended,
        since, one_time_password, until, never, created, own, no_activity, time, activity, from, by,
        phone_clock, phone_clock_value,
    }
    /// An act on an account: its name, what follows from it, and that it is done.
    ActWords { label, effect, done }
    /// The form of an act at the desk, the names of those that are about no account, and why one is not done.
    DeskAct {
        title, title_of_whole, set_rules, set_rules_effect, told, email, reason, seen, seen_hint, too_short, too_long, control, fresh, rejected, unavailable,
        officer_held, question, own_account, gone, nothing_to_do, held, identity_wanted,
    }
    OneTimePassword { title, hand_over, once, holds, change, without_spaces, question }
    DeskPolicy {
        title, lead, is_set, unchanged, in_force, disabled, disabled_meaning, enabled, enabled_meaning, required,
        required_meaning, recovery_codes, recovery_codes_meaning, codes_on, codes_off, codes_switched_on,
        codes_switched_off, policy_change, set,
    }
    DeskOutbox {
        title, lead, empty, written, to, kind, failures, next_try, last_error, refused, refused_meaning, no_error,
    }
    DeskAudit {
        title, lead, empty, open, time, at, record, act, account, by, outcome, reason, from, detail, from_terminal,
        from_network, from_program, operator,
    }
    /// The end of a session: what is told before on the screen, and after it on the terminal that was lent.
    Ending {
        time_up, closing, goodbye, goodbye_idle, goodbye_time_up, goodbye_closing, goodbye_fault, no_terminal, no_command,
        no_place, restarting,
    }
    Idle { title, text, hint, beside }
    Help {
        title, keys, menu, user_type, user_id, password, passcode, two_codes, home, enrollment, disable, own_password,
        account_activity, reset_request, reset_sent, reset_confirm, reset_done, inbox, recovery, recovery_issue,
        recovery_codes, phones, desk, account_card, desk_act, one_time_password, desk_policy, desk_outbox, desk_audit,
    }
}

impl Text {
    /// Which of how many steps something is.
    pub fn step(&self, number: usize, of: usize) -> String {
        let (number, of) = (number.to_string(), of.to_string());
        fill(&self.common.step, &[("n", &number), ("of", &of)])
    }

    /// A duration as people say it, rounded up to whole seconds: a countdown never shows zero while it lasts.
    pub fn duration(&self, duration: Duration) -> String {
        let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        let part = |template: &str, n: u64| fill(template, &[("n", &n.to_string())]);
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let parts = [
            (hours, &self.common.hours),
            (minutes, &self.common.minutes),
            (rest, &self.common.seconds),
        ];
        let said: Vec<String> = parts
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, template)| part(template, n))
            .collect();
        if said.is_empty() {
            part(&self.common.seconds, 0)
        } else {
            said.join(" ")
        }
    }

    /// Says how far the machine's clock is off, as exactly as somebody who sets it needs: in seconds up to an hour, in hours up
    /// to two days, else in days.
    pub fn clock_off(&self, off: Duration) -> String {
        const HOUR: u64 = 60 * 60;
        const DAY: u64 = 24 * HOUR;
        let seconds = off.as_secs();
        let part = |template: &str, n: u64| fill(template, &[("n", &self.number(n))]);
        match seconds {
            0..HOUR => self.duration(Duration::from_secs(seconds)),
            _ if seconds < 2 * DAY => part(&self.common.hours, seconds / HOUR),
            _ => part(&self.common.days, seconds / DAY),
        }
    }

    /// Says how far a phone's clock is off, in the words for one that is ahead or behind.
    pub fn drift(&self, drift: Drift, ahead: &str, behind: &str) -> String {
        let minutes = drift.minutes();
        let number = minutes.unsigned_abs().to_string();
        let said = fill(&self.common.minutes, &[("n", &number)]);
        let words = if minutes > 0 { ahead } else { behind };
        fill(words, &[("minutes", &said)])
    }

    /// What a phone is called: as its owner has named it, or by its number.
    pub fn phone(&self, phone: &PhoneSeen) -> String {
        match &phone.name {
            Some(name) => name.to_string(),
            None => fill(
                &self.phones.nth,
                &[("n", &phone.ordinal.number().to_string())],
            ),
        }
    }

    /// The same, behind its number where it has a name.
    pub fn numbered_phone(&self, phone: &PhoneSeen) -> String {
        match &phone.name {
            Some(name) => {
                let number = phone.ordinal.number().to_string();
                fill(
                    &self.phones.numbered,
                    &[("n", &number), ("name", name.as_str())],
                )
            }
            None => self.phone(phone),
        }
    }

    /// Where something was done: the name of a terminal, an address, or what a place of the program's own is called.
    pub fn place(&self, source: &Source) -> String {
        match source.own_place() {
            Some(place) => self.own_place.of(place).clone(),
            None => harmless(&source.to_string()),
        }
    }

    /// A number with its thousands apart, `1.234` in Indonesian and `1,234` in English.
    pub fn number(&self, number: u64) -> String {
        let digits = number.to_string();
        let separator = if self.name == "English" { ',' } else { '.' };
        let mut grouped = String::with_capacity(digits.len() * 4 / 3);
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        grouped
    }
}

/// Text from a log or a mail server as it may be shown: without what acts on a terminal or on the order of the text.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if is_disguise(c) { ' ' } else { c })
        .collect()
}

/// `template` with each `{name}` replaced by its value.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = template.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::{PlainPassword, UserId, identity::EmailAddress, officer::Statement};

    /// Each key with the set of names in braces of its sentence.
    fn placeholders(toml: &str) -> Vec<(String, BTreeSet<String>)> {
        fn walk(path: &str, value: &toml::Value, found: &mut Vec<(String, BTreeSet<String>)>) {
            match value {
                toml::Value::Table(table) => {
                    for (key, value) in table {
                        walk(&format!("{path}.{key}"), value, found);
                    }
                }
                toml::Value::String(text) => {
                    let names = text.split('{').skip(1);
                    let names = names.filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()));
                    assert!(!text.trim().is_empty(), "{path} is empty");
                    found.push((path.to_owned(), names.collect()));
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        walk("", &toml.parse::<toml::Table>().unwrap().into(), &mut found);
        found
    }

    /// Whoever types what a hint shows is not refused, and a sentence about a bound names the one that holds.
    #[test]
    fn the_examples_and_bounds_in_the_words_are_those_of_the_rules() {
        for (language, lead) in [(Language::Id, "Misalnya: "), (Language::En, "E.g. ")] {
            let text = language.text();
            let example = |hint: &'static str, lead: &str| {
                let (_, rest) = hint.split_once(lead).expect(hint);
                let end = rest.find([',', ' ']).filter(|_| rest.contains('@'));
                rest[..end.or(rest.find('.')).expect(hint)].trim()
            };
            let seen = example(&text.desk_act.seen_hint, lead);
            assert!(Statement::parse(seen).is_ok(), "{seen}");
            let like = match language {
                Language::Id => "seperti ",
                Language::En => "looks like ",
            };
            let email = example(&text.reset_request.email_form, like);
            assert!(EmailAddress::parse(email).is_ok(), "{email}");
            for (sentence, bounds) in [
                (&text.desk_act.too_short, vec![Statement::MIN_CHARS]),
                (&text.desk_act.too_long, vec![Statement::MAX_CHARS]),
                (
                    &text.user_id.length,
                    vec![UserId::MIN_LENGTH, UserId::MAX_LENGTH],
                ),
                (
                    &text.own_password.rule_length,
                    vec![PlainPassword::MIN_CHARS, PlainPassword::MAX_CHARS],
                ),
            ] {
                for bound in bounds {
                    let words = sentence.split(|c: char| !c.is_ascii_digit());
                    let said = words.filter_map(|word| word.parse().ok());
                    assert!(said.collect::<Vec<usize>>().contains(&bound), "{sentence}");
                }
            }
        }
    }

    #[test]
    fn both_languages_are_complete_and_fill_in_the_same() {
        Language::Id.text();
        Language::En.text();
        assert_eq!(
            placeholders(include_str!("../../assets/text/id.toml")),
            placeholders(include_str!("../../assets/text/en.toml"))
        );
        for page in Page::ALL {
            assert!(Language::Id.page(page).len() > 200 && Language::En.page(page).len() > 200);
        }
    }

    #[test]
    fn durations_and_numbers_read_as_people_say_them() {
        let text = Language::Id.text();
        let said = |millis| text.duration(Duration::from_millis(millis));
        assert_eq!(said(900), "1 detik");
        assert_eq!(said(60_000), "1 menit");
        assert_eq!(said(3_605_000), "1 jam 5 detik");
        assert_eq!(said(0), "0 detik");
        assert_eq!(text.number(1_234_567), "1.234.567");
        assert_eq!(Language::En.text().number(1_234), "1,234");
        assert_eq!(text.number(12), "12");
        let off = |seconds| text.clock_off(Duration::from_secs(seconds));
        assert_eq!(off(70), "1 menit 10 detik");
        assert_eq!(off(3 * 3600 + 59), "3 jam");
        assert_eq!(off(3 * 86_400 + 3600), "3 hari");
        assert_eq!(off(2_000 * 86_400), "2.000 hari");
    }
}
