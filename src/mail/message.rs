//! A letter's message: from facts to words, and from words to the MIME message that a mail server takes.
//!
//! The words are in `assets/mail`. Whatever somebody typed (a name, a place) is shown without the characters that act
//! on the text around them, and escaped in HTML. The message has one recipient and one fixed set of header fields,
//! whatever the facts are (security.md section 2), and is the same to the last byte at every try to deliver it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use lettre::{
    Address, Message,
    address::{AddressError, Envelope},
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::domain::{
    EmailAddress,
    calendar::{self, MonthNames, Zone},
    identity::is_disguise,
    letter::{Letter, LetterKind},
    reset::{ResetLink, TicketSecrets},
};

/// From whom letters come, and where their links lead.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The LPSE's name.
    pub office: String,
    pub address: EmailAddress,
    /// Where the reset page is, without a slash at its end. It comes from the configuration alone, never from a
    /// request (security.md section 2).
    pub base_url: String,
    /// The zone of the times that letters tell.
    pub zone: Zone,
}

/// A letter's words, before they are a MIME message. They hold the secrets of a reset; `Debug` does not tell them.
pub struct Words {
    pub subject: String,
    /// For a text client. Sentences are broken into short lines; a link stands whole on a line of its own.
    pub text: Zeroizing<String>,
    pub html: Zeroizing<String>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// Why a letter cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// A letter that confirms a request is nothing without its link and code.
    #[error("the secrets of the reset that this letter confirms are missing")]
    SecretsMissing,
    #[error("no mail is sent to or from {0}: {1}")]
    Address(EmailAddress, AddressError),
    #[error("the letter does not become a message: {0}")]
    Message(#[from] lettre::error::Error),
}

/// The words of `letter`. `secrets` belong to [`LetterKind::ResetRequested`] and are passed over in every other; where
/// they are missing, so are the link and the code.
pub fn words(letter: &Letter, secrets: Option<&TicketSecrets>, sender: &Sender) -> Words {
    let said = Vocabulary::of_the_program();
    let kind = said.of(letter.kind);
    let person = shown(letter.name.as_str());
    let office = shown(&sender.office);
    let user_type = letter.account.user_type.label();
    let facts = [
        ("subject", kind.subject.clone()),
        ("heading", kind.heading.clone()),
        ("greeting", said.common.greeting.replace("{name}", &person)),
        ("lead", kind.lead.clone()),
        ("account_label", said.common.account.clone()),
        (
            "account",
            format!("{} ({user_type})", letter.account.user_id),
        ),
        ("at_label", said.common.at.clone()),
        ("at", date(letter.at, sender)),
        ("from_label", said.common.from.clone()),
        ("from", shown(&letter.from.to_string())),
        ("next", kind.next.clone()),
        ("not_you_label", said.common.not_you.clone()),
        ("not_you", kind.not_you.clone()),
        (
            "automatic",
            said.common.automatic.replace("{office}", &office),
        ),
        ("office", office),
    ];
    let secrets = secrets.filter(|_| letter.kind == LetterKind::ResetRequested);
    let written = |form: Form| {
        let reset = secrets.map(|secrets| way_to_reset(letter, secrets, sender, form));
        let mut parts: Vec<Part> = facts
            .iter()
            .map(|(place, fact)| (*place, form.of(fact)))
            .collect();
        parts.push(("reset", reset.unwrap_or_default()));
        pour(form.letter(), &parts)
    };
    Words {
        subject: kind.subject.clone(),
        text: written(Form::Text),
        html: written(Form::Html),
    }
}

/// The button, the short code and the bare link.
fn way_to_reset(
    letter: &Letter,
    secrets: &TicketSecrets,
    sender: &Sender,
    form: Form,
) -> Zeroizing<String> {
    let said = &Vocabulary::of_the_program().reset;
    let link = ResetLink::new(
        letter.address.clone(),
        letter.account.clone(),
        secrets.token.clone(),
    );
    let until = date(letter.good_until, sender);
    let parts = [
        ("button", form.of(&said.button)),
        ("until", form.of(&said.until.replace("{until}", &until))),
        ("code_label", form.of(&said.code)),
        ("code", form.of(&secrets.code.grouped())),
        ("link_label", form.of(&said.link)),
        ("url", form.of(&link.url(&sender.base_url))),
    ];
    pour(form.reset(), &parts)
}

fn date(at: Timestamp, sender: &Sender) -> String {
    calendar::date_and_minute(at, sender.zone, &Vocabulary::of_the_program().months)
}

/// The message to the account's owner, and to nobody else.
///
/// Its `Message-ID` is made of the letter's own name, so that a receiver can tell a letter that came twice (a server
/// took it, and its answer was lost). `Auto-Submitted` keeps absence notices from answering it (RFC 3834 section 5).
///
/// # Errors
/// When a confirmation comes without its secrets, or the mail library refuses an address.
pub fn compose(
    letter: &Letter,
    secrets: Option<&TicketSecrets>,
    sender: &Sender,
) -> Result<Message, ComposeError> {
    if letter.kind == LetterKind::ResetRequested && secrets.is_none() {
        return Err(ComposeError::SecretsMissing);
    }
    let words = words(letter, secrets, sender);
    let from = address(&sender.address)?;
    let to = address(&letter.address)?;
    let id = format!("<{}@{}>", letter.id, from.domain());
    // `=_` comes in no quoted-printable text, so no line of the parts can pass for the boundary (RFC 2045 section 6.7).
    let boundary = format!("=_{}", letter.id);
    // The envelope is said, not read from the header again: a name has no part in who receives.
    let envelope = Envelope::new(Some(from.clone()), vec![to.clone()])?;
    // No letter is older than the format for its date can tell, which begins in 1970.
    let second = u64::try_from(letter.at.as_second()).unwrap_or_default();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);

    let message = Message::builder()
        .envelope(envelope)
        .from(Mailbox::new(Some(display_name(&sender.office)), from))
        .to(Mailbox::new(Some(display_name(letter.name.as_str())), to))
        .subject(words.subject.as_str())
        .date(at)
        .message_id(Some(id))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ))
        .multipart(
            MultiPart::alternative()
                .boundary(boundary)
                .singlepart(part(ContentType::TEXT_PLAIN, &words.text))
                .singlepart(part(ContentType::TEXT_HTML, &words.html)),
        )?;
    Ok(message)
}

/// Always quoted-printable: lines stay short and ASCII on every way a letter can take (RFC 5322 section 2.1.1).
fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder()
        .header(content_type)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(text.to_owned())
}

fn address(address: &EmailAddress) -> Result<Address, ComposeError> {
    address
        .as_str()
        .parse()
        .map_err(|reason| ComposeError::Address(address.clone(), reason))
}

/// The name before an address. Some mail programs decode what looks like an encoded word even inside quotes, which
/// RFC 2047 section 5 forbids; a name that looks like one is kept from being decoded into something else.
fn display_name(name: &str) -> String {
    shown(name).replace("=?", "= ?")
}

/// `text` without the characters that act on a terminal or on the text around them instead of being text. Names and
/// addresses cannot have any; what comes from a configuration is looked at here.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !is_disguise(*c)).collect()
}

/// The two forms of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Html,
}

impl Form {
    /// The longest line of text that is not one long word, as RFC 3676 section 4.2 recommends.
    const WIDTH: usize = 72;

    fn letter(self) -> &'static str {
        match self {
            Self::Text => include_str!("../../assets/mail/letter.txt"),
            Self::Html => include_str!("../../assets/mail/letter.html"),
        }
    }

    fn reset(self) -> &'static str {
        match self {
            Self::Text => include_str!("../../assets/mail/reset.txt"),
            Self::Html => include_str!("../../assets/mail/reset.html"),
        }
    }

    /// Plain words in this form.
    fn of(self, words: &str) -> Zeroizing<String> {
        match self {
            Self::Text => broken_into_lines(words),
            Self::Html => escaped(words),
        }
    }
}

fn broken_into_lines(words: &str) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::with_capacity(words.len()));
    let mut column = 0;
    for word in words.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > Form::WIDTH {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

/// For a text and for a quoted attribute alike.
fn escaped(words: &str) -> Zeroizing<String> {
    let mut html = Zeroizing::new(String::with_capacity(2 * words.len()));
    for c in words.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// What belongs at `{place}`, already in its form.
type Part = (&'static str, Zeroizing<String>);

/// `layout` with each `{place}` taken by its part. Every part is looked at once: a person whose name is `{code}` is
/// greeted by that name.
fn pour(layout: &str, parts: &[Part]) -> Zeroizing<String> {
    let room: usize = parts.iter().map(|(_, part)| 2 * part.len()).sum();
    // Room for everything at once: a text that grows leaves copies behind that nobody wipes.
    let mut poured = Zeroizing::new(String::with_capacity(layout.len() + room));
    let mut rest = layout;
    while let Some((before, from_place)) = rest.split_once('{') {
        poured.push_str(before);
        let (place, after) = from_place
            .split_once('}')
            .expect("every place of a layout ends, which a test sees to");
        let part = parts.iter().find(|(name, _)| *name == place);
        poured.push_str(&part.expect("every place has its part, as a test sees").1);
        rest = after;
    }
    poured.push_str(rest);
    poured
}

/// Every word of the letters, from `assets/mail/words.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vocabulary {
    months: MonthNames,
    common: Common,
    reset: Reset,
    /// By the kinds' words.
    letter: BTreeMap<String, Kind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    greeting: String,
    account: String,
    at: String,
    from: String,
    not_you: String,
    automatic: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    button: String,
    until: String,
    code: String,
    link: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    subject: String,
    heading: String,
    /// What happened.
    lead: String,
    /// What to do now.
    next: String,
    /// What to do if it was somebody else.
    not_you: String,
}

impl Vocabulary {
    fn of_the_program() -> &'static Self {
        static WORDS: LazyLock<Vocabulary> = LazyLock::new(|| {
            toml::from_str(include_str!("../../assets/mail/words.toml"))
                .expect("the words are part of the program and tested with it")
        });
        &WORDS
    }

    fn of(&self, kind: LetterKind) -> &Kind {
        let words = self.letter.get(kind.as_str());
        words.expect("every kind has its words, which a test sees to")
    }
}

#[cfg(test)]
mod tests;
