//! The rules of a letter as it is sent: read back by another reader of mail.

use std::net::IpAddr;

use mail_parser::MessageParser;

use super::*;
use crate::domain::{
    AccountKey, PersonName, Source, UserId, UserType,
    letter::LetterId,
    reset::{ShortCode, Token},
};

fn sender() -> Sender {
    Sender {
        office: "LPSE Kota Contoh".into(),
        address: EmailAddress::parse("lpse@contoh.go.id").unwrap(),
        base_url: "https://lpse.contoh.go.id".into(),
        zone: Zone::Wib,
    }
}

fn secrets() -> TicketSecrets {
    TicketSecrets {
        token: Token::from_bytes([7; Token::BYTES]),
        code: ShortCode::parse("ACDE-FGHJ-KMNP-QRTV").unwrap(),
    }
}

fn letter(kind: LetterKind) -> Letter {
    let at: Timestamp = "2020-08-13T01:53:05Z".parse().unwrap();
    Letter {
        id: LetterId::new(at, [1; 8]),
        account: AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap()),
        name: PersonName::parse("Siti Rahmawati").unwrap(),
        address: EmailAddress::parse("siti+spse@contoh.go.id").unwrap(),
        kind,
        at,
        from: Source::Console("loket-1".into()),
        good_until: at + std::time::Duration::from_secs(30 * 60),
    }
}

const LINK: &str = "https://lpse.contoh.go.id/proc4user/resettotp?email=siti%2Bspse%40contoh.go.id&isRekanan=0\
                    &userId=PPK30&kode=a4dqobyha4dqobyha4dqobyha4dqobyh";

#[test]
fn a_confirmation_says_all_that_its_reader_needs() {
    let words = words(
        &letter(LetterKind::ResetRequested),
        Some(&secrets()),
        &sender(),
    );
    assert_eq!(words.subject, "Konfirmasi Permintaan Reset TOTP");
    for needed in [
        "Yth. Siti Rahmawati,",
        "PPK30 (NON PENYEDIA)",
        "13 Agustus 2020 08:53 WIB",
        "13 Agustus 2020 09:23 WIB",
        "loket-1",
        "ACDE-FGHJ-KMNP-QRTV",
        "Reset TOTP",
        "Bukan Anda?",
        "LPSE Kota Contoh",
    ] {
        assert!(words.text.contains(needed), "{needed}: {}", *words.text);
        assert!(words.html.contains(needed), "{needed}: {}", *words.html);
    }
    assert!(words.text.lines().any(|line| line == LINK));
    let escaped = LINK.replace('&', "&amp;");
    assert_eq!(
        words.html.matches(&format!("href=\"{escaped}\"")).count(),
        2
    );
    assert!(words.html.contains(&format!(">{escaped}</a>")));
    for line in words.text.lines().filter(|line| *line != LINK) {
        assert!(line.chars().count() <= Form::WIDTH, "{line}");
    }
}

#[test]
fn every_letter_is_written_and_only_the_confirmation_tells_secrets() {
    let mut subjects = std::collections::BTreeSet::new();
    for kind in LetterKind::ALL {
        let words = words(&letter(kind), Some(&secrets()), &sender());
        let tells = |secret: &str| words.text.contains(secret) || words.html.contains(secret);
        let confirms = kind == LetterKind::ResetRequested;
        assert_eq!(tells("a4dqobyh"), confirms, "{kind:?}");
        assert_eq!(tells("ACDE-FGHJ"), confirms, "{kind:?}");
        assert!(!tells("{") && !tells("}"), "{kind:?}");
        assert!(words.text.contains("Bukan Anda?"));
        assert!(subjects.insert(words.subject));
    }
    assert_eq!(
        subjects.len(),
        Vocabulary::of_the_program().letter.len(),
        "words of no letter"
    );
    assert!(matches!(
        compose(&letter(LetterKind::ResetRequested), None, &sender()),
        Err(ComposeError::SecretsMissing)
    ));
}

#[test]
fn nothing_in_a_letter_is_fetched_or_run() {
    for kind in LetterKind::ALL {
        let html = words(&letter(kind), Some(&secrets()), &sender()).html;
        let html = html.to_lowercase();
        for forbidden in [
            "<img", "<script", "<link", "<style", "url(", "src=", "@import", "<form", " on",
        ] {
            // Words of the language may begin with "on"; an attribute ends in an equals sign.
            let found = html.match_indices(forbidden).any(|(at, _)| {
                forbidden != " on"
                    || html[at + 1..]
                        .trim_start_matches(char::is_alphabetic)
                        .starts_with('=')
            });
            assert!(!found, "{kind:?}: {forbidden}");
        }
    }
}

#[test]
fn names_and_places_are_text_and_nothing_else() {
    let mut letter = letter(LetterKind::ResetRequested);
    letter.name = PersonName::parse("{code} <b>\"A&B\"</b> {url}").unwrap();
    letter.from = Source::Console("loket\u{202e}\u{1b}[31m\r\n<i>".into());
    let sender = Sender {
        office: "LPSE \u{200b}<script>".into(),
        ..sender()
    };
    let words = words(&letter, Some(&secrets()), &sender);
    assert!(words.text.contains("Yth. {code} <b>\"A&B\"</b> {url},"));
    assert!(
        words
            .html
            .contains("Yth. {code} &lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt; {url},")
    );
    assert!(words.text.contains("Dari: loket[31m<i>\n"));
    assert!(words.html.contains("LPSE &lt;script&gt;"));
    for form in [&words.text, &words.html] {
        assert!(!form.chars().any(|c| is_disguise(c) && c != '\n'));
        assert_eq!(form.matches("ACDE-FGHJ-KMNP-QRTV").count(), 1);
    }
}

#[test]
fn a_message_is_the_same_at_every_try() {
    let once = || {
        compose(
            &letter(LetterKind::ResetRequested),
            Some(&secrets()),
            &sender(),
        )
        .unwrap()
        .formatted()
    };
    assert_eq!(once(), once());
    let raw = String::from_utf8(once()).unwrap();
    let header = raw.split("\r\n\r\n").next().unwrap();
    for field in [
        "From: \"LPSE Kota Contoh\" <lpse@contoh.go.id>",
        "To: \"Siti Rahmawati\" <siti+spse@contoh.go.id>",
        "Subject: Konfirmasi Permintaan Reset TOTP",
        "Date: Thu, 13 Aug 2020 01:53:05 +0000",
        "Message-ID: <1597283585000-0101010101010101@contoh.go.id>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(
            header.lines().any(|line| line == field),
            "{field}\n{header}"
        );
    }
}

#[test]
fn debug_tells_no_secret() {
    let words = words(
        &letter(LetterKind::ResetRequested),
        Some(&secrets()),
        &sender(),
    );
    let shown = format!("{words:?} {:?}", secrets());
    assert!(shown.contains("Konfirmasi"));
    assert!(
        !shown.contains("a4dq") && !shown.contains("ACDE"),
        "{shown}"
    );
}

#[test]
fn a_letter_of_another_age_has_a_date() {
    for at in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
        let mut letter = letter(LetterKind::TotpActivated);
        letter.at = at;
        let raw = compose(&letter, None, &sender()).unwrap().formatted();
        assert!(
            MessageParser::default()
                .parse(&raw)
                .unwrap()
                .date()
                .is_some()
        );
    }
}

/// A sequence of numbers that is the same on every machine (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Up to `most` pieces in a row.
    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.of(pieces)).collect()
    }
}

/// What people who mean harm put into names: whole header fields, addresses, encoded words, quotes, line ends.
const NAMES: &[&str] = &[
    "Siti",
    " ",
    "  ",
    ",",
    ";",
    ":",
    "\"",
    "\\",
    "\\\"",
    "<",
    ">",
    "<a@b.id>",
    "(",
    ")",
    "@",
    "@b.id",
    ".",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\t",
    "\r\nBcc: x@y.id\r\n",
    "Bcc: x@y.id",
    "=?utf-8?q?a?=",
    "=?utf-8?b?DQpCY2M6?=",
    "=?",
    "?=",
    "=",
    "_",
    "é",
    "Ü",
    "李",
    "🦀",
    "\u{301}",
    "\u{202e}",
    "\u{200b}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{3000}",
    "undisclosed-recipients:;",
    "%0d%0a",
    "&#13;",
    "&lt;",
    "<script>",
    "{code}",
    "{url}",
    "'",
    "`",
    "$",
    "--=_",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ",
    "|",
    "~",
];

const LOCAL_PARTS: &[&str] = &[
    "siti",
    ".",
    "..",
    "+",
    "-",
    "=",
    "_",
    "`",
    "{",
    "}",
    "|",
    "~",
    "'",
    "!",
    "#",
    "$",
    "%",
    "&",
    "*",
    "/",
    "?",
    "^",
    "\"",
    "\"a b\"",
    "\\",
    " ",
    ",",
    ";",
    ":",
    "<",
    ">",
    "(",
    ")",
    "@",
    "\r\n",
    "\0",
    "é",
    "=?utf-8?q?a?=",
    "--",
    "abcdefghijklmnopqrstuvwxyz",
    "%0d%0aBcc",
    "0",
];

const HOSTS: &[&str] = &[
    "contoh",
    ".",
    ".",
    ".go.id",
    ".id",
    "-",
    "a-b",
    "xn--bcher-kva",
    "127.0.0.1",
    "[127.0.0.1]",
    "1",
    "A",
    ",",
    ">",
    " ",
    "\r\n",
    "@",
    "é",
    "_",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdef",
    ".co",
];

#[test]
fn a_hundred_thousand_hostile_names_and_addresses_give_one_recipient_and_the_fixed_fields() {
    // A part for each core, each with numbers of its own.
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            scope.spawn(move || hostile_letters(seed, 25_000));
        }
    });
}

fn hostile_letters(seed: u64, wanted: usize) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
    let (mut composed, mut refused) = (0, 0);
    let plain = letter(LetterKind::ResetRequested);
    while composed < wanted {
        let typed_name = numbers.text(NAMES, 12);
        let typed_address = format!(
            "{}@{}",
            numbers.text(LOCAL_PARTS, 6),
            numbers.text(HOSTS, 6)
        );
        // Where one of the two is refused, the other is tried all the same.
        let (name, address) = (
            PersonName::parse(&typed_name),
            EmailAddress::parse(&typed_address),
        );
        if name.is_err() && address.is_err() {
            refused += 1;
            continue;
        }
        let letter = Letter {
            name: name.unwrap_or_else(|_| plain.name.clone()),
            address: address.unwrap_or_else(|_| plain.address.clone()),
            kind: LetterKind::ALL[composed % LetterKind::ALL.len()],
            from: if composed % 2 == 0 {
                Source::Console(typed_name.clone())
            } else {
                Source::Peer(IpAddr::from([198, 51, 100, 7]))
            },
            ..plain.clone()
        };
        let sender = Sender {
            // The office's name comes from a file that an operator writes; it is no safer than the others.
            office: typed_name.chars().rev().take(48).collect(),
            ..sender()
        };
        is_one_plain_letter(&letter, &sender);
        composed += 1;
    }
    assert!(refused > wanted / 10, "most of it is hostile: {refused}");
}

fn is_one_plain_letter(letter: &Letter, sender: &Sender) {
    let secrets = secrets();
    let message = compose(letter, Some(&secrets), sender)
        .unwrap_or_else(|error| panic!("{letter:?} {sender:?}: {error}"));
    let envelope = message.envelope();
    let sent_from = envelope.from().map(AsRef::<str>::as_ref);
    assert_eq!(sent_from, Some(sender.address.as_str()));
    let recipients: Vec<&str> = envelope.to().iter().map(AsRef::as_ref).collect();
    assert_eq!(recipients, [letter.address.as_str()]);

    let raw = message.formatted();
    assert!(raw.is_ascii() && !raw.contains(&0));
    let text = std::str::from_utf8(&raw).unwrap();
    for line in text.split_terminator('\n') {
        assert_eq!(line.find('\r'), Some(line.len() - 1), "a bare line end");
        assert!(line.len() <= 998, "RFC 5322 section 2.1.1: {line}");
    }
    let parsed = MessageParser::default().parse(&raw).unwrap();
    let fields: Vec<&str> = parsed.headers().iter().map(|field| field.name()).collect();
    assert_eq!(
        fields,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type"
        ],
        "{text}"
    );
    for (field, address) in [
        (parsed.from(), &sender.address),
        (parsed.to(), &letter.address),
    ] {
        let mailboxes: Vec<_> = field
            .unwrap()
            .iter()
            .map(|mailbox| mailbox.address())
            .collect();
        assert_eq!(mailboxes, [Some(address.as_str())], "{text}");
    }
    assert!(parsed.cc().is_none() && parsed.bcc().is_none());
    assert_eq!(parsed.text_body_count(), 1);
    assert_eq!(parsed.html_body_count(), 1);
    assert_eq!(parsed.attachment_count(), 0);
    if letter.kind == LetterKind::ResetRequested {
        let link = ResetLink::new(
            letter.address.clone(),
            letter.account.clone(),
            secrets.token,
        );
        let url = link.url(&sender.base_url);
        let body = parsed.body_text(0).unwrap();
        assert!(body.lines().any(|line| line == url.as_str()), "{body}");
    }
}
