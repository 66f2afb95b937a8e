//! A connection to a mail server: what is said goes out, and whole replies come in, each in its time and of bounded
//! size.
//!
//! The time for a reply runs from the last thing that was said: a server that sends its answer a byte at a time gains
//! nothing by it. A reply is read to its last line and no further, because whoever reads ahead of STARTTLS could not
//! tell what was said in plain text from what is said under TLS.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    time::{Instant, timeout, timeout_at},
};

use super::reply::{Heard, Hearing, Reply};

/// No reply is longer.
const LONGEST_REPLY: usize = 64 * 1024;

/// A way for bytes to go and come.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// The connection.
pub struct Wire<S> {
    stream: BufReader<S>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
    #[error("it did not answer within {0:?}")]
    Late(Duration),
    #[error("it closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("its answer has no end")]
    Endless,
    #[error("its answer is no reply: {0}")]
    Stray(String),
}

/// A reply that did not come to its end.
#[derive(Debug)]
pub struct Unheard {
    pub why: Silence,
    /// The reply as far as it came, if its code did.
    pub begun: Option<Reply>,
    /// The server said something, though it was no reply.
    pub is_answer: bool,
    /// All that was said to the server has left this machine; else it cannot have it whole.
    pub was_said: bool,
}

impl<S: Duplex> Wire<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Says `bytes` within `limit`, and hears the reply within `patience`, as [`Wire::hear`] does. A server that closed
    /// before it was told everything may have said why.
    pub async fn ask(
        &mut self,
        bytes: &[u8],
        limit: Duration,
        patience: Duration,
        patient: bool,
    ) -> Result<Reply, Unheard> {
        let (unsaid, patience) = match self.say(bytes, limit).await {
            Ok(()) => (None, patience),
            Err(why @ Silence::Late(_)) => {
                return Err(Unheard {
                    why,
                    begun: None,
                    is_answer: false,
                    was_said: false,
                });
            }
            Err(why) => (Some(why), limit),
        };
        let heard = self.hear(patience, patient).await;
        heard.map_err(|unheard| match unsaid {
            None => unheard,
            Some(why) => Unheard {
                why,
                was_said: false,
                ..unheard
            },
        })
    }

    /// Says `bytes` within `limit`. After an error the last of them have not left this machine.
    async fn say(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Silence> {
        let said = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(limit, said).await {
            Ok(said) => Ok(said?),
            Err(_) => Err(Silence::Late(limit)),
        }
    }

    /// The next reply, whole within `limit`. Lines without a code before it are passed over where `patient`; else the
    /// first of them is the end.
    pub async fn hear(&mut self, limit: Duration, patient: bool) -> Result<Reply, Unheard> {
        let end = Instant::now() + limit;
        let mut hearing = Hearing::default();
        let mut heard = 0;
        let why = loop {
            let bytes = match timeout_at(end, self.stream.fill_buf()).await {
                Err(_) => break Silence::Late(limit),
                Ok(Err(error)) => break Silence::Broken(error),
                Ok(Ok([])) => break Silence::Closed,
                Ok(Ok(bytes)) => bytes,
            };
            let line_end = bytes.iter().position(|byte| *byte == b'\n');
            let length = line_end.map_or(bytes.len(), |end| end + 1);
            let state = hearing.take(&bytes[..length]);
            self.stream.consume(length);
            heard += length;
            match state {
                Heard::Whole(reply) => return Ok(reply),
                Heard::Stray if !patient => {
                    let said = hearing.stray().unwrap_or_default().to_owned();
                    break Silence::Stray(said);
                }
                Heard::Stray | Heard::More => {}
            }
            if heard > LONGEST_REPLY {
                break Silence::Endless;
            }
            // A server that never stops talking does not get more time by it.
            if Instant::now() >= end {
                break Silence::Late(limit);
            }
        };
        let begun = hearing.finish();
        Err(Unheard {
            why,
            begun,
            is_answer: heard > 0,
            was_said: true,
        })
    }

    /// The stream, if nothing was heard beyond the last reply.
    pub fn into_quiet_stream(self) -> Option<S> {
        let is_quiet = self.stream.buffer().is_empty();
        is_quiet.then(|| self.stream.into_inner())
    }
}
