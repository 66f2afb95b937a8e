//! Secrets for the keyboard: random symbols that are read from paper or a letter and typed in here.
//!
//! What people do to such a code on its way (small letters, full width, spaces, dashes) makes no difference; what each
//! code is for, and what is kept of it, its own type says.

use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Letters and digits that nobody takes for another: no 0 and O, 1, I and L, 2 and Z, 5 and S, 8 and B, U and V.
const SYMBOLS: &[u8; 24] = b"34679ACDEFGHJKMNPQRTVWXY";

/// Random bytes that one symbol is made of.
pub const RANDOM_A_SYMBOL: usize = 16;

/// Symbols that stand together.
const GROUP: usize = 4;

/// `LENGTH` symbols.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyboardCode<const LENGTH: usize>([u8; LENGTH]);

/// Why a text is no such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyboardCodeError {
    Empty,
    /// Fewer symbols than a code has.
    TooShort,
    /// More symbols than a code has.
    TooLong,
    /// A character that no code has.
    NoSymbol,
}

impl<const LENGTH: usize> KeyboardCode<LENGTH> {
    /// Each symbol from sixteen random bytes: the remainder of 128 bits favours no symbol by more than 2^-120.
    pub fn from_random(random: &[[u8; RANDOM_A_SYMBOL]; LENGTH]) -> Self {
        Self(std::array::from_fn(|place| {
            let number = u128::from_be_bytes(random[place]) % SYMBOLS.len() as u128;
            SYMBOLS[usize::try_from(number).unwrap_or_default()]
        }))
    }

    /// A code of these symbols; `None` when one of them is none.
    pub fn from_bytes(symbols: [u8; LENGTH]) -> Option<Self> {
        let code = Self(symbols);
        code.0
            .iter()
            .all(|symbol| SYMBOLS.contains(symbol))
            .then_some(code)
    }

    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Reads what was typed: capital and small letters, full width, spaces and dashes make no difference.
    pub fn parse(typed: &str) -> Result<Self, KeyboardCodeError> {
        let mut code = Self([0; LENGTH]);
        let mut length = 0;
        // Bounded before it is normalised, so that a pasted novel costs nothing.
        for c in typed.chars().take(16 * LENGTH).nfkc() {
            if c.is_whitespace() || c.is_control() || matches!(c, '-' | '\u{2010}'..='\u{2015}') {
                continue;
            }
            let symbol = u8::try_from(c.to_ascii_uppercase()).ok();
            let symbol = symbol.filter(|symbol| SYMBOLS.contains(symbol));
            let symbol = symbol.ok_or(KeyboardCodeError::NoSymbol)?;
            *code.0.get_mut(length).ok_or(KeyboardCodeError::TooLong)? = symbol;
            length += 1;
        }
        match length {
            0 => Err(KeyboardCodeError::Empty),
            _ if length == LENGTH => Ok(code),
            _ => Err(KeyboardCodeError::TooShort),
        }
    }

    /// `ACDE-FGHJ-KMNP`, as people are shown it.
    pub fn grouped(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / GROUP));
        for (position, symbol) in self.0.iter().enumerate() {
            if position > 0 && position % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*symbol));
        }
        text
    }
}
