//! SSH's wire by hand (RFC 4253 and 4254): a client that says what it likes, as no library lets it.
//!
//! It knows one key exchange (curve25519-sha256) and one cipher (chacha20-poly1305@openssh.com), and believes any host
//! key. Every step is a method of its own, so that a scene can stop after any of them or do it wrong.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use ring::{
    aead::chacha20_poly1305_openssh::{OpeningKey, SealingKey},
    agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519},
    rand::SystemRandom,
};
use sha2::{Digest, Sha256};

/// Nothing takes this long; what does has hung.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Numbers of messages.
pub mod message {
    pub const DISCONNECT: u8 = 1;
    pub const IGNORE: u8 = 2;
    pub const SERVICE_REQUEST: u8 = 5;
    pub const SERVICE_ACCEPT: u8 = 6;
    pub const KEXINIT: u8 = 20;
    pub const NEWKEYS: u8 = 21;
    pub const KEX_ECDH_INIT: u8 = 30;
    pub const KEX_ECDH_REPLY: u8 = 31;
    pub const USERAUTH_REQUEST: u8 = 50;
    pub const USERAUTH_FAILURE: u8 = 51;
    pub const USERAUTH_SUCCESS: u8 = 52;
    pub const USERAUTH_PK_OK: u8 = 60;
    pub const GLOBAL_REQUEST: u8 = 80;
    pub const REQUEST_SUCCESS: u8 = 81;
    pub const REQUEST_FAILURE: u8 = 82;
    pub const CHANNEL_OPEN: u8 = 90;
    pub const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
    pub const CHANNEL_OPEN_FAILURE: u8 = 92;
    pub const CHANNEL_WINDOW_ADJUST: u8 = 93;
    pub const CHANNEL_DATA: u8 = 94;
    pub const CHANNEL_EOF: u8 = 96;
    pub const CHANNEL_CLOSE: u8 = 97;
    pub const CHANNEL_REQUEST: u8 = 98;
    pub const CHANNEL_SUCCESS: u8 = 99;
    pub const CHANNEL_FAILURE: u8 = 100;
}

pub const BANNER: &[u8] = b"SSH-2.0-hostile";

/// A message being put together.
#[derive(Clone)]
pub struct Payload(pub Vec<u8>);

impl Payload {
    pub fn new(message: u8) -> Self {
        Self(vec![message])
    }

    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub fn bool(self, value: bool) -> Self {
        self.byte(value.into())
    }

    pub fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub fn string(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let length = u32::try_from(bytes.len()).expect("a string that fits");
        self.number(length).raw(bytes)
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

/// The lists of a key exchange's first message.
#[derive(Clone)]
pub struct Offer {
    pub kex: String,
    pub host_key: String,
    pub cipher: String,
    pub mac: String,
    pub compression: String,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            kex: "curve25519-sha256".into(),
            host_key: "ssh-ed25519".into(),
            cipher: "chacha20-poly1305@openssh.com".into(),
            mac: "hmac-sha2-256".into(),
            compression: "none".into(),
        }
    }
}

impl Offer {
    pub fn payload(&self) -> Payload {
        let mut payload = Payload::new(message::KEXINIT).raw(&[7; 16]);
        for list in [
            &self.kex,
            &self.host_key,
            &self.cipher,
            &self.cipher,
            &self.mac,
            &self.mac,
            &self.compression,
            &self.compression,
        ] {
            payload = payload.string(list);
        }
        payload.string("").string("").bool(false).number(0)
    }
}

/// A connection.
pub struct Wire {
    pub stream: TcpStream,
    sealing: Option<SealingKey>,
    opening: Option<OpeningKey>,
    sent: u32,
    received: u32,
    their_banner: Vec<u8>,
    session: Option<[u8; 32]>,
    /// How much the server takes over the session channel.
    pub window: u32,
    /// One byte a segment.
    pub trickle: bool,
}

impl Wire {
    /// Connects from an address of this machine; `received` bounds what the system keeps for a reader that does not
    /// read.
    pub fn connect(from: [u8; 4], port: u16, received: Option<u32>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            if let Some(received) = received {
                socket.set_recv_buffer_size(received)?;
            }
            socket.bind(SocketAddr::from((from, 0)))?;
            let stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], port)));
            stream.await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self {
            stream,
            sealing: None,
            opening: None,
            sent: 0,
            received: 0,
            their_banner: Vec::new(),
            session: None,
            window: 0,
            trickle: false,
        })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.trickle {
            return bytes
                .iter()
                .try_for_each(|byte| self.stream.write_all(&[*byte]));
        }
        self.stream.write_all(bytes)
    }

    /// Says who we are and hears who they are.
    pub fn greet(&mut self) -> io::Result<()> {
        self.write(&[BANNER, b"\r\n"].concat())?;
        let mut byte = [0];
        while !self.their_banner.ends_with(b"\r\n") {
            self.stream.read_exact(&mut byte)?;
            self.their_banner.push(byte[0]);
        }
        self.their_banner.truncate(self.their_banner.len() - 2);
        Ok(())
    }

    pub fn send(&mut self, payload: &Payload) -> io::Result<()> {
        let packet = self.packet(payload);
        self.write(&packet)
    }

    /// A packet as it goes over the wire, counted as sent.
    pub fn packet(&mut self, payload: &Payload) -> Vec<u8> {
        // The cipher leaves the length out of what is padded to a multiple of eight.
        let body = padded(payload, if self.sealing.is_some() { 1 } else { 5 });
        let length = u32::try_from(body.len()).expect("a packet that fits");
        self.packet_of(length, &body)
    }

    /// A packet that claims to be `length` long, whatever its body is.
    pub fn packet_of(&mut self, length: u32, body: &[u8]) -> Vec<u8> {
        let mut packet = length.to_be_bytes().to_vec();
        packet.extend(body);
        if let Some(key) = &self.sealing {
            let mut tag = [0; 16];
            key.seal_in_place(self.sent, &mut packet, &mut tag);
            packet.extend(tag);
        }
        self.sent = self.sent.wrapping_add(1);
        packet
    }

    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let clear = match &self.opening {
            Some(key) => key.decrypt_packet_length(self.received, length),
            None => length,
        };
        let count = u32::from_be_bytes(clear) as usize;
        assert!(count < 1 << 20, "the server sends a packet of {count}");
        let mut packet = length.to_vec();
        packet.resize(4 + count, 0);
        self.stream.read_exact(&mut packet[4..])?;
        let body = match &self.opening {
            Some(key) => {
                let mut tag = [0; 16];
                self.stream.read_exact(&mut tag)?;
                key.open_in_place(self.received, &mut packet, &tag)
                    .map_err(|_| io::Error::other("the server's packet does not open"))?
            }
            None => &packet[4..],
        };
        self.received = self.received.wrapping_add(1);
        let padding = usize::from(body[0]);
        Ok(body[1..body.len() - padding].to_vec())
    }

    /// The next message that is one of `wanted`.
    pub fn receive_any(&mut self, wanted: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let payload = self.receive()?;
            if wanted.contains(&payload[0]) {
                return Ok(payload);
            }
            if payload[0] == message::DISCONNECT {
                return Err(io::Error::other("the server disconnects"));
            }
        }
    }

    /// Exchanges keys, for the first time or again.
    pub fn exchange_keys(&mut self) -> io::Result<()> {
        let ours = Offer::default().payload();
        self.send(&ours)?;
        let theirs = self.receive_any(&[message::KEXINIT])?;
        let random = SystemRandom::new();
        let private = EphemeralPrivateKey::generate(&X25519, &random).expect("chance");
        let public = private.compute_public_key().expect("a public key");
        self.send(&Payload::new(message::KEX_ECDH_INIT).string(public.as_ref()))?;
        let reply = self.receive_any(&[message::KEX_ECDH_REPLY])?;
        let (host_key, rest) = string(&reply[1..]);
        let (their_public, _) = string(rest);
        let their_key = UnparsedPublicKey::new(&X25519, their_public);
        let shared = agreement::agree_ephemeral(private, &their_key, <[u8]>::to_vec)
            .map_err(|_| io::Error::other("no key is agreed on"))?;
        let shared = Payload(Vec::new()).string(positive(&shared)).0;
        let hashed = Payload(Vec::new())
            .string(BANNER)
            .string(&self.their_banner)
            .string(&ours.0)
            .string(&theirs)
            .string(host_key)
            .string(public.as_ref())
            .string(their_public)
            .raw(&shared);
        let hash: [u8; 32] = Sha256::digest(&hashed.0).into();
        let session = *self.session.get_or_insert(hash);
        let key = |letter: u8| -> [u8; 64] {
            let first = Sha256::digest([&shared, &hash[..], &[letter], &session].concat());
            let second = Sha256::digest([&shared, &hash[..], &first[..]].concat());
            let mut key = [0; 64];
            key[..32].copy_from_slice(&first);
            key[32..].copy_from_slice(&second);
            key
        };
        self.receive_any(&[message::NEWKEYS])?;
        self.opening = Some(OpeningKey::new(&key(b'D')));
        self.send(&Payload::new(message::NEWKEYS))?;
        self.sealing = Some(SealingKey::new(&key(b'C')));
        Ok(())
    }

    /// The service that authentication is; the first thing said under a key.
    pub fn ask_for_authentication(&mut self) -> io::Result<()> {
        self.send(&Payload::new(message::SERVICE_REQUEST).string("ssh-userauth"))?;
        self.receive_any(&[message::SERVICE_ACCEPT]).map(drop)
    }

    pub fn authenticate(&mut self) -> io::Result<()> {
        self.send(
            &Payload::new(message::USERAUTH_REQUEST)
                .string("lpse")
                .string("ssh-connection")
                .string("none"),
        )?;
        self.receive_any(&[message::USERAUTH_SUCCESS]).map(drop)
    }

    /// From nothing to the point where channels are opened.
    pub fn enter(&mut self) -> io::Result<()> {
        self.greet()?;
        self.exchange_keys()?;
        self.ask_for_authentication()?;
        self.authenticate()
    }

    /// Opens a session channel with number 0 on our side; returns its number on theirs.
    pub fn open_session(&mut self, window: u32, packet: u32) -> io::Result<u32> {
        self.send(&session_channel(0, window, packet))?;
        let reply = self.receive_any(&[
            message::CHANNEL_OPEN_CONFIRMATION,
            message::CHANNEL_OPEN_FAILURE,
        ])?;
        if reply[0] == message::CHANNEL_OPEN_FAILURE {
            return Err(io::Error::other("the session channel is refused"));
        }
        self.window = number(&reply[9..]);
        Ok(number(&reply[5..]))
    }

    /// Makes a request that is answered; whether it was granted.
    pub fn ask(&mut self, request: &Payload) -> io::Result<bool> {
        self.send(request)?;
        let reply = self.receive_any(&[message::CHANNEL_SUCCESS, message::CHANNEL_FAILURE])?;
        Ok(reply[0] == message::CHANNEL_SUCCESS)
    }

    /// A terminal and the kiosk on it.
    pub fn start_kiosk(&mut self, channel: u32) -> io::Result<()> {
        for request in [terminal(channel, 80, 24), shell(channel)] {
            if !self.ask(&request)? {
                return Err(io::Error::other("a terminal or a shell is refused"));
            }
        }
        Ok(())
    }

    /// Everything up to the kiosk's first frame.
    pub fn sit_down(&mut self) -> io::Result<u32> {
        self.enter()?;
        let channel = self.open_session(2 << 20, 32 * 1024)?;
        self.start_kiosk(channel)?;
        self.see(FRAME_END)?;
        Ok(channel)
    }

    /// Reads what is drawn until it contains `bytes`.
    pub fn see(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.see_any(&[bytes]).map(drop)
    }

    /// Reads what is drawn until it contains one of `wanted`; returns which.
    pub fn see_any(&mut self, wanted: &[&[u8]]) -> io::Result<usize> {
        let mut drawn: Vec<u8> = Vec::new();
        loop {
            let payload = self.receive_any(&[message::CHANNEL_DATA])?;
            drawn.extend(string(&payload[5..]).0);
            let found = wanted
                .iter()
                .position(|bytes| drawn.windows(bytes.len()).any(|window| window == *bytes));
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    pub fn press(&mut self, channel: u32, keys: &[u8]) -> io::Result<()> {
        self.send(
            &Payload::new(message::CHANNEL_DATA)
                .number(channel)
                .string(keys),
        )
    }

    /// Reads and forgets from now on, beside whatever is sent.
    pub fn drain(&self) -> thread::JoinHandle<()> {
        let mut stream = self.stream.try_clone().expect("a descriptor");
        thread::spawn(move || {
            let mut bytes = [0; 64 * 1024];
            while matches!(stream.read(&mut bytes), Ok(length) if length > 0) {}
        })
    }

    /// Whether the server closes the connection, without being asked to.
    pub fn is_closed(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    );
                }
            }
        }
    }

    /// Has nothing more to say; whether the server closes then.
    pub fn is_closed_at_the_end(&mut self) -> bool {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.is_closed()
    }
}

/// A payload with its padding, which is a packet but for the length; `beside` bytes count besides the payload's.
fn padded(payload: &Payload, beside: usize) -> Vec<u8> {
    let unpadded = payload.0.len() + beside;
    let padding = 4 + (8 - (unpadded + 4) % 8) % 8;
    let mut body = vec![u8::try_from(padding).expect("little padding")];
    body.extend(&payload.0);
    body.resize(body.len() + padding, 0);
    body
}

/// A packet as it goes over the wire before there are keys.
pub fn in_the_clear(payload: &Payload) -> Vec<u8> {
    let body = padded(payload, 5);
    let length = u32::try_from(body.len()).expect("a packet that fits");
    [&length.to_be_bytes()[..], &body].concat()
}

/// What every frame of the kiosk ends with.
pub const FRAME_END: &[u8] = b"\x1b[?2026l";

pub fn session_channel(ours: u32, window: u32, packet: u32) -> Payload {
    channel_open("session", ours, window, packet)
}

pub fn channel_open(kind: &str, ours: u32, window: u32, packet: u32) -> Payload {
    Payload::new(message::CHANNEL_OPEN)
        .string(kind)
        .number(ours)
        .number(window)
        .number(packet)
}

pub fn request(channel: u32, name: &str, answered: bool) -> Payload {
    Payload::new(message::CHANNEL_REQUEST)
        .number(channel)
        .string(name)
        .bool(answered)
}

pub fn terminal(channel: u32, columns: u32, rows: u32) -> Payload {
    request(channel, "pty-req", true)
        .string("xterm-256color")
        .number(columns)
        .number(rows)
        .number(0)
        .number(0)
        .string([0])
}

pub fn shell(channel: u32) -> Payload {
    request(channel, "shell", true)
}

pub fn resized(channel: u32, columns: u32, rows: u32) -> Payload {
    request(channel, "window-change", false)
        .number(columns)
        .number(rows)
        .number(0)
        .number(0)
}

pub fn global(name: &str, answered: bool) -> Payload {
    Payload::new(message::GLOBAL_REQUEST)
        .string(name)
        .bool(answered)
}

pub fn adjusted(channel: u32, by: u32) -> Payload {
    Payload::new(message::CHANNEL_WINDOW_ADJUST)
        .number(channel)
        .number(by)
}

pub fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"))
}

/// A string at the beginning of `bytes`, and what follows it.
pub fn string(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes[4..].split_at(number(bytes) as usize)
}

/// A positive number as an `mpint`'s content.
fn positive(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0);
    let bytes = &bytes[first.unwrap_or(bytes.len())..];
    let mut content = Vec::new();
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        content.push(0);
    }
    content.extend(bytes);
    content
}
