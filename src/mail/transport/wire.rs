//! A connection to a mail server on which every answer has to come in time, and which hands over one line at a time.
//!
//! The time runs from the last thing that was said: a server that sends its answer a byte at a time gains nothing by it.
//! One line at a time, because whoever reads ahead of STARTTLS could not tell what was said in plain text from what is
//! said under TLS.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_rustls::client::TlsStream;

/// A greeting for a conversation that goes on under TLS, where the server does not greet again (RFC 3207 section 4.2).
const GREETED: &[u8] = b"220 TLS\r\n";

/// No answer is longer; the library itself reads a line without end into memory.
const LONGEST_ANSWER: usize = 8 * 1024;

/// The connection.
#[derive(Debug)]
pub struct Wire<S> {
    pub stream: BufReader<S>,
    /// What is read before anything of the stream.
    greeting: &'static [u8],
    limit: Duration,
    overdue: Pin<Box<Sleep>>,
    /// Bytes of the present answer.
    heard: usize,
    /// Once an answer was late or had no end, there is nothing more to hear or to say: the library would still say
    /// goodbye, and wait for the answer to that.
    is_over: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A connection whose server greets within `limit`, and answers within `limit` from then on.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream: BufReader::new(stream),
            greeting: b"",
            limit,
            overdue: Box::pin(sleep(limit)),
            heard: 0,
            is_over: false,
        }
    }

    /// The same, after a greeting that came earlier.
    pub fn already_greeted(stream: S, limit: Duration) -> Self {
        Self {
            greeting: GREETED,
            ..Self::new(stream, limit)
        }
    }

    /// `polled`, or that it took too long.
    fn in_time<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if self.is_over {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        if polled.is_pending() {
            ready!(self.overdue.as_mut().poll(context));
            return Poll::Ready(self.end(io::ErrorKind::TimedOut.into()));
        }
        polled
    }

    fn end<T>(&mut self, error: io::Error) -> io::Result<T> {
        self.is_over = true;
        Err(error)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.greeting.is_empty() {
            let length = wire.greeting.len().min(into.remaining());
            let (now, later) = wire.greeting.split_at(length);
            into.put_slice(now);
            wire.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let filled = Pin::new(&mut wire.stream).poll_fill_buf(context);
        let line = filled.map_ok(|bytes| {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let line = end.map_or(bytes.len(), |end| end + 1).min(into.remaining());
            into.put_slice(&bytes[..line]);
            line
        });
        let line = ready!(wire.in_time(line, context))?;
        Pin::new(&mut wire.stream).consume(line);
        wire.heard += line;
        if wire.heard > LONGEST_ANSWER {
            let endless = io::Error::new(io::ErrorKind::InvalidData, "its answer has no end");
            return Poll::Ready(wire.end(endless));
        }
        // A server that never stops talking does not get more time by it.
        if wire.overdue.is_elapsed() {
            return Poll::Ready(wire.end(io::ErrorKind::TimedOut.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write(context, bytes);
        let written = ready!(wire.in_time(written, context))?;
        let end = Instant::now() + wire.limit;
        wire.overdue.as_mut().reset(end);
        wire.heard = 0;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let flushed = Pin::new(&mut wire.stream).poll_flush(context);
        wire.in_time(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let shut = Pin::new(&mut wire.stream).poll_shutdown(context);
        wire.in_time(shut, context)
    }
}

impl AsyncTokioStream for Wire<TcpStream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().peer_addr()
    }
}

impl AsyncTokioStream for Wire<TlsStream<TcpStream>> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().get_ref().0.peer_addr()
    }
}

/// A wire that the mail library has for a while, and that comes back: under STARTTLS the conversation goes on over
/// another.
pub struct Lent<S>(Arc<Mutex<Wire<S>>>);

impl<S> Lent<S> {
    pub fn new(wire: Wire<S>) -> Self {
        Self(Arc::new(Mutex::new(wire)))
    }

    /// The wire, once the other side has dropped its half.
    pub fn returned(self) -> Wire<S> {
        let wire = Arc::into_inner(self.0).expect("the conversation over it has ended");
        wire.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Wire<S>> {
        // One task alone uses it, so nobody ever waits here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Clone for Lent<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> fmt::Debug for Lent<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Lent<TcpStream> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.lock().peer_addr()
    }
}
