//! The settings of what is served besides the terminal, as they are declared: SSH, and monitoring.

use crate::config::{
    declaration::{Section, Setting},
    notation::{TOO_HASTY, line, list, minutes, networks, number, path, seconds, word},
    serving::{MetricsPlace, places},
};

const HELD_BY_STRANGERS: &str = "strangers would hold places";

pub fn ssh() -> Vec<Setting> {
    let ssh = Section("ssh");
    let mut settings = vec![
        ssh.setting(
            "listen",
            "where `serve` listens for SSH",
            list("addresses with ports, commas between them", places),
            |config| &mut config.ssh.listen,
        ),
        ssh.setting(
            "proxies",
            "balancers that speak the PROXY protocol: SSH connections from there begin with a header that tells the \
             caller's address, or are refused",
            networks(),
            |config| &mut config.ssh.proxies,
        )
        .usually("none", "10.0.0.10"),
        ssh.setting(
            "host_key",
            "file with the SSH host key, created if there is none; or the systemd credential ssh-host-key",
            path(),
            |config| &mut config.ssh.host_key,
        )
        .usually(
            "ssh_host_ed25519_key in the data folder",
            "/var/lib/lpse-kiosk/ssh_host_ed25519_key",
        )
        .in_force(|config| Some(config.host_key_file().display().to_string())),
    ];
    settings.extend(crowd(ssh));
    settings
}

/// How many come in over SSH, and for how long.
fn crowd(ssh: Section) -> [Setting; 7] {
    [
        ssh.setting(
            "sessions",
            "SSH connections in all; when they are taken, the oldest that has not logged in gives way",
            number(1..=20_000_usize),
            |config| &mut config.ssh.sessions,
        ),
        ssh.setting(
            "sessions_per_source",
            "SSH connections of one source, which is an IPv4 address or an IPv6 /64",
            number(1..=20_000_usize),
            |config| &mut config.ssh.sessions_per_source,
        ),
        ssh.setting(
            "startups",
            "SSH connections in all that have not come as far as a screen",
            number(1..=1000_usize).above("each may cost 256 KiB"),
            |config| &mut config.ssh.startups,
        ),
        ssh.setting(
            "login_seconds",
            "an SSH session that nobody has logged in at ends after this long",
            seconds(30..=600).below(TOO_HASTY).above(HELD_BY_STRANGERS),
            |config| &mut config.ssh.before_login,
        ),
        ssh.setting(
            "session_minutes",
            "an SSH session ends after this long in all",
            minutes(15..=480).below(TOO_HASTY).above(HELD_BY_STRANGERS),
            |config| &mut config.ssh.in_all,
        ),
        ssh.setting(
            "grace_seconds",
            "how long people may finish when `serve` is to leave",
            seconds(0..=300).above("the machine wants to go down before"),
            |config| &mut config.ssh.grace,
        ),
        ssh.setting(
            "penalty_seconds",
            "a source whose SSH connections misbehave is refused for no longer than this; 0 refuses none",
            seconds(0..=3600).above("a whole office may share one address"),
            |config| &mut config.ssh.longest_penalty,
        ),
    ]
}

pub fn metrics() -> Vec<Setting> {
    let metrics = Section("metrics");
    vec![
        metrics
            .setting(
                "listen",
                "where health and Prometheus metrics are told; with an address that other machines reach, token_file, \
                 certificate and key must be set too",
                word::<MetricsPlace>(
                    "an address and a port, such as 127.0.0.1:9464, or unix: and the absolute path of a socket",
                ),
                |config| &mut config.metrics.listen,
            )
            .usually("nowhere", "127.0.0.1:9464"),
        metrics
            .setting(
                "group",
                "the group whose members may connect to the socket of [metrics] listen, besides its owner and root",
                line(32),
                |config| &mut config.metrics.group,
            )
            .usually("none", "telegraf"),
        metrics
            .setting(
                "token_file",
                "file with the token that monitoring has to show (Authorization: Bearer), at least 32 characters, readable \
                 by its owner alone",
                path(),
                |config| &mut config.metrics.token_file,
            )
            .usually("none", "/etc/lpse-kiosk/metrics.token"),
        metrics
            .setting(
                "certificate",
                "the certificate chain (PEM) by which metrics are told over TLS",
                path(),
                |config| &mut config.metrics.certificate_file,
            )
            .usually("none", "/etc/lpse-kiosk/metrics.pem"),
        metrics
            .setting(
                "key",
                "that certificate's key (PEM), readable by its owner alone",
                path(),
                |config| &mut config.metrics.key_file,
            )
            .usually("none", "/etc/lpse-kiosk/metrics.key"),
    ]
}
