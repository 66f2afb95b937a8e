//! Which versions of etcd a store may stand on: one table for `doctor`, the log and the manual.

use std::fmt;

/// The first version of each branch without the faults that matter here, and whether the branch still gets corrections.
///
/// Before them etcd could answer with what was no longer so and its own login could be got round, in every branch; 3.5.0 to
/// 3.5.2 also lost what was acknowledged when a member was killed. A newer branch than all of these began without those.
const BRANCHES: [Branch; 4] = [
    Branch::new([3, 4], 42, false),
    Branch::new([3, 5], 33, true),
    Branch::new([3, 6], 14, true),
    Branch::new([3, 7], 1, true),
];

/// A branch of etcd's versions.
#[derive(Debug, Clone, Copy)]
struct Branch {
    name: [u32; 2],
    first_sound: u32,
    is_supported: bool,
}

impl Branch {
    const fn new(name: [u32; 2], first_sound: u32, is_supported: bool) -> Self {
        Self {
            name,
            first_sound,
            is_supported,
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor] = self.name;
        write!(f, "{major}.{minor}.{}", self.first_sound)
    }
}

/// What is the matter with a member's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionFault {
    /// It has faults that matter here; from this version on it would not.
    Faulty { first_sound: String },
    /// It is sound as far as is known, but its branch gets no corrections any more.
    OutOfSupport,
}

impl VersionFault {
    /// What to do about it, for whoever keeps the members.
    pub fn what_to_do(&self) -> String {
        match self {
            Self::Faulty { first_sound } => format!(
                "Replace it by {first_sound} or later, member by member: this version can answer with what is no longer so, \
                 lets its own login be got round, and may lose what was acknowledged."
            ),
            Self::OutOfSupport => format!(
                "Plan to move to a branch that gets corrections ({}), member by member.",
                supported()
            ),
        }
    }
}

impl fmt::Display for VersionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faulty { first_sound } => {
                write!(f, "older than {first_sound}, with faults that matter here")
            }
            Self::OutOfSupport => f.write_str("of a branch that gets no corrections any more"),
        }
    }
}

/// The first sound versions of the branches that get corrections.
fn supported() -> String {
    let supported = BRANCHES.iter().filter(|branch| branch.is_supported);
    let versions: Vec<_> = supported.map(Branch::to_string).collect();
    versions.join(", ")
}

/// What is the matter with `version` as a member tells it (`3.5.9`, `3.6.0-rc.1`, `3.6.4+git`), if anything is.
pub fn fault(version: &str) -> Option<VersionFault> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0_u32);
    let (name, number) = ([next(), next()], next());
    // Before a version come those that try it out.
    let is_trial = version.contains('-');
    let [first, .., last] = BRANCHES;
    let Some(branch) = BRANCHES.iter().find(|branch| branch.name == name) else {
        let first_sound = first.to_string();
        return (name < last.name).then_some(VersionFault::Faulty { first_sound });
    };
    let is_faulty = number < branch.first_sound || number == branch.first_sound && is_trial;
    match (is_faulty, branch.is_supported) {
        (true, _) => Some(VersionFault::Faulty {
            first_sound: branch.to_string(),
        }),
        (false, false) => Some(VersionFault::OutOfSupport),
        (false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_judged_by_its_branch() {
        for (version, first_sound) in [
            ("3.4.23", "3.4.42"),
            ("3.4.9", "3.4.42"),
            ("3.4.42-rc.1", "3.4.42"),
            ("3.3.99", "3.4.42"),
            ("", "3.4.42"),
            ("new", "3.4.42"),
            ("3.5.0", "3.5.33"),
            ("3.5.32", "3.5.33"),
            ("3.6.13+git", "3.6.14"),
            ("3.7.0", "3.7.1"),
        ] {
            let first_sound = first_sound.to_owned();
            assert_eq!(
                fault(version),
                Some(VersionFault::Faulty { first_sound }),
                "{version}"
            );
        }
        for old in ["3.4.42", "3.4.100"] {
            assert_eq!(fault(old), Some(VersionFault::OutOfSupport), "{old}");
        }
        for sound in ["3.5.33", "3.6.14", "3.6.20+git", "3.7.1", "3.8.0", "4.0.0"] {
            assert_eq!(fault(sound), None, "{sound}");
        }
    }

    #[test]
    fn the_manual_has_the_same_table() {
        let manual = include_str!("../../../assets/manual/cluster.md");
        for branch in BRANCHES {
            let [major, minor] = branch.name;
            let support = match branch.is_supported {
                true => "yes",
                false => "no",
            };
            let row = format!("| {major}.{minor} | {branch} | {support} |");
            assert!(manual.contains(&row), "the manual has the row {row}");
        }
    }
}
