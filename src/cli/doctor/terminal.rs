//! This terminal, judged as the kiosk itself judges it.

use std::{
    fs::OpenOptions,
    io::{IsTerminal, stdin, stdout},
};

use rustix::termios::tcgetwinsize;

use super::finding::Finding;
use crate::tui::theme::{Colours, Glyphs, Terminal};

const NAME: &str = "terminal";

/// What every screen fits on (columns, rows).
const SMALLEST: (u16, u16) = (80, 24);

pub fn examine() -> Vec<Finding> {
    // Output may go into a file or to `less` while the person sits at a terminal.
    let has_terminal = stdin().is_terminal() || stdout().is_terminal();
    let size = OpenOptions::new().read(true).open("/dev/tty").ok();
    let size = size.and_then(|terminal| tcgetwinsize(&terminal).ok());
    match (has_terminal, size) {
        (true, Some(size)) => {
            let terminal = Terminal::from_environment(|name| std::env::var(name).ok());
            judge(terminal, (size.ws_col, size.ws_row))
        }
        _ => vec![Finding::ok(
            NAME,
            "not looked at: this does not run on one. Over SSH, each person's own terminal counts",
        )],
    }
}

fn judge(terminal: Terminal, (columns, rows): (u16, u16)) -> Vec<Finding> {
    let mut findings = Vec::new();
    if terminal.glyphs == Glyphs::Ascii {
        findings.push(Finding::warning(
            NAME,
            "its locale is not UTF-8: lines, marks and QR codes are drawn without half blocks",
            "Set a UTF-8 locale where the kiosk starts, for example LANG=C.UTF-8.",
        ));
    }
    if (columns, rows) == (0, 0) {
        findings.push(Finding::warning(
            NAME,
            "it does not say how large it is",
            "Set its size: stty columns 80 rows 24",
        ));
    } else if columns < SMALLEST.0 || rows < SMALLEST.1 {
        findings.push(Finding::warning(
            NAME,
            format!("it has {columns}x{rows} cells; the screens want 80x24"),
            "Make the window larger, or the console's font smaller (setupcon).",
        ));
    }
    if findings.is_empty() {
        let colours = match (terminal.no_color, terminal.colours) {
            (true, _) => "no colours, because NO_COLOR is set",
            (_, Colours::Mono) => "no colours, by TERM",
            (_, Colours::Ansi16) => "16 colours",
            (_, Colours::Ansi256) => "256 colours",
        };
        findings.push(Finding::ok(
            NAME,
            format!("UTF-8 with half blocks, {colours}, {columns}x{rows} cells"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn a_terminal_is_good_with_utf8_and_room() {
        let judged = |glyphs, size| -> Vec<Status> {
            let terminal = Terminal {
                glyphs,
                colours: Colours::Ansi16,
                no_color: false,
                sequences: Default::default(),
            };
            judge(terminal, size).iter().map(|f| f.status).collect()
        };
        assert_eq!(judged(Glyphs::LinuxConsole, (80, 24)), [Status::Ok]);
        assert_eq!(judged(Glyphs::Unicode, (79, 24)), [Status::Warning]);
        assert_eq!(judged(Glyphs::Unicode, (0, 0)), [Status::Warning]);
        assert_eq!(judged(Glyphs::Ascii, (80, 23)), [Status::Warning; 2]);
    }
}
