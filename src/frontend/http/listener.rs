//! Where connections come in: at an address of the network, or at a socket of this machine.

use std::{
    io::{self, IoSlice},
    net::{IpAddr, Ipv4Addr},
    os::unix,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// A place that is taken, and not yet served.
#[derive(Debug)]
pub enum Listener {
    Address(std::net::TcpListener),
    Socket(unix::net::UnixListener),
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Self {
        Self::Address(listener)
    }
}

impl Listener {
    /// The same place once more.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Address(listener) => Self::Address(listener.try_clone()?),
            Self::Socket(listener) => Self::Socket(listener.try_clone()?),
        })
    }

    pub(super) fn open(self) -> io::Result<OpenListener> {
        Ok(match self {
            Self::Address(listener) => {
                listener.set_nonblocking(true)?;
                OpenListener::Address(TcpListener::from_std(listener)?)
            }
            Self::Socket(listener) => {
                listener.set_nonblocking(true)?;
                OpenListener::Socket(UnixListener::from_std(listener)?)
            }
        })
    }
}

/// A place that is served.
pub(super) enum OpenListener {
    Address(TcpListener),
    Socket(UnixListener),
}

/// Who comes in.
pub(super) enum Newcomer {
    /// Perhaps a balancer, which tells of somebody else.
    FromAddress(TcpStream, IpAddr),
    FromSocket(UnixStream),
}

impl Newcomer {
    /// The address of whoever comes in by a socket.
    pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
}

impl OpenListener {
    pub async fn accept(&self) -> io::Result<Newcomer> {
        Ok(match self {
            Self::Address(listener) => {
                let (stream, address) = listener.accept().await?;
                Newcomer::FromAddress(stream, address.ip().to_canonical())
            }
            Self::Socket(listener) => Newcomer::FromSocket(listener.accept().await?.0),
        })
    }
}

/// A connection of either kind.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// An answer is written in one go; waiting to fill a packet would only delay it.
    pub fn send_at_once(&self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
