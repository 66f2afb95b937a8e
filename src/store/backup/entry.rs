//! What stands in a backup: entries of postcard, each after its length (four bytes, the greatest first).

use std::io::{BufRead, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{
    About, BackupError,
    stream::{Opener, Sealer},
};
use crate::{
    store::{Commit, Key, Value},
    vault::MasterKey,
};

/// A record of the largest size, with its key and what is around it.
const LONGEST: usize = Commit::MAX_BYTES + 1024;

#[derive(Serialize, Deserialize)]
enum Stored {
    /// The first: the version of the program that made it.
    Begin {
        program: String,
    },
    /// Master keys, the one that seals first.
    MasterKeys(Vec<[u8; MasterKey::LENGTH]>),
    Put {
        key: Vec<u8>,
        value: Value,
    },
    Remove {
        key: Vec<u8>,
    },
    /// The last.
    End {
        /// Milliseconds since 1970.
        as_of: i64,
        puts: u64,
        removes: u64,
    },
}

/// An entry between the first and the last.
#[derive(Debug)]
pub enum Entry {
    MasterKeys(Vec<MasterKey>),
    /// To be put over what came before; `None`: to be removed.
    Record(Key, Option<Value>),
}

/// Writes entries in their order.
pub struct Writer<W> {
    sealer: Sealer<W>,
    puts: u64,
    removes: u64,
}

impl<W: Write> Writer<W> {
    pub fn begin(sealer: Sealer<W>) -> Result<Self, BackupError> {
        let mut writer = Self {
            sealer,
            puts: 0,
            removes: 0,
        };
        writer.write(&Stored::Begin {
            program: env!("CARGO_PKG_VERSION").to_owned(),
        })?;
        Ok(writer)
    }

    pub fn master_keys<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a MasterKey>,
    ) -> Result<(), BackupError> {
        let mut keys = Stored::MasterKeys(keys.map(|key| *key.as_bytes()).collect());
        let written = self.write(&keys);
        if let Stored::MasterKeys(keys) = &mut keys {
            keys.zeroize();
        }
        written
    }

    pub fn record(&mut self, key: Key, value: Option<Value>) -> Result<(), BackupError> {
        let key = key.as_bytes().to_vec();
        match value {
            Some(value) => {
                self.puts += 1;
                self.write(&Stored::Put { key, value })
            }
            None => {
                self.removes += 1;
                self.write(&Stored::Remove { key })
            }
        }
    }

    /// Records that were written so far.
    pub fn puts(&self) -> u64 {
        self.puts
    }

    pub fn finish(mut self, as_of: Timestamp) -> Result<W, BackupError> {
        self.write(&Stored::End {
            as_of: as_of.as_millisecond(),
            puts: self.puts,
            removes: self.removes,
        })?;
        self.sealer.finish()
    }

    fn write(&mut self, entry: &Stored) -> Result<(), BackupError> {
        let bytes = postcard::to_stdvec(entry).map(Zeroizing::new);
        let bytes = bytes.map_err(|error| BackupError::Senseless(error.to_string()))?;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.sealer.write(&length.to_be_bytes())?;
        self.sealer.write(&bytes)
    }
}

/// Reads entries in their order; whoever has got [`Reader::next`]'s `None` has read a whole backup.
pub struct Reader<R> {
    opener: Opener<R>,
    program: String,
    as_of: Option<Timestamp>,
    puts: u64,
    removes: u64,
}

impl<R: BufRead> Reader<R> {
    pub fn begin(opener: Opener<R>) -> Result<Self, BackupError> {
        let mut reader = Self {
            opener,
            program: String::new(),
            as_of: None,
            puts: 0,
            removes: 0,
        };
        match reader.read()? {
            Stored::Begin { program } => reader.program = program,
            _ => return Err(senseless("its first entry is not the first")),
        }
        Ok(reader)
    }

    /// Bytes of the file that were read.
    pub fn position(&self) -> u64 {
        self.opener.position()
    }

    /// The next entry; `None` when all were read, and their count and the file's end are right.
    pub fn next(&mut self) -> Result<Option<Entry>, BackupError> {
        if self.as_of.is_some() {
            return Ok(None);
        }
        Ok(Some(match self.read()? {
            Stored::Begin { .. } => return Err(senseless("it begins twice")),
            Stored::MasterKeys(mut keys) => {
                let held = keys.iter().map(|key| MasterKey::from_bytes(*key)).collect();
                keys.zeroize();
                Entry::MasterKeys(held)
            }
            Stored::Put { key, value } => {
                self.puts += 1;
                Entry::Record(Key::from_bytes(key), Some(value))
            }
            Stored::Remove { key } => {
                self.removes += 1;
                Entry::Record(Key::from_bytes(key), None)
            }
            Stored::End {
                as_of,
                puts,
                removes,
            } => {
                if (puts, removes) != (self.puts, self.removes) {
                    return Err(senseless("its records are not as many as it says"));
                }
                if !self.opener.is_at_end()? {
                    return Err(senseless("something follows its end"));
                }
                let as_of = Timestamp::from_millisecond(as_of)
                    .map_err(|_| senseless("its time is out of range"))?;
                self.as_of = Some(as_of);
                return Ok(None);
            }
        }))
    }

    /// What the backup says of itself; `None` before it was read to its end.
    pub fn about(&self) -> Option<About> {
        Some(About {
            program: self.program.clone(),
            as_of: self.as_of?,
        })
    }

    fn read(&mut self) -> Result<Stored, BackupError> {
        let mut length = [0; 4];
        self.opener.read(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(senseless("an entry is longer than any"));
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.opener.read(&mut bytes)?;
        match postcard::take_from_bytes(&bytes) {
            Ok((entry, [])) => Ok(entry),
            _ => Err(senseless("an entry is none")),
        }
    }
}

fn senseless(why: &str) -> BackupError {
    BackupError::Senseless(why.to_owned())
}
