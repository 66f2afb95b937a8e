//! Requests at home: TOTP on and off, a second phone, recovery codes, another password, what happened to the account.

use super::answer::{Attempted, at_home, changed, enrolling, enrollment, home, proved, refused};
use crate::{
    domain::{
        Passcode, PlainPassword, Refusal, Source, authenticator::PhoneSeen, identity::PhoneName,
    },
    service::{
        ServiceError, Services,
        enrollment::{DisableOutcome, Prover, StartOutcome},
        entry::Granted,
        phones::{AddOutcome, PhonesOutcome},
        recovery::IssueOutcome,
    },
    session::proofs::{LoggedIn, Proofs},
    tui::{HomeNotice, HomeView, Reply},
};

pub async fn start_enrollment(services: &Services, source: &Source, login: LoggedIn) -> Attempted {
    let prover = Prover::AtHome(login.authenticated.clone());
    let started = services.enrollment.start(&prover, source).await?;
    Ok(match started {
        StartOutcome::Refused(refusal) => refused(refusal, Proofs::LoggedIn(login)),
        StartOutcome::Started(key) => {
            let shown = Some(key.shown);
            let proofs = Proofs::LoggedIn(LoggedIn { shown, ..login });
            (enrollment(key, false), proofs)
        }
    })
}

pub async fn prove_enrollment(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    passcode: Passcode,
) -> Attempted {
    let prover = Prover::AtHome(login.authenticated.clone());
    let enrollment = &services.enrollment;
    let outcome = enrollment.prove(&prover, login.shown, passcode, source);
    let outcome = outcome.await?;
    let previous = login.previous_login.clone();
    Ok(proved(outcome, previous, Proofs::LoggedIn(login)))
}

pub async fn disable_totp(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    passcode: Option<Passcode>,
) -> Attempted {
    let enrollment = &services.enrollment;
    let disabled = enrollment
        .disable(&login.authenticated, passcode, source)
        .await?;
    Ok(match disabled {
        DisableOutcome::Refused(refusal) => refused(refusal, Proofs::LoggedIn(login)),
        DisableOutcome::Disabled(mut granted) => {
            granted.previous_login = login.previous_login;
            home(*granted, Some(HomeNotice::TotpDisabled))
        }
        DisableOutcome::EnrollmentWanted(awaiting, key) => enrolling(awaiting, key),
    })
}

pub async fn add_phone(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    name: Option<PhoneName>,
    passcode: Option<Passcode>,
) -> Attempted {
    let phones = &services.phones;
    let added = phones
        .add(&login.authenticated, name, passcode, source)
        .await?;
    match added {
        // Home shows what there is.
        AddOutcome::Refused(Refusal::PhonesChanged) => load_home(services, login).await,
        AddOutcome::Refused(refusal) => Ok(refused(refusal, Proofs::LoggedIn(login))),
        AddOutcome::Started(authenticated, provisioning, shown) => {
            let proofs = Proofs::LoggedIn(LoggedIn {
                authenticated,
                shown: Some(shown),
                ..login
            });
            Ok((Reply::SecondPhone(provisioning), proofs))
        }
    }
}

pub async fn prove_phone(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    passcode: Passcode,
) -> Attempted {
    let phones = &services.phones;
    let proved = phones.prove(&login.authenticated, login.shown, passcode, source);
    let proved = proved.await?;
    phones_changed(services, login, proved, HomeNotice::PhoneAdded).await
}

pub async fn remove_phone(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    phone: PhoneSeen,
    passcode: Option<Passcode>,
) -> Attempted {
    let phones = &services.phones;
    let removed = phones
        .remove(&login.authenticated, &phone, passcode, source)
        .await?;
    phones_changed(services, login, removed, HomeNotice::PhoneRemoved).await
}

async fn phones_changed(
    services: &Services,
    login: LoggedIn,
    outcome: PhonesOutcome,
    notice: HomeNotice,
) -> Attempted {
    match outcome {
        // Home shows what there is.
        PhonesOutcome::Refused(Refusal::PhonesChanged) => load_home(services, login).await,
        PhonesOutcome::Refused(refusal) => Ok(refused(refusal, Proofs::LoggedIn(login))),
        PhonesOutcome::Changed(mut granted) => {
            granted.previous_login = login.previous_login;
            Ok(home(*granted, Some(notice)))
        }
    }
}

pub async fn issue_recovery_codes(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    passcode: Option<Passcode>,
) -> Attempted {
    let recovery = &services.recovery;
    match recovery
        .issue(&login.authenticated, passcode, source)
        .await?
    {
        // Home no longer offers them.
        IssueOutcome::Refused(Refusal::RecoveryCodesOff) => load_home(services, login).await,
        IssueOutcome::Refused(refusal) => Ok(refused(refusal, Proofs::LoggedIn(login))),
        IssueOutcome::Issued(codes, mut granted) => {
            granted.previous_login = login.previous_login;
            let (view, proofs) = at_home(*granted, Some(HomeNotice::RecoveryCodesIssued));
            Ok((Reply::RecoveryCodes(codes, Box::new(view)), proofs))
        }
    }
}

pub async fn change_password(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    current: PlainPassword,
    new: PlainPassword,
    passcode: Option<Passcode>,
) -> Attempted {
    let outcome = services
        .own_password
        .change(&login.authenticated, current, new, passcode, source)
        .await?;
    let previous = login.previous_login.clone();
    let (notice, before) = (HomeNotice::PasswordChanged, Proofs::LoggedIn(login));
    Ok(changed(outcome, notice, previous, before))
}

pub async fn load_activity(services: &Services, login: LoggedIn) -> Attempted {
    Ok(match present(services, login).await? {
        None => (Reply::Refused(Refusal::Ended), Proofs::None),
        Some((view, proofs)) => (Reply::Activity(Box::new(view)), proofs),
    })
}

pub async fn load_home(services: &Services, login: LoggedIn) -> Attempted {
    Ok(match present(services, login).await? {
        None => (Reply::Refused(Refusal::Ended), Proofs::None),
        Some((view, proofs)) => (Reply::Home(Box::new(view)), proofs),
    })
}

/// Home as it is now; `None` when the login is no longer valid.
async fn present(
    services: &Services,
    login: LoggedIn,
) -> Result<Option<(HomeView, Proofs)>, ServiceError> {
    let LoggedIn {
        authenticated,
        previous_login,
        ..
    } = login;
    let Some((account, rules)) = services.enrollment.home(&authenticated).await? else {
        return Ok(None);
    };
    let granted = Granted {
        previous_login,
        ..Granted::of(authenticated, account, rules)
    };
    Ok(Some(at_home(granted, None)))
}
