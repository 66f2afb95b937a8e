//! The terminal this process runs on.
//!
//! It is opened a second time, so that making it non-blocking does not change it for the shell that started us, and a
//! terminal that takes no bytes blocks nothing here. Whatever happens, dropping [`Console`] gives it back as it was.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use ratatui::layout::Size;
use rustix::{
    fs::OFlags,
    termios::{self, OptionalActions, Termios},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::keys::{Decoder, Link};
use crate::{
    session::{
        Door, Input,
        canvas::{MODES, Wipe},
    },
    tui::{sequences::Sequences, theme::Terminal},
};

/// What sshd tells a login's processes: the client's address and port, the server's address and port.
pub const SSH_CONNECTION: &str = "SSH_CONNECTION";

/// How much of a terminal the program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A kiosk's own terminal: screen and scroll-back are cleared on leaving, and nothing of before comes back.
    Own,
    /// A guest's terminal, lent for a while: what stood on it comes back on leaving.
    Borrowed,
}

/// This process's terminal in raw mode.
#[derive(Debug)]
pub struct Console {
    terminal: Arc<AsyncFd<File>>,
    before: Termios,
    taken: Use,
    sequences: Sequences,
}

/// Why there is no terminal to run on.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error(
        "lpse-kiosk needs a terminal, and its standard input or output is none; start it on a terminal (over SSH: ssh -t)"
    )]
    NoTerminal,
    #[error("the terminal {0} cannot be used: {1}")]
    Unusable(String, io::Error),
}

impl Use {
    /// What is cleared when somebody is done.
    pub fn wipe(self) -> Wipe {
        match self {
            Self::Own => Wipe::All,
            Self::Borrowed => Wipe::Screen,
        }
    }

    /// What is sent first, before anything is drawn: the alternate screen where a person's own terminal is only borrowed,
    /// and that its title is to be kept. Modes and title are set with the first frame
    /// ([`Canvas::wipe`](crate::session::canvas::Canvas::wipe)).
    pub fn enter(self, sequences: Sequences) -> Vec<u8> {
        let (screen, title): (&[u8], &[u8]) = match self {
            Self::Own => (b"", b""),
            Self::Borrowed if sequences.title => (b"\x1b[?1049h", b"\x1b[22;2t"),
            Self::Borrowed => (b"\x1b[?1049h", b""),
        };
        [title, screen].concat()
    }

    /// What is sent last: paste off, cursor shown, modes as they usually are, everything cleared, and the title and what
    /// stood there before. A terminal that has kept no title has none then.
    pub fn leave(self, sequences: Sequences) -> Vec<u8> {
        let (screen, title): (&[u8], &[u8]) = match self {
            Self::Own => (b"", b""),
            Self::Borrowed if sequences.title => (b"\x1b[?1049l", b"\x1b]2;\x1b\\\x1b[23;2t"),
            Self::Borrowed => (b"\x1b[?1049l", b""),
        };
        // A frame may have been broken off in the middle of an address.
        let address: &[u8] = match self {
            Self::Borrowed if sequences.addresses => b"\x1b]8;;\x1b\\",
            Self::Own | Self::Borrowed => b"",
        };
        let modes = b"\x1b[?2004l\x1b[?25h";
        [modes, MODES, address, self.wipe().bytes(), title, screen].concat()
    }
}

impl Console {
    /// Takes the terminal into raw mode: Ctrl-C, Ctrl-Z and Ctrl-\ are keys from now on, not signals.
    pub fn take(taken: Use) -> Result<Self, ConsoleError> {
        let path = path()?;
        let unusable = |error: io::Error| ConsoleError::Unusable(path.display().to_string(), error);
        // After `su` or `sudo -u` the device belongs to somebody else, and only its other name opens it.
        let file = open(&path)
            .or_else(|error| open(Path::new("/dev/tty")).map_err(|_| error))
            .map_err(unusable)?;
        let before = termios::tcgetattr(&file).map_err(|error| unusable(error.into()))?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(&file, OptionalActions::Flush, &raw)
            .map_err(|error| unusable(error.into()))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        // SAFETY: the descriptor belongs to `file`, which `AsyncFd` owns and closes only after deregistering it.
        #[allow(unsafe_code, reason = "see above")]
        let terminal = unsafe { AsyncFd::register_with_interest(file, interest) }
            .map_err(|error| unusable(error.into_parts().1))?;
        let judged = Terminal::from_environment(|name| std::env::var(name).ok());
        let console = Self {
            terminal: Arc::new(terminal),
            before,
            taken,
            sequences: judged.sequences,
        };
        console.write_now(&taken.enter(console.sequences));
        Ok(console)
    }

    /// The terminal's short name, `tty1` or `pts/3`.
    pub fn name() -> Result<String, ConsoleError> {
        let path = path()?;
        let name = path.strip_prefix("/dev").unwrap_or(&path);
        Ok(name.to_string_lossy().into_owned())
    }

    pub fn size(&self) -> Size {
        size_of(self.terminal.get_ref())
    }

    /// Where frames go.
    pub fn door(&self) -> ConsoleDoor {
        ConsoleDoor {
            terminal: self.terminal.clone(),
        }
    }

    /// Bytes as the terminal sends them, at most as many as `bytes` holds; none when it has hung up.
    pub async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.terminal
            .async_io(Interest::READABLE, |mut file| file.read(bytes))
            .await
    }

    /// Keys, pastes and sizes, until the terminal hangs up: then the channel closes.
    pub fn inputs(&self) -> io::Result<mpsc::Receiver<Input>> {
        let (sender, receiver) = mpsc::channel(64);
        let terminal = self.terminal.clone();
        let mut resized = signal(SignalKind::window_change())?;
        let link = match std::env::var_os(SSH_CONNECTION) {
            Some(_) => Link::Network,
            None => Link::Console,
        };
        tokio::spawn(async move {
            let mut decoder = Decoder::new(link);
            let mut bytes = zeroize::Zeroizing::new([0; 4096]);
            loop {
                let mut inputs = Vec::new();
                let silence = async {
                    match decoder.patience() {
                        Some(patience) => tokio::time::sleep(patience).await,
                        None => std::future::pending().await,
                    }
                };
                // What has come while this process was busy has come in time.
                tokio::select! {
                    biased;
                    _ = resized.recv() => inputs.push(Input::Resize(size_of(terminal.get_ref()))),
                    read = terminal.async_io(Interest::READABLE, |mut file| file.read(bytes.as_mut_slice())) => {
                        match read {
                            Ok(0) | Err(_) => return,
                            Ok(length) => decoder.feed(&bytes[..length], &mut |input| inputs.push(input)),
                        }
                    }
                    () = silence => decoder.silence(&mut |input| inputs.push(input)),
                }
                for input in inputs {
                    if sender.send(input).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(receiver)
    }

    /// Writes what the terminal takes at once; a terminal that takes nothing is not waited for.
    fn write_now(&self, bytes: &[u8]) {
        let _ = self.terminal.get_ref().write(bytes);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.write_now(&self.taken.leave(self.sequences));
        let _ = termios::tcsetattr(
            self.terminal.get_ref(),
            OptionalActions::Flush,
            &self.before,
        );
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
        .open(path)
}

fn path() -> Result<PathBuf, ConsoleError> {
    let stdin = io::stdin();
    if !termios::isatty(io::stdout().as_fd()) {
        return Err(ConsoleError::NoTerminal);
    }
    let name = termios::ttyname(stdin.as_fd(), Vec::new()).map_err(|_| ConsoleError::NoTerminal)?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes())))
}

fn size_of(terminal: &File) -> Size {
    termios::tcgetwinsize(terminal).map_or(Size::new(80, 24), |size| {
        Size::new(size.ws_col, size.ws_row)
    })
}

/// The console's end of a session.
#[derive(Debug)]
pub struct ConsoleDoor {
    terminal: Arc<AsyncFd<File>>,
}

#[async_trait]
impl Door for ConsoleDoor {
    async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self
                .terminal
                .async_io(Interest::WRITABLE, |mut file| file.write(bytes))
                .await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}
