//! Styles by meaning, for terminals of 256 colours, 16 colours and none.
//!
//! The body keeps the terminal's own foreground and background, so it is calm on dark and on bright ones; colour adds
//! to what words, marks and places already say, and is nowhere the only sign.

use ratatui::{
    style::{Color, Modifier, Style},
    symbols::border,
};

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
        }
    }
}

/// The styles and marks of a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    pub terminal: Terminal,
    pub title: Style,
    /// The office's name and other names of places.
    pub name: Style,
    pub label: Style,
    pub hint: Style,
    pub key: Style,
    pub field: Style,
    pub focus: Style,
    pub link: Style,
    pub error: Style,
    pub success: Style,
    pub line: Style,
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
    /// Around a dialog.
    pub border: border::Set<'static>,
    pub gauge: [&'static str; 2],
    /// That there is more above, and below.
    pub more: [&'static str; 2],
    /// The keys that scroll.
    pub arrows: &'static str,
    pub spinner: &'static [&'static str],
}

impl Theme {
    pub fn new(terminal: Terminal) -> Self {
        let accent = |colour16: Color, colour256: u8| match terminal {
            Terminal { no_color: true, .. } => Style::new(),
            Terminal {
                colours: Colours::Mono,
                ..
            } => Style::new(),
            Terminal {
                colours: Colours::Ansi16,
                ..
            } => Style::new().fg(colour16),
            Terminal {
                colours: Colours::Ansi256,
                ..
            } => Style::new().fg(Color::Indexed(colour256)),
        };
        let unicode = terminal.glyphs == Glyphs::Unicode;
        let lines = terminal.glyphs != Glyphs::Ascii;
        let pick = |rich: &'static str, plain: &'static str| if unicode { rich } else { plain };
        Self {
            terminal,
            title: Style::new().add_modifier(Modifier::BOLD),
            name: accent(Color::Cyan, 31).add_modifier(Modifier::BOLD),
            label: Style::new(),
            hint: accent(Color::DarkGray, 244),
            key: Style::new().add_modifier(Modifier::BOLD),
            field: Style::new().add_modifier(Modifier::UNDERLINED),
            focus: Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED),
            link: accent(Color::Blue, 32).add_modifier(Modifier::UNDERLINED),
            error: accent(Color::Red, 160).add_modifier(Modifier::BOLD),
            success: accent(Color::Green, 28).add_modifier(Modifier::BOLD),
            line: accent(Color::DarkGray, 244),
            training: accent(Color::Magenta, 133).add_modifier(Modifier::BOLD),
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
    }
}
