//! What a screen asks for, done by a service: the only file that knows both.
//!
//! The proofs of a login live here and in the types of `domain::login`, never in a screen: a request that comes
//! without the proof it needs is answered with [`Reply::Ended`], whatever the screen believes.

use std::sync::Arc;

use super::desk;
use crate::{
    domain::{
        AccountKey, Authenticated, AwaitingEnrollment, AwaitingPasscode, AwaitingPassword,
        Identified, Source, account::LastLogin, recovery::RecoveryState, reset::ResetSecret,
        security_code::Challenge,
    },
    mail::inbox::Received,
    service::{
        EndedLogin, Refusal, ServiceError, Services,
        authentication::{Granted, PasscodeOutcome, PasswordDue, PasswordOutcome},
        enrollment::{DisableOutcome, ProveOutcome, Prover, StartOutcome, StartOverOutcome},
        own_password::ChangeOutcome,
        recovery::IssueOutcome,
        reset::{Confirmed, Found, RequestOutcome, ResetRequest, Void},
    },
    tui::{
        HomeNotice, HomeView, InboxLetter, Look, OwnPasswordRefused, Reply, Request, ResetVoid,
        Sight,
    },
};

/// What the person at this terminal has proved so far.
#[derive(Debug, Default, Clone)]
pub enum Proofs {
    #[default]
    None,
    Password(AwaitingPasscode),
    Enrolling(AwaitingEnrollment),
    /// Everything, by a one-time password.
    PasswordDue(AwaitingPassword),
    LoggedIn {
        authenticated: Authenticated,
        previous_login: Option<LastLogin>,
    },
    /// A letter's link or code, which stands for a reset that waits for its confirmation.
    ResetFound(ResetSecret),
}

impl Proofs {
    /// The account of a login, complete or half-way, and the generation that the login is of.
    fn login(&self) -> Option<(&AccountKey, u64)> {
        match self {
            Self::Password(awaiting) => Some((awaiting.account(), awaiting.generation())),
            Self::Enrolling(awaiting) => Some((awaiting.account(), awaiting.generation())),
            Self::PasswordDue(awaiting) => Some((awaiting.account(), awaiting.generation())),
            Self::LoggedIn { authenticated, .. } => {
                Some((authenticated.account(), authenticated.generation()))
            }
            Self::None | Self::ResetFound(_) => None,
        }
    }

    /// Whether this login is among those that have ended.
    pub fn are_ended_by(&self, ended: &EndedLogin) -> bool {
        let login = self.login();
        login.is_some_and(|(account, generation)| ended.ends(account, generation))
    }
}

/// Does `request` and says what became of it: the answer for the screen, and the proofs from now on.
pub async fn perform(
    services: Arc<Services>,
    source: Source,
    proofs: Proofs,
    challenge: Option<Challenge>,
    request: Request,
) -> (Reply, Proofs) {
    let before = proofs.clone();
    match attempt(&services, &source, proofs, challenge, request).await {
        Ok((Reply::Home(mut view), proofs)) => {
            // Only who can do something about it is told.
            if view.role.is_officer() {
                view.clock = services.officer.clock_fault().await;
            }
            (Reply::Home(view), proofs)
        }
        Ok(done) => done,
        Err(ServiceError::Busy) => (Reply::Busy, before),
        Err(ServiceError::Away(away)) => {
            tracing::error!(reason = %away, "a request could not be served");
            (Reply::Away, before)
        }
        Err(ServiceError::Unavailable(reason)) => {
            tracing::error!(%reason, "a request could not be served");
            (Reply::Unavailable, before)
        }
        Err(ServiceError::Unknown(reason)) => {
            tracing::error!(%reason, "nobody knows whether a request was carried out");
            (Reply::Unknown, before)
        }
    }
}

/// Looks something up for whoever has logged in.
pub async fn look(services: Arc<Services>, source: Source, proofs: Proofs, look: Look) -> Sight {
    let Proofs::LoggedIn { authenticated, .. } = proofs else {
        return Sight::Ended;
    };
    match desk::look(&services, &source, &authenticated, look).await {
        Ok(sight) => sight,
        Err(ServiceError::Busy | ServiceError::Away(_)) => Sight::Unavailable,
        Err(ServiceError::Unavailable(reason) | ServiceError::Unknown(reason)) => {
            tracing::error!(%reason, "nothing can be looked up");
            Sight::Unavailable
        }
    }
}

async fn attempt(
    services: &Services,
    source: &Source,
    proofs: Proofs,
    challenge: Option<Challenge>,
    request: Request,
) -> Result<(Reply, Proofs), ServiceError> {
    match (request, proofs) {
        (
            Request::CheckPassword {
                user_type,
                user_id,
                password,
            },
            _,
        ) => {
            let claimed = Identified {
                account: AccountKey::new(user_type, user_id),
            };
            let authentication = &services.authentication;
            match authentication
                .check_password(claimed, password, source)
                .await?
            {
                PasswordOutcome::Refused(refusal) => Ok((reply(refusal), Proofs::None)),
                PasswordOutcome::Granted(granted) => Ok(home(*granted, None)),
                PasswordOutcome::PasswordDue(due) => Ok(password_due(due)),
                PasswordOutcome::PasscodeWanted {
                    awaiting,
                    pending,
                    recovery,
                } => Ok((
                    Reply::PasscodeWanted { pending, recovery },
                    Proofs::Password(awaiting),
                )),
                PasswordOutcome::EnrollmentWanted(awaiting) => {
                    let prover = Prover::Awaiting(awaiting.clone());
                    Ok(match services.enrollment.start(&prover, source).await? {
                        StartOutcome::Refused(refusal) => (reply(refusal), Proofs::None),
                        StartOutcome::Started(provisioning) => (
                            Reply::Enrollment {
                                provisioning,
                                compulsory: true,
                            },
                            Proofs::Enrolling(awaiting),
                        ),
                    })
                }
            }
        }
        (Request::CheckPasscode(passcode), Proofs::Password(awaiting)) => {
            let authentication = &services.authentication;
            match authentication
                .check_passcode(&awaiting, passcode, source)
                .await?
            {
                PasscodeOutcome::Refused(refusal) => {
                    Ok(refused(refusal, Proofs::Password(awaiting)))
                }
                PasscodeOutcome::Granted(granted) => {
                    let activated = granted.activated.then_some(HomeNotice::TotpActivated);
                    Ok(home(*granted, activated))
                }
                PasscodeOutcome::PasswordDue(due) => Ok(password_due(due)),
            }
        }
        (Request::CheckRecoveryCode(code), Proofs::Password(awaiting)) => {
            match services.recovery.check(&awaiting, code, source).await? {
                PasscodeOutcome::Refused(refusal) => {
                    Ok(refused(refusal, Proofs::Password(awaiting)))
                }
                PasscodeOutcome::Granted(granted) => {
                    Ok(home(*granted, Some(HomeNotice::RecoveryCodeUsed)))
                }
                PasscodeOutcome::PasswordDue(due) => Ok(password_due(due)),
            }
        }
        (Request::StartOver, Proofs::Password(awaiting)) => Ok(
            match services.enrollment.start_over(&awaiting, source).await? {
                StartOverOutcome::Refused(refusal) => refused(refusal, Proofs::Password(awaiting)),
                StartOverOutcome::Started(awaiting, provisioning) => (
                    Reply::Enrollment {
                        provisioning,
                        compulsory: true,
                    },
                    Proofs::Enrolling(awaiting),
                ),
            },
        ),
        (
            Request::StartEnrollment,
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => {
            let prover = Prover::AtHome(authenticated.clone());
            let started = services.enrollment.start(&prover, source).await?;
            let proofs = Proofs::LoggedIn {
                authenticated,
                previous_login,
            };
            Ok(match started {
                StartOutcome::Refused(refusal) => refused(refusal, proofs),
                StartOutcome::Started(provisioning) => (
                    Reply::Enrollment {
                        provisioning,
                        compulsory: false,
                    },
                    proofs,
                ),
            })
        }
        (
            Request::ProveEnrollment(passcode),
            proofs @ (Proofs::Enrolling(_) | Proofs::LoggedIn { .. }),
        ) => {
            let (prover, previous) = match &proofs {
                Proofs::Enrolling(awaiting) => (Prover::Awaiting(awaiting.clone()), None),
                Proofs::LoggedIn {
                    authenticated,
                    previous_login,
                } => (
                    Prover::AtHome(authenticated.clone()),
                    previous_login.clone(),
                ),
                Proofs::None
                | Proofs::Password(_)
                | Proofs::PasswordDue(_)
                | Proofs::ResetFound(_) => {
                    return Ok((Reply::Ended, Proofs::None));
                }
            };
            Ok(
                match services.enrollment.prove(&prover, passcode, source).await? {
                    ProveOutcome::Refused(refusal) => refused(refusal, proofs),
                    ProveOutcome::Activated(mut granted) => {
                        granted.previous_login = granted.previous_login.or(previous);
                        home(*granted, Some(HomeNotice::TotpActivated))
                    }
                    ProveOutcome::PasswordDue(due) => password_due(due),
                },
            )
        }
        (
            Request::DisableTotp(passcode),
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => {
            let disabled = services
                .enrollment
                .disable(&authenticated, passcode, source)
                .await?;
            Ok(match disabled {
                DisableOutcome::Refused(refusal) => refused(
                    refusal,
                    Proofs::LoggedIn {
                        authenticated,
                        previous_login,
                    },
                ),
                DisableOutcome::Disabled(mut granted) => {
                    granted.previous_login = previous_login;
                    home(*granted, Some(HomeNotice::TotpDisabled))
                }
                DisableOutcome::EnrollmentWanted(awaiting, provisioning) => (
                    Reply::Enrollment {
                        provisioning,
                        compulsory: true,
                    },
                    Proofs::Enrolling(awaiting),
                ),
            })
        }
        (
            Request::IssueRecoveryCodes(passcode),
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => {
            let recovery = &services.recovery;
            match recovery.issue(&authenticated, passcode, source).await? {
                IssueOutcome::Refused(refusal) => Ok(refused(
                    refusal,
                    Proofs::LoggedIn {
                        authenticated,
                        previous_login,
                    },
                )),
                IssueOutcome::Off => load_home(services, authenticated, previous_login).await,
                IssueOutcome::Issued(codes, mut granted) => {
                    granted.previous_login = previous_login;
                    let (view, proofs) = at_home(*granted, Some(HomeNotice::RecoveryCodesIssued));
                    Ok((Reply::RecoveryCodes(codes, Box::new(view)), proofs))
                }
            }
        }
        (
            Request::ChangePassword {
                current,
                new,
                passcode,
            },
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => {
            let outcome = services
                .own_password
                .change(&authenticated, current, new, passcode, source)
                .await?;
            let before = Proofs::LoggedIn {
                authenticated,
                previous_login: previous_login.clone(),
            };
            Ok(changed(outcome, previous_login, before))
        }
        (Request::ReplacePassword(new), Proofs::PasswordDue(awaiting)) => {
            let own_password = &services.own_password;
            let outcome = own_password.replace(&awaiting, new, source).await?;
            Ok(changed(outcome, None, Proofs::PasswordDue(awaiting)))
        }
        (
            Request::LoadActivity,
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => {
            let home = present_home(services, authenticated, previous_login).await?;
            Ok(match home {
                None => (Reply::Ended, Proofs::None),
                Some((view, proofs)) => (Reply::Activity(Box::new(view)), proofs),
            })
        }
        (
            Request::LoadHome,
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => load_home(services, authenticated, previous_login).await,
        (
            Request::RequestReset {
                account,
                email,
                security_code,
            },
            _,
        ) => {
            let asked = ResetRequest {
                account,
                email,
                security_code,
            };
            let outcome = services.reset.request(asked, challenge, source).await?;
            let reply = match outcome {
                RequestOutcome::Answered => Reply::ResetRequested,
                RequestOutcome::SecurityCodeRejected => Reply::SecurityCodeRejected,
            };
            Ok((reply, Proofs::None))
        }
        (Request::FindReset(secret), _) => Ok(match services.reset.find(&secret, source).await? {
            Found::Valid {
                user_type,
                masked_id,
            } => (
                Reply::ResetFound {
                    user_type,
                    masked_id,
                },
                Proofs::ResetFound(secret),
            ),
            Found::Void(void) => (Reply::ResetVoid(void_view(void)), Proofs::None),
            Found::Wait(wait) => (Reply::Wait(wait), Proofs::None),
        }),
        (Request::ConfirmReset, Proofs::ResetFound(secret)) => {
            Ok(match services.reset.confirm(&secret, source).await? {
                Confirmed::Done => (Reply::ResetDone, Proofs::None),
                Confirmed::Void(void) => (Reply::ResetVoid(void_view(void)), Proofs::None),
                Confirmed::Wait(wait) => (Reply::Wait(wait), Proofs::ResetFound(secret)),
            })
        }
        (
            Request::Desk(request),
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => {
            let (reply, authenticated) =
                desk::attempt(services, source, authenticated, request).await?;
            let proofs = authenticated.map_or(Proofs::None, |authenticated| Proofs::LoggedIn {
                authenticated,
                previous_login,
            });
            Ok((reply, proofs))
        }
        (Request::LoadInbox, proofs) => {
            let letters = services.inbox.as_ref().map(|inbox| inbox.letters());
            let letters = letters.unwrap_or_default().into_iter().map(letter_view);
            Ok((Reply::Inbox(letters.collect()), proofs))
        }
        (
            Request::CheckPasscode(_)
            | Request::CheckRecoveryCode(_)
            | Request::IssueRecoveryCodes(_)
            | Request::StartOver
            | Request::StartEnrollment
            | Request::ProveEnrollment(_)
            | Request::DisableTotp(_)
            | Request::ChangePassword { .. }
            | Request::ReplacePassword(_)
            | Request::LoadActivity
            | Request::LoadHome
            | Request::ConfirmReset
            | Request::Desk(_),
            _,
        ) => Ok((Reply::Ended, Proofs::None)),
    }
}

async fn load_home(
    services: &Services,
    authenticated: Authenticated,
    previous_login: Option<LastLogin>,
) -> Result<(Reply, Proofs), ServiceError> {
    let home = present_home(services, authenticated, previous_login).await?;
    Ok(match home {
        None => (Reply::Ended, Proofs::None),
        Some((view, proofs)) => (Reply::Home(Box::new(view)), proofs),
    })
}

/// Home as it is now; `None` when the login is no longer valid.
async fn present_home(
    services: &Services,
    authenticated: Authenticated,
    previous_login: Option<LastLogin>,
) -> Result<Option<(HomeView, Proofs)>, ServiceError> {
    let Some((account, rules)) = services.enrollment.home(&authenticated).await? else {
        return Ok(None);
    };
    let granted = Granted {
        authenticated,
        policy: rules.policy,
        recovery: RecoveryState::of(&account, rules),
        account,
        previous_login,
        activated: false,
    };
    Ok(Some(at_home(granted, None)))
}

fn home(granted: Granted, notice: Option<HomeNotice>) -> (Reply, Proofs) {
    let (view, proofs) = at_home(granted, notice);
    (Reply::Home(Box::new(view)), proofs)
}

/// What home shows of a login, and the proof of that login.
fn at_home(granted: Granted, notice: Option<HomeNotice>) -> (HomeView, Proofs) {
    let account = granted.account;
    let view = HomeView {
        account: account.key,
        name: account.name,
        role: account.role,
        totp: account.authenticator.state(),
        policy: granted.policy,
        recovery: granted.recovery,
        last_login: granted.previous_login.clone(),
        activity: account.activity,
        notice,
        clock: None,
    };
    let proofs = Proofs::LoggedIn {
        authenticated: granted.authenticated,
        previous_login: granted.previous_login,
    };
    (view, proofs)
}

fn password_due(due: PasswordDue) -> (Reply, Proofs) {
    let reply = Reply::PasswordDue {
        account: due.awaiting.account().clone(),
        name: due.name,
    };
    (reply, Proofs::PasswordDue(due.awaiting))
}

/// What became of a password's change; `before` are the proofs that a refusal leaves.
fn changed(
    outcome: ChangeOutcome,
    previous_login: Option<LastLogin>,
    before: Proofs,
) -> (Reply, Proofs) {
    let refused_by = |why| (Reply::OwnPasswordRefused(why), before.clone());
    match outcome {
        ChangeOutcome::Changed(mut granted) => {
            granted.previous_login = granted.previous_login.or(previous_login);
            home(*granted, Some(HomeNotice::PasswordChanged))
        }
        ChangeOutcome::Refused(refusal) => refused(refusal, before),
        ChangeOutcome::CurrentRefused(Refusal::Rejected { wait } | Refusal::Crowded { wait }) => {
            refused_by(OwnPasswordRefused::CurrentRejected { wait })
        }
        ChangeOutcome::CurrentRefused(Refusal::Wait(wait)) => {
            refused_by(OwnPasswordRefused::CurrentWait(wait))
        }
        ChangeOutcome::CurrentRefused(refusal) => refused(refusal, before),
        ChangeOutcome::NewRefused(why) => refused_by(OwnPasswordRefused::New(why)),
    }
}

fn void_view(void: Void) -> ResetVoid {
    match void {
        Void::Unknown => ResetVoid::Unknown,
        Void::Used => ResetVoid::Used,
        Void::Expired => ResetVoid::Expired,
    }
}

fn letter_view(letter: Received) -> InboxLetter {
    InboxLetter {
        at: letter.at,
        to: letter.to,
        subject: letter.subject,
        text: letter.text,
        code: letter.code,
    }
}

/// A refusal, with the proofs it leaves: none when the login is no longer valid.
fn refused(refusal: Refusal, proofs: Proofs) -> (Reply, Proofs) {
    let proofs = match refusal {
        Refusal::Ended | Refusal::Suspended => Proofs::None,
        _ => proofs,
    };
    (reply(refusal), proofs)
}

pub(super) fn reply(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Rejected { wait } => Reply::Rejected { wait },
        Refusal::Crowded { wait } => Reply::Crowded { wait },
        Refusal::Wait(wait) => Reply::Wait(wait),
        Refusal::Held => Reply::Held,
        Refusal::Ended => Reply::Ended,
        Refusal::Suspended => Reply::Suspended,
        Refusal::FreshPasscodeWanted => Reply::FreshPasscodeWanted,
    }
}
