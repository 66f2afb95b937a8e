//! The link of a reset letter: how it is written, and how it is read after what mail programs do to it.
//!
//! On its way a link is escaped into other links, broken over lines, quoted and followed by what is not its own. The
//! token alone names the ticket, so it is taken wherever it stands whole; two different ones are nobody's. What else
//! the link says counts where it can still be read, and must agree then.

use std::collections::VecDeque;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::Token;
use crate::domain::identity::{AccountKey, EmailAddress, UserId, UserType, is_disguise};

/// The path of the page that a link leads to, as SPSE's own links have it.
pub const LINK_PATH: &str = "/proc4user/resettotp";

/// No link is longer: the longest address and User ID, every byte escaped, with room for what a mail gateway adds.
pub const LONGEST_LINK: usize = 2048;

/// As many layers of a text are taken off: links in links, and what mail puts around them.
const LAYERS: usize = 24;

/// Stands where a text was broken: white space, and the marks of a reply at the beginning of a line.
const BREAK: char = '\u{1f}';

/// All that a link says. Only the token counts; the rest, as far as it can be read, must agree with the ticket.
#[derive(Debug, Clone)]
pub struct ResetLink {
    pub token: Token,
    pub email: Option<EmailAddress>,
    pub user_type: Option<UserType>,
    pub user_id: Option<UserId>,
}

/// Why a query string is no link of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No token stands in it whole.
    #[error("a parameter is missing or malformed")]
    Malformed,
    /// A parameter stands there twice: whoever checks one and uses the other could be led astray.
    #[error("a parameter stands there twice")]
    Duplicated,
}

impl ResetLink {
    /// The link of a letter to `email` about `account`.
    pub fn new(email: EmailAddress, account: AccountKey, token: Token) -> Self {
        Self {
            token,
            email: Some(email),
            user_type: Some(account.user_type),
            user_id: Some(account.user_id),
        }
    }

    /// A token, and nothing said beside it.
    pub fn bare(token: Token) -> Self {
        Self {
            token,
            email: None,
            user_type: None,
            user_id: None,
        }
    }

    /// Whether nothing that it says is another account's.
    pub fn agrees_with(&self, account: &AccountKey, email: &EmailAddress) -> bool {
        let said = self.email.as_ref();
        said.is_none_or(|said| said.is_same_mailbox(email))
            && self.user_type.is_none_or(|said| said == account.user_type)
            && self
                .user_id
                .as_ref()
                .is_none_or(|said| *said == account.user_id)
    }

    /// `{base_url}/proc4user/resettotp?email=…&isRekanan=0&userId=PPK30&kode=…`. `base_url` has no slash at its end.
    pub fn url(&self, base_url: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{base_url}{LINK_PATH}?{}", self.query().as_str()))
    }

    /// The link's parameters, escaped.
    pub fn query(&self) -> Zeroizing<String> {
        let mut query = form_urlencoded::Serializer::new(String::with_capacity(LONGEST_LINK));
        if let Some(email) = &self.email {
            query.append_pair("email", email.as_str());
        }
        if let Some(user_type) = self.user_type {
            let rekanan = match user_type {
                UserType::Penyedia => "1",
                UserType::NonPenyedia => "0",
            };
            query.append_pair("isRekanan", rekanan);
        }
        if let Some(user_id) = &self.user_id {
            query.append_pair("userId", user_id.as_str());
        }
        query.append_pair("kode", &self.token.text());
        Zeroizing::new(query.finish())
    }

    /// Reads a query string or a form's body. Parameters that are not ours are passed over: mail gateways add some.
    ///
    /// # Errors
    /// None of ours may stand there twice, and a token must.
    pub fn parse_query(query: &str) -> Result<Self, LinkError> {
        if query.len() > LONGEST_LINK {
            return Err(LinkError::Malformed);
        }
        if Reading::of(query).is_repeated {
            return Err(LinkError::Duplicated);
        }
        match Self::in_text(query) {
            Found::One(link) => Ok(link),
            Found::Several => Err(LinkError::Duplicated),
            Found::None => Err(LinkError::Malformed),
        }
    }

    /// The link that stands somewhere in `text`. The time it takes grows with the text's length alone.
    pub fn in_text(text: &str) -> Found {
        let mut found: Option<(Self, bool)> = None;
        for layer in layers(text) {
            let reading = Reading::of(&layer);
            if reading.is_ambiguous {
                return Found::Several;
            }
            let Some(link) = reading.link() else {
                continue;
            };
            let is_quoted = is_quoted_printable(&layer);
            match &found {
                Some((known, _)) if !known.token.digest().is(&link.token.digest()) => {
                    return Found::Several;
                }
                // The outermost layer with a token has the rest as it was written, unless lines are still broken in it:
                // a soft break would be read as a part of what it breaks.
                Some((_, was_quoted)) if is_quoted || !was_quoted => {}
                _ => found = Some((link, is_quoted)),
            }
        }
        found.map_or(Found::None, |(link, _)| Found::One(link))
    }
}

/// What stands in a text.
#[derive(Debug, Clone)]
pub enum Found {
    None,
    One(ResetLink),
    /// More than one, and nobody can say which is meant.
    Several,
}

/// The text itself, and what it may be under an escaping that it seems to be in.
fn layers(text: &str) -> Vec<Zeroizing<String>> {
    let mut layers: Vec<Zeroizing<String>> = Vec::with_capacity(LAYERS);
    let mut waiting = VecDeque::from([Zeroizing::new(text.to_owned())]);
    while let Some(text) = waiting.pop_front() {
        let unbroken = unbroken(&text);
        let inner = [
            text.contains('%').then(|| percent_decoded(&text)),
            is_quoted_printable(&text).then(|| quoted_printable_decoded(&text)),
            // Proofpoint's URL Defense, version 2: `-` for `%`, and `_` for `/`.
            text.contains("/v2/url?")
                .then(|| percent_decoded(&text.replace('-', "%").replace('_', "/"))),
            // Its version 3 has `*` for characters that it tells at the end; in links that are escaped, `%`.
            text.contains("/v3/__")
                .then(|| percent_decoded(&text.replace('*', "%"))),
            // What was broken in the middle of an escape or of a gateway's own name.
            unbroken
                .contains(BREAK)
                .then(|| Zeroizing::new(unbroken.replace(BREAK, ""))),
        ];
        for inner in inner.into_iter().flatten() {
            let is_new = !layers.contains(&inner) && !waiting.contains(&inner) && inner != text;
            if is_new && layers.len() + 1 + waiting.len() < LAYERS {
                waiting.push_back(inner);
            }
        }
        layers.push(text);
    }
    layers
}

fn percent_decoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(percent_decode_str(text).decode_utf8_lossy().into_owned())
}

/// Whether it has an escaped `=`, or a line that was broken softly (RFC 2045 section 6.7).
fn is_quoted_printable(text: &str) -> bool {
    let is_soft = |(at, _)| text[at + 1..].starts_with(char::is_whitespace);
    text.contains("=3D") || text.match_indices('=').any(is_soft)
}

/// Leniently: a soft break takes all white space behind it along, because a terminal may have made its line feed a space.
fn quoted_printable_decoded(text: &str) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        let hex = after
            .get(..2)
            .filter(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()));
        let hex = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = if let Some(byte) = hex {
            bytes.push(byte);
            &after[2..]
        } else if after.starts_with(char::is_whitespace) {
            after.trim_start()
        } else {
            bytes.push(b'=');
            after
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
}

/// One layer's parameters.
#[derive(Debug, Default)]
struct Reading {
    token: Parameter<Token>,
    email: Parameter<EmailAddress>,
    user_type: Parameter<UserType>,
    user_id: Parameter<UserId>,
    /// One stands there twice.
    is_repeated: bool,
    /// One stands there twice, and says two things.
    is_ambiguous: bool,
}

/// Whether a parameter stands there, and what it says where that can be read.
#[derive(Debug)]
struct Parameter<T> {
    stands: bool,
    said: Option<T>,
}

impl<T> Default for Parameter<T> {
    fn default() -> Self {
        Self {
            stands: false,
            said: None,
        }
    }
}

impl Reading {
    fn of(layer: &str) -> Self {
        let mut reading = Self::default();
        let text = unbroken(layer);
        // Between parameters, and around links in text and HTML. `;` ends what was `&amp;`.
        for part in text.split(['&', ';', '?', '#', '"', '<', '>']) {
            if let Some((name, value)) = part.split_once('=') {
                reading.take(name, value);
            }
        }
        reading
    }

    fn take(&mut self, name: &str, value: &str) {
        let Self {
            token,
            email,
            user_type,
            user_id,
            is_repeated,
            is_ambiguous,
        } = self;
        let (repeated, ambiguous) = if is_called(name, "kode") {
            let same = |a: &Token, b: &Token| a.digest().is(&b.digest());
            token.take(whole_token(value), same)
        } else if is_called(name, "email") {
            let same = |a: &EmailAddress, b: &EmailAddress| a.is_same_mailbox(b);
            // An address has no space: it was a plus sign, which stands for one in forms. Or its line was broken there;
            // where nobody can tell, it is not read.
            let value = value.trim_matches(BREAK);
            let address = plain(value).filter(|_| !value.contains(BREAK));
            let address = address.map(|address| address.replace(' ', "+"));
            email.take(
                address.and_then(|text| EmailAddress::parse(&text).ok()),
                same,
            )
        } else if is_called(name, "isRekanan") {
            let read = plain(value).and_then(|value| match value.trim() {
                "1" => Some(UserType::Penyedia),
                "0" => Some(UserType::NonPenyedia),
                _ => None,
            });
            user_type.take(read, UserType::eq)
        } else if is_called(name, "userId") {
            let read = plain(value).and_then(|value| UserId::parse(&value).ok());
            user_id.take(read, UserId::eq)
        } else {
            return;
        };
        *is_repeated |= repeated;
        *is_ambiguous |= ambiguous;
    }

    fn link(self) -> Option<ResetLink> {
        Some(ResetLink {
            token: self.token.said?,
            email: self.email.said,
            user_type: self.user_type.said,
            user_id: self.user_id.said,
        })
    }
}

impl<T> Parameter<T> {
    /// Notes what one more says: whether one stood there before, and whether that said something else.
    fn take(&mut self, said: Option<T>, same: impl Fn(&T, &T) -> bool) -> (bool, bool) {
        let repeated = std::mem::replace(&mut self.stands, true);
        let Some(said) = said else {
            return (repeated, false);
        };
        let ambiguous = self
            .said
            .as_ref()
            .is_some_and(|before| !same(before, &said));
        self.said.get_or_insert(said);
        (repeated, ambiguous)
    }
}

/// Whether what stands before a `=` ends with that name, as a word of its own or broken in the middle.
fn is_called(text: &str, name: &str) -> bool {
    let text = percent_decoded(text);
    // A name that is broken at every letter is still this short.
    let tail: Vec<char> = text.chars().rev().take(2 * name.len() + 1).collect();
    let ends = |tail: &mut dyn Iterator<Item = char>| {
        name.chars().rev().all(|c| tail.next() == Some(c))
            && !tail.next().is_some_and(char::is_alphanumeric)
    };
    ends(&mut tail.iter().copied()) || ends(&mut tail.iter().copied().filter(|c| *c != BREAK))
}

/// What a value says, unescaped; `None` where it is escaped more than once.
fn plain(value: &str) -> Option<Zeroizing<String>> {
    let value: Zeroizing<String> = Zeroizing::new(
        value
            .chars()
            .filter(|c| *c != BREAK)
            .map(|c| if c == '+' { ' ' } else { c })
            .collect(),
    );
    let value = percent_decoded(&value);
    (!value.contains('%')).then_some(value)
}

/// The token that a value begins with, if nothing more stands behind it that could be a part of it.
fn whole_token(value: &str) -> Option<Token> {
    let mut text = Zeroizing::new(String::with_capacity(Token::LENGTH));
    let value = value.trim_start_matches([BREAK, '\'', '[', '(', '+']);
    for (at, c) in value.char_indices() {
        if text.len() == Token::LENGTH {
            let ends = !value[at..].starts_with(char::is_alphanumeric);
            return if ends { Token::parse(&text) } else { None };
        }
        if c.is_ascii_alphanumeric() {
            text.push(c);
        } else if c != BREAK {
            return None;
        }
    }
    Token::parse(&text)
}

/// The text with one [`BREAK`] for everything that a mail program may have put in between: white space, characters
/// that are not seen, and the `>` of a reply at the beginning of a line.
fn unbroken(text: &str) -> Zeroizing<String> {
    let mut unbroken = Zeroizing::new(String::with_capacity(text.len() + BREAK.len_utf8()));
    let mut at_break = true;
    for c in text.chars() {
        if c.is_whitespace() || is_disguise(c) || (at_break && c == '>') {
            if !at_break {
                unbroken.push(BREAK);
            }
            at_break = true;
        } else {
            unbroken.push(c);
            at_break = false;
        }
    }
    unbroken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::reset::ResetSecret;

    const EMAIL: &str = "siti+spse@contoh.go.id";

    fn link() -> ResetLink {
        let account = AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap());
        let email = EmailAddress::parse(EMAIL).unwrap();
        ResetLink::new(email, account, Token::from_bytes([7; Token::BYTES]))
    }

    fn url() -> String {
        link().url("https://lpse.contoh.go.id").to_string()
    }

    fn escaped(text: &str) -> String {
        form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    /// What rewrites the links of letters on their way.
    const GATEWAYS: [fn(&str) -> String; 7] = [
        |url| {
            let url = escaped(url);
            format!(
                "https://apc01.safelinks.protection.outlook.com/?url={url}&data=05%7C02%7Csiti&sdata=x%3D&reserved=0"
            )
        },
        |url| {
            let url = escaped(url).replace('-', "-2D").replace('_', "-5F");
            let url = url.replace('%', "-").replace("-2F", "_");
            format!("https://urldefense.proofpoint.com/v2/url?u={url}&d=DwMFaQ&c=a-b_c&e=")
        },
        |url| {
            let url = url.replace('%', "*");
            format!("https://urldefense.com/v3/__{url}__;JSU!!A1b-2$")
        },
        |url| {
            let url = escaped(url)
                .replace("%3A", "%3a")
                .replace("%2F", "%2f")
                .replace("%3D", "%3d");
            format!("https://linkprotect.cudasvc.com/url?a={url}&c=E,1,x-y&typo=1")
        },
        |url| {
            format!(
                "https://www.google.com/url?q={}&sa=D&source=gmail&ust=1",
                escaped(url)
            )
        },
        |url| {
            format!(
                "https://url.uk.m.mimecastprotect.com/s/x?domain=lpse&u={}",
                escaped(url)
            )
        },
        |url| format!("{url}&utm_source=newsletter&bahasa=en"),
    ];

    /// What mail programs do to a text on its way, and people when they copy it.
    const MANGLERS: [fn(&str) -> String; 12] = [
        |text| text.replace('&', "&amp;"),
        |text| {
            let text = text.replace('=', "=3D").replace('%', "=25");
            let lines: Vec<&str> = text
                .as_bytes()
                .chunks(61)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            // No escape is broken in the middle, as RFC 2045 section 6.7 has it.
            let whole = lines.join("\u{0}").replace("=\u{0}", "\u{0}=");
            let whole = whole
                .replace("=2\u{0}5", "=25\u{0}")
                .replace("=3\u{0}D", "=3D\u{0}");
            whole.replace('\u{0}', "=\r\n")
        },
        |text| format!("<{text}>"),
        |text| format!("{text}."),
        |text| format!("({text})."),
        |text| format!("\"{text}\","),
        |text| format!("\u{201c}{text}\u{201d}"),
        |text| format!("> {text}"),
        |text| {
            let (head, tail) = text.split_at(text.char_indices().nth(70).unwrap().0);
            format!("> {head}\r\n> {tail}\r\n>\r\n")
        },
        |text| format!(" {}\r\n   {}\n", &text[..40], &text[40..]),
        |text| format!("Tautan: {text} \r\nKode: ACDE-FGHJ-KMNP-QRTV"),
        |text| format!("<a href=\"{text}\">{text}</a>"),
    ];

    #[track_caller]
    fn has_the_token(text: &str) -> ResetLink {
        match ResetSecret::typed(text) {
            Some(ResetSecret::Link(read)) => {
                assert!(read.token.digest().is(&link().token.digest()), "{text}");
                let account =
                    AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap());
                let email = EmailAddress::parse(EMAIL).unwrap();
                assert!(read.agrees_with(&account, &email), "{text}: {read:?}");
                read
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_link_is_found_in_whatever_a_gateway_makes_of_it() {
        for gateway in GATEWAYS {
            let read = has_the_token(&gateway(&url()));
            assert_eq!(read.user_type, Some(UserType::NonPenyedia));
            assert!(read.user_id.is_some());
            for outer in GATEWAYS {
                let twice = outer(&gateway(&url()));
                has_the_token(&twice);
                // A soft break before an escape of the link's own.
                has_the_token(&MANGLERS[1](&twice));
            }
        }
        for mangler in MANGLERS {
            let read = has_the_token(&mangler(&url()));
            assert!(
                read.user_type.is_some() && read.user_id.is_some(),
                "{read:?}"
            );
        }
    }

    #[test]
    fn a_token_alone_names_the_ticket_and_what_is_left_of_a_link_does() {
        let token = link().token.text();
        for text in [
            token.as_str(),
            &format!("kode={}", token.as_str()),
            &format!("userId=PPK30&kode={}", token.as_str()),
            &format!("kode=\r\n{}", token.as_str()),
            &format!("ko\r\nde={}\r\n{}.", &token[..9], &token[9..]),
            &format!("email=siti spse@contoh.go.id&kode={}", token.as_str()),
            &format!("Kode: {}.", token.as_str()),
        ] {
            has_the_token(text);
        }
        for text in [
            format!("kode={}", &token[..31]),
            format!("kode={}a", token.as_str()),
            format!("kode={}", token.to_uppercase()),
            format!("kode={}-{}", &token[..9], &token[9..]),
            format!("bukankode={}", token.as_str()),
            url().replace("kode=", "kode"),
        ] {
            assert!(matches!(ResetLink::in_text(&text), Found::None), "{text}");
        }
    }

    #[test]
    fn two_links_are_nobodys_and_one_twice_is_one() {
        let other = url().replace("a4dq", "b4dq");
        for text in [
            format!("{} {other}", url()),
            format!("{}&{other}", GATEWAYS[0](&url())),
            format!("{}&x={}", url(), escaped(&other)),
            format!("{}&userId=PPK31", url()),
            format!("{} {}", url(), url().replace("isRekanan=0", "isRekanan=1")),
        ] {
            assert!(
                matches!(ResetLink::in_text(&text), Found::Several),
                "{text}"
            );
            assert!(ResetSecret::typed(&text).is_none(), "{text}");
        }
        has_the_token(&format!("{0}\r\n{0}", url()));
        has_the_token(&format!("{} {}", url(), GATEWAYS[0](&url())));
    }

    #[test]
    fn an_opened_link_is_read_after_what_is_done_to_it_on_the_way() {
        let whole = link().query().to_string();
        for query in [
            whole.clone(),
            whole.replace("%2B", "+"),
            whole.replace("%2B", "%20"),
            whole.replace('%', "%25"),
            whole.replace('%', "%2525"),
            whole.replace('&', "&amp;"),
            whole.replace('=', "%3D").replace('&', "%26"),
            format!("{whole}."),
            format!("{whole}>"),
            format!("{whole}%3E"),
            format!("{whole}%22"),
            format!("{whole})"),
            format!("{whole}%20"),
            format!("{whole}+"),
            format!("{whole}%0D%0A"),
            format!("{whole}&utm_source=gateway&bahasa=en"),
            whole.replace("email=", "x="),
        ] {
            let read =
                ResetLink::parse_query(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert!(read.token.digest().is(&link().token.digest()), "{query}");
        }
        let spelled = ResetLink::parse_query(&whole.replace("%2B", "+")).unwrap();
        assert_eq!(spelled.email.unwrap().as_str(), EMAIL);
    }

    #[test]
    fn a_parameter_twice_or_no_token_is_no_link() {
        let whole = link().query();
        for part in whole.split('&') {
            for twice in [
                format!("{}&{part}", whole.as_str()),
                format!("{part}&{}", whole.as_str()),
                format!("{}&amp;{part}", whole.as_str()),
            ] {
                let error = ResetLink::parse_query(&twice).unwrap_err();
                assert_eq!(error, LinkError::Duplicated, "{twice}");
            }
        }
        let escaped_twice = format!("{}&%6bode=a", whole.as_str());
        assert_eq!(
            ResetLink::parse_query(&escaped_twice).unwrap_err(),
            LinkError::Duplicated
        );
        for query in [
            "",
            "kode=",
            "email=a%40b.id&isRekanan=0&userId=PPK30",
            "kode=a4dq",
        ] {
            let error = ResetLink::parse_query(query).unwrap_err();
            assert_eq!(error, LinkError::Malformed, "{query}");
        }
        let novel = format!("{}&x={}", whole.as_str(), "x".repeat(LONGEST_LINK));
        assert!(ResetLink::parse_query(&novel).is_err());
    }

    proptest! {
        /// Gateways rewrite, then a mail program escapes, then a person copies.
        #[test]
        fn any_wrapping_of_a_link_gives_its_token(
            gateways in proptest::collection::vec(0..GATEWAYS.len(), 0..3),
            escapes in proptest::collection::vec(0..2usize, 0..2),
            copies in proptest::collection::vec(2..MANGLERS.len(), 0..3),
        ) {
            let mut text = url();
            for gateway in gateways {
                text = GATEWAYS[gateway](&text);
            }
            for mangler in escapes.into_iter().chain(copies) {
                text = MANGLERS[mangler](&text);
            }
            has_the_token(&text);
        }

        #[test]
        fn any_text_is_a_secret_or_none_and_never_a_panic(
            text in ".{0,300}",
            query in "[a-zA-Z0-9=&%+;?@. ]{0,200}",
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("kode="), Just("a4dqobyha4dqobyha4dqobyha4dqobyh"), Just("%"), Just("%25"), Just("=3D"),
                    Just("=\r\n"), Just("/v3/__"), Just("/v2/url?"), Just("-3D"), Just("*"), Just("email="), Just("&"),
                    Just("\u{e9}"), Just("\u{1f}"), Just("> "), Just("?")
                ],
                0..60,
            ),
        ) {
            for text in [text, query, pieces.concat()] {
                let _ = ResetSecret::typed(&text);
                let _ = ResetLink::parse_query(&text);
            }
        }
    }

    /// Every layer is looked at once, and there are only so many.
    #[test]
    fn the_longest_paste_has_no_more_layers_than_there_may_be() {
        for piece in [
            "%25",
            "%2525",
            "=3D=25",
            "/v2/url?-25_%25",
            "/v3/__*25%25=3D",
            "&kode=",
            "> \r\n",
        ] {
            let text = piece.repeat(super::super::LONGEST_PASTE / piece.len());
            let layers = layers(&text);
            assert!(layers.len() <= LAYERS, "{piece}");
            assert!(
                layers.iter().all(|layer| layer.len() <= text.len()),
                "{piece}"
            );
            let _ = ResetSecret::typed(&text);
        }
    }
}
