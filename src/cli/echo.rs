//! The terminal's echo, off while passwords are typed, and on again however that ends.
//!
//! The prompt library alone is not enough: it prints before it silences the terminal, so that what was typed ahead
//! or pasted shows, and Ctrl-C ends the process before it gives the echo back.

use std::{
    fs::{File, OpenOptions},
    io,
    process::exit,
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The controlling terminal without echo, until dropped.
pub struct NoEcho {
    terminal: File,
    before: Termios,
    /// While this is held, Ctrl-C does not end the process: the prompt answers it with an error instead.
    _interrupt: Signal,
}

impl NoEcho {
    /// Silences the controlling terminal. To be called within the runtime: from now on, SIGTERM and SIGHUP end the
    /// process by way of giving the echo back.
    pub fn begin() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let interrupt = signal(SignalKind::interrupt())?;
        give_back_when_ended(&terminal, &before)?;
        // The modes that the prompt library sets after it has printed: from here on, every key reaches it as a key.
        let mut quiet = before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &quiet)?;
        Ok(Self {
            terminal,
            before,
            _interrupt: interrupt,
        })
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn give_back_when_ended(terminal: &File, before: &Termios) -> io::Result<()> {
    let (terminal, before) = (terminal.try_clone()?, before.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let status = tokio::select! {
            _ = terminate.recv() => 128 + 15,
            _ = hang_up.recv() => 128 + 1,
        };
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        #[expect(
            clippy::disallowed_methods,
            reason = "the echo was given back, and a signal ends what waits for a key that does not come"
        )]
        exit(status);
    });
    Ok(())
}
