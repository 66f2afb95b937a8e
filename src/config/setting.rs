//! Every setting there is, declared once: the file's sections, the names of the environment variables, what is
//! allowed, the manual's table, the template and the help all derive from [`SETTINGS`].

mod letters;
mod serving;
mod store;

use std::sync::LazyLock;

use tracing::level_filters::LevelFilter;

use super::{
    declaration::{Section, Setting},
    notation::{Refusal, TOO_HASTY, line, minutes, number, path, seconds, text, word},
    serving::LogFormat,
    theme::{THEMES, ThemeChoice},
};
use crate::domain::{calendar::Zone, language::Language, password::HashCost, provisioning::Issuer};

/// Every setting there is, section by section.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let sections = [
        office(),
        kiosk(),
        totp(),
        password(),
        store::store(),
        keys(),
        letters::mail(),
        letters::web(),
        letters::reset(),
        serving::ssh(),
        serving::metrics(),
        log(),
        audit(),
    ];
    sections.into_iter().flatten().collect()
});

const LEFT_OPEN: &str = "too weak, the next person at the terminal would find it open";
const WEAK_HASH: &str =
    "too weak, whoever steals the store could try too many passwords per second";
const SLOW_HASH: &str = "one login would take the whole machine";

fn office() -> Vec<Setting> {
    let office = Section("office");
    vec![
        office.setting(
            "name",
            "the LPSE's name in the header",
            line(48),
            |config| &mut config.office,
        ),
        office.setting(
            "zone",
            "the time zone of the dates on the screens",
            word::<Zone>("WIB, WITA or WIT"),
            |config| &mut config.zone,
        ),
        office.setting(
            "language",
            "the language of a fresh menu; F2 switches it",
            word::<Language>("id or en"),
            |config| &mut config.language,
        ),
        office
            .setting(
                "banner",
                "what the office says on the menu in a sentence or two, such as when it is open",
                line(180),
                |config| &mut config.banner,
            )
            .usually(
                "nothing",
                "Senin sampai Jumat, 08.00 sampai 15.00 WIB. Balai Kota, lantai 2.",
            ),
    ]
}

fn kiosk() -> Vec<Setting> {
    let kiosk = Section("kiosk");
    vec![
        kiosk
            .setting(
                "terminal",
                "this terminal's name in activities and in the audit log",
                line(32),
                |config| &mut config.terminal,
            )
            .usually("the terminal device's name, such as tty1", "loket-1"),
        kiosk.setting(
            "theme",
            "the colours of the screens, or the file of the office's own; a terminal without colours shows none",
            text(THEMES, ThemeChoice::read),
            |config| &mut config.theme,
        ),
        kiosk.setting(
            "idle_seconds",
            "without a key for this long, somebody logged in is logged out",
            seconds(20..=120).below(TOO_HASTY).above(LEFT_OPEN),
            |config| &mut config.idle.logged_in,
        ),
        kiosk.setting(
            "half_typed_seconds",
            "without a key for this long, a half-typed form is cleared",
            seconds(10..=60).below(TOO_HASTY).above(LEFT_OPEN),
            |config| &mut config.idle.half_typed,
        ),
        kiosk.setting(
            "warning_seconds",
            "a warning counts down for this long before, or for half that time where it is shorter",
            seconds(5..=30)
                .below(TOO_HASTY)
                .and("less than idle_seconds"),
            |config| &mut config.idle.warning,
        ),
        kiosk.setting(
            "visit_minutes",
            "a visit lasts no longer than this in all, keys or not",
            minutes(5..=60).below(TOO_HASTY).above(LEFT_OPEN),
            |config| &mut config.idle.in_all,
        ),
    ]
}

fn totp() -> Vec<Setting> {
    let totp = Section("totp");
    vec![totp.setting(
        "issuer",
        "the service's name in the phone's list",
        text("1 to 16 letters, digits, dots or hyphens", |text| {
            Issuer::parse(text).map_err(|_| Refusal::Form)
        }),
        |config| &mut config.issuer,
    )]
}

fn password() -> Vec<Setting> {
    let password = Section("password");
    let (least, most) = (HashCost::MIN, HashCost::MAX);
    vec![
        password.setting(
            "memory_kib",
            "memory of one Argon2id hash, in KiB",
            number(least.memory_kib..=most.memory_kib)
                .below(WEAK_HASH)
                .above(SLOW_HASH),
            |config| &mut config.hash_cost.memory_kib,
        ),
        password.setting(
            "iterations",
            "passes of one Argon2id hash",
            number(least.iterations..=most.iterations)
                .below(WEAK_HASH)
                .above(SLOW_HASH),
            |config| &mut config.hash_cost.iterations,
        ),
        password.setting(
            "parallelism",
            "lanes of one Argon2id hash",
            number(least.parallelism..=most.parallelism),
            |config| &mut config.hash_cost.parallelism,
        ),
        password
            .setting(
                "threads",
                "threads that hash passwords",
                number(1..=256_usize),
                |config| &mut config.hash_threads,
            )
            .usually("as many as cores", "2"),
        password.setting(
            "queue",
            "hashes that may wait before people are told that it is busy, and as many from addresses where nobody has \
             logged in",
            number(1..=4096_usize),
            |config| &mut config.hash_queue,
        ),
    ]
}

fn keys() -> Vec<Setting> {
    let keys = Section("keys");
    vec![
        keys.setting(
            "master_key_file",
            "the master key, outside the data folder; created for a new store",
            path(),
            |config| &mut config.master_key_file,
        )
        .usually(
            "master-key in $CREDENTIALS_DIRECTORY if it is there, else /etc/lpse-kiosk/master.key for the service's data folder, else \
             $XDG_CONFIG_HOME/lpse-kiosk/master.key",
            "/etc/lpse-kiosk/master.key",
        ),
    ]
}

fn log() -> Vec<Setting> {
    let log = Section("log");
    vec![
        log.setting("file", "the program's own log", path(), |config| {
            &mut config.log
        })
        .usually(
            "lpse-kiosk.log in the data folder; of `serve` without a terminal, standard error",
            "/var/log/lpse-kiosk/lpse-kiosk.log",
        )
        .in_force(|config| Some(config.log_file().display().to_string())),
        log.setting(
            "format",
            "how the program's own log is written",
            word::<LogFormat>("text, json or journald"),
            |config| &mut config.log_format,
        )
        .usually("journald under systemd, else text", "journald"),
        log.setting(
            "level",
            "how much the program's own log tells",
            text("error, warn, info or debug", |text| match text {
                "error" => Ok(LevelFilter::ERROR),
                "warn" => Ok(LevelFilter::WARN),
                "info" => Ok(LevelFilter::INFO),
                "debug" => Ok(LevelFilter::DEBUG),
                // Not "trace", which would log more than anybody has reviewed.
                _ => Err(Refusal::Form),
            }),
            |config| &mut config.log_level,
        ),
    ]
}

fn audit() -> Vec<Setting> {
    let audit = Section("audit");
    vec![
        audit
            .setting(
                "file",
                "the audit log: who did what, when, from where, with what outcome",
                path(),
                |config| &mut config.audit,
            )
            .usually(
                "audit.jsonl in the data folder",
                "/var/lib/lpse-kiosk/audit.jsonl",
            )
            .in_force(|config| Some(config.audit_file().display().to_string())),
        audit.setting(
            "rotate_mib",
            "a file of the audit log that is as large as this, in MiB, is put aside under its first record's number; \
             none is ever deleted",
            number(1..=4096_u64).above("too large to look at, and to move elsewhere"),
            |config| &mut config.audit_rotate_mib,
        ),
        audit
            .setting(
                "checkpoints",
                "a folder for signed checkpoints of the audit log, best on another machine's disk; one that is named here \
                 has to be there",
                path(),
                |config| &mut config.audit_checkpoints,
            )
            .usually("checkpoints in the data folder", "/mnt/checkpoints/loket-1")
            .in_force(|config| Some(config.checkpoints_folder().display().to_string())),
    ]
}
