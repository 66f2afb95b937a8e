//! The body of a backup: chunks of 64 KiB under XChaCha20-Poly1305 in the STREAM construction, which numbers the chunks
//! and marks the last, so that a chunk that is changed, missing, doubled, moved or foreign is found, and a cut-off end too.

use std::io::{self, BufRead, Read, Write};

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::{Zeroize, Zeroizing};

use super::{
    BackupError,
    header::{self, BackupKey, Header},
};

const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// Takes a backup's plain bytes and writes it.
pub struct Sealer<W> {
    to: W,
    stream: EncryptorBE32<XChaCha20Poly1305>,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// Begins a backup to `key`. `random` is used for nothing else.
    pub fn begin(
        mut to: W,
        key: &BackupKey,
        random: [u8; Header::RANDOM_BYTES],
    ) -> Result<Self, BackupError> {
        let header = Header::new(key, random);
        let file_key = header.file_key(key)?;
        to.write_all(&header.to_bytes())?;
        let cipher = XChaCha20Poly1305::new(&(*file_key).into());
        Ok(Self {
            to,
            stream: EncryptorBE32::from_aead(cipher, &header.nonce.into()),
            // Never larger, so that no half-filled copy stays behind in freed memory.
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
        })
    }

    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            // A full chunk is sealed when it is known not to be the last.
            if self.chunk.len() == CHUNK {
                self.stream
                    .encrypt_next_in_place(b"", &mut *self.chunk)
                    .map_err(|_| io::Error::other("it became too long"))?;
                self.to.write_all(&self.chunk)?;
                self.chunk.clear();
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes the last chunk, without which nothing of it is one.
    pub fn finish(mut self) -> Result<W, BackupError> {
        self.stream
            .encrypt_last_in_place(b"", &mut *self.chunk)
            .map_err(|_| io::Error::other("it became too long"))?;
        self.to.write_all(&self.chunk)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Reads a backup and gives its plain bytes, never one that is not authentic.
pub struct Opener<R> {
    from: R,
    stream: Option<DecryptorBE32<XChaCha20Poly1305>>,
    header: Header,
    chunk: Zeroizing<Vec<u8>>,
    /// What of the chunk was given already.
    given: usize,
    /// Bytes of the file that were read.
    position: u64,
}

impl<R: BufRead> Opener<R> {
    pub fn begin(mut from: R, key: &BackupKey) -> Result<Self, BackupError> {
        let header = Header::read(&mut from)?;
        let file_key = header.file_key(key)?;
        let cipher = XChaCha20Poly1305::new(&(*file_key).into());
        Ok(Self {
            from,
            stream: Some(DecryptorBE32::from_aead(cipher, &header.nonce.into())),
            header,
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
            given: 0,
            position: header::LENGTH as u64,
        })
    }

    /// Bytes of the file that were read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Fills `bytes`, which must be there.
    pub fn read(&mut self, mut bytes: &mut [u8]) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            if self.given == self.chunk.len() && !self.open_next()? {
                return Err(BackupError::Senseless("it ends in the middle".into()));
            }
            let ready = &self.chunk[self.given..];
            let count = ready.len().min(bytes.len());
            bytes[..count].copy_from_slice(&ready[..count]);
            self.given += count;
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    /// Whether every byte was given.
    pub fn is_at_end(&mut self) -> Result<bool, BackupError> {
        while self.given == self.chunk.len() {
            if !self.open_next()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Opens the next chunk; `false` when there is none.
    fn open_next(&mut self) -> Result<bool, BackupError> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(false);
        };
        self.chunk.zeroize();
        self.given = 0;
        let mut limited = (&mut self.from).take((CHUNK + TAG) as u64);
        limited.read_to_end(&mut self.chunk)?;
        let begins = self.position;
        self.position += self.chunk.len() as u64;
        let is_last = self.from.fill_buf()?.is_empty();
        let opened = if is_last {
            stream.decrypt_last_in_place(b"", &mut *self.chunk)
        } else {
            let opened = stream.decrypt_next_in_place(b"", &mut *self.chunk);
            self.stream = Some(stream);
            opened
        };
        if opened.is_err() {
            self.stream = None;
            self.chunk.zeroize();
            return Err(match begins == header::LENGTH as u64 {
                true => BackupError::WrongKey(self.header.wants()),
                false => BackupError::Damaged(begins),
            });
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> BackupKey {
        BackupKey::File(Zeroizing::new([5; 32]))
    }

    fn sealed(plain: &[u8], random: u8) -> Vec<u8> {
        let mut sealer = Sealer::begin(Vec::new(), &key(), [random; Header::RANDOM_BYTES]).unwrap();
        for part in plain.chunks(1000) {
            sealer.write(part).unwrap();
        }
        sealer.finish().unwrap()
    }

    fn opened(file: &[u8]) -> Result<Vec<u8>, BackupError> {
        let mut opener = Opener::begin(file, &key())?;
        let mut plain = Vec::new();
        while !opener.is_at_end()? {
            let mut byte = [0];
            opener.read(&mut byte)?;
            plain.extend(byte);
        }
        Ok(plain)
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at / 251) as u8).collect()
    }

    #[test]
    fn every_length_comes_back_as_it_was() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
            let plain = plain(length);
            let file = sealed(&plain, 1);
            assert_eq!(opened(&file).unwrap(), plain, "{length}");
            assert!(
                !file
                    .windows(8)
                    .any(|w| plain.len() > 4096 && *w == plain[2000..2008])
            );
        }
    }

    #[test]
    fn a_cut_off_end_is_found_wherever_it_is() {
        let file = sealed(&plain(3 * CHUNK), 1);
        let whole = CHUNK + TAG;
        let mut cuts: Vec<usize> = (0..file.len()).step_by(4999).collect();
        // The treacherous ones: between two chunks.
        cuts.extend((0..3).map(|chunks| header::LENGTH + chunks * whole));
        for cut in cuts {
            assert!(opened(&file[..cut]).is_err(), "{cut}");
        }
        let longer = [&file[..], b"x"].concat();
        assert!(opened(&longer).is_err());
    }

    #[test]
    fn chunks_that_are_changed_moved_doubled_left_out_or_foreign_are_found() {
        let file = sealed(&plain(4 * CHUNK), 1);
        let other = sealed(&plain(4 * CHUNK), 2);
        let chunk = |file: &[u8], number: usize| {
            let begin = header::LENGTH + number * (CHUNK + TAG);
            file[begin..(begin + CHUNK + TAG).min(file.len())].to_vec()
        };
        let made_of = |chunks: &[Vec<u8>]| {
            let parts: Vec<u8> = chunks.concat();
            [&file[..header::LENGTH], &parts].concat()
        };
        let own: Vec<Vec<u8>> = (0..4).map(|number| chunk(&file, number)).collect();
        assert!(opened(&made_of(&own)).is_ok(), "as it was");
        let [a, b, c, d] = own.as_slice() else {
            panic!("four chunks");
        };
        let foreign = chunk(&other, 1);
        for (what, chunks) in [
            ("moved", vec![a, c, b, d]),
            ("doubled", vec![a, b, b, c, d]),
            ("left out", vec![a, c, d]),
            ("foreign", vec![a, &foreign, c, d]),
            ("last is missing", vec![a, b, c]),
            ("last comes first", vec![d, a, b, c]),
        ] {
            let chunks: Vec<Vec<u8>> = chunks.into_iter().cloned().collect();
            assert!(opened(&made_of(&chunks)).is_err(), "{what}");
        }
        for at in (0..file.len()).step_by(3001) {
            let mut changed = file.clone();
            changed[at] ^= 0x10;
            assert!(opened(&changed).is_err(), "byte {at}");
        }
    }
}
