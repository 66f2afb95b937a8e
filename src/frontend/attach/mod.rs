//! The screens of the process that holds the store, on another terminal of this machine: `lpse-kiosk attach`.
//!
//! The process that has the terminal has no store and no key. It joins the one that serves through a socket of its own,
//! hands over what is typed, and shows what comes back; all that is decided is decided there. So an sshd that runs
//! already can serve the screens (`ForceCommand`), and a kiosk's terminal can show them beside `serve`.
//!
//! Where the person sits is what the process with the terminal says. It is believed, because only this process's own
//! user and root get as far as saying it ([`super::private_socket`]).
//!
//! - [`door`]: the end at which the sessions are.
//! - [`terminal`]: the end at which the terminal is.

pub mod door;
pub mod terminal;

use serde::{Deserialize, Serialize};

use super::guest::Variables;
use crate::store::remote::wire::RecordedSource;

/// What the end with the terminal says after the greetings.
#[derive(Serialize, Deserialize)]
struct Hello {
    source: RecordedSource,
    /// The terminal is a kiosk's own, for as long as the session lasts.
    is_kiosk: bool,
    term: String,
    variables: Variables,
    size: WindowSize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct WindowSize {
    columns: u16,
    rows: u16,
}

/// What comes from the terminal.
#[derive(Serialize, Deserialize)]
enum FromTerminal<'a> {
    Keys(&'a [u8]),
    Size(WindowSize),
}

/// What goes to it.
#[derive(Serialize, Deserialize)]
enum ToTerminal<'a> {
    Screen(&'a [u8]),
    /// The last message: what the person is told once the terminal is theirs again, and the exit status.
    End {
        sentence: &'a str,
        status: u8,
    },
}

impl From<ratatui::layout::Size> for WindowSize {
    fn from(size: ratatui::layout::Size) -> Self {
        Self {
            columns: size.width,
            rows: size.height,
        }
    }
}

impl From<WindowSize> for ratatui::layout::Size {
    fn from(size: WindowSize) -> Self {
        Self::new(size.columns, size.rows)
    }
}
