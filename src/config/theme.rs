//! The theme of the screens: one that comes with the program, or a file of an office's own colours, which is judged before
//! anybody sees it.
//!
//! A file names a theme to start from and gives colours to some of its roles. Terminals have 256 colours at most that are
//! the same everywhere, so each becomes the nearest of those, and what is judged is what people will see. Where a
//! terminal has sixteen, they are those of the theme to start from.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use toml::de::DeValue;

use super::{
    error::ConfigError,
    file::{self, place_in, shown},
    notation::Refusal,
    origin::Origin,
};
use crate::domain::palette::{
    Colours, LEAST_CONTRAST, Pair, Palette, Role, Theme, contrast, nearest, plainest_on, rgb,
};

/// What `[kiosk] theme` may be.
pub(super) const THEMES: &str =
    "dark, light, high-contrast, monochrome, or the absolute path of a file of colours";

/// What is written in a theme file before its colours: the theme that has all others.
const BASE: &str = "base";

const BASES: &str = "dark, light or high-contrast, in quotes";
const INK: &str = "a colour such as \"#0b5394\"";
const PAIR: &str = "the colour of its paper such as \"#0b5394\", or of ink and paper such as \"#ffffff on #0b5394\"";

/// Where the colours of the screens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThemeChoice {
    /// A theme that comes with the program.
    BuiltIn(Theme),
    /// A theme file. Absolute.
    File(PathBuf),
}

impl Default for ThemeChoice {
    fn default() -> Self {
        Self::BuiltIn(Theme::default())
    }
}

impl fmt::Display for ThemeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(theme) => theme.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl ThemeChoice {
    /// Reads a theme's word, or a path.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        if let Ok(theme) = text.parse() {
            return Ok(Self::BuiltIn(theme));
        }
        let path = PathBuf::from(text);
        let is_path = path.is_absolute() && !text.contains('\0');
        is_path.then_some(Self::File(path)).ok_or(Refusal::Form)
    }

    /// Its colours, if it has any; `named_by` is what has set it.
    ///
    /// # Errors
    ///
    /// If there is no such file, it may not be read, or says anything but colours that can be told apart.
    pub(super) fn palette(&self, named_by: &Origin) -> Result<Option<Palette>, ConfigError> {
        let path = match self {
            Self::BuiltIn(theme) => return Ok(theme.palette()),
            Self::File(path) => path,
        };
        let text = file::read(path, file::THEME)?;
        let text = text.ok_or_else(|| ConfigError::Missing {
            what: file::THEME.what,
            file: path.display().to_string(),
            named_by: format!("[kiosk] theme ({named_by})"),
        })?;
        Ok(Some(ThemeFile { path, text: &text }.palette()?))
    }
}

/// A theme file that has been read.
struct ThemeFile<'a> {
    path: &'a Path,
    text: &'a str,
}

/// A role to which the file gives colours.
struct Given {
    word: &'static str,
    /// Where its word stands in the file.
    at: usize,
    /// Its colours as they are written; of what has paper of its own the ink may be left out.
    ink: Option<Rgb>,
    paper: Option<Rgb>,
}

/// Red, green and blue.
type Rgb = [u8; 3];

impl ThemeFile<'_> {
    fn palette(&self) -> Result<Palette, ConfigError> {
        let table = file::table(self.path, self.text)?;
        let mut palette = Palette::DARK;
        let mut given = Vec::new();
        for (word, value) in &table {
            let at = word.span().start;
            let written = self.text.get(value.span()).unwrap_or_default();
            let refused = |allowed| ConfigError::Value {
                place: self.place(at),
                setting: shown(word.get_ref()),
                value: shown(written),
                because: String::new(),
                allowed,
            };
            let text = match value.get_ref() {
                DeValue::String(text) => text.as_ref(),
                _ => "",
            };
            if word.get_ref() == BASE {
                let base = text.parse::<Theme>().ok().and_then(Theme::palette);
                palette = base.ok_or_else(|| refused(BASES))?;
                continue;
            }
            let mut roles = Role::ALL.into_iter();
            let (word, role) = roles
                .find(|(role, _)| role == word.get_ref())
                .ok_or_else(|| self.unknown(at, word.get_ref()))?;
            let (allowed, colours) = match role {
                Role::OnPanel(_) | Role::OnPage(_) => {
                    (INK, parsed(text).map(|ink| (Some(ink), None)))
                }
                Role::Own(_) => (PAIR, parsed_pair(text)),
            };
            let (ink, paper) = colours.ok_or_else(|| refused(allowed))?;
            let colours = Given {
                word,
                at,
                ink,
                paper,
            };
            given.push((role, colours));
        }
        for (role, colours) in &given {
            colours.give(&mut palette.of_256, *role);
        }
        let given: Vec<Given> = given.into_iter().map(|(_, colours)| colours).collect();
        self.judge(&palette.of_256, &given)?;
        Ok(palette)
    }

    /// Refuses the first ink that cannot be read on its paper.
    fn judge(&self, colours: &Colours, given: &[Given]) -> Result<(), ConfigError> {
        let of = |word| given.iter().find(|given| given.word == word);
        for (word, role) in Role::ALL {
            let pair = colours.pair(role);
            let contrast = contrast(pair);
            if contrast >= LEAST_CONTRAST {
                continue;
            }
            let (own, below) = (of(word), role.stands_on());
            let on = below.map_or(own, of);
            let ink = told(pair.ink, own.and_then(|given| given.ink));
            let paper = told(pair.paper, on.and_then(|given| given.paper));
            let what = match below {
                Some(below) => format!("`{word}` {ink} on `{below}` {paper}"),
                None => format!("`{word}` {ink} on {paper}"),
            };
            // What is not enough is not rounded up to what is.
            let contrast = (contrast * 10.0).floor() / 10.0;
            return Err(ConfigError::Colours {
                place: self.place(own.or(on).map_or(0, |given| given.at)),
                what: format!(
                    "{what} has a contrast of {contrast:.1}:1; at least {LEAST_CONTRAST}:1 is wanted"
                ),
            });
        }
        Ok(())
    }

    fn place(&self, at: usize) -> String {
        place_in(self.path, self.text, at)
    }

    fn unknown(&self, at: usize, word: &str) -> ConfigError {
        let words: Vec<_> = [BASE]
            .into_iter()
            .chain(Role::ALL.map(|(word, _)| word))
            .collect();
        let near = file::nearest(word, words.iter().copied()).unwrap_or_default();
        ConfigError::Unknown {
            place: self.place(at),
            setting: shown(word),
            hint: format!(
                "the nearest is {near}; a theme file has {}",
                words.join(", ")
            ),
        }
    }
}

impl Given {
    /// Gives the colours to `role` among those of a terminal.
    fn give(&self, colours: &mut Colours, role: Role) {
        match role {
            Role::OnPanel(ink) | Role::OnPage(ink) => {
                *ink(colours) = self.ink.map_or(*ink(colours), nearest);
            }
            Role::Own(pair) => {
                let paper = self.paper.map_or(pair(colours).paper, nearest);
                *pair(colours) = match self.ink {
                    Some(ink) => Pair {
                        ink: nearest(ink),
                        paper,
                    },
                    None => plainest_on(paper),
                };
            }
        }
    }
}

/// `#rrggbb`.
fn parsed(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#')?;
    let is_whole = digits.len() == 6 && digits.bytes().all(|c| c.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, rgb @ ..] = number.to_be_bytes();
    is_whole.then_some(rgb)
}

/// `#rrggbb`, which is paper, or `#rrggbb on #rrggbb`.
fn parsed_pair(text: &str) -> Option<(Option<Rgb>, Option<Rgb>)> {
    match text.split_once(" on ") {
        Some((ink, paper)) => Some((Some(parsed(ink.trim())?), Some(parsed(paper.trim())?))),
        None => Some((None, Some(parsed(text)?))),
    }
}

/// A colour as it is written, and as it is shown where that is another.
fn told(colour: u8, written: Option<Rgb>) -> String {
    let hex = |[red, green, blue]: Rgb| format!("#{red:02x}{green:02x}{blue:02x}");
    let shown = hex(rgb(colour));
    match written.map(hex) {
        Some(written) if written != shown => format!("{written} (shown as {shown})"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette(text: &str) -> Result<Palette, String> {
        let path = Path::new("/etc/lpse-kiosk/office.toml");
        let file = ThemeFile { path, text };
        file.palette().map_err(|error| error.to_string())
    }

    /// The refusal of a file; it must hold every one of `words`.
    fn refused(text: &str, words: &[&str]) {
        let error = palette(text).expect_err(text);
        for word in words {
            assert!(error.contains(word), "{word:?} is missing in: {error}");
        }
    }

    #[test]
    fn a_theme_is_a_word_or_an_absolute_path() {
        let read = |text: &str| ThemeChoice::read(text).ok();
        assert_eq!(read("light"), Some(ThemeChoice::BuiltIn(Theme::Light)));
        let file = read("/etc/lpse-kiosk/office.toml").unwrap();
        assert_eq!(file.to_string(), "/etc/lpse-kiosk/office.toml");
        for text in ["office.toml", "Light", "", "/a\0b"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn colours_are_laid_over_a_theme_and_become_the_nearest_of_256() {
        assert_eq!(palette("").unwrap(), Palette::DARK);
        assert_eq!(palette("base = \"light\"").unwrap(), Palette::LIGHT);
        let office = palette(
            "accent = \"#0B5394\"\nbanner = \"#ffffff on #0b5394\"\nmain = \"#ffd700\"\nbase = \"light\"\n",
        )
        .unwrap();
        let blue = nearest([0x0b, 0x53, 0x94]);
        let expected = Colours {
            accent: blue,
            banner: Pair {
                ink: 231,
                paper: blue,
            },
            // Where paper alone is given, the ink is what is read best on it.
            main: Pair {
                ink: 16,
                paper: 220,
            },
            ..Palette::LIGHT.of_256
        };
        assert_eq!(office.of_256, expected);
        // These a terminal paints as it likes.
        assert_eq!(office.of_16, Palette::LIGHT.of_16);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line_and_what_people_would_see() {
        refused(
            "base = \"light\"\n\n# Ours\naccent = \"#88aaff\"\n",
            &[
                "/etc/lpse-kiosk/office.toml, line 4: `accent` #88aaff (shown as #87afff) on `panel` #ffffff has a \
                 contrast of 2.1:1; at least 4.5:1 is wanted",
            ],
        );
        refused(
            "banner = \"#888888 on #ffffff\"",
            &["line 1: `banner` #888888 (shown as #878787) on #ffffff"],
        );
        // An ink of the theme below, on paper of the file.
        refused(
            "base = \"dark\"\npanel = \"#000000 on #ffffff\"",
            &["line 2: `soft` #a8a8a8 on `panel` #ffffff"],
        );
        // Near enough as it is written, and not as it is shown.
        refused(
            "base = \"light\"\naccent = \"#0078d4\"",
            &["line 2", "shown as #0087d7", "3.8:1"],
        );
    }

    #[test]
    fn what_is_no_colour_of_a_role_is_told_with_its_line_and_what_is_allowed() {
        for colour in [
            "#fff",
            "0b5394",
            "#0b539g",
            "#+b5394",
            "#0b53944",
            "blue",
            "#0b5394 on #ffffff",
            "",
        ] {
            let file = format!("base = \"light\"\naccent = \"{colour}\"");
            refused(&file, &["line 2: accent = ", colour, INK]);
        }
        refused("accent = 12", &["line 1: accent = 12", INK]);
        refused("banner = \"#fff on #000000\"", &["line 1: banner", PAIR]);
        refused("base = \"monochrome\"", &["line 1: base", BASES]);
        refused(
            "\nacent = \"#ffffff\"",
            &[
                "line 2: there is no setting acent",
                "nearest is accent",
                "page_soft",
            ],
        );
        refused("[colours]\naccent = \"#ffffff\"", &["line 1", "colours"]);
        refused("accent = \"#ffffff", &["line 1"]);
    }
}
