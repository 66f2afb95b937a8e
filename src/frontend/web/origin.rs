//! Whether a form was sent from a page of ours, by what the browser itself says about it.
//!
//! A second line beside the anti-forgery value: neither header can be set by a page's script.

use axum::http::{HeaderMap, HeaderName, header::ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where the page is to be found, split into what browsers and links need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAddress {
    /// `https://lpse.contoh.go.id`, as browsers write an origin: small letters, no default port (RFC 6454 section 6.2).
    pub origin: String,
    /// What stands before the page's own path where the base URL has a path, without a slash at its end.
    pub prefix: String,
    pub is_https: bool,
}

impl PageAddress {
    /// Takes apart a base URL from the configuration, which has checked that it is one.
    pub fn new(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        Self {
            origin: format!("{scheme}://{authority}"),
            prefix: if path.chars().all(plain) {
                path.trim_end_matches('/').to_owned()
            } else {
                String::new()
            },
            is_https: scheme == "https",
        }
    }
}

/// Whether the browser says that a form comes from our own page, or says nothing.
///
/// `Sec-Fetch-Site` decides where it is sent (browsers do so to HTTPS and to this machine itself). Otherwise `Origin`
/// must be ours or `null`: our pages say `Referrer-Policy: no-referrer`, and under that policy a browser writes `null`
/// for its origin even in a form to the same site (Fetch, "append a request Origin header"). Old browsers send neither.
pub fn is_own(headers: &HeaderMap, base: &PageAddress) -> bool {
    let mut site = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if site.peek().is_some() {
        return site.all(|site| site == "same-origin");
    }
    headers
        .get_all(ORIGIN)
        .iter()
        .all(|origin| origin == "null" || origin.as_bytes() == base.origin.as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn own(sent: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        is_own(
            &headers,
            &PageAddress::new("https://LPSE.contoh.go.id:443/eproc4/"),
        )
    }

    #[test]
    fn only_what_comes_from_our_own_page_is_own() {
        for sent in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://lpse.contoh.go.id")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        ] {
            assert!(own(sent), "{sent:?}");
        }
        for sent in [
            &[("origin", "https://jahat.example")][..],
            &[("origin", "http://lpse.contoh.go.id")],
            &[("origin", "https://lpse.contoh.go.id.jahat.example")],
            &[("origin", "")],
            &[("origin", "null"), ("origin", "https://jahat.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "null")],
            &[("sec-fetch-site", "none")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(!own(sent), "{sent:?}");
        }
    }

    #[test]
    fn a_base_url_comes_apart_as_browsers_see_it() {
        let parts = |url| {
            let base = PageAddress::new(url);
            (base.origin, base.prefix, base.is_https)
        };
        let expected = |origin: &str, prefix: &str, https| (origin.into(), prefix.into(), https);
        assert_eq!(
            parts("https://LPSE.contoh.go.id:443/eproc4/"),
            expected("https://lpse.contoh.go.id", "/eproc4", true)
        );
        assert_eq!(
            parts("http://127.0.0.1:8080"),
            expected("http://127.0.0.1:8080", "", false)
        );
        assert_eq!(
            parts("http://[::1]:80"),
            expected("http://[::1]", "", false)
        );
        assert_eq!(parts("https://a.id/{x}").1, "");
    }
}
