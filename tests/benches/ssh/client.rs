//! A person's SSH client, the same for every server that is measured: one connection, one PTY shell, one screen.

use std::{
    io,
    net::SocketAddr,
    num::NonZero,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use russh::{
    Channel, ChannelMsg,
    client::{self, Msg},
    keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();
const ROWS: NonZero<u16> = NonZero::new(24).unwrap();

/// A server that shows nothing for this long has failed, and the benchmark with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key that takes back what was typed, at a form as at a shell.
pub const BACKSPACE: u8 = 0x7f;

/// Who comes in, and where.
#[derive(Clone)]
pub struct Visit {
    pub server: SocketAddr,
    pub user: &'static str,
    /// Without a key: `none` authentication.
    pub key: Option<Arc<PrivateKey>>,
    /// All of these are on a complete first screen.
    pub first_screen: &'static [&'static str],
}

/// Bytes over one connection's TCP, both ways.
#[derive(Debug, Default)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }
}

/// An open session, and what its terminal shows.
pub struct Terminal {
    /// Dropping it would end the connection.
    _connection: client::Handle<AnyServer>,
    channel: Channel<Msg>,
    screen: vt100::Parser,
    pub traffic: Arc<Traffic>,
}

impl Terminal {
    /// Connects and waits for the first screen; returns how long that took.
    pub async fn open(visit: &Visit) -> (Self, Duration) {
        timeout(PATIENCE, Self::come_in(visit))
            .await
            .unwrap_or_else(|_| panic!("{} shows no first screen", visit.server))
    }

    async fn come_in(visit: &Visit) -> (Self, Duration) {
        let begun = Instant::now();
        let stream = TcpStream::connect(visit.server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let traffic = Arc::new(Traffic::default());
        let stream = Counted {
            stream,
            traffic: traffic.clone(),
        };
        let config = Arc::new(client::Config::default());
        let mut connection = client::connect_stream(config, stream, AnyServer)
            .await
            .unwrap();
        let authenticated = match &visit.key {
            None => connection.authenticate_none(visit.user).await,
            Some(key) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), None);
                connection.authenticate_publickey(visit.user, key).await
            }
        };
        assert!(
            authenticated.unwrap().success(),
            "{} lets nobody in",
            visit.server
        );
        let channel = connection.channel_open_session().await.unwrap();
        let (columns, rows) = (COLUMNS.get().into(), ROWS.get().into());
        channel
            .request_pty(false, "xterm-256color", columns, rows, 0, 0, &[])
            .await
            .unwrap();
        channel.request_shell(false).await.unwrap();
        let mut terminal = Self {
            _connection: connection,
            channel,
            screen: vt100::Parser::new(ROWS, COLUMNS, 0),
            traffic,
        };
        terminal.until(visit.first_screen).await;
        (terminal, begun.elapsed())
    }

    /// Sends `keys` as one packet.
    pub async fn press(&mut self, keys: impl Into<Vec<u8>>) {
        self.channel.data_bytes(keys.into()).await.unwrap();
    }

    /// Waits until the screen shows every one of `texts`.
    pub async fn wait_for(&mut self, texts: &[&str]) {
        if timeout(PATIENCE, self.until(texts)).await.is_err() {
            panic!(
                "no {texts:?} on this screen:\n{}",
                self.screen.screen().contents()
            );
        }
    }

    async fn until(&mut self, texts: &[&str]) {
        loop {
            let contents = self.screen.screen().contents();
            if texts.iter().all(|text| contents.contains(text)) {
                return;
            }
            self.next().await;
        }
    }

    /// Presses `key`, a character or backspace; returns after how long its change of the screen was here, and of how
    /// many bytes that was.
    pub async fn key_to_screen(&mut self, key: u8) -> (Duration, usize) {
        let begun = Instant::now();
        self.press([key]).await;
        let mut bytes = 0;
        let echo = async {
            loop {
                let data = self.next().await;
                bytes += data.len();
                // The clock on the screen may come between; it shows no such character.
                if key == BACKSPACE || data.contains(&key) {
                    break begun.elapsed();
                }
            }
        };
        let time = timeout(PATIENCE, echo).await.expect("a key is answered");
        (time, bytes)
    }

    /// The next bytes for the screen, which shows them then.
    async fn next(&mut self) -> Vec<u8> {
        loop {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    self.screen.process(&data);
                    return data.to_vec();
                }
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => panic!(
                    "the server ended the session at this screen:\n{}",
                    self.screen.screen().contents()
                ),
                Some(_) => {}
            }
        }
    }
}

struct AnyServer;

impl client::Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// A connection that counts its bytes.
struct Counted {
    stream: TcpStream,
    traffic: Arc<Traffic>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.traffic.received.fetch_add(read as u64, Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.traffic.sent.fetch_add(written as u64, Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
