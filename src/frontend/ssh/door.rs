//! The door of a session over SSH: frames go to the channel, as fast as its peer takes them.

use std::{io, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use russh::{ChannelWriteHalf, server::Msg};

use crate::{frontend::terminal::console::Use, session::Door, tui::sequences::Sequences};

/// The writing end of a channel. A frame is one message to the library, which makes one packet of it where the peer's
/// window has room; where it has none, sending waits, and the session gives up after a while.
#[derive(Debug)]
pub struct ChannelDoor {
    channel: Arc<ChannelWriteHalf<Msg>>,
    /// Sent with the first frame.
    entering: Vec<u8>,
}

impl ChannelDoor {
    /// The door to a terminal that understands `sequences`.
    pub fn new(channel: Arc<ChannelWriteHalf<Msg>>, sequences: Sequences) -> Self {
        Self {
            channel,
            entering: Use::Borrowed.enter(sequences),
        }
    }
}

#[async_trait]
impl Door for ChannelDoor {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let entering = std::mem::take(&mut self.entering);
        let bytes = Bytes::from([entering.as_slice(), bytes].concat());
        let sent = self.channel.data_bytes(bytes).await;
        sent.map_err(io::Error::other)
    }
}
