//! `lpse-kiosk demo`: training mode. It runs in the kiosk's own front end; here is what the command line says of it.

use clap::Args;

/// Try everything out: sample accounts, nothing to configure; Ctrl-C leaves
///
/// The store lives in a fresh folder that is removed at the end; --data DIR keeps one. No log of the real service is
/// touched, and no data folder but the one that --data names.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk demo\n  lpse-kiosk demo --data ~/latihan")]
pub struct DemoArguments {}
