//! The two languages of screens and letters.

use super::word::words;

words! {
    /// A language that people read, with its code (BCP 47).
    #[derive(Default)]
    pub enum Language else UnknownLanguage {
        /// Indonesian, the original.
        #[default]
        Id = "id",
        En = "en",
    }
}

impl Language {
    pub fn other(self) -> Self {
        match self {
            Self::Id => Self::En,
            Self::En => Self::Id,
        }
    }
}

/// The text is the code of neither language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the language is id or en")]
pub struct UnknownLanguage;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_languages() {
        for language in Language::ALL {
            assert_eq!(Language::from_word(language.as_str()), Some(language));
        }
        assert_eq!(Language::from_word("xx"), None);
    }
}
