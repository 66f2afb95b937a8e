//! Finding accounts while somebody types: the words of an account, and when they match what was typed.
//!
//! What is typed matches when each of its parts is the beginning of one of the account's words. A word begins where a
//! person would begin to type: at the first letter of the ID, of a part of the name, of the e-mail address and of its
//! host, and after every punctuation mark and every change between letters and digits; it runs on to the end of its
//! field, so that `PPK30`, `30`, `siti.rah` and `contoh.go.id` all find `PPK30 <siti.rahmawati@contoh.go.id>`. Any
//! place within a word (`mawati`) does not: an index of every suffix, or of every three letters, has three to four
//! times as many entries, which every import and every search would pay for.
//!
//! Capital and small letters, accents and full-width forms make no difference, and punctuation counts for nothing but
//! the beginning of a word.

use std::collections::BTreeSet;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::account::Account;

/// A word counts up to here; what is longer is as good as equal.
const WORD_CHARS: usize = 32;

/// Words that one part of an account (its ID, a part of its name, its address) may begin; a field of a hundred
/// one-letter parts has no hundred entries.
const WORDS_A_PART: usize = 8;

/// Parts of a name that count.
const NAME_PARTS: usize = 8;

/// Typed characters that count.
const TYPED_CHARS: usize = 128;

/// The words by which `account` is found, each once, in their order.
pub fn words(account: &Account) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    begin_words(&mut words, account.key.user_id.as_str(), "");
    let name = account.name.as_str();
    for part in name.split_whitespace().take(NAME_PARTS) {
        begin_words(&mut words, part, "");
    }
    let (local, host) = account.email.as_str().split_once('@').unwrap_or_default();
    begin_words(&mut words, local, host);
    // Half the country's addresses end in `go.id`: what they share finds nobody.
    let labels: Vec<&str> = host.split('.').collect();
    let telling = labels.len().saturating_sub(2).max(1);
    for first in 0..telling.min(WORDS_A_PART) {
        words.extend(word(&labels[first..].concat()));
    }
    words
}

/// Whether both have the same words, told at less cost than the words themselves.
pub fn same_words(one: &Account, other: &Account) -> bool {
    one.key == other.key && one.name == other.name && one.email == other.email
}

/// The words that begin within `part`, which goes on as `rest`.
fn begin_words(words: &mut BTreeSet<String>, part: &str, rest: &str) {
    #[derive(PartialEq)]
    enum Kind {
        Letter,
        Digit,
        Other,
    }
    let mut before = Kind::Other;
    let mut begun = 0;
    for (at, c) in part.char_indices() {
        let kind = match c {
            _ if is_combining_mark(c) => continue,
            c if c.is_numeric() => Kind::Digit,
            c if c.is_alphanumeric() => Kind::Letter,
            _ => Kind::Other,
        };
        if kind != Kind::Other && kind != before {
            words.extend(word(&format!("{}{rest}", &part[at..])));
            begun += 1;
            if begun == WORDS_A_PART {
                return;
            }
        }
        before = kind;
    }
}

/// Letters and digits of `text` in their plainest form: small, without accents; nothing where there are none.
fn word(text: &str) -> Option<String> {
    let plain = |c: &char| !is_combining_mark(*c) && c.is_alphanumeric();
    let letters = text.nfkd().filter(plain).flat_map(char::to_lowercase);
    let word: String = letters.filter(plain).take(WORD_CHARS).collect();
    (!word.is_empty()).then_some(word)
}

/// Of every word, what tells nearly all others apart.
const HINT_CHARS: usize = 3;

/// How an account's words begin, for whoever has one of them and wants to know about the others without looking at the
/// account.
pub fn hints(words: &BTreeSet<String>) -> String {
    let mut hints: Vec<&str> = words.iter().map(|word| beginning(word)).collect();
    hints.dedup();
    hints.join(" ")
}

fn beginning(word: &str) -> &str {
    let end = word.char_indices().nth(HINT_CHARS);
    &word[..end.map_or(word.len(), |(at, _)| at)]
}

/// What somebody typed to find accounts: the beginnings that all have to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<String>);

impl Query {
    /// What was typed, whatever it was; `None` when there is nothing in it to look for.
    pub fn parse(typed: &str) -> Option<Self> {
        let bounded: String = typed.chars().take(TYPED_CHARS).collect();
        let parts = bounded.split_whitespace().filter_map(word);
        let parts: Vec<String> = parts.collect::<BTreeSet<_>>().into_iter().collect();
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// The beginnings, each once.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// Whether an account with such hints may be one that was looked for; if not, it is not.
    pub fn may_match(&self, hints: &str) -> bool {
        let has = |part: &String| {
            let known = beginning(part);
            hints.split(' ').any(|hint| hint.starts_with(known))
        };
        self.0.iter().all(has)
    }

    /// Whether an account with these words is one that was looked for.
    pub fn matches(&self, words: &BTreeSet<String>) -> bool {
        self.0.iter().all(|part| first_with(words, part).is_some())
    }
}

/// The first of `words` that begins with `beginning`.
pub fn first_with<'a>(words: &'a BTreeSet<String>, beginning: &str) -> Option<&'a str> {
    let first = words.range::<str, _>((
        std::ops::Bound::Included(beginning),
        std::ops::Bound::Unbounded,
    ));
    let first = first.map(String::as_str).next();
    first.filter(|word| word.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        AccountKey, EmailAddress, PasswordHash, PersonName, UserId, UserType, password::HashCost,
    };

    fn account(id: &str, name: &str, email: &str) -> Account {
        Account::new(
            AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap()),
            PersonName::parse(name).unwrap(),
            EmailAddress::parse(email).unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn finds(typed: &str, account: &Account) -> bool {
        Query::parse(typed).is_some_and(|query| query.matches(&words(account)))
    }

    #[test]
    fn an_account_has_about_as_many_words_as_people_would_try() {
        let siti = account(
            "PPK30",
            "Siti Rahmawati, S.Kom.",
            "siti.rahma@mail.contoh.go.id",
        );
        let words = words(&siti);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(
            words,
            [
                "30",
                "contohgoid",
                "kom",
                "mailcontohgoid",
                "ppk30",
                "rahmamailcontohgoid",
                "rahmawati",
                "siti",
                "sitirahmamailcontohgoid",
                "skom",
            ]
        );
    }

    #[test]
    fn beginnings_of_any_word_find_and_all_of_them_must() {
        let siti = account("PPK-30", "Siti Rahmawati", "Siti.Rahma@contoh.go.id");
        for typed in [
            "p",
            "PPK",
            "ppk-30",
            "ppk30",
            "ＰＰＫ３０",
            "30",
            "si",
            "siti rahma",
            "rahma siti",
            "siti.rahma@con",
            "siti.rahma@contoh.go.id",
            "rahma@contoh",
            "contoh.go.id",
            "@contoh",
            "  SITI   30 ",
            "sítí",
            "siti siti",
        ] {
            assert!(finds(typed, &siti), "{typed:?}");
        }
        for typed in [
            "",
            " ",
            "-",
            "@",
            "iti",
            "siti x",
            "go.id",
            "ppk31",
            "\u{1b}[2J",
            "\u{202e}",
        ] {
            assert!(!finds(typed, &siti), "{typed:?}");
        }
        let jose = account("CV1", "José Al-Farisi", "jose@gmail.com");
        for typed in [
            "jose",
            "JOSÉ",
            "jose\u{301}",
            "al-far",
            "alfar",
            "farisi",
            "gmail.com",
        ] {
            assert!(finds(typed, &jose), "{typed:?}");
        }
    }

    #[test]
    fn hints_rule_out_and_never_in() {
        let siti = account("PPK30", "Siti Rahmawati", "siti@contoh.go.id");
        let hints = hints(&words(&siti));
        assert_eq!(hints, "30 con ppk rah sit");
        let may = |typed: &str| Query::parse(typed).unwrap().may_match(&hints);
        assert!(may("s r 30") && may("siti rahayu"));
        assert!(!may("siti b") && !may("x") && !may("sax"));
    }

    #[test]
    fn what_is_long_or_hostile_costs_little() {
        let long = account(
            &"a1".repeat(16),
            &"é ".repeat(50),
            &format!("{}@{}b.id", "a.".repeat(31) + "a", "x.".repeat(60)),
        );
        let words = words(&long);
        let parts = 1 + NAME_PARTS + 2;
        assert!(words.len() <= parts * WORDS_A_PART, "{}", words.len());
        assert!(words.iter().all(|word| word.chars().count() <= WORD_CHARS));
        let novel = "x\u{301}\u{301} ".repeat(1_000_000);
        assert!(Query::parse(&novel).unwrap().parts().len() <= TYPED_CHARS);
    }

    proptest! {
        #[test]
        fn every_word_and_every_beginning_of_it_is_found_as_it_stands(name in "\\PC{1,40}", cut in 1..40_usize) {
            let Ok(name) = PersonName::parse(&name) else { return Ok(()) };
            let mut known = account("PPK30", "x", "x@contoh.id");
            known.name = name;
            for word in words(&known) {
                prop_assert!(word.chars().all(|c| c.is_alphanumeric()), "{word:?}");
                let beginning: String = word.chars().take(cut).collect();
                prop_assert!(finds(&beginning, &known), "{beginning:?} of {word:?}");
                let query = Query::parse(&beginning).unwrap();
                prop_assert!(query.may_match(&hints(&words(&known))), "{beginning:?}");
            }
        }

        #[test]
        fn no_typing_does_harm(typed in "\\PC*|[\\x00-\\x7f\u{300}-\u{310}]*") {
            if let Some(query) = Query::parse(&typed) {
                prop_assert!(query.parts().iter().all(|part| !part.is_empty() && !part.contains('/')));
            }
        }
    }
}
