//! The PROXY protocol, versions 1 and 2, of balancers that are declared: a header before everything else tells whose
//! connection it really is (`doc/proxy-protocol.txt` of haproxy, sections 2.1, 2.2 and 5).
//!
//! From a declared address a header must come, whole and at once; what follows it is left unread, be it TLS or SSH. From
//! all others none is looked for, so that one is what it is there: nonsense before a protocol. Whoever says nothing through
//! a balancer costs a slot here for seconds, among few, and takes none of those behind it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::admission::slots::{Holder, Slots};
use crate::domain::network::Networks;

/// A header is the first that a balancer sends, in one packet; one that has not come by then will not come.
const SLOWEST: Duration = Duration::from_secs(5);

/// Headers that are awaited at a time; when they are as many, the oldest gives way.
const AWAITED: usize = 256;

/// A wrong header is told to the log once in this time: a balancer that is set up wrong sends one a connection.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What version 2 begins with. Version 1 has no header that is shorter.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 1's longest line, with its end.
const LONGEST_LINE: usize = 107;

/// The most bytes of version 2's addresses and of what is told after them. Balancers send some hundreds; a client's
/// certificate would be the longest of them.
const LONGEST_BLOCK: usize = 4096;

/// A connection of a balancer's, after its header.
#[derive(Debug)]
pub struct Heard {
    pub stream: TcpStream,
    pub speaker: Speaker,
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Somebody's at this address, in the plainest form of it.
    Caller(IpAddr),
    /// The balancer's own, which looks whether all is well here: `LOCAL`, `UNKNOWN`, or a balancer's own address as the
    /// caller's, which is how version 1 says it. A balancer is nobody who could log in.
    Balancer,
}

/// Why a connection of a balancer's is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    #[error("it does not begin with a PROXY header")]
    NoHeader,
    #[error("its PROXY header is damaged or longer than one is")]
    Damaged,
    #[error("its PROXY header tells of something else than TCP over IPv4 or IPv6")]
    Family,
    #[error("its PROXY header tells an address or a port that nobody calls from")]
    Nobody,
    #[error("its PROXY header did not come within 5 seconds")]
    Late,
    /// It ended by itself, or had to give way.
    #[error("it ended before its PROXY header")]
    Gone,
}

/// The connections whose headers are awaited, for one listener or several of a kind.
#[derive(Debug)]
pub struct Headers {
    /// What the log calls what is served behind them.
    what: &'static str,
    slots: Arc<Slots<Awaited>>,
    reading: JoinSet<(IpAddr, Result<Heard, Unheard>)>,
    told: Option<Instant>,
}

/// A connection of this balancer's.
#[derive(Debug)]
struct Awaited(IpAddr);

impl Holder for Awaited {
    type Stake = ();
    type Source = IpAddr;

    fn source(&self) -> Option<&IpAddr> {
        Some(&self.0)
    }

    fn stake(&self) -> Option<()> {
        Some(())
    }
}

impl Headers {
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            slots: Arc::default(),
            reading: JoinSet::new(),
            told: None,
        }
    }

    /// Awaits the header of a connection from `balancer`, one of `proxies`.
    pub fn read(&mut self, mut stream: TcpStream, balancer: IpAddr, proxies: Networks) {
        let mut slots = self.slots.give();
        if slots.held() >= AWAITED {
            slots.displace(|_| true);
        }
        let slot = slots.to(Awaited(balancer));
        self.reading.spawn(async move {
            let read = tokio::select! {
                read = in_time(&mut stream, &proxies) => read,
                () = slot.displaced() => Err(Unheard::Gone),
            };
            (balancer, read.map(|speaker| Heard { stream, speaker }))
        });
    }

    /// The next connection whose header has come, or why one has none; `None` while none is awaited. Nothing is lost
    /// where the answer is not waited for.
    pub async fn next(&mut self) -> Option<Result<Heard, Unheard>> {
        // A task that was ended by a fault is a connection that has gone.
        let Ok((balancer, heard)) = self.reading.join_next().await? else {
            return Some(Err(Unheard::Gone));
        };
        if let Err(why) = heard
            && why != Unheard::Gone
            && self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY)
        {
            self.told = Some(Instant::now());
            let what = self.what;
            tracing::warn!(%balancer, "a connection of a balancer's to {what} is refused: {why}");
        }
        Some(heard)
    }
}

/// Reads a header within the time there is for one.
async fn in_time(
    stream: &mut (impl AsyncRead + Unpin),
    proxies: &Networks,
) -> Result<Speaker, Unheard> {
    let header = timeout(SLOWEST, read(stream)).await;
    Ok(match header.unwrap_or(Err(Unheard::Late))? {
        Speaker::Caller(address) if proxies.holds(address) => Speaker::Balancer,
        speaker => speaker,
    })
}

/// Reads a header, and not a byte more.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Speaker, Unheard> {
    let mut begin = [0; SIGNATURE.len()];
    fill(stream, &mut begin).await?;
    if begin == *SIGNATURE {
        return version_2(stream).await;
    }
    if !begin.starts_with(b"PROXY ") {
        return Err(Unheard::NoHeader);
    }
    let mut line = begin.to_vec();
    // Byte by byte, because what follows the line is not ours; version 1 is short, and sent once.
    while !line.contains(&b'\n') {
        if line.len() == LONGEST_LINE {
            return Err(Unheard::Damaged);
        }
        let mut byte = [0];
        fill(stream, &mut byte).await?;
        line.extend(byte);
    }
    let line = line.strip_suffix(b"\r\n").ok_or(Unheard::Damaged)?;
    version_1(std::str::from_utf8(line).map_err(|_| Unheard::Damaged)?)
}

async fn fill(stream: &mut (impl AsyncRead + Unpin), bytes: &mut [u8]) -> Result<(), Unheard> {
    let read = stream.read_exact(bytes).await;
    read.map(drop).map_err(|_| Unheard::Gone)
}

/// Section 2.1, without the line's end.
fn version_1(line: &str) -> Result<Speaker, Unheard> {
    if line.contains(['\r', '\n', '\0']) {
        return Err(Unheard::Damaged);
    }
    let parts: Vec<&str> = line.split(' ').collect();
    let address = |text: &str| -> Result<IpAddr, Unheard> {
        match parts[1] {
            "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::from),
            _ => text.parse::<Ipv6Addr>().map(IpAddr::from),
        }
        .map_err(|_| Unheard::Damaged)
    };
    let port = |text: &str| -> Result<u16, Unheard> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = is_plain && (text == "0" || !text.starts_with('0'));
        let port = text.parse().ok().filter(|_| is_plain);
        port.ok_or(Unheard::Damaged)
    };
    match parts[..] {
        // What is told after it is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Ok(Speaker::Balancer),
        ["PROXY", "TCP4" | "TCP6", from, to, from_port, to_port] => caller(
            (address(from)?, port(from_port)?),
            (address(to)?, port(to_port)?),
        ),
        ["PROXY", "TCP4" | "TCP6", ..] => Err(Unheard::Damaged),
        _ => Err(Unheard::Family),
    }
}

/// Section 2.2, after the signature.
async fn version_2(stream: &mut (impl AsyncRead + Unpin)) -> Result<Speaker, Unheard> {
    const LOCAL: u8 = 0x20;
    const PROXY: u8 = 0x21;
    const TCP_OVER_IPV4: u8 = 0x11;
    const TCP_OVER_IPV6: u8 = 0x21;

    let mut rest = [0; 4];
    fill(stream, &mut rest).await?;
    let [command, family, high, low] = rest;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !matches!(command, LOCAL | PROXY) || length > LONGEST_BLOCK {
        return Err(Unheard::Damaged);
    }
    let mut block = vec![0; length];
    fill(stream, &mut block).await?;
    // Addresses first, then ports, then what else is told (TLVs), which is for others.
    let addresses = |length: usize| block.get(..2 * length + 4).ok_or(Unheard::Damaged);
    let port = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    match (command, family) {
        // Whatever its family says.
        (LOCAL, _) => Ok(Speaker::Balancer),
        (_, TCP_OVER_IPV4) => {
            let bytes = addresses(4)?;
            let address =
                |at: usize| Ipv4Addr::from([0, 1, 2, 3].map(|place| bytes[at + place])).into();
            caller((address(0), port(bytes, 8)), (address(4), port(bytes, 10)))
        }
        (_, TCP_OVER_IPV6) => {
            let bytes = addresses(16)?;
            let address = |at: usize| {
                let octets = std::array::from_fn::<u8, 16, _>(|place| bytes[at + place]);
                Ipv6Addr::from(octets).into()
            };
            caller(
                (address(0), port(bytes, 32)),
                (address(16), port(bytes, 34)),
            )
        }
        _ => Err(Unheard::Family),
    }
}

/// The caller, where both ends can be ends of a TCP connection.
fn caller(from: (IpAddr, u16), to: (IpAddr, u16)) -> Result<Speaker, Unheard> {
    let ends = [from, to].map(|(address, port)| (address.to_canonical(), port));
    let is_end = |(address, port): &(IpAddr, u16)| {
        let is_many = match address {
            IpAddr::V4(address) => address.is_broadcast() || address.is_multicast(),
            IpAddr::V6(address) => address.is_multicast(),
        };
        *port != 0 && !is_many && !address.is_unspecified()
    };
    match ends.iter().all(is_end) {
        true => Ok(Speaker::Caller(ends[0].0)),
        false => Err(Unheard::Nobody),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn block(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family][..], &length, block].concat()
    }

    /// TCP over IPv4 from `from`, port 56324, to 10.0.0.10, port 2222.
    fn v4(from: [u8; 4]) -> Vec<u8> {
        [&from[..], &[10, 0, 0, 10, 0xdc, 0x04, 0x08, 0xae]].concat()
    }

    /// What a header says, and what is left behind it.
    async fn heard(bytes: &[u8]) -> (Result<Speaker, Unheard>, Vec<u8>) {
        let mut rest = bytes;
        let proxies = Networks::parse("10.0.0.8/29, fd00::10").unwrap();
        let heard = in_time(&mut rest, &proxies).await;
        (heard, rest.to_vec())
    }

    fn caller_at(address: &str) -> Result<Speaker, Unheard> {
        Ok(Speaker::Caller(address.parse().unwrap()))
    }

    #[tokio::test]
    async fn a_header_is_read_to_its_end_and_no_further() {
        let v6 = |from: &str| {
            let [from, to] = [from, "fd00::10"].map(|text| text.parse::<Ipv6Addr>().unwrap());
            [&from.octets()[..], &to.octets(), &[0xdc, 0x04, 0x08, 0xae]].concat()
        };
        let long = b"PROXY TCP6 2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff \
                     2001:0db8:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n";
        assert!(long.len() <= LONGEST_LINE);
        let unknown = b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                        ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
        assert_eq!(unknown.len(), LONGEST_LINE, "the longest (section 2.1)");
        let tlv = [&v4([198, 51, 100, 7])[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        let most = [v4([198, 51, 100, 7]), vec![0; LONGEST_BLOCK - 12]].concat();
        for (header, from) in [
            // The specification's own example.
            (
                b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n".to_vec(),
                caller_at("192.168.0.1"),
            ),
            (
                long.to_vec(),
                caller_at("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ),
            (
                b"PROXY TCP6 ::ffff:192.0.2.7 fd00::10 1 1\r\n".to_vec(),
                caller_at("192.0.2.7"),
            ),
            (
                block(0x21, 0x11, &v4([198, 51, 100, 7])),
                caller_at("198.51.100.7"),
            ),
            (block(0x21, 0x11, &tlv), caller_at("198.51.100.7")),
            (block(0x21, 0x11, &most), caller_at("198.51.100.7")),
            (
                block(0x21, 0x21, &v6("2001:db8::7")),
                caller_at("2001:db8::7"),
            ),
            (
                block(0x21, 0x21, &v6("::ffff:192.0.2.7")),
                caller_at("192.0.2.7"),
            ),
            // Health checks, of all kinds.
            (b"PROXY UNKNOWN\r\n".to_vec(), Ok(Speaker::Balancer)),
            (unknown.to_vec(), Ok(Speaker::Balancer)),
            (block(0x20, 0x00, &[]), Ok(Speaker::Balancer)),
            (
                block(0x20, 0x00, &[3, 0, 4, 1, 2, 3, 4]),
                Ok(Speaker::Balancer),
            ),
            (
                block(0x20, 0x11, &v4([198, 51, 100, 7])),
                Ok(Speaker::Balancer),
            ),
            (
                b"PROXY TCP4 10.0.0.10 10.0.0.11 56324 2222\r\n".to_vec(),
                Ok(Speaker::Balancer),
            ),
            (block(0x21, 0x11, &v4([10, 0, 0, 9])), Ok(Speaker::Balancer)),
            (
                block(0x21, 0x21, &v6("::ffff:10.0.0.9")),
                Ok(Speaker::Balancer),
            ),
            (block(0x21, 0x21, &v6("fd00::10")), Ok(Speaker::Balancer)),
        ] {
            let shown = header.escape_ascii().to_string();
            for follows in [&b""[..], b"SSH-2.0-x\r\n", &header] {
                let bytes = [&header, follows].concat();
                assert_eq!(heard(&bytes).await, (from, follows.to_vec()), "{shown}");
            }
            for cut in 0..header.len() {
                let cut = heard(&header[..cut]).await;
                assert_eq!(cut, (Err(Unheard::Gone), vec![]), "{shown}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_of_a_tcp_connection_is_refused() {
        let line = |rest: &str| format!("PROXY {rest}\r\n").into_bytes();
        let too_long = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 92], b"\r\n".to_vec()].concat();
        assert_eq!(too_long.len(), LONGEST_LINE + 1);
        let more = [v4([198, 51, 100, 7]), vec![0; LONGEST_BLOCK - 11]].concat();
        let no_port = |at: usize| {
            let mut block = v4([198, 51, 100, 7]);
            block[at..at + 2].fill(0);
            block
        };
        for (bytes, why) in [
            (b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(), Unheard::NoHeader),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Unheard::NoHeader),
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00".to_vec(),
                Unheard::NoHeader,
            ),
            (
                b"proxy tcp4 192.0.2.7 192.0.2.8 1 1\r\n".to_vec(),
                Unheard::NoHeader,
            ),
            (b" PROXY UNKNOWN\r\n".to_vec(), Unheard::NoHeader),
            (b"\r\n\r\n\0\r\nQUIT\r\n".to_vec(), Unheard::NoHeader),
            (too_long, Unheard::Damaged),
            (vec![b'P'; 200], Unheard::NoHeader),
            (line("TCP4 192.0.2.7 192.0.2.8 1"), Unheard::Damaged),
            (line("TCP4 192.0.2.7 192.0.2.8 1 1 1"), Unheard::Damaged),
            (line("TCP4  192.0.2.7 192.0.2.8 1 1"), Unheard::Damaged),
            (line("TCP4 192.0.2.7 192.0.2.8 1 1 "), Unheard::Damaged),
            (line("TCP4 192.0.2.7 192.0.2.8 +1 1"), Unheard::Damaged),
            (line("TCP4 192.0.2.7 192.0.2.8 01 1"), Unheard::Damaged),
            (line("TCP4 192.0.2.7 192.0.2.8 1 65536"), Unheard::Damaged),
            (line("TCP4 192.0.2.007 192.0.2.8 1 1"), Unheard::Damaged),
            (line("TCP4 2001:db8::7 2001:db8::8 1 1"), Unheard::Damaged),
            (line("TCP6 192.0.2.7 192.0.2.8 1 1"), Unheard::Damaged),
            (line("TCP6 fe80::1%eth0 fd00::10 1 1"), Unheard::Damaged),
            (line("TCP4 contoh.go.id 192.0.2.8 1 1"), Unheard::Damaged),
            (
                b"PROXY TCP4 192.0.2.7 192.0.2.8 1 1\n".to_vec(),
                Unheard::Damaged,
            ),
            (
                b"PROXY TCP4 192.0.2.7\r192.0.2.8 1 1\r\n".to_vec(),
                Unheard::Damaged,
            ),
            (b"PROXY TCP4\n 192.0.2.7".to_vec(), Unheard::Damaged),
            (line("UDP4 192.0.2.7 192.0.2.8 1 1"), Unheard::Family),
            (line("unknown"), Unheard::Family),
            (line("TCP4 192.0.2.7 192.0.2.8 0 1"), Unheard::Nobody),
            (line("TCP4 192.0.2.7 192.0.2.8 1 0"), Unheard::Nobody),
            (line("TCP4 0.0.0.0 192.0.2.8 1 1"), Unheard::Nobody),
            (line("TCP4 224.0.0.1 192.0.2.8 1 1"), Unheard::Nobody),
            (line("TCP4 255.255.255.255 192.0.2.8 1 1"), Unheard::Nobody),
            (line("TCP4 192.0.2.7 0.0.0.0 1 1"), Unheard::Nobody),
            (line("TCP6 :: fd00::10 1 1"), Unheard::Nobody),
            (line("TCP6 ff02::1 fd00::10 1 1"), Unheard::Nobody),
            (line("TCP6 ::ffff:0.0.0.0 fd00::10 1 1"), Unheard::Nobody),
            // Version 2: another version or command, a block that is too short or too long, what is no TCP.
            (block(0x11, 0x11, &v4([192, 0, 2, 7])), Unheard::Damaged),
            (block(0x31, 0x11, &v4([192, 0, 2, 7])), Unheard::Damaged),
            (block(0x22, 0x11, &v4([192, 0, 2, 7])), Unheard::Damaged),
            (
                block(0x21, 0x11, &v4([192, 0, 2, 7])[..11]),
                Unheard::Damaged,
            ),
            (block(0x21, 0x21, &v4([192, 0, 2, 7])), Unheard::Damaged),
            (block(0x21, 0x11, &more), Unheard::Damaged),
            (block(0x20, 0x00, &more), Unheard::Damaged),
            (block(0x21, 0x00, &[]), Unheard::Family),
            (block(0x21, 0x10, &v4([192, 0, 2, 7])), Unheard::Family),
            (block(0x21, 0x12, &v4([192, 0, 2, 7])), Unheard::Family),
            (block(0x21, 0x22, &[1; 36]), Unheard::Family),
            (block(0x21, 0x31, &[1; 216]), Unheard::Family),
            (block(0x21, 0x41, &v4([192, 0, 2, 7])), Unheard::Family),
            (block(0x21, 0x11, &v4([0, 0, 0, 0])), Unheard::Nobody),
            (block(0x21, 0x11, &v4([239, 1, 1, 1])), Unheard::Nobody),
            (block(0x21, 0x11, &no_port(8)), Unheard::Nobody),
            (block(0x21, 0x11, &no_port(10)), Unheard::Nobody),
            (block(0x21, 0x21, &[0; 36]), Unheard::Nobody),
        ] {
            let (said, _) = heard(&bytes).await;
            assert_eq!(said, Err(why), "{}", bytes.escape_ascii());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_comes_byte_by_byte_has_five_seconds_in_all() {
        for (pause, expected) in [
            (Duration::from_millis(200), caller_at("192.0.2.7")),
            (Duration::from_millis(300), Err(Unheard::Late)),
        ] {
            let header = block(0x21, 0x11, &v4([192, 0, 2, 7]))[..].to_vec();
            let (mut balancer, mut ours) = tokio::io::duplex(64);
            // 28 bytes, 24 pauses: 4.8 s or 7.2 s.
            let sending = tokio::spawn(async move {
                for (number, byte) in header.into_iter().enumerate() {
                    if number >= 4 {
                        tokio::time::sleep(pause).await;
                    }
                    if balancer.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
            });
            let begun = Instant::now();
            let heard = in_time(&mut ours, &Networks::default()).await;
            assert_eq!(heard, expected);
            assert!(begun.elapsed() <= SLOWEST);
            drop(ours);
            sending.await.unwrap();
        }
    }

    #[tokio::test]
    async fn so_many_headers_are_awaited_and_the_oldest_gives_way() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut headers = Headers::new("a test");
        let mut silent = Vec::new();
        for _ in 0..=AWAITED {
            silent.push(TcpStream::connect(at).await.unwrap());
            let (stream, from) = listener.accept().await.unwrap();
            headers.read(stream, from.ip(), Networks::default());
        }
        assert_eq!(headers.next().await.unwrap().unwrap_err(), Unheard::Gone);
        assert_eq!(headers.slots.give().held(), AWAITED);
        let newest = silent.last_mut().unwrap();
        let header = b"PROXY TCP4 192.0.2.7 192.0.2.8 1 1\r\n";
        newest.write_all(header).await.unwrap();
        let heard = headers.next().await.unwrap().unwrap();
        assert_eq!(Ok(heard.speaker), caller_at("192.0.2.7"));
        assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0, "it is closed");
    }
}
