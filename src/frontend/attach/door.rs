//! The door for terminals of this machine: their sessions run here, like those over SSH and among the same limits.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    io::AsyncRead,
    net::{UnixStream, unix::OwnedWriteHalf},
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};

use super::{FromTerminal, Hello, ToTerminal};
use crate::{
    domain::{Source, identity::is_disguise},
    frontend::{
        admission::counts,
        guest::{Gone, Goodbye, Guest, LONGEST_VALUE, Screens, terminal_from_afar, terminal_here},
        private_socket::{PrivateSocket, greet, turn_away},
        terminal::{
            console::Use,
            keyboard::{Typed, keyboard},
        },
    },
    session::{Door, Waits},
    store::remote::wire::{self, WireError},
};

/// Terminals at once that have not said yet who they are.
const NEWCOMERS: usize = 64;

/// A terminal says who it is right after the greetings.
const HELLO_PATIENCE: Duration = Duration::from_secs(10);

/// Time for the last words of a session.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A frame that is larger goes in several messages.
const LARGEST_PART: usize = 64 * 1024;

/// The exit status of a terminal that may be shown something a moment later.
const LATER: u8 = 75;

/// Serves terminals of this machine until the program closes and everybody has gone. Where the socket cannot be bound,
/// that is told in the log, and people over SSH are served all the same.
pub fn serve(screens: Screens) -> impl Future<Output = ()> + Send + 'static {
    let path = screens.settings.borrow().screens_socket_file();
    // Bound when this returns: whoever is told that people are served can attach.
    let socket = PrivateSocket::bind(&path).inspect_err(|error| {
        tracing::error!(socket = %path.display(), %error, "no terminal of this machine can show the screens");
    });
    async move {
        if let Ok(socket) = socket {
            accept(socket, screens).await;
        }
    }
}

async fn accept(socket: PrivateSocket, screens: Screens) {
    let newcomers = Arc::new(Semaphore::new(NEWCOMERS));
    let mut terminals = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = screens.closed() => break,
            // A terminal whose task has ended, by a fault or not, has taken no other with it.
            Some(_) = terminals.join_next() => continue,
            stream = socket.accept() => stream,
        };
        match newcomers.clone().try_acquire_owned() {
            Ok(newcomer) => {
                terminals.spawn(attend(screens.clone(), stream, newcomer));
            }
            Err(_) => turn_away(
                stream,
                "too many terminals come in at once; connect again in a moment".to_owned(),
            ),
        }
    }
    drop(socket);
    screens.see_out(terminals).await;
}

async fn attend(screens: Screens, stream: UnixStream, newcomer: OwnedSemaphorePermit) {
    match converse(&screens, stream, newcomer).await {
        Ok(()) | Err(WireError::Ended) => {}
        Err(error) => tracing::warn!(%error, "a terminal of this machine was broken off"),
    }
}

async fn converse(
    screens: &Screens,
    mut stream: UnixStream,
    newcomer: OwnedSemaphorePermit,
) -> Result<(), WireError> {
    let waits = screens
        .counts
        .waits(counts::Entrance::Attached, screens.clock.monotonic());
    if !greet(&mut stream).await? {
        return Ok(());
    }
    let hello = timeout(HELLO_PATIENCE, wire::read::<Hello>(&mut stream)).await;
    let guest = hello.unwrap_or(Err(WireError::Ended))?.guest(waits);
    drop(newcomer);
    let config = screens.settings.borrow().clone();
    let (reading, writing) = stream.into_split();
    let frames = Frames::over(writing);
    let no_place = &config.language.text().ending.no_place;
    let Some(slot) = screens.connections.take(&guest.source.key(), &config.ssh) else {
        tracing::debug!(source = %guest.source, "a terminal of this machine is refused: no place");
        screens.counts.refuse(counts::Reason::Limit);
        end(&frames, no_place, LATER).await;
        return Ok(());
    };
    if guest.taken == Use::Own {
        slot.stays();
    }
    let _open = screens.counts.enter(counts::Entrance::Attached);
    let (typed, keyboard) = keyboard();
    let hearing = async {
        hear(reading, typed).await;
        std::future::pending().await
    };
    let shown = tokio::select! {
        () = hearing => unreachable!("it pends after its end"),
        shown = screens.show(guest, FrameDoor(frames.clone()), keyboard, &slot, &config) => shown,
    };
    match shown {
        Ok(Goodbye { sentence, by_fault }) => end(&frames, sentence, u8::from(by_fault)).await,
        Err(Gone::Displaced) => {
            screens.counts.refuse(counts::Reason::Displaced);
            end(&frames, no_place, LATER).await;
        }
        Err(Gone::HungUp | Gone::ReadsNothing) => {}
    }
    Ok(())
}

impl Hello {
    fn guest(self, waits: Waits) -> Guest {
        let Self {
            source,
            is_kiosk,
            term,
            variables,
            size,
        } = self;
        let term: String = term.chars().take(LONGEST_VALUE).collect();
        let (source, terminal) = match source.into() {
            Source::Console(name) => {
                let name = name.chars().filter(|c| !is_disguise(*c));
                let source = Source::Console(name.take(LONGEST_VALUE).collect());
                (source, terminal_here(&term, &variables))
            }
            // No terminal says that of itself; one that does is a terminal all the same.
            command @ Source::Command(_) => {
                let source = Source::Console(command.to_string());
                (source, terminal_here(&term, &variables))
            }
            peer @ Source::Peer(_) => (peer, terminal_from_afar(&term, &variables)),
        };
        Guest {
            source,
            terminal,
            size: size.into(),
            taken: if is_kiosk { Use::Own } else { Use::Borrowed },
            waits,
        }
    }
}

/// Takes what is typed, until no more comes or what comes is no message.
async fn hear(mut stream: impl AsyncRead + Unpin, typed: Typed) {
    loop {
        let Ok(body) = wire::body(&mut stream).await else {
            return;
        };
        match wire::message(&body) {
            Ok(FromTerminal::Keys(bytes)) => typed.bytes(bytes),
            Ok(FromTerminal::Size(size)) => typed.size(size.into()),
            Err(error) => {
                tracing::warn!(%error, "a terminal of this machine sends no keys");
                return;
            }
        }
    }
}

/// Tells the terminal that the session is over.
async fn end(frames: &Mutex<Frames>, sentence: &str, status: u8) {
    let said = async {
        let mut frames = frames.lock().await;
        frames.send(&ToTerminal::End { sentence, status }).await
    };
    // A terminal that does not hear it sees the connection end.
    let _ = timeout(LAST_WORDS, said).await;
}

/// The way to the terminal.
#[derive(Debug)]
struct Frames {
    stream: OwnedWriteHalf,
    /// The last message went over to its end; else nothing may follow.
    is_whole: bool,
}

impl Frames {
    fn over(stream: OwnedWriteHalf) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            stream,
            is_whole: true,
        }))
    }

    async fn send(&mut self, message: &ToTerminal<'_>) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_whole, false) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let sent = wire::write(&mut self.stream, message).await;
        sent.map_err(io::Error::other)?;
        self.is_whole = true;
        Ok(())
    }
}

/// A session's end of the way. A terminal that takes nothing makes it wait, and the session gives up after a while.
#[derive(Debug)]
struct FrameDoor(Arc<Mutex<Frames>>);

#[async_trait]
impl Door for FrameDoor {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut frames = self.0.lock().await;
        for part in bytes.chunks(LARGEST_PART) {
            frames.send(&ToTerminal::Screen(part)).await?;
        }
        Ok(())
    }
}
