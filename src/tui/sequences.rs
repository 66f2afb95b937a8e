//! Which control sequences a terminal understands besides those that draw, judged by its name alone.
//!
//! A terminal may show as garbage what it does not understand, so only names in the table get any. No terminal is asked:
//! an answer would come among the keys.

/// What a terminal may be told besides what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequences {
    /// OSC 52: text for the clipboard of whoever sits there. Whether it takes the text, a terminal does not say.
    pub clipboard: bool,
    /// OSC 8: what stands there is an address, and can be opened.
    pub addresses: bool,
    /// OSC 2: the title of the window; XTWINOPS 22 and 23: the title before is kept, and comes back.
    pub title: bool,
}

const ALL: Sequences = Sequences {
    clipboard: true,
    addresses: true,
    title: true,
};

const NO_ADDRESSES: Sequences = Sequences {
    addresses: false,
    ..ALL
};

const NO_CLIPBOARD: Sequences = Sequences {
    clipboard: false,
    ..ALL
};

const TITLE_ALONE: Sequences = Sequences {
    clipboard: false,
    ..NO_ADDRESSES
};

/// The names in terminfo, each with whatever follows behind a hyphen or a dot. Where a setting of theirs decides whether
/// programs may write to the clipboard (xterm, tmux, screen), one that forbids it ignores the text.
const KNOWN: [(&str, Sequences); 18] = [
    ("alacritty", ALL),
    ("contour", ALL),
    ("foot", ALL),
    ("ghostty", ALL),
    ("gnome", NO_CLIPBOARD),
    ("iterm2", ALL),
    ("kitty", ALL),
    ("konsole", NO_CLIPBOARD),
    ("mintty", ALL),
    ("ms-terminal", ALL),
    ("putty", TITLE_ALONE),
    ("rxvt", TITLE_ALONE),
    ("screen", NO_ADDRESSES),
    ("st", NO_ADDRESSES),
    ("tmux", ALL),
    ("vte", NO_CLIPBOARD),
    ("wezterm", ALL),
    ("xterm", ALL),
];

impl Sequences {
    /// What the terminal of this name (`TERM`) understands; nothing where it is not known.
    pub fn of(term: &str) -> Self {
        let is_of = |name: &str| {
            let rest = term.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        };
        let known = KNOWN.into_iter().find(|(name, _)| is_of(name));
        known.map_or(Self::default(), |(_, sequences)| sequences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_gets_what_it_understands_and_everything_else_nothing() {
        for (term, expected) in [
            ("xterm", ALL),
            ("xterm-256color", ALL),
            ("xterm-kitty", ALL),
            ("foot-extra", ALL),
            ("alacritty-direct", ALL),
            ("tmux-256color", ALL),
            ("screen-256color", NO_ADDRESSES),
            ("screen.xterm-256color", NO_ADDRESSES),
            ("st-256color", NO_ADDRESSES),
            ("vte-256color", NO_CLIPBOARD),
            ("rxvt-unicode-256color", TITLE_ALONE),
            ("putty", TITLE_ALONE),
            ("linux", Sequences::default()),
            ("linux-16color", Sequences::default()),
            ("vt100", Sequences::default()),
            ("vt220", Sequences::default()),
            ("vt320-w", Sequences::default()),
            ("dumb", Sequences::default()),
            ("ansi", Sequences::default()),
            ("cons25", Sequences::default()),
            ("xterminator", Sequences::default()),
            ("stv52", Sequences::default()),
            ("XTERM", Sequences::default()),
            ("unknown", Sequences::default()),
            ("", Sequences::default()),
        ] {
            assert_eq!(Sequences::of(term), expected, "{term}");
        }
    }

    #[test]
    fn each_name_is_in_the_table_once() {
        for (place, (name, _)) in KNOWN.iter().enumerate() {
            assert!(
                KNOWN[..place].iter().all(|(other, _)| other < name),
                "{name}"
            );
        }
    }
}
