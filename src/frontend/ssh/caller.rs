//! Wishes of one SSH connection, and their answers: a shell on a pseudo-terminal, and nothing else.
//!
//! A command is answered with a sentence, everything else with failure at once (RFC 4254 sections 5 and 6), so that no
//! client waits. Nothing here waits for a session: the library calls in from the loop that also writes the frames.

use std::sync::Arc;

use ratatui::layout::Size;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, MethodKind, MethodSet,
    server::{
        Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
    },
};
use tokio::sync::oneshot;

use super::{algorithms, conduct::Conduct};
use crate::{
    frontend::{
        guest::{LONGEST_VALUE, VARIABLES, Variables, terminal_from_afar},
        terminal::keyboard::Typed,
    },
    tui::theme::Terminal,
};

/// What a connection has asked for on its channel.
#[derive(Debug)]
pub struct Asked {
    pub channel: ChannelWriteHalf<Msg>,
    pub what: Wish,
}

/// What somebody wants of the kiosk.
#[derive(Debug)]
pub enum Wish {
    Screens(Terminal, Size),
    /// The screens too, but there is no terminal to draw them on.
    ScreensNowhere,
    /// A command is to be run.
    Command {
        on_terminal: bool,
    },
}

/// One SSH connection's requests.
#[derive(Debug)]
pub struct Caller {
    typed: Typed,
    conduct: Arc<Conduct>,
    /// Told what is asked for; taken then.
    asked: Option<oneshot::Sender<Asked>>,
    /// The one channel that is open, until whoever is told takes its writing end.
    channel: Option<ChannelWriteHalf<Msg>>,
    terminal: Option<(String, Size)>,
    /// All others are refused.
    variables: Variables,
    /// Keys that were shown by which somebody could come in.
    keys_shown: usize,
}

/// A caller may show so many keys; each costs this machine a calculation.
const MOST_KEYS: usize = 4;

impl Caller {
    pub fn new(typed: Typed, conduct: Arc<Conduct>, asked: oneshot::Sender<Asked>) -> Self {
        Self {
            typed,
            conduct,
            asked: Some(asked),
            channel: None,
            terminal: None,
            variables: Default::default(),
            keys_shown: 0,
        }
    }

    /// The ways in that are told to whoever has tried another. `none` is never among them (RFC 4252 section 5.2), and a
    /// password is not asked for: the screens do that.
    pub fn ways_in() -> MethodSet {
        MethodSet::from(&[MethodKind::KeyboardInteractive, MethodKind::PublicKey][..])
    }

    /// Passes on what is asked for on the channel; whether that was possible, which it is once.
    fn pass_on(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
        what: impl FnOnce(&Self) -> Wish,
    ) -> Answer {
        let (Some(asked), Some(writing)) = (self.asked.take(), self.channel.take()) else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        // Nobody waits for it where the connection has just been given up.
        let _ = asked.send(Asked {
            channel: writing,
            what: what(self),
        });
        Ok(())
    }
}

/// A window as the protocol tells it, as far as a window can be.
fn size(columns: u32, rows: u32) -> Size {
    let side = |length| u16::try_from(length).unwrap_or(u16::MAX);
    Size::new(side(columns), side(rows))
}

type Answer = Result<(), russh::Error>;

impl Handler for Caller {
    type Error = russh::Error;

    /// The screens are the login: whoever comes gets as far as the menu.
    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    /// Nothing is asked here either (RFC 4256 section 3.1): the way in for clients that never try `none`.
    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        _response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    /// A password is of no use here, whatever it is, and nobody may believe that it was judged. The client is told of the
    /// other ways; the SSH library does not answer one that then asks for the service anew, as paramiko does.
    async fn auth_password(&mut self, _user: &str, _password: &str) -> Result<Auth, Self::Error> {
        Ok(Auth::Reject {
            proceed_with_methods: Some(Self::ways_in()),
            partial_success: false,
        })
    }

    /// Any key will do, as no key does: for clients that try nothing else. Those whose signatures take long to verify
    /// are refused before that.
    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        self.conduct.explain();
        self.keys_shown += 1;
        let will_do = algorithms::KEYS.contains(offer.algorithm) && self.keys_shown <= MOST_KEYS;
        Ok(match will_do {
            true => Auth::Accept,
            false => Auth::reject(),
        })
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        _key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Answer {
        // One channel in a connection's life, whether or not its shell has begun.
        if self.channel.is_some() || self.asked.is_none() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        // What comes in is taken from the calls below; the reading end would only fill up.
        let (_, channel) = channel.split();
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Answer {
        self.conduct.explain();
        if self.terminal.is_some() || self.channel.is_none() {
            return session.channel_failure(channel);
        }
        let term: String = term.chars().take(LONGEST_VALUE).collect();
        self.terminal = Some((term, size(columns, rows)));
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Answer {
        self.conduct.explain();
        let place = VARIABLES.iter().position(|known| *known == name);
        match place {
            Some(place) if value.len() <= LONGEST_VALUE && self.channel.is_some() => {
                self.variables[place] = Some(value.to_owned());
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Answer {
        self.pass_on(channel, session, |caller| match &caller.terminal {
            Some((term, size)) => Wish::Screens(terminal_from_afar(term, &caller.variables), *size),
            None => Wish::ScreensNowhere,
        })
    }

    async fn window_change_request(
        &mut self,
        _channel: ChannelId,
        columns: u32,
        rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _session: &mut Session,
    ) -> Answer {
        let size = size(columns, rows);
        match &mut self.terminal {
            // Before the shell there is nobody to tell.
            Some((_, before)) if self.asked.is_some() => *before = size,
            _ => self.typed.size(size),
        }
        Ok(())
    }

    async fn data(&mut self, _channel: ChannelId, bytes: &[u8], _session: &mut Session) -> Answer {
        self.conduct.explain();
        self.typed.bytes(bytes);
        Ok(())
    }

    async fn channel_eof(&mut self, _channel: ChannelId, _session: &mut Session) -> Answer {
        self.typed.close();
        Ok(())
    }

    async fn channel_close(&mut self, _channel: ChannelId, _session: &mut Session) -> Answer {
        self.typed.close();
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _command: &[u8],
        session: &mut Session,
    ) -> Answer {
        self.conduct.explain();
        self.pass_on(channel, session, |caller| Wish::Command {
            on_terminal: caller.terminal.is_some(),
        })
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Answer {
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Answer {
        session.channel_failure(channel)
    }

    async fn agent_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        session.channel_failure(channel)?;
        Ok(false)
    }
}
