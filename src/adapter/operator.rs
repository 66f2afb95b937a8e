//! Who runs a command, by what the system says of its process.

use std::{env, fs};

use nix::unistd::{Uid, User};

use crate::domain::operator::Operator;

/// The login that a process came from is not known (`proc_pid_loginuid(5)`).
const NOBODY: u32 = u32::MAX;

/// What a process can tell of whom it works for.
#[derive(Debug, Clone, Copy, Default)]
struct Traces<'a> {
    /// The user by whose rights it works.
    user: u32,
    /// Who logged in, as the kernel has kept it since; `su` and `sudo` leave it as it is.
    login: Option<u32>,
    /// What `sudo` says of its caller: a name and a number.
    sudo: Option<(&'a str, &'a str)>,
    terminal: Option<&'a str>,
}

/// Who runs this process.
pub fn of_this_process() -> Operator {
    let variable = |name| env::var(name).ok();
    let (name, number) = (variable("SUDO_USER"), variable("SUDO_UID"));
    let terminal = terminal("self");
    Traces {
        user: rustix::process::geteuid().as_raw(),
        login: login("self"),
        sudo: name.as_deref().zip(number.as_deref()),
        terminal: terminal.as_deref(),
    }
    .operator(name_of)
}

/// Who runs the process `pid` of `user`, by nothing that it says itself.
pub fn of_peer(user: u32, pid: Option<i32>) -> Operator {
    let pid = pid.map(|pid| pid.to_string());
    let terminal = pid.as_deref().and_then(terminal);
    Traces {
        user,
        login: pid.as_deref().and_then(login),
        sudo: None,
        terminal: terminal.as_deref(),
    }
    .operator(name_of)
}

impl Traces<'_> {
    /// Who it is; `name_of` knows the names of accounts.
    fn operator(self, name_of: impl Fn(u32) -> String) -> Operator {
        let user = name_of(self.user);
        // Whoever is not root may say anything in the variables of their own process.
        let sudo = self.sudo.filter(|(name, number)| {
            let number: Option<u32> = number.parse().ok();
            self.user == 0 && number.is_some_and(|number| name_of(number) == *name)
        });
        let name = match (self.login, sudo) {
            (Some(login), _) => name_of(login),
            (None, Some((name, _))) => name.to_owned(),
            (None, None) => user.clone(),
        };
        Operator::new(&name, Some(&user), self.terminal)
    }
}

/// The name of a user of this machine, or their number where nobody knows it.
fn name_of(user: u32) -> String {
    match User::from_uid(Uid::from_raw(user)) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("uid-{user}"),
    }
}

fn login(process: &str) -> Option<u32> {
    let told = fs::read_to_string(format!("/proc/{process}/loginuid")).ok()?;
    told.trim().parse().ok().filter(|login| *login != NOBODY)
}

/// The terminal that a process is controlled from.
fn terminal(process: &str) -> Option<String> {
    terminal_in(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The terminal that the line of `proc_pid_stat(5)` names by its number. The program's name stands before it in brackets,
/// and may hold anything.
fn terminal_in(stat: &str) -> Option<String> {
    let (_, rest) = stat.rsplit_once(')')?;
    let number: i64 = rest.split_whitespace().nth(4)?.parse().ok()?;
    let number = u64::try_from(number).ok()?;
    let (major, minor) = (
        (number >> 8) & 0xfff,
        number & 0xff | (number >> 12) & 0xfff00,
    );
    // Documentation/admin-guide/devices.txt of the kernel.
    match (major, minor) {
        (4, 0..64) => Some(format!("tty{minor}")),
        (4, _) => Some(format!("ttyS{}", minor - 64)),
        (136..=143, _) => Some(format!("pts/{}", (major - 136) * 256 + minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(user: u32) -> String {
        match user {
            0 => "root".into(),
            1000 => "siti".into(),
            1001 => "budi".into(),
            other => format!("uid-{other}"),
        }
    }

    #[test]
    fn who_logged_in_goes_before_what_sudo_says_and_that_before_whose_process_it_is() {
        let sudo = Some(("siti", "1000"));
        for (user, login, sudo, told) in [
            (0, None, None, "root"),
            (1000, None, None, "siti"),
            (0, Some(1001), sudo, "budi (as root)"),
            (0, Some(0), sudo, "root"),
            (0, None, sudo, "siti (as root)"),
            (65_534, Some(1000), None, "siti (as uid-65534)"),
        ] {
            let traces = Traces {
                user,
                login,
                sudo,
                terminal: None,
            };
            assert_eq!(traces.operator(named).to_string(), told);
        }
    }

    #[test]
    fn sudo_is_believed_of_root_alone_and_where_name_and_number_agree() {
        for (user, sudo) in [
            (1001, ("siti", "1000")),
            (0, ("siti", "1001")),
            (0, ("siti", "")),
            (0, ("siti", "-1")),
            (0, ("mallory", "4711")),
        ] {
            let traces = Traces {
                user,
                sudo: Some(sudo),
                ..Traces::default()
            };
            assert_eq!(traces.operator(named).to_string(), named(user), "{sudo:?}");
        }
    }

    #[test]
    fn a_terminal_is_named_as_the_system_names_it() {
        let of = |number: i64| terminal_in(&format!("7 (a) b (c) S 1 7 7 {number} 7 0 0"));
        assert_eq!(of(0), None, "none");
        assert_eq!(of(-1), None);
        assert_eq!(of(4 << 8 | 1).as_deref(), Some("tty1"));
        assert_eq!(of(4 << 8 | 64).as_deref(), Some("ttyS0"));
        assert_eq!(of(136 << 8 | 3).as_deref(), Some("pts/3"));
        assert_eq!(of(137 << 8 | 2).as_deref(), Some("pts/258"));
        assert_eq!(terminal_in("garbled"), None);
    }
}
