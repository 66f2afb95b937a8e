//! Whether a request's head is what RFC 9112 has it be: hyper takes some that others read otherwise, and where two
//! programs in a row read a head in two ways, one person's request can end in another's.
//!
//! A line feed without its carriage return ends no line here (section 2.2). hyper looks at lines only inside itself, so
//! it is shown a byte that no head may have instead, and answers 400 as to any other such byte.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use hyper::{
    Request, Version,
    header::{HOST, HeaderValue},
    http::uri::Authority,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A request names the host it is for exactly once (RFC 9112 section 3.2); before HTTP/1.1, at most once.
pub fn names_one_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// A name or an address, and a port if need be; empty where the address of the request has none.
fn is_host(host: &HeaderValue) -> bool {
    let bytes = host.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && Authority::try_from(bytes).is_ok())
}

/// A stream of requests in whose heads only `\r\n` ends a line.
#[derive(Debug)]
pub struct StrictLines<S> {
    stream: S,
    at: At,
    /// Once it is not known any more where the next head begins.
    is_last: Arc<AtomicBool>,
}

/// Where in the stream the next byte stands.
#[derive(Debug)]
enum At {
    Head(Head),
    /// So many bytes of a body are left.
    Body(u64),
    /// In what nobody looks at: no further request is answered.
    End,
}

#[derive(Debug, Default)]
struct Head {
    /// The beginning of the present line.
    line: Vec<u8>,
    /// Bytes of the present line.
    length: usize,
    after_return: bool,
    has_begun: bool,
    body: Option<u64>,
    is_unknown: bool,
}

impl Head {
    /// As much of a line is kept as the length of a body needs.
    const KEPT: usize = 64;

    /// Takes one byte: the state behind it, if that is another, or that it may not stand there.
    fn take(&mut self, byte: u8) -> Result<Option<At>, BareLineFeed> {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if !after_return => return Err(BareLineFeed),
            b'\n' => return Ok(self.end_line()),
            b'\r' => {}
            _ => {
                self.length += 1;
                if self.line.len() < Self::KEPT {
                    self.line.push(byte);
                }
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Option<At> {
        let (line, length) = (
            std::mem::take(&mut self.line),
            std::mem::take(&mut self.length),
        );
        if length == 0 {
            // An empty line before a request is passed over (RFC 9112 section 2.2).
            return self.has_begun.then(|| match self.body {
                _ if self.is_unknown => At::End,
                Some(length @ 1..) => At::Body(length),
                _ => At::Head(Self::default()),
            });
        }
        if std::mem::replace(&mut self.has_begun, true) {
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            if name.eq_ignore_ascii_case(b"content-length") {
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                let text = std::str::from_utf8(value).ok();
                let said: Option<u64> = text.and_then(|text| text.parse().ok());
                // What is cut off here, or said twice in two ways, hyper may read otherwise.
                self.is_unknown |= said.is_none() || length > Self::KEPT;
                self.is_unknown |= self.body.is_some_and(|before| Some(before) != said);
                self.body = said;
            }
            self.is_unknown |= name.eq_ignore_ascii_case(b"transfer-encoding");
        }
        None
    }
}

struct BareLineFeed;

impl<S> StrictLines<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            at: At::Head(Head::default()),
            is_last: Arc::default(),
        }
    }

    /// Turns true with a request after which the stream cannot go on.
    pub fn is_last(&self) -> Arc<AtomicBool> {
        self.is_last.clone()
    }

    fn look_at(&mut self, mut bytes: &mut [u8]) {
        loop {
            match &mut self.at {
                At::Head(head) => {
                    let Some((byte, rest)) = bytes.split_first_mut() else {
                        return;
                    };
                    match head.take(*byte) {
                        Ok(None) => {}
                        Ok(Some(next)) => self.at = next,
                        Err(BareLineFeed) => {
                            // No head may have it, in any part.
                            *byte = 0;
                            self.at = At::End;
                        }
                    }
                    bytes = rest;
                }
                At::Body(left) => {
                    let length = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    *left -= length as u64;
                    if *left > 0 {
                        return;
                    }
                    self.at = At::Head(Head::default());
                    bytes = &mut bytes[length..];
                }
                At::End => {
                    self.is_last.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictLines<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let lines = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut lines.stream).poll_read(context, into))?;
        lines.look_at(&mut into.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictLines<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hyper is shown of `bytes`, read in pieces of `piece` bytes, and whether the stream goes on.
    fn shown(bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
        let mut lines = StrictLines::new(());
        let mut bytes = bytes.to_vec();
        for part in bytes.chunks_mut(piece) {
            lines.look_at(part);
        }
        (bytes, !lines.is_last.load(Ordering::Relaxed))
    }

    #[test]
    fn a_bare_line_feed_is_refused_in_a_head_and_nowhere_else() {
        let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let post = "POST / HTTP/1.1\r\nhost: x\r\ncontent-LENGTH: 4\r\n\r\na\n\nb";
        for piece in [1, 2, 7, 1000] {
            for good in [
                get.to_owned(),
                format!("{get}{get}\r\n{get}"),
                format!("{post}{get}{post}"),
                get.replace("Host: x", "Host: x\r\nX-A: \ta\r\nContent-Length: 0"),
            ] {
                assert_eq!(shown(good.as_bytes(), piece), (good.into(), true));
            }
            for bad in [
                get.replace('\r', ""),
                format!("\n{get}"),
                get.replacen("\r\n", "\n", 1),
                get.replace("\r\n\r\n", "\r\n\n"),
                get.replace("x\r\n\r\n", "x\n\n"),
                format!("{post}\n{get}"),
                format!("{post}{}", get.replacen("\r\n", "\n", 1)),
            ] {
                let (seen, goes_on) = shown(bad.as_bytes(), piece);
                assert!(seen.contains(&0), "{bad:?}");
                // Known with the next byte at the latest.
                assert!(!goes_on || seen.ends_with(&[0]), "{bad:?}");
            }
        }
    }

    #[test]
    fn where_a_body_ends_nobody_else_the_stream_does() {
        let head = |header: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\nabc\n");
        for header in [
            "Transfer-Encoding: chunked",
            "transfer-encoding:chunked",
            "Content-Length: 4\r\nContent-Length: 5",
            "Content-Length: x",
            "Content-Length: +x",
            "Content-Length:",
            &format!("Content-Length:{}4", " ".repeat(80)),
        ] {
            let bytes = head(header);
            assert_eq!(
                shown(bytes.as_bytes(), 9),
                (bytes.into(), false),
                "{header}"
            );
        }
        let same = head("Content-Length: 4\r\nContent-Length: 4");
        assert!(shown(same.as_bytes(), 9).1);
    }

    #[test]
    fn a_host_is_named_once_and_is_one() {
        let request = |version, hosts: &[&str]| {
            let mut request = Request::get("/").version(version);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            names_one_host(&request.body(()).unwrap())
        };
        for host in [
            "x",
            "x:8080",
            "192.0.2.1",
            "[::1]:80",
            "",
            "LPSE.contoh.go.id.",
        ] {
            assert!(request(Version::HTTP_11, &[host]), "{host:?}");
        }
        for hosts in [&[][..], &["x", "x"], &["a b"], &["a/b"], &["u@x"], &["x?"]] {
            assert!(!request(Version::HTTP_11, hosts), "{hosts:?}");
        }
        assert!(request(Version::HTTP_10, &[]) && !request(Version::HTTP_10, &["x", "y"]));
    }
}
