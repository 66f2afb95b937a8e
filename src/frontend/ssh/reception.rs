//! One connection from its first byte to its last word: whether it is let in, how long it may take to come to a screen,
//! its session, and the sentence at its end.

use std::{net::IpAddr, sync::Arc, time::Duration};

use russh::{
    ChannelWriteHalf, SshId,
    server::{self, Msg},
};
use tokio::{net::TcpStream, sync::oneshot, time::timeout};

use super::{
    algorithms,
    caller::{Asked, Caller, Wish},
    conduct::Conduct,
    door::ChannelDoor,
    host_key::HostKey,
    line::{Line, line},
    penalties::{Offence, Penalties},
};
use crate::{
    config::Config,
    domain::{Source, SourceKey, language::Language},
    frontend::{
        admission::{
            counts::{Entrance, Reason as Refused},
            sessions::Slot,
        },
        guest::{Gone, Guest, Screens},
        terminal::{
            console::Use,
            keyboard::{Keyboard, keyboard},
        },
        transport::Transport,
    },
    session::Waits,
    tui::text::Ending,
};

/// What this machine says first (RFC 4253 section 4.2).
pub const GREETING: &str = "SSH-2.0-lpse-kiosk";

/// What a channel may hold of unread keys in the library: small, because keys are few.
const WINDOW: u32 = 32 * 1024;

/// A peer that has not answered this many questions, each after such a silence, is gone.
const SILENCE: Duration = Duration::from_secs(60);
const QUESTIONS: usize = 2;

/// Time for the last words of a session, and for the peer to go after them.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A sentence of those at the end.
type Sentence = fn(&Ending) -> &str;

/// What all connections share.
pub struct Reception {
    screens: Screens,
    transport: Transport,
    protocol: Arc<server::Config>,
    penalties: Penalties,
}

/// Whose connection it is, and since when.
struct Visit {
    source: Source,
    waits: Waits,
}

impl Reception {
    /// `transport` does what the SSH library calculates.
    pub fn new(screens: Screens, transport: Transport, key: HostKey) -> Self {
        let protocol = server::Config {
            server_id: SshId::Standard(GREETING.into()),
            methods: Caller::ways_in(),
            // There is no password here whose refusal could tell anything by its time.
            auth_rejection_time: Duration::ZERO,
            keys: vec![key.into_private()],
            window_size: WINDOW,
            maximum_packet_size: WINDOW,
            channel_buffer_size: 1,
            event_buffer_size: 4,
            preferred: algorithms::offered(),
            max_auth_attempts: 4,
            // Time is kept here, per stage.
            inactivity_timeout: None,
            keepalive_interval: Some(SILENCE),
            keepalive_max: QUESTIONS,
            ..server::Config::default()
        };
        Self {
            screens,
            transport,
            protocol: Arc::new(protocol),
            penalties: Penalties::default(),
        }
    }

    /// Lets in a connection of somebody's at `address`, an IPv4 one in its plain form, unless that source has earned a
    /// penalty or has no slot; returns what serves it.
    pub fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        address: IpAddr,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let config = self.screens.settings.borrow().clone();
        let source = Source::Peer(address);
        let key = source.key();
        if self.penalties.refuse(&key, self.screens.clock.monotonic()) {
            tracing::debug!(%source, "an SSH connection is refused: penalty");
            self.screens.counts.refuse(Refused::Penalty);
            return None;
        }
        let Some(slot) = self.screens.connections.take(&key, &config.ssh) else {
            tracing::debug!(%source, "an SSH connection is refused: no place");
            self.screens.counts.refuse(Refused::Limit);
            return None;
        };
        Some(self.clone().serve(stream, source, key, slot, config))
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        source: Source,
        key: SourceKey,
        slot: Slot,
        config: Arc<Config>,
    ) {
        let since = self.screens.clock.monotonic();
        let waits = self.screens.counts.waits(Entrance::Ssh, since);
        let conduct = Arc::new(Conduct::new(since));
        let (line, _cutter) = line(stream, conduct.clone(), self.screens.clock.clone());
        let longest = config.ssh.longest_penalty;
        let visit = Visit { source, waits };
        let offence = self.attend(line, visit, &conduct, &slot, config).await;
        if let Some(offence) = conduct.offence() {
            tracing::info!(
                source = %key,
                ?offence,
                "an SSH connection is ended for what it costs"
            );
        }
        let now = self.screens.clock.monotonic();
        let add = |offence| self.penalties.add(&key, offence, now, longest);
        let is_visit = conduct.has_exchanged_keys() && !slot.has_logged_in();
        if slot.has_logged_in() {
            self.penalties.forgive(&key);
        } else if is_visit {
            add(Offence::Visit);
        }
        // A visit without a screen is a visit; what a connection was ended for is forgiven to nobody.
        let others = offence
            .filter(|offence| !(slot.has_logged_in() || is_visit && *offence == Offence::NoScreen));
        if let Some(offence) = conduct.offence().or(others) {
            add(offence);
        }
    }

    /// Serves a connection to its end; returns what it did that a person's does not.
    async fn attend(
        &self,
        line: Line,
        visit: Visit,
        conduct: &Arc<Conduct>,
        slot: &Slot,
        config: Arc<Config>,
    ) -> Option<Offence> {
        let (typed, keyboard) = keyboard();
        let (ask, asked) = oneshot::channel();
        let caller = Caller::new(typed, conduct.clone(), ask);
        let shaken = tokio::select! {
            shaken = timeout(config.ssh.before_login, self.shake(line, caller, asked)) => shaken,
            () = slot.displaced() => {
                self.screens.counts.refuse(Refused::Displaced);
                return None;
            }
            () = self.screens.closed() => {
                self.screens.counts.refuse(Refused::Leaving);
                return None;
            }
        };
        let (connection, asked) = match shaken {
            Ok(Ok(shaken)) => shaken,
            failed => {
                self.screens.counts.refuse(Refused::Handshake);
                return Some(failed.map_or(Offence::TooSlow, |shaken| {
                    shaken.err().unwrap_or(Offence::NoScreen)
                }));
            }
        };
        let screens: Result<_, (Sentence, _)> = match asked.what {
            Wish::Screens(terminal, size) => Ok((terminal, size)),
            Wish::ScreensNowhere => Err((|text| &text.no_terminal, "\n")),
            Wish::Command { on_terminal: false } => Err((|text| &text.no_command, "\n")),
            Wish::Command { on_terminal: true } => Err((|text| &text.no_command, "\r\n")),
        };
        let (terminal, size) = match screens {
            Ok(screens) => screens,
            Err((sentence, line_end)) => {
                self.screens.counts.refuse(Refused::NoPty);
                let _ = timeout(LAST_WORDS, async {
                    refuse(&asked.channel, sentence, line_end).await;
                    connection.await
                })
                .await;
                return Some(Offence::NoScreen);
            }
        };
        let channel = Arc::new(asked.channel);
        let guest = Guest {
            source: visit.source,
            terminal,
            size,
            taken: Use::Borrowed,
            waits: visit.waits,
        };
        let offence = self
            .show_screens(&channel, keyboard, guest, slot, &config)
            .await;
        if offence.is_none() {
            // The peer closes its side after the last words; then the library's task ends by itself.
            let _ = timeout(LAST_WORDS, connection).await;
        }
        offence
    }

    /// Leads the connection to the point where it asks for something on its channel.
    async fn shake(
        &self,
        line: Line,
        caller: Caller,
        asked: oneshot::Receiver<Asked>,
    ) -> Result<(server::RunningSession<Caller>, Asked), Offence> {
        let protocol = self.protocol.clone();
        let offence = |error| match error {
            russh::Error::IO(_) | russh::Error::Disconnect | russh::Error::HUP => Offence::NoScreen,
            _ => Offence::Protocol,
        };
        // The library spawns a task for the connection where it is called.
        let begun = self
            .transport
            .run(server::run_stream(protocol, line, caller));
        // A fault of the library's over what this peer sent ends this connection.
        let begun = begun.await.map_err(|_| Offence::Protocol)?;
        let mut connection = begun.map_err(offence)?;
        tokio::select! {
            biased;
            Ok(asked) = asked => Ok((connection, asked)),
            ended = &mut connection => Err(ended.map_or_else(offence, |()| Offence::NoScreen)),
        }
    }

    /// Runs a session over the channel to its end, and says goodbye.
    async fn show_screens(
        &self,
        channel: &Arc<ChannelWriteHalf<Msg>>,
        keyboard: Keyboard,
        guest: Guest,
        slot: &Slot,
        config: &Config,
    ) -> Option<Offence> {
        let _open = self.screens.counts.enter(Entrance::Ssh);
        let sequences = guest.terminal.sequences;
        let door = ChannelDoor::new(channel.clone(), sequences);
        let shown = self.screens.show(guest, door, keyboard, slot, config).await;
        let goodbye = match shown {
            Ok(goodbye) => goodbye.sentence,
            // Who has only closed the keyboard still sees how it ends.
            Err(Gone::HungUp) => &config.language.text().ending.goodbye,
            Err(Gone::Displaced) => {
                self.screens.counts.refuse(Refused::Displaced);
                return Some(Offence::NoScreen);
            }
            Err(Gone::ReadsNothing) => return Some(Offence::ReadsNothing),
        };
        let said = async {
            let bytes = [&Use::Borrowed.leave(sequences), goodbye.as_bytes(), b"\r\n"].concat();
            channel.data_bytes(bytes).await?;
            end(channel, 0).await
        };
        let _ = timeout(LAST_WORDS, said).await;
        None
    }
}

/// Tells in both languages why there are no screens.
async fn refuse(channel: &ChannelWriteHalf<Msg>, sentence: Sentence, line_end: &str) {
    let said: String = [Language::Id, Language::En]
        .map(|language| [sentence(&language.text().ending), line_end].concat())
        .concat();
    // Standard error's number (RFC 4254 section 5.2).
    let said = channel.extended_data_bytes(1, said.into_bytes()).await;
    if said.is_ok() {
        let _ = end(channel, 1).await;
    }
}

async fn end(channel: &ChannelWriteHalf<Msg>, status: u32) -> Result<(), russh::Error> {
    channel.exit_status(status).await?;
    channel.eof().await?;
    channel.close().await
}
