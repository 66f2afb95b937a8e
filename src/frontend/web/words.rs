//! Every word of the page, in both languages, from `assets/web`.
//!
//! As on the screens, the words are fields: a sentence missing in one language does not load, and the tests load both.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{domain::language::Language, tui::text::sections};

/// All words of one language, by page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub common: Common,
    pub ask: Ask,
    pub confirm: Confirm,
    pub done: Done,
    pub cancelled: Advice,
    pub expired: Advice,
    pub used: Advice,
    pub unknown: Advice,
    pub malformed: Advice,
    pub duplicated: Advice,
    pub too_many: Advice,
    pub unavailable: Advice,
    pub away: Advice,
    pub forged: Advice,
    pub media_type: Advice,
    pub too_large: Advice,
    pub slow: Advice,
    pub method: Advice,
    pub not_found: Advice,
}

sections! {
    Common { service, other_language, next, promise }
    Ask { title, lead, user_id, user_type, effect, button, not_you }
    Confirm { title, lead, ok, cancel }
}

/// The result, and the way on from there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    pub title: String,
    pub lead: String,
    pub next: Vec<String>,
    pub notice: String,
}

/// A page that only tells: what is the matter, and what to do now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    pub title: String,
    pub text: String,
    pub next: Vec<String>,
}

const ID: &str = include_str!("../../../assets/web/id.toml");
const EN: &str = include_str!("../../../assets/web/en.toml");

/// The page's words in `language`.
pub fn words(language: Language) -> &'static Words {
    static WORDS: LazyLock<[Words; 2]> = LazyLock::new(|| [ID, EN].map(parse));
    match language {
        Language::Id => &WORDS[0],
        Language::En => &WORDS[1],
    }
}

fn parse(toml: &str) -> Words {
    toml::from_str(toml).expect("the words are part of the program and tested with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each key with what its sentence leaves to be filled in; lists count by their items.
    fn shape(path: &str, value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    shape(&format!("{path}.{key}"), value, found);
                }
            }
            toml::Value::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    shape(&format!("{path}.{at}"), value, found);
                }
            }
            value => {
                let text = value.as_str().expect("a sentence");
                assert!(!text.trim().is_empty(), "{path} is empty");
                let names = text.split('{').skip(1);
                let names: Vec<_> = names.filter_map(|rest| rest.split('}').next()).collect();
                found.push(format!("{path} {names:?}"));
            }
        }
    }

    #[test]
    fn both_languages_are_complete_and_say_what_to_do_on_every_page() {
        let shapes = [ID, EN].map(|toml| {
            let mut found = Vec::new();
            let table = toml.parse::<toml::Table>().unwrap();
            shape("", &table.into(), &mut found);
            found
        });
        assert_eq!(shapes[0], shapes[1]);
        for language in [Language::Id, Language::En] {
            assert!(!words(language).not_found.next.is_empty());
            assert!(!words(language).too_many.next.is_empty());
        }
    }
}
