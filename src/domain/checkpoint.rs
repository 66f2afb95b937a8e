//! A checkpoint of an audit log: how far it had come at a moment, in a text that is signed and kept elsewhere; and when
//! one is due.
//!
//! Each record of a log closes with a digest of all before it. So a checkpoint that has left the machine holds everything
//! up to its record in place, against whoever can write both the log and the store.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;

use super::{
    audit::{AuditHead, RecordHash},
    recorded::elapsed,
};

/// What signatures of checkpoints are for, so that no signature for anything else passes for one (PROTOCOL.sshsig).
pub const NAMESPACE: &str = "lpse-kiosk-audit";

/// So many records never wait for a checkpoint.
pub const RECORDS: u64 = 10_000;

/// No record waits longer for one.
pub const PAUSE: Duration = Duration::from_secs(60 * 60);

/// The first line, which no other text begins with.
const TITLE: &str = "lpse-kiosk audit checkpoint v1";

/// The longest name of a node, and more digits than a number or a moment has.
const LONGEST_FIELD: usize = 255;

/// How far the log of a node had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is, by the name that the machine has among those that share its store.
    pub node: String,
    pub head: AuditHead,
    /// To the second.
    pub at: Timestamp,
}

impl Checkpoint {
    /// That `node`'s log has come to `head` at this moment.
    pub fn new(node: &str, head: AuditHead, at: Timestamp) -> Self {
        let second = Timestamp::from_second(at.as_second());
        Self {
            node: node.to_owned(),
            head,
            at: second.expect("what is a moment is one to the second"),
        }
    }

    /// Who signs it: `audit@NODE`, as a file of allowed signers names it.
    pub fn signer(&self) -> String {
        signer(&self.node)
    }
}

/// Who signs the checkpoints of `node`.
pub fn signer(node: &str) -> String {
    format!("audit@{node}")
}

/// The text that is signed: five lines, each with its end.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, head, at } = self;
        writeln!(f, "{TITLE}")?;
        writeln!(f, "node {node}")?;
        writeln!(f, "record {}", head.seq)?;
        writeln!(f, "hash {}", head.hash)?;
        writeln!(f, "time {at}")
    }
}

/// The text is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a checkpoint is the line \"{TITLE}\", and one line each of node, record, hash and time, as it was written"
)]
pub struct NoCheckpoint;

impl FromStr for Checkpoint {
    type Err = NoCheckpoint;

    /// Takes the one form only: what reads alike in another form is another text to whoever checks its signature.
    fn from_str(text: &str) -> Result<Self, NoCheckpoint> {
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(NoCheckpoint);
        }
        let mut field = |name: &str| {
            let (found, value) = lines.next()?.split_once(' ')?;
            (found == name && value.len() <= LONGEST_FIELD).then(|| value.to_owned())
        };
        let read = |field: Option<String>| field.ok_or(NoCheckpoint);
        let node = read(field("node"))?;
        let seq = read(field("record"))?;
        let hash = read(field("hash"))?;
        let at = read(field("time"))?;
        let checkpoint = Self {
            node,
            head: AuditHead {
                seq: seq.parse().map_err(|_| NoCheckpoint)?,
                hash: hash.parse().map_err(|_| NoCheckpoint)?,
            },
            at: at.parse().map_err(|_| NoCheckpoint)?,
        };
        let is_its_form = checkpoint.to_string() == text && is_name(&checkpoint.node);
        (is_its_form && checkpoint.head.seq > 0)
            .then_some(checkpoint)
            .ok_or(NoCheckpoint)
    }
}

/// Whether `node` can be a machine's name: nothing in it leads to another folder or acts on a terminal.
fn is_name(node: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !node.is_empty() && node.chars().all(allowed)
}

/// How long the next checkpoint has still to wait, where the log has come to record `seq` and the last one is `last`; `None`
/// where there is nothing new to tell of.
pub fn due_in(last: Option<&Checkpoint>, seq: u64, now: Timestamp) -> Option<Duration> {
    let Some(last) = last else {
        return (seq > 0).then_some(Duration::ZERO);
    };
    match seq.saturating_sub(last.head.seq) {
        0 => None,
        RECORDS.. => Some(Duration::ZERO),
        _ => Some(PAUSE.saturating_sub(elapsed(last.at, now))),
    }
}

/// What is noted in one node's log of how far another's had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedHead {
    pub node: String,
    pub head: AuditHead,
}

/// As it stands in a record.
impl fmt::Display for NotedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, head } = self;
        write!(f, "node {node} record {} hash {}", head.seq, head.hash)
    }
}

/// The text notes nothing of another log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not written \"node NAME record NUMBER hash DIGITS\"")]
pub struct NoNotedHead;

impl FromStr for NotedHead {
    type Err = NoNotedHead;

    fn from_str(text: &str) -> Result<Self, NoNotedHead> {
        let words: Vec<&str> = text.split(' ').collect();
        let ["node", node, "record", seq, "hash", hash] = words[..] else {
            return Err(NoNotedHead);
        };
        let (seq, hash): (u64, RecordHash) = (
            seq.parse().map_err(|_| NoNotedHead)?,
            hash.parse().map_err(|_| NoNotedHead)?,
        );
        Ok(Self {
            node: node.to_owned(),
            head: AuditHead { seq, hash },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn checkpoint() -> Checkpoint {
        let head = AuditHead {
            seq: 12_345,
            hash: RecordHash::from_bytes([0xab; RecordHash::LENGTH]),
        };
        Checkpoint::new("loket-1", head, at("2026-11-30T01:53:05.999Z"))
    }

    #[test]
    fn a_checkpoint_is_five_lines_that_lead_back_to_it() {
        let text = checkpoint().to_string();
        let digits = "ab".repeat(32);
        assert_eq!(
            text,
            format!(
                "lpse-kiosk audit checkpoint v1\nnode loket-1\nrecord 12345\nhash {digits}\ntime 2026-11-30T01:53:05Z\n"
            )
        );
        assert_eq!(text.parse(), Ok(checkpoint()));
        assert_eq!(checkpoint().signer(), "audit@loket-1");
    }

    #[test]
    fn a_text_in_any_other_form_is_none() {
        let text = checkpoint().to_string();
        let without_end = text.trim_end().to_owned();
        let with_more = format!("{text}\n");
        let digits = "ab".repeat(32);
        for other in [
            "",
            "lpse-kiosk audit checkpoint v1\n",
            &without_end,
            &with_more,
            &text.replace('\n', "\r\n"),
            &text.replace("v1", "v2"),
            &text.replace("12345", "012345"),
            &text.replace("12345", "+12345"),
            &text.replace("12345", "0"),
            &text.replace("12345", "99999999999999999999999"),
            &text.replace(&digits, &digits.to_uppercase()),
            &text.replace(&digits, "ab"),
            &text.replace("05Z", "05+00:00"),
            &text.replace("loket-1", "../loket-1"),
            &text.replace("loket-1", "loket 1"),
            &text.replace("loket-1", "loket\u{1b}[2J"),
            &text.replace("loket-1", ""),
            &text.replace("record 12345\n", ""),
            &text.replace("node", "name"),
        ] {
            assert_ne!(other, text);
            assert_eq!(other.parse::<Checkpoint>(), Err(NoCheckpoint), "{other:?}");
        }
    }

    #[test]
    fn one_is_due_each_hour_and_each_ten_thousand_records_and_never_for_nothing() {
        let last = checkpoint();
        let hour = Duration::from_secs(60 * 60);
        for (seq, now, expected) in [
            (12_345, "2026-11-30T01:53:05Z", None),
            (12_345, "2027-11-30T01:53:05Z", None),
            // A log that was cut off, and has still to come so far again.
            (1, "2027-11-30T01:53:05Z", None),
            (12_346, "2026-11-30T01:53:05Z", Some(hour)),
            (22_344, "2026-11-30T01:53:05Z", Some(hour)),
            (22_345, "2026-11-30T01:53:05Z", Some(Duration::ZERO)),
            (12_346, "2026-11-30T02:53:04Z", Some(Duration::from_secs(1))),
            (12_346, "2026-11-30T02:53:05Z", Some(Duration::ZERO)),
            (12_346, "2026-12-30T02:53:05Z", Some(Duration::ZERO)),
            // The clock was ahead then, and is right now.
            (12_346, "2026-11-01T00:00:00Z", Some(hour)),
        ] {
            let due = due_in(Some(&last), seq, at(now));
            assert_eq!(due, expected, "record {seq}, {now}");
        }
        let now = at("2026-11-30T01:53:05Z");
        assert_eq!(due_in(None, 0, now), None);
        assert_eq!(due_in(None, 1, now), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_noted_of_another_log_leads_back_to_it() {
        let noted = NotedHead {
            node: "two".into(),
            head: checkpoint().head,
        };
        assert_eq!(noted.to_string().parse(), Ok(noted));
        for other in ["", "node two", "node two record x hash y"] {
            assert_eq!(other.parse::<NotedHead>(), Err(NoNotedHead), "{other}");
        }
    }
}
