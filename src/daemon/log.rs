//! The program's own log: where it goes, in which form, and what never gets into it.
//!
//! Architecture invariant: nothing is ever written to a terminal that shows the kiosk, and nothing that people typed
//! acts on whoever reads the log. Other people's code has no say in how much is told: some of it describes every byte
//! it handles, passwords included, once it is asked for details. Its records reach the log from `warn` upwards, those
//! of the SSH library not at all; what is said through the `log` crate is not listened to.

use std::{
    env,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustix::fs::fstat;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry, filter::Targets, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan,
    reload,
};

use crate::{
    config::{Config, LogFormat},
    domain::identity::is_disguise,
};

/// By which the journal tells our lines from others'.
const IDENTIFIER: &str = "lpse-kiosk";

/// Why there is no log, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "the log {0} cannot be written: {1}; make its folder, or name another file in [log] file"
    )]
    File(String, io::Error),
    #[error(
        "the log cannot go to systemd's journal, which does not answer at /run/systemd/journal/socket: {0}; \
         start systemd-journald, or choose text or json in [log] format (or --log-format)"
    )]
    NoJournal(io::Error),
    #[error(
        "the log cannot go to systemd's journal and to the file {0} too; leave out [log] file, or choose text or json \
         in [log] format (or --log-format)"
    )]
    JournalOrFile(String),
}

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    File(PathBuf),
    StandardError,
    /// systemd's journal, over its own socket.
    Journal,
}

impl Destination {
    /// What the settings say. A kiosk's terminal is never a place for the log, and standard error may lead to it.
    fn choose(
        config: &Config,
        on_a_terminal: bool,
        under_the_journal: bool,
    ) -> Result<Self, LogError> {
        match (config.log_format, config.named_log_file()) {
            (Some(LogFormat::Journald), Some(file)) => {
                Err(LogError::JournalOrFile(file.display().to_string()))
            }
            (Some(LogFormat::Journald), None) => Ok(Self::Journal),
            (_, Some(file)) => Ok(Self::File(file.to_owned())),
            (None, None) if under_the_journal => Ok(Self::Journal),
            (_, None) if on_a_terminal => Ok(Self::File(config.log_file())),
            (_, None) => Ok(Self::StandardError),
        }
    }
}

/// The running log.
#[derive(Debug)]
pub struct Log {
    destination: Destination,
    level: reload::Handle<Targets, Registry>,
    sink: Option<Arc<Sink>>,
}

/// Starts the log of this process. `on_a_terminal` says that this process shows a kiosk on its own terminal.
pub fn start(config: &Config, on_a_terminal: bool) -> Result<Log, LogError> {
    let destination = Destination::choose(config, on_a_terminal, standard_error_is_the_journal())?;
    let (subscriber, log) = prepare(config, destination)?;
    // There is one already only where a test has set it.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(log)
}

/// Whoever runs a command is told what the kiosk would write to its log, an audit log that cannot be written for one.
pub fn warnings_to_standard_error() {
    let sink = Arc::new(Sink {
        to: RwLock::new(Outlet::StandardError),
        is_json: false,
    });
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .log_internal_errors(false)
        .with_writer(Outgoing(sink));
    let subscriber = Registry::default()
        .with(targets(LevelFilter::WARN))
        .with(layer);
    // There is one already only where a test has set it.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// A panic goes to the log, by its place only: its words may hold what was typed, and the terminal shows the kiosk.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place = place.as_deref().unwrap_or("unknown"), "a panic");
    }));
}

impl Log {
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// From now on the log tells this much.
    pub fn set_level(&self, level: LevelFilter) {
        // It fails only when the log has ended; then there is nothing to set.
        let _ = self.level.reload(targets(level));
    }

    /// Goes on in a new file where the old one has been moved away, as logrotate does.
    pub fn reopen(&self) -> Result<(), LogError> {
        let (Destination::File(path), Some(sink)) = (&self.destination, &self.sink) else {
            return Ok(());
        };
        let file = open(path)?;
        *sink.to.write().unwrap_or_else(PoisonError::into_inner) = Outlet::File(file);
        Ok(())
    }
}

/// Who may say how much.
fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_target("russh", LevelFilter::OFF)
}

/// Whether systemd has connected standard error to the journal (systemd.exec(5), `JOURNAL_STREAM`). The variable alone
/// says nothing: a child inherits it, and its standard error may lead elsewhere.
fn standard_error_is_the_journal() -> bool {
    let Some(stream) = env::var("JOURNAL_STREAM").ok() else {
        return false;
    };
    fstat(rustix::stdio::stderr())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

fn prepare(
    config: &Config,
    destination: Destination,
) -> Result<(impl Subscriber + Send + Sync + use<>, Log), LogError> {
    let (filter, level) = reload::Layer::new(targets(config.log_level));
    let registry = Registry::default().with(filter);
    let outlet = match &destination {
        Destination::Journal => None,
        Destination::StandardError => Some(Outlet::StandardError),
        Destination::File(path) => {
            if path.starts_with(&config.data) {
                make_folder(&config.data)
                    .map_err(|error| LogError::File(path.display().to_string(), error))?;
            }
            Some(Outlet::File(open(path)?))
        }
    };
    let sink = outlet.map(|outlet| {
        Arc::new(Sink {
            to: RwLock::new(outlet),
            is_json: config.log_format == Some(LogFormat::Json),
        })
    });
    let form = match &sink {
        Some(sink) => lines(sink.clone()),
        None => journal()?,
    };
    let log = Log {
        destination,
        level,
        sink,
    };
    Ok((registry.with(form), log))
}

/// Lines for `sink`: of text, or of JSON.
fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(
    sink: Arc<Sink>,
) -> Box<dyn Layer<S> + Send + Sync> {
    let is_json = sink.is_json;
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        // It would tell of them on standard error, which may be the kiosk's screen.
        .log_internal_errors(false)
        .with_writer(Outgoing(sink));
    if is_json {
        let json = layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        Box::new(json)
    } else {
        Box::new(layer)
    }
}

/// Fields for the journal. They travel with their lengths, so that no content can pass for another field, and
/// journalctl shows no control character of theirs.
fn journal<S: Subscriber + for<'a> LookupSpan<'a>>()
-> Result<Box<dyn Layer<S> + Send + Sync>, LogError> {
    use tracing_journald::{Priority, PriorityMappings};
    let layer = tracing_journald::layer().map_err(LogError::NoJournal)?;
    let layer = layer
        .with_syslog_identifier(IDENTIFIER.to_owned())
        .with_field_prefix(Some("LPSE".to_owned()))
        .with_priority_mappings(PriorityMappings {
            info: Priority::Informational,
            debug: Priority::Debug,
            ..PriorityMappings::new()
        });
    Ok(Box::new(layer))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn open(path: &Path) -> Result<File, LogError> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| LogError::File(path.display().to_string(), error))
}

#[derive(Debug)]
enum Outlet {
    File(File),
    StandardError,
}

/// Takes whole lines, one a write, and makes them harmless.
#[derive(Debug)]
struct Sink {
    // Held for one write; taken alone only to change the file.
    to: RwLock<Outlet>,
    is_json: bool,
}

/// A way to the sink for one line.
#[derive(Debug, Clone)]
struct Outgoing(Arc<Sink>);

impl<'a> MakeWriter<'a> for Outgoing {
    type Writer = &'a Sink;

    fn make_writer(&'a self) -> &'a Sink {
        &self.0
    }
}

impl Write for &Sink {
    /// Always succeeds: a log that cannot be written, on a full disk for one, loses lines and breaks nothing.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let harmless = self.harmless(&String::from_utf8_lossy(line));
        let to = self.to.read().unwrap_or_else(PoisonError::into_inner);
        // In one write each, so that lines of several threads and processes do not mix.
        let _ = match &*to {
            Outlet::File(file) => (&mut &*file).write_all(harmless.as_bytes()),
            Outlet::StandardError => io::stderr().write_all(harmless.as_bytes()),
        };
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    /// One line, in which nothing acts on a terminal, reorders the text around it, or begins another line.
    fn harmless(&self, line: &str) -> String {
        let (text, end) = match line.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        let mut harmless = String::with_capacity(line.len());
        for c in text.chars() {
            if !is_disguise(c) {
                harmless.push(c);
            } else if self.is_json {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    harmless.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                harmless.extend(c.escape_default());
            }
        }
        harmless.push_str(end);
        harmless
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Flags;

    const HOSTILE: &str = "a\u{1b}[2Jb\nc\r\u{9b}1md\u{202e}e\u{e0041}\u{7f}\"\\";

    fn config(format: Option<LogFormat>, data: &Path) -> Config {
        let mut config = Config::default();
        config.data = data.to_owned();
        config.log_format = format;
        config
    }

    /// What `say` leaves in the log.
    fn logged(format: Option<LogFormat>, level: LevelFilter, say: impl Fn(&Log)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(format, folder.path());
        config.log_level = level;
        let (subscriber, log) = prepare(&config, Destination::File(config.log_file())).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            // Another test's thread may have been the first at a place that logs, and found nobody listening there.
            tracing::callsite::rebuild_interest_cache();
            say(&log);
        });
        fs::read_to_string(config.log_file()).unwrap()
    }

    #[test]
    fn what_people_typed_stays_within_its_line_and_acts_on_nobody() {
        for format in [None, Some(LogFormat::Text), Some(LogFormat::Json)] {
            let text = logged(format, LevelFilter::INFO, |_| {
                tracing::error!(reason = %HOSTILE, quoted = ?HOSTILE, plain = HOSTILE, "told: {HOSTILE}");
                tracing::warn!("the next line");
            });
            assert_eq!(text.lines().count(), 2, "{text}");
            let hidden = |c: char| c != '\n' && is_disguise(c);
            assert!(!text.contains(hidden), "{text:?}");
            assert!(text.contains("Jb") && text.contains("next line"), "{text}");
            if format == Some(LogFormat::Json) {
                let line: serde_json::Value =
                    serde_json::from_str(text.lines().next().unwrap()).unwrap();
                assert_eq!(line["level"], "ERROR");
                let at = line["timestamp"].as_str().unwrap();
                assert!(
                    at.parse::<jiff::Timestamp>().is_ok() && at.ends_with('Z'),
                    "{at}"
                );
                assert_eq!(line["plain"].as_str().map(str::len), Some(HOSTILE.len()));
                assert_eq!(line["plain"], HOSTILE);
            }
        }
    }

    #[test]
    fn others_have_no_say_in_how_much_is_told() {
        let text = logged(None, LevelFilter::DEBUG, |log| {
            tracing::debug!("ours in detail");
            tracing::info!(target: "hyper", "theirs in detail");
            tracing::warn!(target: "hyper", "their warning");
            tracing::error!(target: "russh::server", "a packet");
            log.set_level(LevelFilter::ERROR);
            tracing::warn!("ours, unheard");
            tracing::warn!(target: "hyper", "theirs, unheard");
            log.set_level(LevelFilter::INFO);
            tracing::info!("ours again");
        });
        let told = ["ours in detail", "their warning", "ours again"];
        assert!(told.iter().all(|words| text.contains(words)), "{text}");
        assert_eq!(text.lines().count(), told.len(), "{text}");
    }

    #[test]
    fn a_log_that_cannot_be_written_breaks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A full disk, as the kernel plays it.
        let (subscriber, _log) = prepare(
            &config(None, folder.path()),
            Destination::File("/dev/full".into()),
        )
        .unwrap();
        tracing::subscriber::with_default(subscriber, || tracing::error!("lost"));
    }

    #[test]
    fn a_journal_that_is_not_there_is_told_clearly() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(Some(LogFormat::Journald), folder.path());
        match prepare(&config, Destination::Journal) {
            Ok(_) => assert!(Path::new("/run/systemd/journal/socket").exists()),
            Err(error) => assert!(
                error.to_string().contains("start systemd-journald"),
                "{error}"
            ),
        }
        let refused = LogError::JournalOrFile("/var/log/lpse.log".into()).to_string();
        assert!(refused.contains("leave out [log] file"), "{refused}");
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let moved = folder.path().join("lpse-kiosk.log.1");
        let config = config(None, folder.path());
        let (subscriber, log) = prepare(&config, Destination::File(config.log_file())).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::callsite::rebuild_interest_cache();
            tracing::error!("before");
            fs::rename(config.log_file(), &moved).unwrap();
            log.reopen().unwrap();
            tracing::error!("after");
        });
        let (old, new) = (
            fs::read_to_string(moved),
            fs::read_to_string(config.log_file()),
        );
        assert!(old.unwrap().contains("before") && new.unwrap().contains("after"));
    }

    #[test]
    fn a_terminal_that_shows_a_kiosk_is_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let beside = Destination::File(data.join("lpse-kiosk.log"));
        let file = folder.path().join("config.toml");
        fs::write(&file, "[log]\nfile = \"/var/log/lpse.log\"\n").unwrap();
        let named = Config::load_for_training(&Flags {
            config: Some(file),
            ..Flags::default()
        });
        // Training leaves the real service's log alone, whatever the file says.
        assert_eq!(named.unwrap().named_log_file(), None);
        for under_the_journal in [false, true] {
            for format in [
                None,
                Some(LogFormat::Text),
                Some(LogFormat::Json),
                Some(LogFormat::Journald),
            ] {
                let of = |on_a_terminal| {
                    Destination::choose(&config(format, data), on_a_terminal, under_the_journal)
                        .unwrap()
                };
                let journal = match format {
                    None => under_the_journal,
                    Some(format) => format == LogFormat::Journald,
                };
                if journal {
                    assert_eq!(
                        (of(true), of(false)),
                        (Destination::Journal, Destination::Journal)
                    );
                } else {
                    assert_eq!(
                        (of(true), of(false)),
                        (beside.clone(), Destination::StandardError)
                    );
                }
            }
        }
    }
}
