//! Files: whose they are, and who else can get at them.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use super::{finding::Finding, patient::Patient};
use crate::config::ThemeChoice;

const NAME: &str = "files";

/// Files of the store that are looked at; more would not tell more.
const MOST_FILES: usize = 10_000;

/// What a file has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Socket,
    /// A configuration file: root's or the installation's, and for everybody to read.
    Settings,
}

pub fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let settings = patient.flags.config_file();
    let mut wrong = Vec::new();
    let mut look = |what, path: &Path, kind| match fs::metadata(path) {
        Ok(metadata) => wrong.extend(judge(what, path, kind, &seen(&metadata), patient.user)),
        // What is not there yet is made private by whoever makes it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => wrong.push(Finding::failure(
            NAME,
            format!("{what} {} cannot be looked at: {error}", path.display()),
            as_owner(patient),
        )),
    };
    look("the configuration file", &settings, Kind::Settings);
    if let Some(folder) = settings.parent() {
        look("the configuration's folder", folder, Kind::Settings);
    }
    if let ThemeChoice::File(theme) = &config.theme {
        look("the theme file", theme, Kind::Settings);
    }
    look("the data folder", &config.data, Kind::Folder);
    look("the store's folder", &config.store_folder(), Kind::Folder);
    look("the audit log", &config.audit_file(), Kind::File);
    look("the audit key", &config.audit_key_file(), Kind::File);
    look("the log", &config.log_file(), Kind::File);
    look("the socket", &config.socket_file(), Kind::Socket);
    look("the socket", &config.screens_socket_file(), Kind::Socket);
    let mut foreign = None;
    let entries = fs::read_dir(config.store_folder()).into_iter().flatten();
    for entry in entries.flatten().take(MOST_FILES) {
        if let Ok(metadata) = entry.metadata()
            && metadata.uid() != patient.user
        {
            foreign.get_or_insert(entry.path());
        }
    }
    if let Some(path) = foreign {
        wrong.push(Finding::failure(
            NAME,
            format!("{} belongs to another user than its folder", path.display()),
            format!(
                "Give the store back: chown -R {} {}",
                patient.user,
                config.store_folder().display()
            ),
        ));
    }
    if !wrong.is_empty() {
        return wrong;
    }
    let own = rustix::process::geteuid().as_raw();
    vec![match config.data.exists() {
        false => Finding::ok(
            NAME,
            format!(
                "there is no data folder {} yet; the first start makes it, for uid {own} alone",
                config.data.display()
            ),
        ),
        true if own != 0 && own != patient.user => Finding::failure(
            NAME,
            format!(
                "the data folder {} belongs to uid {}, and this is uid {own}",
                config.data.display(),
                patient.user
            ),
            as_owner(patient),
        ),
        true => Finding::ok(
            NAME,
            format!(
                "everything in {} is for uid {} alone",
                config.data.display(),
                patient.user
            ),
        ),
    }]
}

/// How somebody else than the installation's user gets to see more.
pub fn as_owner(patient: &Patient<'_>) -> String {
    format!(
        "Run this as root, or as that user: setpriv --reuid={} --clear-groups lpse-kiosk --data {} --master-key-file {} doctor",
        patient.user,
        patient.config.data.display(),
        patient.config.master_key_file.display()
    )
}

/// What there is to know of a file.
struct Seen {
    kind: Option<Kind>,
    owner: u32,
    mode: u32,
}

fn seen(metadata: &Metadata) -> Seen {
    let kind = metadata.file_type();
    Seen {
        kind: if kind.is_dir() {
            Some(Kind::Folder)
        } else if kind.is_file() {
            Some(Kind::File)
        } else {
            kind.is_socket().then_some(Kind::Socket)
        },
        owner: metadata.uid(),
        mode: metadata.mode() & 0o7777,
    }
}

/// What is wrong with `what` at `path`, which is to be a `kind` of `user`.
fn judge(what: &str, path: &Path, kind: Kind, seen: &Seen, user: u32) -> Option<Finding> {
    let path = path.display();
    let (owner, mode) = (seen.owner, seen.mode);
    if kind == Kind::Settings {
        if owner != user && owner != 0 {
            return Some(Finding::failure(
                NAME,
                format!("{what} {path} belongs to uid {owner}, who can change how the kiosk runs"),
                format!("Give it to root: chown root {path}"),
            ));
        }
        // In a folder with the sticky bit, such as /tmp, only a file's owner can replace it.
        let replaceable = mode & 0o002 != 0 && mode & 0o1000 == 0;
        return replaceable.then(|| {
            Finding::failure(
                NAME,
                format!("{what} {path} can be changed by everybody (mode {mode:03o})"),
                format!("chmod o-w {path}"),
            )
        });
    }
    if seen.kind != Some(kind) {
        let (is, remedy) = (
            "is not what belongs there",
            "Move it away; the next start makes it anew.",
        );
        return Some(Finding::failure(
            NAME,
            format!("{what} {path} {is}"),
            remedy,
        ));
    }
    if owner != user {
        return Some(Finding::failure(
            NAME,
            format!("{what} {path} belongs to uid {owner}, and the data folder to uid {user}"),
            format!("chown {user} {path}"),
        ));
    }
    let private = if kind == Kind::Folder { 0o700 } else { 0o600 };
    (mode & 0o077 != 0).then(|| {
        Finding::failure(
            NAME,
            format!("{what} {path} is open to others on this machine (mode {mode:03o})"),
            format!("chmod {private:o} {path}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(wanted: Kind, kind: Kind, owner: u32, mode: u32) -> Option<String> {
        let seen = Seen {
            kind: Some(kind),
            owner,
            mode,
        };
        let judged = judge("it", Path::new("/p"), wanted, &seen, 1000);
        judged.and_then(|finding| finding.what_to_do)
    }

    #[test]
    fn what_is_open_or_somebody_elses_is_told_with_the_command_that_mends_it() {
        use Kind::{File, Folder, Settings, Socket};
        for (wanted, kind, owner, mode, remedy) in [
            (Folder, Folder, 1000, 0o700, None),
            (Folder, Folder, 1000, 0o750, Some("chmod 700 /p")),
            (File, File, 1000, 0o600, None),
            (File, File, 1000, 0o400, None),
            (File, File, 1000, 0o604, Some("chmod 600 /p")),
            (File, File, 0, 0o600, Some("chown 1000 /p")),
            (Socket, Socket, 1000, 0o666, Some("chmod 600 /p")),
            (Settings, File, 0, 0o644, None),
            (Settings, File, 1000, 0o640, None),
            (
                Settings,
                File,
                1001,
                0o600,
                Some("Give it to root: chown root /p"),
            ),
            (Settings, Folder, 0, 0o757, Some("chmod o-w /p")),
            (Settings, Folder, 0, 0o1777, None),
        ] {
            let judged = judged(wanted, kind, owner, mode);
            assert_eq!(judged.as_deref(), remedy, "{wanted:?} {owner} {mode:o}");
        }
        assert!(judged(Socket, File, 1000, 0o600).is_some(), "no socket");
    }
}
