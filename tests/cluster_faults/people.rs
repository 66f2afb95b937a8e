//! People at the terminals of one process: what they do, and what they are told.

use std::{collections::HashSet, net::Ipv4Addr, sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use lpse_kiosk::{
    domain::{
        Authenticator, AwaitingPasscode, Identified, Passcode, Refusal, Secret, Source, TimeStep,
        reset::{ResetSecret, Void},
        security_code::Challenge,
        totp::{self, SpentSteps, Verdict},
    },
    ports::Clock,
    service::{
        ServiceError,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, NewKey, ProveOutcome, Prover, StartOutcome},
        entry::Granted,
        reset::{Confirmed, ResetRequest},
    },
};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{
    chance::Chance,
    house::{House, account, email, password, terminal},
    journal::{Entry, now},
    worker::Stop,
};

/// What went wrong, or was refused, in between; the next round begins anew.
pub struct Vain(String);

impl From<ServiceError> for Vain {
    fn from(error: ServiceError) -> Self {
        Self(error.to_string())
    }
}

impl Vain {
    fn because(what: &impl std::fmt::Debug) -> Self {
        Self(format!("{what:?}"))
    }
}

/// The secret in a provisioning URI, as a phone knows it.
pub fn secret_of(uri: &str) -> Secret {
    let (_, encoded) = uri.split_once("secret=").unwrap();
    let encoded = encoded.split('&').next().unwrap();
    let bytes = data_encoding::BASE32_NOPAD
        .decode(encoded.as_bytes())
        .unwrap();
    Secret::from_bytes(bytes.try_into().unwrap())
}

/// What is said of a code that was accepted: steps are spent per key.
fn spend(id: &str, step: TimeStep, by: &str, secret: &Secret) -> String {
    let step = step.number();
    let key = HEXLOWER.encode(&secret.as_bytes()[..8]);
    format!("spend {id} {step} {by} {key}")
}

/// The people of one process.
pub struct People {
    pub house: House,
    pub node: String,
}

impl People {
    fn step(&self) -> TimeStep {
        TimeStep::at(self.house.clock.now())
    }

    async fn give_password(&self, id: &str) -> Result<PasswordOutcome, Vain> {
        let from = terminal(&self.node, id);
        let claimed = Identified {
            account: account(id),
        };
        let authentication = &self.house.services.authentication;
        Ok(authentication
            .check_password(claimed, password(), &from)
            .await?)
    }

    pub async fn awaiting(&self, id: &str) -> Result<AwaitingPasscode, Vain> {
        match self.give_password(id).await? {
            PasswordOutcome::PasscodeWanted { awaiting, .. } => Ok(awaiting),
            other => Err(Vain::because(&other)),
        }
    }

    /// Logs in again and again with the code of the moment, which the other process is given at the same time.
    pub async fn log_in(self: Arc<Self>, id: String, secret: Secret, stop: Stop) {
        while !stop.is_told() {
            sleep(self.house.clock.step_left()).await;
            let Ok(awaiting) = self.awaiting(&id).await else {
                continue;
            };
            // At the next quarter of a second, wherever the other one is.
            sleep(Duration::from_micros(250_000 - now() % 250_000)).await;
            let step = self.step();
            let twice = [(); 2].map(|()| self.give_code(&id, &awaiting, step, &secret));
            let [first, second] = twice;
            tokio::join!(first, second);
        }
    }

    async fn give_code(
        &self,
        id: &str,
        awaiting: &AwaitingPasscode,
        step: TimeStep,
        secret: &Secret,
    ) {
        let from = terminal(&self.node, id);
        let begun = now();
        let authentication = &self.house.services.authentication;
        let outcome = authentication
            .check_passcode(awaiting, secret.passcode(step), &from)
            .await;
        Entry::say(
            begun,
            match outcome {
                Ok(PasscodeOutcome::Granted(_)) => spend(id, step, "login", secret),
                Ok(_) => format!("refused {id}"),
                Err(_) => format!("spend-failed {id}"),
            },
        );
    }

    /// Shows wrong codes.
    pub async fn fail(self: Arc<Self>, ids: Vec<(String, Secret)>, stop: Stop) {
        let mut known: Vec<Option<AwaitingPasscode>> = ids.iter().map(|_| None).collect();
        while !stop.is_told() {
            for ((id, secret), known) in ids.iter().zip(&mut known) {
                sleep(Duration::from_millis(20)).await;
                let Some(awaiting) = known else {
                    *known = self.awaiting(id).await.ok();
                    continue;
                };
                let passcode = self.wrong_code(secret);
                let from = terminal(&self.node, id);
                let begun = now();
                let authentication = &self.house.services.authentication;
                let outcome = authentication.check_passcode(awaiting, passcode, &from);
                let said = match outcome.await {
                    Ok(PasscodeOutcome::Refused(Refusal::Rejected { .. })) => "counted",
                    Ok(PasscodeOutcome::Refused(_)) => "unheard",
                    Ok(_) => panic!("a wrong code was taken"),
                    Err(_) => "failed",
                };
                Entry::say(begun, format!("failure {id} {said}"));
            }
        }
    }

    fn wrong_code(&self, secret: &Secret) -> Passcode {
        let now = self.house.clock.now();
        let none = SpentSteps::default();
        // It may be judged later.
        let is_wrong = |guess: &Passcode| {
            (0..20).all(|steps| {
                let then = now + Duration::from_secs(steps * TimeStep::SECONDS);
                let verdict = totp::verify(&account("FAIL"), secret, guess, then, &none);
                matches!(verdict, Verdict::Wrong)
            })
        };
        let mut guesses = (0..100).map(|guess| Passcode::parse(&format!("{guess:06}")).unwrap());
        guesses.find(is_wrong).expect("a wrong code")
    }

    /// Activates, and switches off again, in one account that nobody else uses.
    pub async fn enroll(self: Arc<Self>, id: String, stop: Stop) {
        while !stop.is_told() {
            let begun = now();
            if let Err(Vain(why)) = self.activate_and_disable(&id).await {
                Entry::say(begun, format!("state-failed {id} {why}"));
                self.begin_anew(&id).await;
            }
        }
    }

    async fn activate_and_disable(&self, id: &str) -> Result<(), Vain> {
        let from = terminal(&self.node, id);
        let (granted, secret) = self.activate(id).await?;
        sleep(self.house.clock.step_left()).await;
        let begun = now();
        let enrollment = &self.house.services.enrollment;
        let step = self.step();
        let code = secret.passcode(step);
        let disabled = enrollment
            .disable(&granted.authenticated, Some(code), &from)
            .await?;
        let DisableOutcome::Disabled(_) = disabled else {
            return Err(Vain::because(&disabled));
        };
        Entry::say(begun, spend(id, step, "disable", &secret));
        Entry::say(begun, format!("state {id} absent"));
        Ok(())
    }

    /// Activates TOTP of an account that has none.
    pub async fn activate(&self, id: &str) -> Result<(Granted, Secret), Vain> {
        let from = terminal(&self.node, id);
        let granted = match self.give_password(id).await? {
            PasswordOutcome::Granted(granted) => granted,
            other => return Err(Vain::because(&other)),
        };
        let prover = Prover::AtHome(granted.authenticated);
        let enrollment = &self.house.services.enrollment;
        let provisioning = match enrollment.start(&prover, &from).await? {
            StartOutcome::Started(NewKey { provisioning, .. }) => provisioning,
            StartOutcome::Refused(refusal) => return Err(Vain::because(&refusal)),
        };
        let secret = secret_of(provisioning.uri());
        loop {
            let begun = now();
            let step = self.step();
            match enrollment
                .prove(&prover, None, secret.passcode(step), &from)
                .await?
            {
                ProveOutcome::Activated(granted) => {
                    Entry::say(begun, spend(id, step, "activate", &secret));
                    Entry::say(begun, format!("state {id} active"));
                    return Ok((*granted, secret));
                }
                // Another step has begun between two looks at the clock.
                ProveOutcome::Refused(Refusal::Rejected { .. } | Refusal::Wait(_)) => {
                    sleep(self.house.clock.step_left()).await;
                }
                other => return Err(Vain::because(&other)),
            }
        }
    }

    /// An officer's way back, so that the round can begin anew whatever became of the last one.
    async fn begin_anew(&self, id: &str) {
        sleep(Duration::from_millis(100)).await;
        let from = terminal(&self.node, "desk");
        let begun = now();
        if let Ok(Some(found)) = self.house.services.accounts.get(&account(id)).await
            && found.authenticator != Authenticator::Absent
        {
            let reset = self.house.services.accounts.reset_totp(&found.key, &from);
            Entry::say(
                begun,
                match reset.await {
                    Ok(()) => format!("state {id} absent"),
                    Err(_) => format!("state-failed {id}"),
                },
            );
        }
    }

    /// Activates, and asks for a reset by letter, one account after the other.
    pub async fn ask_for_resets(self: Arc<Self>, ids: Vec<String>, seed: u64, stop: Stop) {
        let mut chance = Chance(seed);
        for id in ids.iter().cycle() {
            if stop.is_told() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
            let kept = self.house.services.accounts.get(&account(id)).await;
            let Ok(Some(kept)) = kept else { continue };
            if !kept.authenticator.is_active() && self.activate(id).await.is_err() {
                self.begin_anew(id).await;
                continue;
            }
            let monotonic = self.house.clock.monotonic();
            let challenge = Challenge::new(&[0; Challenge::RANDOM_BYTES], monotonic).0;
            let asked = ResetRequest {
                account: account(id),
                email: email(id),
                // What is drawn by zeros.
                security_code: Zeroizing::new("AAAAAA".into()),
            };
            let number = u32::try_from(chance.below(1 << 24)).unwrap();
            let from = Source::Peer(Ipv4Addr::from(10 << 24 | number).into());
            let reset = &self.house.services.reset;
            let _ = reset.request(asked, Some(challenge), &from).await;
        }
    }

    /// Delivers letters, this process's and the other's, and says what link is in them.
    pub async fn deliver(self: Arc<Self>, stop: Stop) {
        let mut seen = HashSet::new();
        while !stop.is_told() {
            sleep(Duration::from_millis(100)).await;
            let begun = now();
            let _ = self.house.courier.round().await;
            for letter in self.house.inbox.letters() {
                let mut words = letter.text.split_whitespace();
                let link = words.find(|word| word.contains("/proc4user/resettotp?"));
                if let Some(link) = link.filter(|link| seen.insert((*link).to_owned())) {
                    Entry::say(begun, format!("letter {link}"));
                }
            }
        }
    }

    /// Confirms a reset, as often as it takes to be told something.
    pub async fn confirm(self: Arc<Self>, link: String, from: Ipv4Addr) {
        let secret = ResetSecret::typed(&link).expect("a link");
        let from = Source::Peer(from.into());
        for _ in 0..20 {
            let begun = now();
            let said = match self.house.services.reset.confirm(&secret, &from).await {
                Ok(Confirmed::Done) => "done",
                Ok(Confirmed::Refused(Refusal::ResetVoid(Void::Used))) => "used",
                Ok(Confirmed::Refused(Refusal::Wait(_))) => "wait",
                Ok(Confirmed::Refused(_)) => "void",
                Err(_) => "failed",
            };
            Entry::say(begun, format!("reset {link} {said}"));
            if !matches!(said, "failed" | "wait") {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}
