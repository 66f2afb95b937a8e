//! The file that a service's credential comes from at its next start, as systemd tells it.
//!
//! A service sees a copy, made at its start (systemd.exec(5), LoadCredential=). Whoever changes the original asks systemd
//! whether it is the original: a service that is started again must find what it was told meanwhile.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use zeroize::Zeroizing;

use super::file_owner::as_oneself;

/// Where systemd puts the credentials of the units that it starts, each in a folder of the unit's name.
const CREDENTIALS: &str = "/run/credentials";

const BUSCTL: &str = "/usr/bin/busctl";
const SYSTEMD_CREDS: &str = "/usr/bin/systemd-creds";

/// How systemd itself, and what it knows of a service, are called (org.freedesktop.systemd1(5)).
const MANAGER: &str = "org.freedesktop.systemd1";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// The file that a credential is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    File(PathBuf),
    /// It is encrypted, under the credential's name.
    Encrypted {
        name: String,
        file: PathBuf,
    },
}

impl CredentialSource {
    /// What the credential at `path` will be made of when its unit is started again.
    ///
    /// # Errors
    /// Why that cannot be said, for operators.
    pub fn of(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let found = path.strip_prefix(CREDENTIALS).ok().and_then(|below| {
            let (unit, name) = (below.parent()?.to_str()?, below.file_name()?.to_str()?);
            (!unit.is_empty() && !unit.contains('/')).then_some((unit, name))
        });
        let (unit, name) = found.ok_or_else(|| format!("{shown} is not in {CREDENTIALS}"))?;
        let mut ask = Command::new(BUSCTL);
        ask.args([
            "--json=short",
            "--timeout=10",
            "get-property",
            MANAGER,
            &object(unit),
            SERVICE,
        ])
        .args(["LoadCredential", "LoadCredentialEncrypted"]);
        let told = output(&mut ask)?;
        Self::told(&told.stdout, name)
            .ok_or_else(|| format!("systemd does not tell where {unit} gets its {name} from"))
    }

    /// What systemd has told of the credential `name`: a line for those from files as they are, one for encrypted ones.
    fn told(told: &[u8], name: &str) -> Option<Self> {
        let mut lines = std::str::from_utf8(told).ok()?.lines();
        let mut file = || {
            let Property { data } = serde_json::from_str(lines.next()?).ok()?;
            let file = data.into_iter().find(|(credential, _)| credential == name);
            // Others are looked for in folders of systemd's own.
            file.map(|(_, file)| file).filter(|file| file.is_absolute())
        };
        let (plain, encrypted) = (file(), file());
        plain.map(Self::File).or_else(|| {
            Some(Self::Encrypted {
                name: name.to_owned(),
                file: encrypted?,
            })
        })
    }

    /// Where it lies.
    pub fn file(&self) -> &Path {
        match self {
            Self::File(file) | Self::Encrypted { file, .. } => file,
        }
    }

    /// Whether it is the file at `path`, by whatever name.
    pub fn is_at(&self, path: &Path) -> bool {
        let id = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.dev(), found.ino()))
        };
        as_oneself(|| id(self.file()).is_some_and(|own| Some(own) == id(path)))
    }
}

/// A property of a service, as busctl writes it.
#[derive(serde::Deserialize)]
struct Property {
    data: Vec<(String, PathBuf)>,
}

/// Where systemd tells of the unit.
fn object(unit: &str) -> String {
    let escaped = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("_{byte:02x}"),
    };
    let escaped: String = unit.bytes().map(escaped).collect();
    format!("/org/freedesktop/systemd1/unit/{escaped}")
}

/// What the encrypted credential `name` in `file` holds, as systemd decrypts it on this machine.
///
/// # Errors
/// Why it does not, for operators.
pub fn decrypted(name: &str, file: &Path) -> Result<Zeroizing<String>, String> {
    let mut decrypt = Command::new(SYSTEMD_CREDS);
    decrypt.args(["decrypt", "--name", name, "--"]);
    let told = output(decrypt.arg(file).arg("-"))?;
    let text = Zeroizing::new(told.stdout);
    let text = std::str::from_utf8(&text).map_err(|_| format!("{} holds no text", file.display()));
    Ok(Zeroizing::new(text?.to_owned()))
}

/// What a program of systemd's says, which is to succeed.
fn output(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.env_clear().stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program} cannot be asked: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program}: {}", said.trim().replace('\n', "; ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_tells_of_a_unit_says_where_each_credential_comes_from() {
        let told = br#"{"type":"a(ss)","data":[["smtp-password","/etc/lpse-kiosk/smtp-password"],["master-key","/etc/lpse-kiosk/master.key"],["tls","store"]]}
{"type":"a(ss)","data":[["ssh-host-key","/etc/lpse-kiosk/host.cred"]]}
"#;
        let of = |name: &str| CredentialSource::told(told, name);
        let key = PathBuf::from("/etc/lpse-kiosk/master.key");
        assert_eq!(of("master-key"), Some(CredentialSource::File(key)));
        let encrypted = CredentialSource::Encrypted {
            name: "ssh-host-key".into(),
            file: "/etc/lpse-kiosk/host.cred".into(),
        };
        assert_eq!(of("ssh-host-key"), Some(encrypted));
        for unknown in ["tls", "master", "key"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        let none = br#"{"type":"a(ss)","data":[]}"#;
        assert_eq!(CredentialSource::told(none, "master-key"), None);
        assert_eq!(
            object("lpse-kiosk.service"),
            "/org/freedesktop/systemd1/unit/lpse_2dkiosk_2eservice"
        );
    }

    #[test]
    fn a_credential_of_no_unit_is_told_as_such() {
        for path in [
            "/home/kios/credentials/master-key",
            "/run/credentials/master-key",
            "/run/credentials/a/b/master-key",
        ] {
            let why = CredentialSource::of(Path::new(path)).unwrap_err();
            assert!(why.contains("/run/credentials"), "{why}");
        }
    }
}
