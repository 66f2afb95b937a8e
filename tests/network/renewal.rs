//! What is renewed while people are in: the page's certificate, the way to the mail server, and the
//! master key. A bad one stops nobody.

use std::{
    fs,
    net::TcpStream,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    sync::Arc,
    time::Duration,
};

use support::{
    MENU, Office, REASON, free_port,
    letters::Correspondence,
    smtp::{Authority, Certificate},
    ssh::Server,
    text,
};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// Longer than any answer takes.
const PATIENT: Duration = Duration::from_secs(20);

/// What systemd hears of the service.
struct Supervisor(UnixDatagram);

impl Supervisor {
    /// For a service of `office`, which is to be started with the variable that comes with it.
    fn of(office: Office) -> (Self, Office) {
        let place = office.path("notify");
        let socket = UnixDatagram::bind(&place).unwrap();
        socket.set_read_timeout(Some(PATIENT)).unwrap();
        let office = office.with("NOTIFY_SOCKET", &place.display().to_string());
        (Self(socket), office)
    }

    fn next(&self) -> String {
        let mut message = [0; 4096];
        let length = self
            .0
            .recv(&mut message)
            .expect("the service says how it is");
        text(&message[..length])
    }

    /// Has the service read everything again; what it says when that is done.
    fn reload(&self, server: &mut Server) -> String {
        server.signal("HUP");
        while !self.next().contains("RELOADING=1") {}
        let said = self.next();
        assert!(said.contains("READY=1"), "{said}");
        said
    }
}

/// Writes a secret in place of the one before, as an editor does: another file of the same name.
fn put(office: &Office, name: &str, content: &str, mode: u32) {
    let (draft, path) = (office.path("draft"), office.path(name));
    fs::write(&draft, content).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(draft, path).unwrap();
}

/// The certificate that the page at `port` shows to somebody who trusts `authority`.
fn shown_at(port: u16, authority: &Authority) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    roots.add(der(authority.pem())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENT)).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut stream).unwrap();
    }
    client.peer_certificates().unwrap()[0].clone().into_owned()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

#[test]
fn the_page_shows_a_renewed_certificate_by_itself_and_keeps_the_old_one_where_the_new_is_bad() {
    let (authority, port) = (Authority::new(), free_port());
    let office = Office::new();
    let [file, key] = ["web.pem", "web.key"].map(|name| office.path(name).display().to_string());
    let (supervisor, office) = Supervisor::of(office);
    let office = office
        .with("LPSE_KIOSK_WEB_LISTEN", &format!("127.0.0.1:{port}"))
        .with("LPSE_KIOSK_WEB_BASE_URL", "https://localhost")
        .with("LPSE_KIOSK_WEB_CERTIFICATE", &file)
        .with("LPSE_KIOSK_WEB_KEY", &key);
    let put_both = |made: &Certificate| {
        put(&office, "web.key", &made.key, 0o600);
        put(&office, "web.pem", &made.certificate, 0o644);
    };
    let [first, second, third] = [(); 3].map(|()| authority.certificate("localhost"));
    put_both(&first);
    let mut server = office.serve();
    let mut open = server.ssh();
    open.expect(MENU);
    assert_eq!(shown_at(port, &authority), der(&first.certificate));

    put_both(&second);
    assert_eq!(shown_at(port, &authority), der(&second.certificate));
    let said = supervisor.reload(&mut server);
    assert!(said.ends_with("STATUS=People are served\n"), "{said}");

    // A key that is another one's: of a pair, the first to be renewed.
    put(&office, "web.key", &third.key, 0o600);
    let said = supervisor.reload(&mut server);
    assert!(
        said.contains("does not belong to the first certificate"),
        "{said}"
    );
    server.expect_log("what was read before is used on");
    assert_eq!(shown_at(port, &authority), der(&second.certificate));
    put(&office, "web.pem", &third.certificate, 0o644);
    assert_eq!(shown_at(port, &authority), der(&third.certificate));
    open.expect_still_answers();
}

#[test]
fn the_next_letter_goes_out_with_a_renewed_password_and_a_bad_file_leaves_the_one_before() {
    let (supervisor, office) = Supervisor::of(Office::new());
    let Correspondence {
        office, mut server, ..
    } = Correspondence::of(office);
    let mut service = office.serve();
    let mut open = service.ssh();
    open.expect(MENU);
    // Its owner is told of each.
    let act = |act: &str| {
        let told = office.command(&["user", act, "CVMAJU", "--reason", REASON]);
        assert!(told.status.success(), "{}", text(&told.stderr));
    };
    act("suspend");
    server.wait_for_letter(1);

    // By itself.
    server.change_password("perahu layar warna biru");
    put(&office, "smtp-password", "perahu layar warna biru\n", 0o600);
    act("reinstate");
    server.wait_for_letter(2);
    service.expect_log("the way to the mail server was renewed");

    // One that everybody can read is not taken, and nothing is lost by it.
    put(&office, "smtp-password", "bukan ini\n", 0o644);
    let said = supervisor.reload(&mut service);
    assert!(
        said.contains("People are served; kept as it was before:") && said.contains("chmod 600"),
        "{said}"
    );
    act("suspend");
    server.wait_for_letter(3);

    // By a reload, with the authority of another certificate.
    server.change_password("kopi gayo panas tujuh");
    server.change_authority();
    put(&office, "authority.pem", server.ca_pem(), 0o600);
    put(&office, "smtp-password", "kopi gayo panas tujuh\n", 0o600);
    let said = supervisor.reload(&mut service);
    assert!(said.ends_with("STATUS=People are served\n"), "{said}");
    act("reinstate");
    server.wait_for_letter(4);
    for secret in ["perahu layar", "bukan ini", "kopi gayo"] {
        assert!(!service.log().contains(secret), "{}", service.log());
    }
    open.expect_still_answers();
}

#[test]
fn a_reload_takes_up_a_key_that_was_brought_into_the_master_key_file() {
    let (supervisor, office) = Supervisor::of(Office::new());
    let mut service = office.serve();
    let mut open = service.ssh();
    open.expect(MENU);
    let before = fs::read_to_string(office.path("etc/master.key")).unwrap();
    let brought = before.clone() + "c2VwdWx1aCBqdXRhIGJpbnRhbmcgZGkgbGFuZ2l0IGE=\n";

    put(&office, "etc/master.key", &brought, 0o644);
    let said = supervisor.reload(&mut service);
    assert!(said.contains("kept as it was before:"), "{said}");
    assert!(said.contains("chmod 600"), "{said}");
    put(&office, "etc/master.key", &brought, 0o600);
    let said = supervisor.reload(&mut service);
    assert!(said.ends_with("STATUS=People are served\n"), "{said}");
    service.expect_log("the master keys that have come into");
    // Nothing is new the next time.
    supervisor.reload(&mut service);
    let told = service.log().matches("have come into").count();
    assert_eq!(told, 1, "{}", service.log());

    let rotated = office.command(&["key", "rotate"]);
    assert!(rotated.status.success(), "{}", text(&rotated.stderr));
    supervisor.reload(&mut service);
    open.expect_still_answers();
}
