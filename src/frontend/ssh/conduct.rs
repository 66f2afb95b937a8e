//! Conduct of a connection: what it makes this machine calculate, by its packets and by asking for new keys.
//!
//! The SSH library exchanges keys as often as a peer asks for it, and tells nobody. But it reads a packet whole before it
//! reads on, and tells [`Caller`](super::caller::Caller) of every one that asks for something. A long one of which it
//! told nothing is a key exchange, or says nothing at all; no client of people sends many of either.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::penalties::Offence;
use crate::frontend::admission::rate::Window;

/// Packets that a connection may send in a minute: a key that is held down makes 50 a second, a paste comes in large ones.
const PACKETS: u32 = 20_000;

/// A packet is read in two parts, its length first.
const PARTS: u32 = 2;

/// Long packets that ask for nothing, in a minute. The shortest first message of a key exchange is a long one, and so is
/// the second message of `mlkem768x25519-sha256`: this is the first exchange and four to nine more. RFC 4253 section 9
/// advises one an hour.
const EXCHANGES: u32 = 10;

/// The fewest bytes of a long packet, without its length: below a first message with one name in each list that must hold
/// one, above the second message of an exchange over X25519.
const LONG: usize = 100;

/// The second message of a key exchange that comes from the server (RFC 5656 section 4): its calculations are done.
const KEX_ECDH_REPLY: u8 = 31;

/// One connection's conduct.
#[derive(Debug)]
pub struct Conduct(Mutex<State>);

#[derive(Debug)]
struct State {
    parts: Window,
    exchanges: Window,
    /// Bytes that are missing of the part that is being read.
    awaited: usize,
    /// Whether that part is a long packet's.
    is_long: bool,
    /// Whether a long packet has been read of which nothing was told yet.
    is_unexplained: bool,
    keys_exchanged: bool,
    offence: Option<Offence>,
}

impl Conduct {
    /// A connection's that begins at the monotonic time `now`.
    pub fn new(now: Duration) -> Self {
        Self(Mutex::new(State {
            parts: Window::new(now),
            exchanges: Window::new(now),
            awaited: 0,
            is_long: false,
            is_unexplained: false,
            keys_exchanged: false,
            offence: None,
        }))
    }

    /// Notes that `length` bytes are asked for at `now`.
    ///
    /// # Errors
    /// The connection has done too much of something and is to end.
    pub fn asks(&self, length: usize, now: Duration) -> Result<(), Offence> {
        let mut state = self.state();
        if state.awaited == length && length != 0 {
            // The rest of a part that has come in pieces.
            return Ok(());
        }
        state.awaited = length;
        state.is_long = length >= LONG;
        if std::mem::take(&mut state.is_unexplained)
            && state.exchanges.count(EXCHANGES, now).is_err()
        {
            state.offence = Some(Offence::Rekeys);
        } else if state.parts.count(PARTS * PACKETS, now).is_err() {
            state.offence = Some(Offence::Flood);
        }
        state.offence.map_or(Ok(()), Err)
    }

    /// Notes that `length` bytes of those have come.
    pub fn reads(&self, length: usize) {
        let mut state = self.state();
        state.awaited = state.awaited.saturating_sub(length);
        state.is_unexplained = state.is_long && state.awaited == 0;
    }

    /// Notes that the packet which was read last asks for something that is answered.
    pub fn explain(&self) {
        self.state().is_unexplained = false;
    }

    /// Notes bytes that are written; those before the first keys are in the clear.
    pub fn writes(&self, bytes: &[u8]) {
        // A packet is its length, the padding's length, the message's number (RFC 4253 section 6).
        if bytes.get(5) == Some(&KEX_ECDH_REPLY) {
            self.state().keys_exchanged = true;
        }
    }

    /// Whether this machine has calculated keys for it.
    pub fn has_exchanged_keys(&self) -> bool {
        self.state().keys_exchanged
    }

    /// For what it was ended.
    pub fn offence(&self) -> Option<Offence> {
        self.state().offence
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    /// Reads a packet as the library does, in pieces of `piece` bytes.
    fn packet(
        conduct: &Conduct,
        length: usize,
        piece: usize,
        now: Duration,
    ) -> Result<(), Offence> {
        for part in [4, length] {
            let mut left = part;
            while left > 0 {
                conduct.asks(left, now)?;
                let come = left.min(piece);
                conduct.reads(come);
                left -= come;
            }
        }
        Ok(())
    }

    /// A key exchange with the shortest messages there are.
    fn exchange(conduct: &Conduct, now: Duration) -> Result<(), Offence> {
        [140, 60, 28]
            .into_iter()
            .try_for_each(|length| packet(conduct, length, 1 << 20, now))
    }

    #[test]
    fn a_few_exchanges_a_minute_are_no_offence_and_more_are() {
        let conduct = Conduct::new(NOW);
        for minute in 0..10 {
            let now = NOW + Duration::from_secs(60 * minute);
            for _ in 1..EXCHANGES {
                assert_eq!(exchange(&conduct, now), Ok(()));
            }
        }
        let now = NOW + Duration::from_secs(9 * 60 + 59);
        assert_eq!(
            exchange(&conduct, now),
            Ok(()),
            "it is judged when it is over"
        );
        assert_eq!(exchange(&conduct, now), Err(Offence::Rekeys));
        assert_eq!(conduct.offence(), Some(Offence::Rekeys));
        // It stays so until the connection has ended.
        let later = now + Duration::from_secs(60);
        assert_eq!(exchange(&conduct, later), Err(Offence::Rekeys));
    }

    #[test]
    fn pastes_and_keys_are_no_exchanges_however_they_come() {
        for piece in [1, 7, 1 << 20] {
            let conduct = Conduct::new(NOW);
            for _ in 0..1000 {
                for length in [28, 99, 100, 32 * 1024] {
                    assert_eq!(packet(&conduct, length, piece, NOW), Ok(()));
                    conduct.explain();
                }
            }
        }
    }

    #[test]
    fn an_exchange_hides_behind_no_key() {
        let conduct = Conduct::new(NOW);
        let tries = (0..100).take_while(|_| {
            packet(&conduct, 28, 1 << 20, NOW).is_ok() && {
                conduct.explain();
                exchange(&conduct, NOW).is_ok()
            }
        });
        assert_eq!(tries.count(), EXCHANGES as usize);
    }

    #[test]
    fn more_packets_than_anybody_types_are_an_offence() {
        let conduct = Conduct::new(NOW);
        let mut packets = 0;
        while packet(&conduct, 28, 1 << 20, NOW).is_ok() {
            conduct.explain();
            packets += 1;
        }
        assert_eq!(packets, PACKETS);
        assert_eq!(conduct.offence(), Some(Offence::Flood));
    }

    #[test]
    fn keys_are_exchanged_once_the_server_has_answered() {
        let conduct = Conduct::new(NOW);
        conduct.writes(b"SSH-2.0-lpse-kiosk\r\n");
        conduct.writes(&[0, 0, 1, 0, 4, 20]);
        assert!(!conduct.has_exchanged_keys());
        conduct.writes(&[0, 0, 1, 0, 4, 31]);
        assert!(conduct.has_exchanged_keys());
    }
}
