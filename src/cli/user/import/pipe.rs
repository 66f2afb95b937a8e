//! A table from standard input, which can be read once, as a file that can be read again.

use std::{
    fs::File,
    io::{self, IsTerminal, Seek},
};

use rustix::fs::{MemfdFlags, memfd_create};

/// All that comes from standard input. It holds passwords, so it lies in memory, without a name, and is gone with this
/// process; there is room for it as for nothing else of an import.
pub fn kept() -> io::Result<File> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        return Err(io::Error::other(
            "nothing is piped into it; a table is not typed",
        ));
    }
    let mut file = File::from(memfd_create("accounts", MemfdFlags::CLOEXEC)?);
    io::copy(&mut input, &mut file)?;
    file.rewind()?;
    Ok(file)
}
