//! Looking at the page in every way there is: nothing changes, nothing of a request is believed or kept.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use super::{
    pages::{has_all_headers, is_whole_page},
    *,
};

#[tokio::test]
async fn looking_changes_nothing_as_often_as_a_scanner_looks() {
    let office = Office::new();
    let mut heads = 0;
    for round in 0..200 {
        let method = if round % 2 == 0 { "GET" } else { "HEAD" };
        let request = Request::builder().method(method).uri(path()).header(
            "user-agent",
            "Mozilla/5.0 (compatible; MailScanner/5.4; +http://scanner.example)",
        );
        let answer = office.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK);
        has_all_headers(&answer, true);
        if method == "HEAD" {
            assert!(answer.body.is_empty() && answer.header("content-length").len() > 3);
            heads += 1;
        }
    }
    assert_eq!((heads, office.confirmed()), (100, 0));
    assert_eq!(office.get(&path()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_header_of_a_request_finds_its_way_into_a_page() {
    let office = Office::new();
    let plain = office.get(&path()).await;
    let variants = [
        ("host", "jahat.example"),
        ("host", "jahat.example:8443"),
        ("x-forwarded-host", "jahat.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/jahat"),
        ("x-forwarded-for", "198.51.100.9"),
        ("forwarded", "host=jahat.example;proto=http"),
        ("x-original-url", "/jahat"),
        ("x-rewrite-url", "/jahat"),
        ("referer", "https://jahat.example/"),
        ("accept-language", "en-US"),
        ("cookie", "bahasa=en"),
    ];
    for (name, value) in variants {
        let request = Request::get(path()).header(name, value);
        let answer = office.send(request.body(Body::empty()).unwrap()).await;
        // The clock stands still, so that even the anti-forgery value is the same.
        assert_eq!(answer.body, plain.body, "{name}: {value}");
        assert_eq!(answer.headers, plain.headers, "{name}: {value}");
    }
    let absolute = office.get(&format!("http://jahat.example{}", path())).await;
    assert_eq!(absolute.body, plain.body);
}

#[tokio::test]
async fn too_many_requests_of_one_source_get_a_page_that_says_so() {
    let office = Office::with("https://lpse.contoh.go.id", |web| {
        web.limits.requests_a_minute = 3
    });
    for _ in 0..3 {
        assert_eq!(office.get("/").await.status, StatusCode::NOT_FOUND);
    }
    let answer = office.get(&format!("{}&bahasa=en", path())).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    is_whole_page(&answer, "en", true);
    assert_eq!(answer.header("retry-after"), "60");
    office.clock.0.fetch_add(60, SeqCst);
    assert_eq!(office.get(&path()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_asks() {
    for (trusted, expected) in [
        ("203.0.113.5", "198.51.100.9"),
        ("203.0.113.6", "203.0.113.5"),
    ] {
        let office = Office::with("https://lpse.contoh.go.id", |web| {
            web.settings.trusted_proxies = Networks::parse(trusted).unwrap();
        });
        let request = Request::get(path()).header("x-forwarded-for", "1.1.1.1, 198.51.100.9");
        office.send(request.body(Body::empty()).unwrap()).await;
        let sources = office.resets.sources.lock().unwrap();
        assert_eq!(
            sources.as_slice(),
            [Source::Peer(expected.parse().unwrap())]
        );
    }
}

/// Keeps what is logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn neither_token_nor_address_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let way = async || {
        let office = Office::new();
        let first = office.get(&path()).await;
        let second = office.post(&first.form()).await;
        office.set_mood(Mood::Unavailable);
        office.post(&second.form()).await;
        office.get(&format!("{}&userId=PPK31", path())).await;
    };
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(way());
        // Another test's thread may have been the first at a place that logs, and found nobody listening there.
        tracing::callsite::rebuild_interest_cache();
        runtime.block_on(way());
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("not available") && log.contains("answered"),
        "{log}"
    );
    for secret in [link().token.text().as_str(), "siti", "PPK30", "tanda"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// 100,000 hostile query strings: always a page, never a panic. The generator is a fixed one (SplitMix64), so
/// that a failure can be looked at again.
#[tokio::test]
async fn a_hundred_thousand_hostile_query_strings_get_a_page() {
    let office = Office::new();
    let mut state = 20_200_813_u64;
    let mut next = |below: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    };
    let whole = link().query();
    let pieces = [
        "email=",
        "isRekanan=",
        "userId=",
        "kode=",
        "bahasa=",
        "langkah=",
        "tanda=",
        "&",
        "=",
        "%",
        "%00",
        "%0d%0a",
        "%ff",
        "%e2%80%ae",
        "<script>",
        "%3Cscript%3E",
        "\"><b>",
        "'--",
        "{wait}",
        "+",
        ";",
        "..%2f",
        "PPK30",
        "en",
        "siti%2Bspse%40contoh.go.id",
        "a4dqobyha4dqobyha4dqobyha4dqobyh",
        "\u{fffd}",
        "%F0%9F%A6%80",
        "[]",
        "\\",
    ];
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100_000 {
        let mut query = String::new();
        if next(3) == 0 {
            let cut = next(whole.len());
            query.push_str(&whole[..cut]);
            query.push_str(pieces[next(pieces.len())]);
            query.push_str(&whole[cut + next(2)..]);
        } else {
            for _ in 0..next(20) {
                query.push_str(pieces[next(pieces.len())]);
            }
        }
        // What cannot stand in an address at all does not reach the page.
        let Ok(request) = Request::get(format!("{LINK_PATH}?{query}")).body(Body::empty()) else {
            continue;
        };
        let answer = office.send(request).await;
        seen.insert(answer.status.as_u16());
        assert!(matches!(answer.status.as_u16(), 200 | 400 | 404), "{query}");
        assert!(answer.body.starts_with("<!DOCTYPE html>") && answer.body.ends_with("</html>\n"));
        assert!(
            !answer.body.contains("<script") && !answer.body.contains("<b>"),
            "{query}"
        );
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 400, 404]);
    assert_eq!(office.confirmed(), 0);
}
