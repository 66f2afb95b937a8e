//! Passwords for commands: asked for twice without echo on a terminal, else the first line of standard input. Never by
//! an argument or a variable, which other processes can read.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    os::fd::AsFd,
};

use zeroize::Zeroizing;

use super::{echo::NoEcho, error::CliError};
use crate::domain::{AccountKey, EmailAddress, PersonName, PlainPassword};

/// Longest line read; a password of 128 characters is shorter in every form of Unicode.
const LONGEST_LINE: usize = 8 * 1024;

/// A password that may become the account's.
pub fn new(
    key: &AccountKey,
    name: &PersonName,
    email: &EmailAddress,
) -> Result<PlainPassword, CliError> {
    let typed = if io::stdin().is_terminal() {
        asked(&["Password: ", "Password again: "])?.map_err(|why| refused(&why))?
    } else {
        first_line()?
    };
    let context = [key.user_id.as_str(), name.as_str(), email.as_str()];
    PlainPassword::handed(&typed, &context).map_err(|error| refused(&error.to_string()))
}

/// What is typed without echo at every one of `prompts`, the same each time; else why not.
pub fn asked(prompts: &[&str]) -> Result<Result<Zeroizing<String>, String>, CliError> {
    let unusable = |error: io::Error| format!("the terminal cannot be used for it: {error}");
    let _silent = match NoEcho::begin() {
        Ok(silent) => silent,
        Err(error) => return Ok(Err(unusable(error))),
    };
    let mut first: Option<Zeroizing<String>> = None;
    for prompt in prompts {
        let typed = match rpassword::prompt_password(prompt) {
            Ok(typed) => Zeroizing::new(typed),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(CliError::Interrupted);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Err("nothing was typed".into()));
            }
            Err(error) => return Ok(Err(unusable(error))),
        };
        match &first {
            Some(first) if *first != typed => return Ok(Err("the two entries differ".into())),
            _ => first = Some(typed),
        }
    }
    Ok(first.ok_or_else(|| "nothing was asked".into()))
}

/// The first line of standard input, read without the standard library's buffer, which is never wiped.
fn first_line() -> Result<Zeroizing<String>, CliError> {
    let unreadable = |error: io::Error| refused(&format!("standard input: {error}"));
    let input = io::stdin().as_fd().try_clone_to_owned();
    let mut input = File::from(input.map_err(unreadable)?);
    let mut line = Zeroizing::new(vec![0; LONGEST_LINE]);
    let mut length = 0;
    loop {
        if length == line.len() {
            return Err(refused("the first line of standard input is too long"));
        }
        let read = match input.read(&mut line[length..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        let end = line[length..length + read]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| length + at);
        length += read;
        if read == 0 && length == 0 {
            return Err(refused(
                "standard input is empty; give the password as its first line",
            ));
        }
        if read == 0 || end.is_some() {
            let line = &line[..end.unwrap_or(length)];
            return Ok(Zeroizing::new(line_of(line).map_err(refused)?.to_owned()));
        }
    }
}

/// The text of a line without its end, and without the mark that some editors put before text in UTF-8.
fn line_of(line: &[u8]) -> Result<&str, &'static str> {
    if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") || line.contains(&0) {
        return Err("standard input is UTF-16 text, as PowerShell's > writes it; save it as UTF-8");
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    std::str::from_utf8(line).map_err(|_| {
        "the first line of standard input is not UTF-8 text; save the file as UTF-8, or type plain letters"
    })
}

fn refused(why: &str) -> CliError {
    CliError::Refused(format!("the password was not set: {why}"))
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_line_is_its_text_without_what_editors_put_around_it() {
        for line in [
            "kuda hijau",
            "kuda hijau\r",
            "\u{feff}kuda hijau",
            "\u{feff}kuda hijau\r",
        ] {
            assert_eq!(line_of(line.as_bytes()), Ok("kuda hijau"), "{line:?}");
        }
        // Within the line nothing is taken away: what was not meant there is refused as part of the password.
        assert_eq!(line_of("kuda\u{feff} ".as_bytes()), Ok("kuda\u{feff} "));
        for utf_16 in [
            &b"\xff\xfek\0u\0d\0a\0\r\0"[..],
            b"\xfe\xff\0k\0u\0d\0a\0\r\0",
            b"k\0u\0",
        ] {
            assert!(
                line_of(utf_16).unwrap_err().contains("UTF-16"),
                "{utf_16:?}"
            );
        }
        assert!(line_of(b"caf\xe9").unwrap_err().contains("UTF-8"));
    }
}
