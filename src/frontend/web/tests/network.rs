//! The page on real sockets: strangers who say nothing, too much or too slowly, and TLS.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::*;
use crate::frontend::web::tls_config;

/// The page, listening.
struct Served {
    address: SocketAddr,
    resets: Arc<FakeResets>,
    leave: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Served {
    fn with(change: impl FnOnce(&mut Web)) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (resets, _, web) = web("https://lpse.contoh.go.id", change);
        let (leave, left) = watch::channel(false);
        Self {
            address,
            resets,
            leave,
            server: tokio::spawn(web.serve(listener, left)),
        }
    }

    /// A connection from another address of this machine.
    async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::from(([127, 0, 0, last], 0)))
            .unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// What an honest browser at another address gets.
    async fn honest(&self) -> String {
        let mut stream = self.connect_from(77).await;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            path()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        until_end(&mut stream).await
    }
}

/// All that comes until the other side closes, however it closes.
async fn until_end(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut all = Vec::new();
    let mut part = [0; 4096];
    while let Ok(Ok(read @ 1..)) = timeout(Duration::from_secs(20), stream.read(&mut part)).await {
        all.extend_from_slice(&part[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn short(web: &mut Web) {
    web.limits.serving.head = Duration::from_millis(300);
    web.limits.serving.request = Duration::from_millis(300);
    web.limits.serving.connection = Duration::from_secs(2);
    web.limits.serving.handshake = Duration::from_millis(300);
}

#[tokio::test]
async fn whoever_never_finishes_is_hung_up_on() {
    let served = Served::with(short);
    let post = "POST /proc4user/resettotp HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\nkode=";
    for (said, answer) in [
        ("", ""),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: ", ""),
        (post, "HTTP/1.1 408"),
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let began = Instant::now();
        let got = until_end(&mut stream).await;
        assert!(began.elapsed() < Duration::from_secs(8), "{said:?}");
        assert!(got.starts_with(answer), "{said:?}: {got}");
    }
    // One header line after another, each in time: the head as a whole has its time, and so has the connection.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let began = Instant::now();
    while stream.write_all(b"X-A: b\r\n").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(8), "still listening");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(served.honest().await.contains("PP**0"));
}

#[tokio::test]
async fn a_connection_ends_after_its_time_however_busy() {
    let served = Served::with(short);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let began = Instant::now();
    let mut part = [0; 65536];
    let mut answers = 0;
    while stream
        .write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .is_ok()
    {
        match stream.read(&mut part).await {
            Ok(1..) => answers += 1,
            _ => break,
        }
        assert!(began.elapsed() < Duration::from_secs(8), "still answering");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(answers > 3);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let served = Served::with(|_| {});
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n",
        "a".repeat(64 * 1024)
    );
    let _ = stream.write_all(request.as_bytes()).await;
    let answer = until_end(&mut stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    assert!(!answer.contains("\r\nserver:"));
}

#[tokio::test]
async fn a_thousand_idle_connections_of_one_or_of_many_sources_keep_nobody_out() {
    for per_source in [16, 1000] {
        let served = Served::with(|web| web.limits.serving.connections_per_source = per_source);
        let mut idle = Vec::new();
        for n in 0..1000_u32 {
            let last = u8::try_from(n % 50 + 2).unwrap();
            idle.push(
                served
                    .connect_from(if per_source == 16 { 2 } else { last })
                    .await,
            );
        }
        let began = Instant::now();
        let answer = served.honest().await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("PP**0"),
            "{answer}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        drop(idle);
    }
}

#[tokio::test]
async fn it_leaves_when_asked_and_ends_what_is_being_answered() {
    let served = Served::with(|web| web.limits.serving.goodbye = Duration::from_millis(500));
    let _idle = TcpStream::connect(served.address).await.unwrap();
    assert!(served.honest().await.contains("PP**0"));
    *served.resets.mood.lock().unwrap() = Mood::Stalls;
    let mut stalled = TcpStream::connect(served.address).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path());
    stalled.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.leave.send(true).unwrap();
    let ended = timeout(Duration::from_secs(5), served.server).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    assert!(TcpStream::connect(served.address).await.is_err());
    assert_eq!(until_end(&mut stalled).await, "");
}

/// What others may read in another way is refused: a request without a host or with two, and lines without a return.
#[tokio::test]
async fn a_head_that_others_could_read_otherwise_is_refused() {
    let served = Served::with(|_| {});
    let path = path();
    let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let post = format!(
        "POST {LINK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 7\r\n\r\nkode=\n\n"
    );
    let chunked = format!(
        "POST {LINK_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n\r\n7\r\nkode=\n\n\r\n0\r\n\r\n"
    );
    let close = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (said, statuses) in [
        (get.replace("Host: x\r\n", ""), &[400][..]),
        (get.replace("Host: x", "Host: x\r\nHost: x"), &[400]),
        (get.replace("Host: x", "Host: x y"), &[400]),
        (get.replace("\r\n", "\n"), &[400]),
        (get.replacen("\r\n", "\n", 1), &[400]),
        (get.replace("x\r\n\r\n", "x\r\n\n"), &[400]),
        (get.replace("Host: x", "X-A: b\nHost: x"), &[400]),
        (format!("\n{get}"), &[400]),
        (get.replace("Host: x\r\n", "Host: x\r"), &[400]),
        // No second request is read behind one that is refused, nor is one that would be.
        (format!("{}{get}", get.replace("Host: x\r\n", "")), &[400]),
        (format!("{}{get}", get.replace("\r\n\r\n", "\n\n")), &[400]),
        (format!("{get}{}", get.replace("\r\n", "\n")), &[200]),
        // What is a form's own is no line.
        (format!("{post}{close}"), &[400, 404]),
        (format!("{post}{}", close.replace("\r\n", "\n")), &[400]),
        // Where others might see another end of it, nothing follows.
        (format!("{chunked}{close}"), &[400]),
        (format!("\r\n{get}{close}"), &[200, 404]),
        (
            get.replace(&path, &format!("http://lpse.contoh.go.id{path}"))
                .replace("Host: x\r\n", ""),
            &[400],
        ),
        (
            get.replace("HTTP/1.1", "HTTP/1.0")
                .replace("Host: x\r\n", ""),
            &[200],
        ),
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = until_end(&mut stream).await;
        let got: Vec<u16> = answer
            .split("HTTP/1.")
            .skip(1)
            .map(|answer| answer[2..5].parse().unwrap())
            .collect();
        assert_eq!(got, statuses, "{said:?}: {answer}");
    }
}

/// A client that trusts `certificate` and knows what `provider` does.
fn browser(certificate: &str, provider: CryptoProvider) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A page with a certificate of its own, and that.
fn with_certificate(change: impl FnOnce(&mut Web)) -> (Served, String) {
    let made = rcgen::generate_simple_self_signed(["lpse.contoh.go.id".into()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = tls_config(certificate.as_bytes(), key.as_bytes()).unwrap();
    let served = Served::with(|web| {
        short(web);
        web.settings.tls = Some(Arc::new(move || tls.clone()));
        change(web);
    });
    (served, certificate)
}

#[tokio::test]
async fn slow_key_exchanges_and_keys_renewed_without_end_are_refused() {
    let hour = Duration::from_secs(3600);
    let (served, certificate) = with_certificate(|web| {
        web.limits.serving.head = hour;
        web.limits.serving.connection = hour;
        web.limits.serving.handshake = hour;
    });
    let name = ServerName::try_from("lpse.contoh.go.id").unwrap();
    let slow = CryptoProvider {
        kx_groups: vec![ring::kx_group::SECP384R1],
        ..ring::default_provider()
    };
    let stream = TcpStream::connect(served.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(browser(&certificate, slow)));
    assert!(connector.connect(name.clone(), stream).await.is_err());
    // TLS 1.3's key updates (RFC 8446 section 4.6.3).
    let stream = TcpStream::connect(served.address).await.unwrap();
    let usual = browser(&certificate, ring::default_provider());
    let connector = TlsConnector::from(Arc::new(usual));
    let mut stream = connector.connect(name, stream).await.unwrap();
    for _ in 0..100 {
        let (_, connection) = stream.get_mut();
        connection.refresh_traffic_keys().unwrap();
        if stream.flush().await.is_err() {
            break;
        }
    }
    let ended = timeout(Duration::from_secs(20), stream.read_u8()).await;
    assert!(
        ended.is_ok_and(|read| read.is_err()),
        "the connection goes on"
    );
}

#[tokio::test]
async fn handshakes_of_one_source_are_counted_and_a_proxys_are_not() {
    for (proxies, let_in) in [("", 3), ("127.0.0.1", 5)] {
        let (served, certificate) = with_certificate(|web| {
            web.limits.serving.handshakes_a_minute = 3;
            web.settings.trusted_proxies = Networks::parse(proxies).unwrap();
        });
        let mut shaken = 0;
        for _ in 0..5 {
            let stream = TcpStream::connect(served.address).await.unwrap();
            let client = browser(&certificate, ring::default_provider());
            let name = ServerName::try_from("lpse.contoh.go.id").unwrap();
            let connector = TlsConnector::from(Arc::new(client));
            shaken += usize::from(connector.connect(name, stream).await.is_ok());
        }
        assert_eq!(shaken, let_in);
    }
}

#[tokio::test]
async fn its_own_certificate_is_really_served() {
    let (served, certificate) = with_certificate(|_| {});
    let client = browser(&certificate, ring::default_provider());
    let connector = TlsConnector::from(Arc::new(client));
    let stream = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from("lpse.contoh.go.id").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        path()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = until_end(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("PP**0"),
        "{answer}"
    );
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"));
    assert!(!answer.to_lowercase().contains("\r\nserver:"));
    // Plain HTTP and silence end with the handshake's time.
    for said in ["GET / HTTP/1.1\r\n\r\n", ""] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        assert!(!until_end(&mut stream).await.contains("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn connections_of_one_source_count_together_unless_it_is_a_proxy() {
    let count = async |served: &Served| {
        let mut answered = 0;
        let mut held = Vec::new();
        for _ in 0..8 {
            let mut stream = served.connect_from(9).await;
            let _ = stream
                .write_all(b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n")
                .await;
            let mut part = [0; 16];
            if let Ok(12..) = stream.read(&mut part).await {
                answered += 1;
            }
            held.push(stream);
        }
        answered
    };
    let served = Served::with(|web| web.limits.serving.connections_per_source = 4);
    assert_eq!(count(&served).await, 4);
    let served = Served::with(|web| {
        web.limits.serving.connections_per_source = 4;
        web.settings.trusted_proxies = Networks::parse("127.0.0.9").unwrap();
    });
    assert_eq!(count(&served).await, 8);
}

#[tokio::test]
async fn a_declared_balancer_tells_who_asks_before_tls() {
    let (served, certificate) = with_certificate(|web| {
        web.limits.serving.handshakes_a_minute = 1;
        web.settings.proxies = Networks::parse("127.0.0.9").unwrap();
    });
    // What a browser gets that comes from `last`, behind `header`.
    let ask = async |last: u8, header: &[u8]| {
        let mut stream = served.connect_from(last).await;
        stream.write_all(header).await.unwrap();
        let client = browser(&certificate, ring::default_provider());
        let name = ServerName::try_from("lpse.contoh.go.id").unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let Ok(mut stream) = connector.connect(name, stream).await else {
            return String::new();
        };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            path()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        until_end(&mut stream).await
    };
    let v1 = b"PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\n";
    let v2 =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x08\x7f\x00\x00\x01\xdc\x04\x01\xbb";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    let sources = || served.resets.sources.lock().unwrap().clone();
    assert!(ask(9, v1).await.starts_with("HTTP/1.1 200"));
    assert!(ask(9, v2).await.starts_with("HTTP/1.1 200"));
    let callers = ["192.0.2.7", "192.0.2.8"].map(|text| Source::Peer(text.parse().unwrap()));
    assert_eq!(sources(), callers);
    assert_eq!(ask(9, v1).await, "", "handshakes are counted by caller");
    for _ in 0..3 {
        let answer = ask(9, local).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
    for (last, header) in [
        // Without a header, with one behind the other, and from somebody who is no balancer.
        (9, &b""[..]),
        (9, &[&v2[..], v2].concat()),
        (9, &[&v1[..], v2].concat()),
        (8, v1),
        (7, v2),
        (6, local),
    ] {
        assert_eq!(ask(last, header).await, "", "{}", header.escape_ascii());
    }
    assert!(ask(5, b"").await.starts_with("HTTP/1.1 200"));
    let direct = Source::Peer("127.0.0.5".parse().unwrap());
    assert_eq!(sources()[2..], [direct], "no other has asked");
}

#[tokio::test]
async fn a_header_from_a_stranger_is_no_request() {
    let served = Served::with(short);
    for header in [
        &b"PROXY TCP4 192.0.2.7 127.0.0.1 56324 80\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x08\x7f\x00\x00\x01\xdc\x04\x00\x50",
    ] {
        let mut stream = served.connect_from(8).await;
        let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path());
        let bytes = [header, request.as_bytes()].concat();
        stream.write_all(&bytes).await.unwrap();
        let answer = until_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert!(served.resets.sources.lock().unwrap().is_empty());
}
