//! An office whose letters go out through a real mail server and whose links lead somewhere, and its letters as their
//! readers have them.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{Kiosk, Office, free_port, key, smtp::MailServer, text};

/// What the picture says that zeros draw.
pub const SECURITY_CODE: &str = "AAAAAA";

pub const SENT: &str = "Permintaan sudah diterima";

/// An office that sends its letters through a real mail server and serves the page of their links.
pub struct Correspondence {
    pub office: Office,
    pub server: MailServer,
    /// The beginning of every link.
    pub base_url: String,
}

impl Correspondence {
    pub fn new() -> Self {
        Self::of(Office::new())
    }

    /// `office`, with a mail server and a page.
    pub fn of(office: Office) -> Self {
        let server = MailServer::start();
        let port = free_port();
        let base_url = format!("http://127.0.0.1:{port}");
        let private = |name: &str, content: &str| {
            let path = office.path(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path.display().to_string()
        };
        let password = private("smtp-password", &format!("{}\n", server.password()));
        let authority = private("authority.pem", server.ca_pem());
        let office = office
            .with("LPSE_KIOSK_MAIL_SERVER", "localhost")
            .with("LPSE_KIOSK_MAIL_PORT", &server.port().to_string())
            .with("LPSE_KIOSK_MAIL_USER", server.user())
            .with("LPSE_KIOSK_MAIL_PASSWORD_FILE", &password)
            .with("LPSE_KIOSK_MAIL_AUTHORITY_FILE", &authority)
            .with("LPSE_KIOSK_MAIL_FROM", "totp@lpse.contoh.go.id")
            .with("LPSE_KIOSK_WEB_LISTEN", &format!("127.0.0.1:{port}"))
            .with("LPSE_KIOSK_WEB_BASE_URL", &base_url)
            .with("LPSE_TEST_SECURITY_CODE", "0");
        Self {
            office,
            server,
            base_url,
        }
    }

    pub fn letter(&self, number: usize) -> Letter {
        Letter(self.server.wait_for_letter(number))
    }

    pub fn totp(&self, user_id: &str) -> String {
        let shown =
            self.office
                .command(&["user", "show", user_id, "--type", "non-penyedia", "--json"]);
        let account: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        account["totp"].as_str().unwrap().to_owned()
    }

    pub fn outbox(&self) -> Vec<serde_json::Value> {
        let listed = self.office.command(&["outbox", "list", "--json"]);
        assert!(listed.status.success(), "{}", text(&listed.stderr));
        let lines = text(&listed.stdout);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A letter as it lies in the mailbox, read by a parser that is not the sender's.
pub struct Letter(pub String);

impl Letter {
    pub fn message(&self) -> mail_parser::Message<'_> {
        let parser = mail_parser::MessageParser::default();
        parser.parse(self.0.as_bytes()).expect("a message")
    }

    pub fn subject(&self) -> String {
        self.message().subject().expect("a subject").to_owned()
    }

    pub fn text(&self) -> String {
        let message = self.message();
        message.body_text(0).expect("a text part").into_owned()
    }

    pub fn link(&self) -> String {
        let text = self.text();
        let mut words = text.split_whitespace();
        let link = words.find(|word| word.contains("/proc4user/resettotp?"));
        link.expect("a link in the letter").to_owned()
    }

    /// The short code: four groups of four with dashes between them.
    pub fn code(&self) -> String {
        let text = self.text();
        let is_code = |word: &&str| {
            let groups: Vec<&str> = word.split('-').collect();
            groups.len() == 4
                && groups.iter().all(|group| {
                    group.len() == 4
                        && group
                            .chars()
                            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
                })
        };
        let code = text.split_whitespace().find(is_code);
        code.expect("a short code in the letter").to_owned()
    }
}

/// From the menu to the form, with the User ID carried along.
pub fn open_form(kiosk: &mut Kiosk, user_id: &str) {
    kiosk
        .expect("Selamat datang")
        .press(key::ENTER)
        .expect("Login sebagai")
        .press("n")
        .expect("Masukkan User ID")
        .press(user_id)
        .press(key::TAB)
        .press(key::TAB)
        .press(key::ENTER)
        .expect("Permintaan Reset TOTP")
        .expect("█");
}

/// Asks for a reset from the menu, and waits for the one answer.
pub fn ask(kiosk: &mut Kiosk, user_id: &str, email: &str) {
    open_form(kiosk, user_id);
    kiosk
        .press(email)
        .press(key::TAB)
        .press(key::TAB)
        .press(SECURITY_CODE)
        .expect(SECURITY_CODE)
        .press(key::ENTER)
        .expect(SENT);
}

/// From the answer to the menu.
pub fn done(kiosk: &mut Kiosk) {
    kiosk.press(key::ESC).expect("Selamat datang");
}

/// The typed way from the menu: the letter's code or link, the account it is for, and `OK`.
pub fn confirm(kiosk: &mut Kiosk, typed: &str) {
    open_form(kiosk, "ppk30");
    kiosk.press(key::UP).press(key::UP).press(key::ENTER);
    kiosk
        .expect("Konfirmasi Reset TOTP")
        .expect("Tautan atau kode");
    kiosk.paste(typed).press(key::ENTER);
}
