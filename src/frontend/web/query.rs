//! What a query string or a form's body says: the link, and what is the page's own.

use zeroize::Zeroizing;

use crate::domain::{
    language::Language,
    reset::{LinkError, ResetLink},
};

use super::seal::Step;

/// The parameter that chooses the language.
pub const LANGUAGE: &str = "bahasa";
/// The form field that says which button was pressed.
pub const STEP: &str = "langkah";
/// The form field with the anti-forgery value.
pub const SEAL: &str = "tanda";

/// A query string or a form's body, read.
#[derive(Debug)]
pub struct Said {
    /// The language asked for; where it is asked for twice, the first, so that the page about that can be read.
    pub language: Option<Language>,
    pub link: Result<ResetLink, LinkError>,
    pub step: Option<Step>,
    pub seal: Option<Zeroizing<String>>,
}

impl Said {
    /// Reads `text`. One of our parameters twice makes the link one that is not opened (security.md section 2); others are
    /// passed over, because mail gateways add some.
    pub fn read(text: &str) -> Self {
        let mut link = ResetLink::parse_query(text);
        let [mut language, mut step, mut seal] = [const { None }; 3];
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let place = match name.as_ref() {
                LANGUAGE => &mut language,
                STEP => &mut step,
                SEAL => &mut seal,
                _ => continue,
            };
            if place.is_some() {
                link = Err(LinkError::Duplicated);
            } else {
                *place = Some(Zeroizing::new(value.into_owned()));
            }
        }
        Self {
            language: language.and_then(|code| Language::from_word(&code)),
            link,
            step: step.and_then(|step| Step::parse(&step)),
            seal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str =
        "email=siti%40contoh.go.id&isRekanan=0&userId=PPK30&kode=a4dqobyha4dqobyha4dqobyha4dqobyh";

    #[test]
    fn everything_is_read_once_and_twice_is_no_link() {
        let said = Said::read(&format!("{LINK}&langkah=2&tanda=x&bahasa=en&utm=1&utm=2"));
        assert!(said.link.is_ok());
        assert_eq!(said.step, Some(Step::Confirm));
        assert_eq!(said.language, Some(Language::En));
        for twice in [
            "langkah=2&langkah=2",
            "tanda=x&tanda=x",
            "bahasa=en&bahasa=id",
        ] {
            let said = Said::read(&format!("{LINK}&{twice}"));
            assert_eq!(said.link.unwrap_err(), LinkError::Duplicated, "{twice}");
        }
        let said = Said::read("bahasa=xx&langkah=3");
        assert!(said.language.is_none() && said.step.is_none() && said.seal.is_none());
        assert_eq!(said.link.unwrap_err(), LinkError::Malformed);
    }
}
