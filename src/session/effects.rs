//! What a screen asks for, done by a service: the only file that knows both.
//!
//! The proofs of a login live here and in the types of `domain::login`, never in a screen: a request that comes
//! without the proof it needs is answered with [`Reply::Ended`], whatever the screen believes.

use std::sync::Arc;

use super::desk;
use crate::{
    domain::{
        Account, AccountKey, Authenticated, AwaitingEnrollment, AwaitingPasscode, Identified,
        Policy, Source, account::LastLogin, reset::ResetSecret, security_code::Challenge,
    },
    mail::inbox::Received,
    service::{
        Refusal, ServiceError, Services,
        authentication::{Granted, PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, ProveOutcome, Prover, StartOutcome, StartOverOutcome},
        reset::{Confirmed, Found, RequestOutcome, ResetRequest, Void},
    },
    tui::{HomeNotice, HomeView, InboxLetter, Look, Reply, Request, ResetVoid, Sight},
};

/// What the person at this terminal has proved so far.
#[derive(Debug, Default, Clone)]
pub enum Proofs {
    #[default]
    None,
    Password(AwaitingPasscode),
    Enrolling(AwaitingEnrollment),
    LoggedIn {
        authenticated: Authenticated,
        previous_login: Option<LastLogin>,
    },
    /// A letter's link or code, which stands for a reset that waits for its confirmation.
    ResetFound(ResetSecret),
}

impl Proofs {
    /// The account of a login, complete or half-way.
    pub fn account(&self) -> Option<&AccountKey> {
        match self {
            Self::Password(awaiting) => Some(awaiting.account()),
            Self::Enrolling(awaiting) => Some(awaiting.account()),
            Self::LoggedIn { authenticated, .. } => Some(authenticated.account()),
            Self::None | Self::ResetFound(_) => None,
        }
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
        Ok(done) => done,
        Err(ServiceError::Busy) => (Reply::Busy, before),
        Err(ServiceError::Unavailable(reason)) => {
            tracing::error!(%reason, "a request could not be served");
            (Reply::Unavailable, before)
        }
    }
}

/// Looks something up for whoever has logged in.
pub async fn look(services: Arc<Services>, proofs: Proofs, look: Look) -> Sight {
    let Proofs::LoggedIn { authenticated, .. } = proofs else {
        return Sight::Ended;
    };
    match desk::look(&services, &authenticated, look).await {
        Ok(sight) => sight,
        Err(ServiceError::Busy) => Sight::Unavailable,
        Err(ServiceError::Unavailable(reason)) => {
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
                PasswordOutcome::PasscodeWanted { awaiting, pending } => Ok((
                    Reply::PasscodeWanted { pending },
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
                Proofs::None | Proofs::Password(_) | Proofs::ResetFound(_) => {
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
            Request::LoadHome,
            Proofs::LoggedIn {
                authenticated,
                previous_login,
            },
        ) => Ok(match services.enrollment.home(&authenticated).await? {
            None => (Reply::Ended, Proofs::None),
            Some((account, policy)) => (
                Reply::Home(Box::new(home_view(&account, policy, &previous_login, None))),
                Proofs::LoggedIn {
                    authenticated,
                    previous_login,
                },
            ),
        }),
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
            | Request::StartOver
            | Request::StartEnrollment
            | Request::ProveEnrollment(_)
            | Request::DisableTotp(_)
            | Request::LoadHome
            | Request::ConfirmReset
            | Request::Desk(_),
            _,
        ) => Ok((Reply::Ended, Proofs::None)),
    }
}

fn home(granted: Granted, notice: Option<HomeNotice>) -> (Reply, Proofs) {
    let view = home_view(
        &granted.account,
        granted.policy,
        &granted.previous_login,
        notice,
    );
    let proofs = Proofs::LoggedIn {
        authenticated: granted.authenticated,
        previous_login: granted.previous_login,
    };
    (Reply::Home(Box::new(view)), proofs)
}

fn home_view(
    account: &Account,
    policy: Policy,
    previous_login: &Option<LastLogin>,
    notice: Option<HomeNotice>,
) -> HomeView {
    HomeView {
        account: account.key.clone(),
        name: account.name.clone(),
        role: account.role,
        totp: account.authenticator.state(),
        policy,
        last_login: previous_login.clone(),
        activity: account.activity.clone(),
        notice,
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
        Refusal::Wait(wait) => Reply::Wait(wait),
        Refusal::Held => Reply::Held,
        Refusal::Ended => Reply::Ended,
        Refusal::Suspended => Reply::Suspended,
        Refusal::FreshPasscodeWanted => Reply::FreshPasscodeWanted,
    }
}
