//! How many keys people's tasks take besides what they type: the table of `assets/manual/screens.md`, which is true.

use super::*;

const MANUAL: &str = include_str!("../../../assets/manual/screens.md");

/// A task: what the manual calls it, where it begins, what is pressed (in brackets: what is typed), and what then has to be
/// asked for or stand there.
struct Task {
    name: &'static str,
    begins: fn(Person) -> Person,
    steps: &'static [Step],
    ends: fn(&Person) -> bool,
}

/// Keys, and what is answered to them.
type Step = (&'static str, fn() -> Option<Reply>);

const UNANSWERED: fn() -> Option<Reply> = || None;

fn at_home_now() -> Option<Reply> {
    let view = home(ACTIVE, Policy::Enabled, None);
    Some(Reply::Home(Box::new(view)))
}

fn wanting_code() -> Option<Reply> {
    Some(Reply::PasscodeWanted {
        pending: false,
        recovery: true,
        spent_until: None,
    })
}

fn at_active_home(person: Person) -> Person {
    person.at_home(with_recovery(Some(10)))
}

const TASKS: &[Task] = &[
    Task {
        name: "login with a code",
        begins: |person| person,
        steps: &[
            ("\nn[ppk30]\n[rahasia sekali]\n", wanting_code),
            ("[123456]", at_home_now),
        ],
        ends: |person| person.shows("Login terakhir"),
    },
    Task {
        name: "login with a recovery code",
        begins: |person| person,
        steps: &[
            ("\nn[ppk30]\n[rahasia sekali]\n", wanting_code),
            ("\t\t\n[acde-fghj-kmnp]\n", at_home_now),
        ],
        ends: |person| person.shows("Login terakhir"),
    },
    Task {
        name: "activate TOTP, from home",
        begins: |person| person.at_home(home(TotpState::Off, Policy::Enabled, None)),
        steps: &[
            ("e", || {
                Some(Reply::Enrollment {
                    provisioning: provisioning(),
                    compulsory: false,
                    codes_follow: true,
                })
            }),
            ("[123456]", at_home_now),
        ],
        ends: |person| person.shows("Login terakhir"),
    },
    Task {
        name: "add a second phone, from home",
        begins: at_active_home,
        steps: &[
            ("t\n", || Some(Reply::SecondPhone(provisioning()))),
            ("[123456]", || {
                let notice = Some(HomeNotice::PhoneAdded);
                Some(Reply::Home(Box::new(home(ACTIVE, Policy::Enabled, notice))))
            }),
        ],
        ends: |person| person.shows("Ponsel kedua aktif."),
    },
    Task {
        name: "make recovery codes, when they are offered",
        begins: Person::at_recovery_offer,
        steps: &[
            ("\n", || {
                let view = Box::new(with_recovery(Some(10)));
                Some(Reply::RecoveryCodes(issued_codes(), view))
            }),
            ("\ny\n", UNANSWERED),
        ],
        ends: |person| person.shows("Login terakhir"),
    },
    Task {
        name: "disable TOTP, from home",
        begins: at_active_home,
        steps: &[("d\nd\n", || {
            let notice = Some(HomeNotice::TotpDisabled);
            let view = home(TotpState::Off, Policy::Enabled, notice);
            Some(Reply::Home(Box::new(view)))
        })],
        ends: |person| person.shows("TOTP sudah dinonaktifkan."),
    },
    Task {
        name: "change the password, from home",
        begins: at_active_home,
        steps: &[(
            "g[rahasia lama]\n[perahu layar 7 biru]\n[perahu layar 7 biru]\n",
            || {
                let notice = Some(HomeNotice::PasswordChanged);
                let view = home(ACTIVE, Policy::Enabled, notice);
                Some(Reply::Home(Box::new(view)))
            },
        )],
        ends: |person| person.shows("Login terakhir"),
    },
    Task {
        name: "look at what happened to the account, from home",
        begins: at_active_home,
        steps: &[("a", || {
            Some(Reply::Activity(Box::new(with_recovery(Some(10)))))
        })],
        ends: |person| person.shows("Aktivitas akun"),
    },
    Task {
        name: "ask for a reset by e-mail, from the menu",
        begins: |person| person,
        steps: &[("\nn[ppk30]\t\t\n[siti@contoh.go.id]\n\n[acdefg]\n", || {
            Some(Reply::ResetRequested)
        })],
        ends: |person| person.shows("Permintaan sudah diterima"),
    },
    Task {
        name: "reset with the code of the letter",
        begins: Person::at_reset_confirm,
        steps: &[
            ("[F4FQ-FFQ4-QQF4-44QF]\n", || {
                Some(Reply::ResetFound {
                    user_type: UserType::NonPenyedia,
                    masked_id: "PP**0".into(),
                })
            }),
            ("o\n", || Some(Reply::ResetDone)),
        ],
        ends: |person| person.shows("Reset TOTP selesai"),
    },
    Task {
        name: "log out, from home",
        begins: at_active_home,
        steps: &[("l\n", UNANSWERED)],
        ends: |person| person.shows("Anda sudah logout."),
    },
];

impl Task {
    /// Does it, and counts the keys that are no text.
    fn keys(&self) -> usize {
        let mut person = (self.begins)(Person::new(with_letters(Language::Id)));
        let mut count = 0;
        for (script, answer) in self.steps {
            let mut rest = *script;
            while let Some(key) = rest.chars().next() {
                let (keys, after) = match rest.strip_prefix('[') {
                    Some(typed) => typed.split_once(']').unwrap(),
                    None => {
                        count += 1;
                        rest.split_at(key.len_utf8())
                    }
                };
                person.types(keys);
                rest = after;
            }
            if let Some(reply) = answer() {
                assert!(person.request.is_some(), "{}: {script:?} asks", self.name);
                person.answered(reply);
            }
        }
        let seen = person.screen(80, 24);
        assert!((self.ends)(&person), "{}: {seen}", self.name);
        count
    }
}

#[test]
fn tasks_take_as_many_keys_as_the_manual_says() {
    let table: Vec<_> = TASKS
        .iter()
        .map(|task| format!("| {} | {} |", task.name, task.keys()))
        .collect();
    let table = table.join("\n");
    assert!(
        MANUAL.contains(&table),
        "the manual has another table than\n{table}"
    );
}
