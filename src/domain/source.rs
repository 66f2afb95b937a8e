//! The source of an attempt: the unit by which a stranger's failures are kept apart from the owner's.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use super::{operator::Operator, word::words};

/// The terminal or the network peer at which a person sits, or who runs a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A terminal of this machine, by its name (`tty1`, or the kiosk's configured name).
    Console(String),
    /// The address of an SSH peer, or of a browser at the reset page.
    Peer(IpAddr),
    /// A command of this program, run on the machine.
    Command(Operator),
}

words! {
    /// A place of the program's own, which stands in a record where a terminal does otherwise.
    pub enum OwnPlace {
        /// Of a command, where it is not told who ran it: to the owner of an account, and in records of before.
        CommandLine = "command line",
        Training = "training",
        KeyRotation = "key rotation",
        AuditLog = "audit log",
        Store = "store",
    }
}

/// What a source is counted under: those of one key are one. An IPv6 peer counts by its /64, which one person commands as
/// a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceKey(String);

impl SourceKey {
    /// The key that was kept as `text`.
    pub fn from_kept(text: String) -> Self {
        Self(text)
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
impl From<&str> for SourceKey {
    fn from(word: &str) -> Self {
        Self(word.to_owned())
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Source {
    /// A place of the program's own.
    pub fn own(place: OwnPlace) -> Self {
        Self::Console(place.as_str().to_owned())
    }

    /// The source that an audit record tells of in its own words, if these are a source's.
    pub fn of_record(told: &str) -> Option<Self> {
        match told.split_once(':')? {
            ("console", name) => Some(Self::Console(name.to_owned())),
            ("peer", address) => address.parse().ok().map(Self::Peer),
            ("command", operator) => Some(Self::Command(Operator::of_told(operator))),
            _ => None,
        }
    }

    /// Which of the program's own places it is, if it is one.
    pub fn own_place(&self) -> Option<OwnPlace> {
        match self {
            Self::Console(name) => OwnPlace::from_word(name),
            Self::Peer(_) => None,
            Self::Command(_) => Some(OwnPlace::CommandLine),
        }
    }

    /// Who ran the command that it is, if it is one and that is told.
    pub fn operator(&self) -> Option<&Operator> {
        match self {
            Self::Command(operator) => Some(operator),
            Self::Console(_) | Self::Peer(_) => None,
        }
    }

    /// What it is counted under.
    pub fn key(&self) -> SourceKey {
        SourceKey(match self {
            Self::Console(name) => format!("console:{name}"),
            Self::Peer(IpAddr::V4(address)) => format!("peer:{address}"),
            Self::Peer(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(v4) => format!("peer:{v4}"),
                None => {
                    let [a, b, c, d, ..] = address.segments();
                    format!("peer:{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
                }
            },
            Self::Command(operator) => format!("command:{operator}"),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console(name) => f.write_str(name),
            Self::Peer(address) => write!(f, "{address}"),
            Self::Command(_) => OwnPlace::CommandLine.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_peer_is_counted_by_its_64_and_a_mapped_one_as_ipv4() {
        let key = |text: &str| Source::Peer(text.parse().unwrap()).key();
        assert_eq!(key("2001:db8:1:2:3::9"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
    }

    #[test]
    fn a_record_tells_of_a_source_in_words_that_lead_back_to_it() {
        let own = OwnPlace::ALL.map(Source::own);
        let sources = own.into_iter().chain([
            Source::Console("loket:1".into()),
            Source::Peer("192.0.2.7".parse().unwrap()),
            Source::Command(Operator::new("siti", Some("root"), Some("pts/0"))),
        ]);
        for source in sources {
            let told = source.key().to_string();
            assert_eq!(Source::of_record(&told), Some(source));
        }
        let whole = Source::Peer("2001:db8::7".parse().unwrap());
        assert_eq!(Source::of_record("peer:2001:db8::7"), Some(whole));
        for told in ["", "loket-1", "peer:loket-1", "moon:1"] {
            assert_eq!(Source::of_record(told), None, "{told}");
        }
    }

    #[test]
    fn a_console_cannot_pass_for_a_peer() {
        assert_ne!(
            Source::Console("peer:192.0.2.7".into()).key(),
            Source::Peer("192.0.2.7".parse().unwrap()).key()
        );
    }
}
