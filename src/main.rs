//! The program `lpse-kiosk`: makes the process safe to hold secrets, then does what the command line says.

use std::{alloc::System, process::ExitCode};

use lpse_kiosk::cli;
use rustix::{
    fs::Mode,
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask},
};
use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: frames, packets, messages and the copies that a growing buffer leaves behind hold codes and
/// keys too, and most of them belong to libraries.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    harden();
    match cli::command_line() {
        Ok(command_line) => cli::run(command_line),
        Err(status) => status,
    }
}

/// Files for the owner alone, and no memory of this process on the disk or in another process's hands.
fn harden() {
    umask(Mode::from_raw_mode(0o077));
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Where the system refuses either, the program is no less correct; it is what systemd and the kernel add to it.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
