//! Standard output, line by line: buffered, and a reader who has gone is an error that ends the command quietly.

use std::{
    fmt::Display,
    io::{self, BufWriter, Write},
};

use super::error::CliError;

/// Lines for standard output; whoever writes them says when they must be out.
pub struct Lines {
    to: BufWriter<io::Stdout>,
}

impl Lines {
    pub fn new() -> Self {
        Self {
            to: BufWriter::new(io::stdout()),
        }
    }

    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        Ok(writeln!(self.to, "{text}")?)
    }

    pub fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.to.flush()?)
    }
}

/// Writes one line to standard output.
pub fn line(text: impl Display) -> Result<(), CliError> {
    let mut lines = Lines::new();
    lines.line(text)?;
    lines.flush()
}
