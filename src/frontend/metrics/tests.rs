//! Health and figures on a real socket, over a real store.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
};

use tokio::task::JoinHandle;

use super::*;
use crate::{
    adapter::{
        audit_log::verified::{self, Verdict},
        clock::SystemClock,
    },
    assembly::{self, KeySource, Opened},
    config::{Config, StoreKind},
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
    },
    frontend::admission::counts::{Entrance, Reason},
    session::durations::Check,
    store::settings::Settings,
};

/// A house with its metrics, listening.
struct Served {
    opened: Opened,
    counts: Counts,
    address: SocketAddr,
    verified: PathBuf,
    leave: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
    _data: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    async fn start_with(token: Option<TokenInForce>) -> Self {
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
            survey: opened.services.survey.clone(),
            audit_verified: config.audit_verified_file(),
            members: None,
            certificates: Certificates {
                page: Some(CertificateEnd(Arc::new(|| {
                    Timestamp::from_second(1_900_000_000).unwrap()
                }))),
                metrics: None,
            },
            clock,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, left) = watch::channel(false);
        let door = Door {
            listener: listener.into(),
            tls: None,
            token,
            is_for_strangers: false,
        };
        Self {
            opened,
            counts,
            address,
            verified: config.audit_verified_file(),
            leave,
            server: tokio::spawn(metrics.serve(door, left)),
            _data: data,
        }
    }

    /// The whole answer to a request without a body.
    async fn ask(&self, request: &str) -> String {
        self.ask_with(request, "X-Nothing: 0").await
    }

    /// The same, to a request with this header.
    async fn ask_with(&self, request: &str, header: &str) -> String {
        let (address, request) = (self.address, request.to_owned());
        let header = header.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let request =
                format!("{request} HTTP/1.1\r\nHost: x\r\n{header}\r\nConnection: close\r\n\r\n");
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
            survey: served.opened.services.survey.clone(),
            audit_verified: PathBuf::new(),
            members: None,
            certificates: Certificates::default(),
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
    let waits = served.counts.waits(Entrance::Ssh, Duration::ZERO);
    waits.first_screen.note(Duration::from_secs(7));
    waits.login.note(Check::Code, Duration::from_millis(250));
    served
        .opened
        .vitals
        .conversations
        .note(Duration::from_secs(2));
    served
        .opened
        .services
        .survey
        .count_accounts()
        .await
        .unwrap();
    Settings::new(served.opened.foundation.store.clone())
        .set_last_backup(Timestamp::from_second(1_800_000_000).unwrap())
        .await
        .unwrap();
    let noted = served.verified.clone();
    verified::note(
        &noted,
        Timestamp::from_second(1_700_000_000).unwrap(),
        Verdict::Whole,
    )
    .unwrap();
    verified::note(
        &noted,
        Timestamp::from_second(1_700_000_007).unwrap(),
        Verdict::Broken,
    )
    .unwrap();
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
        "lpse_kiosk_first_screen_seconds_count{door=\"ssh\"} 1",
        "lpse_kiosk_first_screen_seconds_bucket{le=\"5.0\",door=\"ssh\"} 0",
        "lpse_kiosk_first_screen_seconds_bucket{le=\"10.0\",door=\"ssh\"} 1",
        "lpse_kiosk_first_screen_seconds_count{door=\"attached\"} 0",
        "lpse_kiosk_login_check_seconds_sum{check=\"code\"} 0.25",
        "lpse_kiosk_login_check_seconds_count{check=\"password\"} 0",
        "lpse_kiosk_mail_conversation_seconds_sum 2.0",
        "lpse_kiosk_accounts{user_type=\"penyedia\",totp=\"off\"} 0",
        "lpse_kiosk_accounts{user_type=\"non-penyedia\",totp=\"active\"} 0",
        "lpse_kiosk_last_backup_seconds 1800000000",
        "lpse_kiosk_last_audit_verify_seconds 1700000007",
        "lpse_kiosk_last_audit_verdict{verdict=\"broken\"} 1",
        "lpse_kiosk_last_audit_verdict{verdict=\"whole\"} 0",
        "lpse_kiosk_audit_last_whole_seconds 1700000000",
        "lpse_kiosk_letters{stage=\"due\"} 0",
        "lpse_kiosk_oldest_letter_seconds{stage=\"due\"} 0",
        "# TYPE lpse_kiosk_uptime_seconds gauge",
        "lpse_kiosk_certificate_end_seconds{of=\"web\"} 1900000000",
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_there_is_one_answer_and_a_word_for_balancers() {
    const TOKEN: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    let token = Token::parse(TOKEN).unwrap();
    let served = Served::start_with(Some(Arc::new(move || token.clone()))).await;
    let mut refused = BTreeSet::new();
    for request in [
        "GET /metrics",
        "GET /",
        "GET /metrics/../healthz",
        "POST /healthz",
        "DELETE /metrics",
        "GET /healthz/",
    ] {
        let answer = served.ask(request).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{request}: {answer}");
        let is_date = |line: &&str| line.to_lowercase().starts_with("date:");
        let lines = answer.lines().filter(|line| !is_date(line));
        refused.insert(lines.collect::<Vec<_>>().join("\n"));
    }
    let answer = refused.first().unwrap();
    assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    assert!(answer.contains("cache-control: no-store"), "{answer}");
    assert_eq!(refused.len(), 1, "{refused:?}");
    served.counts.close();
    for look in ["GET /healthz", "GET /readyz"] {
        let answer = served.ask(look).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nunavailable\n"), "{answer}");
    }
    let shown = format!("Authorization: Bearer {TOKEN}");
    let answer = served.ask_with("GET /healthz", &shown).await;
    assert!(answer.ends_with("\r\n\r\nleaving\n"), "{answer}");
    // So many as nobody needs.
    let is_refused = async || {
        for _ in 0..admission::A_MINUTE {
            let answer = served.ask("GET /metrics").await;
            if answer.starts_with("HTTP/1.1 429 ") {
                return true;
            }
        }
        false
    };
    assert!(is_refused().await);
    // Whoever has the token comes from the same address.
    let answer = served.ask_with("GET /metrics", &shown).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
