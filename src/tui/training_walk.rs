//! The walk through training mode: ten things to try, each ticked off when it has been done, in whatever order.
//!
//! It sees what the world answers and nothing else, and lasts as long as the terminal's screens: a logout ends no walk.

use ratatui::text::{Line, Span};

use super::{
    DeskReply, HomeNotice, HomeView, Reply, SampleAccount,
    text::{Text, TrainingWalkWords, fill},
    theme::{Glyphs, Theme},
};

/// Something to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    LogIn,
    Activate,
    IssueCodes,
    LogInByCode,
    LogInByRecoveryCode,
    RequestReset,
    ConfirmReset,
    OpenDesk,
    OpenCard,
    Disable,
}

impl Task {
    /// In the order in which they are proposed: each needs no more than those before it have brought about.
    pub const ALL: [Self; 10] = [
        Self::LogIn,
        Self::Activate,
        Self::IssueCodes,
        Self::LogInByCode,
        Self::LogInByRecoveryCode,
        Self::RequestReset,
        Self::ConfirmReset,
        Self::OpenDesk,
        Self::OpenCard,
        Self::Disable,
    ];

    fn words(self, words: &TrainingWalkWords) -> &str {
        match self {
            Self::LogIn => &words.log_in,
            Self::Activate => &words.activate,
            Self::IssueCodes => &words.issue_codes,
            Self::LogInByCode => &words.log_in_by_code,
            Self::LogInByRecoveryCode => &words.log_in_by_recovery_code,
            Self::RequestReset => &words.request_reset,
            Self::ConfirmReset => &words.confirm_reset,
            Self::OpenDesk => &words.open_desk,
            Self::OpenCard => &words.open_card,
            Self::Disable => &words.disable,
        }
    }
}

/// How far somebody has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainingWalk {
    done: [bool; Task::ALL.len()],
}

impl TrainingWalk {
    /// Ticks off what `reply` says is done. `brings_code`: the request brought the code of a login.
    pub fn answered(&mut self, brings_code: bool, reply: &Reply) {
        match reply {
            Reply::Home(view) => self.came_home(brings_code, view),
            Reply::RecoveryCodes(..) => self.tick(Task::IssueCodes),
            Reply::ResetRequested => self.tick(Task::RequestReset),
            Reply::ResetDone => self.tick(Task::ConfirmReset),
            Reply::Desk(DeskReply::Card(_)) => self.tick(Task::OpenCard),
            _ => {}
        }
    }

    fn came_home(&mut self, brings_code: bool, view: &HomeView) {
        self.tick(Task::LogIn);
        if view.role.is_officer() {
            self.tick(Task::OpenDesk);
        }
        match view.notice {
            Some(HomeNotice::TotpActivated) => self.tick(Task::Activate),
            Some(HomeNotice::RecoveryCodeUsed) => self.tick(Task::LogInByRecoveryCode),
            Some(HomeNotice::TotpDisabled) => self.tick(Task::Disable),
            None if brings_code => self.tick(Task::LogInByCode),
            _ => {}
        }
    }

    fn tick(&mut self, task: Task) {
        for (done, one) in self.done.iter_mut().zip(Task::ALL) {
            *done |= one == task;
        }
    }

    /// What is proposed now, and its number; `None` when there is nothing left.
    fn next(&self) -> Option<(usize, Task)> {
        let place = self.done.iter().position(|done| !done)?;
        Some((place + 1, Task::ALL[place]))
    }

    /// Whether there is nothing left to try.
    pub fn is_over(&self) -> bool {
        self.next().is_none()
    }

    /// What is proposed, in words: one thing to try, or at the end two lines on what next.
    pub fn words(&self, text: &'static Text, samples: &[SampleAccount]) -> Vec<String> {
        let words = &text.training_walk;
        let Some((number, task)) = self.next() else {
            return vec![words.over.clone(), words.over_next.clone()];
        };
        let (number, of) = (number.to_string(), Task::ALL.len().to_string());
        let lead = fill(&words.lead, &[("n", &number), ("of", &of)]);
        let passwords: Vec<_> = samples
            .iter()
            .map(|sample| (sample.user_id.as_str(), sample.password.as_str()))
            .collect();
        vec![format!("{lead} {}", fill(task.words(words), &passwords))]
    }

    /// The words, the first of them behind a tick for each thing that is done.
    pub fn lines(
        &self,
        text: &'static Text,
        samples: &[SampleAccount],
        theme: &Theme,
    ) -> Vec<Line<'static>> {
        let left = match theme.terminal.glyphs {
            Glyphs::Ascii => ".",
            Glyphs::Unicode | Glyphs::LinuxConsole => "·",
        };
        let marks = self.done.iter().map(|done| match done {
            true => Span::styled(theme.success_mark, theme.key),
            false => Span::styled(left, theme.footer),
        });
        let words = self.words(text, samples).into_iter();
        let mut lines: Vec<_> = words
            .map(|words| Line::raw(format!(" {}", theme.shown(&words))))
            .collect();
        if let Some(first) = lines.first_mut()
            && !self.is_over()
        {
            first
                .spans
                .splice(0..0, [Span::raw(" ")].into_iter().chain(marks));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            AccountKey, PersonName, Policy, Refusal, UserId, UserType,
            account::{Role, TotpState},
            language::Language,
            recovery::RecoverySet,
        },
        tui::{
            sequences::Sequences,
            theme::{Colours, Terminal},
        },
    };

    fn samples() -> Vec<SampleAccount> {
        let ids = ["PPK30", "PETUGAS1", "CVMAJU"];
        let sample = |id| SampleAccount {
            user_type: UserType::NonPenyedia,
            user_id: UserId::parse(id).unwrap(),
            // As long as the longest of training mode.
            password: format!("kata-sandi-{:.<8}", id.to_lowercase()),
        };
        ids.map(sample).into()
    }

    fn home(notice: Option<HomeNotice>, role: Role) -> Box<HomeView> {
        Box::new(HomeView {
            account: AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap()),
            name: PersonName::parse("Siti Rahmawati").unwrap(),
            role,
            totp: TotpState::Off,
            phones: Vec::new(),
            policy: Policy::Enabled,
            recovery: None,
            last_login: None,
            activity: Vec::new(),
            notice,
            clock: None,
        })
    }

    fn at_home(notice: Option<HomeNotice>) -> Reply {
        Reply::Home(home(notice, Role::User))
    }

    #[test]
    fn each_answer_ticks_off_what_it_says_is_done_and_the_walk_ends_after_ten() {
        let codes = RecoverySet::issue(&std::array::from_fn(|i| i as u8)).0;
        let mut walk = TrainingWalk::default();
        for (number, (brings_code, reply)) in [
            (false, at_home(None)),
            (true, at_home(Some(HomeNotice::TotpActivated))),
            (false, Reply::RecoveryCodes(codes, home(None, Role::User))),
            (true, at_home(None)),
            (true, at_home(Some(HomeNotice::RecoveryCodeUsed))),
            (false, Reply::ResetRequested),
            (false, Reply::ResetDone),
            (
                true,
                Reply::Home(home(Some(HomeNotice::TotpActivated), Role::Officer)),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(walk.next(), Some((number + 1, Task::ALL[number])));
            walk.answered(brings_code, &reply);
        }
        assert_eq!(walk.next(), Some((9, Task::OpenCard)));
        // In whatever order.
        walk.answered(false, &at_home(Some(HomeNotice::TotpDisabled)));
        assert_eq!(walk.next(), Some((9, Task::OpenCard)));
        walk.tick(Task::OpenCard);
        assert!(walk.is_over());
        assert_eq!(walk.words(Language::Id.text(), &samples()).len(), 2);
    }

    #[test]
    fn what_is_refused_is_not_done() {
        let mut walk = TrainingWalk::default();
        walk.answered(true, &Reply::Refused(Refusal::Busy));
        walk.answered(false, &Reply::Inbox(Vec::new()));
        assert_eq!(walk, TrainingWalk::default());
    }

    #[test]
    fn the_words_name_accounts_that_there_are_with_their_passwords_and_fit_a_row() {
        let samples = samples();
        for language in [Language::Id, Language::En] {
            let mut walk = TrainingWalk::default();
            let theme = Theme::new(
                Terminal {
                    glyphs: Glyphs::Unicode,
                    colours: Colours::Mono,
                    no_color: false,
                    sequences: Sequences::default(),
                },
                None,
            );
            let mut told = String::new();
            for task in Task::ALL.map(Some).into_iter().chain([None]) {
                for line in walk.lines(language.text(), &samples, &theme) {
                    let line = line.to_string();
                    assert!(line.chars().count() <= 80, "{line}");
                    assert!(!line.contains(['{', '}']), "{line}");
                    told.push_str(&line);
                }
                task.into_iter().for_each(|task| walk.tick(task));
            }
            for id in ["PPK30", "PETUGAS1", "CVMAJU"] {
                let mut all = samples.iter();
                let sample = all.find(|sample| sample.user_id.as_str() == id).unwrap();
                assert!(
                    told.contains(id) && told.contains(&sample.password),
                    "{told}"
                );
            }
            assert!(told.contains("ppk30@contoh.go.id"), "{told}");
        }
    }
}
