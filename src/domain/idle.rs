//! The limits of idleness: when an unattended terminal is cleared, and when a session that is only lent ends. Time
//! comes in as a parameter, from a monotonic clock.

use std::time::Duration;

/// How long a person may be away, and how long they may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleLimits {
    /// Without a key, somebody logged in is logged out after this long.
    pub logged_in: Duration,
    /// Without a key, a form that is filled in half is cleared after this long.
    pub half_typed: Duration,
    /// The warning is shown for this long before.
    pub warning: Duration,
    /// A visit lasts no longer than this in all, keys or not.
    pub in_all: Duration,
    /// Nobody stays longer than this without logging in, or being answered otherwise; `None` for a kiosk, whose fresh
    /// menu waits for ever.
    pub before_login: Option<Duration>,
    /// The session lasts no longer than this, whoever visits; `None` for a kiosk.
    pub session: Option<Duration>,
}

impl Default for IdleLimits {
    fn default() -> Self {
        Self {
            logged_in: Duration::from_secs(90),
            half_typed: Duration::from_secs(30),
            warning: Duration::from_secs(15),
            in_all: Duration::from_secs(15 * 60),
            before_login: None,
            session: None,
        }
    }
}

/// What is at stake on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The fresh menu: nothing to protect, nothing to do.
    Nobody,
    /// A form into which nobody has typed anything yet: nothing to protect, and nobody to be warned.
    Empty,
    /// Somebody reads a page, or has only switched the language: nothing to protect, and no hurry.
    Reading,
    /// A form that somebody may have left half-typed.
    Form,
    /// The same, where people look away from it for what it asks: into a letter, or for an address.
    LongForm,
    /// Somebody is logged in, or has given a right password.
    LoggedIn,
    /// The same, and what stands there is being copied to a phone or to paper, without a key, and is never shown again.
    Copying,
}

impl Presence {
    /// Whether somebody is logged in, or has given a right password.
    pub fn is_logged_in(self) -> bool {
        matches!(self, Self::LoggedIn | Self::Copying)
    }

    /// Whether what stands there is looked at while no key is pressed: a warning leaves it to be seen.
    pub fn is_looked_at(self) -> bool {
        matches!(self, Self::Reading | Self::Copying)
    }
}

/// Without a key, what is shown once and copied stays this long: who looks for an authenticator and installs it, or writes
/// down ten codes of twelve letters, needs minutes and no keyboard.
const COPYING: Duration = Duration::from_secs(5 * 60);

/// Why a visit or a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No key for too long; a key prolongs.
    Idle,
    /// The time is up, whatever is pressed.
    TimeUp,
}

/// What the rule says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do before this moment; `None`: nothing to do at all.
    Quiet {
        until: Option<Duration>,
    },
    /// It ends in this long.
    Warn {
        left: Duration,
        reason: Reason,
    },
    Expired {
        reason: Reason,
    },
}

/// Since when nobody has pressed a key, and since when the visit and the session last.
#[derive(Debug)]
pub struct Idle {
    limits: IdleLimits,
    last_key: Duration,
    visit_began: Option<Duration>,
    session_began: Duration,
    /// When somebody was last logged in, or last answered.
    last_answer: Duration,
}

impl Idle {
    pub fn new(limits: IdleLimits, now: Duration) -> Self {
        Self {
            limits,
            last_key: now,
            visit_began: None,
            session_began: now,
            last_answer: now,
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, now: Duration) {
        self.last_key = now;
    }

    /// A service has answered: whoever asks for a reset, or mistypes a password, is at work.
    pub fn answered(&mut self, now: Duration) {
        self.last_answer = now;
    }

    /// Judges `presence` at `now`.
    pub fn judge(&mut self, presence: Presence, now: Duration) -> Verdict {
        let limits = self.limits;
        let mut ends = [None; 4];
        if let Some(session) = limits.session {
            ends[0] = Some((self.session_began + session, Reason::TimeUp));
        }
        if presence.is_logged_in() {
            self.last_answer = now;
        } else if let Some(before_login) = limits.before_login {
            ends[1] = Some((self.last_answer + before_login, Reason::TimeUp));
        }
        let mut warning = limits.warning;
        let limit = match presence {
            Presence::Nobody => {
                self.visit_began = None;
                None
            }
            Presence::Form => Some(limits.half_typed),
            Presence::Empty | Presence::Reading | Presence::LongForm | Presence::LoggedIn => {
                Some(limits.logged_in)
            }
            Presence::Copying => Some(COPYING.max(limits.logged_in)),
        };
        if let Some(limit) = limit {
            // The visit ends with the fresh menu that follows, not with being judged: judging twice changes nothing.
            let began = *self.visit_began.get_or_insert(now);
            ends[2] = Some((began + limits.in_all, Reason::TimeUp));
            ends[3] = Some((self.last_key + limit, Reason::Idle));
            warning = warning.min(limit / 2);
        }
        let first = ends.into_iter().flatten().min_by_key(|(end, _)| *end);
        let Some((end, reason)) = first else {
            return Verdict::Quiet { until: None };
        };
        if presence == Presence::Empty && reason == Reason::Idle {
            warning = Duration::ZERO;
        }
        let left = end.saturating_sub(now);
        if left.is_zero() {
            Verdict::Expired { reason }
        } else if left <= warning {
            Verdict::Warn { left, reason }
        } else {
            Verdict::Quiet {
                until: Some(end - warning),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRED: Verdict = Verdict::Expired {
        reason: Reason::Idle,
    };
    const TIME_UP: Verdict = Verdict::Expired {
        reason: Reason::TimeUp,
    };

    fn idle_in(seconds: u64) -> Verdict {
        Verdict::Warn {
            left: at(seconds),
            reason: Reason::Idle,
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_fresh_menu_waits_for_ever() {
        let mut idle = Idle::new(IdleLimits::default(), at(0));
        assert_eq!(
            idle.judge(Presence::Nobody, at(1_000_000)),
            Verdict::Quiet { until: None }
        );
    }

    #[test]
    fn somebody_logged_in_is_warned_then_logged_out_and_a_key_prolongs() {
        let mut idle = Idle::new(IdleLimits::default(), at(0));
        let judge = |idle: &mut Idle, now| idle.judge(Presence::LoggedIn, at(now));
        assert_eq!(
            judge(&mut idle, 0),
            Verdict::Quiet {
                until: Some(at(75))
            }
        );
        assert_eq!(judge(&mut idle, 75), idle_in(15));
        idle.key(at(80));
        assert_eq!(
            judge(&mut idle, 80),
            Verdict::Quiet {
                until: Some(at(155))
            }
        );
        assert_eq!(judge(&mut idle, 169), idle_in(1));
        assert_eq!(judge(&mut idle, 170), EXPIRED);
    }

    #[test]
    fn a_half_typed_form_is_cleared_sooner_than_a_page_that_is_read() {
        let mut idle = Idle::new(IdleLimits::default(), at(0));
        assert_eq!(
            idle.judge(Presence::Reading, at(0)),
            Verdict::Quiet {
                until: Some(at(75))
            }
        );
        assert_eq!(
            idle.judge(Presence::Form, at(0)),
            Verdict::Quiet {
                until: Some(at(15))
            }
        );
        assert_eq!(idle.judge(Presence::Form, at(30)), EXPIRED);
    }

    #[test]
    fn what_is_copied_stays_for_minutes_and_an_empty_form_goes_without_a_word() {
        let mut idle = Idle::new(IdleLimits::default(), at(0));
        let quiet = |seconds| Verdict::Quiet {
            until: Some(at(seconds)),
        };
        assert_eq!(idle.judge(Presence::Copying, at(0)), quiet(285));
        assert_eq!(idle.judge(Presence::Copying, at(285)), idle_in(15));
        assert_eq!(idle.judge(Presence::Copying, at(300)), EXPIRED);
        assert_eq!(idle.judge(Presence::LongForm, at(75)), idle_in(15));
        assert_eq!(idle.judge(Presence::Empty, at(0)), quiet(90));
        assert_eq!(idle.judge(Presence::Empty, at(89)), quiet(90));
        assert_eq!(idle.judge(Presence::Empty, at(90)), EXPIRED);
        // Never shorter than whoever set the limits wants it.
        let limits = IdleLimits {
            logged_in: at(400),
            ..IdleLimits::default()
        };
        let mut idle = Idle::new(limits, at(0));
        assert_eq!(idle.judge(Presence::Copying, at(399)), idle_in(1));
        // A time that is up is told of whatever stands there.
        let limits = IdleLimits {
            before_login: Some(at(60)),
            ..IdleLimits::default()
        };
        let mut idle = Idle::new(limits, at(0));
        let warned = Verdict::Warn {
            left: at(10),
            reason: Reason::TimeUp,
        };
        assert_eq!(idle.judge(Presence::Empty, at(50)), warned);
    }

    #[test]
    fn a_visit_ends_after_a_quarter_of_an_hour_even_with_a_key_held_down() {
        let mut idle = Idle::new(IdleLimits::default(), at(0));
        for second in 0..899 {
            idle.key(at(second));
            let verdict = idle.judge(Presence::LoggedIn, at(second));
            assert!(!matches!(verdict, Verdict::Expired { .. }), "{second} s");
        }
        idle.key(at(900));
        for _ in 0..2 {
            assert_eq!(idle.judge(Presence::LoggedIn, at(900)), TIME_UP);
        }
    }

    #[test]
    fn a_lent_session_ends_without_a_login_keys_or_not_and_an_answer_prolongs() {
        let limits = IdleLimits {
            before_login: Some(at(120)),
            session: Some(at(3600)),
            ..IdleLimits::default()
        };
        let mut idle = Idle::new(limits, at(0));
        let quiet = Verdict::Quiet {
            until: Some(at(105)),
        };
        assert_eq!(idle.judge(Presence::Nobody, at(0)), quiet);
        idle.key(at(119));
        let warned = Verdict::Warn {
            left: at(1),
            reason: Reason::TimeUp,
        };
        assert_eq!(idle.judge(Presence::Nobody, at(119)), warned);
        assert_eq!(idle.judge(Presence::Form, at(120)), TIME_UP);
        idle.answered(at(119));
        assert_ne!(idle.judge(Presence::Form, at(120)), TIME_UP);
        // Who has logged in is not hurried, and has the same time again afterwards.
        idle.key(at(500));
        idle.judge(Presence::LoggedIn, at(500));
        assert_ne!(idle.judge(Presence::Nobody, at(619)), TIME_UP);
        assert_eq!(idle.judge(Presence::Nobody, at(620)), TIME_UP);
        idle.key(at(3599));
        idle.judge(Presence::LoggedIn, at(3599));
        assert_eq!(idle.judge(Presence::LoggedIn, at(3600)), TIME_UP);
    }
}
