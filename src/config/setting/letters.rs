//! The settings of letters, of the page that their links lead to, and of resets, as they are declared.

use std::net::SocketAddr;

use crate::{
    config::{
        declaration::{Section, Setting},
        letters::{BaseUrl, MailSecurity, is_hello},
        notation::{
            LONGEST_HOST, Refusal, host, line, minutes, networks, number, one_line, path, text,
            word,
        },
    },
    domain::EmailAddress,
};

pub fn mail() -> Vec<Setting> {
    let mail = Section("mail");
    let mut settings = vec![
        mail.setting(
            "server",
            "the mail server that takes the letters; without one, a reset is an officer's work",
            host(),
            |config| &mut config.mail.server,
        )
        .usually("none, and no letters", "mail.contoh.go.id"),
        mail.setting("port", "its port", number(1..=u16::MAX), |config| {
            &mut config.mail.port
        })
        .usually("587, with security = tls 465, with none 25", "587")
        .in_force(|config| {
            let server = config.mail.server.as_ref();
            server.map(|_| config.mail.port().to_string())
        }),
        mail.setting(
            "security",
            "how the way to it is protected; there is no falling back to less",
            word::<MailSecurity>("starttls, tls, or none for a server on this machine"),
            |config| &mut config.mail.security,
        ),
        mail.setting(
            "user",
            "the name to log in to it with",
            line(128),
            |config| &mut config.mail.user,
        )
        .usually("none, and no login", "kiosk"),
        mail.setting(
            "password_file",
            "a file with the password to log in to it with, readable by its owner alone",
            path(),
            |config| &mut config.mail.password_file,
        )
        .usually(
            "smtp-password in $CREDENTIALS_DIRECTORY if it is there",
            "/etc/lpse-kiosk/smtp-password",
        ),
    ];
    settings.extend(introduction(mail));
    settings
}

/// How this machine and its letters present themselves to the mail server.
fn introduction(mail: Section) -> [Setting; 3] {
    [
        mail.setting(
            "from",
            "the letters' sender; the name beside it is the LPSE's",
            text("an e-mail address", |text| {
                EmailAddress::parse(text).map_err(|_| Refusal::Form)
            }),
            |config| &mut config.mail.from,
        )
        .usually("none", "totp@lpse.contoh.go.id"),
        mail.setting(
            "hello",
            "how this machine calls itself to the mail server (EHLO), which may ask for a name that it knows",
            text(
                "a host name, or an address such as [192.0.2.1] or [IPv6:2001:db8::1]",
                |text| {
                    let name = one_line(text, LONGEST_HOST)?;
                    is_hello(&name).then_some(name).ok_or(Refusal::Form)
                },
            ),
            |config| &mut config.mail.hello,
        )
        .usually(
            "the machine's full name if it has one, else the address it speaks from",
            "loket-1.contoh.go.id",
        ),
        mail.setting(
            "authority_file",
            "certificates (PEM) to trust besides the system's, for a mail server with one of its own",
            path(),
            |config| &mut config.mail.authority_file,
        )
        .usually("none", "/etc/lpse-kiosk/mail-ca.pem"),
    ]
}

pub fn web() -> Vec<Setting> {
    let web = Section("web");
    vec![
        web.setting(
            "listen",
            "where the page of the letters' links is served",
            word::<SocketAddr>("an address and a port, such as 127.0.0.1:8080"),
            |config| &mut config.web.listen,
        )
        .usually(
            "nowhere; in training mode a free port of this machine",
            "127.0.0.1:8080",
        ),
        web.setting(
            "base_url",
            "how people reach that page: the beginning of every link",
            text(
                "https://host, with a port and a path if need be; http for this machine only",
                |text| BaseUrl::parse(text).map_err(Refusal::Because),
            ),
            |config| &mut config.web.base_url,
        )
        .usually("none", "https://lpse.contoh.go.id"),
        web.setting(
            "certificate",
            "the page's own certificate chain (PEM); without one a proxy has to speak HTTPS",
            path(),
            |config| &mut config.web.certificate_file,
        )
        .usually("none", "/etc/lpse-kiosk/web.pem"),
        web.setting(
            "key",
            "that certificate's key (PEM), readable by its owner alone",
            path(),
            |config| &mut config.web.key_file,
        )
        .usually("none", "/etc/lpse-kiosk/web.key"),
        web.setting(
            "trusted_proxies",
            "proxies whose X-Forwarded-For is believed",
            networks(),
            |config| &mut config.web.trusted_proxies,
        )
        .usually("none", "127.0.0.1"),
        web.setting(
            "proxies",
            "balancers that speak the PROXY protocol: connections to the page from there begin with a header that \
             tells the caller's address, or are refused",
            networks(),
            |config| &mut config.web.proxies,
        )
        .usually("none", "10.0.0.10"),
    ]
}

pub fn reset() -> Vec<Setting> {
    let reset = Section("reset");
    vec![
        reset.setting(
            "link_minutes",
            "how long the link and the short code of a letter hold",
            minutes(5..=60)
                .below("letters take a while")
                .above("too weak, a mailbox that is read later would still hold a good link"),
            |config| &mut config.link_holds,
        ),
        reset.setting(
            "letters_an_hour",
            "letters about requests that are written in an hour at most, over all accounts",
            number(10..=100_000_u32),
            |config| &mut config.letters_an_hour,
        ),
    ]
}
