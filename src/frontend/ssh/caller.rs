//! What one SSH connection asks for, and what it is answered: a shell on a pseudo-terminal, and nothing else.
//!
//! Everything else is answered with failure at once (RFC 4254 sections 5 and 6), so that no client waits. Nothing here
//! waits for a session: the library calls in from the loop that also writes the frames.

use ratatui::layout::Size;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf,
    server::{Auth, ChannelOpenHandle, Handler, Msg, Session},
};
use tokio::sync::oneshot;

use crate::{
    frontend::{
        keyboard::Typed,
        lent::{LONGEST_VALUE, VARIABLES, Variables, terminal_from_afar},
    },
    tui::theme::Terminal,
};

/// What a connection has asked for when it asked for a shell.
#[derive(Debug)]
pub struct Shell {
    pub channel: ChannelWriteHalf<Msg>,
    /// `None`: it did not ask for a terminal before.
    pub terminal: Option<(Terminal, Size)>,
}

/// One SSH connection's requests.
#[derive(Debug)]
pub struct Caller {
    typed: Typed,
    /// Told when the shell is asked for; taken then.
    shell: Option<oneshot::Sender<Shell>>,
    /// The one channel that is open, until the shell takes its writing end.
    channel: Option<ChannelWriteHalf<Msg>>,
    terminal: Option<(String, Size)>,
    /// All others are refused.
    variables: Variables,
}

impl Caller {
    pub fn new(typed: Typed, shell: oneshot::Sender<Shell>) -> Self {
        Self {
            typed,
            shell: Some(shell),
            channel: None,
            terminal: None,
            variables: Default::default(),
        }
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

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Answer {
        // One channel in a connection's life, whether or not its shell has begun.
        if self.channel.is_some() || self.shell.is_none() {
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
        let (Some(shell), Some(writing)) = (self.shell.take(), self.channel.take()) else {
            return session.channel_failure(channel);
        };
        let terminal = self.terminal.as_ref();
        let terminal =
            terminal.map(|(term, size)| (terminal_from_afar(term, &self.variables), *size));
        session.channel_success(channel)?;
        // Nobody waits for it where the connection has just been given up.
        let _ = shell.send(Shell {
            channel: writing,
            terminal,
        });
        Ok(())
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
            Some((_, before)) if self.shell.is_some() => *before = size,
            _ => self.typed.size(size),
        }
        Ok(())
    }

    async fn data(&mut self, _channel: ChannelId, bytes: &[u8], _session: &mut Session) -> Answer {
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
        session.channel_failure(channel)
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
