//! Delivery of one letter: to a real mail server, and to servers that stall, refuse, hang up and lie at every step.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lettre::Message;
use lpse_kiosk::{
    domain::{
        AccountKey, EmailAddress, PersonName, Source, UserId, UserType,
        calendar::Zone,
        letter::{Letter, LetterId, LetterKind},
        reset::{ResetLink, ShortCode, TicketSecrets, Token},
    },
    mail::{
        message::{Sender, compose},
        transport::{DeliveryError, Security, Smtp, SmtpSettings, Transport},
    },
};
use mail_parser::MessageParser;
use support::smtp::{Authority, Certificate, MailServer};
use tokio_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use zeroize::Zeroizing;

/// Long enough for any answer that comes at all.
const PATIENT: Duration = Duration::from_secs(20);

const USER: &str = "kiosk";
const PASSWORD: &str = "kata sandi surat 7";

fn settings(port: u16, security: Security, authority: &str) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".into(),
        port,
        security,
        credentials: Some((USER.into(), Zeroizing::new(PASSWORD.into()))),
        extra_root: Some(authority.as_bytes().to_vec()),
        hello: None,
        step_timeout: PATIENT,
        letter_timeout: PATIENT,
    }
}

fn secrets() -> TicketSecrets {
    TicketSecrets {
        token: Token::from_bytes([7; Token::BYTES]),
        code: ShortCode::parse("ACDE-FGHJ-KMNP-QRTV").unwrap(),
    }
}

fn letter() -> Letter {
    let at: Timestamp = "2020-08-13T01:53:05Z".parse().unwrap();
    Letter {
        id: LetterId::new(at, [1; 8]),
        account: AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap()),
        name: PersonName::parse("Siti \"Ita\" Rahmawati, S.Kom. 李").unwrap(),
        address: EmailAddress::parse("siti+spse@contoh.go.id").unwrap(),
        kind: LetterKind::ResetRequested,
        at,
        from: Source::Console("loket-1".into()),
        good_until: at + Duration::from_secs(30 * 60),
    }
}

fn message() -> Message {
    let sender = Sender {
        office: "LPSE Kota Contoh".into(),
        address: EmailAddress::parse("lpse@contoh.go.id").unwrap(),
        base_url: "https://lpse.contoh.go.id".into(),
        zone: Zone::Wib,
    };
    compose(&letter(), Some(&secrets()), &sender).unwrap()
}

async fn deliver(settings: SmtpSettings, message: &Message) -> Result<(), DeliveryError> {
    Smtp::new(settings).unwrap().deliver(message, PATIENT).await
}

#[track_caller]
fn temporary(told: Result<(), DeliveryError>) -> String {
    match told {
        Err(DeliveryError::Temporary(reason)) => reason,
        other => panic!("expected a temporary failure, not {other:?}"),
    }
}

// A real server.

#[tokio::test]
async fn a_real_server_takes_the_letter_over_tls_after_a_login() {
    let server = MailServer::start();
    let settings = settings(server.port(), Security::StartTls, server.ca_pem());
    assert_eq!(deliver(settings, &message()).await, Ok(()));

    let raw = server.wait_for_letter(1);
    assert!(raw.contains("Envelope-to: siti+spse@contoh.go.id\n"));
    assert!(raw.contains("Return-path: <lpse@contoh.go.id>\n"));
    assert!(raw.contains("with esmtpsa"), "TLS and a login: {raw}");
    let parsed = MessageParser::default().parse(raw.as_bytes()).unwrap();
    assert_eq!(parsed.subject(), Some("Konfirmasi Permintaan Reset TOTP"));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!(to.name(), Some("Siti \"Ita\" Rahmawati, S.Kom. 李"));
    assert_eq!(to.address(), Some("siti+spse@contoh.go.id"));
    let link = ResetLink::new(letter().address, letter().account, secrets().token);
    let url = link.url("https://lpse.contoh.go.id");
    let text = parsed.body_text(0).unwrap();
    assert!(text.lines().any(|line| line == url.as_str()), "{text}");
    assert!(parsed.body_html(0).unwrap().contains("ACDE-FGHJ-KMNP-QRTV"));
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn a_real_server_says_later_never_and_wrong_password() {
    let server = MailServer::start();
    let settings = settings(server.port(), Security::StartTls, server.ca_pem());
    server.defer();
    let reason = temporary(deliver(settings.clone(), &message()).await);
    assert!(reason.contains("RCPT TO with 451 mailbox busy"), "{reason}");
    server.refuse();
    let Err(DeliveryError::Permanent(reason)) = deliver(settings.clone(), &message()).await else {
        panic!("refused for good");
    };
    assert!(
        reason.contains("RCPT TO with 550 no such mailbox"),
        "{reason}"
    );
    server.accept();

    let mut wrong = settings.clone();
    wrong.credentials = Some((USER.into(), Zeroizing::new("bukan ini".into())));
    let reason = temporary(deliver(wrong, &message()).await);
    assert!(reason.contains("AUTH with 535"), "{reason}");
    let mut stranger = settings.clone();
    stranger.extra_root = Some(Authority::new().pem().as_bytes().to_vec());
    let reason = temporary(deliver(stranger, &message()).await);
    assert!(reason.contains("certificate"), "{reason}");
    assert!(server.letters().is_empty());

    assert_eq!(deliver(settings, &message()).await, Ok(()));
    server.wait_for_letter(1);
}

// Servers of our own, with bad manners.

/// The moments at which a server can misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Banner,
    Ehlo,
    Helo,
    StartTls,
    Handshake,
    EhloUnderTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Letter,
    Quit,
}

impl Moment {
    const ALL: [Self; 11] = [
        Self::Banner,
        Self::Ehlo,
        Self::StartTls,
        Self::Handshake,
        Self::EhloUnderTls,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Letter,
        Self::Quit,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Says nothing more, and listens.
    Stall,
    /// 451.
    Later,
    /// 554.
    Never,
    HangUp,
    /// A line without an end.
    Endless,
    /// Lines without an end.
    EndlessLines,
    /// Something that is no reply at all.
    Nonsense,
    /// Refuses, and repeats what it was told.
    Repeat,
}

/// What is said at a moment.
type Words = (Moment, Vec<u8>);

/// A name, and what is said in it.
type Scene<'a> = (&'static str, &'a [(Moment, &'a [u8])]);

/// How a server behaves.
#[derive(Clone)]
struct Script {
    bad: Option<(Moment, Act)>,
    /// What it says instead of its usual words, in this order; it goes on as usual after it.
    instead: Arc<Mutex<Vec<Words>>>,
    /// It closes after that.
    closes_after: Option<Moment>,
    /// What it offers in answer to EHLO, in the clear and under TLS.
    offers: [&'static str; 2],
    /// What it sends after its answer to STARTTLS, before TLS begins.
    injected: &'static str,
    tls_at_once: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            bad: None,
            instead: Arc::default(),
            closes_after: None,
            offers: ["STARTTLS", "AUTH PLAIN LOGIN"],
            injected: "",
            tls_at_once: false,
        }
    }
}

impl Script {
    fn saying(instead: &[(Moment, &[u8])]) -> Self {
        let instead = instead
            .iter()
            .map(|(moment, said)| (*moment, said.to_vec()));
        Self {
            instead: Arc::new(Mutex::new(instead.collect())),
            ..Self::default()
        }
    }

    fn bad(moment: Moment, act: Act) -> Self {
        Self {
            bad: Some((moment, act)),
            ..Self::default()
        }
    }
}

/// What a server heard.
#[derive(Debug, Default)]
struct Heard {
    /// Every byte before TLS.
    plain: Vec<u8>,
    /// Every byte inside TLS.
    secret: Vec<u8>,
}

/// Whether the conversation goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    StartTls,
    Over,
}

struct ScriptedServer {
    port: u16,
    heard: JoinHandle<Heard>,
}

impl ScriptedServer {
    fn start(script: Script, certificate: &Certificate) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let chain =
            vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let heard = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut heard = Heard::default();
            // A client that goes away in the middle is what many of these servers are for.
            let _ = serve(stream, &script, Arc::new(tls), &mut heard);
            heard
        });
        Self { port, heard }
    }

    fn heard(self) -> Heard {
        self.heard.join().unwrap()
    }
}

fn serve(
    mut stream: TcpStream,
    script: &Script,
    tls: Arc<ServerConfig>,
    heard: &mut Heard,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENT))?;
    if !script.tls_at_once {
        let greeted = script.reply(&mut stream, &mut heard.plain, Moment::Banner, "220 uji\r\n")?;
        if greeted == Next::Over
            || script.talk(&mut stream, &mut heard.plain, false)? != Next::StartTls
        {
            return Ok(());
        }
    }
    if script.reply(&mut stream, &mut Vec::new(), Moment::Handshake, "")? == Next::Over {
        return Ok(());
    }
    let session = ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    if script.tls_at_once {
        script.reply(
            &mut stream,
            &mut heard.secret,
            Moment::Banner,
            "220 uji\r\n",
        )?;
    }
    script.talk(&mut stream, &mut heard.secret, true)?;
    Ok(())
}

impl Script {
    /// Answers as one should, or misbehaves.
    fn reply<S: Read + Write>(
        &self,
        stream: &mut S,
        heard: &mut Vec<u8>,
        moment: Moment,
        good: &str,
    ) -> io::Result<Next> {
        let odd = {
            let mut instead = self.instead.lock().unwrap();
            let place = instead.iter().position(|(when, _)| *when == moment);
            place.map(|place| instead.remove(place).1)
        };
        if odd.is_some() || self.closes_after == Some(moment) {
            stream.write_all(&odd.unwrap_or(good.into()))?;
            stream.flush()?;
            let closes = self.closes_after == Some(moment);
            return Ok(if closes { Next::Over } else { Next::GoOn });
        }
        let act = self.bad.filter(|(when, _)| *when == moment);
        let (text, next) = match act.map(|(_, act)| act) {
            None => (good.to_owned(), Next::GoOn),
            Some(Act::Later) => ("451 4.3.0 nanti\r\n".into(), Next::GoOn),
            Some(Act::Never) => ("554 5.7.1 tidak\u{1b}[31m\r\n".into(), Next::GoOn),
            Some(Act::Nonsense | Act::Repeat) => ("apa kabar\r\n".into(), Next::GoOn),
            Some(Act::HangUp) => return Ok(Next::Over),
            Some(Act::Stall) => {
                listen(stream, heard);
                return Ok(Next::Over);
            }
            Some(Act::Endless) => ("2".repeat(100_000), Next::Over),
            Some(Act::EndlessLines) => ("250-x\r\n".repeat(20_000), Next::Over),
        };
        stream.write_all(text.as_bytes())?;
        stream.flush()?;
        // Where TLS was to begin, the words above stand instead of it.
        if next == Next::Over || (moment == Moment::Handshake && act.is_some()) {
            listen(stream, heard);
            return Ok(Next::Over);
        }
        Ok(next)
    }

    fn talk<S: Read + Write>(
        &self,
        stream: &mut S,
        heard: &mut Vec<u8>,
        encrypted: bool,
    ) -> io::Result<Next> {
        loop {
            let line = read_line(stream, heard)?;
            let verb = line.split(' ').next().unwrap_or_default();
            let ehlo = format!("250-uji\r\n250 {}\r\n", self.offers[usize::from(encrypted)]);
            let start_tls = format!("220 mulai\r\n{}", self.injected);
            let (moment, good) = match verb {
                "EHLO" if encrypted => (Moment::EhloUnderTls, ehlo.as_str()),
                "EHLO" => (Moment::Ehlo, ehlo.as_str()),
                "HELO" => (Moment::Helo, "250 uji\r\n"),
                "STARTTLS" => (Moment::StartTls, start_tls.as_str()),
                "AUTH" if line == "AUTH LOGIN" => (Moment::Auth, "334 VXNlcm5hbWU6\r\n"),
                "AUTH" => (Moment::Auth, "235 masuk\r\n"),
                // What AUTH PLAIN says at once, asked for all the same.
                "AGtpb3NrAGthdGEgc2FuZGkgc3VyYXQgNw==" => (Moment::Auth, "235 masuk\r\n"),
                // The two lines of AUTH LOGIN.
                "a2lvc2s=" => (Moment::Auth, "334 UGFzc3dvcmQ6\r\n"),
                "a2F0YSBzYW5kaSBzdXJhdCA3" => (Moment::Auth, "235 masuk\r\n"),
                "MAIL" => (Moment::Mail, "250 ya\r\n"),
                "RCPT" => (Moment::Rcpt, "250 ya\r\n"),
                "DATA" => (Moment::Data, "354 silakan\r\n"),
                "." => (Moment::Letter, "250 diterima\r\n"),
                "QUIT" => (Moment::Quit, "221 sampai jumpa\r\n"),
                // A line of the letter.
                _ => continue,
            };
            if self.bad == Some((moment, Act::Repeat)) {
                write!(stream, "535 5.7.8 {line} kata sandi surat 7\r\n")?;
                continue;
            }
            let next = self.reply(stream, heard, moment, good)?;
            let refused = self.bad.is_some_and(|(when, _)| when == moment);
            match moment {
                _ if next == Next::Over => return Ok(Next::Over),
                Moment::StartTls if !refused => return Ok(Next::StartTls),
                Moment::Quit => return Ok(Next::Over),
                _ => {}
            }
        }
    }
}

fn read_line<S: Read>(stream: &mut S, heard: &mut Vec<u8>) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
        heard.push(byte[0]);
    }
    line.truncate(line.len() - 2);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Listens until the other end goes away.
fn listen<S: Read>(stream: &mut S, heard: &mut Vec<u8>) {
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        heard.extend_from_slice(&bytes[..count]);
    }
}

/// Nothing before TLS but greetings: no address, no password, no letter.
#[track_caller]
fn nothing_was_said_in_the_clear(heard: &Heard, scene: &str) {
    let plain = String::from_utf8_lossy(&heard.plain);
    for word in [
        "MAIL",
        "RCPT",
        "DATA",
        "AUTH",
        "contoh.go.id",
        "kode",
        "ACDE",
    ] {
        assert!(!plain.contains(word), "{scene}: {word} in {plain:?}");
    }
    for secret in [PASSWORD, "a2F0YS", "AGtpb3NrAGthd"] {
        assert!(!plain.contains(secret), "{scene}: {plain:?}");
    }
}

/// Every step, every act, all at once: each ends in time with the right answer, and in the clear nothing is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_misbehaves_at_any_step_gets_no_letter_and_holds_nobody_up() {
    let authority = Arc::new(Authority::new());
    let certificate = Arc::new(authority.certificate("localhost"));
    let acts = [
        Act::Stall,
        Act::Later,
        Act::Never,
        Act::HangUp,
        Act::Endless,
        Act::EndlessLines,
        Act::Nonsense,
    ];
    let scenes = Moment::ALL
        .into_iter()
        .flat_map(|moment| acts.map(|act| (moment, act)));
    let mut played = Vec::new();
    for (moment, act) in scenes {
        let (authority, certificate) = (Arc::clone(&authority), Arc::clone(&certificate));
        played.push(tokio::spawn(async move {
            let server = ScriptedServer::start(Script::bad(moment, act), &certificate);
            let mut settings = settings(server.port, Security::StartTls, authority.pem());
            // Short where it is waited for; long enough for a busy machine where the steps before must succeed.
            settings.letter_timeout = Duration::from_secs(4);
            if act == Act::Stall {
                settings.step_timeout = Duration::from_secs(4);
            }
            let before = Instant::now();
            let told = deliver(settings, &message()).await;
            (moment, act, told, before.elapsed(), server)
        }));
    }
    for scene in played {
        let (moment, act, told, took, server) = scene.await.unwrap();
        let scene = format!("{act:?} at {moment:?}: {told:?} after {took:?}");
        assert!(took < Duration::from_secs(15), "{scene}");
        let about_the_letter = matches!(
            moment,
            Moment::Mail | Moment::Rcpt | Moment::Data | Moment::Letter
        );
        match &told {
            // Of an answer without an end after the letter, the code has been heard.
            Ok(()) if act == Act::EndlessLines && moment == Moment::Letter => {}
            Ok(()) => assert_eq!(moment, Moment::Quit, "{scene}"),
            Err(DeliveryError::Unknown { was_answered, .. }) => {
                assert_eq!(moment, Moment::Letter, "{scene}");
                let said_something = matches!(act, Act::Endless | Act::Nonsense);
                assert_eq!(*was_answered, said_something, "{scene}");
            }
            Err(DeliveryError::Permanent(reason)) => {
                assert!(act == Act::Never && about_the_letter, "{scene}");
                assert!(reason.ends_with("554 5.7.1 tidak [31m"), "{scene}");
            }
            Err(DeliveryError::Temporary(reason)) => {
                assert!(moment != Moment::Quit, "{scene}");
                assert!(moment != Moment::Letter || act == Act::Later, "{scene}");
                assert!(!(act == Act::Never && about_the_letter), "{scene}");
                assert!(
                    reason.contains(&format!("localhost:{}", server.port)),
                    "{scene}"
                );
                assert!(!reason.contains(PASSWORD) && reason.len() < 300, "{scene}");
                if act == Act::Later && moment != Moment::Handshake {
                    assert!(reason.ends_with("451 4.3.0 nanti"), "{scene}");
                }
            }
        }
        let heard = tokio::task::spawn_blocking(|| server.heard());
        nothing_was_said_in_the_clear(&heard.await.unwrap(), &scene);
    }
}

#[tokio::test]
async fn a_good_server_hears_one_letter_whole_and_only_under_tls() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let message = message();
    let script = |offers, tls_at_once| Script {
        offers,
        tls_at_once,
        ..Script::default()
    };
    for (security, script) in [
        (Security::StartTls, Script::default()),
        (
            Security::StartTls,
            script(["STARTTLS", "AUTH LOGIN"], false),
        ),
        (Security::Tls, script(["", "AUTH PLAIN"], true)),
    ] {
        let server = ScriptedServer::start(script, &certificate);
        let told = deliver(settings(server.port, security, authority.pem()), &message).await;
        assert_eq!(told, Ok(()));
        let heard = server.heard();
        nothing_was_said_in_the_clear(&heard, "a good server");
        let secret = String::from_utf8(heard.secret).unwrap();
        assert!(secret.starts_with("EHLO [127.0.0.1]\r\nAUTH "), "{secret}");
        let raw = String::from_utf8(message.formatted()).unwrap();
        let wanted = format!(
            "MAIL FROM:<lpse@contoh.go.id>\r\nRCPT TO:<siti+spse@contoh.go.id>\r\nDATA\r\n{raw}.\r\nQUIT\r\n"
        );
        assert!(secret.ends_with(&wanted), "{secret}\n{wanted}");
        assert_eq!(secret.matches("MAIL FROM").count(), 1);
    }
}

/// What one server says and what came of it: whether it took the letter, and everything that it heard under TLS.
async fn played(
    script: Script,
    certificate: &Certificate,
    authority: &Authority,
) -> (Result<(), DeliveryError>, String) {
    let server = ScriptedServer::start(script, certificate);
    let mut settings = settings(server.port, Security::StartTls, authority.pem());
    // Long for what is said at once; what is never said costs the test this much.
    settings.letter_timeout = Duration::from_secs(3);
    let told = deliver(settings, &message()).await;
    let heard = tokio::task::spawn_blocking(|| server.heard());
    let heard = heard.await.unwrap();
    nothing_was_said_in_the_clear(&heard, "an odd server");
    (told, String::from_utf8(heard.secret).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_are_allowed_to_be_as_they_are_get_the_letter_once() {
    use Moment::*;
    let authority = Arc::new(Authority::new());
    let certificate = Arc::new(authority.certificate("localhost"));
    let long = [b"250 ".as_slice(), &[b'x'; 40_000], b"\r\n"].concat();
    let longer = [
        b"250-uji\r\n250-".as_slice(),
        &[b'x'; 5_000],
        b"\r\n250 AUTH PLAIN\r\n",
    ]
    .concat();
    let scenes: [Scene<'_>; 13] = [
        (
            "codes alone",
            &[
                (Banner, b"220\r\n"),
                (StartTls, b"220\r\n"),
                (Auth, b"235\r\n"),
                (Mail, b"250\r\n"),
                (Rcpt, b"250\r\n"),
                (Data, b"354\r\n"),
                (Letter, b"250\r\n"),
                (Quit, b"221\r\n"),
            ],
        ),
        (
            "other character sets",
            &[
                (Banner, b"220 Universit\xe9 de M\xe9xico\r\n"),
                (Auth, b"235 \xb5\xc7\xc2\xbc\xb3\xc9\xb9\xa6\r\n"),
                (Mail, b"250 \xff\xfe\r\n"),
                (Letter, b"250 \xd3\xca\xbc\xfe\r\n"),
            ],
        ),
        (
            "bare line feeds",
            &[
                (Banner, b"220-uji\n220 uji\n"),
                (Ehlo, b"250-uji\n250 STARTTLS\n"),
                (Letter, b"250 ya\n"),
            ],
        ),
        (
            "several lines",
            &[
                (Banner, b"220-uji\r\n220-\r\ntanpa kode\r\n220 uji\r\n"),
                (StartTls, b"220-\r\n220\r\n"),
                (Auth, b"235-ya\r\n235 masuk\r\n"),
                (Letter, b"250-ya\r\n250-ya\r\n250\r\n"),
            ],
        ),
        (
            "small letters",
            &[
                (Ehlo, b"250-uji\r\n250 starttls\r\n"),
                (
                    EhloUnderTls,
                    b"250-uji\r\n250-size 1000\r\n250 auth login plain\r\n",
                ),
            ],
        ),
        (
            "AUTH= alone, and questions without words",
            &[
                (EhloUnderTls, b"250-uji\r\n250 AUTH=LOGIN\r\n"),
                (Auth, b"334\r\n"),
                (Auth, b"334 \r\n"),
            ],
        ),
        (
            "questions that are no base64",
            &[
                (EhloUnderTls, b"250-uji\r\n250 AUTH LOGIN\r\n"),
                (Auth, b"334 Nama pengguna?\r\n"),
                (Auth, b"334-satu\r\n334 \xff\r\n"),
            ],
        ),
        ("a question after AUTH PLAIN", &[(Auth, b"334\r\n")]),
        ("an endless text", &[(Letter, &long)]),
        ("long lines", &[(EhloUnderTls, &longer)]),
        ("a line without its end", &[(Letter, b"250 ya")]),
        ("digits without an end", &[(Letter, b"250")]),
        (
            "lines of which the last is missing",
            &[(Letter, b"250-ya\r\n")],
        ),
    ];
    // Side by side, because some answers have no end that could be waited for.
    let mut rounds = tokio::task::JoinSet::new();
    for (scene, instead) in scenes {
        let script = Script::saying(instead);
        let (authority, certificate) = (Arc::clone(&authority), Arc::clone(&certificate));
        rounds.spawn(async move { (scene, played(script, &certificate, &authority).await) });
    }
    for (scene, (told, heard)) in rounds.join_all().await {
        assert_eq!(told, Ok(()), "{scene}: {heard}");
        assert_eq!(heard.matches("\r\n.\r\n").count(), 1, "{scene}: {heard}");
    }
    // The same, and the server is gone with its last byte.
    for said in [&b"250"[..], b"250 ya\r\n", b"250-ya\r\n", b"250 \xe9"] {
        let script = Script {
            closes_after: Some(Letter),
            ..Script::saying(&[(Letter, said)])
        };
        let (told, _) = played(script, &certificate, &authority).await;
        assert_eq!(told, Ok(()), "{said:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_known_after_the_letter_is_told_as_that() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    for (said, answered) in [
        (&b""[..], false),
        (b"ya, diterima\r\n", true),
        (b"25", true),
        (b"2500 ya\r\n", true),
    ] {
        let script = Script {
            closes_after: Some(Moment::Letter),
            ..Script::saying(&[(Moment::Letter, said)])
        };
        let (told, _) = played(script, &certificate, &authority).await;
        let Err(DeliveryError::Unknown { was_answered, .. }) = told else {
            panic!("{said:?}: {told:?}");
        };
        assert_eq!(was_answered, answered, "{said:?}");
    }
    // Words before the answer are no answer.
    let script = Script::saying(&[(Moment::Letter, b"sebentar\r\n250 ya\r\n")]);
    let (told, _) = played(script, &certificate, &authority).await;
    assert_eq!(told, Ok(()));
    for (said, word) in [
        (&b"451\r\n"[..], "451"),
        (b"421 \xe9\r\n", "421"),
        (b"452-penuh\r\n", "452"),
    ] {
        let script = Script {
            closes_after: Some(Moment::Letter),
            ..Script::saying(&[(Moment::Letter, said)])
        };
        let (told, _) = played(script, &certificate, &authority).await;
        let reason = temporary(told);
        assert!(reason.contains(word), "{reason}");
    }
}

#[tokio::test]
async fn a_server_that_leaves_at_any_time_is_tried_again_and_told_why() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    for moment in Moment::ALL {
        if matches!(moment, Moment::Handshake | Moment::Quit) {
            continue;
        }
        let script = Script {
            closes_after: Some(moment),
            ..Script::saying(&[(moment, b"421 surat tutup\r\n")])
        };
        let (told, heard) = played(script, &certificate, &authority).await;
        let reason = temporary(told);
        assert!(
            reason.ends_with("with 421 surat tutup"),
            "{moment:?}: {reason}"
        );
        assert!(!heard.contains("QUIT"), "{moment:?}: {heard}");
    }
    // What it said before it closed is its answer to the next word.
    let script = Script {
        closes_after: Some(Moment::Rcpt),
        ..Script::saying(&[(Moment::Rcpt, b"250 ya\r\n421 surat tutup\r\n")])
    };
    let (told, _) = played(script, &certificate, &authority).await;
    let reason = temporary(told);
    assert!(reason.contains("DATA with 421 surat tutup"), "{reason}");
}

#[tokio::test]
async fn a_reason_in_another_character_set_is_a_reason() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let script = Script::saying(&[(Moment::Auth, b"535 \xd3\xc3\xbb\xa7 5.7.8\x1b[31m\r\n")]);
    let (told, _) = played(script, &certificate, &authority).await;
    let reason = temporary(told);
    assert!(
        reason.contains("AUTH with 535 ") && reason.ends_with(" 5.7.8 [31m"),
        "{reason:?}"
    );
    let script = Script::saying(&[(Moment::Rcpt, b"550-\xe9\r\n550\r\n")]);
    let (told, _) = played(script, &certificate, &authority).await;
    assert!(matches!(told, Err(DeliveryError::Permanent(_))), "{told:?}");
}

#[tokio::test]
async fn a_machine_says_the_name_that_it_is_given_and_helo_where_ehlo_is_unknown() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let script = || Script {
        offers: ["AUTH PLAIN", ""],
        ..Script::default()
    };
    let server = ScriptedServer::start(script(), &certificate);
    let mut here = settings(server.port, Security::Plain, authority.pem());
    here.hello = Some("loket-1.contoh.go.id".into());
    assert_eq!(deliver(here.clone(), &message()).await, Ok(()));
    let heard = server.heard().plain;
    assert!(heard.starts_with(b"EHLO loket-1.contoh.go.id\r\nAUTH "));

    for unknown in [&b"502\r\n"[..], b"500 apa?\r\n"] {
        let saying = || Script::saying(&[(Moment::Ehlo, unknown)]);
        let server = ScriptedServer::start(saying(), &certificate);
        here.port = server.port;
        let mut without = here.clone();
        without.credentials = None;
        assert_eq!(deliver(without, &message()).await, Ok(()));
        let heard = String::from_utf8(server.heard().plain).unwrap();
        let begun = "EHLO loket-1.contoh.go.id\r\nHELO loket-1.contoh.go.id\r\nMAIL FROM:<";
        assert!(heard.starts_with(begun), "{heard}");
        // Where there is a login, or has to be TLS, that would not do.
        let server = ScriptedServer::start(saying(), &certificate);
        here.port = server.port;
        let reason = temporary(deliver(here.clone(), &message()).await);
        assert!(reason.contains("answered EHLO with 50"), "{reason}");
        let server = ScriptedServer::start(saying(), &certificate);
        let mut over_tls = settings(server.port, Security::StartTls, authority.pem());
        over_tls.credentials = None;
        let reason = temporary(deliver(over_tls, &message()).await);
        assert!(reason.contains("answered EHLO with 50"), "{reason}");
    }
}

#[tokio::test]
async fn a_line_that_begins_with_a_dot_does_not_end_the_letter() {
    let authority = Authority::new();
    let server = ScriptedServer::start(Script::default(), &authority.certificate("localhost"));
    let message = Message::builder()
        .from("lpse@contoh.go.id".parse().unwrap())
        .to("siti@contoh.go.id".parse().unwrap())
        .body("satu\n.\nRSET\n..dua".to_owned())
        .unwrap();
    let settings = settings(server.port, Security::StartTls, authority.pem());
    assert_eq!(deliver(settings, &message).await, Ok(()));
    let secret = String::from_utf8(server.heard().secret).unwrap();
    assert!(
        secret.ends_with("\r\n\r\nsatu\r\n..\r\nRSET\r\n...dua\r\n.\r\nQUIT\r\n"),
        "{secret}"
    );
}

#[tokio::test]
async fn no_certificate_but_the_right_one_is_good_enough() {
    let authority = Authority::new();
    for (certificate, word) in [
        (
            authority.certificate("surat.contoh.go.id"),
            "not valid for name",
        ),
        (
            Authority::new().certificate("localhost"),
            "invalid peer certificate",
        ),
        (authority.expired_certificate("localhost"), "expired"),
    ] {
        for (security, tls_at_once) in [(Security::StartTls, false), (Security::Tls, true)] {
            let script = Script {
                tls_at_once,
                ..Script::default()
            };
            let server = ScriptedServer::start(script, &certificate);
            let settings = settings(server.port, security, authority.pem());
            let reason = temporary(deliver(settings, &message()).await);
            assert!(reason.contains(word), "{reason}");
            let heard = server.heard();
            nothing_was_said_in_the_clear(&heard, word);
            assert!(heard.secret.is_empty());
        }
    }
}

#[tokio::test]
async fn without_tls_nothing_is_said() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    // A server without STARTTLS, and one whose offer was taken out on the way.
    for offers in [["AUTH PLAIN LOGIN", ""], ["XXXXXXXX", ""]] {
        let script = Script {
            offers,
            ..Script::default()
        };
        let server = ScriptedServer::start(script, &certificate);
        let settings = settings(server.port, Security::StartTls, authority.pem());
        let reason = temporary(deliver(settings, &message()).await);
        assert!(reason.contains("offers no STARTTLS"), "{reason}");
        let heard = server.heard();
        nothing_was_said_in_the_clear(&heard, "no STARTTLS");
        assert_eq!(heard.plain, b"EHLO [127.0.0.1]\r\nQUIT\r\n");
    }
}

#[tokio::test]
async fn words_slipped_in_before_tls_are_not_taken_for_the_servers_own() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    for injected in [
        "250-uji\r\n250 AUTH LOGIN\r\n",
        "250 ya\r\n235 masuk\r\n250 ya\r\n250 ya\r\n354 ya\r\n250 ya\r\n",
    ] {
        let script = Script {
            injected,
            ..Script::default()
        };
        let server = ScriptedServer::start(script, &certificate);
        let settings = settings(server.port, Security::StartTls, authority.pem());
        let reason = temporary(deliver(settings, &message()).await);
        assert!(reason.contains("before TLS began"), "{reason}");
        let heard = server.heard();
        nothing_was_said_in_the_clear(&heard, injected);
        assert!(heard.secret.is_empty());
    }
}

#[tokio::test]
async fn plain_text_never_leaves_this_machine() {
    let mut elsewhere = settings(25, Security::Plain, Authority::new().pem());
    for host in ["192.0.2.1", "::ffff:192.0.2.1", "0.0.0.0"] {
        elsewhere.host = host.into();
        let reason = temporary(deliver(elsewhere.clone(), &message()).await);
        assert!(reason.contains("is not this machine"), "{reason}");
    }
    let authority = Authority::new();
    let script = Script {
        offers: ["AUTH PLAIN", ""],
        ..Script::default()
    };
    let server = ScriptedServer::start(script, &authority.certificate("localhost"));
    let here = settings(server.port, Security::Plain, authority.pem());
    assert_eq!(deliver(here, &message()).await, Ok(()));
    assert!(server.heard().plain.ends_with(b"\r\n.\r\nQUIT\r\n"));
}

#[tokio::test]
async fn a_reason_names_what_is_wrong_and_repeats_no_secret() {
    let authority = Authority::new();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let unreachable = settings(port, Security::StartTls, authority.pem());
    let reason = temporary(deliver(unreachable, &message()).await);
    assert!(reason.contains("refused"), "{reason}");

    let mut nowhere = settings(25, Security::StartTls, authority.pem());
    nowhere.host = "surat.tidak-ada.invalid".into();
    let reason = temporary(deliver(nowhere, &message()).await);
    assert!(reason.starts_with("cannot connect to surat."), "{reason}");

    for mechanism in ["AUTH PLAIN", "AUTH LOGIN"] {
        let script = Script {
            offers: ["STARTTLS", mechanism],
            ..Script::bad(Moment::Auth, Act::Repeat)
        };
        let server = ScriptedServer::start(script, &authority.certificate("localhost"));
        let settings = settings(server.port, Security::StartTls, authority.pem());
        let reason = temporary(deliver(settings, &message()).await);
        assert!(reason.contains("AUTH"), "{reason}");
        for secret in [PASSWORD, "AGtpb3NrAGthd", "a2F0YSBz"] {
            assert!(!reason.contains(secret), "{reason}");
        }
    }

    let shown = format!("{:?}", settings(1, Security::Tls, authority.pem()));
    assert!(
        !shown.contains(PASSWORD) && !shown.contains("BEGIN"),
        "{shown}"
    );
    let smtp = Smtp::new(settings(1, Security::Tls, authority.pem())).unwrap();
    assert!(!format!("{smtp:?}").contains(PASSWORD));
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let good = settings(587, Security::StartTls, Authority::new().pem());
    let refused = |change: fn(&mut SmtpSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        Smtp::new(settings).unwrap_err().to_string()
    };
    assert!(refused(|settings| settings.host = "dua kata".into()).contains("dua kata"));
    assert!(refused(|settings| settings.extra_root = Some(b"bukan PEM".to_vec())).contains("none"));
    assert!(
        refused(|settings| settings.credentials = Some((String::new(), Zeroizing::default())))
            .contains("empty")
    );
}
