//! The kiosk on this process's terminal: one session after the other, whatever becomes of one.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Mutex, watch};

use super::HostError;
use crate::{
    frontend::terminal::console::Console,
    session::{self, Closing, SessionSettings},
    tui::{App, AppSettings},
};

/// Screens may fail this often before the program gives up instead of flickering.
const PANICS: usize = 5;

/// Failures further apart than this are not "again and again".
const PANICS_WITHIN: Duration = Duration::from_secs(60);

/// Serves the terminal until it hangs up, its person leaves, or the program closes. A session that panics gives way to a
/// fresh menu.
pub async fn sessions(
    console: &Console,
    app_settings: AppSettings,
    mut settings: SessionSettings,
    closing: watch::Receiver<Closing>,
) -> Result<(), HostError> {
    let inputs = Arc::new(Mutex::new(console.inputs().map_err(HostError::System)?));
    let mut panics: Vec<Duration> = Vec::new();
    loop {
        let app = App::new(app_settings.clone());
        let (this, door, size) = (settings.clone(), console.door(), console.size());
        let (clock, inputs, closing) = (settings.clock.clone(), inputs.clone(), closing.clone());
        let session = tokio::spawn(async move {
            let mut inputs = inputs.lock().await;
            session::run(this, app, size, door, &mut inputs, closing).await
        });
        if session.await.is_ok() {
            return Ok(());
        }
        let now = clock.monotonic();
        settings.waits.since = now;
        panics.retain(|at| now.saturating_sub(*at) < PANICS_WITHIN);
        panics.push(now);
        if panics.len() >= PANICS {
            return Err(HostError::Panicking);
        }
    }
}
