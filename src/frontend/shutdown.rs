//! SIGTERM, SIGHUP and SIGINT become one request to leave, which everything that waits can hear.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Hears that the program is to leave.
#[derive(Debug, Clone)]
pub struct Shutdown {
    asked: watch::Receiver<bool>,
}

impl Shutdown {
    /// Listens for the signals that ask a service to leave. SIGINT can only come from another process: on the
    /// kiosk's own terminal Ctrl-C is a key.
    pub fn on_signals() -> std::io::Result<Self> {
        let (ask, asked) = watch::channel(false);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // A stopped kiosk would leave its screen to whoever comes next.
        let mut stop = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                    _ = interrupt.recv() => {}
                    _ = stop.recv() => continue,
                }
                if ask.send(true).is_err() {
                    return;
                }
            }
        });
        Ok(Self { asked })
    }

    /// Returns when the program is to leave; pends for ever otherwise.
    pub async fn asked(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending().await
        }
    }
}
