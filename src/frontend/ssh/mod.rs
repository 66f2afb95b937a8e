//! The kiosk over SSH, for many at once: whoever has a terminal is at the menu with `ssh -p 2222 lpse@HOST`.
//!
//! Authentication is `none` (RFC 4252 section 5.2), because the program itself is the login. So everything before a screen
//! is open to the world, and bounded: connections in all, by source, and before a screen; their time; what is read from
//! them and what waits to be written to them; what they make this machine calculate, which a thread of its own does
//! (security.md section 4). The SSH library has none of these limits.
//!
//! - [`host_key`]: by which people recognise this machine.
//! - `penalties`: who is refused for a while; who gives way is decided in [`super::admission::sessions`].
//! - `algorithms`: by which keys are exchanged and bytes enciphered.
//! - `line`: a TCP connection that can be cut.
//! - `conduct`: what a connection makes this machine calculate.
//! - `caller`: what a connection asks for, and what it is answered.
//! - `door`: where a session's frames go.

mod algorithms;
mod caller;
mod conduct;
mod door;
pub mod host_key;
mod line;
mod penalties;
mod reception;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, task::JoinSet};

use super::{
    admission::counts::Reason as Refused,
    guest::Screens,
    proxy::{Headers, Heard, Speaker},
    transport::Transport,
};
use crate::adapter::ssh_key_file::KeyFileError;
use host_key::HostKey;
use reception::{GREETING, Reception};

/// Why SSH is not served.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    #[error("SSH cannot be served at {0}: {1}; free that address, or name another in [ssh] listen")]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    HostKey(#[from] KeyFileError),
    #[error("SSH cannot be served: the system gives no thread for it: {0}")]
    Thread(io::Error),
}

/// Takes the places on the network.
pub fn listen(places: &[SocketAddr]) -> Result<Vec<TcpListener>, SshError> {
    let listen = |place: &SocketAddr| {
        listen_at(*place).map_err(|error| SshError::Listen(*place, error.into()))
    };
    places.iter().map(listen).collect()
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// An IPv6 place is IPv6's alone, so that `0.0.0.0:2222, [::]:2222` names two.
fn listen_at(place: SocketAddr) -> Result<TcpListener, rustix::io::Errno> {
    let family = match place {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A program that is started again must not wait for the last connections of the one before.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if place.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &place)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// The SSH door.
#[derive(Debug, Clone)]
pub struct Ssh(pub Screens);

impl Ssh {
    /// Reads the host key, or makes it on the first start; then serves `listeners` until the program closes and everybody
    /// has gone.
    pub fn serve(
        self,
        listeners: Vec<TcpListener>,
    ) -> Result<impl Future<Output = ()> + Send + 'static, SshError> {
        let file = self.0.settings.borrow().host_key_file();
        let key = HostKey::read_or_make(&file, self.0.random.as_ref())?;
        let mut listening = Vec::new();
        for listener in listeners {
            let place = listener.local_addr();
            let failed = |error| {
                let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
                SshError::Listen(place.as_ref().copied().unwrap_or(unknown), error)
            };
            let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
            if let Ok(place) = place {
                tracing::info!(%place, fingerprint = key.fingerprint(), "SSH is served");
            }
            listening.push(listener);
        }
        let transport = Transport::start("ssh").map_err(SshError::Thread)?;
        let reception = Reception::new(self.0.clone(), transport, key);
        Ok(self.attend(listening, Arc::new(reception)))
    }

    async fn attend(self, listeners: Vec<tokio::net::TcpListener>, reception: Arc<Reception>) {
        let screens = self.0;
        let (call, mut calls) = mpsc::channel(16);
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(accept(listener, call.clone()));
        }
        drop(call);
        let mut connections = JoinSet::new();
        let mut headers = Headers::new("SSH");
        loop {
            tokio::select! {
                Some((stream, address)) = calls.recv() => {
                    let address = address.ip().to_canonical();
                    let config = screens.settings.borrow().clone();
                    if config.ssh.proxies.holds(address) {
                        headers.read(stream, address, config.ssh.proxies.clone());
                    } else if let Some(admitted) = reception.admit(stream, address) {
                        connections.spawn(admitted);
                    }
                }
                Some(heard) = headers.next() => match heard {
                    Ok(Heard { stream, speaker: Speaker::Caller(address) }) => {
                        if let Some(admitted) = reception.admit(stream, address) {
                            connections.spawn(admitted);
                        }
                    }
                    Ok(Heard { stream, speaker: Speaker::Balancer }) => {
                        connections.spawn(greet(stream));
                    }
                    Err(_) => screens.counts.refuse(Refused::Handshake),
                },
                // A connection whose task has ended, by a fault or not, has taken no other with it.
                Some(_) = connections.join_next() => {}
                () = screens.closed() => break,
            }
        }
        drop(headers);
        accepting.shutdown().await;
        screens.see_out(connections).await;
    }
}

/// Answers a balancer that looks whether somebody is here: with the greeting, and no more. Nobody logs in over a
/// connection of a balancer's own.
async fn greet(mut stream: TcpStream) {
    // A fresh connection has room for it, so that this never waits; one that has gone needs none.
    let _ = stream.write_all(format!("{GREETING}\r\n").as_bytes()).await;
}

/// Accepts connections until nobody takes them.
async fn accept(listener: tokio::net::TcpListener, call: mpsc::Sender<(TcpStream, SocketAddr)>) {
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                if call.send(accepted).await.is_err() {
                    return;
                }
            }
            // Out of descriptors, or a caller that has gone; waiting is all that helps.
            Err(error) => {
                tracing::warn!(%error, "an SSH connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
