//! Colours by meaning, and whether they can be told apart: what a terminal's screens are painted with.
//!
//! Colours are numbers of a terminal's own table: 0 to 15, which every terminal has and paints as it likes, and the 240
//! behind them, which are the same everywhere (xterm's cube and greys).

use super::word::words;

/// The least contrast of ink on paper (WCAG 2.2, 1.4.3, level AA).
pub const LEAST_CONTRAST: f64 = 4.5;

/// Ink on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub ink: u8,
    pub paper: u8,
}

/// Which colour what has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    /// Around the panel: what stands in the last rows.
    pub page: Pair,
    /// What stands on the panel.
    pub panel: Pair,
    /// Inks on the panel: what is less important, the frame, what stands out, a link, a button that takes something away.
    pub soft: u8,
    pub line: u8,
    pub accent: u8,
    pub link: u8,
    pub danger: u8,
    /// What is well, and what runs out.
    pub good: u8,
    pub warn: u8,
    /// On the page: what is less important.
    pub page_soft: u8,
    /// The first row.
    pub banner: Pair,
    /// That this is for training.
    pub badge: Pair,
    pub button: Pair,
    /// The button that Enter presses.
    pub main: Pair,
    /// What is in focus.
    pub focus: Pair,
    /// What is typed into.
    pub field: Pair,
    pub error: Pair,
    pub success: Pair,
    /// What runs out, or waits.
    pub care: Pair,
}

/// What has a colour, and how to get at it among [`Colours`].
#[derive(Debug, Clone, Copy)]
pub enum Role {
    /// Ink on the panel's paper.
    OnPanel(fn(&mut Colours) -> &mut u8),
    /// Ink on the page's.
    OnPage(fn(&mut Colours) -> &mut u8),
    /// Ink and paper of its own.
    Own(fn(&mut Colours) -> &mut Pair),
}

impl Role {
    /// Every role, by its word.
    pub const ALL: [(&'static str, Self); 19] = [
        ("page", Self::Own(|colours| &mut colours.page)),
        ("panel", Self::Own(|colours| &mut colours.panel)),
        ("soft", Self::OnPanel(|colours| &mut colours.soft)),
        ("line", Self::OnPanel(|colours| &mut colours.line)),
        ("accent", Self::OnPanel(|colours| &mut colours.accent)),
        ("link", Self::OnPanel(|colours| &mut colours.link)),
        ("danger", Self::OnPanel(|colours| &mut colours.danger)),
        ("good", Self::OnPanel(|colours| &mut colours.good)),
        ("warn", Self::OnPanel(|colours| &mut colours.warn)),
        ("page_soft", Self::OnPage(|colours| &mut colours.page_soft)),
        ("banner", Self::Own(|colours| &mut colours.banner)),
        ("badge", Self::Own(|colours| &mut colours.badge)),
        ("button", Self::Own(|colours| &mut colours.button)),
        ("main", Self::Own(|colours| &mut colours.main)),
        ("focus", Self::Own(|colours| &mut colours.focus)),
        ("field", Self::Own(|colours| &mut colours.field)),
        ("error", Self::Own(|colours| &mut colours.error)),
        ("success", Self::Own(|colours| &mut colours.success)),
        ("care", Self::Own(|colours| &mut colours.care)),
    ];

    /// The word of the role whose paper this one's ink stands on, where that is another's.
    pub fn stands_on(self) -> Option<&'static str> {
        match self {
            Self::OnPanel(_) => Some("panel"),
            Self::OnPage(_) => Some("page"),
            Self::Own(_) => None,
        }
    }
}

impl Colours {
    /// The ink of a role, with the paper that it stands on.
    pub fn pair(&self, role: Role) -> Pair {
        // There is one way to a colour, and it may change it: whoever only looks goes it in a copy.
        let mut colours = *self;
        match role {
            Role::OnPanel(ink) => Pair {
                ink: *ink(&mut colours),
                paper: self.panel.paper,
            },
            Role::OnPage(ink) => Pair {
                ink: *ink(&mut colours),
                paper: self.page.paper,
            },
            Role::Own(pair) => *pair(&mut colours),
        }
    }

    /// Each ink with the paper that it stands on.
    pub fn pairs(&self) -> [(&'static str, Pair); Role::ALL.len()] {
        Role::ALL.map(|(word, role)| (word, self.pair(role)))
    }
}

/// A theme: colours for terminals of 256, and for those of 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    pub of_256: Colours,
    pub of_16: Colours,
}

const fn pair(ink: u8, paper: u8) -> Pair {
    Pair { ink, paper }
}

impl Palette {
    /// Dark and calm, the reset page's at night.
    pub const DARK: Self = Self {
        of_256: Colours {
            page: pair(252, 233),
            panel: pair(254, 235),
            soft: 248,
            line: 246,
            accent: 117,
            link: 117,
            danger: 210,
            good: 114,
            warn: 214,
            page_soft: 246,
            banner: pair(231, 24),
            badge: pair(16, 179),
            button: pair(254, 239),
            main: pair(231, 25),
            focus: pair(16, 117),
            field: pair(255, 238),
            error: pair(231, 124),
            success: pair(231, 22),
            care: pair(16, 214),
        },
        // Only the first eight are paper: Linux's console has no others.
        of_16: Colours {
            page: pair(7, 0),
            panel: pair(7, 0),
            soft: 7,
            line: 7,
            accent: 14,
            link: 14,
            danger: 9,
            good: 10,
            warn: 11,
            page_soft: 7,
            banner: pair(15, 4),
            badge: pair(0, 6),
            button: pair(0, 7),
            main: pair(15, 4),
            focus: pair(0, 6),
            field: pair(15, 0),
            error: pair(15, 1),
            success: pair(0, 2),
            care: pair(0, 6),
        },
    };

    /// Bright, for halls with much light; the reset page's by day.
    pub const LIGHT: Self = Self {
        of_256: Colours {
            page: pair(236, 254),
            panel: pair(235, 231),
            soft: 240,
            line: 242,
            accent: 25,
            link: 25,
            danger: 124,
            good: 22,
            warn: 94,
            page_soft: 240,
            banner: pair(231, 25),
            badge: pair(16, 179),
            button: pair(235, 252),
            main: pair(231, 25),
            focus: pair(231, 17),
            field: pair(235, 255),
            error: pair(231, 124),
            success: pair(231, 22),
            care: pair(16, 214),
        },
        of_16: Colours {
            page: pair(0, 7),
            panel: pair(0, 7),
            soft: 0,
            line: 0,
            accent: 4,
            link: 4,
            danger: 0,
            good: 0,
            warn: 0,
            page_soft: 0,
            banner: pair(15, 4),
            badge: pair(0, 6),
            button: pair(0, 6),
            main: pair(15, 4),
            focus: pair(7, 0),
            field: pair(0, 7),
            error: pair(15, 1),
            success: pair(0, 2),
            care: pair(0, 6),
        },
    };

    /// Black, white and yellow, for eyes that need it.
    pub const HIGH_CONTRAST: Self = Self {
        of_256: Colours {
            page: pair(231, 16),
            panel: pair(231, 16),
            soft: 231,
            line: 231,
            accent: 226,
            link: 226,
            danger: 231,
            good: 231,
            warn: 226,
            page_soft: 231,
            banner: pair(16, 226),
            badge: pair(16, 231),
            button: pair(16, 252),
            main: pair(16, 231),
            focus: pair(16, 226),
            field: pair(231, 238),
            error: pair(231, 88),
            success: pair(16, 231),
            care: pair(16, 226),
        },
        of_16: Colours {
            page: pair(15, 0),
            panel: pair(15, 0),
            soft: 15,
            line: 15,
            accent: 11,
            link: 11,
            danger: 15,
            good: 15,
            warn: 11,
            page_soft: 15,
            banner: pair(0, 7),
            badge: pair(0, 7),
            button: pair(0, 7),
            main: pair(0, 7),
            focus: pair(0, 6),
            field: pair(15, 0),
            error: pair(15, 1),
            success: pair(0, 7),
            care: pair(0, 7),
        },
    };
}

words! {
    /// A theme of the screens that comes with the program.
    #[derive(Default)]
    pub enum Theme else UnknownTheme {
        #[default]
        Dark = "dark",
        Light = "light",
        HighContrast = "high-contrast",
        /// Bold, underlined and reverse video alone.
        Monochrome = "monochrome",
    }
}

/// The text is the word of no theme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the theme is dark, light, high-contrast or monochrome")]
pub struct UnknownTheme;

impl Theme {
    /// Its colours, if it has any.
    pub fn palette(self) -> Option<Palette> {
        match self {
            Self::Dark => Some(Palette::DARK),
            Self::Light => Some(Palette::LIGHT),
            Self::HighContrast => Some(Palette::HIGH_CONTRAST),
            Self::Monochrome => None,
        }
    }
}

/// The contrast of two colours as WCAG 2.2 counts it: 1 (none) to 21.
pub fn contrast(pair: Pair) -> f64 {
    let (ink, paper) = (luminance(pair.ink), luminance(pair.paper));
    (ink.max(paper) + 0.05) / (ink.min(paper) + 0.05)
}

/// Relative luminance, 0 to 1 (WCAG 2.2).
fn luminance(colour: u8) -> f64 {
    let [red, green, blue] = rgb(colour).map(|level| {
        let level = f64::from(level) / 255.0;
        match level <= 0.04045 {
            true => level / 12.92,
            false => ((level + 0.055) / 1.055).powf(2.4),
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Black or white, whichever is read better on `paper`; the worse half of all papers still has a contrast of 4.58:1.
pub fn plainest_on(paper: u8) -> Pair {
    let [black, white] = [16, 231].map(|ink| Pair { ink, paper });
    match contrast(black) > contrast(white) {
        true => black,
        false => white,
    }
}

/// The colour nearest to red, green and blue among those that are the same on every terminal.
pub fn nearest(wanted: [u8; 3]) -> u8 {
    let distance = |colour: &u8| {
        let of = rgb(*colour);
        let apart = |part: usize| i32::from(wanted[part]) - i32::from(of[part]);
        // Eyes tell green apart best; red and blue the better, the more there is of them.
        let red = (i32::from(wanted[0]) + i32::from(of[0])) / 2;
        (512 + red) * apart(0).pow(2) + 1024 * apart(1).pow(2) + (767 - red) * apart(2).pow(2)
    };
    (16..=255).min_by_key(distance).unwrap_or(16)
}

/// Red, green and blue of a colour; of the first sixteen as a PC's own display has them.
pub fn rgb(colour: u8) -> [u8; 3] {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match colour {
        // A PC's dark yellow is brown.
        3 => [170, 85, 0],
        0..=15 => {
            let bright = if colour < 8 { 0 } else { 85 };
            [0, 1, 2].map(|part| bright + if colour >> part & 1 == 1 { 170 } else { 0 })
        }
        16..=231 => {
            let number = usize::from(colour - 16);
            [number / 36, number / 6 % 6, number % 6].map(|level| LEVELS[level])
        }
        232..=255 => [8 + 10 * (colour - 232); 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ink_can_be_read_on_its_paper_in_every_theme() {
        for (theme, palette) in [
            ("dark", Palette::DARK),
            ("light", Palette::LIGHT),
            ("high contrast", Palette::HIGH_CONTRAST),
        ] {
            for (of, colours) in [(256, palette.of_256), (16, palette.of_16)] {
                for (name, pair) in colours.pairs() {
                    let contrast = contrast(pair);
                    assert!(
                        contrast >= LEAST_CONTRAST,
                        "{theme}, of {of}, {name}: {contrast:.2}"
                    );
                }
            }
        }
    }

    #[test]
    fn contrast_is_what_the_guidelines_say() {
        assert!((contrast(pair(231, 16)) - 21.0).abs() < 0.01);
        assert!((contrast(pair(16, 16)) - 1.0).abs() < 0.01);
        // #767676 on white, their example of what is just enough.
        assert!((contrast(pair(243, 231)) - 4.54).abs() < 0.01);
    }

    #[test]
    fn a_colour_that_every_terminal_has_is_its_own_nearest() {
        for colour in 16..=255 {
            // Some greys stand among the cube's colours too.
            assert_eq!(rgb(nearest(rgb(colour))), rgb(colour), "{colour}");
        }
        assert_eq!(nearest([0x0b, 0x53, 0x94]), 24);
        assert_eq!(nearest([0xff, 0xfe, 0xff]), 231);
    }

    #[test]
    fn black_or_white_can_be_read_on_every_paper() {
        for paper in 16..=255 {
            assert!(contrast(plainest_on(paper)) >= LEAST_CONTRAST, "{paper}");
        }
    }

    #[test]
    fn the_papers_of_sixteen_are_those_that_a_console_has() {
        for palette in [Palette::DARK, Palette::LIGHT, Palette::HIGH_CONTRAST] {
            for (name, pair) in palette.of_16.pairs() {
                assert!(pair.paper < 8, "{name}");
            }
        }
    }
}
