//! Keys that a caller has typed and nobody has read yet.
//!
//! Whoever hands bytes over never waits for a session (the SSH library does it in the loop that also writes the frames):
//! what a session does not read in time is kept up to a bound and dropped beyond it. Nobody types that far ahead.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ratatui::layout::Size;
use tokio::sync::{Notify, mpsc};
use zeroize::Zeroizing;

use super::keys::{Decoder, Link};
use crate::session::Input;

/// Bytes that are kept unread; a whole paste and what is typed after it.
const MOST: usize = 32 * 1024;

/// The end at which bytes come in.
#[derive(Debug)]
pub struct Typed(Arc<Shared>);

/// The end at which they are read.
#[derive(Debug)]
pub struct Keyboard(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    unread: Mutex<Unread>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Unread {
    bytes: Zeroizing<Vec<u8>>,
    /// The newest; nobody needs those between.
    size: Option<Size>,
    closed: bool,
}

/// The two ends.
pub fn keyboard() -> (Typed, Keyboard) {
    let shared = Arc::new(Shared::default());
    (Typed(shared.clone()), Keyboard(shared))
}

impl Typed {
    pub fn bytes(&self, bytes: &[u8]) {
        let mut unread = self.0.lock();
        let room = MOST - unread.bytes.len();
        let bytes = &bytes[..bytes.len().min(room)];
        // Growing moves what is typed to another place; the old one is wiped.
        if unread.bytes.capacity() - unread.bytes.len() < bytes.len() {
            let larger = (unread.bytes.len() + bytes.len())
                .next_power_of_two()
                .max(64);
            let mut moved = Zeroizing::new(Vec::with_capacity(larger));
            moved.extend_from_slice(&unread.bytes);
            unread.bytes = moved;
        }
        unread.bytes.extend_from_slice(bytes);
        drop(unread);
        self.0.changed.notify_one();
    }

    pub fn size(&self, size: Size) {
        self.0.lock().size = Some(size);
        self.0.changed.notify_one();
    }

    /// No more will come.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keyboard {
    /// Hands keys, pastes and sizes on until no more come or nobody takes them.
    pub async fn read(&self, inputs: mpsc::Sender<Input>) {
        let mut decoder = Decoder::new(Link::Network);
        let mut ready = Vec::new();
        loop {
            let (bytes, size, closed) = self.take();
            decoder.feed(&bytes, &mut |input| ready.push(input));
            ready.extend(size.map(Input::Resize));
            if bytes.is_empty() && ready.is_empty() {
                if closed {
                    return;
                }
                if !self.changed_in_time(decoder.patience()).await {
                    decoder.silence(&mut |input| ready.push(input));
                }
            }
            for input in ready.drain(..) {
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Ends the reading, as if the caller had hung up.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether the caller has hung up.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    fn take(&self) -> (Zeroizing<Vec<u8>>, Option<Size>, bool) {
        let mut unread = self.0.lock();
        let bytes = std::mem::take(&mut unread.bytes);
        (bytes, unread.size.take(), unread.closed)
    }

    /// Waits for something new; false when what is begun has waited long enough.
    async fn changed_in_time(&self, patience: Option<Duration>) -> bool {
        let changed = self.0.changed.notified();
        match patience {
            Some(patience) => tokio::time::timeout(patience, changed).await.is_ok(),
            None => {
                changed.await;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::command::Key;

    async fn read(keyboard: Keyboard) -> Vec<Input> {
        let (sender, mut receiver) = mpsc::channel(4);
        let reading = tokio::spawn(async move { keyboard.read(sender).await });
        let mut inputs = Vec::new();
        while let Some(input) = receiver.recv().await {
            inputs.push(input);
        }
        reading.await.unwrap();
        inputs
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_split_anywhere_are_keys_and_the_newest_size_counts() {
        let (typed, keyboard) = keyboard();
        let reading = tokio::spawn(read(keyboard));
        for part in [
            &b"\x1b"[..],
            b"[",
            b"A\xc3",
            b"\xa9\x1b[200~a",
            b"b\x1b[201~",
        ] {
            typed.bytes(part);
            tokio::task::yield_now().await;
        }
        typed.size(Size::new(1, 1));
        typed.size(Size::new(120, 40));
        drop(typed);
        let inputs = reading.await.unwrap();
        assert_eq!(
            inputs,
            [
                Input::Key(Key::Up.into()),
                Input::Key(Key::Char('é').into()),
                Input::Paste("ab".to_owned().into()),
                Input::Resize(Size::new(120, 40)),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_escape_is_the_key_after_a_silence() {
        let (typed, keyboard) = keyboard();
        let (sender, mut receiver) = mpsc::channel(4);
        tokio::spawn(async move { keyboard.read(sender).await });
        typed.bytes(b"\x1b");
        assert_eq!(receiver.recv().await, Some(Input::Key(Key::Esc.into())));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_network_delays_is_still_the_key_that_it_was() {
        let (typed, keyboard) = keyboard();
        let (sender, mut receiver) = mpsc::channel(4);
        tokio::spawn(async move { keyboard.read(sender).await });
        for (begin, lag, rest, key) in [
            (&b"\x1b"[..], 80, &b"[D"[..], Key::Left),
            (b"\x1b", 400, b"OQ", Key::Function(2)),
            (b"\x1b[", 1_500, b"D", Key::Left),
            (b"\x1b[", 4_000, b"D", Key::Left),
        ] {
            typed.bytes(begin);
            tokio::time::sleep(Duration::from_millis(lag)).await;
            typed.bytes(rest);
            assert_eq!(receiver.recv().await, Some(Input::Key(key.into())));
        }
        typed.bytes(b"x");
        assert_eq!(
            receiver.recv().await,
            Some(Input::Key(Key::Char('x').into()))
        );
    }

    #[test]
    fn what_nobody_reads_is_bounded() {
        let (typed, keyboard) = keyboard();
        for _ in 0..1000 {
            typed.bytes(&[b'x'; 1000]);
        }
        assert_eq!(keyboard.take().0.len(), MOST);
    }
}
