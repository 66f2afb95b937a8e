//! The Debian package, built of the program that is tested.

mod contents;
mod debian;
mod installed;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use support::text;
use tempfile::TempDir;

#[track_caller]
pub fn done(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the command is installed");
    let told = text(&stdout) + &text(&stderr);
    assert!(status.success(), "{command:?}: {told}");
    told
}

/// Builds the package of the program that is tested.
pub fn package() -> &'static Path {
    static PACKAGE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, package) = PACKAGE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("lpse-kiosk.deb");
        build(&package);
        (folder, package)
    });
    package
}

pub fn build(into: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/debian/build");
    let mut build = Command::new(script);
    done(build.args(["--debug", "--fast", "--output"]).arg(into));
}
