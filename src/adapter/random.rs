//! The operating system's random bytes.

use crate::ports::Random;

/// `getrandom(2)`.
#[derive(Debug, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // It fails only where the kernel has no generator at all; a key must then not be made.
        getrandom::fill(bytes).expect("the operating system provides random bytes");
    }
}
