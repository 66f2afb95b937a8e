//! The settings for letters and the reset page: through which mail server, to which address, under which
//! limits.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use crate::domain::{EmailAddress, network::Networks, word::words};

/// How letters go out. Without a server none are written, and a reset is an officer's work.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    pub server: Option<String>,
    pub(super) port: Option<u16>,
    pub security: MailSecurity,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    pub from: Option<EmailAddress>,
    /// How this machine calls itself (RFC 5321 section 4.1.1.1).
    pub hello: Option<String>,
    /// Certificates to trust besides the system's.
    pub authority_file: Option<PathBuf>,
}

impl Mail {
    /// The port that is set, else the usual one: RFC 8314 section 3.3 for TLS from the first byte, RFC 6409 section
    /// 3.1 for submission, RFC 5321 for a relay on this machine.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::None => 25,
        })
    }
}

words! {
    /// How the way to the mail server is protected. There is no falling back from one to a weaker one.
    #[derive(Default)]
    pub enum MailSecurity else UnknownMailSecurity {
        /// TLS after STARTTLS (RFC 3207); a server that does not offer it gets nothing.
        #[default]
        StartTls = "starttls",
        /// TLS from the first byte.
        Tls = "tls",
        /// None, for a relay on this very machine.
        None = "none",
    }
}

/// The text names no way of protection.
#[derive(Debug)]
pub struct UnknownMailSecurity;

/// Where the reset page is served, and where its links lead.
#[derive(Debug, Clone, Default)]
pub struct Web {
    /// Off where nothing is set.
    pub listen: Option<SocketAddr>,
    pub base_url: Option<BaseUrl>,
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Balancers, whose connections begin with a PROXY header that tells whose they are.
    pub proxies: Networks,
}

impl Web {
    /// What links begin with; nothing where no link is ever written.
    pub fn links_begin_with(&self) -> String {
        let base_url = self.base_url.as_ref();
        base_url.map(ToString::to_string).unwrap_or_default()
    }
}

/// The beginning of every link: scheme, host, port, and a path where a proxy serves more than this page from one host;
/// without a slash at its end. It comes from the configuration and never from a request, whose headers anybody can
/// write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The page of training mode, on this machine.
    pub fn of_this_machine(at: SocketAddr) -> Self {
        Self(format!("http://{at}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether links lead over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host, without port, path and brackets.
    pub fn host(&self) -> &str {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let authority = rest.split('/').next().unwrap_or_default();
        match authority.strip_prefix('[') {
            Some(inner) => inner.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// Reads `https://lpse.contoh.go.id`, with a port and a path if need be. Plain `http` is for this machine only: whoever
    /// listens on the way could take the link and use it first.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let (scheme, rest) = text.split_once("://").ok_or("")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"/-._~".contains(&c);
        if !path.bytes().all(plain)
            || path.ends_with('/')
            || path.contains("//")
            || path.contains("/.")
        {
            return Err("");
        }
        let scheme = scheme.to_ascii_lowercase();
        let rest = authority.to_ascii_lowercase();
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (host, after) = inner.split_once(']').ok_or("")?;
                host.parse::<Ipv6Addr>().map_err(|_| "")?;
                (host, after)
            }
            None => {
                let end = rest.find(':').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        if let Some(port) = port.strip_prefix(':') {
            port.parse::<u16>().map_err(|_| "")?;
        } else if !port.is_empty() {
            return Err("");
        }
        if !rest.starts_with('[') && !is_domain(host) {
            return Err("");
        }
        match scheme.as_str() {
            "https" => {}
            "http" if is_this_machine(host) => {}
            "http" => return Err("whoever listens on the way could use the link first"),
            _ => return Err(""),
        }
        Ok(Self(format!("{scheme}://{rest}{path}")))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether the text is a domain: labels of letters, digits and hyphens, with full stops between them.
fn is_domain(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let mut labels = text.split('.');
    labels.all(|label| !label.is_empty() && label.bytes().all(plain))
}

/// Whether a machine can call itself so to a mail server: a domain, or an address as RFC 5321 section 4.1.3 writes it.
pub(super) fn is_hello(text: &str) -> bool {
    let literal = |text: &str| match text.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok(),
    };
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inner) => literal(inner),
        None => is_domain(text),
    }
}

/// The name of a machine, if it is its full one, by which others know it: what has no domain, or the one of no machine
/// in particular, says nothing to a mail server.
pub fn full_name(node: &str) -> Option<String> {
    let (_, domain) = node.split_once('.')?;
    let everywhere = ["localdomain", "localhost"];
    let is_everywhere = |name: &str| everywhere.contains(&name.to_ascii_lowercase().as_str());
    (is_domain(node) && !domain.split('.').any(is_everywhere)).then(|| node.to_owned())
}

/// Whether a host is this machine by its very name.
pub(super) fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_calls_itself_by_its_full_name_or_an_address() {
        for text in [
            "loket-1.contoh.go.id",
            "localhost",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
        ] {
            assert!(is_hello(text), "{text}");
        }
        for text in [
            "",
            "dua kata",
            "a..b",
            ".a",
            "192.0.2.1]",
            "[loket]",
            "[2001:db8::1]",
            "a\r\nMAIL",
            "lokèt",
        ] {
            assert!(!is_hello(text), "{text:?}");
        }
        let known = full_name("loket-1.contoh.go.id");
        assert_eq!(known.as_deref(), Some("loket-1.contoh.go.id"));
        for node in [
            "",
            "loket-1",
            "localhost.localdomain",
            "loket.LOCALDOMAIN",
            "a_b.contoh.id",
            "loket.",
        ] {
            assert_eq!(full_name(node), None, "{node:?}");
        }
    }

    #[test]
    fn a_base_url_is_scheme_host_and_port_and_safe() {
        for (text, kept) in [
            ("https://lpse.contoh.go.id", "https://lpse.contoh.go.id"),
            (
                "HTTPS://LPSE.contoh.go.id:8443/",
                "https://lpse.contoh.go.id:8443",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://localhost", "http://localhost"),
            (
                "https://contoh.go.id/Eproc4/",
                "https://contoh.go.id/Eproc4",
            ),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().as_str(), kept);
        }
        for text in [
            "",
            "lpse.contoh.go.id",
            "http://lpse.contoh.go.id",
            "http://127.0.0.1.contoh.id",
            "http://localhost@contoh.id",
            "https://",
            "https://a/b c",
            "https://a//",
            "https://a//b",
            "https://a/../b",
            "https://a?b",
            "https://a b",
            "https://user@a",
            "https://a:99999",
            "https://[::1",
            "https://[::1]x",
            "javascript://a",
            "https://a\r\nBcc: b",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text:?}");
        }
    }
}
