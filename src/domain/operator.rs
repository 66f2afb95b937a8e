//! The person who runs a command on the machine, as the machine itself knows them.

use std::fmt;

use super::identity::is_disguise;

/// Who ran a command: the name of an account of the machine, with what it stood for and where. Told as
/// `siti (as root, pts/0)`, which leads back to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operator {
    name: String,
    /// The account by whose rights the command ran, where it is another.
    acting_as: Option<String>,
    terminal: Option<String>,
}

impl Operator {
    /// Names of accounts end here: longer than any that a directory gives out.
    const LONGEST_NAME: usize = 64;

    /// Names of terminals end here.
    const LONGEST_TERMINAL: usize = 32;

    /// The person named `name`, by the rights of `acting_as`, at `terminal`. Whatever could act on a terminal, or pass for
    /// another part of what is told, is left out.
    pub fn new(name: &str, acting_as: Option<&str>, terminal: Option<&str>) -> Self {
        let name = plain(name, Self::LONGEST_NAME).unwrap_or_else(|| "somebody".into());
        let acting_as = acting_as.and_then(|user| plain(user, Self::LONGEST_NAME));
        Self {
            acting_as: acting_as.filter(|user| *user != name),
            terminal: terminal.and_then(|terminal| plain(terminal, Self::LONGEST_TERMINAL)),
            name,
        }
    }

    /// The operator of whom `told` tells.
    pub fn of_told(told: &str) -> Self {
        let parts = told
            .strip_suffix(')')
            .and_then(|told| told.split_once(" ("));
        let Some((name, rest)) = parts else {
            return Self::new(told, None, None);
        };
        let (mut acting_as, mut terminal) = (None, None);
        for part in rest.split(", ") {
            match part.strip_prefix("as ") {
                Some(user) => acting_as = Some(user),
                None => terminal = Some(part),
            }
        }
        Self::new(name, acting_as, terminal)
    }

    /// The name of their account on the machine.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// At most `longest` characters of a name, without what would make it look like something else; `None` where nothing is left.
fn plain(name: &str, longest: usize) -> Option<String> {
    let is_plain =
        |c: &char| !is_disguise(*c) && !c.is_whitespace() && !matches!(c, '(' | ')' | ',');
    let name: String = name.chars().filter(is_plain).take(longest).collect();
    (!name.is_empty()).then_some(name)
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let acting_as = self.acting_as.as_ref().map(|user| format!("as {user}"));
        let said: Vec<String> = acting_as.into_iter().chain(self.terminal.clone()).collect();
        match said.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", said.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_an_operator_leads_back_to_them() {
        for (name, acting_as, terminal, told) in [
            ("siti", None, None, "siti"),
            ("siti", Some("siti"), None, "siti"),
            ("siti", Some("root"), None, "siti (as root)"),
            ("siti", None, Some("tty1"), "siti (tty1)"),
            ("siti", Some("root"), Some("pts/0"), "siti (as root, pts/0)"),
            (r"DINAS\siti", Some("root"), None, r"DINAS\siti (as root)"),
        ] {
            let operator = Operator::new(name, acting_as, terminal);
            assert_eq!(operator.to_string(), told);
            assert_eq!(Operator::of_told(told), operator);
            assert_eq!(operator.name(), name);
        }
    }

    #[test]
    fn no_name_passes_for_something_else() {
        let sly = Operator::new("budi (as root, pts/9)", Some("a, b)"), Some("\u{1b}[2J"));
        assert_eq!(sly.to_string(), "budiasrootpts/9 (as ab, [2J)");
        assert_eq!(Operator::of_told(&sly.to_string()), sly);
        assert_eq!(Operator::new(" ", None, Some("")).to_string(), "somebody");
        let long = "x".repeat(500);
        let longest = Operator::new(&long, Some(&"y".repeat(500)), Some(&long)).to_string();
        assert!(longest.len() < 200, "it fits a record: {}", longest.len());
        for told in ["", "siti (", "siti (as ", ")", " ()", "a (b (c))"] {
            let read = Operator::of_told(told);
            assert_eq!(Operator::of_told(&read.to_string()), read, "{told:?}");
        }
    }
}
