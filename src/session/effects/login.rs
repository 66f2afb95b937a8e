//! Requests on the way in: the password, a code, a new key before there is a home, a password of one's own.

use super::answer::{Attempted, changed, enrolling, home, password_due, proved, refused};
use crate::{
    domain::{
        AwaitingEnrollment, AwaitingPasscode, AwaitingPassword, Identified, Passcode,
        PlainPassword, Source, recovery::RecoveryCode, totp::PasscodePair,
    },
    service::{
        Services,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{Prover, ShownKey, StartOutcome, StartOverOutcome},
    },
    session::proofs::Proofs,
    tui::{HomeNotice, Reply},
};

pub async fn check_password(
    services: &Services,
    source: &Source,
    claimed: Identified,
    password: PlainPassword,
) -> Attempted {
    let authentication = &services.authentication;
    match authentication
        .check_password(claimed, password, source)
        .await?
    {
        PasswordOutcome::Refused(refusal) => Ok((Reply::Refused(refusal), Proofs::None)),
        PasswordOutcome::Granted(granted) => Ok(home(*granted, None)),
        PasswordOutcome::PasswordDue(due) => Ok(password_due(due)),
        PasswordOutcome::PasscodeWanted {
            awaiting,
            pending,
            recovery,
            spent_until,
        } => Ok((
            Reply::PasscodeWanted {
                pending,
                recovery,
                spent_until,
            },
            Proofs::Password(awaiting),
        )),
        PasswordOutcome::EnrollmentWanted(awaiting) => {
            let prover = Prover::Awaiting(awaiting.clone());
            Ok(match services.enrollment.start(&prover, source).await? {
                StartOutcome::Refused(refusal) => (Reply::Refused(refusal), Proofs::None),
                StartOutcome::Started(key) => enrolling(awaiting, key),
            })
        }
    }
}

pub async fn check_passcode(
    services: &Services,
    source: &Source,
    awaiting: AwaitingPasscode,
    passcode: Passcode,
) -> Attempted {
    let authentication = &services.authentication;
    let checked = authentication.check_passcode(&awaiting, passcode, source);
    Ok(code_checked(checked.await?, awaiting))
}

pub async fn check_pair(
    services: &Services,
    source: &Source,
    awaiting: AwaitingPasscode,
    pair: PasscodePair,
) -> Attempted {
    let authentication = &services.authentication;
    let checked = authentication.check_pair(&awaiting, pair, source);
    Ok(code_checked(checked.await?, awaiting))
}

/// What became of the phone's code, or of two.
fn code_checked(outcome: PasscodeOutcome, awaiting: AwaitingPasscode) -> (Reply, Proofs) {
    match outcome {
        PasscodeOutcome::Refused(refusal) => refused(refusal, Proofs::Password(awaiting)),
        PasscodeOutcome::Granted(granted) => {
            let activated = granted.activated.then_some(HomeNotice::TotpActivated);
            let clock = granted.drift.map(HomeNotice::PhoneClock);
            home(*granted, activated.or(clock))
        }
        PasscodeOutcome::PasswordDue(due) => password_due(due),
    }
}

pub async fn check_recovery_code(
    services: &Services,
    source: &Source,
    awaiting: AwaitingPasscode,
    code: RecoveryCode,
) -> Attempted {
    match services.recovery.check(&awaiting, code, source).await? {
        PasscodeOutcome::Refused(refusal) => Ok(refused(refusal, Proofs::Password(awaiting))),
        PasscodeOutcome::Granted(granted) => Ok(home(*granted, Some(HomeNotice::RecoveryCodeUsed))),
        PasscodeOutcome::PasswordDue(due) => Ok(password_due(due)),
    }
}

pub async fn start_over(
    services: &Services,
    source: &Source,
    awaiting: AwaitingPasscode,
) -> Attempted {
    let started = services.enrollment.start_over(&awaiting, source).await?;
    Ok(match started {
        StartOverOutcome::Refused(refusal) => refused(refusal, Proofs::Password(awaiting)),
        StartOverOutcome::Started(awaiting, key) => enrolling(awaiting, key),
    })
}

pub async fn prove_enrollment(
    services: &Services,
    source: &Source,
    (awaiting, shown): (AwaitingEnrollment, ShownKey),
    passcode: Passcode,
) -> Attempted {
    let prover = Prover::Awaiting(awaiting.clone());
    let enrollment = &services.enrollment;
    let outcome = enrollment.prove(&prover, Some(shown), passcode, source);
    let before = Proofs::Enrolling(awaiting, shown);
    Ok(proved(outcome.await?, None, before))
}

pub async fn replace_password(
    services: &Services,
    source: &Source,
    awaiting: AwaitingPassword,
    new: PlainPassword,
) -> Attempted {
    let own_password = &services.own_password;
    let outcome = own_password.replace(&awaiting, new, source).await?;
    let before = Proofs::PasswordDue(awaiting);
    Ok(changed(outcome, HomeNotice::PasswordReplaced, None, before))
}
