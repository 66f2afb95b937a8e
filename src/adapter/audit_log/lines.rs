//! The lines of one file, forwards and backwards, in bounded memory whatever the file holds.
//!
//! All reads name their place in the file, so that many readers may share one open file, and a reader of the end of a
//! large file reads no more than that end.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt,
};

use super::line;

/// Bytes read at once.
const BLOCK: usize = 64 * 1024;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Without its end of line. Of one that is longer than any that was written, only as much as shows that it is.
    pub bytes: Vec<u8>,
    /// Where it begins.
    pub offset: u64,
    /// Whether its end of line is there; only the last of a file can be without.
    pub is_ended: bool,
}

/// A file, read from a place on.
struct From<'a> {
    file: &'a File,
    at: u64,
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// The lines of a file, one after the other.
pub struct Forwards<'a> {
    reader: BufReader<From<'a>>,
    offset: u64,
}

impl<'a> Forwards<'a> {
    /// From the line that begins at `offset`.
    pub fn new(file: &'a File, offset: u64) -> Self {
        let from = From { file, at: offset };
        Self {
            reader: BufReader::with_capacity(BLOCK, from),
            offset,
        }
    }

    /// Where the next line begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line, if there is one.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        // One more than fits, so that what is too long shows.
        let most = line::MAX_BYTES as u64 + 2;
        let mut length = self
            .reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut bytes)? as u64;
        if length == 0 {
            return Ok(None);
        }
        let mut is_ended = bytes.last() == Some(&b'\n');
        if is_ended {
            bytes.pop();
        } else if length == most {
            let (rest, ended) = self.skip()?;
            length += rest;
            is_ended = ended;
        }
        let offset = self.offset;
        self.offset += length;
        Ok(Some(Line {
            bytes,
            offset,
            is_ended,
        }))
    }

    /// Passes over the rest of a line; its length, and whether it has an end.
    fn skip(&mut self) -> io::Result<(u64, bool)> {
        let mut skipped = 0;
        loop {
            let block = self.reader.fill_buf()?;
            if block.is_empty() {
                return Ok((skipped, false));
            }
            let (length, is_ended) = match block.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (block.len(), false),
            };
            self.reader.consume(length);
            skipped += length as u64;
            if is_ended {
                return Ok((skipped, true));
            }
        }
    }
}

/// The lines of a file, the last one first.
pub struct Backwards<'a> {
    file: &'a File,
    /// What is read and not handed out begins here.
    start: u64,
    unread: Vec<u8>,
}

impl<'a> Backwards<'a> {
    /// Of what stands before `end`.
    pub fn new(file: &'a File, end: u64) -> Self {
        Self {
            file,
            start: end,
            unread: Vec::new(),
        }
    }

    /// The line before, if there is one. What is longer than any line that was written comes in pieces.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let is_ended = self.unread.last() == Some(&b'\n');
            let text = &self.unread[..self.unread.len() - usize::from(is_ended)];
            let begin = text
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map(|at| at + 1);
            let begin = match begin {
                Some(begin) => begin,
                None if self.start == 0 && self.unread.is_empty() => return Ok(None),
                None if self.start == 0 || text.len() > line::MAX_BYTES => 0,
                None => {
                    self.read_block()?;
                    continue;
                }
            };
            let mut bytes = self.unread.split_off(begin);
            if is_ended {
                bytes.pop();
            }
            return Ok(Some(Line {
                bytes,
                offset: self.start + begin as u64,
                is_ended,
            }));
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let length = self.start.min(BLOCK as u64);
        let mut block = vec![0; usize::try_from(length).expect("a block fits")];
        self.start -= length;
        self.file.read_exact_at(&mut block, self.start)?;
        block.append(&mut self.unread);
        self.unread = block;
        Ok(())
    }
}

/// Where the first line begins whose record is `seq` or later, among `length` bytes of lines in the order of their
/// records. It looks at a few lines only, however long the file is.
pub fn offset_of(file: &File, length: u64, seq: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        match first_record_from(file, middle, high)? {
            Some((end, found)) if found < seq => low = end,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Of the first record that begins at `from` or later, and before `until`: where its line ends, and its number.
fn first_record_from(file: &File, from: u64, until: u64) -> io::Result<Option<(u64, u64)>> {
    let mut lines = Forwards::new(file, from.saturating_sub(1));
    if from > 0 {
        // Up to and with the end of the line before.
        lines.next()?;
    }
    while let Some(found) = lines.next()? {
        if found.offset >= until {
            break;
        }
        if let Some(record) = line::read(&found.bytes) {
            return Ok(Some((lines.offset, record.seq)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn forwards(content: &[u8]) -> Vec<Line> {
        let file = file(content);
        let mut lines = Forwards::new(&file, 0);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn backwards(content: &[u8]) -> Vec<Line> {
        let file = file(content);
        let mut lines = Backwards::new(&file, content.len() as u64);
        let mut lines: Vec<_> = std::iter::from_fn(|| lines.next().unwrap()).collect();
        lines.reverse();
        lines
    }

    #[test]
    fn both_ways_give_the_same_lines() {
        let long = "x".repeat(BLOCK - 3);
        for content in [
            "",
            "\n",
            "a",
            "a\n",
            "a\nb",
            "\n\na\n\nb\n",
            &format!("{long}\n{long}\nb\n{long}"),
            &format!("a\n{long}\n"),
        ] {
            let lines = forwards(content.as_bytes());
            assert_eq!(lines, backwards(content.as_bytes()), "{}", content.len());
            let again: Vec<u8> = lines
                .iter()
                .flat_map(|line| {
                    [&line.bytes[..], if line.is_ended { b"\n" } else { b"" }].concat()
                })
                .collect();
            assert_eq!(again, content.as_bytes());
        }
    }

    #[test]
    fn what_is_no_line_of_ours_does_not_fill_the_memory() {
        let content = [&b"a\n"[..], &vec![b'x'; 10 * BLOCK], b"\nb\n"].concat();
        let lines = forwards(&content);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].bytes.len() > line::MAX_BYTES && lines[1].bytes.len() < 2 * BLOCK);
        assert_eq!(lines[2].offset, content.len() as u64 - 2);
        let lines = backwards(&content);
        assert!(lines.iter().all(|line| line.bytes.len() < 3 * BLOCK));
        assert_eq!(lines.first().unwrap().bytes, b"a");
        assert_eq!(lines.last().unwrap().bytes, b"b");
    }
}
