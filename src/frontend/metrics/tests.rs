//! Health and figures on a real socket, over a real store.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use tokio::task::JoinHandle;

use super::*;
use crate::{
    adapter::clock::SystemClock,
    assembly::{self, KeySource, Opened},
    config::{Config, StoreKind},
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
    },
    frontend::admission::counts::{Entrance, Reason},
};

/// A house with its metrics, listening.
struct Served {
    opened: Opened,
    counts: Counts,
    address: SocketAddr,
    leave: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
    _data: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data = data.path().to_owned();
        config.store = StoreKind::Redb;
        config.free_space_floor_mib = 0;
        let clock = Arc::new(SystemClock::start());
        let opened = assembly::open(&config, &KeySource::Ephemeral, clock.clone(), None).await;
        let opened = opened.unwrap();
        let counts = Counts::default();
        let metrics = Metrics {
            vitals: opened.vitals.clone(),
            counts: counts.clone(),
            outbox: opened.services.outbox.clone(),
            certificate_end: Some(CertificateEnd(Arc::new(|| {
                Timestamp::from_second(1_900_000_000).unwrap()
            }))),
            clock,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, left) = watch::channel(false);
        Self {
            opened,
            counts,
            address,
            leave,
            server: tokio::spawn(metrics.serve(listener, left)),
            _data: data,
        }
    }

    /// The whole answer to a request without a body.
    async fn ask(&self, request: &str) -> String {
        let (address, request) = (self.address, request.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        asked.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_a_word_and_nothing_but_reading_is_allowed() {
    let served = Served::start().await;
    let answer = served.ask("GET /healthz").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"),
        "{answer}"
    );
    let answer = served.ask("GET /readyz").await;
    assert!(
        answer.ends_with("\r\n\r\ndoors: ok\nstore: ok\naudit log: ok\n"),
        "{answer}"
    );
    for (request, status) in [
        ("GET /healthz?verbose", "200"),
        ("HEAD /readyz", "200"),
        ("HEAD /metrics", "200"),
        ("POST /healthz", "405"),
        ("DELETE /metrics", "405"),
        ("OPTIONS /metrics", "405"),
        ("GET /", "404"),
        ("POST /metrics/x", "404"),
    ] {
        let answer = served.ask(request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        let head = answer.to_lowercase();
        assert!(head.contains("\r\ncache-control: no-store\r\n"), "{answer}");
        assert!(
            !head.contains("\r\nserver:") && !head.contains(env!("CARGO_PKG_VERSION")),
            "{answer}"
        );
    }
    served.leave.send_replace(true);
    served.server.await.unwrap().unwrap();
    // Whoever asked keeps no store open.
    served.opened.close().await;
}

#[tokio::test]
async fn whoever_is_about_to_leave_is_not_healthy() {
    let served = Served::start().await;
    let desk = |leave: bool| {
        let metrics = Metrics {
            vitals: served.opened.vitals.clone(),
            counts: served.counts.clone(),
            outbox: served.opened.services.outbox.clone(),
            certificate_end: None,
            clock: Arc::new(SystemClock::start()),
        };
        let leave = watch::channel(leave).1;
        State(Arc::new(Desk {
            opened: Duration::ZERO,
            metrics,
            leave,
        }))
    };
    let told = async |leave| {
        let health = health(desk(leave)).await.status();
        assert_eq!(readiness(desk(leave)).await.status(), health);
        health
    };
    assert_eq!(told(false).await, StatusCode::OK);
    assert_eq!(told(true).await, StatusCode::SERVICE_UNAVAILABLE);
    served.counts.close();
    assert_eq!(
        told(false).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "people may finish, and nobody comes in"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_counted_and_no_label_holds_what_people_typed() {
    let served = Served::start().await;
    let open = [
        served.counts.enter(Entrance::Ssh),
        served.counts.enter(Entrance::Ssh),
    ];
    served.counts.refuse(Reason::NoPty);
    served.opened.vitals.acts.count(&AuditEvent::new(
        Act::CheckPassword,
        AuditOutcome::Refused("unknown-account".into()),
        &Source::Console("loket\"1\n".into()),
    ));
    let text = served.ask("GET /metrics").await;
    let (head, text) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(Form::OpenMetrics.content_type()), "{head}");
    for line in [
        "lpse_kiosk_open_sessions{door=\"ssh\"} 2",
        "lpse_kiosk_open_sessions{door=\"console\"} 0",
        "lpse_kiosk_sessions_total{door=\"ssh\"} 2",
        "lpse_kiosk_ssh_refused_total{reason=\"no_pty\"} 1",
        "lpse_kiosk_ssh_refused_total{reason=\"limit\"} 0",
        "lpse_kiosk_acts_total{act=\"check-password\",outcome=\"refused\",from=\"console\"} 1",
        "lpse_kiosk_acts_total{act=\"login\",outcome=\"done\",from=\"network\"} 0",
        "lpse_kiosk_hashes_waiting 0",
        "lpse_kiosk_hashes_refused_total 0",
        "lpse_kiosk_hash_wait_seconds_bucket{le=\"0.001\"} 0",
        "lpse_kiosk_hash_wait_seconds_bucket{le=\"+Inf\"} 0",
        "# TYPE lpse_kiosk_commit_seconds histogram",
        "lpse_kiosk_letters{stage=\"due\"} 0",
        "lpse_kiosk_oldest_letter_seconds{stage=\"due\"} 0",
        "# TYPE lpse_kiosk_uptime_seconds gauge",
        "lpse_kiosk_certificate_end_seconds 1900000000",
        "lpse_kiosk_audit_log_up 1",
        "lpse_kiosk_store_up 1",
        "lpse_kiosk_store_floor_bytes 0",
        "# TYPE lpse_kiosk_clock_seconds gauge",
        "# UNIT lpse_kiosk_store_free_bytes bytes",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(
        !text.contains("unknown-account") && !text.contains("loket"),
        "{text}"
    );
    drop(open);
    let text = served.ask("GET /metrics").await;
    assert!(
        text.contains("lpse_kiosk_open_sessions{door=\"ssh\"} 0\n"),
        "{text}"
    );
}
