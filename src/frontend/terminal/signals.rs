//! The signals that ask a service for something, as one stream that whoever waits can hear.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM, SIGINT; SIGHUP where a terminal is all there is.
    Leave,
    /// SIGHUP where there is more than a terminal: read the settings again.
    Reload,
}

/// Hears the signals.
#[derive(Debug)]
pub struct Signals(mpsc::Receiver<Request>);

impl Signals {
    /// Listens from now on; SIGHUP asks for `hang_up`. SIGINT can only come from another process where a terminal is in
    /// raw mode: there Ctrl-C is a key.
    pub fn listen(hang_up: Request) -> io::Result<Self> {
        let (ask, asked) = mpsc::channel(4);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hung_up = signal(SignalKind::hangup())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // A stopped kiosk would leave its screen to whoever comes next.
        let mut stop = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        tokio::spawn(async move {
            loop {
                let request = tokio::select! {
                    _ = terminate.recv() => Request::Leave,
                    _ = interrupt.recv() => Request::Leave,
                    _ = hung_up.recv() => hang_up,
                    _ = stop.recv() => continue,
                };
                if ask.send(request).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self(asked))
    }

    /// The next request.
    pub async fn next(&mut self) -> Request {
        match self.0.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
}
