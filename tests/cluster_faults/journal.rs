//! What the processes at work say of each operation, a line each: when it began and ended, and what came of it.

use std::{
    fmt::Display,
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

/// Microseconds, the same for all processes of this machine.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

/// An operation that has ended, as its process said it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub process: usize,
    pub begun: u64,
    pub ended: u64,
    pub words: Vec<String>,
}

impl Entry {
    /// Says that what began at `begun` has ended now.
    pub fn say(begun: u64, words: impl Display) {
        // One write a line: lines of several tasks do not mix.
        let line = format!("{begun} {} {words}\n", now());
        std::io::stdout()
            .lock()
            .write_all(line.as_bytes())
            .expect("somebody listens");
    }

    pub fn read(process: usize, line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut number = || {
            words
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or_else(|| panic!("no line of the journal: {line}"))
        };
        let (begun, ended) = (number(), number());
        Self {
            process,
            begun,
            ended,
            words: words.collect(),
        }
    }

    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    pub fn number(&self, at: usize) -> u64 {
        let number = self.word(at).parse();
        number.unwrap_or_else(|_| panic!("no number at {at}: {self:?}"))
    }

    /// Something was written, and said to be.
    pub fn is_acknowledged(&self) -> bool {
        match self.word(0) {
            "transfer" => self.word(2) == "applied",
            "head" | "visit" => self.word(1) == "done",
            "spend" | "state" => true,
            "failure" => self.word(2) == "counted",
            "reset" => self.word(2) == "done",
            _ => false,
        }
    }
}
