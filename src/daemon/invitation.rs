//! How people come in, told when they can to whoever has started `serve`: at their terminal, or in the log.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
};

use super::log::Destination;
use crate::config::Config;

/// Where it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// In plain words on standard error, where somebody sees it.
    at_a_shell: bool,
    in_the_log: bool,
}

impl Telling {
    /// `has_kiosk` says that this process shows a kiosk on its own terminal, on which nothing else is written.
    pub fn choose(has_kiosk: bool, log: Option<&Destination>) -> Self {
        let at_a_shell = !has_kiosk && io::stderr().is_terminal();
        Self {
            at_a_shell,
            // Not twice at the same place.
            in_the_log: !(at_a_shell && log == Some(&Destination::StandardError)),
        }
    }

    /// Tells that people can come in at `places`, to a host with this key.
    pub fn tell(self, config: &Config, places: &[SocketAddr], fingerprint: &str, machine: &str) {
        let lines = lines(config, places, fingerprint, machine);
        if self.in_the_log {
            for line in &lines {
                tracing::info!("{line}");
            }
        }
        if self.at_a_shell {
            let text = lines.join("\n");
            // A terminal that has gone is no reason not to serve.
            let _ = writeln!(io::stderr(), "{text}\nCtrl-C ends it; people may finish.");
        }
    }
}

fn lines(config: &Config, places: &[SocketAddr], fingerprint: &str, machine: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for place in places {
        let host = match place.ip().is_unspecified() {
            true => machine.to_owned(),
            false => place.ip().to_string(),
        };
        let port = match place.port() {
            22 => String::new(),
            port => format!("-p {port} "),
        };
        let line = format!("People come in with: ssh {port}lpse@{host}");
        // IPv4 and IPv6 are two places, and one command.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.push(format!(
        "They compare the host key at their first connection: {fingerprint}"
    ));
    if let (Some(_), Some(base_url)) = (config.web.listen, &config.web.base_url) {
        lines.push(format!("The page of the letters' links: {base_url}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_in_is_told_once_and_as_it_is_typed() {
        let told = |places: &[&str]| {
            let places: Vec<SocketAddr> = places.iter().map(|at| at.parse().unwrap()).collect();
            lines(&Config::default(), &places, "SHA256:x", "loket-1")
        };
        assert_eq!(
            told(&["0.0.0.0:2222", "[::]:2222", "10.0.0.11:22", "[::1]:2223"]),
            [
                "People come in with: ssh -p 2222 lpse@loket-1",
                "People come in with: ssh lpse@10.0.0.11",
                "People come in with: ssh -p 2223 lpse@::1",
                "They compare the host key at their first connection: SHA256:x",
            ]
        );
    }
}
