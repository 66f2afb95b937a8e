//! The exit statuses, by which scripts know how a command ended: one table, of which help and the manual page tell.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    Done = 0,
    Failed = 1,
    Usage = 2,
    InUse = 3,
    OtherStore = 4,
    NotThere = 5,
    ThereAlready = 6,
    NotCompared = 7,
    Fault = 70,
    NotNow = 75,
    Interrupted = 130,
}

impl ExitStatus {
    const ALL: [Self; 11] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::InUse,
        Self::OtherStore,
        Self::NotThere,
        Self::ThereAlready,
        Self::NotCompared,
        Self::Fault,
        Self::NotNow,
        Self::Interrupted,
    ];

    /// The number that a script sees. A number does not change its meaning.
    pub fn number(self) -> u8 {
        self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "not done; a sentence on standard error says why",
            Self::Usage => {
                "wrong usage: an argument or a setting, or a kiosk that was to start where there are no accounts"
            }
            Self::InUse => {
                "the store is in use by another process: by a kiosk when another is to start, or by a command that goes on"
            }
            Self::OtherStore => {
                "the audit log is whole, but of another store than there is: that one is gone, or was begun anew"
            }
            Self::NotThere => "there is no such account, letter or machine; nothing was changed",
            Self::ThereAlready => {
                "an account that was to be added is there already, or all of a file are; nothing was changed"
            }
            Self::NotCompared => {
                "the audit log is whole as far as it is kept here, but a checkpoint or a noted head is of a record before that"
            }
            Self::Fault => "a fault in the program",
            Self::NotNow => {
                "not possible just now, for example because the disk is full, or the running kiosk leaves; try later"
            }
            Self::Interrupted => "ended with Ctrl-C; nothing was changed",
        }
    }
}

/// The table, a line each.
pub fn table() -> String {
    let line = |status: ExitStatus| format!("{:>4}  {}", status.number(), status.meaning());
    ExitStatus::ALL.map(line).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_number_of_its_own_that_a_shell_leaves_to_programs() {
        let numbers = ExitStatus::ALL.map(ExitStatus::number);
        assert!(numbers.is_sorted_by(|before, after| before < after));
        // 126 and above are the shell's own, but for 128 and a signal.
        let free = |number: &u8| *number < 126 || *number == 128 + 2;
        assert!(numbers.iter().all(free), "{numbers:?}");
        assert_eq!(table().lines().count(), numbers.len());
    }
}
