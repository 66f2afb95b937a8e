//! Who is asking, when a proxy of ours may stand between.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use super::http::Peer;
use crate::domain::{Source, network::Networks};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word about others is taken.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Networks);

impl TrustedProxies {
    pub fn new(networks: Networks) -> Self {
        Self(networks)
    }

    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.holds(address)
    }

    /// The source of a request. From a trusted proxy it is the right-most address of `X-Forwarded-For` that is none of
    /// ours: what stands further left was written by whoever that is. From anybody else the header means nothing, and
    /// where it makes no sense the proxy itself is the source.
    pub fn source(&self, peer: Peer, headers: &HeaderMap) -> Source {
        let address = if self.holds(peer.0) {
            self.forwarded(headers).unwrap_or(peer.0)
        } else {
            peer.0
        };
        Source::Peer(address.to_canonical())
    }

    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        for line in lines.into_iter().rev() {
            for part in line.to_str().ok()?.rsplit(',') {
                let address = parse(part.trim())?;
                if !self.holds(address) {
                    return Some(address);
                }
            }
        }
        None
    }
}

/// An address, which some proxies write with the port.
fn parse(text: &str) -> Option<IpAddr> {
    text.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn source(peer: &str, forwarded: &[&'static str]) -> String {
        let proxies = Networks::parse("10.0.0.1, 10.0.0.2, ::1").unwrap();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(X_FORWARDED_FOR, line);
        }
        let peer = Peer(peer.parse().unwrap());
        TrustedProxies::new(proxies)
            .source(peer, &headers)
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_about_its_own_neighbour() {
        assert_eq!(source("203.0.113.5", &["198.51.100.9"]), "203.0.113.5");
        assert_eq!(source("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(source("::ffff:10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(
            source("10.0.0.1", &["1.2.3.4, 198.51.100.9, 10.0.0.2"]),
            "198.51.100.9"
        );
        assert_eq!(
            source("10.0.0.1", &["1.2.3.4", "198.51.100.9", "10.0.0.2"]),
            "198.51.100.9"
        );
        assert_eq!(source("10.0.0.1", &["198.51.100.9:4711"]), "198.51.100.9");
        assert_eq!(source("::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
    }

    #[test]
    fn what_makes_no_sense_leaves_the_proxy_as_the_source() {
        for forwarded in [
            &[][..],
            &[""],
            &["unknown"],
            &["198.51.100.9, "],
            &["198.51.100.9, <script>"],
            &["198.51.100.9", "garbage"],
            &["10.0.0.2"],
            &["198.51.100.9\u{e9}"],
        ] {
            assert_eq!(source("10.0.0.1", forwarded), "10.0.0.1", "{forwarded:?}");
        }
    }
}
