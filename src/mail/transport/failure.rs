//! Failures of a delivery: worth another try or not, and in which words the operator reads them.

use crate::domain::{identity::is_disguise, reset::LINK_PATH};

/// The most characters of a reason, the server's name included.
const LONGEST_REASON: usize = 240;

/// Why a letter was not taken, in one line for the operator, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Nothing was said against this letter: worth another try.
    #[error("{0}")]
    Temporary(String),
    /// The server refused this letter for good (5xx to MAIL, RCPT, DATA or the letter itself).
    #[error("{0}")]
    Permanent(String),
    /// The server has the letter whole, and has not said whether it takes it (RFC 1047).
    #[error("{reason}")]
    Unknown {
        reason: String,
        /// It said something, though nothing that is a reply.
        was_answered: bool,
    },
}

/// A reason as the operator reads it: one line of bounded length, without control characters, and without a link of a
/// letter, which filters like to quote.
pub fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_disguise(c) { ' ' } else { c })
        .collect();
    let mut line = String::new();
    for word in plain.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        let tells_secret = word.contains(LINK_PATH) || word.contains("kode=");
        line.push_str(if tells_secret { "…" } else { word });
    }
    if line.chars().count() > LONGEST_REASON {
        line = line.chars().take(LONGEST_REASON - 1).chain(['…']).collect();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line_without_a_letters_link() {
        let told = "surat:587 answered the letter with 554 blocked:\r\n\u{1b}[31m \
                    https://lpse.contoh.go.id/proc4user/resettotp?email=a&kode=abc see https://help.example/1";
        assert_eq!(
            one_line(told),
            "surat:587 answered the letter with 554 blocked: [31m … see https://help.example/1"
        );
        let long = one_line(&"panjang ".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST_REASON);
        assert!(long.ends_with('…'));
    }
}
