//! Styles by meaning, for terminals of 256 colours, 16 colours and none.
//!
//! Where there are colours the whole screen has its own paper, so that every contrast is known; colour adds to what words,
//! marks and places already say, and is nowhere the only sign.

use ratatui::{
    style::{Color, Modifier, Style},
    symbols::border,
};

use super::sequences::Sequences;
use crate::domain::palette::{self, Pair, Palette};

/// Marks the cells of an address that the terminal is to be told of, by a bit that ratatui's modifiers leave free.
pub const ADDRESS: Modifier = Modifier::from_bits_retain(1 << 15);

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    pub glyphs: Glyphs,
    pub colours: Colours,
    /// The person has asked for no colour (no-color.org). Pictures keep theirs: without it a QR code does not scan.
    pub no_color: bool,
    /// What it may be told besides what it shows.
    pub sequences: Sequences,
}

/// Which characters the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// UTF-8, with everything that fonts of terminal programs have.
    Unicode,
    /// UTF-8 on Linux's own console, whose fonts have lines and half blocks, and few marks besides.
    LinuxConsole,
    /// Plain ASCII.
    Ascii,
}

/// Which colours the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    Mono,
    Ansi16,
    Ansi256,
}

impl Terminal {
    /// What a terminal can do by the words that travel with it: `TERM`, `NO_COLOR`, and the locale's `LC_ALL`,
    /// `LC_CTYPE` or `LANG`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(set)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let glyphs = match (utf8, term.as_str()) {
            (false, _) => Glyphs::Ascii,
            (true, "linux") => Glyphs::LinuxConsole,
            (true, _) => Glyphs::Unicode,
        };
        let mono = [
            "dumb",
            "vt100",
            "vt102",
            "vt220",
            "vt320",
            "linux-m",
            "xterm-mono",
        ];
        let colours = if term.is_empty() || mono.contains(&term.as_str()) {
            Colours::Mono
        } else if term.contains("256") || term.contains("kitty") || term.contains("direct") {
            Colours::Ansi256
        } else {
            Colours::Ansi16
        };
        Self {
            glyphs,
            colours,
            no_color: set("NO_COLOR").is_some(),
            sequences: Sequences::of(&term),
        }
    }

    /// The same where nobody owns it: a clipboard would keep what belongs to whoever was there before.
    pub fn of_nobody(self) -> Self {
        Self {
            sequences: Sequences::default(),
            ..self
        }
    }
}

/// The styles and marks of a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    pub terminal: Terminal,
    /// Around the panel, and on it; what stands there has no paper of its own.
    pub page: Style,
    pub panel: Style,
    /// The first row.
    pub banner: Style,
    pub title: Style,
    pub label: Style,
    pub hint: Style,
    /// Below the panel.
    pub footer: Style,
    pub key: Style,
    pub field: Style,
    pub focus: Style,
    pub button: Style,
    /// The button that Enter presses.
    pub main: Style,
    /// A button that takes something away.
    pub danger: Style,
    pub link: Style,
    /// The address of a page, shown whole.
    pub address: Style,
    /// What went wrong, went well, or runs out: words, and the mark before a sentence.
    pub error: Style,
    pub success: Style,
    pub warn: Style,
    pub error_badge: Style,
    pub success_badge: Style,
    /// A sentence that stays until what it tells of comes.
    pub care: Style,
    pub line: Style,
    pub accent: Style,
    pub training: Style,
    /// Before the focused item.
    pub pointer: &'static str,
    pub error_mark: &'static str,
    pub success_mark: &'static str,
    /// In the brackets of what is chosen in a row.
    pub chosen: &'static str,
    /// In place of a letter of a password.
    pub mask: char,
    pub rule: &'static str,
    pub separator: &'static str,
    /// Around a panel and a dialog.
    pub border: border::Set<'static>,
    /// The ends of a button, of one that takes something away, and of the main one.
    pub button_ends: [&'static str; 2],
    pub danger_ends: [&'static str; 2],
    pub main_ends: [&'static str; 2],
    /// The ends of a field.
    pub field_ends: [&'static str; 2],
    pub gauge: [&'static str; 2],
    /// That there is more above, and below.
    pub more: [&'static str; 2],
    /// The keys that scroll.
    pub arrows: &'static str,
    pub spinner: &'static [&'static str],
}

/// Styles of colours, or of none.
struct Paint {
    /// `None`: the terminal has no colours, or the person wants none.
    colours: Option<palette::Colours>,
    is_256: bool,
}

impl Paint {
    fn new(terminal: Terminal, palette: Option<Palette>) -> Self {
        let palette = palette.filter(|_| !terminal.no_color);
        let colours = palette.and_then(|palette| match terminal.colours {
            Colours::Mono => None,
            Colours::Ansi16 => Some(palette.of_16),
            Colours::Ansi256 => Some(palette.of_256),
        });
        Self {
            colours,
            is_256: terminal.colours == Colours::Ansi256,
        }
    }

    fn has_colours(&self) -> bool {
        self.colours.is_some()
    }

    fn colour(&self, number: u8) -> Color {
        const SIXTEEN: [Color; 16] = [
            Color::Black,
            Color::Red,
            Color::Green,
            Color::Yellow,
            Color::Blue,
            Color::Magenta,
            Color::Cyan,
            Color::Gray,
            Color::DarkGray,
            Color::LightRed,
            Color::LightGreen,
            Color::LightYellow,
            Color::LightBlue,
            Color::LightMagenta,
            Color::LightCyan,
            Color::White,
        ];
        match (self.is_256, SIXTEEN.get(usize::from(number))) {
            (false, Some(colour)) => *colour,
            _ => Color::Indexed(number),
        }
    }

    /// Ink alone; without colours, whatever `plain` adds.
    fn ink(&self, of: impl Fn(&palette::Colours) -> u8, plain: Modifier) -> Style {
        match &self.colours {
            Some(colours) => Style::new().fg(self.colour(of(colours))),
            None => Style::new().add_modifier(plain),
        }
    }

    fn pair(&self, of: impl Fn(&palette::Colours) -> Pair, plain: Modifier) -> Style {
        match &self.colours {
            Some(colours) => {
                let Pair { ink, paper } = of(colours);
                Style::new().fg(self.colour(ink)).bg(self.colour(paper))
            }
            None => Style::new().add_modifier(plain),
        }
    }

    /// Reverse video, so that what is in focus is plain without colours too.
    fn focus(&self) -> Style {
        let style = match &self.colours {
            Some(palette::Colours { focus, .. }) => Style::new()
                .fg(self.colour(focus.paper))
                .bg(self.colour(focus.ink)),
            None => Style::new(),
        };
        // Bold would make another ink of one of sixteen.
        let bold = match self.has_colours() && !self.is_256 {
            true => Modifier::empty(),
            false => Modifier::BOLD,
        };
        style.add_modifier(Modifier::REVERSED | bold)
    }
}

impl Theme {
    /// How `terminal` shows a palette; without one, or where it has no colours, by bold, underlined and reverse video alone.
    pub fn new(terminal: Terminal, palette: Option<Palette>) -> Self {
        let paint = Paint::new(terminal, palette);
        let (none, bold) = (Modifier::empty(), Modifier::BOLD);
        let reversed = Modifier::REVERSED;
        let unicode = terminal.glyphs == Glyphs::Unicode;
        let lines = terminal.glyphs != Glyphs::Ascii;
        let pick = |rich: &'static str, plain: &'static str| if unicode { rich } else { plain };
        let field = paint.pair(|colours| colours.field, none);
        let is_inset = paint.has_colours() && paint.is_256;
        let brackets = ["[ ", " ]"];
        Self {
            terminal,
            page: paint.pair(|colours| colours.page, none),
            panel: paint.pair(|colours| colours.panel, none),
            banner: paint.pair(|colours| colours.banner, none),
            title: Style::new().add_modifier(bold),
            label: Style::new(),
            hint: paint.ink(|colours| colours.soft, none),
            footer: paint.ink(|colours| colours.page_soft, none),
            key: Style::new().add_modifier(bold),
            // Where its paper does not tell a field, a line below it does.
            field: match is_inset {
                true => field,
                false => field.add_modifier(Modifier::UNDERLINED),
            },
            focus: paint.focus(),
            button: paint.pair(|colours| colours.button, none),
            main: paint.pair(|colours| colours.main, bold).add_modifier(bold),
            danger: paint.ink(|colours| colours.danger, none),
            link: paint
                .ink(|colours| colours.link, none)
                .add_modifier(Modifier::UNDERLINED),
            address: paint.ink(|colours| colours.link, none).add_modifier(
                match terminal.sequences.addresses {
                    true => Modifier::UNDERLINED | ADDRESS,
                    false => Modifier::UNDERLINED,
                },
            ),
            error: paint.ink(|colours| colours.danger, none).add_modifier(bold),
            success: paint.ink(|colours| colours.good, none).add_modifier(bold),
            warn: paint.ink(|colours| colours.warn, none).add_modifier(bold),
            error_badge: paint.pair(|colours| colours.error, bold),
            success_badge: paint.pair(|colours| colours.success, bold),
            care: paint.pair(|colours| colours.care, reversed),
            line: paint.ink(|colours| colours.line, none),
            accent: paint.ink(|colours| colours.accent, none).add_modifier(bold),
            training: paint.pair(|colours| colours.badge, bold),
            pointer: pick("▸", ">"),
            error_mark: pick("✗", "!"),
            success_mark: pick("✓", "*"),
            chosen: pick("•", "*"),
            mask: if unicode { '•' } else { '*' },
            rule: if lines { "─" } else { "-" },
            separator: if lines { " · " } else { " | " },
            border: match terminal.glyphs {
                Glyphs::Unicode => border::ROUNDED,
                Glyphs::LinuxConsole => border::PLAIN,
                Glyphs::Ascii => ASCII_BORDER,
            },
            button_ends: if is_inset { ["  ", "  "] } else { brackets },
            danger_ends: brackets,
            main_ends: if unicode { ["▐ ", " ▌"] } else { brackets },
            field_ends: if is_inset { ["  ", "  "] } else { brackets },
            gauge: if unicode { ["━", "─"] } else { ["#", "."] },
            more: if unicode { ["↑", "↓"] } else { ["^", "v"] },
            arrows: pick("↑↓", "Up/Down"),
            spinner: if unicode {
                &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
            } else {
                &["|", "/", "-", "\\"]
            },
        }
    }

    /// `text` as this terminal can show it: on one without UTF-8, the few marks our words use become ASCII, and any
    /// other letter a question mark.
    pub fn shown(&self, text: &str) -> String {
        if self.terminal.glyphs == Glyphs::Unicode {
            return text.to_owned();
        }
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '…' => shown.push_str("..."),
                '–' | '—' => shown.push('-'),
                '’' | '‘' => shown.push('\''),
                '“' | '”' => shown.push('"'),
                c if c.is_ascii() || self.terminal.glyphs == Glyphs::LinuxConsole => shown.push(c),
                _ => shown.push('?'),
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(variables: &[(&str, &str)]) -> Terminal {
        Terminal::from_environment(|name| {
            let found = variables.iter().find(|(n, _)| *n == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn a_terminal_is_judged_by_what_travels_with_it() {
        let judged = terminal(&[("TERM", "xterm-256color"), ("LANG", "id_ID.UTF-8")]);
        assert_eq!(
            (judged.glyphs, judged.colours),
            (Glyphs::Unicode, Colours::Ansi256)
        );
        let judged = terminal(&[("TERM", "linux"), ("LANG", "id_ID.UTF-8")]);
        assert_eq!(
            (judged.glyphs, judged.colours),
            (Glyphs::LinuxConsole, Colours::Ansi16)
        );
        let judged = terminal(&[("TERM", "linux"), ("LANG", "C"), ("NO_COLOR", "1")]);
        assert_eq!(
            (judged.glyphs, judged.colours, judged.no_color),
            (Glyphs::Ascii, Colours::Ansi16, true)
        );
        let judged = terminal(&[
            ("TERM", "vt100"),
            ("LC_ALL", "C"),
            ("LANG", "en_US.UTF-8"),
            ("NO_COLOR", ""),
        ]);
        assert_eq!(
            (judged.glyphs, judged.colours, judged.no_color),
            (Glyphs::Ascii, Colours::Mono, false)
        );
        assert_eq!(terminal(&[]).colours, Colours::Mono);
        let rich = terminal(&[("TERM", "xterm-256color"), ("LANG", "C")]);
        assert!(rich.sequences.clipboard && rich.sequences.title);
        assert_eq!(rich.of_nobody().sequences, Sequences::default());
        assert_eq!(rich.of_nobody().colours, rich.colours);
    }
}
