//! Which keys are for what the screen shows: one that was typed for the screen before answers none that nobody has read.
//!
//! A screen that changes by itself (by a reply, by time) changes under the hands of whoever is typing. What they type
//! next was meant for what they saw last, until they can have read the new screen. One rule for all screens: a screen
//! says only what is grave on it ([`super::screen::Keys::is_grave`]).

use std::time::Duration;

use super::command::{Command, Key, KeyPress};

/// How long a screen that changed by itself stands before a key acts on it: an eye rests a quarter of a second on each
/// word, and a hand takes as long to follow, so in a second people have read what a screen asks, and hardly more. The
/// Enter that people and password managers send after a code comes within it.
pub const READING_TIME: Duration = Duration::from_secs(1);

/// What a key would do where the screen stands now.
#[derive(Debug, Clone, Copy)]
pub struct Stakes {
    /// Somebody has logged in, or given a right password.
    pub logged_in: bool,
    /// What Enter does cannot be taken back.
    pub grave: bool,
}

/// A key that did nothing, because what stands there cannot have been read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    Enter,
    Space,
    Esc,
    Letter,
    /// It went on with a text that was typed for the screen before.
    Text,
}

impl Unread {
    /// What `press`, which means `command` here, is when it does nothing.
    pub fn of(press: KeyPress, command: Command) -> Self {
        match (command, press.key) {
            (Command::Edit(_), _) => Self::Text,
            (_, Key::Enter) => Self::Enter,
            (_, Key::Char(' ')) => Self::Space,
            (Command::Back, _) => Self::Esc,
            _ => Self::Letter,
        }
    }
}

/// What can have been read, and what is still being typed for something that is gone.
#[derive(Debug)]
pub struct Attention {
    /// Nothing is held back where it is zero.
    reading_time: Duration,
    changed: Changed,
    /// Keys are still those of a typing that began before the change: monotonic time of the last of them, or of the
    /// change.
    outlived: Option<Duration>,
    run: Option<Run>,
}

/// The last change of the screen, but for the moves of its focus.
#[derive(Debug)]
struct Changed {
    /// Monotonic time at which the terminal had taken it.
    at: Duration,
    is_drawn: bool,
    by_itself: bool,
    /// Somebody has answered it since.
    is_read: bool,
}

/// One key, pressed again and again without a pause, as one that is held down is. Never a letter of a text.
#[derive(Debug)]
struct Run {
    press: KeyPress,
    began: Duration,
    last: Duration,
    is_repeated: bool,
    /// It has been refused, and so are its repetitions.
    is_refused: bool,
}

impl Attention {
    pub fn new(reading_time: Duration) -> Self {
        Self {
            reading_time,
            changed: Changed {
                at: Duration::ZERO,
                is_drawn: true,
                by_itself: false,
                is_read: true,
            },
            outlived: None,
            run: None,
        }
    }

    /// Who pauses for so long has ended what they were typing; and a key that is held down is never silent for so long
    /// between its repetitions (terminals repeat 10 to 30 times a second). 400 ms where people read.
    fn pause(&self) -> Duration {
        self.reading_time * 2 / 5
    }

    /// Another screen stands there, or another part of it waits for an answer, because of a key.
    pub fn changed_by_key(&mut self, now: Duration) {
        self.changed = Changed {
            at: now,
            is_drawn: false,
            by_itself: false,
            is_read: true,
        };
    }

    /// Something stands there that was not to be seen before the last key. What is being typed may be for it: it is the
    /// field that follows, or text finds its way as before.
    pub fn came_up(&mut self, now: Duration) {
        self.changed = Changed {
            at: now,
            is_drawn: false,
            by_itself: true,
            is_read: false,
        };
        self.outlived = None;
    }

    /// Something else stands there than before the last key. What is being typed belongs to what was there.
    pub fn changed_by_itself(&mut self, now: Duration) {
        self.came_up(now);
        self.outlived = Some(now);
    }

    /// What was sent is not taken, so what is typed after it without a pause is for a screen that does not come.
    pub fn refused(&mut self, now: Duration) {
        self.outlived = Some(now);
    }

    /// The terminal has taken a drawing of the screen as it is.
    pub fn drawn(&mut self, now: Duration) {
        if !self.changed.is_drawn {
            self.changed.is_drawn = true;
            self.changed.at = now;
            self.outlived = self.outlived.map(|_| now);
        }
    }

    /// Somebody types into the screen as it stands.
    pub fn answered(&mut self) {
        self.changed.is_read = true;
    }

    /// Takes note of a key that is none of a text (`Some`), or of one that is.
    pub fn pressed(&mut self, press: Option<KeyPress>, now: Duration) {
        let (before, pause) = (self.run.take(), self.pause());
        self.run = press.map(|press| match before {
            Some(run) if run.press == press && now.saturating_sub(run.last) < pause => Run {
                last: now,
                is_repeated: true,
                ..run
            },
            _ => Run {
                press,
                began: now,
                last: now,
                is_repeated: false,
                is_refused: false,
            },
        });
    }

    /// Whether text that comes now is for the screen as it stands.
    pub fn takes_text(&mut self, now: Duration) -> bool {
        if self.is_outlived(now) {
            return false;
        }
        self.answered();
        true
    }

    /// Whether the key just pressed, which means `command` here, is for the screen as it stands. Moving the focus always
    /// is: it does nothing that a person does not see before they go on.
    pub fn takes(&mut self, command: Command, stakes: Stakes, now: Duration) -> bool {
        if command.moves_focus() {
            return true;
        }
        if let Command::Edit(_) = command {
            return self.takes_text(now);
        }
        if self.reading_time.is_zero() {
            return true;
        }
        let takes = !self.is_outlived(now) && self.is_meant(command, stakes, now);
        if takes {
            self.answered();
        } else if let Some(run) = &mut self.run {
            run.is_refused = true;
        }
        takes
    }

    /// Whether whoever presses a key has read what it does now, and does not just hold it since before.
    fn is_meant(&self, command: Command, stakes: Stakes, now: Duration) -> bool {
        let Changed {
            at,
            by_itself,
            is_read,
            ..
        } = self.changed;
        let grave = stakes.grave && command == Command::Activate;
        let stands_for = now.saturating_sub(at);
        // What came by itself and cannot be taken back is read twice.
        let needed = match by_itself && grave {
            true => 2 * self.reading_time,
            false => self.reading_time,
        };
        let is_held = self.run.as_ref().is_some_and(|run| {
            let since_before = run.began <= at && (by_itself || stakes.logged_in);
            run.is_repeated && (grave || run.is_refused || since_before)
        });
        let is_unread = (grave || !is_read) && stands_for < needed;
        !is_held && !is_unread
    }

    /// Whether a key that comes now goes on with what was being typed before the change.
    fn is_outlived(&mut self, now: Duration) -> bool {
        let goes_on = |last: &Duration| now.saturating_sub(*last) < self.pause();
        let last = self.outlived.filter(goes_on);
        self.outlived = last.map(|_| now);
        last.is_some() && !self.reading_time.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::command::Edit;

    const LIGHT: Stakes = Stakes {
        logged_in: false,
        grave: false,
    };

    const GRAVE: Stakes = Stakes {
        logged_in: true,
        grave: true,
    };

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn press(attention: &mut Attention, stakes: Stakes, milliseconds: u64) -> bool {
        attention.pressed(Some(Key::Enter.into()), at(milliseconds));
        attention.takes(Command::Activate, stakes, at(milliseconds))
    }

    fn letter(attention: &mut Attention, milliseconds: u64) -> bool {
        attention.pressed(None, at(milliseconds));
        attention.takes(Command::Edit(Edit::Insert('x')), LIGHT, at(milliseconds))
    }

    #[test]
    fn what_came_by_itself_is_read_first_and_what_is_grave_twice() {
        for (stakes, needed) in [(LIGHT, 1000), (GRAVE, 2000)] {
            for (since, takes) in [(0, false), (needed - 1, false), (needed, true)] {
                let mut attention = Attention::new(READING_TIME);
                attention.changed_by_itself(at(5000));
                assert_eq!(
                    press(&mut attention, stakes, 5000 + since),
                    takes,
                    "{since}"
                );
            }
        }
    }

    #[test]
    fn what_a_key_brought_is_read_where_it_is_grave() {
        for (stakes, since, takes) in [
            (LIGHT, 0, true),
            (GRAVE, 0, false),
            (GRAVE, 999, false),
            (GRAVE, 1000, true),
        ] {
            let mut attention = Attention::new(READING_TIME);
            attention.changed_by_key(at(5000));
            assert_eq!(
                press(&mut attention, stakes, 5000 + since),
                takes,
                "{since}"
            );
        }
    }

    #[test]
    fn a_typing_that_began_before_ends_with_a_pause() {
        let mut attention = Attention::new(READING_TIME);
        attention.changed_by_itself(at(5000));
        for milliseconds in [5000, 5399, 5700, 6000, 6399] {
            assert!(!letter(&mut attention, milliseconds), "{milliseconds}");
        }
        assert!(!press(&mut attention, LIGHT, 6700), "its own Enter");
        assert!(letter(&mut attention, 7100));
        // Whoever types anew has seen what stands there.
        assert!(letter(&mut attention, 7110) && press(&mut attention, LIGHT, 7120));
        // What is typed into a field that was known to follow arrives, and so does the Enter behind it.
        attention.came_up(at(8000));
        assert!(letter(&mut attention, 8000) && press(&mut attention, LIGHT, 8001));
    }

    #[test]
    fn a_key_that_is_held_acts_only_where_it_was_pressed() {
        let repeats = |from| (from..from + 10_000).step_by(33);
        // Held since before the change, and since a press that came too early.
        for first in [4990, 5600] {
            let mut attention = Attention::new(READING_TIME);
            assert!(press(&mut attention, LIGHT, 1000));
            if first < 5000 {
                assert!(press(&mut attention, LIGHT, first));
            }
            attention.changed_by_itself(at(5000));
            for milliseconds in repeats(first.max(5001)) {
                assert!(
                    !press(&mut attention, LIGHT, milliseconds),
                    "{milliseconds}"
                );
            }
            assert!(
                press(&mut attention, LIGHT, 20_000),
                "let go, and pressed anew"
            );
        }
        // What its own press has brought, once somebody has logged in; before, two quick presses are two.
        for logged_in in [true, false] {
            let stakes = Stakes { logged_in, ..LIGHT };
            let mut attention = Attention::new(READING_TIME);
            assert!(press(&mut attention, stakes, 5000));
            attention.changed_by_key(at(5000));
            assert_eq!(press(&mut attention, stakes, 5200), !logged_in);
        }
        // Where it is grave, the second of two presses without a pause is none, however long the screen has stood.
        let mut attention = Attention::new(READING_TIME);
        assert!(press(&mut attention, GRAVE, 5000));
        assert!(!press(&mut attention, GRAVE, 5300));
    }

    #[test]
    fn where_nobody_reads_nothing_is_held_back() {
        let mut attention = Attention::new(Duration::ZERO);
        attention.changed_by_itself(at(5000));
        assert!(letter(&mut attention, 5000) && press(&mut attention, GRAVE, 5000));
    }
}
