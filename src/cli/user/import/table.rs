//! A CSV file read row by row in bounded memory: RFC 4180, in buffers of our own that are wiped, because passwords
//! pass through them.
//!
//! Spreadsheets write it with commas, semicolons or tabs, as UTF-8 or UTF-16, with `sep=;` before everything or without:
//! each has one meaning, which the beginning of the file tells. What is no such text is refused with what to do.
//!
//! Whatever is wrong with the file, a row costs no more than [`LONGEST_ROW`] bytes: a quote that is never closed
//! makes one bad row, not a copy of the file in memory.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::unix::fs::FileExt,
    path::Path,
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::utf16::Utf16;

/// Longest row in bytes, several times what the longest account needs.
pub const LONGEST_ROW: usize = 16 * 1024;

/// Most columns of a row, with the empty ones that spreadsheets write behind the last; what has more is not ours.
pub const MOST_COLUMNS: usize = 256;

const INPUT_BYTES: usize = 64 * 1024;

/// Bytes at the beginning that are looked at to know what kind of file it is. As a full buffer cannot be filled further,
/// it is less than that by more than one read.
const SNIFFED_BYTES: usize = 16 * 1024;

/// What separates columns. Of several, in which a line has the same number of parts, the first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A CSV file, read from its beginning to its end, and again.
pub struct Table {
    file: File,
    length: u64,
    delimiter: u8,
    /// Bytes of text before the first row: a byte order mark, a line `sep=;`.
    preamble: usize,
    /// The file is UTF-16, and becomes UTF-8 as it is read.
    utf16: Option<Utf16>,
    parser: Reader,
    /// What was read from the file and is not parsed yet lies at `begin..end`.
    input: Zeroizing<Vec<u8>>,
    begin: usize,
    end: usize,
    row: Zeroizing<Vec<u8>>,
    ends: [usize; MOST_COLUMNS],
    /// The line at which parsing stands, from 1.
    line: u64,
    after_carriage_return: bool,
    digest: Sha256,
    read: u64,
}

/// One row.
pub struct Row<'a> {
    /// The line on which it begins; a quoted field may go over several.
    pub line: u64,
    pub content: Result<Fields<'a>, RowFault>,
}

/// The fields of a row, without quotes.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

/// Why a row has no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    #[error("the row is longer than {LONGEST_ROW} bytes; a quote may not be closed")]
    TooLong,
    #[error("the row has more than {MOST_COLUMNS} columns")]
    TooManyColumns,
}

impl<'a> Fields<'a> {
    pub fn count(self) -> usize {
        self.ends.len()
    }

    /// The field in `column`, counted from 0; empty where the row has no such column.
    pub fn get(self, column: usize) -> &'a [u8] {
        let begin = match column.checked_sub(1) {
            Some(before) => self.ends.get(before).copied(),
            None => Some(0),
        };
        match (begin, self.ends.get(column)) {
            (Some(begin), Some(end)) => &self.bytes[begin..*end],
            _ => &[],
        }
    }

    fn are_blank(self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

impl Table {
    /// Opens the file at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?)
    }

    /// The table in a regular file; others cannot be read twice.
    pub fn of(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other(
                "it is no regular file, and it has to be read twice; save it as a file first, or pipe it into `user import -`",
            ));
        }
        let mut table = Self {
            file,
            length: metadata.len(),
            delimiter: b',',
            preamble: 0,
            utf16: None,
            parser: Reader::new(),
            input: Zeroizing::new(vec![0; INPUT_BYTES]),
            begin: 0,
            end: 0,
            row: Zeroizing::new(vec![0; LONGEST_ROW]),
            ends: [0; MOST_COLUMNS],
            line: 1,
            after_carriage_return: false,
            digest: Sha256::new(),
            read: 0,
        };
        table.sniff()?;
        Ok(table)
    }

    /// Looks at the beginning: what kind of text it is, and what separates its columns.
    fn sniff(&mut self) -> io::Result<()> {
        let mut first = [0; 8];
        let read = self.file.read_at(&mut first, 0)?;
        if let Some(own) = own_format(&first[..read]) {
            return Err(io::Error::other(own));
        }
        self.utf16 = Utf16::marked(&first[..read]);
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        // The first line that says something is among these; it names the columns.
        while self.end < SNIFFED_BYTES && self.fill()? {}
        let head = &self.input[..self.end];
        if head.contains(&0) {
            return Err(io::Error::other(
                "it is not UTF-8 text; save it as \"CSV UTF-8\"",
            ));
        }
        let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
        let first = text.split(is_end).next().unwrap_or_default();
        let separator = separator(first);
        self.preamble = head.len() - text.len();
        if separator.is_some() {
            self.preamble += first.len();
        }
        let mut lines = self.input[self.preamble..self.end].split(is_end);
        let names = lines.find(|line| !is_blank(line)).unwrap_or_default();
        self.delimiter = separator.unwrap_or_else(|| delimiter_of(names));
        self.begin_rows()
    }

    /// Steps over what stands before the rows.
    fn begin_rows(&mut self) -> io::Result<()> {
        self.parser = ReaderBuilder::new().delimiter(self.delimiter).build();
        while self.end < self.preamble && self.fill()? {}
        self.consume(self.preamble.min(self.end));
        Ok(())
    }

    /// The file's length in bytes when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes parsed so far.
    pub fn position(&self) -> u64 {
        // Of UTF-16 this is not exact until everything is parsed; only a bar of progress looks at it.
        self.read.saturating_sub((self.end - self.begin) as u64)
    }

    /// The digest of what was read. Two readings to the end with the same digest have read the same rows.
    pub fn digest(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    /// Goes back to the beginning.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.file.rewind()?;
        self.utf16 = self.utf16.take().map(|utf16| utf16.again());
        (self.begin, self.end) = (0, 0);
        self.line = 1;
        self.after_carriage_return = false;
        self.digest = Sha256::new();
        self.read = 0;
        self.begin_rows()
    }

    /// The next row that is not blank; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        loop {
            let Some((line, read)) = self.parse_row()? else {
                return Ok(None);
            };
            let columns = match read {
                Ok(columns) => columns,
                Err(fault) => {
                    let content = Err(fault);
                    return Ok(Some(Row { line, content }));
                }
            };
            let end = columns.checked_sub(1).map_or(0, |last| self.ends[last]);
            let blank = Fields {
                bytes: &self.row[..end],
                ends: &self.ends[..columns],
            }
            .are_blank();
            if !blank {
                let content = Ok(Fields {
                    bytes: &self.row[..end],
                    ends: &self.ends[..columns],
                });
                return Ok(Some(Row { line, content }));
            }
        }
    }

    /// Parses one row into `row` and `ends`; answers its first line and its number of columns.
    fn parse_row(&mut self) -> io::Result<Option<(u64, Result<usize, RowFault>)>> {
        loop {
            if self.begin == self.end && !self.fill()? {
                return Ok(None);
            }
            if !matches!(self.input[self.begin], b'\r' | b'\n') {
                break;
            }
            self.consume(1);
        }
        let line = self.line;
        let mut fault = None;
        let (mut bytes, mut columns) = (0, 0);
        loop {
            if self.begin == self.end {
                // At the end of the file the parser is given nothing, which closes the last row.
                self.fill()?;
            }
            let (result, read, written, ended) = self.parser.read_record(
                &self.input[self.begin..self.end],
                &mut self.row[bytes..],
                &mut self.ends[columns..],
            );
            self.consume(read);
            bytes += written;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    fault = Some(RowFault::TooLong);
                    bytes = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    fault = fault.or(Some(RowFault::TooManyColumns));
                    columns = 0;
                }
                ReadRecordResult::Record => {
                    return Ok(Some((line, fault.map_or(Ok(columns), Err))));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Reads more of the file; `false` at its end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        loop {
            let room = &mut self.input[self.end..];
            let (read, written) = match &mut self.utf16 {
                None => {
                    let read = read_some(&mut self.file, room)?;
                    self.digest.update(&room[..read]);
                    (read, read)
                }
                Some(utf16) => {
                    // Two bytes of it become three at most.
                    let mut raw = Zeroizing::new(vec![0; room.len() / 2]);
                    let read = read_some(&mut self.file, &mut raw)?;
                    self.digest.update(&raw[..read]);
                    (read, utf16.decode(&raw[..read], room))
                }
            };
            self.end += written;
            self.read += read as u64;
            // Half a character is read and not written yet; that is no end.
            if written > 0 || read == 0 {
                return Ok(written > 0);
            }
        }
    }

    /// Steps over `count` bytes of input and counts the lines in them, whichever way they end.
    fn consume(&mut self, count: usize) {
        for byte in &self.input[self.begin..self.begin + count] {
            match byte {
                b'\r' => self.line += 1,
                b'\n' if !self.after_carriage_return => self.line += 1,
                _ => {}
            }
            self.after_carriage_return = *byte == b'\r';
        }
        self.begin += count;
    }
}

fn read_some(file: &mut File, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What to do with a file that only its own program reads.
fn own_format(first: &[u8]) -> Option<&'static str> {
    const ZIP: &[u8] = b"PK\x03\x04";
    const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0";
    let is_workbook = first.starts_with(ZIP) || first.starts_with(COMPOUND);
    is_workbook.then_some(
        "it is a spreadsheet's own file (.xlsx, .ods, .xls); open it there and save it as \"CSV UTF-8\"",
    )
}

/// The separator that a line `sep=;` names. It is a spreadsheet's own way to say so, and no row.
fn separator(line: &[u8]) -> Option<u8> {
    let text = line.strip_prefix(b"\"").unwrap_or(line);
    let (sep, rest) = text.split_at_checked(4)?;
    let (separator, behind) = rest.split_first()?;
    let is_separator = DELIMITERS.contains(separator) || *separator == b'|';
    // A program that has read the line as a row has put quotes around it, or separators behind it.
    let is_over = behind.iter().all(|byte| byte == separator || *byte == b'"');
    (sep.eq_ignore_ascii_case(b"sep=") && is_separator && is_over).then_some(*separator)
}

/// What separates the columns whose names stand in `line`: what it has most of, outside quotes.
fn delimiter_of(line: &[u8]) -> u8 {
    let mut counts = [0; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in line {
        is_quoted ^= *byte == b'"';
        if let Some(at) = DELIMITERS.iter().position(|one| one == byte)
            && !is_quoted
        {
            counts[at] += 1;
        }
    }
    // Of equals the first.
    let most = (0..DELIMITERS.len()).rev().max_by_key(|at| counts[*at]);
    most.map_or(b',', |at| DELIMITERS[at])
}

/// Whether a line holds nothing but separators, of whichever kind.
fn is_blank(line: &[u8]) -> bool {
    let says_nothing =
        |byte: &u8| byte.is_ascii_whitespace() || *byte == b'"' || DELIMITERS.contains(byte);
    line.iter().all(says_nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Vec<(u64, Result<Vec<String>, RowFault>)>;

    fn told(table: &mut Table) -> Told {
        let mut rows = Vec::new();
        while let Some(row) = table.next().unwrap() {
            let content = row.content.map(|fields| {
                (0..fields.count())
                    .map(|column| String::from_utf8(fields.get(column).to_vec()).unwrap())
                    .collect()
            });
            rows.push((row.line, content));
        }
        rows
    }

    fn open(content: &[u8]) -> Table {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.csv");
        std::fs::write(&path, content).unwrap();
        Table::open(&path).unwrap()
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Result<Vec<String>, RowFault>) {
        (
            line,
            Ok(fields.iter().map(|field| (*field).to_owned()).collect()),
        )
    }

    #[test]
    fn rows_know_their_lines_whichever_way_lines_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = [
                "\u{feff}a,b",
                "",
                "\"1,\"\"x\"\"\",",
                " ,",
                "\"two",
                "lines\",3",
                "",
            ];
            let mut table = open(text.join(end).as_bytes());
            let two = format!("two{end}lines");
            let expected = vec![
                row(1, &["a", "b"]),
                row(3, &["1,\"x\"", ""]),
                row(5, &[&two, "3"]),
            ];
            assert_eq!(told(&mut table), expected, "{end:?}");
            let digest = table.digest();
            table.rewind().unwrap();
            assert_eq!(told(&mut table), expected, "{end:?} again");
            assert_eq!(table.digest(), digest);
            assert_eq!(table.position(), table.length());
        }
    }

    #[test]
    fn the_last_row_needs_no_line_end_and_semicolons_separate_where_the_first_line_has_them() {
        let expected = vec![row(1, &["a", "b"]), row(2, &["1,5", "x"])];
        assert_eq!(told(&mut open(b"a;b\r\n1,5;x")), expected);
        assert_eq!(told(&mut open(b"")), vec![]);
        assert_eq!(told(&mut open(b"\n\r\n,,\n")), vec![]);
    }

    #[test]
    fn what_separates_the_columns_shows_in_the_line_that_names_them() {
        let expected = |line| {
            vec![
                row(line, &["a", "b", "c"]),
                row(line + 1, &["1", "x;,\ty", "2"]),
            ]
        };
        for separator in [",", ";", "\t"] {
            let text = "a,b,c\n1,\"x;@\ty\",2\n"
                .replace(',', separator)
                .replace('@', ",");
            for (line, before) in [
                (1, ""),
                (1, "\u{feff}"),
                (3, "\n\n"),
                (3, &format!("{separator}{separator}\r\n  \n")),
                (2, &format!("sep={separator}\n")),
                (2, &format!("\u{feff}SEP={separator}\r\n")),
                (3, &format!("\"sep={separator}\"{separator}{separator}\n\n")),
            ] {
                let mut table = open(format!("{before}{text}").as_bytes());
                assert_eq!(told(&mut table), expected(line), "{before:?}{text:?}");
                table.rewind().unwrap();
                assert_eq!(told(&mut table), expected(line), "{before:?}{text:?} again");
            }
        }
        // What is named counts, also against what there is more of.
        let rows = told(&mut open(b"sep=|\na|b,,\n"));
        assert_eq!(rows, [row(2, &["a", "b,,"])]);
        for line in ["sep=", "sep=x", "sep=;a;b", "sepa;b"] {
            let rows = told(&mut open(format!("{line}\na;b\n").as_bytes()));
            assert_eq!(rows.len(), 2, "{line}");
        }
    }

    #[test]
    fn utf_16_with_its_mark_is_read_as_the_text_that_it_is() {
        let text = format!(
            "user_id\tname\r\nPPK30\tSiti é王😀\r\n{}",
            "x\ty\n".repeat(INPUT_BYTES)
        );
        let expected = told(&mut open(text.as_bytes()));
        assert_eq!(expected.len(), 2 + INPUT_BYTES);
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
            let mut table = open(&units.flat_map(to_bytes).collect::<Vec<u8>>());
            assert!(told(&mut table) == expected);
            let digest = table.digest();
            table.rewind().unwrap();
            assert!(told(&mut table) == expected && table.digest() == digest);
            assert_eq!(table.position(), table.length());
        }
    }

    #[test]
    fn rows_longer_than_the_input_buffer_are_bad_rows_and_the_next_is_good() {
        let long = "x".repeat(3 * INPUT_BYTES);
        let wide = ",".repeat(MOST_COLUMNS);
        let text = format!("a,b\n{long},1\n1,2\n{wide}\n3,4\n");
        let rows = told(&mut open(text.as_bytes()));
        assert_eq!(rows[1], (2, Err(RowFault::TooLong)));
        assert_eq!(rows[2], row(3, &["1", "2"]));
        assert_eq!(rows[3], (4, Err(RowFault::TooManyColumns)));
        assert_eq!(rows[4], row(5, &["3", "4"]));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_one_bad_row() {
        let text = format!("a,b\n1,\"{}", "2\n3,4\n".repeat(INPUT_BYTES));
        let rows = told(&mut open(text.as_bytes()));
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1], (2, Err(RowFault::TooLong)));
    }

    #[test]
    fn rows_that_cross_the_input_buffer_are_whole() {
        let mut text = String::from("id,rest\n");
        for number in 0..20_000 {
            text.push_str(&format!("{number},\"abc {number}\"\n"));
        }
        let rows = told(&mut open(text.as_bytes()));
        assert_eq!(rows.len(), 20_001);
        for (number, told) in rows[1..].iter().enumerate() {
            let id = number.to_string();
            let expected = row(number as u64 + 2, &[&id, &format!("abc {id}")]);
            assert_eq!(*told, expected);
        }
    }

    #[test]
    fn what_is_no_text_or_no_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("utf16.csv");
        for (content, cure) in [
            (&b"u\0s\0e\0r\0\n\0"[..], "not UTF-8"),
            (b"\xff\xfe\0\0u\0\0\0", "not UTF-8"),
            (b"PK\x03\x04\x14\0", ".xlsx"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = Table::open(&path).err().unwrap().to_string();
            assert!(
                error.contains("CSV UTF-8") && error.contains(cure),
                "{error}"
            );
        }
        let error = Table::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("read twice"), "{error}");
    }
}
