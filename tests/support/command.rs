//! The program as a command: no terminal, a folder of its own, and nothing of this machine's settings.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::NO_SETTINGS;
pub use crate::{PASSWORD, REASON};

/// A folder in which the program keeps everything.
pub struct Place {
    folder: TempDir,
}

/// What became of a command.
pub struct Done {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::write(folder.path().join(NO_SETTINGS), "").unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The program with its data in this place.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command
            .env("LPSE_KIOSK_DATA", self.path("data"))
            .env("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", self.path("etc/key"));
        command
    }

    /// The program with nothing set but a home folder, and in place of this machine's configuration file an empty one.
    pub fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::program());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("LPSE_KIOSK_CONFIG", self.path(NO_SETTINGS))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Done {
        done(&mut self.program(arguments))
    }

    /// Runs a command with `input` as its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Done {
        let mut command = self.program(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // A command that refuses its arguments does not read; that is no failure of the test.
        let _ = child.stdin.take().unwrap().write_all(input);
        Done::from(child.wait_with_output().unwrap())
    }

    pub fn add(&self, user_id: &str, user_type: &str) -> Done {
        let email = format!("{}@contoh.go.id", user_id.to_lowercase());
        let arguments = [
            "user",
            "add",
            user_id,
            "--type",
            user_type,
            "--name",
            "Siti Rahmawati",
            "--email",
            &email,
        ];
        self.run_with(&arguments, format!("{PASSWORD}\n").as_bytes())
    }

    pub fn show(&self, user_id: &str, user_type: &str) -> Value {
        self.run(&["user", "show", user_id, "--type", user_type, "--json"])
            .ok()
            .json()
    }

    /// All IDs, in the order in which they are listed.
    pub fn listed(&self) -> Vec<String> {
        let lines = self.run(&["user", "list", "--json"]).ok().json_lines();
        let id = |line: &Value| line["user_id"].as_str().unwrap().to_owned();
        lines.iter().map(id).collect()
    }

    pub fn import(&self, content: impl AsRef<[u8]>) -> Done {
        let file = self.write("accounts.csv", content);
        self.run(&["user", "import", shown(&file)])
    }
}

impl Done {
    /// Fails the test unless the command was carried out and said nothing on standard error.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{}", self.out);
        self
    }

    /// Fails the test unless the command ended with `status`, printed nothing, and told every one of `words`.
    #[track_caller]
    pub fn refused(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, status, "{}{}", self.out, self.err);
        assert_eq!(self.out, "", "{}", self.err);
        for word in words {
            assert!(
                self.err.contains(word),
                "{word:?} is missing in:\n{}",
                self.err
            );
        }
        assert!(
            !self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"),
            "{}",
            self.err
        );
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("one JSON value")
    }

    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a JSON value a line"))
            .collect()
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("no signal ended the program"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

pub fn done(command: &mut Command) -> Done {
    Done::from(command.output().expect("the program starts"))
}

pub fn shown(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
