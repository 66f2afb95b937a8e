//! The inbox of training mode: letters that would have been sent, kept in memory for the terminal that asked for them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::message::Words;
use crate::domain::{
    letter::Letter,
    reset::{ShortCode, TicketSecrets},
};

/// As many letters as anybody reads in an afternoon of training; the oldest give way.
const KEPT: usize = 50;

/// A letter as it would have arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub at: Timestamp,
    /// `Siti Rahmawati <ppk30@contoh.go.id>`.
    pub to: String,
    pub subject: String,
    pub text: Zeroizing<String>,
    pub code: Option<ShortCode>,
}

/// The letters of training mode; gone with the process.
#[derive(Debug, Default)]
pub struct Inbox {
    letters: Mutex<VecDeque<Received>>,
}

impl Inbox {
    pub fn put(&self, letter: &Letter, words: Words, secrets: Option<&TicketSecrets>) {
        let mut letters = self.lock();
        letters.push_front(Received {
            at: letter.at,
            to: format!("{} <{}>", letter.name, letter.address),
            subject: words.subject,
            text: words.text,
            code: secrets.map(|secrets| secrets.code.clone()),
        });
        letters.truncate(KEPT);
    }

    /// The letters, the newest first.
    pub fn letters(&self) -> Vec<Received> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Received>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
