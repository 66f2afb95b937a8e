//! One connection from its first byte to its last word: whether it is let in, how long it may take to come to a screen,
//! its session, and the sentence at its end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ratatui::layout::Size;
use russh::{
    ChannelWriteHalf, MethodKind, MethodSet, Preferred, SshId, compression,
    server::{self, Msg},
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    Ssh,
    caller::{Caller, Shell},
    connections::{Connections, Place},
    door::ChannelDoor,
    host_key::HostKey,
    keyboard::{Keyboard, keyboard},
    line::{Cutter, Line, line},
    penalties::{Offence, Penalties},
};
use crate::{
    config::Config,
    domain::{
        Source,
        idle::{IdleLimits, Reason},
        language::Language,
    },
    frontend::{
        console::Use,
        doors::{Door, Reason as Refused},
        host::app_settings,
    },
    session::{self, End, Ended, Seat},
    tui::{App, text::Text, theme::Terminal},
};

/// What a channel may hold of unread keys in the library: small, because keys are few.
const WINDOW: u32 = 32 * 1024;

/// A peer that has not answered this many questions, each after such a silence, is gone.
const SILENCE: Duration = Duration::from_secs(60);
const QUESTIONS: usize = 2;

/// Inputs on their way from the keyboard to the session.
const INPUTS: usize = 8;

/// Time for the last words of a session, and for the peer to go after them.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What all connections share.
pub struct Reception {
    door: Ssh,
    protocol: Arc<server::Config>,
    connections: Arc<Connections>,
    penalties: Penalties,
}

impl Reception {
    pub fn new(door: Ssh, key: HostKey) -> Self {
        let protocol = server::Config {
            server_id: SshId::Standard("SSH-2.0-lpse-kiosk".into()),
            methods: MethodSet::from(&[MethodKind::None][..]),
            // There is no password here whose refusal could tell anything by its time.
            auth_rejection_time: Duration::ZERO,
            keys: vec![key.into_private()],
            window_size: WINDOW,
            maximum_packet_size: WINDOW,
            channel_buffer_size: 1,
            event_buffer_size: 4,
            preferred: Preferred {
                compression: vec![compression::NONE].into(),
                ..Preferred::DEFAULT
            },
            max_auth_attempts: 4,
            // Time is kept here, per stage.
            inactivity_timeout: None,
            keepalive_interval: Some(SILENCE),
            keepalive_max: QUESTIONS,
            ..server::Config::default()
        };
        Self {
            door,
            protocol: Arc::new(protocol),
            connections: Arc::default(),
            penalties: Penalties::default(),
        }
    }

    /// Lets a connection in, unless its source has earned a penalty or has no place; returns what serves it.
    pub fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let config = self.door.settings.borrow().clone();
        let source = Source::Peer(address.ip().to_canonical());
        let key = source.throttle_key();
        if self.penalties.refuse(&key, self.door.clock.monotonic()) {
            tracing::debug!(%source, "an SSH connection is refused: penalty");
            self.door.doors.refuse(Refused::Penalty);
            return None;
        }
        let Some(place) = self.connections.take(&key, &config.ssh) else {
            tracing::debug!(%source, "an SSH connection is refused: no place");
            self.door.doors.refuse(Refused::Limit);
            return None;
        };
        Some(self.clone().serve(stream, source, key, place, config))
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        source: Source,
        key: String,
        place: Place,
        config: Arc<Config>,
    ) {
        let (line, cutter) = line(stream);
        let longest = config.ssh.longest_penalty;
        let offence = self.attend(line, cutter, source, &place, config).await;
        if place.has_logged_in() {
            self.penalties.forgive(&key);
        } else if let Some(offence) = offence {
            let now = self.door.clock.monotonic();
            self.penalties.add(&key, offence, now, longest);
        }
    }

    /// Serves a connection to its end; returns what it did that a person's does not.
    async fn attend(
        &self,
        line: Line,
        cutter: Cutter,
        source: Source,
        place: &Place,
        config: Arc<Config>,
    ) -> Option<Offence> {
        let (typed, keyboard) = keyboard();
        let (start, shell) = oneshot::channel();
        let shaken = tokio::select! {
            shaken = timeout(config.ssh.before_login, self.shake(line, Caller::new(typed, start), shell)) => shaken,
            () = place.displaced() => {
                self.door.doors.refuse(Refused::Displaced);
                return None;
            }
            () = self.closed() => {
                self.door.doors.refuse(Refused::Leaving);
                return None;
            }
        };
        let (connection, shell) = match shaken {
            Ok(Ok(shaken)) => shaken,
            failed => {
                self.door.doors.refuse(Refused::Handshake);
                return Some(failed.map_or(Offence::TooSlow, |shaken| {
                    shaken.err().unwrap_or(Offence::NoScreen)
                }));
            }
        };
        let Some((terminal, size)) = shell.terminal else {
            self.door.doors.refuse(Refused::NoPty);
            let _ = timeout(LAST_WORDS, async {
                refuse_without_terminal(&shell.channel).await;
                connection.await
            })
            .await;
            return Some(Offence::NoScreen);
        };
        let channel = Arc::new(shell.channel);
        let offence = self
            .show_screens(&channel, keyboard, (terminal, size), source, place, &config)
            .await;
        if offence.is_none() {
            // The peer closes its side after the last words; then the library's task ends by itself.
            let _ = timeout(LAST_WORDS, connection).await;
        }
        drop(cutter);
        offence
    }

    /// Leads the connection to a shell.
    async fn shake(
        &self,
        line: Line,
        caller: Caller,
        shell: oneshot::Receiver<Shell>,
    ) -> Result<(server::RunningSession<Caller>, Shell), Offence> {
        let protocol = self.protocol.clone();
        let offence = |error| match error {
            russh::Error::IO(_) | russh::Error::Disconnect | russh::Error::HUP => Offence::NoScreen,
            _ => Offence::Protocol,
        };
        let mut connection = server::run_stream(protocol, line, caller)
            .await
            .map_err(offence)?;
        tokio::select! {
            biased;
            Ok(shell) = shell => Ok((connection, shell)),
            ended = &mut connection => Err(ended.map_or_else(offence, |()| Offence::NoScreen)),
        }
    }

    /// Runs a session over the channel to its end, and says goodbye.
    async fn show_screens(
        &self,
        channel: &Arc<ChannelWriteHalf<Msg>>,
        keyboard: Keyboard,
        (terminal, size): (Terminal, Size),
        source: Source,
        place: &Place,
        config: &Config,
    ) -> Option<Offence> {
        let keyboard = Arc::new(keyboard);
        let _open = self.door.doors.enter(Door::Ssh);
        let seat = Seat {
            source: source.clone(),
            clock: self.door.clock.clone(),
            random: self.door.random.clone(),
            limits: IdleLimits {
                before_login: Some(config.ssh.before_login),
                session: Some(config.ssh.in_all),
                ..config.idle
            },
            services: self.door.services.clone(),
            wipe: Use::Borrowed.wipe(),
            ends_with_visit: true,
            attendance: place.shows_screen(),
        };
        let app = App::new(app_settings(config, source.to_string(), true, terminal));
        // A task of its own: a fault in it ends this person's session and no more.
        let mut screens = tokio::spawn({
            let (channel, keyboard) = (channel.clone(), keyboard.clone());
            let closing = self.door.closing.clone();
            async move {
                let (sender, mut inputs) = mpsc::channel(INPUTS);
                let session = session::run(
                    seat,
                    app,
                    size,
                    ChannelDoor::new(&channel),
                    &mut inputs,
                    closing,
                );
                let reading = async {
                    keyboard.read(sender).await;
                    std::future::pending().await
                };
                // In one task, so that a key is on the screen without waiting for another.
                tokio::select! {
                    biased;
                    () = reading => unreachable!("it pends after its end"),
                    ended = session => ended,
                }
            }
        });
        let ended = tokio::select! {
            ended = &mut screens => ended,
            () = place.displaced() => {
                self.door.doors.refuse(Refused::Displaced);
                keyboard.close();
                let _ = screens.await;
                return Some(Offence::NoScreen);
            }
        };
        let text = |language: Language| &language.text().ending;
        let goodbye = match ended {
            Ok(Ended { why, language }) => {
                tracing::debug!(%source, ?why, "an SSH session has ended");
                match why {
                    End::HungUp if !keyboard.is_closed() => return Some(Offence::ReadsNothing),
                    // Who has only closed the keyboard still sees how it ends.
                    End::HungUp | End::Quit => &text(language).goodbye,
                    End::Shutdown => &text(language).goodbye_closing,
                    End::Expired(Reason::Idle) => &text(language).goodbye_idle,
                    End::Expired(Reason::TimeUp) => &text(language).goodbye_time_up,
                }
            }
            Err(_) => &text(config.language).goodbye_fault,
        };
        let said = async {
            let bytes = [&Use::Borrowed.leave(), goodbye.as_bytes(), b"\r\n"].concat();
            channel.data_bytes(bytes).await?;
            end(channel, 0).await
        };
        let _ = timeout(LAST_WORDS, said).await;
        None
    }

    /// Returns when the program is to leave at once.
    async fn closed(&self) {
        let mut closing = self.door.closing.clone();
        let _ = closing
            .wait_for(|closing| *closing != session::Closing::No)
            .await;
    }
}

/// Tells in both languages that there is nothing to draw on.
async fn refuse_without_terminal(channel: &ChannelWriteHalf<Msg>) {
    let sentence = |text: &'static Text| text.ending.no_terminal.as_str();
    let (id, en) = (Language::Id.text(), Language::En.text());
    let said = format!("{}\n{}\n", sentence(id), sentence(en));
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
