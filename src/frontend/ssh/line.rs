//! One TCP connection that can be cut from outside: the SSH library waits in it for peers that send or take nothing, and
//! whoever watches the clock must be able to end that.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::net::{Shutdown, sockopt};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::conduct::Conduct;
use crate::ports::Clock;

/// Nobody types as much in a session; a peer that sends more has other things in mind.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes that the kernel may hold for a peer, who takes a whole frame at a time.
const SEND_BUFFER: usize = 64 * 1024;

/// A peer that has not taken what was sent for this long is gone, in milliseconds (RFC 5482 section 3).
const SLOWEST_PEER: u32 = 60_000;

/// The connection, as the SSH library reads and writes it.
#[derive(Debug)]
pub struct Line {
    stream: Arc<TcpStream>,
    read: u64,
    conduct: Arc<Conduct>,
    clock: Arc<dyn Clock>,
}

/// Cuts the connection when dropped.
#[derive(Debug)]
pub struct Cutter(Arc<TcpStream>);

/// The connection over `stream`, and what ends it. What goes over it is noted in `conduct`, which may end it too.
pub fn line(stream: TcpStream, conduct: Arc<Conduct>, clock: Arc<dyn Clock>) -> (Line, Cutter) {
    // A frame is written in one go; waiting to fill a packet would only delay it.
    let _ = stream.set_nodelay(true);
    // A peer that takes nothing costs the kernel little, and not for long.
    let _ = sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER);
    let _ = sockopt::set_tcp_user_timeout(&stream, SLOWEST_PEER);
    let stream = Arc::new(stream);
    let line = Line {
        stream: stream.clone(),
        read: 0,
        conduct,
        clock,
    };
    (line, Cutter(stream))
}

impl Drop for Cutter {
    fn drop(&mut self) {
        // Whatever waits for the peer sees the end of the stream; a connection that has ended already is no fault.
        let _ = rustix::net::shutdown(&*self.0, Shutdown::Both);
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read > MOST_BYTES {
            return Poll::Ready(Err(io::Error::other("more bytes than a session sends")));
        }
        let now = self.clock.monotonic();
        let asked = self.conduct.asks(buffer.remaining(), now);
        asked.map_err(|_| io::Error::other("more packets or keys than a session needs"))?;
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    self.conduct.reads(length);
                    self.read += length as u64;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.conduct.writes(bytes);
                    return Poll::Ready(written);
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = rustix::net::shutdown(&*self.stream, Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}
