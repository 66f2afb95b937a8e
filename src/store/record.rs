//! The stored form of every noun, version 1, and its way to the domain and back. Nothing is stored in any other form.
//!
//! Records are JSON that says its own version, `{"v":1,...}`: a newer program reads older records, an older one
//! refuses newer ones with a clear sentence. The same value always has the same bytes, because commits compare bytes.

mod desk_act;
mod letter;
mod reset;
mod totp_counts;

use data_encoding::BASE64_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{StoreError, Value};
use crate::domain::{
    Account, AccountKey, Activity, ActivityKind, Authenticator, EmailAddress, PasswordHash,
    PersonName, Policy, Source, SourceKey, TimeStep, UserId, UserType,
    account::{
        KnownSource, LastLogin, OneTimePassword, PhoneClock, RecoveryCodes, Role, SealedSecret,
        TotpKey,
    },
    audit::AuditHead,
    authenticator::{Ordinal, Phone, Phones},
    identity::PhoneName,
    policy::LoginRules,
    source::OwnPlace,
    throttle::{Level, PasscodeThrottle, PasswordFailures},
    totp::{Drift, SpentSteps},
};

pub use desk_act::{decode_desk_act, encode_desk_act};
pub use letter::{StoredLetter, decode_letter, encode_letter};
pub use reset::{
    SourceResets, StoredTicket, decode_hour_count, decode_source_resets, decode_ticket,
    decode_ticket_owner, encode_hour_count, encode_source_resets, encode_ticket,
    encode_ticket_owner,
};
pub use totp_counts::{
    Counting, Reach, StoredTotpCounts, decode_counting, decode_totp_counts, encode_counting,
    encode_totp_counts,
};

/// The version this program writes, and the newest it reads.
const VERSION: u32 = 1;

/// Why a stored record makes no sense, for operators.
type Unreadable = String;

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    #[serde(flatten)]
    record: T,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

fn encode<T: Serialize>(record: T) -> Value {
    serde_json::to_vec(&Versioned { v: VERSION, record })
        .expect("records have only text keys and plain values")
}

fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable = |why: String| StoreError::Unreadable(format!("the record {what} {why}"));
    let VersionOnly { v } =
        serde_json::from_slice(bytes).map_err(|_| unreadable("is damaged".into()))?;
    if v > VERSION {
        return Err(unreadable(format!(
            "has format {v} and this program reads formats up to {VERSION}: install the newer lpse-kiosk that wrote it"
        )));
    }
    serde_json::from_slice::<Versioned<T>>(bytes)
        .map(|versioned| versioned.record)
        .map_err(|error| unreadable(format!("is damaged: {error}")))
}

/// An account and, while the import that brought it is not finished, that import's id.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAccount {
    pub account: Account,
    pub import: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct AccountRecord {
    user_type: String,
    user_id: String,
    name: String,
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    password: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    unlocks: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    one_time_password_until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspended: Option<i64>,
    generation: u64,
    totp: AuthenticatorRecord,
    #[serde(default, skip_serializing_if = "is_zero")]
    passcode_failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_passcode_failure: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovery: Option<RecoveryRecord>,
    created: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login: Option<LoginRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known_sources: Vec<KnownSourceRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    activity: Vec<ActivityRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import: Option<String>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum AuthenticatorRecord {
    Absent,
    Pending(KeyRecord),
    /// One phone.
    Active(PhoneRecord),
    /// Two phones, or one and the key of another on its way. Its own word, so that a program that knows of one phone refuses
    /// it, and does not write the other away.
    Phones(PhonesRecord),
}

#[derive(Serialize, Deserialize)]
struct PhonesRecord {
    in_force: Vec<PhoneRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adding: Option<PhoneRecord>,
}

#[derive(Serialize, Deserialize)]
struct PhoneRecord {
    #[serde(flatten)]
    key: KeyRecord,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    number: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

fn first() -> u8 {
    Ordinal::First.number()
}

fn is_first(number: &u8) -> bool {
    *number == first()
}

#[derive(Serialize, Deserialize)]
struct KeyRecord {
    since: i64,
    secret: SecretRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spent_up_to: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used: Option<i64>,
    // These are in `spent` too, for programs that do not know them apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent_ahead: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<PhoneClockRecord>,
}

#[derive(Serialize, Deserialize)]
struct PhoneClockRecord {
    steps: i64,
    seen: i64,
}

#[derive(Serialize, Deserialize)]
struct RecoveryRecord {
    issued: i64,
    left: u8,
    digests: SecretRecord,
}

#[derive(Serialize, Deserialize)]
struct SecretRecord {
    key: String,
    nonce: String,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
struct LoginRecord {
    at: i64,
    from: SourceRecord,
}

#[derive(Serialize, Deserialize)]
struct KnownSourceRecord {
    source: String,
    last_login: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failures: Option<FailuresRecord>,
}

#[derive(Serialize, Deserialize)]
struct ActivityRecord {
    at: i64,
    kind: String,
    from: SourceRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceRecord {
    Console(String),
    Peer(std::net::IpAddr),
}

/// The bytes of an account's record.
pub fn encode_account(stored: &StoredAccount) -> Value {
    let account = &stored.account;
    encode(AccountRecord {
        user_type: account.key.user_type.as_str().to_owned(),
        user_id: account.key.user_id.as_str().to_owned(),
        name: account.name.as_str().to_owned(),
        email: account.email.as_str().to_owned(),
        role: account
            .role
            .is_officer()
            .then(|| account.role.as_str().to_owned()),
        password: account.password.to_string(),
        unlocks: account.unlocks,
        one_time_password_until: account
            .one_time_password
            .map(|it| milliseconds(it.good_until)),
        suspended: account.suspended.map(milliseconds),
        generation: account.generation,
        totp: authenticator_record(&account.authenticator),
        passcode_failures: account.passcode_throttle.failures,
        last_passcode_failure: account.passcode_throttle.last_failure.map(milliseconds),
        recovery: account.recovery.as_ref().map(|codes| RecoveryRecord {
            issued: milliseconds(codes.issued),
            left: codes.left,
            digests: secret_record(&codes.digests),
        }),
        created: milliseconds(account.created),
        last_login: account.last_login.as_ref().map(|login| LoginRecord {
            at: milliseconds(login.at),
            from: source_record(&login.from),
        }),
        known_sources: account
            .known_sources
            .iter()
            .map(known_source_record)
            .collect(),
        activity: account.activity.iter().map(activity_record).collect(),
        import: stored.import.clone(),
    })
}

/// The account in a record's bytes.
pub fn decode_account(what: &str, bytes: &[u8]) -> Result<StoredAccount, StoreError> {
    let record: AccountRecord = decode(what, bytes)?;
    account(record)
        .map_err(|why| StoreError::Unreadable(format!("the record {what} is damaged: {why}")))
}

fn account(record: AccountRecord) -> Result<StoredAccount, Unreadable> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let user_type: UserType = record.user_type.parse().map_err(|e| text(&e))?;
    let user_id = UserId::parse(&record.user_id).map_err(|e| text(&e))?;
    let account = Account {
        key: AccountKey::new(user_type, user_id),
        name: PersonName::parse(&record.name).map_err(|e| text(&e))?,
        email: EmailAddress::parse(&record.email).map_err(|e| text(&e))?,
        role: match record.role {
            None => Role::User,
            Some(role) => role.parse().map_err(|e| text(&e))?,
        },
        password: PasswordHash::parse(&record.password).map_err(|e| text(&e))?,
        unlocks: record.unlocks,
        one_time_password: record
            .one_time_password_until
            .map(|until| timestamp(until).map(|good_until| OneTimePassword { good_until }))
            .transpose()?,
        suspended: record.suspended.map(timestamp).transpose()?,
        generation: record.generation,
        authenticator: authenticator(record.totp)?,
        passcode_throttle: PasscodeThrottle {
            failures: record.passcode_failures,
            last_failure: record.last_passcode_failure.map(timestamp).transpose()?,
        },
        recovery: record.recovery.map(recovery_codes).transpose()?,
        created: timestamp(record.created)?,
        last_login: record
            .last_login
            .map(|login| {
                Ok::<_, Unreadable>(LastLogin {
                    at: timestamp(login.at)?,
                    from: source(login.from),
                })
            })
            .transpose()?,
        known_sources: record
            .known_sources
            .into_iter()
            .map(known_source)
            .collect::<Result<_, _>>()?,
        activity: record
            .activity
            .into_iter()
            .map(activity)
            .collect::<Result<_, _>>()?,
    };
    Ok(StoredAccount {
        account,
        import: record.import,
    })
}

fn authenticator_record(authenticator: &Authenticator) -> AuthenticatorRecord {
    match authenticator {
        Authenticator::Absent => AuthenticatorRecord::Absent,
        Authenticator::Pending(key) => AuthenticatorRecord::Pending(key_record(key)),
        Authenticator::Active(phones) => match (phones.in_force(), phones.adding()) {
            ([phone], None) => AuthenticatorRecord::Active(phone_record(phone)),
            (in_force, adding) => AuthenticatorRecord::Phones(PhonesRecord {
                in_force: in_force.iter().map(phone_record).collect(),
                adding: adding.map(phone_record),
            }),
        },
    }
}

fn phone_record(phone: &Phone) -> PhoneRecord {
    PhoneRecord {
        key: key_record(&phone.key),
        number: phone.ordinal.number(),
        name: phone.name.as_ref().map(|name| name.as_str().to_owned()),
    }
}

fn key_record(key: &TotpKey) -> KeyRecord {
    let numbers = |steps: &[TimeStep]| steps.iter().map(|step| step.number()).collect();
    let (single, ahead): (Vec<u64>, Vec<u64>) =
        (numbers(key.spent.single()), numbers(key.spent.ahead()));
    KeyRecord {
        since: milliseconds(key.since),
        secret: secret_record(&key.secret),
        spent_up_to: key.spent.up_to().map(TimeStep::number),
        spent: single.into_iter().chain(ahead.iter().copied()).collect(),
        spent_ahead: ahead,
        clock: key.clock.map(|clock| PhoneClockRecord {
            steps: clock.drift.steps(),
            seen: milliseconds(clock.seen),
        }),
        last_used: key.last_used.map(milliseconds),
    }
}

fn authenticator(record: AuthenticatorRecord) -> Result<Authenticator, Unreadable> {
    Ok(match record {
        AuthenticatorRecord::Absent => Authenticator::Absent,
        AuthenticatorRecord::Pending(record) => Authenticator::Pending(totp_key(record)?),
        AuthenticatorRecord::Active(record) => active(vec![record], None)?,
        AuthenticatorRecord::Phones(PhonesRecord { in_force, adding }) => active(in_force, adding)?,
    })
}

fn active(
    in_force: Vec<PhoneRecord>,
    adding: Option<PhoneRecord>,
) -> Result<Authenticator, Unreadable> {
    let in_force = in_force.into_iter().map(phone).collect::<Result<_, _>>()?;
    let phones = Phones::new(in_force, adding.map(phone).transpose()?);
    let phones = phones.ok_or("its phones cannot be such")?;
    Ok(Authenticator::Active(phones))
}

fn phone(record: PhoneRecord) -> Result<Phone, Unreadable> {
    let name = record.name.map(|name| PhoneName::parse(&name));
    Ok(Phone {
        ordinal: Ordinal::of_number(record.number).ok_or("a phone has no such number")?,
        name: name.transpose().map_err(|error| error.to_string())?,
        key: totp_key(record.key)?,
    })
}

fn totp_key(record: KeyRecord) -> Result<TotpKey, Unreadable> {
    let ahead = record.spent_ahead;
    let single = record.spent.into_iter().filter(|it| !ahead.contains(it));
    let single = single.map(TimeStep::new).collect::<Vec<_>>();
    let ahead = ahead.into_iter().map(TimeStep::new);
    let clock = record.clock.map(|clock| {
        Ok::<_, Unreadable>(PhoneClock {
            drift: Drift::of_steps(clock.steps).ok_or("a phone's clock is out of range")?,
            seen: timestamp(clock.seen)?,
        })
    });
    Ok(TotpKey {
        secret: sealed_secret(record.secret)?,
        since: timestamp(record.since)?,
        spent: SpentSteps::new(record.spent_up_to.map(TimeStep::new), single, ahead),
        clock: clock.transpose()?,
        last_used: record.last_used.map(timestamp).transpose()?,
    })
}

fn secret_record(secret: &SealedSecret) -> SecretRecord {
    SecretRecord {
        key: secret.key_id.clone(),
        nonce: BASE64_NOPAD.encode(&secret.nonce),
        sealed: BASE64_NOPAD.encode(&secret.ciphertext),
    }
}

fn sealed_secret(record: SecretRecord) -> Result<SealedSecret, Unreadable> {
    let bytes = |text: &str| {
        BASE64_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| "a sealed secret is not base 64".to_owned())
    };
    Ok(SealedSecret {
        nonce: bytes(&record.nonce)?,
        ciphertext: bytes(&record.sealed)?,
        key_id: record.key,
    })
}

fn recovery_codes(record: RecoveryRecord) -> Result<RecoveryCodes, Unreadable> {
    Ok(RecoveryCodes {
        issued: timestamp(record.issued)?,
        left: record.left,
        digests: sealed_secret(record.digests)?,
    })
}

fn activity_record(activity: &Activity) -> ActivityRecord {
    ActivityRecord {
        at: milliseconds(activity.at),
        kind: activity.kind.as_str().to_owned(),
        from: source_record(&activity.from),
        by: activity.by.as_ref().map(|by| {
            let user_type = by.user_type.as_str().to_owned();
            (user_type, by.user_id.as_str().to_owned())
        }),
    }
}

fn activity(record: ActivityRecord) -> Result<Activity, Unreadable> {
    Ok(Activity {
        at: timestamp(record.at)?,
        kind: ActivityKind::from_word(&record.kind)
            .ok_or_else(|| format!("unknown activity {:?}", record.kind))?,
        from: source(record.from),
        by: record
            .by
            .map(|(user_type, user_id)| {
                Ok::<_, Unreadable>(AccountKey::new(
                    user_type.parse().map_err(|_| "an unknown user type")?,
                    UserId::parse(&user_id).map_err(|error| error.to_string())?,
                ))
            })
            .transpose()?,
    })
}

fn known_source_record(known: &KnownSource) -> KnownSourceRecord {
    KnownSourceRecord {
        source: known.source.to_string(),
        last_login: milliseconds(known.last_login),
        failures: known.failures.as_ref().map(FailuresRecord::from),
    }
}

fn known_source(record: KnownSourceRecord) -> Result<KnownSource, Unreadable> {
    Ok(KnownSource {
        source: SourceKey::from_kept(record.source),
        last_login: timestamp(record.last_login)?,
        failures: record
            .failures
            .map(PasswordFailures::try_from)
            .transpose()?,
    })
}

fn source_record(source: &Source) -> SourceRecord {
    match source {
        Source::Console(name) => SourceRecord::Console(name.clone()),
        Source::Peer(address) => SourceRecord::Peer(*address),
        // The owner of an account is told of the place; who it was is the audit log's.
        Source::Command(_) => SourceRecord::Console(OwnPlace::CommandLine.as_str().to_owned()),
    }
}

fn source(record: SourceRecord) -> Source {
    match record {
        SourceRecord::Console(name) => Source::Console(name),
        SourceRecord::Peer(address) => Source::Peer(address),
    }
}

fn milliseconds(instant: Timestamp) -> i64 {
    instant.as_millisecond()
}

fn timestamp(milliseconds: i64) -> Result<Timestamp, Unreadable> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| "a time is out of range".to_owned())
}

/// The failures of one source: in all, and by account (as a digest of the claimed account).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceFailures {
    /// All wrong passwords, of whatever User IDs.
    pub all: Option<Level>,
    /// Those at accounts that do not log in from there.
    pub strangers: Option<Level>,
    pub by_account: Vec<PairFailures>,
}

/// The failures of one source against one account.
#[derive(Debug, Clone, PartialEq)]
pub struct PairFailures {
    /// The account, as a digest.
    pub account: String,
    /// How often the account's waits had been ended by then.
    pub unlocks: u32,
    pub counted: PasswordFailures,
}

#[derive(Serialize, Deserialize)]
struct SourceFailuresRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tries: Option<LevelRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strangers: Option<LevelRecord>,
    #[serde(default)]
    by_account: Vec<(String, PairRecord)>,
}

#[derive(Serialize, Deserialize)]
struct PairRecord {
    #[serde(flatten)]
    counted: FailuresRecord,
    #[serde(default, skip_serializing_if = "is_zero")]
    unlocks: u32,
}

#[derive(Serialize, Deserialize)]
struct FailuresRecord {
    n: u32,
    last: i64,
}

impl From<&PasswordFailures> for FailuresRecord {
    fn from(counted: &PasswordFailures) -> Self {
        Self {
            n: counted.failures,
            last: milliseconds(counted.last_failure),
        }
    }
}

impl TryFrom<FailuresRecord> for PasswordFailures {
    type Error = Unreadable;

    fn try_from(record: FailuresRecord) -> Result<Self, Unreadable> {
        Ok(Self {
            failures: record.n,
            last_failure: timestamp(record.last)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct LevelRecord {
    height: u32,
    at: i64,
}

impl From<&Level> for LevelRecord {
    fn from(level: &Level) -> Self {
        Self {
            height: level.height,
            at: milliseconds(level.at),
        }
    }
}

impl TryFrom<LevelRecord> for Level {
    type Error = Unreadable;

    fn try_from(record: LevelRecord) -> Result<Self, Unreadable> {
        Ok(Self {
            height: record.height,
            at: timestamp(record.at)?,
        })
    }
}

/// The bytes of a source's failures.
pub fn encode_source_failures(failures: &SourceFailures) -> Value {
    encode(SourceFailuresRecord {
        tries: failures.all.as_ref().map(LevelRecord::from),
        strangers: failures.strangers.as_ref().map(LevelRecord::from),
        by_account: failures
            .by_account
            .iter()
            .map(|pair| {
                let record = PairRecord {
                    counted: (&pair.counted).into(),
                    unlocks: pair.unlocks,
                };
                (pair.account.clone(), record)
            })
            .collect(),
    })
}

/// The failures in a record's bytes.
pub fn decode_source_failures(what: &str, bytes: &[u8]) -> Result<SourceFailures, StoreError> {
    let record: SourceFailuresRecord = decode(what, bytes)?;
    let damaged = |why| StoreError::Unreadable(format!("the record {what} is damaged: {why}"));
    let counted = |record| PasswordFailures::try_from(record).map_err(damaged);
    let level = |record: Option<LevelRecord>| record.map(Level::try_from).transpose();
    Ok(SourceFailures {
        all: level(record.tries).map_err(damaged)?,
        strangers: level(record.strangers).map_err(damaged)?,
        by_account: record
            .by_account
            .into_iter()
            .map(|(account, record)| {
                Ok::<_, StoreError>(PairFailures {
                    account,
                    unlocks: record.unlocks,
                    counted: counted(record.counted)?,
                })
            })
            .collect::<Result<_, _>>()?,
    })
}

#[derive(Serialize, Deserialize)]
struct PolicyRecord {
    policy: String,
    // On unless somebody has switched them off.
    #[serde(default = "on", skip_serializing_if = "Clone::clone")]
    recovery_codes: bool,
}

fn on() -> bool {
    true
}

/// The bytes of the rules in force.
pub fn encode_rules(rules: LoginRules) -> Value {
    encode(PolicyRecord {
        policy: rules.policy.as_str().to_owned(),
        recovery_codes: rules.recovery_codes,
    })
}

/// The rules in a record's bytes.
pub fn decode_rules(what: &str, bytes: &[u8]) -> Result<LoginRules, StoreError> {
    let record: PolicyRecord = decode(what, bytes)?;
    let unreadable = |error| StoreError::Unreadable(format!("the record {what}: {error}"));
    Ok(LoginRules {
        policy: record.policy.parse::<Policy>().map_err(unreadable)?,
        recovery_codes: record.recovery_codes,
    })
}

#[derive(Serialize, Deserialize)]
struct VisitsRecord {
    visits: u64,
}

/// The bytes of one node's number of visits.
pub fn encode_visits(visits: u64) -> Value {
    encode(VisitsRecord { visits })
}

/// The number of visits in a record's bytes.
pub fn decode_visits(what: &str, bytes: &[u8]) -> Result<u64, StoreError> {
    decode::<VisitsRecord>(what, bytes).map(|record| record.visits)
}

#[derive(Serialize, Deserialize)]
struct AccountCountRecord {
    accounts: u64,
}

/// The bytes of the number of accounts.
pub fn encode_account_count(accounts: u64) -> Value {
    encode(AccountCountRecord { accounts })
}

/// The number of accounts in a record's bytes.
pub fn decode_account_count(what: &str, bytes: &[u8]) -> Result<u64, StoreError> {
    decode::<AccountCountRecord>(what, bytes).map(|record| record.accounts)
}

#[derive(Serialize, Deserialize)]
struct AuditHeadRecord {
    seq: u64,
    hash: String,
}

/// The bytes of the head of one node's audit log.
pub fn encode_audit_head(head: AuditHead) -> Value {
    encode(AuditHeadRecord {
        seq: head.seq,
        hash: head.hash.to_string(),
    })
}

/// The head of an audit log in a record's bytes.
pub fn decode_audit_head(what: &str, bytes: &[u8]) -> Result<AuditHead, StoreError> {
    let AuditHeadRecord { seq, hash } = decode(what, bytes)?;
    let hash = hash.parse().map_err(|error| {
        StoreError::Unreadable(format!("the record {what} is damaged: {error}"))
    })?;
    Ok(AuditHead { seq, hash })
}

#[derive(Serialize, Deserialize)]
struct ImportRecord {
    begun: i64,
}

/// The bytes that mark an import as unfinished since `begun`.
pub fn encode_import(begun: Timestamp) -> Value {
    encode(ImportRecord {
        begun: milliseconds(begun),
    })
}

#[derive(Serialize, Deserialize)]
struct ClosedImportRecord {
    closed: bool,
}

/// The bytes that mark an import as broken off: nothing is added to it any more.
pub fn encode_closed_import() -> Value {
    encode(ClosedImportRecord { closed: true })
}

/// The bytes of an index entry, which says how the account's words begin. They are no record with a version of its own:
/// there are about eight an account, and a form that is not known costs no more than a look at the account.
pub fn encode_find_entry(hints: Option<&str>) -> Value {
    hints.unwrap_or_default().as_bytes().to_vec()
}

/// How the words of an entry's account begin, if it says so.
pub fn decode_find_entry(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|hints| !hints.is_empty())
}

#[derive(Serialize, Deserialize)]
struct SealedRecord {
    secret: SecretRecord,
}

/// The bytes of a record that is a sealed text and nothing else: the one by which a store knows its master key again,
/// and the store key.
pub fn encode_sealed(secret: &SealedSecret) -> Value {
    encode(SealedRecord {
        secret: secret_record(secret),
    })
}

/// The sealed text in a record's bytes.
pub fn decode_sealed(what: &str, bytes: &[u8]) -> Result<SealedSecret, StoreError> {
    sealed_secret(decode::<SealedRecord>(what, bytes)?.secret)
        .map_err(|why| StoreError::Unreadable(format!("the record {what}: {why}")))
}

#[derive(Serialize, Deserialize)]
struct RotationRecord {
    to: String,
}

/// The bytes that mark a rotation to the key named `to` as unfinished.
pub fn encode_rotation(to: &str) -> Value {
    encode(RotationRecord { to: to.to_owned() })
}

/// The key's name in such a mark.
pub fn decode_rotation(what: &str, bytes: &[u8]) -> Result<String, StoreError> {
    decode::<RotationRecord>(what, bytes).map(|record| record.to)
}

#[derive(Serialize, Deserialize)]
struct LastBackupRecord {
    as_of: i64,
}

/// The bytes that tell as of when the last backup was made, in milliseconds.
pub fn encode_last_backup(as_of: Timestamp) -> Value {
    encode(LastBackupRecord {
        as_of: milliseconds(as_of),
    })
}

/// The moment in such a record.
pub fn decode_last_backup(what: &str, bytes: &[u8]) -> Result<Timestamp, StoreError> {
    timestamp(decode::<LastBackupRecord>(what, bytes)?.as_of)
        .map_err(|why| StoreError::Unreadable(format!("the record {what}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TotpKey {
        let secret = SealedSecret {
            key_id: "1".into(),
            nonce: vec![1; 24],
            ciphertext: vec![2; 36],
        };
        let now = Timestamp::from_second(53_000 * 30).unwrap();
        let mut key = TotpKey::new(secret, now);
        for step in [52_999, 53_001, 53_020, 53_021] {
            key.spent.spend(TimeStep::new(step), now);
        }
        key.clock = Some(PhoneClock {
            drift: Drift::of_steps(21).unwrap(),
            seen: now,
        });
        key
    }

    #[test]
    fn steps_ahead_of_the_clock_are_kept_and_programs_that_do_not_know_them_apart_keep_them_spent()
    {
        let record = serde_json::to_value(key_record(&key())).unwrap();
        let spent = serde_json::json!([52_999, 53_001, 53_020, 53_021]);
        assert_eq!(record["spent"], spent);
        assert_eq!(record["spent_ahead"], serde_json::json!([53_020, 53_021]));
        let read = totp_key(serde_json::from_value(record).unwrap()).unwrap();
        assert_eq!(read, key());
    }

    #[test]
    fn a_key_that_was_stored_before_there_were_any_ahead_is_read() {
        let mut record = serde_json::to_value(key_record(&key())).unwrap();
        let fields = record.as_object_mut().unwrap();
        fields.remove("spent_ahead");
        fields.remove("clock");
        let read = totp_key(serde_json::from_value(record).unwrap()).unwrap();
        let single: Vec<u64> = read.spent.single().iter().map(|it| it.number()).collect();
        assert_eq!(single, [52_999, 53_001, 53_020, 53_021]);
        assert_eq!((read.spent.ahead().len(), read.clock), (0, None));
    }
}
