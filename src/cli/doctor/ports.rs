//! The places where people and monitoring come in: free for us, or ours already.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::finding::Finding;
use crate::{
    config::{Config, MetricsPlace},
    domain::network::Networks,
    frontend::socket_file::SocketFile,
};

/// How `serve` begins (RFC 4253 section 4.2).
const OUR_GREETING: &str = "SSH-2.0-lpse-kiosk";

/// The place where monitoring asks.
const METRICS: &str = "metrics-port";

/// A server that runs greets at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was found at an address.
#[derive(Debug)]
enum Found {
    Free,
    /// Somebody listens; what they say first, where that was listened to.
    Taken(Option<String>),
    Refused(io::Error),
}

pub async fn examine(config: &Config, is_running: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for address in &config.ssh.listen {
        let found = match look(*address) {
            Found::Taken(_) => Found::Taken(greeting(*address, &config.ssh.proxies).await),
            found => found,
        };
        findings.push(judge(
            "ssh-port",
            "[ssh] listen",
            *address,
            &found,
            is_running,
        ));
    }
    let metrics = match &config.metrics.listen {
        Some(MetricsPlace::Address(address)) => Some(*address),
        Some(MetricsPlace::Socket(path)) => {
            findings.push(judge_socket(path, SocketFile::find_free(path), is_running));
            None
        }
        None => None,
    };
    let others = [
        ("web-port", "[web] listen", config.web.listen),
        (METRICS, "[metrics] listen", metrics),
    ];
    for (name, setting, address) in others {
        if let Some(address) = address {
            findings.push(judge(name, setting, address, &look(address), is_running));
        }
    }
    findings
}

/// Takes the address for an instant: that alone says whether the kiosk could.
fn look(address: SocketAddr) -> Found {
    match TcpListener::bind(address) {
        Ok(_) => Found::Free,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Found::Taken(None),
        Err(error) => Found::Refused(error),
    }
}

/// The first words of an SSH server at `address`, which hears a PROXY header first where it takes this machine for one of
/// `proxies`.
async fn greeting(mut address: SocketAddr, proxies: &Networks) -> Option<String> {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let heard = timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        if proxies.holds(stream.local_addr().ok()?.ip()) {
            // Nobody's connection: a look whether all is well.
            stream.write_all(b"PROXY UNKNOWN\r\n").await.ok()?;
        }
        let mut heard = Vec::new();
        while !heard.contains(&b'\n') && heard.len() < 255 {
            let mut part = [0; 64];
            let count = stream
                .read(&mut part)
                .await
                .ok()
                .filter(|count| *count > 0)?;
            heard.extend_from_slice(part.get(..count)?);
        }
        let line = heard
            .split(|byte| *byte == b'\r' || *byte == b'\n')
            .next()?;
        Some(String::from_utf8_lossy(line).into_owned())
    });
    heard.await.ok().flatten()
}

/// The socket where health and metrics are told, by what came of looking for a place for it.
fn judge_socket(path: &Path, found: io::Result<()>, is_running: bool) -> Finding {
    let shown = path.display();
    let failed = |what: String| {
        Finding::failure(
            METRICS,
            what,
            "Give the folder of [metrics] listen to whoever runs lpse-kiosk, or name another path.",
        )
    };
    match found {
        Ok(()) if path.parent().is_some_and(Path::is_dir) => {
            Finding::ok(METRICS, format!("nobody listens at {shown}"))
        }
        Ok(()) => failed(format!("there is no folder for the socket {shown}")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_running => {
            Finding::ok(METRICS, format!("{shown} is in use while lpse-kiosk runs"))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            failed(format!("another program listens at {shown}"))
        }
        Err(error) => failed(format!("{shown} cannot be listened at: {error}")),
    }
}

fn judge(
    name: &'static str,
    setting: &str,
    address: SocketAddr,
    found: &Found,
    is_running: bool,
) -> Finding {
    let port = address.port();
    let what_to_do =
        format!("See who it is: ss -ltnp 'sport = :{port}'. Free it, or change {setting}.");
    let greeted = match found {
        Found::Taken(Some(greeting)) => greeting.as_str(),
        _ => "",
    };
    match (found, is_running) {
        (Found::Free, true) => Finding::ok(
            name,
            format!("{address} is free: the running lpse-kiosk does not listen there"),
        ),
        (Found::Free, false) => Finding::ok(name, format!("{address} is free")),
        (Found::Taken(_), true) if name != "ssh-port" => {
            Finding::ok(name, format!("{address} is in use while lpse-kiosk runs"))
        }
        (Found::Taken(_), true) if greeted == OUR_GREETING => {
            Finding::ok(name, format!("{address} is served by lpse-kiosk"))
        }
        (Found::Taken(_), _) if !greeted.is_empty() => Finding::failure(
            name,
            format!("{address} is held by another program, which says {greeted:?}"),
            what_to_do,
        ),
        (Found::Taken(_), _) => Finding::failure(
            name,
            format!("{address} is held by another program"),
            what_to_do,
        ),
        (Found::Refused(error), _) => Finding::failure(
            name,
            format!("{address} cannot be listened at: {error}"),
            format!(
                "Name an address of this machine in {setting}; a port under 1024 needs CAP_NET_BIND_SERVICE."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn a_socket_wants_a_folder_and_nobody_else_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sock");
        let nowhere = folder.path().join("nowhere/metrics.sock");
        let taken = || Err(io::ErrorKind::AddrInUse.into());
        for (path, found, is_running, status) in [
            (&path, Ok(()), false, Status::Ok),
            (&nowhere, Ok(()), false, Status::Failure),
            (&path, taken(), true, Status::Ok),
            (&path, taken(), false, Status::Failure),
            (
                &path,
                Err(io::ErrorKind::AlreadyExists.into()),
                true,
                Status::Failure,
            ),
        ] {
            let judged = judge_socket(path, found, is_running);
            assert_eq!(judged.status, status, "{judged:?}");
        }
    }

    #[test]
    fn a_port_is_ours_or_free_or_a_failure() {
        let taken = |greeting: &str| Found::Taken(Some(greeting.to_owned()));
        for (found, is_running, status) in [
            (Found::Free, false, Status::Ok),
            (Found::Free, true, Status::Ok),
            (taken(OUR_GREETING), true, Status::Ok),
            // Ours by name, but not by this data folder.
            (taken(OUR_GREETING), false, Status::Failure),
            (taken("SSH-2.0-OpenSSH_9.2p1"), true, Status::Failure),
            (Found::Taken(None), true, Status::Failure),
            (
                Found::Refused(io::ErrorKind::PermissionDenied.into()),
                false,
                Status::Failure,
            ),
        ] {
            let address = SocketAddr::from(([0, 0, 0, 0], 2222));
            let judged = judge("ssh-port", "[ssh] listen", address, &found, is_running);
            assert_eq!(judged.status, status, "{found:?} {is_running}");
        }
    }
}
