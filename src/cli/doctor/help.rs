//! Whether anybody can help people who have lost their phone: an officer at the desk, or a letter.

use super::finding::Finding;
use crate::store::check::Checked;

const NAME: &str = "help";

/// What a walk over the records says about it, where letters are sent or not.
pub fn judge(checked: &Checked, letters_are_sent: bool) -> Finding {
    let officers = match checked.officers {
        1 => "1 officer is at the desk".to_owned(),
        officers => format!("{officers} officers are at the desk"),
    };
    match (checked.accounts, checked.officers, letters_are_sent) {
        (0, ..) => Finding::ok(NAME, "nobody has an account yet, so nobody waits for help"),
        (_, 0, false) => Finding::warning(
            NAME,
            "nobody can help people who lose their phone: no account that is not suspended is an officer's, and no mail \
             server is set",
            "Make an officer, `lpse-kiosk user set-role USER_ID officer --reason \"...\"`, or set [mail] server, so that people \
             reset TOTP by a letter.",
        ),
        (_, 0, true) => Finding::ok(NAME, "no account is an officer's; letters reset TOTP"),
        (_, _, false) => Finding::ok(NAME, format!("{officers}; no letters are sent")),
        (_, _, true) => Finding::ok(NAME, format!("{officers}, and letters reset TOTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn only_accounts_without_an_officer_and_without_letters_are_without_help() {
        for (accounts, officers, letters_are_sent, status) in [
            (0, 0, false, Status::Ok),
            (7, 0, false, Status::Warning),
            (7, 0, true, Status::Ok),
            (7, 1, false, Status::Ok),
            (7, 2, true, Status::Ok),
        ] {
            let checked = Checked {
                accounts,
                officers,
                ..Checked::default()
            };
            let judged = judge(&checked, letters_are_sent);
            assert_eq!(judged.status, status, "{accounts} {officers} {judged:?}");
        }
    }
}
