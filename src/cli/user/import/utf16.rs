//! UTF-16 that becomes UTF-8 piece by piece: what spreadsheets call "Unicode text".

/// A text in UTF-16 that is being read.
#[derive(Debug)]
pub struct Utf16 {
    is_big_endian: bool,
    /// The first byte of a unit whose second has not been read yet.
    half: Option<u8>,
    /// The first unit of a character of two.
    high: Option<u16>,
    is_ended: bool,
}

impl Utf16 {
    /// What stands for units that are no text: a byte that no UTF-8 holds, so that its cell is refused as no text.
    const NO_TEXT: u8 = 0xff;

    /// A text that begins with `first`, when that is a byte order mark of UTF-16.
    pub fn marked(first: &[u8]) -> Option<Self> {
        let is_big_endian = match first {
            [0xff, 0xfe, ..] => false,
            [0xfe, 0xff, ..] => true,
            _ => return None,
        };
        Some(Self {
            is_big_endian,
            half: None,
            high: None,
            is_ended: false,
        })
    }

    /// The same, from the beginning.
    pub fn again(self) -> Self {
        Self {
            half: None,
            high: None,
            is_ended: false,
            ..self
        }
    }

    /// Writes `raw`, which comes after what was written before, to `room` as UTF-8; answers the number of bytes written.
    /// There must be room for three bytes to each two of `raw`, and for six more. Nothing in `raw` is the end.
    pub fn decode(&mut self, raw: &[u8], room: &mut [u8]) -> usize {
        let mut written = 0;
        let mut put = |bytes: &[u8]| {
            room[written..written + bytes.len()].copy_from_slice(bytes);
            written += bytes.len();
        };
        if raw.is_empty() && !self.is_ended {
            self.is_ended = true;
            if self.half.take().is_some() | self.high.take().is_some() {
                put(&[Self::NO_TEXT]);
            }
        }
        for byte in raw {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = match self.is_big_endian {
                true => u16::from_be_bytes([first, *byte]),
                false => u16::from_le_bytes([first, *byte]),
            };
            let high = self.high.take();
            if is_high(unit) {
                if high.is_some() {
                    put(&[Self::NO_TEXT]);
                }
                self.high = Some(unit);
                continue;
            }
            for decoded in char::decode_utf16(high.into_iter().chain([unit])) {
                match decoded {
                    Ok(c) => put(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    Err(_) => put(&[Self::NO_TEXT]),
                }
            }
        }
        written
    }
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &[u8], piece: usize) -> Vec<u8> {
        let mut utf16 = Utf16::marked(raw).unwrap();
        let mut text = Vec::new();
        for piece in raw.chunks(piece).chain([&[][..], &[]]) {
            let mut room = [0; 256];
            let written = utf16.decode(piece, &mut room);
            text.extend(&room[..written]);
        }
        text
    }

    #[test]
    fn every_character_is_itself_wherever_the_pieces_are_cut() {
        let text = "\u{feff}user_id;é王😀\r\n";
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let raw: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
            for piece in 1..raw.len() {
                assert_eq!(decoded(&raw, piece), text.as_bytes(), "{piece}");
            }
        }
        assert!(Utf16::marked(b"user_id").is_none());
    }

    #[test]
    fn what_is_no_text_is_none_in_utf_8_either() {
        for (units, text) in [
            (&[0xd83d, 0x61][..], &b"\xffa"[..]),
            (&[0xde00, 0x61], b"\xffa"),
            (&[0xd83d, 0xd83d, 0xde00], b"\xff\xf0\x9f\x98\x80"),
            (&[0x61, 0xd83d], b"a\xff"),
        ] {
            let units = [0xfeff].iter().chain(units);
            let raw: Vec<u8> = units.flat_map(|unit: &u16| unit.to_le_bytes()).collect();
            for piece in 1..raw.len() {
                assert_eq!(decoded(&raw, piece)[3..], *text, "{raw:x?} {piece}");
            }
        }
        assert_eq!(decoded(b"\xff\xfea\0b", 2)[3..], *b"a\xff");
    }
}
