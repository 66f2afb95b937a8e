//! When an unattended terminal is cleared: the rule, on a monotonic clock that comes in as a parameter.

use std::time::Duration;

/// How long a person may be away.
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
}

impl Default for IdleLimits {
    fn default() -> Self {
        Self {
            logged_in: Duration::from_secs(90),
            half_typed: Duration::from_secs(30),
            warning: Duration::from_secs(15),
            in_all: Duration::from_secs(15 * 60),
        }
    }
}

/// What is at stake on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The fresh menu: nothing to protect, nothing to do.
    Nobody,
    /// Somebody reads a page, or has only switched the language: nothing to protect, and no hurry.
    Reading,
    /// A form that somebody may have left half-typed.
    Form,
    /// Somebody is logged in, or has given a right password.
    LoggedIn,
}

/// What the rule says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do before this moment; `None`: nothing to do at all.
    Quiet {
        until: Option<Duration>,
    },
    /// The screen is cleared in this long unless a key comes.
    Warn {
        left: Duration,
    },
    Expired,
}

/// Since when nobody has pressed a key, and since when the visit lasts.
#[derive(Debug)]
pub struct Idle {
    limits: IdleLimits,
    last_key: Duration,
    visit_began: Option<Duration>,
}

impl Idle {
    pub fn new(limits: IdleLimits, now: Duration) -> Self {
        Self {
            limits,
            last_key: now,
            visit_began: None,
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, now: Duration) {
        self.last_key = now;
    }

    /// Judges `presence` at `now`.
    pub fn judge(&mut self, presence: Presence, now: Duration) -> Verdict {
        let limit = match presence {
            Presence::Nobody => {
                self.visit_began = None;
                return Verdict::Quiet { until: None };
            }
            Presence::Form => self.limits.half_typed,
            Presence::Reading | Presence::LoggedIn => self.limits.logged_in,
        };
        let began = *self.visit_began.get_or_insert(now);
        let end = (self.last_key + limit).min(began + self.limits.in_all);
        let left = end.saturating_sub(now);
        let warning = self.limits.warning.min(limit / 2);
        if left.is_zero() {
            // The visit ends with the fresh menu that follows, not with being judged: judging twice changes nothing.
            Verdict::Expired
        } else if left <= warning {
            Verdict::Warn { left }
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
        assert_eq!(judge(&mut idle, 75), Verdict::Warn { left: at(15) });
        idle.key(at(80));
        assert_eq!(
            judge(&mut idle, 80),
            Verdict::Quiet {
                until: Some(at(155))
            }
        );
        assert_eq!(judge(&mut idle, 169), Verdict::Warn { left: at(1) });
        assert_eq!(judge(&mut idle, 170), Verdict::Expired);
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
        assert_eq!(idle.judge(Presence::Form, at(30)), Verdict::Expired);
    }

    #[test]
    fn a_visit_ends_after_a_quarter_of_an_hour_even_with_a_key_held_down() {
        let mut idle = Idle::new(IdleLimits::default(), at(0));
        for second in 0..899 {
            idle.key(at(second));
            assert_ne!(idle.judge(Presence::LoggedIn, at(second)), Verdict::Expired);
        }
        idle.key(at(900));
        for _ in 0..2 {
            assert_eq!(idle.judge(Presence::LoggedIn, at(900)), Verdict::Expired);
        }
    }
}
