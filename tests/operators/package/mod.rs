//! The Debian package, built of the program that is tested.

mod booted;
mod contents;
mod debian;
mod installed;
mod keys;
mod machine;

use std::{
    fs,
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

/// Names a package that was built from an older source (`assets/debian/build-older`), for the upgrade to begin with.
pub const PREVIOUS: &str = "PREVIOUS_PACKAGE";

/// The package of a version before: the one that [`PREVIOUS`] names, or one that is made in this folder, which is the same
/// program under a lower number, with a unit and default settings that were others then.
pub fn package_before(folder: &Path) -> PathBuf {
    if let Some(named) = std::env::var_os(PREVIOUS) {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "{PREVIOUS} names a package: {}",
            named.display()
        );
        println!("the upgrade begins with {}", named.display());
        return named;
    }
    println!(
        "the upgrade begins with this program under a lower number; {PREVIOUS} names an older one"
    );
    let (opened, before) = (folder.join("opened"), folder.join("before.deb"));
    let mut open = Command::new("dpkg-deb");
    done(open.arg("--raw-extract").args([package(), &opened]));
    for (file, now, then) in [
        (
            "DEBIAN/control",
            format!("Version: {}-1\n", env!("CARGO_PKG_VERSION")),
            "Version: 0.0.9-1\n",
        ),
        (
            "usr/lib/systemd/system/lpse-kiosk.service",
            "\nWatchdogSec=30s\n".into(),
            "\nWatchdogSec=50s\n",
        ),
        (
            "etc/lpse-kiosk/config.toml",
            "\n[office]\n".into(),
            "\n# The office.\n[office]\n",
        ),
    ] {
        let text = fs::read_to_string(opened.join(file)).unwrap();
        assert!(text.contains(&now), "{now:?} in {file}");
        fs::write(opened.join(file), text.replace(&now, then)).unwrap();
    }
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zgzip", "-z1", "--build"]);
    done(build.args([&opened, &before]));
    before
}
