//! The form of one line of the audit log: what is written, how every byte of it is checked, and how it is read.
//!
//! A line is a JSON object whose first member is `seq` and whose last two are `prev` and `hash`:
//! `{"seq":2,"at":"...","act":"login",...,"prev":"<64 digits>","hash":"<64 digits>"}`. `hash` is the SHA-256 of all bytes
//! that stand before `,"hash":"`; `prev` is the `hash` of the line before. What follows the digested bytes has one form
//! only, so nothing in a line can be changed unseen, and nobody who checks has to write JSON the same way as this program.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{
    Source,
    audit::{AuditEvent, AuditHead, AuditRecord, RecordHash},
    identity::is_disguise,
};

/// The longest line: the bounds of the texts, each character escaped.
pub const MAX_BYTES: usize = 64 * 1024;

/// Characters of a reason, of a detail and of a source that are kept.
const REASON: usize = 1000;
const DETAIL: usize = 3000;
const SOURCE: usize = 200;

const BEFORE_HASH: &[u8] = b",\"hash\":\"";
const AFTER_HASH: &[u8] = b"\"}";
const HASH_DIGITS: usize = 2 * RecordHash::LENGTH;

#[derive(Serialize)]
struct Written<'a> {
    seq: u64,
    at: String,
    act: &'a str,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    prev: String,
}

#[derive(Deserialize)]
struct ReadBack {
    seq: u64,
    at: String,
    act: String,
    outcome: String,
    reason: Option<String>,
    account: Option<String>,
    by: Option<String>,
    from: String,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Chained {
    seq: u64,
    prev: String,
}

/// A line that is whole: its place in the chain, and what it says to come after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub head: AuditHead,
    pub prev: RecordHash,
}

/// Appends the line of `event`, which happened at `at`, to `lines`. It comes after `last`; the new last is returned.
pub fn append(
    lines: &mut Vec<u8>,
    last: AuditHead,
    at: Timestamp,
    event: &AuditEvent,
) -> AuditHead {
    let seq = last.seq + 1;
    let written = Written {
        seq,
        at: at.to_string(),
        act: event.act.as_str(),
        outcome: event.outcome.word().as_str(),
        reason: event.outcome.reason().map(|text| bounded(text, REASON)),
        account: event.account.as_ref().map(ToString::to_string),
        by: event.by.as_ref().map(ToString::to_string),
        from: bounded(&source(&event.from), SOURCE),
        detail: event.detail.as_ref().map(|text| bounded(text, DETAIL)),
        prev: last.hash.to_string(),
    };
    let json = serde_json::to_string(&written).expect("texts and a number");
    let json = escaped(&json);
    let digested = json.strip_suffix('}').expect("it is an object").as_bytes();
    let hash = digest(digested);
    lines.extend_from_slice(digested);
    lines.extend_from_slice(BEFORE_HASH);
    lines.extend_from_slice(hash.to_string().as_bytes());
    lines.extend_from_slice(AFTER_HASH);
    lines.push(b'\n');
    AuditHead { seq, hash }
}

/// The place in the chain of `line`, which has no end of line; `None` when a byte of it is not as it was written.
pub fn check(line: &[u8]) -> Option<Link> {
    if line.len() > MAX_BYTES {
        return None;
    }
    let rest = line.strip_suffix(AFTER_HASH)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(HASH_DIGITS)?)?;
    let digested = rest.strip_suffix(BEFORE_HASH)?;
    let hash: RecordHash = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if digest(digested) != hash {
        return None;
    }
    let Chained { seq, prev } = serde_json::from_slice(line).ok()?;
    Some(Link {
        head: AuditHead { seq, hash },
        prev: prev.parse().ok()?,
    })
}

/// Whether a line that is being written can begin with `bytes`. Nothing that was ever written holds a control character.
pub fn may_begin_with(bytes: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"{\"seq\":";
    let begins = BEGINNING.starts_with(bytes) || bytes.starts_with(BEGINNING);
    begins && !bytes.iter().any(u8::is_ascii_control)
}

/// What `line` says, whether or not it still stands as it was written.
pub fn read(line: &[u8]) -> Option<AuditRecord> {
    let read: ReadBack = serde_json::from_slice(line).ok()?;
    let account = |text: Option<String>| text.map(|text| text.parse()).transpose().ok();
    Some(AuditRecord {
        seq: read.seq,
        at: read.at.parse().ok()?,
        act: read.act,
        outcome: read.outcome.parse().ok()?,
        reason: read.reason,
        account: account(read.account)?,
        by: account(read.by)?,
        from: read.from,
        detail: read.detail,
    })
}

/// JSON in which nothing acts on a terminal. Such characters stand in strings only, so their escapes mean the same.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_disguise(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

fn digest(bytes: &[u8]) -> RecordHash {
    RecordHash::from_bytes(Sha256::digest(bytes).into())
}

/// As failures are counted by it, but an IPv6 address whole.
fn source(from: &Source) -> String {
    match from {
        Source::Console(_) | Source::Command(_) => from.key().to_string(),
        Source::Peer(address) => format!("peer:{}", address.to_canonical()),
    }
}

/// At most `longest` characters of `text`, with a mark where it went on.
fn bounded(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AccountKey, UserId, UserType,
        audit::{Act, AuditOutcome, OutcomeWord},
    };

    fn event() -> AuditEvent {
        let account = |id: &str| AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap());
        let outcome = AuditOutcome::Refused("wrong-password".into());
        let from = Source::Console("tty1\n\u{1b}[2J\u{202e}\u{9b}\u{e0041}\"".into());
        AuditEvent::new(Act::CheckPassword, outcome, &from)
            .on(&account("PPK30"))
            .by(&account("PETUGAS1"))
            .saying("KTP dilihat, \u{7f}wajah cocok")
    }

    fn line() -> (Vec<u8>, AuditHead) {
        let mut line = Vec::new();
        let at = "2020-08-13T01:53:07Z".parse().unwrap();
        let head = append(&mut line, AuditHead::START, at, &event());
        assert_eq!(line.pop(), Some(b'\n'));
        (line, head)
    }

    #[test]
    fn a_line_says_what_happened_and_nothing_in_it_acts_on_a_terminal() {
        let (line, head) = line();
        let text = std::str::from_utf8(&line).unwrap();
        assert!(!text.contains(is_disguise), "{text:?}");
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(json["account"], "non-penyedia/PPK30");
        assert_eq!(json["reason"], "wrong-password");
        let record = read(&line).unwrap();
        assert_eq!(record.seq, 1);
        assert_eq!(record.at.to_string(), "2020-08-13T01:53:07Z");
        assert_eq!(record.outcome, OutcomeWord::Refused);
        assert_eq!(record.account, event().account);
        assert_eq!(record.by, event().by);
        assert_eq!(record.from, event().from.key().as_str());
        assert_eq!(record.detail, event().detail);
        let link = check(&line).unwrap();
        assert_eq!(link.head, head);
        assert_eq!(link.prev, RecordHash::BEFORE_THE_FIRST);
    }

    #[test]
    fn a_peer_is_recorded_with_its_whole_address() {
        for (address, expected) in [
            ("192.0.2.7", "peer:192.0.2.7"),
            ("::ffff:192.0.2.7", "peer:192.0.2.7"),
            ("2001:db8:1:2:3::9", "peer:2001:db8:1:2:3::9"),
        ] {
            assert_eq!(source(&Source::Peer(address.parse().unwrap())), expected);
        }
    }

    #[test]
    fn the_digest_is_what_any_other_program_makes_of_the_bytes() {
        let (line, head) = line();
        let text = String::from_utf8(line).unwrap();
        let (digested, rest) = text.rsplit_once(",\"hash\":\"").unwrap();
        assert_eq!(rest, format!("{}\"}}", head.hash));
        let other = ring::digest::digest(&ring::digest::SHA256, digested.as_bytes());
        assert_eq!(
            data_encoding::HEXLOWER.encode(other.as_ref()),
            head.hash.to_string()
        );
    }

    #[test]
    fn no_bit_of_a_line_can_be_changed_unseen() {
        let (line, _) = line();
        for place in 0..line.len() {
            for bit in 0..8 {
                let mut changed = line.clone();
                changed[place] ^= 1 << bit;
                assert_eq!(check(&changed), None, "byte {place}, bit {bit}");
            }
        }
        assert_eq!(check(&line[1..]), None);
        assert_eq!(check(&line[..line.len() - 1]), None);
        assert_eq!(check(&[&line[..], b" "].concat()), None);
        assert_eq!(check(b""), None);
    }

    #[test]
    fn a_line_is_bounded_whatever_is_recorded() {
        let mut line = Vec::new();
        let worst = "\u{e0041}".repeat(100_000);
        let event = AuditEvent {
            outcome: AuditOutcome::Failed(worst.clone()),
            from: Source::Console(worst.clone()),
            ..event().saying(worst)
        };
        append(&mut line, AuditHead::START, Timestamp::UNIX_EPOCH, &event);
        assert!(line.len() <= MAX_BYTES, "{}", line.len());
        assert!(check(&line[..line.len() - 1]).is_some());
        assert!(read(&line).unwrap().detail.unwrap().ends_with('…'));
    }
}
