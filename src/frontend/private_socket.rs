//! A Unix socket for this process's own user and root.
//!
//! Whoever comes in is one of them by what the system says of the peer; the folder and the socket's mode say the same.
//! A peer may therefore do what it could do to the files beside the socket, no more.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};

use super::socket_file::{Access, SocketFile};
use crate::store::remote::wire::{self, Greeting, Refusal, WireError};

/// A peer says at once what it is.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);

/// Before the next try to accept, when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The socket, bound.
#[derive(Debug)]
pub struct PrivateSocket {
    listener: UnixListener,
    file: SocketFile,
    /// The users who may come in.
    guests: [u32; 2],
}

impl PrivateSocket {
    /// Binds the socket at `path`, in place of one that a killed process has left there. Only for the process that
    /// holds the store in the same folder: then nobody else listens here.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let (listener, file) = SocketFile::bind(path, Access::Owner)?;
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            file,
            guests: [rustix::process::geteuid().as_raw(), 0],
        })
    }

    /// The next peer that may come in. Given up while it waits, it loses nobody.
    pub async fn accept(&self) -> UnixStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.is_guest(&stream) => return stream,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(socket = %self.file.path().display(), %error, "nobody can come in through the socket");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn is_guest(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if self.guests.contains(&peer.uid()) => true,
            Ok(peer) => {
                tracing::warn!(
                    uid = peer.uid(),
                    pid = peer.pid(),
                    "another user at the socket was turned away"
                );
                false
            }
            Err(error) => {
                tracing::warn!(%error, "somebody unknown at the socket was turned away");
                false
            }
        }
    }
}

/// Exchanges greetings with a peer; whether it speaks the same. One of another version learns ours, and is to go.
pub async fn greet<S>(stream: &mut S) -> Result<bool, WireError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let own = Greeting::of_this_program(None);
    let greetings = timeout(GREETING_PATIENCE, async {
        let theirs: Greeting = wire::read(stream).await?;
        // Whoever does not wait for the answer has changed their mind.
        let sent = wire::write(stream, &own).await;
        sent.map_err(|_| WireError::Ended)?;
        Ok(own.is_same_program(&theirs))
    });
    greetings.await.unwrap_or(Err(WireError::Ended))
}

/// Tells a peer why there is no place for it. A greeting fits into any socket's buffer, so nobody is waited for.
pub fn turn_away(stream: UnixStream, sentence: String) {
    let greeting = Greeting::of_this_program(Some(Refusal { sentence }));
    if let (Ok(mut stream), Ok(frame)) = (stream.into_std(), wire::frame(&greeting)) {
        let _ = stream.write_all(&frame);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::store::remote::Place;

    #[tokio::test]
    async fn another_user_is_turned_away_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lpse-kiosk.sock");
        let mut socket = PrivateSocket::bind(&path).unwrap();
        let own = rustix::process::geteuid().as_raw();
        socket.guests = [own + 1, own + 2];
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let mut heard = Vec::new();
        tokio::select! {
            _ = socket.accept() => panic!("they are no guest"),
            read = stream.read_to_end(&mut heard) => assert_eq!(read.unwrap(), 0),
        }
    }

    #[tokio::test]
    async fn the_file_is_private_replaces_a_stale_one_and_goes_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        // Deeper than the system's addresses reach.
        let deep = folder.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let path = deep.join("lpse-kiosk.sock");
        let killed = PrivateSocket::bind(&path).unwrap();
        // Nothing of it is dropped, as by a kill.
        std::mem::forget(killed);
        let socket = PrivateSocket::bind(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(
            UnixStream::connect(Place::of(&path).unwrap().address())
                .await
                .is_ok()
        );
        drop(socket);
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }
}
