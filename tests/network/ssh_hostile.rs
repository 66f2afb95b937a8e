//! What hostile clients do to the SSH server, scene by scene, against one and the same process: it stays, its memory
//! grows by little, and an honest person still sees the first screen.
//!
//! `SSH_SCENES=paste,rekey tests/run network ssh_hostile` plays only the scenes whose names contain one of the words.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};
use support::wire;

use support::wire::{FRAME_END, Offer, Payload, Wire, adjusted, global, message, request};
use support::{Office, PASSWORD, eventually, key, ssh::Server};

/// How much more memory the server may hold, in KiB.
const GROWTH: u64 = 32 * 1024;

/// The generator of P-521 (FIPS 186-4, D.1.2.5), which is a public key as good as any.
const P521_GENERATOR: &[u8] = &[
    0x00, 0xc6, 0x85, 0x8e, 0x06, 0xb7, 0x04, 0x04, 0xe9, 0xcd, 0x9e, 0x3e, 0xcb, 0x66, 0x23, 0x95,
    0xb4, 0x42, 0x9c, 0x64, 0x81, 0x39, 0x05, 0x3f, 0xb5, 0x21, 0xf8, 0x28, 0xaf, 0x60, 0x6b, 0x4d,
    0x3d, 0xba, 0xa1, 0x4b, 0x5e, 0x77, 0xef, 0xe7, 0x59, 0x28, 0xfe, 0x1d, 0xc1, 0x27, 0xa2, 0xff,
    0xa8, 0xde, 0x33, 0x48, 0xb3, 0xc1, 0x85, 0x6a, 0x42, 0x9b, 0xf9, 0x7e, 0x7e, 0x31, 0xc2, 0xe5,
    0xbd, 0x66, 0x01, 0x18, 0x39, 0x29, 0x6a, 0x78, 0x9a, 0x3b, 0xc0, 0x04, 0x5c, 0x8a, 0x5f, 0xb4,
    0x2c, 0x7d, 0x1b, 0xd9, 0x98, 0xf5, 0x44, 0x49, 0x57, 0x9b, 0x44, 0x68, 0x17, 0xaf, 0xbd, 0x17,
    0x27, 0x3e, 0x66, 0x2c, 0x97, 0xee, 0x72, 0x99, 0x5e, 0xf4, 0x26, 0x40, 0xc5, 0x50, 0xb9, 0x01,
    0x3f, 0xad, 0x07, 0x61, 0x35, 0x3c, 0x70, 0x86, 0xa2, 0x72, 0xc2, 0x40, 0x88, 0xbe, 0x94, 0x76,
    0x9f, 0xd1, 0x66, 0x50,
];

const F2: &[u8] = b"\x1bOQ";

/// The server, and addresses that nobody has come from yet.
struct World {
    office: Office,
    server: Server,
    addresses: AtomicU32,
    /// Resident memory before anything hostile came.
    before: u64,
}

impl World {
    fn new() -> Self {
        let office = Office::new().with("LPSE_KIOSK_SSH_PROXIES", "127.9.0.1");
        let server = office.serve();
        // Code, fonts of the screens and the memory of the hashes are there once people have been in; as many at once
        // as there are threads that hash.
        let mut people: Vec<_> = (0..4).map(|_| server.ssh()).collect();
        for kiosk in &mut people {
            kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        }
        for kiosk in &mut people {
            kiosk.expect("Selamat datang, Siti");
        }
        drop(people);
        eventually("nobody to be left", || server.connections() == 0);
        let before = server.resident();
        Self {
            office,
            server,
            addresses: AtomicU32::new(1),
            before,
        }
    }

    /// An address of this machine that nobody has come from yet.
    fn address(&self) -> [u8; 4] {
        let number = self.addresses.fetch_add(1, Ordering::Relaxed);
        let [_, _, high, low] = (number + number / 250).to_be_bytes();
        [127, 1, high, low.max(1)]
    }

    /// A connection from an address of its own.
    fn stranger(&self) -> Wire {
        self.stranger_from(self.address())
    }

    fn stranger_from(&self, address: [u8; 4]) -> Wire {
        Wire::connect(address, self.server.port, None).expect("the server takes connections")
    }

    /// Somebody who has come as far as the point where channels are opened.
    fn guest(&self) -> Wire {
        let mut wire = self.stranger();
        wire.enter().expect("anybody may come in");
        wire
    }

    /// Somebody at the menu, and the channel.
    fn person(&self) -> (Wire, u32) {
        let mut wire = self.stranger();
        let channel = wire.sit_down().expect("anybody may sit down");
        (wire, channel)
    }

    /// An honest person comes in, looks, and leaves.
    fn welcomes_an_honest_person(&self, from: &str) {
        let mut kiosk = self.server.client().from(from).start();
        kiosk.expect("Layanan login dan TOTP").press(key::CTRL_C);
        assert_eq!(kiosk.wait(), 0);
    }

    /// What must hold whatever has happened.
    fn check(&mut self) {
        assert!(
            self.server.is_running(),
            "the server has ended:\n{}",
            self.server.log()
        );
        // From a place of its own: whoever only looks, again and again, is refused after a while.
        let [_, _, high, low] = self.address();
        self.welcomes_an_honest_person(&format!("127.1.{high}.{low}"));
        let (peak, allowed) = (self.server.peak(), self.before + GROWTH);
        let at_most = |what: &str, kib: u64| {
            assert!(
                kib <= allowed,
                "{what} resident memory is {kib} KiB, of {} KiB before all scenes",
                self.before
            );
        };
        at_most("the most", peak);
        eventually("nobody to be left", || {
            (self.server.connections(), self.server.people()) == (0, 0)
        });
        at_most("at the end,", self.server.resident());
        let log = self.server.log();
        assert!(!log.contains("panic"), "{log}");
    }
}

/// What is done to the server; panics where it answers wrongly.
type Scene = fn(&World);

const SCENES: &[(&str, Scene)] = &[
    ("lengths in the clear", lengths_in_the_clear),
    ("lengths under a key", lengths_under_a_key),
    ("packets that do not open", packets_that_do_not_open),
    ("a banner without an end", a_banner_without_an_end),
    ("other protocols", other_protocols),
    ("only zlib", only_zlib),
    ("lists of names", lists_of_names),
    ("half a handshake", half_a_handshake),
    (
        "idle connections of many sources",
        idle_connections_of_many_sources,
    ),
    (
        "idle connections of one source",
        idle_connections_of_one_source,
    ),
    (
        "channels before authentication",
        channels_before_authentication,
    ),
    ("a flood of authentication", a_flood_of_authentication),
    ("windows and packets of extreme sizes", extreme_windows),
    ("a window that overflows", a_window_that_overflows),
    ("environment requests", environment_requests),
    ("requests that are refused", refused_requests),
    ("channels that are refused", refused_channels),
    ("thousands of channels", thousands_of_channels),
    ("nonsense on channels", nonsense_on_channels),
    ("terminals of extreme kinds", extreme_terminals),
    ("a reader that never reads", a_reader_that_never_reads),
    ("a window that never opens", a_window_that_never_opens),
    ("replies that nobody reads", replies_that_nobody_reads),
    ("a paste of 10 MB", a_paste_of_ten_megabytes),
    ("one byte at a time", one_byte_at_a_time),
    ("window changes", window_changes),
    ("rekeying again and again", rekeying_again_and_again),
    ("rekeying never finished", rekeying_never_finished),
    ("a flood of messages that say nothing", a_flood_of_nothing),
    ("connections that come and go", connections_that_come_and_go),
    ("a flood of logins", a_flood_of_logins),
    ("headers of a balancer", headers_of_a_balancer),
];

#[test]
fn the_server_stays_grows_little_and_serves_honest_people() {
    // Two thousand connections at once need descriptors.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let wanted = std::env::var("SSH_SCENES").unwrap_or_default();
    let mut world = World::new();
    let mut failures = Vec::new();
    for (name, scene) in SCENES {
        if !wanted.split(',').any(|word| name.contains(word)) {
            continue;
        }
        world.server.forget_peak();
        println!("{name}");
        let played = catch_unwind(AssertUnwindSafe(|| {
            scene(&world);
            world.check();
        }));
        if let Err(panic) = played {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            failures.push(format!("{name}: {}", said.unwrap_or("it panicked")));
            // What one scene has broken is not the next one's fault.
            world = World::new();
        }
        println!(
            "    most resident memory: {} KiB more than before all scenes",
            world.server.peak().saturating_sub(world.before)
        );
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

#[test]
fn a_crowd_behind_one_address_keeps_out_nobody_who_shares_it() {
    let office = Office::new();
    let mut server = office.serve();
    let mut before = server.password_given("non-penyedia", "PPK30");
    before.expect("Selamat datang, Siti");
    let held: Vec<_> = (0..1000)
        .map(|number| {
            let mut wire = Wire::connect([127, 0, 0, 1], server.port, None)?;
            if number % 2 == 0 {
                wire.write(b"SSH-2.0-idle\r\n")?;
            }
            Ok::<_, io::Error>(wire)
        })
        .collect();
    let mut kiosk = server.ssh();
    kiosk.expect("Layanan login dan TOTP");
    before.press(key::F2).expect("Welcome, Siti");
    assert!(server.is_running());
    drop(held);
}

/// CPU time that this thread has taken, in nanoseconds.
fn own_time() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    told.split_whitespace().next().unwrap().parse().unwrap()
}

/// A first message, and a second one with a public key of `length` bytes that nobody has calculated: sent in one go, so
/// that it costs the sender nothing but a connection.
fn unfinished_exchange(kex: &str, public: &[u8]) -> Vec<u8> {
    let offer = Offer {
        kex: kex.into(),
        ..Offer::default()
    };
    let second = Payload::new(message::KEX_ECDH_INIT).string(public);
    let mut bytes = wire::BANNER.to_vec();
    bytes.extend(b"\r\n");
    for payload in [offer.payload(), second] {
        bytes.extend(wire::in_the_clear(&payload));
    }
    bytes
}

/// Connects, says `bytes` and nothing more, and takes what comes until the server hangs up.
fn provoke(port: u16, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    stream.set_read_timeout(Some(wire::DEADLINE)).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = [0; 4096];
    while matches!(stream.read(&mut answer), Ok(length) if length > 0) {}
}

#[test]
fn strangers_spend_more_than_they_cost_and_an_honest_person_does_not_wait() {
    let office = Office::new();
    let server = office.serve();
    let welcome = |last: u8| {
        let began = Instant::now();
        let mut wire = Wire::connect([127, 0, 0, last], server.port, None).unwrap();
        wire.sit_down().unwrap();
        began.elapsed()
    };
    let undisturbed = welcome(9);
    let basepoint = [&[9][..], &[0; 31]].concat();
    let two = [2];
    type Attack<'a> = Box<dyn Fn() + Send + Sync + 'a>;
    let attacks: [(&str, u8, Attack<'_>); 5] = [
        (
            "exchanges over a large group",
            10,
            Box::new(|| {
                provoke(
                    server.port,
                    &unfinished_exchange("diffie-hellman-group18-sha512", &two),
                )
            }),
        ),
        (
            "exchanges that are left",
            11,
            Box::new(|| {
                provoke(
                    server.port,
                    &unfinished_exchange("curve25519-sha256", &basepoint),
                )
            }),
        ),
        (
            "visits",
            12,
            Box::new(|| {
                if let Ok(mut wire) = Wire::connect([127, 0, 0, 12], server.port, None) {
                    let _ = wire.sit_down();
                }
            }),
        ),
        (
            "new keys",
            13,
            Box::new(|| {
                if let Ok(mut wire) = Wire::connect([127, 0, 0, 13], server.port, None)
                    && wire.enter().is_ok()
                {
                    rekeys(&mut wire, 200);
                }
            }),
        ),
        (
            "messages that say nothing",
            14,
            Box::new(|| {
                if let Ok(mut wire) = Wire::connect([127, 0, 0, 14], server.port, None)
                    && wire.enter().is_ok()
                {
                    let nothing = Payload::new(message::IGNORE).string("x");
                    let packets: Vec<u8> =
                        (0..50_000).flat_map(|_| wire.packet(&nothing)).collect();
                    let _ = wire.write(&packets);
                }
            }),
        ),
    ];
    let mut failures = Vec::new();
    for (name, last, attack) in &attacks {
        let before = server.processor_time();
        let over = AtomicBool::new(false);
        let (spent, slowest) = thread::scope(|scope| {
            let attacker = scope.spawn(|| {
                let began = own_time();
                // Until it has spent what can be measured, and the honest person has come.
                while own_time() - began < 400_000_000 || !over.load(Ordering::Relaxed) {
                    attack();
                }
                own_time() - began
            });
            let slowest = (0..3).map(|_| welcome(100 + last)).max();
            over.store(true, Ordering::Relaxed);
            (attacker.join().unwrap(), slowest.unwrap())
        });
        let cost = (server.processor_time() - before).as_nanos() as u64;
        let told = format!(
            "{name}: {} ms of the server for {} ms of the stranger; an honest first screen in {} ms, before in {} ms",
            cost / 1_000_000,
            spent / 1_000_000,
            slowest.as_millis(),
            undisturbed.as_millis()
        );
        println!("{told}");
        // The tests' server is built without optimisation: half as much again is its own slowness.
        if cost > spent + spent / 2 || slowest > Duration::from_secs(2).max(5 * undisturbed) {
            failures.push(told);
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn lengths_in_the_clear(world: &World) {
    for length in [0, 1, 4, 5, 13, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let mut wire = world.stranger();
        wire.greet().unwrap();
        let packet = wire.packet_of(length, &[0x41; 64]);
        let _ = wire.write(&packet);
        let closed = if length <= 64 {
            wire.is_closed_at_the_end()
        } else {
            wire.is_closed()
        };
        assert!(closed, "length {length} is waited for");
    }
    // As much as may be, and never finished.
    let mut wires: Vec<Wire> = (0..20)
        .map(|_| {
            let mut wire = world.stranger();
            wire.greet().unwrap();
            let _ = wire.write(&(255 * 1024_u32).to_be_bytes());
            let _ = wire.write(&[0x41; 250 * 1024]);
            wire
        })
        .collect();
    for wire in &mut wires {
        assert!(wire.is_closed_at_the_end());
    }
    // All padding, and more padding than packet.
    for body in [[255; 8], [8; 8], [0; 8]] {
        let mut wire = world.stranger();
        wire.greet().unwrap();
        let packet = wire.packet_of(8, &body);
        let _ = wire.write(&packet);
        assert!(wire.is_closed_at_the_end());
    }
}

fn lengths_under_a_key(world: &World) {
    for length in [0, 1, 7, 0x000f_ffff, 0x7fff_ffff, u32::MAX] {
        for seated in [false, true] {
            let mut wire = if seated {
                world.person().0
            } else {
                world.guest()
            };
            let packet = wire.packet_of(length, &[0x41; 64]);
            let _ = wire.write(&packet);
            let closed = if length <= 64 {
                wire.is_closed_at_the_end()
            } else {
                wire.is_closed()
            };
            assert!(closed, "length {length} is waited for");
        }
    }
}

fn packets_that_do_not_open(world: &World) {
    for at in [0, 4, 20] {
        let (mut wire, channel) = world.person();
        let keys = Payload::new(message::CHANNEL_DATA)
            .number(channel)
            .string(F2);
        let mut packet = wire.packet(&keys);
        packet[at] ^= 1;
        let _ = wire.write(&packet);
        assert!(wire.is_closed_at_the_end());
    }
    // The same packet twice.
    let (mut wire, channel) = world.person();
    let keys = Payload::new(message::CHANNEL_DATA)
        .number(channel)
        .string(F2);
    let packet = wire.packet(&keys);
    let _ = wire.write(&[&packet[..], &packet].concat());
    assert!(wire.is_closed());
}

fn a_banner_without_an_end(world: &World) {
    let chunk = [b'A'; 64 * 1024];
    let mut wire = world.stranger();
    let taken = (0..1024).take_while(|_| wire.write(&chunk).is_ok()).count();
    assert!(taken < 1024, "64 MiB of banner are taken");
    // Lines that are not it.
    let mut wire = world.stranger();
    let lines = b"halo\r\n".repeat(10_000);
    let taken = (0..1024).take_while(|_| wire.write(&lines).is_ok()).count();
    assert!(taken < 1024, "60 MB of lines before the banner are taken");
}

fn other_protocols(world: &World) {
    for greeting in [
        &b"GET / HTTP/1.1\r\nHost: lpse\r\n\r\n"[..],
        b"SSH-1.5-old\r\n",
        b"SSH-1.99-older\r\n",
        b"SSH-2.0\r\n",
        b"SSH-2.0-\0\0\0\r\n",
        b"SSH-2.0-\x1b[2J\x1b]0;title\x07\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\r\n\r\n\r\n",
        b"\n",
        b"",
    ] {
        let mut wire = world.stranger();
        let _ = wire.write(greeting);
        assert!(wire.is_closed_at_the_end(), "{}", greeting.escape_ascii());
    }
    let log = world.server.log();
    assert!(!log.contains('\x1b'), "{log:?}");
}

/// Sends a key exchange's first message; whether the server gives up without waiting for more.
fn is_refused(world: &World, offer: &Payload) -> bool {
    let mut wire = world.stranger();
    wire.greet().unwrap();
    wire.send(offer).unwrap();
    wire.is_closed()
}

fn only_zlib(world: &World) {
    for compression in ["zlib", "zlib@openssh.com", "zlib,zlib@openssh.com"] {
        let offer = Offer {
            compression: compression.into(),
            ..Offer::default()
        };
        assert!(is_refused(world, &offer.payload()), "{compression}");
    }
}

fn lists_of_names(world: &World) {
    let none = |change: fn(&mut Offer)| {
        let mut offer = Offer::default();
        change(&mut offer);
        offer.payload()
    };
    let offers = [
        none(|offer| offer.kex = String::new()),
        none(|offer| offer.kex = "none".into()),
        none(|offer| offer.host_key = "ssh-dss".into()),
        none(|offer| offer.cipher = "none".into()),
        none(|offer| offer.cipher = "3des-cbc,aes128-cbc".into()),
        none(|offer| {
            offer.cipher = "aes256-ctr".into();
            offer.mac = "none".into();
        }),
        none(|offer| {
            offer.cipher = "aes256-ctr".into();
            offer.mac = "hmac-sha2-256,hmac-sha2-512,umac-128@openssh.com".into();
        }),
        none(|offer| offer.kex = "diffie-hellman-group14-sha256".into()),
        none(|offer| offer.kex = "diffie-hellman-group15-sha512".into()),
        none(|offer| offer.kex = "diffie-hellman-group16-sha512".into()),
        none(|offer| offer.kex = "diffie-hellman-group17-sha512".into()),
        none(|offer| offer.kex = "diffie-hellman-group18-sha512".into()),
        none(|offer| offer.kex = "diffie-hellman-group-exchange-sha256".into()),
        none(|offer| offer.kex = "ecdh-sha2-nistp256,ecdh-sha2-nistp521".into()),
        none(|offer| offer.host_key = "ecdsa-sha2-nistp256,rsa-sha2-512".into()),
        none(|offer| offer.kex = ",".repeat(200 * 1024)),
        none(|offer| offer.kex = "x".repeat(200 * 1024)),
        Payload::new(message::KEXINIT),
        Payload::new(message::KEXINIT).raw(&[7; 16]),
        Payload::new(message::KEXINIT)
            .raw(&[7; 16])
            .number(u32::MAX),
        Payload::new(message::KEXINIT)
            .raw(&[7; 16])
            .string([0xff; 100]),
    ];
    for (number, offer) in offers.iter().enumerate() {
        assert!(is_refused(world, offer), "offer {number} is waited on");
    }
    // Keys that are none.
    for public in [&[0; 32][..], &[1], &[], &[0xff; 1000]] {
        let mut wire = world.stranger();
        wire.greet().unwrap();
        wire.send(&Offer::default().payload()).unwrap();
        wire.send(&Payload::new(message::KEX_ECDH_INIT).string(public))
            .unwrap();
        assert!(wire.is_closed(), "a public key of {public:?} is taken");
    }
}

fn half_a_handshake(world: &World) {
    let mut held = Vec::new();
    for number in 0..150 {
        let mut wire = world.stranger();
        let step = || -> io::Result<()> {
            match number % 5 {
                0 => {}
                1 => wire.write(b"SSH-2.0-hos")?,
                2 => wire.greet()?,
                3 => {
                    wire.greet()?;
                    wire.send(&Offer::default().payload())?;
                }
                _ => {
                    wire.greet()?;
                    wire.exchange_keys()?;
                }
            }
            Ok(())
        };
        // Some are turned away: that is the server's right.
        let _ = { step }();
        held.push(wire);
    }
    world.welcomes_an_honest_person("127.0.0.1");
}

fn idle_connections_of_many_sources(world: &World) {
    let held: Vec<_> = (0..1000)
        .map(|number| {
            let mut wire = world.stranger();
            if number % 2 == 0 {
                let _ = wire.write(b"SSH-2.0-idle\r\n");
            }
            wire
        })
        .collect();
    world.welcomes_an_honest_person("127.0.0.1");
    drop(held);
}

fn idle_connections_of_one_source(world: &World) {
    let address = world.address();
    let held: Vec<_> = (0..1000)
        .map(|_| Wire::connect(address, world.server.port, None))
        .collect();
    world.welcomes_an_honest_person("127.0.0.1");
    drop(held);
}

fn channels_before_authentication(world: &World) {
    for step in 0..2 {
        for payload in [
            wire::session_channel(0, 1 << 20, 1 << 15),
            wire::shell(0),
            global("tcpip-forward", true).string("").number(0),
            Payload::new(message::CHANNEL_DATA).number(0).string("halo"),
            Payload::new(message::USERAUTH_SUCCESS),
        ] {
            let mut wire = world.stranger();
            wire.greet().unwrap();
            wire.exchange_keys().unwrap();
            if step == 1 {
                wire.ask_for_authentication().unwrap();
            }
            wire.send(&payload).unwrap();
            let _ = wire.stream.shutdown(Shutdown::Write);
            let answer = wire.receive_any(&[
                message::CHANNEL_OPEN_CONFIRMATION,
                message::CHANNEL_SUCCESS,
                message::REQUEST_SUCCESS,
                message::CHANNEL_DATA,
            ]);
            assert!(
                answer.is_err(),
                "{payload:?} is answered",
                payload = payload.0
            );
        }
    }
}

fn a_flood_of_authentication(world: &World) {
    let attempt = |user: &str, method: &str| {
        Payload::new(message::USERAUTH_REQUEST)
            .string(user)
            .string("ssh-connection")
            .string(method)
    };
    // Names that are too long, and methods that there are not.
    let long = "x".repeat(200 * 1024);
    for payload in [
        attempt(&long, "none"),
        attempt("lpse\x1b[2J\r\n\0", "none"),
        attempt("lpse", &long),
        attempt("lpse", "password").bool(false).string(&long),
        attempt("lpse", "publickey")
            .bool(true)
            .string("ssh-ed25519")
            .string(&long)
            .string(&long),
        attempt("lpse", "keyboard-interactive")
            .string("")
            .string(""),
        attempt("lpse", "hostbased"),
        Payload::new(message::USERAUTH_REQUEST).number(u32::MAX),
    ] {
        let mut wire = world.stranger();
        wire.greet().unwrap();
        wire.exchange_keys().unwrap();
        wire.ask_for_authentication().unwrap();
        let _ = wire.send(&payload);
        let _ = wire.is_closed_at_the_end();
    }
    // A password is judged by nobody, and the ways in are named.
    let mut wire = world.stranger();
    wire.greet().unwrap();
    wire.exchange_keys().unwrap();
    wire.ask_for_authentication().unwrap();
    wire.send(&attempt("lpse", "password").bool(false).string(PASSWORD))
        .unwrap();
    let refused = wire
        .receive_any(&[message::USERAUTH_FAILURE, message::USERAUTH_SUCCESS])
        .unwrap();
    assert_eq!(refused[0], message::USERAUTH_FAILURE);
    let (ways, partial) = wire::string(&refused[1..]);
    assert_eq!(
        (ways, partial),
        (&b"keyboard-interactive,publickey"[..], &[0][..])
    );
    // Keyboard-interactive asks for nothing (RFC 4256).
    wire.send(
        &attempt("lpse", "keyboard-interactive")
            .string("")
            .string(""),
    )
    .unwrap();
    let granted = wire.receive_any(&[message::USERAUTH_FAILURE, message::USERAUTH_SUCCESS]);
    assert_eq!(granted.unwrap()[0], message::USERAUTH_SUCCESS);
    let channel = wire.open_session(2 << 20, 1 << 15).unwrap();
    wire.start_kiosk(channel).unwrap();
    wire.see(FRAME_END).unwrap();
    // Keys are shown without an end: few are looked at, and none that takes long.
    let mut wire = world.stranger();
    wire.greet().unwrap();
    wire.exchange_keys().unwrap();
    wire.ask_for_authentication().unwrap();
    let key = |name: &str, curve: &str, point: &[u8]| {
        let mut blob = Payload(Vec::new()).string(name);
        if !curve.is_empty() {
            blob = blob.string(curve);
        }
        attempt("lpse", "publickey")
            .bool(false)
            .string(name)
            .string(blob.string(point).0)
    };
    let slow = [&[4][..], P521_GENERATOR].concat();
    wire.send(&key("ecdsa-sha2-nistp521", "nistp521", &slow))
        .unwrap();
    let answers = [message::USERAUTH_FAILURE, message::USERAUTH_PK_OK];
    assert_eq!(
        wire.receive_any(&answers).unwrap()[0],
        message::USERAUTH_FAILURE
    );
    let mut shown = 0;
    while wire.send(&key("ssh-ed25519", "", &[9; 32])).is_ok() && wire.receive_any(&answers).is_ok()
    {
        shown += 1;
        assert!(shown < 100, "100 keys are looked at");
    }
    // Tries without an end.
    let mut wire = world.stranger();
    wire.greet().unwrap();
    wire.exchange_keys().unwrap();
    wire.ask_for_authentication().unwrap();
    let password = attempt("lpse", "password").bool(false).string("rahasia");
    for _ in 0..1000 {
        if wire.send(&password).is_err() {
            break;
        }
    }
    assert!(wire.is_closed(), "1,000 tries are answered");
    // And after success, where they must be ignored (RFC 4252 section 5.1) or end the connection.
    let (mut wire, channel) = world.person();
    let reader = wire.drain();
    let none = attempt("lpse", "none");
    for _ in 0..10_000 {
        if wire.send(&none).is_err() {
            break;
        }
    }
    let _ = wire.press(channel, F2);
    let _ = wire.stream.shutdown(Shutdown::Both);
    reader.join().unwrap();
}

fn extreme_windows(world: &World) {
    for (window, packet) in [
        (u32::MAX, u32::MAX),
        (u32::MAX, 1 << 15),
        (u32::MAX, 0),
        (u32::MAX, 1),
        (0, 1 << 15),
        (0, 0),
        (1, 1),
        (7, u32::MAX),
    ] {
        let mut wire = world.guest();
        // A server may refuse sizes with which nothing can be shown.
        let Ok(channel) = wire.open_session(window, packet) else {
            continue;
        };
        let started = wire.start_kiosk(channel);
        if window > 1 << 20 && packet > 1 << 10 {
            started.unwrap();
            wire.see(FRAME_END).unwrap();
        }
        let reader = wire.drain();
        for _ in 0..200 {
            let _ = wire.press(channel, F2);
        }
        let _ = wire.stream.shutdown(Shutdown::Both);
        reader.join().unwrap();
    }
}

fn a_window_that_overflows(world: &World) {
    for window in [u32::MAX, 1 << 20] {
        let mut wire = world.guest();
        let channel = wire.open_session(window, 1 << 15).unwrap();
        for _ in 0..10 {
            let _ = wire.send(&adjusted(channel, u32::MAX));
        }
        // RFC 4254 section 5.2 forbids it; a server may go on or hang up.
        if wire.start_kiosk(channel).is_ok() {
            for _ in 0..10 {
                let _ = wire.send(&adjusted(channel, u32::MAX));
            }
            let _ = wire.press(channel, F2);
            let _ = wire.see(FRAME_END);
        }
    }
}

fn environment_requests(world: &World) {
    for answered in [false, true] {
        let mut wire = world.guest();
        let channel = wire.open_session(2 << 20, 1 << 15).unwrap();
        let reader = wire.drain();
        for number in 0..100_000 {
            let payload = request(channel, "env", answered)
                .string(format!("LC_{number}"))
                .string("nilai".repeat(20));
            if wire.send(&payload).is_err() {
                break;
            }
        }
        let _ = wire.send(&wire::terminal(channel, 80, 24));
        let _ = wire.send(&wire::shell(channel));
        let _ = wire.stream.shutdown(Shutdown::Write);
        reader.join().unwrap();
    }
    // Long ones, ones with escapes, and one that is no text.
    let mut wire = world.guest();
    let channel = wire.open_session(2 << 20, 1 << 15).unwrap();
    let reader = wire.drain();
    for value in [&[b'x'; 200 * 1024][..], b"\x1b[2J\r\n\0", &[0xff; 100]] {
        for name in [&b"LANG"[..], b"LC_ALL", value] {
            let payload = request(channel, "env", false).string(name).string(value);
            let _ = wire.send(&payload);
        }
    }
    let _ = wire.send(&wire::terminal(channel, 80, 24));
    let _ = wire.send(&wire::shell(channel));
    let _ = wire.stream.shutdown(Shutdown::Write);
    reader.join().unwrap();
}

fn refused_requests(world: &World) {
    let mut wire = world.guest();
    let channel = wire.open_session(2 << 20, 1 << 15).unwrap();
    let display = request(channel, "x11-req", true)
        .bool(false)
        .string("MIT-MAGIC-COOKIE-1")
        .string("00")
        .number(0);
    let refused = [
        request(channel, "auth-agent-req@openssh.com", true),
        display,
        request(channel, "subsystem", true).string("sftp"),
        request(channel, "env", true).string("PATH").string("/tmp"),
        request(channel, "env", true)
            .string("LD_PRELOAD")
            .string("x"),
        request(channel, "xon-xoff", true).bool(true),
        request(channel, "tidak-ada@contoh", true).raw(&[1; 100]),
    ];
    for payload in &refused {
        let granted = wire.ask(payload).unwrap();
        assert!(!granted, "{} is granted", payload.0.escape_ascii());
    }
    for payload in [
        global("tcpip-forward", true).string("0.0.0.0").number(0),
        global("cancel-tcpip-forward", true).string("").number(22),
        global("streamlocal-forward@openssh.com", true).string("/tmp/x"),
        global("tidak-ada@contoh", true),
    ] {
        wire.send(&payload).unwrap();
        let answers = [message::REQUEST_SUCCESS, message::REQUEST_FAILURE];
        let answer = wire.receive_any(&answers).unwrap();
        assert_eq!(
            answer[0],
            message::REQUEST_FAILURE,
            "{}",
            payload.0.escape_ascii()
        );
    }
    // Refusals cost an honest person nothing.
    wire.start_kiosk(channel).unwrap();
    wire.see(FRAME_END).unwrap();
    for payload in [wire::shell(channel), wire::terminal(channel, 80, 24)] {
        assert!(!wire.ask(&payload).unwrap(), "a second shell is granted");
    }
    for payload in &refused {
        assert!(!wire.ask(payload).unwrap());
    }
    wire.press(channel, F2).unwrap();
    wire.see(FRAME_END).unwrap();
}

/// How a channel that is asked for is answered.
fn opened(wire: &mut Wire, channel: &Payload) -> u8 {
    wire.send(channel).unwrap();
    let answers = [
        message::CHANNEL_OPEN_CONFIRMATION,
        message::CHANNEL_OPEN_FAILURE,
    ];
    wire.receive_any(&answers).unwrap()[0]
}

fn refused_channels(world: &World) {
    let (mut wire, channel) = world.person();
    let open = |kind| wire::channel_open(kind, 7, 1 << 20, 1 << 15);
    let forward = |kind| {
        open(kind)
            .string("127.0.0.1")
            .number(u32::from(world.server.port))
            .string("127.0.0.1")
            .number(4000)
    };
    for payload in [
        open("session"),
        forward("direct-tcpip"),
        forward("forwarded-tcpip"),
        open("x11").string("127.0.0.1").number(6000),
        open("auth-agent@openssh.com"),
        open("direct-streamlocal@openssh.com")
            .string("/run/lpse-kiosk")
            .string("")
            .number(0),
        open("tun@openssh.com").number(1).number(0),
        open("tidak-ada"),
    ] {
        assert_eq!(
            opened(&mut wire, &payload),
            message::CHANNEL_OPEN_FAILURE,
            "{}",
            payload.0.escape_ascii()
        );
    }
    wire.press(channel, F2).unwrap();
    wire.see(FRAME_END).unwrap();
}

fn thousands_of_channels(world: &World) {
    for kind in ["session", "direct-tcpip", "tidak-ada"] {
        let mut wire = world.guest();
        let mut confirmed = 0;
        // Answers are read a hundred at a time; a server may hang up on so many.
        let mut ask = |numbers: std::ops::Range<u32>| -> io::Result<()> {
            for number in numbers.clone() {
                let mut payload = wire::channel_open(kind, number, u32::MAX, 1 << 15);
                if kind == "direct-tcpip" {
                    payload = payload.string("h").number(1).string("o").number(2);
                }
                wire.send(&payload)?;
            }
            for _ in numbers {
                let answers = [
                    message::CHANNEL_OPEN_CONFIRMATION,
                    message::CHANNEL_OPEN_FAILURE,
                ];
                let answer = wire.receive_any(&answers)?[0];
                confirmed += u32::from(answer == message::CHANNEL_OPEN_CONFIRMATION);
            }
            Ok(())
        };
        let _ = (0..50).try_for_each(|hundred| ask(100 * hundred..100 * hundred + 100));
        let most = u32::from(kind == "session");
        assert!(confirmed <= most, "{confirmed} channels of {kind} are open");
    }
    // One after the other, each closed again.
    let mut wire = world.guest();
    for _ in 0..1000 {
        let Ok(channel) = wire.open_session(1 << 20, 1 << 15) else {
            break;
        };
        if wire
            .send(&Payload::new(message::CHANNEL_CLOSE).number(channel))
            .is_err()
            || wire.receive_any(&[message::CHANNEL_CLOSE]).is_err()
        {
            break;
        }
    }
}

fn nonsense_on_channels(world: &World) {
    let about = |message: u8, channel: u32| Payload::new(message).number(channel);
    for other in [1, 77, u32::MAX] {
        for payload in [
            about(message::CHANNEL_DATA, other).string("halo"),
            about(message::CHANNEL_WINDOW_ADJUST, other).number(1),
            about(message::CHANNEL_EOF, other),
            about(message::CHANNEL_CLOSE, other),
            about(message::CHANNEL_SUCCESS, other),
            about(message::CHANNEL_FAILURE, other),
            about(message::CHANNEL_OPEN_CONFIRMATION, other)
                .number(0)
                .number(1)
                .number(1),
            about(message::CHANNEL_OPEN_FAILURE, other)
                .number(1)
                .string("x")
                .string(""),
            wire::shell(other),
            resized(other),
        ] {
            let (mut wire, channel) = world.person();
            let _ = wire.send(&payload);
            let _ = wire.press(channel, F2);
            let _ = wire.is_closed_at_the_end();
        }
    }
    // In orders that nobody expects.
    type About = fn(u32) -> Payload;
    let orders: [&[About]; 7] = [
        &[eof, wire::shell],
        &[closed, wire::shell, closed],
        &[data, terminal, data, wire::shell],
        &[wire::shell, terminal],
        &[resized, terminal, resized, wire::shell],
        &[terminal, terminal, terminal, wire::shell, wire::shell],
        &[terminal, wire::shell, eof, data, closed, data],
    ];
    for order in orders {
        let mut wire = world.guest();
        let channel = wire.open_session(2 << 20, 1 << 15).unwrap();
        for payload in order {
            let _ = wire.send(&payload(channel));
        }
        assert!(wire.is_closed_at_the_end());
    }

    fn eof(channel: u32) -> Payload {
        Payload::new(message::CHANNEL_EOF).number(channel)
    }
    fn closed(channel: u32) -> Payload {
        Payload::new(message::CHANNEL_CLOSE).number(channel)
    }
    fn data(channel: u32) -> Payload {
        Payload::new(message::CHANNEL_DATA)
            .number(channel)
            .string("\rnPPK30\r")
    }
    fn terminal(channel: u32) -> Payload {
        wire::terminal(channel, 80, 24)
    }
    fn resized(channel: u32) -> Payload {
        wire::resized(channel, 100, 30)
    }
}

fn extreme_terminals(world: &World) {
    let pty = |channel: u32, term: &[u8], columns: u32, rows: u32, modes: &[u8]| {
        request(channel, "pty-req", true)
            .string(term)
            .number(columns)
            .number(rows)
            .number(u32::MAX)
            .number(u32::MAX)
            .string(modes)
    };
    for (term, columns, rows, modes) in [
        (&b"xterm"[..], 0, 0, &[0][..]),
        (b"xterm", u32::MAX, u32::MAX, &[0]),
        (b"xterm", 65_535, 65_535, &[]),
        (b"xterm", 1, 1, &[0]),
        (b"xterm", 0, 24, &[0]),
        (b"xterm", 100_000, 1, &[0]),
        (b"", 80, 24, &[0]),
        (b"\x1b[2J\0\r\n\xff", 80, 24, &[0]),
        (&[b'x'; 200 * 1024], 80, 24, &[0]),
        (b"xterm", 80, 24, &[0xff; 200 * 1024]),
        (b"xterm", 80, 24, &[128; 3]),
    ] {
        let mut wire = world.guest();
        let channel = wire.open_session(u32::MAX, 1 << 15).unwrap();
        let _ = wire.send(&pty(channel, term, columns, rows, modes));
        let _ = wire.send(&wire::shell(channel));
        let reader = wire.drain();
        for _ in 0..20 {
            let _ = wire.press(channel, F2);
        }
        let _ = wire.stream.shutdown(Shutdown::Write);
        reader.join().unwrap();
    }
}

/// Somebody who presses keys and reads nothing, until the server has nowhere to write to. Each key is drawn, because
/// somebody else's key is answered before the next.
fn deaf(address: [u8; 4], other: (&mut Wire, u32), server: &Server) -> Wire {
    let (other, others) = other;
    let mut deaf = Wire::connect(address, server.port, Some(4096)).unwrap();
    deaf.enter().unwrap();
    let channel = deaf.open_session(u32::MAX, 1 << 15).unwrap();
    deaf.start_kiosk(channel).unwrap();
    // A form that is typed into, of which the idle time is short.
    for key in [b"\r", b"\r", b"p"] {
        deaf.press(channel, key).unwrap();
    }
    for _ in 0..6000 {
        if deaf.press(channel, F2).is_err() {
            break;
        }
        let _ = other.send(&adjusted(others, 1 << 16));
        other.press(others, F2).unwrap();
        other.see(FRAME_END).unwrap();
    }
    deaf
}

fn a_reader_that_never_reads(world: &World) {
    let (mut other, others) = world.person();
    let _deaf = deaf(world.address(), (&mut other, others), &world.server);
    world.welcomes_an_honest_person("127.0.0.1");
}

#[test]
fn who_reads_nothing_is_let_go() {
    let office = Office::new().with("LPSE_KIOSK_KIOSK_HALF_TYPED_SECONDS", "10");
    let server = office.serve();
    let mut other = Wire::connect([127, 0, 0, 2], server.port, None).unwrap();
    let others = other.sit_down().unwrap();
    let _deaf = deaf([127, 0, 0, 3], (&mut other, others), &server);
    drop(other);
    eventually("who reads nothing to be let go", || {
        server.connections() == 0
    });
}

fn a_window_that_never_opens(world: &World) {
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut wire = world.guest();
        let channel = wire.open_session(0, 1 << 15).unwrap();
        let _ = wire.send(&wire::terminal(channel, 80, 24));
        let _ = wire.send(&wire::shell(channel));
        let reader = wire.drain();
        for _ in 0..20_000 {
            if wire.press(channel, F2).is_err() {
                break;
            }
        }
        held.push((wire, reader));
    }
    world.welcomes_an_honest_person("127.0.0.1");
    eventually("who takes no screen to be dropped", || {
        world.server.connections() == 0
    });
    for (wire, reader) in held {
        let _ = wire.stream.shutdown(Shutdown::Both);
        reader.join().unwrap();
    }
}

fn replies_that_nobody_reads(world: &World) {
    for kind in 0..4 {
        let address = world.address();
        let mut wire = Wire::connect(address, world.server.port, Some(4096)).unwrap();
        wire.enter().unwrap();
        let channel = wire.open_session(u32::MAX, 1 << 15).unwrap();
        let payload = match kind {
            0 => global("keepalive@openssh.com", true),
            1 => request(channel, "env", true).string("LC_X").string("x"),
            2 => wire::session_channel(9, 1 << 20, 1 << 15),
            _ => Payload::new(message::IGNORE + 200),
        };
        // Written in bulk, so that it is over soon where the server takes it all.
        wire.stream
            .set_write_timeout(Some(std::time::Duration::from_secs(5)))
            .unwrap();
        let mut packets = Vec::new();
        for _ in 0..400_000 {
            packets.extend(wire.packet(&payload));
            if packets.len() > 1 << 20 {
                if wire.write(&packets).is_err() {
                    break;
                }
                packets.clear();
            }
        }
    }
}

fn a_paste_of_ten_megabytes(world: &World) {
    let (mut wire, channel) = world.person();
    let reader = wire.drain();
    let _ = wire.press(channel, b"\rn\x1b[200~");
    let chunk = [b'x'; 16 * 1024];
    for _ in 0..640 {
        // The window is not heeded: a server may hang up on that.
        if wire.press(channel, &chunk).is_err() {
            break;
        }
    }
    let _ = wire.press(channel, b"\x1b[201~\r");
    let _ = wire.stream.shutdown(Shutdown::Write);
    reader.join().unwrap();
    // The same by somebody who heeds it, with other ends.
    for end in [&b"\x1b[201~"[..], b"", b"\x1b[20"] {
        let (mut wire, channel) = world.person();
        wire.press(channel, b"\rn\x1b[200~").unwrap();
        let mut window = wire.window as usize - 16;
        let mut left = 10 * 1024 * 1024;
        while left > 0 {
            if window == 0 {
                let adjust = wire
                    .receive_any(&[message::CHANNEL_WINDOW_ADJUST])
                    .expect("the window opens again");
                window += wire::number(&adjust[5..]) as usize;
            }
            let part = &chunk[..window.min(left).min(chunk.len())];
            wire.press(channel, part).unwrap();
            window -= part.len();
            left -= part.len();
        }
        while window < end.len() {
            let adjust = wire.receive_any(&[message::CHANNEL_WINDOW_ADJUST]);
            window += wire::number(&adjust.unwrap()[5..]) as usize;
        }
        wire.press(channel, end).unwrap();
        assert!(wire.is_closed_at_the_end());
    }
}

fn one_byte_at_a_time(world: &World) {
    let mut wire = world.stranger();
    wire.trickle = true;
    let channel = wire.sit_down().unwrap();
    for byte in b"\x1bOQ\x1b[A\x1b[B\rnppk30\xc3\xa9\x7f" {
        wire.press(channel, &[*byte]).unwrap();
    }
    // The title of the next form differs from this one's by that word.
    wire.press(channel, b"\r").unwrap();
    wire.see(b"password").unwrap();
}

fn window_changes(world: &World) {
    let (mut wire, channel) = world.person();
    let sizes = [
        (0, 0),
        (65_535, 65_535),
        (u32::MAX, u32::MAX),
        (1, 1),
        (80, 0),
        (0, 24),
        (500, 500),
        (80, 24),
    ];
    let reader = wire.drain();
    let mut packets = Vec::new();
    for number in 0..100_000 {
        let (columns, rows) = sizes[number % sizes.len()];
        let changed = wire::resized(channel, columns, rows);
        packets.extend(wire.packet(&changed));
        if number % 1000 == 999 {
            if wire.write(&packets).is_err() {
                break;
            }
            packets.clear();
            // What is drawn is taken: the client is not slow.
            let _ = wire.send(&adjusted(channel, 1 << 20));
        }
    }
    let _ = wire.stream.shutdown(Shutdown::Write);
    reader.join().unwrap();
    // Afterwards, on a terminal that was none for a while, there is a screen again.
    let (mut wire, channel) = world.person();
    wire.send(&wire::resized(channel, 0, 0)).unwrap();
    wire.send(&wire::resized(channel, 65_535, 65_535)).unwrap();
    wire.send(&wire::resized(channel, 100, 30)).unwrap();
    wire.see(b"LPSE").unwrap();
}

/// Asks for new keys until the server hangs up; returns how often it got them.
fn rekeys(wire: &mut Wire, most: usize) -> usize {
    (0..most)
        .take_while(|_| wire.exchange_keys().is_ok())
        .count()
}

fn rekeying_again_and_again(world: &World) {
    // A few are a client's right, whatever is typed between them.
    let (mut wire, channel) = world.person();
    for _ in 0..3 {
        wire.press(channel, F2).unwrap();
        wire.exchange_keys().unwrap();
    }
    wire.send(&wire::resized(channel, 100, 30)).unwrap();
    wire.see(b"LPSE").unwrap();
    // Many are an offence, at the menu and before anybody has come in, with keys between them and without.
    let mut guest = world.stranger();
    guest.greet().unwrap();
    guest.exchange_keys().unwrap();
    let keyless = rekeys(&mut guest, 200);
    assert!(keyless <= 10, "{keyless} new keys before authentication");
    let address = world.address();
    let mut wire = world.stranger_from(address);
    let channel = wire.sit_down().unwrap();
    let mut rekeyed = 0;
    while rekeyed < 200 && wire.press(channel, F2).is_ok() && wire.exchange_keys().is_ok() {
        rekeyed += 1;
    }
    assert!(rekeyed <= 10, "{rekeyed} new keys in one minute");
    // It counts where it came from.
    eventually("the source to be refused", || {
        let again = Wire::connect(address, world.server.port, None);
        again.is_err() || again.is_ok_and(|mut wire| wire.enter().is_err())
    });
}

fn rekeying_never_finished(world: &World) {
    // Begun and left: whatever is typed meanwhile must not heap up.
    let (mut wire, channel) = world.person();
    wire.send(&Offer::default().payload()).unwrap();
    let reader = wire.drain();
    for _ in 0..20_000 {
        if wire.press(channel, F2).is_err() {
            break;
        }
    }
    let _ = wire.stream.shutdown(Shutdown::Both);
    reader.join().unwrap();
    // Begun again and again.
    let (mut wire, _) = world.person();
    let reader = wire.drain();
    for _ in 0..10_000 {
        if wire.send(&Offer::default().payload()).is_err() {
            break;
        }
    }
    let _ = wire.stream.shutdown(Shutdown::Both);
    reader.join().unwrap();
}

fn a_flood_of_nothing(world: &World) {
    let payloads = [
        Payload::new(message::IGNORE).string("x"),
        Payload::new(message::IGNORE).string([b'x'; 32 * 1024]),
        // Debug, unimplemented, and numbers that mean nothing.
        Payload::new(4).bool(true).string("\x1b[2J").string(""),
        Payload::new(3).number(7),
        Payload::new(192),
        Payload::new(255),
        Payload::new(0),
        Payload(Vec::new()),
    ];
    for payload in payloads {
        let (mut wire, channel) = world.person();
        let reader = wire.drain();
        let bytes = payload.0.len() + 32;
        let count = (64 * 1024 * 1024 / bytes).min(100_000);
        let mut packets = Vec::new();
        for number in 0..count {
            packets.extend(wire.packet(&payload));
            if packets.len() > 1 << 18 || number + 1 == count {
                if wire.write(&packets).is_err() {
                    break;
                }
                packets.clear();
            }
        }
        let _ = wire.press(channel, F2);
        let _ = wire.stream.shutdown(Shutdown::Write);
        reader.join().unwrap();
    }
}

fn connections_that_come_and_go(world: &World) {
    let address = world.address();
    for number in 0..500 {
        let Ok(mut wire) = Wire::connect(address, world.server.port, None) else {
            continue;
        };
        let _ = match number % 4 {
            0 => Ok(()),
            1 => wire.greet(),
            2 => wire.greet().and_then(|()| wire.exchange_keys()),
            _ => wire.enter().and_then(|()| {
                wire.send(
                    &Payload::new(message::DISCONNECT)
                        .number(11)
                        .string("\x1b[2J selesai")
                        .string(""),
                )
            }),
        };
    }
    assert!(!world.server.log().contains('\x1b'));
}

fn a_flood_of_logins(world: &World) {
    let over = AtomicBool::new(false);
    let tries = AtomicU32::new(0);
    thread::scope(|scope| {
        for attacker in 0..24 {
            let (over, tries) = (&over, &tries);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let Ok(mut wire) = Wire::connect(world.address(), world.server.port, None)
                    else {
                        continue;
                    };
                    let Ok(channel) = wire.sit_down() else {
                        continue;
                    };
                    let number = tries.fetch_add(1, Ordering::Relaxed);
                    let keys = format!("\rnORANG{attacker}{number}\rsalah salah 1\r");
                    if wire.press(channel, keys.as_bytes()).is_ok() {
                        let _ = wire.see_any(&[b"sesuai", b"ramai", b"Percobaan"]);
                    }
                }
            });
        }
        let honest = catch_unwind(AssertUnwindSafe(|| {
            eventually("a flood", || tries.load(Ordering::Relaxed) > 48);
            let mut kiosk = world.server.ssh();
            kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
            loop {
                kiosk.expect_that("an answer", |text| {
                    text.contains("Selamat datang, Siti") || text.contains("Sedang ramai")
                });
                if kiosk.text().contains("Selamat datang, Siti") {
                    break;
                }
                kiosk.press(PASSWORD).press(key::ENTER);
                kiosk.expect_gone("Sedang ramai");
            }
            kiosk.press("l").press(key::ENTER).expect("LOGIN");
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = honest {
            std::panic::resume_unwind(panic);
        }
    });
    let logins = world.office.audited("login", "done");
    assert!(logins >= 1, "the honest person got in");
}

/// The one that is declared at the server of all scenes.
const BALANCER: [u8; 4] = [127, 9, 0, 1];

/// Version 1 of a PROXY header, for a caller from there.
fn line(caller: [u8; 4]) -> Vec<u8> {
    let [a, b, c, d] = caller;
    format!("PROXY TCP4 {a}.{b}.{c}.{d} 127.0.0.1 56324 2222\r\n").into_bytes()
}

/// Version 2, whose addresses and what follows them are said to take `length` bytes.
fn block(caller: [u8; 4], length: u16) -> Vec<u8> {
    let signature = b"\r\n\r\n\0\r\nQUIT\n\x21\x11";
    let ports = [127, 0, 0, 1, 0xdc, 0x04, 0x08, 0xae];
    [&signature[..], &length.to_be_bytes(), &caller, &ports].concat()
}

fn headers_of_a_balancer(world: &World) {
    let connected = |from| Wire::connect(from, world.server.port, None).unwrap();
    // An honest person's first screen, whose connection comes through the balancer.
    let welcome = |caller: u8| {
        let began = Instant::now();
        let mut wire = connected(BALANCER);
        wire.write(&block([198, 51, 100, caller], 12)).unwrap();
        wire.sit_down().unwrap();
        began.elapsed()
    };
    let undisturbed = welcome(1);
    let mut slowest = Duration::ZERO;
    let mut honest = (2..).map(welcome);
    let mut one_more = || slowest = slowest.max(honest.next().unwrap());
    let [v1, v2] = [line([198, 51, 100, 200]), block([198, 51, 100, 200], 12)];
    // Slow: nothing, a part, and a byte now and then, many more than are awaited.
    let mut slow: Vec<(Wire, &[u8])> = (0..900)
        .map(|number| {
            let mut wire = connected(BALANCER);
            let (begun, rest) = v2.split_at(number % 3 * 8);
            let _ = wire.write(begun);
            (wire, rest)
        })
        .collect();
    one_more();
    let banner = [BANNER_LINE, &[0; 64]].concat();
    let oversized = [&b"PROXY TCP4 "[..], &[b'1'; 4096]].concat();
    let wrong: [(&str, [u8; 4], Vec<u8>); 8] = [
        ("none", BALANCER, banner.clone()),
        ("an endless line", BALANCER, oversized),
        (
            "a block of 64 KiB",
            BALANCER,
            block([198, 51, 100, 200], u16::MAX),
        ),
        (
            "a block without room",
            BALANCER,
            block([198, 51, 100, 200], 4),
        ),
        ("two lines", BALANCER, [&v1[..], &v1, &banner].concat()),
        ("two blocks", BALANCER, [&v2[..], &v2, &banner].concat()),
        (
            "a stranger's line",
            [127, 9, 0, 2],
            [&v1[..], &banner].concat(),
        ),
        (
            "a stranger's block",
            [127, 9, 0, 2],
            [&v2[..], &banner].concat(),
        ),
    ];
    for (at, (what, from, bytes)) in wrong.iter().enumerate() {
        let mut wires: Vec<Wire> = (0..100)
            .map(|_| {
                let mut wire = connected(*from);
                let _ = wire.write(bytes);
                wire
            })
            .collect();
        one_more();
        for wire in &mut wires {
            assert!(wire.is_closed(), "{what}: it is waited on");
        }
        for (wire, rest) in &mut slow {
            let _ = wire.write(rest.get(at..=at).unwrap_or_default());
        }
    }
    // Broken off at every place.
    for length in 0..v2.len() {
        let mut wire = connected(BALANCER);
        let _ = wire.write(&v2[..length]);
        assert!(wire.is_closed_at_the_end(), "{length} bytes are waited on");
    }
    one_more();
    for (wire, _) in &mut slow {
        assert!(wire.is_closed(), "a slow header is waited for");
    }
    let told = format!("an honest first screen in {slowest:?}, before in {undisturbed:?}");
    println!("    {told}");
    assert!(
        slowest <= Duration::from_secs(2).max(5 * undisturbed),
        "{told}"
    );
}

/// How SSH begins.
const BANNER_LINE: &[u8] = b"SSH-2.0-hostile\r\n";
