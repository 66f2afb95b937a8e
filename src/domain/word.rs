//! Enums whose every value has one word, by which files, records, settings and commands name it: declared as one list.

/// An enum whose every value has one word.
pub trait Word: Copy + Eq + 'static {
    /// Every value there is.
    const VALUES: &'static [Self];

    /// Its word.
    fn word(self) -> &'static str;
}

/// Declares an enum as the list of its values, each with its word: `ALL` of them, `as_str`, the way back by `from_word`,
/// `Display`, and, where the error is named that a word gets which is none of these, `FromStr`. A word that is kept somewhere
/// stays what it is, whatever its value is called here.
macro_rules! words {
    (
        $(#[$about:meta])*
        $visibility:vis enum $name:ident $(else $unknown:ident)? {
            $($(#[$of_value:meta])* $value:ident = $word:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name {
            $($(#[$of_value])* $value,)+
        }

        impl $name {
            /// Every one there is.
            $visibility const ALL: [Self; [$($word),+].len()] = [$(Self::$value),+];

            /// Its word.
            $visibility fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }

            /// The one of that word.
            $visibility fn from_word(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|it| it.as_str() == word)
            }
        }

        $(
            impl std::str::FromStr for $name {
                type Err = $unknown;

                fn from_str(word: &str) -> Result<Self, $unknown> {
                    Self::from_word(word).ok_or($unknown)
                }
            }
        )?

        impl $crate::domain::word::Word for $name {
            const VALUES: &'static [Self] = &Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use words;
