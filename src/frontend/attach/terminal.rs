//! The end at which the terminal is. It needs neither the store nor the master key, and gives the terminal back whatever
//! becomes of the other end.

use std::{
    env,
    io::{self, Write},
    net::IpAddr,
    path::Path,
    pin::pin,
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::UnixStream,
    signal::unix::{SignalKind, signal},
    time::sleep,
};
use zeroize::Zeroizing;

use super::{FromTerminal, Hello, ToTerminal};
use crate::{
    config::Config,
    domain::{Source, language::Language},
    frontend::{
        guest::{LONGEST_VALUE, VARIABLES},
        terminal::{
            console::{Console, ConsoleError, SSH_CONNECTION, Use},
            signals::{Request, Signals},
        },
    },
    session::Door,
    store::remote::{self, JoinError, wire},
    tui::sequences::Sequences,
};

/// Keys that are read at once.
const KEYS: usize = 4096;

/// Before the first try to join again; twice as long before each further one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Why this terminal shows no screens, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error(transparent)]
    Console(#[from] ConsoleError),
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error(
        "no lpse-kiosk serve runs here with the data folder {0}; start it, or be its user, or name its folder with --data"
    )]
    Nobody(String),
    /// What the other end says.
    #[error("{sentence}")]
    Told { sentence: String, status: u8 },
    #[error("lpse-kiosk serve has ended; connect again in a moment")]
    Gone,
    #[error("{0}")]
    System(#[from] io::Error),
}

impl AttachError {
    /// The exit status that tells scripts and supervisors what kind of failure it was.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Nobody(_) => 75,
            Self::Join(error) if error.is_for_now() => 75,
            Self::Told { status, .. } => *status,
            Self::Console(_) | Self::Join(_) | Self::Gone | Self::System(_) => 1,
        }
    }
}

/// Shows the screens of the process that serves, until the person leaves or that process ends it.
pub async fn visit(config: &Config) -> Result<(), AttachError> {
    let hello = hello(config.terminal.as_deref(), Use::Borrowed)?;
    let mut signals = Signals::listen(Request::Leave)?;
    let stream = remote::call(&config.screens_socket_file()).await?;
    let stream = stream.ok_or_else(|| AttachError::Nobody(config.data.display().to_string()))?;
    let console = Console::take(Use::Borrowed)?;
    let (over, _) = show(&console, &mut signals, stream, hello).await?;
    // The person's terminal comes back before anything is said on it.
    drop(console);
    match over {
        Over::Left => Ok(()),
        Over::Told {
            sentence,
            status: 0,
        } => {
            // A person who has gone does not hear it.
            let _ = writeln!(io::stdout(), "{sentence}");
            Ok(())
        }
        Over::Told { sentence, status } => Err(AttachError::Told { sentence, status }),
        Over::Gone => Err(AttachError::Gone),
    }
}

/// Makes this terminal a kiosk of the process that serves, until a signal asks it to leave or it hangs up. When nobody
/// serves, the kiosk says so and waits. `is_taken` is called once the terminal is the kiosk's.
pub async fn kiosk(config: &Config, is_taken: impl FnOnce()) -> Result<(), AttachError> {
    let mut signals = Signals::listen(Request::Leave)?;
    let console = Console::take(Use::Own)?;
    is_taken();
    let socket = config.screens_socket_file();
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(called) = unheard(&console, &mut signals, call(&socket)).await else {
            return Ok(());
        };
        if let Some(stream) = called? {
            let hello = hello(config.terminal.as_deref(), Use::Own)?;
            match show(&console, &mut signals, stream, hello).await? {
                (Over::Left, _) => return Ok(()),
                (Over::Told { .. } | Over::Gone, has_shown) => {
                    if has_shown {
                        pause = FIRST_PAUSE;
                    }
                }
            }
        }
        let waiting = async {
            // A terminal that takes nothing is tried again with the next screen.
            let _ = console.door().send(&restarting()).await;
            sleep(pause).await;
        };
        if unheard(&console, &mut signals, waiting).await.is_none() {
            return Ok(());
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// A connection to the process that serves. None where there may be one a moment later; what only a start with another
/// program, or somebody's looking, makes good is an error.
async fn call(socket: &Path) -> Result<Option<UnixStream>, JoinError> {
    match remote::call(socket).await {
        Err(JoinError::Refused(_) | JoinError::Silent(_) | JoinError::Failed(..)) => Ok(None),
        called => called,
    }
}

/// A screen with nothing but what people need to know, in both languages.
fn restarting() -> Vec<u8> {
    let mut screen = [Use::Own.leave(Sequences::default()), b"\x1b[?25l".to_vec()].concat();
    for language in [Language::Id, Language::En] {
        screen.extend_from_slice(b"\r\n  ");
        screen.extend_from_slice(language.text().ending.restarting.as_bytes());
    }
    screen
}

/// Waits for `work` while keys lead nowhere. None: the terminal has hung up, or a signal asks to leave.
async fn unheard<T>(
    console: &Console,
    signals: &mut Signals,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let mut keys = Zeroizing::new([0; KEYS]);
    loop {
        tokio::select! {
            biased;
            _ = signals.next() => return None,
            done = work.as_mut() => return Some(done),
            read = console.read(keys.as_mut_slice()) => if !matches!(read, Ok(length) if length > 0) {
                return None;
            },
        }
    }
}

/// Who sits here, and before what kind of terminal, which the settings may have `named`.
fn hello(named: Option<&str>, taken: Use) -> Result<Hello, ConsoleError> {
    let name = Console::name()?;
    let variable = |name: &str| env::var(name).ok();
    let source = match variable(SSH_CONNECTION).as_deref().and_then(peer) {
        Some(peer) => Source::Peer(peer),
        None => Source::Console(named.map_or(name, str::to_owned)),
    };
    let short = |value: &String| value.len() <= LONGEST_VALUE;
    Ok(Hello {
        source: (&source).into(),
        is_kiosk: taken == Use::Own,
        term: variable("TERM").filter(short).unwrap_or_default(),
        variables: VARIABLES.map(|name| variable(name).filter(short)),
        // What it has when it is shown something.
        size: ratatui::layout::Size::ZERO.into(),
    })
}

/// The client's address in what sshd tells.
fn peer(connection: &str) -> Option<IpAddr> {
    let client = connection.split(' ').next()?;
    // A link-local address comes with the name of its link.
    let address = client.split('%').next()?;
    let address: IpAddr = address.parse().ok()?;
    Some(address.to_canonical())
}

/// How a session ended, at this end.
enum Over {
    /// The terminal hung up, or a signal asked to leave.
    Left,
    Told {
        sentence: String,
        status: u8,
    },
    /// The other end went without a word.
    Gone,
}

/// Shows a session on the terminal to its end; also tells whether it has shown anything.
async fn show(
    console: &Console,
    signals: &mut Signals,
    stream: UnixStream,
    mut hello: Hello,
) -> io::Result<(Over, bool)> {
    let (mut reading, mut writing) = stream.into_split();
    let mut resized = signal(SignalKind::window_change())?;
    let mut has_shown = false;
    let screens = async {
        let mut door = console.door();
        loop {
            let Ok(body) = wire::body(&mut reading).await else {
                return Over::Gone;
            };
            match wire::message(&body) {
                Ok(ToTerminal::Screen(bytes)) => {
                    has_shown = true;
                    if door.send(bytes).await.is_err() {
                        return Over::Left;
                    }
                }
                Ok(ToTerminal::End { sentence, status }) => {
                    let sentence = sentence.to_owned();
                    return Over::Told { sentence, status };
                }
                Err(_) => return Over::Gone,
            }
        }
    };
    let keys = async {
        hello.size = console.size().into();
        let mut keys = Zeroizing::new([0; KEYS]);
        // A message around the keys is a little longer than they are.
        let mut room = Zeroizing::new([0; KEYS + 64]);
        let mut sent = wire::write(&mut writing, &hello).await;
        while sent.is_ok() {
            let message = tokio::select! {
                read = console.read(keys.as_mut_slice()) => match read {
                    Ok(length) if length > 0 => FromTerminal::Keys(&keys[..length]),
                    _ => return Over::Left,
                },
                _ = resized.recv() => FromTerminal::Size(console.size().into()),
            };
            sent = match wire::frame_in(room.as_mut_slice(), &message) {
                Ok(frame) => writing.write_all(frame).await.map_err(Into::into),
                Err(error) => Err(error),
            };
        }
        // Whatever the other end has said before it closed is still read.
        std::future::pending().await
    };
    let over = tokio::select! {
        biased;
        _ = signals.next() => Over::Left,
        over = screens => over,
        over = keys => over,
    };
    Ok((over, has_shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_in_what_sshd_tells_is_the_peer() {
        let told = |connection| peer(connection).map(|address| address.to_string());
        assert_eq!(
            told("192.0.2.7 51234 198.51.100.1 22").as_deref(),
            Some("192.0.2.7")
        );
        assert_eq!(
            told("2001:db8::7 51234 2001:db8::1 22").as_deref(),
            Some("2001:db8::7")
        );
        assert_eq!(
            told("fe80::7%eth0 51234 fe80::1%eth0 22").as_deref(),
            Some("fe80::7")
        );
        assert_eq!(
            told("::ffff:192.0.2.7 1 ::1 22").as_deref(),
            Some("192.0.2.7")
        );
        assert_eq!(told("UNKNOWN 65535 UNKNOWN 65535"), None);
        assert_eq!(told(""), None);
    }
}
