//! Resetting TOTP by a letter: the ticket, its two secrets, and the link and the typed forms they come in.
//!
//! A ticket has a long token for the link and a short code for the keyboard. Both stand for the same ticket; of both
//! only digests are kept (security.md section 2), and the ticket decides the account: what else a link says must agree.

mod link;

use std::{fmt, time::Duration};

use data_encoding::Specification;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    identity::{AccountKey, EmailAddress},
    keyboard_code::{KeyboardCode, RANDOM_A_SYMBOL},
    recorded::{self, AHEAD, elapsed, is_of_clock_ahead},
};
pub use link::{Found, LINK_PATH, LONGEST_LINK, LinkError, ResetLink};

/// No link is longer that was pasted: what gateways wrap links in, one in another, or a whole letter.
pub const LONGEST_PASTE: usize = 16 * 1024;

/// The secret of a link: 160 bits from the operating system's generator.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; Self::BYTES]);

impl Token {
    pub const BYTES: usize = 20;

    /// Letters and digits of its text.
    pub const LENGTH: usize = Self::BYTES * 8 / 5;

    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The token as the link's `kode`: 32 small letters and digits.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(base32().encode(&self.0))
    }

    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::LENGTH {
            return None;
        }
        let bytes = Zeroizing::new(base32().decode(text.as_bytes()).ok()?);
        bytes.as_slice().try_into().ok().map(Self)
    }

    /// What is kept of it.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of("reset-token", &self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn base32() -> data_encoding::Encoding {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification
        .encoding()
        .expect("thirty-two different symbols")
}

/// The secret for the keyboard: 16 of 24 symbols, 73 bits, more than the 64 that need no count of wrong tries.
#[derive(Clone)]
pub struct ShortCode(KeyboardCode<{ Self::LENGTH }>);

impl ShortCode {
    pub const LENGTH: usize = 16;

    /// Random bytes that [`ShortCode::from_random`] wants.
    pub const RANDOM_BYTES: usize = RANDOM_A_SYMBOL * Self::LENGTH;

    pub fn from_random(random: &[u8; Self::RANDOM_BYTES]) -> Self {
        let (symbols, _) = random.as_chunks();
        let symbols = symbols.try_into().expect("sixteen bytes for each symbol");
        Self(KeyboardCode::from_random(symbols))
    }

    /// A code of these symbols; `None` when one of them is none.
    pub fn from_bytes(symbols: [u8; Self::LENGTH]) -> Option<Self> {
        KeyboardCode::from_bytes(symbols).map(Self)
    }

    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        self.0.as_bytes()
    }

    /// Reads what was typed: capital and small letters, full width, spaces and dashes make no difference.
    pub fn parse(typed: &str) -> Option<Self> {
        KeyboardCode::parse(typed).ok().map(Self)
    }

    /// `ACDE-FGHJ-KMNP-QRTV`, as letters show it.
    pub fn grouped(&self) -> Zeroizing<String> {
        self.0.grouped()
    }

    /// What is kept of it.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of("reset-code", self.0.as_bytes())
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortCode(…)")
    }
}

/// What is kept of a secret: SHA-256, bound to what the secret is for. Secrets of 73 and 160 random bits need no slow
/// hash; nobody tries 2^73 of them within half an hour.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    fn of(purpose: &str, secret: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update(format!("lpse-kiosk/1/{purpose}\0"))
            .chain_update(secret)
            .finalize();
        Self(digest.into())
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in a time that tells nothing of where they differ.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

/// Both secrets of one ticket, as its letter tells them.
#[derive(Debug, Clone)]
pub struct TicketSecrets {
    pub token: Token,
    pub code: ShortCode,
}

/// What somebody who confirms a reset has in hand.
#[derive(Debug, Clone)]
pub enum ResetSecret {
    Link(ResetLink),
    Code(ShortCode),
}

impl ResetSecret {
    /// Reads what was typed or pasted: a link, whatever mail programs did to it, or a short code, whatever stands around
    /// it. `None` where there is neither, or more than one.
    pub fn typed(text: &str) -> Option<Self> {
        if text.len() > LONGEST_PASTE {
            return None;
        }
        match ResetLink::in_text(text) {
            Found::One(link) => Some(Self::Link(link)),
            Found::Several => None,
            Found::None => Self::alone(text),
        }
    }

    /// The one code or bare token among the text's lines and words.
    fn alone(text: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        let lines = text.lines().flat_map(|line| {
            let named = line.rsplit_once([':', '\u{ff1a}']).map(|(_, value)| value);
            [Some(line), named].into_iter().flatten()
        });
        for piece in std::iter::once(text)
            .chain(lines)
            .chain(text.split_whitespace())
        {
            let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
            let token = Token::parse(piece).map(|token| Self::Link(ResetLink::bare(token)));
            let Some(secret) = token.or_else(|| ShortCode::parse(piece).map(Self::Code)) else {
                continue;
            };
            match &found {
                Some(known) if !known.digest().is(&secret.digest()) => return None,
                _ => found = Some(secret),
            }
        }
        found
    }

    /// By which the ticket is found.
    pub fn digest(&self) -> SecretDigest {
        match self {
            Self::Link(link) => link.token.digest(),
            Self::Code(code) => code.digest(),
        }
    }
}

/// A permission to reset one account's TOTP, once, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub account: AccountKey,
    /// The address that the letter went to.
    pub email: EmailAddress,
    /// The account's generation when it was issued: an account whose password was set, or that was removed and added
    /// again meanwhile, is not the one that asked.
    pub generation: u64,
    pub token: SecretDigest,
    pub code: SecretDigest,
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub used: Option<Timestamp>,
}

/// Why a link or a short code resets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Void {
    /// Mistyped, or a newer letter's has taken its place, or something in it disagrees, or it never was one.
    Unknown,
    Used,
    Expired,
}

impl Void {
    /// The audit log's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown-ticket",
            Self::Used => "used-ticket",
            Self::Expired => "expired-ticket",
        }
    }
}

/// What a ticket is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketState {
    Valid,
    Used,
    Expired,
}

impl Ticket {
    /// The ticket as it counts from `now` on: one that was issued by a clock ahead holds for its own time from now. One that
    /// lies further ahead than clocks are ([`AHEAD`]) stays as it is, and is worth nothing.
    pub fn corrected(self, now: Timestamp) -> Self {
        let is_ahead = is_of_clock_ahead(self.issued, now) && elapsed(now, self.issued) <= AHEAD;
        if !is_ahead || self.expires <= self.issued {
            return self;
        }
        Self {
            issued: now,
            expires: now + elapsed(self.issued, self.expires),
            ..self
        }
    }

    /// What the ticket, [corrected](Self::corrected), is worth. One that was issued further ahead than clocks are has expired:
    /// a clock set back by years must not prolong a link's life.
    pub fn state(&self, now: Timestamp) -> TicketState {
        if self.used.is_some() {
            TicketState::Used
        } else if now >= self.expires || is_of_clock_ahead(self.issued, now) {
            TicketState::Expired
        } else {
            TicketState::Valid
        }
    }

    /// The ticket once it was seen to have expired: it has for ever, whatever the clock says later.
    pub fn ended(self) -> Self {
        Self {
            expires: Timestamp::MIN,
            ..self
        }
    }

    /// Whether `secret` is this ticket's, and whatever else it says agrees.
    pub fn fits(&self, secret: &ResetSecret) -> bool {
        match secret {
            ResetSecret::Code(code) => self.code.is(&code.digest()),
            ResetSecret::Link(link) => {
                self.token.is(&link.token.digest()) && link.agrees_with(&self.account, &self.email)
            }
        }
    }
}

/// When somebody asked before, the newest last: as many as the widest limit looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestLog(Vec<Timestamp>);

/// At most `count` in `within`.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub count: usize,
    pub within: Duration,
}

/// Letters to one account (security.md section 2).
pub const ACCOUNT_LIMITS: [Limit; 2] = [
    Limit {
        count: 3,
        within: Duration::from_secs(60 * 60),
    },
    Limit {
        count: 5,
        within: Duration::from_secs(24 * 60 * 60),
    },
];

/// Requests from one source, whatever account they name (security.md section 2).
pub const SOURCE_LIMITS: [Limit; 1] = [Limit {
    count: 10,
    within: Duration::from_secs(60 * 60),
}];

impl RequestLog {
    pub fn new(times: Vec<Timestamp>) -> Self {
        Self(times)
    }

    pub fn times(&self) -> &[Timestamp] {
        &self.0
    }

    /// Whether one more at `now` is within all of `limits`. A time that lies ahead of a clock set back counts as now.
    pub fn allows(&self, limits: &[Limit], now: Timestamp) -> bool {
        limits.iter().all(|limit| {
            let recent = self
                .0
                .iter()
                .filter(|at| is_within(**at, limit.within, now));
            recent.count() < limit.count
        })
    }

    /// The log as it counts from `now` on: what a clock ahead has noted was now.
    pub fn corrected(mut self, now: Timestamp) -> Self {
        for at in &mut self.0 {
            *at = recorded::corrected(*at, now);
        }
        self
    }

    /// Notes one more at `now`, and forgets those that no limit looks at any longer.
    pub fn note(&mut self, limits: &[Limit], now: Timestamp) {
        let most = limits.iter().map(|limit| limit.count).max().unwrap_or(0);
        let widest = limits.iter().map(|limit| limit.within).max();
        *self = std::mem::take(self).corrected(now);
        self.0
            .retain(|at| is_within(*at, widest.unwrap_or_default(), now));
        self.0.push(now);
        let excess = self.0.len().saturating_sub(most);
        self.0.drain(..excess);
    }
}

fn is_within(at: Timestamp, within: Duration, now: Timestamp) -> bool {
    elapsed(at, now) < within
}

/// How many letters one node has written within the present hour: the cap over all accounts and sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourCount {
    pub hour: i64,
    pub count: u32,
}

impl HourCount {
    /// Whether one more at `now` is within `cap`.
    pub fn allows(&self, cap: u32, now: Timestamp) -> bool {
        self.at(now).count < cap
    }

    /// The count with one more at `now`.
    pub fn with_one_more(self, now: Timestamp) -> Self {
        let at = self.at(now);
        Self {
            count: at.count.saturating_add(1),
            ..at
        }
    }

    /// The count as of `now`. A clock set back does not empty it; what was counted in an hour to come, by a clock ahead,
    /// was counted in the present one.
    pub fn at(self, now: Timestamp) -> Self {
        let hour = now.as_second().div_euclid(60 * 60);
        let count = if hour > self.hour { 0 } else { self.count };
        Self { hour, count }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::{UserId, UserType};

    fn email() -> EmailAddress {
        EmailAddress::parse("siti+spse@contoh.go.id").unwrap()
    }

    fn account() -> AccountKey {
        AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
    }

    fn link() -> ResetLink {
        ResetLink::new(email(), account(), Token::from_bytes([7; Token::BYTES]))
    }

    fn ticket() -> Ticket {
        Ticket {
            account: account(),
            email: email(),
            generation: 1,
            token: link().token.digest(),
            code: ShortCode::from_random(&[3; ShortCode::RANDOM_BYTES]).digest(),
            issued: at(1_000_000),
            expires: at(1_000_000 + 1800),
            used: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_link_has_the_form_that_spse_users_know_and_is_read_back() {
        let url = link().url("https://lpse.contoh.go.id");
        assert_eq!(
            url.as_str(),
            "https://lpse.contoh.go.id/proc4user/resettotp?email=siti%2Bspse%40contoh.go.id&isRekanan=0&userId=PPK30\
             &kode=a4dqobyha4dqobyha4dqobyha4dqobyh"
        );
        let broken = format!(" {}\r\n   {}\n", &url[..70], &url[70..]);
        let Some(typed) = ResetSecret::typed(&broken) else {
            panic!("{broken:?} is a link");
        };
        assert!(ticket().fits(&typed));
    }

    #[test]
    fn a_link_that_disagrees_with_its_ticket_in_anything_does_not_fit() {
        let whole = link().query();
        for (part, other) in [
            ("PPK30", "PPK31"),
            ("isRekanan=0", "isRekanan=1"),
            ("siti", "budi"),
            ("a4dq", "b4dq"),
        ] {
            let query = whole.replacen(part, other, 1);
            let parsed = ResetLink::parse_query(&query).unwrap();
            assert!(!ticket().fits(&ResetSecret::Link(parsed)), "{query}");
        }
        let spelled = whole.replace("siti", "Siti").replace("PPK30", "ppk30");
        let parsed = ResetLink::parse_query(&spelled).unwrap();
        assert!(ticket().fits(&ResetSecret::Link(parsed)));
    }

    #[test]
    fn a_short_code_is_read_however_it_is_typed_and_has_no_look_alikes() {
        let code = ShortCode::from_random(&std::array::from_fn(|i| (i * 7) as u8));
        let grouped = code.grouped();
        assert_eq!(grouped.len(), 19);
        let typed = [
            grouped.to_lowercase(),
            grouped.replace('-', " "),
            grouped.replace('-', ""),
            format!("\u{a0}{}\r\n", grouped.replace('-', "–")),
        ];
        for typed in typed {
            let read = ShortCode::parse(&typed).expect("a short code");
            assert!(read.digest().is(&code.digest()), "{typed:?}");
        }
        assert!(!grouped.contains(['0', 'O', '1', 'I', 'L', '2', 'Z', '5', 'S', '8', 'B', 'U']));
        for typed in ["", "A", &grouped[..18], "0000-0000-0000-0000", "🦀"] {
            assert!(ShortCode::parse(typed).is_none(), "{typed:?}");
            assert!(ResetSecret::typed(typed).is_none(), "{typed:?}");
        }
        let grouped = grouped.as_str();
        for typed in [
            format!("Kode: {grouped}"),
            format!("Code: {grouped}."),
            format!("KODE\u{ff1a}{grouped}"),
            format!("> Kode: {}", grouped.replace('-', " ")),
            format!("*{grouped}*"),
            format!("\u{201c}{grouped}\u{201d},"),
            format!("Kode singkat {grouped}"),
            format!("Kode:\r\n{grouped}\r\n\r\nBerlaku sampai besok."),
            format!("{grouped} {grouped}"),
        ] {
            let Some(ResetSecret::Code(read)) = ResetSecret::typed(&typed) else {
                panic!("{typed:?} has a code");
            };
            assert!(read.digest().is(&code.digest()), "{typed:?}");
        }
        let other = ShortCode::from_random(&[3; ShortCode::RANDOM_BYTES]);
        let two = format!("Kode: {grouped}\nKode: {}", other.grouped().as_str());
        assert!(ResetSecret::typed(&two).is_none());
        assert!(ShortCode::parse(&format!("{grouped}A")).is_none());
        assert!(ResetSecret::typed(&"A".repeat(1_000_000)).is_none());
    }

    #[test]
    fn a_ticket_holds_until_its_end_once_and_a_clock_set_back_prolongs_nothing() {
        let ticket = ticket();
        assert_eq!(ticket.state(at(1_000_000)), TicketState::Valid);
        assert_eq!(ticket.state(at(1_000_000 + 1799)), TicketState::Valid);
        assert_eq!(ticket.state(at(1_000_000 + 1800)), TicketState::Expired);
        assert_eq!(ticket.state(at(1_000_000 - 299)), TicketState::Valid);
        assert_eq!(ticket.state(at(1_000_000 - 301)), TicketState::Expired);
        let used = Ticket {
            used: Some(at(1_000_001)),
            ..ticket
        };
        assert_eq!(used.state(at(1_000_002)), TicketState::Used);
    }

    proptest! {
        /// Whatever clock issued it, and wherever the clock jumps: a link that somebody has seen to be over stays over, and
        /// none holds at a time that lies further from its issue than it was made for.
        #[test]
        fn a_link_holds_for_its_own_time_and_never_again(
            issued in -4_000_000_000i64..4_000_000_000,
            looks in proptest::collection::vec(
                prop_oneof![-4_000_000_000i64..4_000_000_000, -4_000i64..4_000],
                1..40,
            ),
        ) {
            let mut ticket = Ticket { issued: at(issued), expires: at(issued + 1800), ..ticket() };
            let mut is_over = false;
            for look in looks {
                let now = if look.abs() < 4_000 { issued + look } else { look };
                let state = ticket.state(at(now));
                prop_assert!(!(is_over && state == TicketState::Valid), "{now}: it was over");
                if state == TicketState::Valid {
                    prop_assert!((-300..1800).contains(&(now - issued)), "{now}");
                } else {
                    is_over = true;
                    ticket = ticket.ended();
                }
            }
        }

        /// What a clock ahead has noted counts for the limit's own time from the first look, and a clock set back frees
        /// nothing.
        #[test]
        fn noted_requests_count_for_the_limits_own_time(
            noted in proptest::collection::vec(-4_000_000_000i64..4_000_000_000, 0..6),
            now in -4_000_000_000i64..4_000_000_000,
            back in 0i64..1_000_000_000,
        ) {
            let log = RequestLog::new(noted.into_iter().map(at).collect());
            let looked = log.clone().corrected(at(now));
            prop_assert_eq!(log.allows(&ACCOUNT_LIMITS, at(now)), looked.allows(&ACCOUNT_LIMITS, at(now)));
            let day = Duration::from_secs(24 * 60 * 60);
            prop_assert!(looked.allows(&ACCOUNT_LIMITS, at(now) + day));
            if !looked.allows(&ACCOUNT_LIMITS, at(now)) {
                prop_assert!(!looked.allows(&ACCOUNT_LIMITS, at(now - back)));
            }
            let count = HourCount { hour: noted_hour(&log), count: 3 }.at(at(now));
            prop_assert!(count.allows(3, at(now) + Duration::from_secs(3600)));
            prop_assert!(count.allows(3, at(now)) || !count.allows(3, at(now - back)));
        }
    }

    fn noted_hour(log: &RequestLog) -> i64 {
        log.times().first().map_or(0, |at| at.as_second() / 3600)
    }

    #[test]
    fn three_an_hour_and_five_a_day_and_a_clock_set_back_frees_nothing() {
        let mut log = RequestLog::default();
        let mut granted = 0;
        for minute in 0..24 * 60 {
            let now = at(minute * 60);
            if log.allows(&ACCOUNT_LIMITS, now) {
                log.note(&ACCOUNT_LIMITS, now);
                granted += 1;
                assert!(!(granted == 4 && minute < 60), "a fourth within the hour");
            }
        }
        assert_eq!(granted, 5);
        assert!(!log.allows(&ACCOUNT_LIMITS, at(-1_000_000)));
        assert!(log.allows(&ACCOUNT_LIMITS, at(2 * 24 * 60 * 60)));
        assert!(log.times().len() <= 5);
    }

    #[test]
    fn an_hours_count_starts_anew_with_the_next_hour_only() {
        let mut count = HourCount::default();
        for _ in 0..3 {
            assert!(count.allows(3, at(7_200)));
            count = count.with_one_more(at(7_200));
        }
        assert!(!count.allows(3, at(7_300)) && !count.allows(3, at(0)));
        let corrected = count.at(at(0));
        assert!(!corrected.allows(3, at(3_599)) && corrected.allows(3, at(3_600)));
        assert!(count.allows(3, at(10_800)));
        assert_eq!(count.with_one_more(at(10_800)).count, 1);
    }

    #[test]
    fn no_secret_is_printed() {
        let link = link();
        let printed = format!("{:?} {:?}", link.token, link.token.digest());
        let code = ShortCode::from_random(&[9; ShortCode::RANDOM_BYTES]);
        let printed = format!("{printed} {code:?}");
        assert!(!printed.contains(link.token.text().as_str()));
        assert!(!printed.contains(code.grouped().as_str()));
    }
}
