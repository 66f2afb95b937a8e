//! Every refused request leaves exactly one record in the audit log, whose reason is the true one: a row a way to be refused,
//! a table a use case.
//!
//! Left out is what asks for nothing to be done: a look at one's own home by a login that has ended, and a request to a service
//! that cannot answer, which refuses nobody.

use std::{fmt::Debug, sync::LazyLock, time::Duration};

use lpse_kiosk::{
    domain::{
        AccountKey, Authenticated, Authenticator, AwaitingPasscode, AwaitingPassword, EmailAddress,
        Identified, Passcode, PersonName, Policy, Secret, Source, TimeStep, UserId, UserType,
        account::Role,
        audit::{Act, AuditOutcome},
        letter::{Delivery, LetterKind},
        officer::{AccountAct, ActKind, DeskAct, Order, Statement},
        policy::LoginRules,
        recovery::RecoveryCode,
        reset::{ResetSecret, ShortCode},
        security_code::Challenge,
        totp::PasscodePair,
    },
    ports::Clock,
    service::{
        Services,
        accounts::NewAccount,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{NewKey, ProveOutcome, Prover, StartOutcome},
        recovery::IssueOutcome,
        reset::ResetRequest,
    },
    store::outbox::Outbox,
};
use support::house::{House, PASSWORD, here, house, password, ppk30, secret_of};
use support::meddled::{edit, meddled};
use zeroize::Zeroizing;

/// The terminal of everybody here.
static HERE: LazyLock<Source> = LazyLock::new(here);

const NEW: &str = "perahu layar 7 biru";
const ONE_TIME: &str = "sementara 4 hari saja";
const DAY: u64 = 24 * 60 * 60;

/// Does `request`, and fails the test if what it leaves in the log is anything but one refusal of `act` for `reason`. That
/// something was intended is no record of how it ended.
#[track_caller]
fn refused<T: Debug>(
    house: &House,
    act: Act,
    reason: &str,
    request: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let row = std::panic::Location::caller();
    async move {
        let before = house.audit.0.lock().unwrap().len();
        let answer = request.await;
        let events = house.audit.0.lock().unwrap();
        let ended = events[before..]
            .iter()
            .filter(|event| event.outcome != AuditOutcome::Intended);
        let ended: Vec<_> = ended.map(|event| (event.act, &event.outcome)).collect();
        let expected = AuditOutcome::Refused(reason.to_owned().into());
        assert_eq!(ended, [(act, &expected)], "{row}: {answer:?}");
        answer
    }
}

fn non_penyedia(id: &str) -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
}

fn nobody() -> AccountKey {
    non_penyedia("TIDAK-ADA")
}

fn wrong_code() -> Passcode {
    Passcode::parse("000000").unwrap()
}

/// An account like PPK30's.
async fn like_ppk30(house: &House, key: AccountKey, role: Role) -> NewAccount {
    NewAccount {
        key,
        name: PersonName::parse("Rina Wulandari").unwrap(),
        email: EmailAddress::parse("rina@contoh.go.id").unwrap(),
        role,
        password: house.account().await.password,
    }
}

async fn at_home(house: &House) -> Authenticated {
    match house.login().await {
        PasswordOutcome::Granted(granted) => granted.authenticated,
        other => panic!("a login, not {other:?}"),
    }
}

async fn by_phone(house: &House, phone: &Secret) -> Authenticated {
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    let code = house.code(phone);
    match authentication.check_passcode(&awaiting, code, &HERE).await {
        Ok(PasscodeOutcome::Granted(granted)) => granted.authenticated,
        other => panic!("a login, not {other:?}"),
    }
}

/// Ends the logins of PPK30.
async fn end_logins(house: &House) {
    let accounts = &house.services.accounts;
    let end = AccountAct::EndLogins;
    accounts.act(&ppk30(), &end, &*HERE).await.unwrap();
}

async fn set_rules(house: &House, rules: LoginRules) {
    house.services.policy.set(rules, &HERE).await.unwrap();
}

/// Puts what is wrong with the key of PPK30 in the place of what there is, behind everybody's back.
async fn edit_ppk30(house: &House, change: impl FnOnce(&mut lpse_kiosk::domain::Account)) {
    edit(&house.foundation.store, &ppk30(), change).await;
}

/// A house whose PPK30 has a phone, and has not used it for a while.
async fn with_phone() -> (House, Secret) {
    let house = house(Policy::Enabled).await;
    let phone = house.activate().await;
    house.clock.pass(60);
    (house, phone)
}

#[tokio::test]
async fn passwords_at_the_login() {
    let house = house(Policy::Enabled).await;
    let act = Act::CheckPassword;
    let at = async |key: AccountKey, typed: &str, from: &Source| {
        let claimed = Identified { account: key };
        let authentication = &house.services.authentication;
        let checked = authentication.check_password(claimed, password(typed), from);
        checked.await.unwrap()
    };
    let type_in = async |typed: &str| at(ppk30(), typed, &HERE).await;
    let unknown = at(nobody(), PASSWORD, &HERE);
    refused(&house, act, "unknown-account", unknown).await;
    for _ in 0..3 {
        refused(&house, act, "wrong-password", type_in("bukan ini")).await;
    }
    refused(&house, act, "waiting", type_in(PASSWORD)).await;
    house.clock.pass(60);
    let suspend = AccountAct::Suspend;
    let accounts = &house.services.accounts;
    accounts.act(&ppk30(), &suspend, &*HERE).await.unwrap();
    refused(&house, act, "suspended", type_in(PASSWORD)).await;
    let reinstate = AccountAct::Reinstate;
    accounts.act(&ppk30(), &reinstate, &*HERE).await.unwrap();
    let other = non_penyedia("PPK31");
    house.clock.pass(60);
    // Guesses at accounts that do not log in from a place, until it has none left there.
    let peer = Source::Peer([192, 0, 2, 7].into());
    for number in 0..34 {
        let key = non_penyedia(&format!("PPK-{number}"));
        let new = like_ppk30(&house, key.clone(), Role::User).await;
        accounts.add(new, &*HERE).await.unwrap();
        for _ in 0..3 {
            at(key.clone(), "bukan ini", &peer).await;
        }
    }
    let unheard = at(ppk30(), PASSWORD, &peer);
    refused(&house, act, "not-judged-source-spent", unheard).await;
    let new = like_ppk30(&house, other.clone(), Role::User).await;
    accounts.add(new, &*HERE).await.unwrap();
    house.issue(ONE_TIME).await;
    house.clock.pass(DAY);
    refused(&house, act, "expired-one-time-password", type_in(ONE_TIME)).await;
    // Changed by somebody else between the look and the grant.
    let store = house.foundation.store.clone();
    let meanwhile = async move {
        edit(&store, &other, |account| account.generation += 1).await;
    };
    let services = meddled(&house, meanwhile);
    let claimed = Identified {
        account: non_penyedia("PPK31"),
    };
    let (typed, from) = (password(PASSWORD), here());
    let raced = services
        .authentication
        .check_password(claimed, typed, &from);
    refused(&house, act, "changed-meanwhile", raced)
        .await
        .unwrap();
}

#[tokio::test]
async fn codes_at_the_login() {
    let (house, phone) = with_phone().await;
    let act = Act::CheckPasscode;
    let awaiting = house.awaiting().await;
    let show = async |code: Passcode| {
        let authentication = &house.services.authentication;
        let checked = authentication.check_passcode(&awaiting, code, &HERE);
        checked.await.unwrap()
    };
    refused(&house, act, "wrong-passcode", show(wrong_code())).await;
    refused(&house, act, "waiting", show(house.code(&phone))).await;
    house.clock.pass(60);
    let code = house.code(&phone);
    show(code).await;
    refused(&house, act, "spent-passcode", show(code)).await;
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    refused(&house, act, "held", show(code)).await;
    edit_ppk30(&house, |account| {
        account.passcode_throttle = Default::default();
        account.authenticator = Authenticator::Absent;
    })
    .await;
    refused(&house, act, "no-authenticator", show(code)).await;
    end_logins(&house).await;
    refused(&house, act, "ended-login", show(code)).await;
}

#[tokio::test]
async fn two_codes_at_the_login() {
    let (house, phone) = with_phone().await;
    let act = Act::CheckTwoCodes;
    let awaiting = house.awaiting().await;
    let show = async |pair: PasscodePair| {
        let authentication = &house.services.authentication;
        let checked = authentication.check_pair(&awaiting, pair, &HERE);
        checked.await.unwrap()
    };
    let pair = |minutes: u64| {
        let ahead = Duration::from_secs(60 * minutes);
        let first = TimeStep::at(house.clock.now() + ahead);
        PasscodePair {
            first: phone.passcode(first),
            second: phone.passcode(first.next()),
        }
    };
    refused(&house, act, "wrong-passcode", show(pair(90))).await;
    refused(&house, act, "waiting", show(pair(6))).await;
    house.clock.pass(60);
    let good = pair(6);
    show(good).await;
    refused(&house, act, "spent-passcode", show(good)).await;
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    refused(&house, act, "held", show(good)).await;
    edit_ppk30(&house, |account| {
        account.passcode_throttle = Default::default();
        account.authenticator = Authenticator::Absent;
    })
    .await;
    refused(&house, act, "no-proved-key", show(good)).await;
    end_logins(&house).await;
    refused(&house, act, "ended-login", show(good)).await;
}

/// The recovery codes of whoever is logged in.
async fn issued(house: &House, who: &Authenticated) -> Vec<RecoveryCode> {
    let issued = house.services.recovery.issue(who, None, &HERE).await;
    match issued.unwrap() {
        IssueOutcome::Issued(codes, _) => codes.iter().cloned().collect(),
        other => panic!("codes, not {other:?}"),
    }
}

#[tokio::test]
async fn recovery_codes_at_the_login() {
    let (house, phone) = with_phone().await;
    let act = Act::UseRecoveryCode;
    let who = by_phone(&house, &phone).await;
    let paper = issued(&house, &who).await;
    let awaiting = house.awaiting().await;
    let show = async |code: &RecoveryCode| {
        let recovery = &house.services.recovery;
        let checked = recovery.check(&awaiting, code.clone(), &HERE);
        checked.await.unwrap()
    };
    let wrong = RecoveryCode::parse("AAAA-CCCC-DDDD").unwrap();
    refused(&house, act, "wrong-recovery-code", show(&wrong)).await;
    refused(&house, act, "waiting", show(&paper[0])).await;
    house.clock.pass(60);
    let off = LoginRules {
        recovery_codes: false,
        ..Policy::Enabled.into()
    };
    set_rules(&house, off).await;
    refused(&house, act, "recovery-codes-off", show(&paper[0])).await;
    set_rules(&house, Policy::Enabled.into()).await;
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    refused(&house, act, "held", show(&paper[0])).await;
    edit_ppk30(&house, |account| {
        account.passcode_throttle = Default::default();
        account.recovery = None;
    })
    .await;
    refused(&house, act, "no-recovery-codes", show(&paper[0])).await;
    end_logins(&house).await;
    refused(&house, act, "ended-login", show(&paper[0])).await;
}

#[tokio::test]
async fn a_new_key() {
    let (house, _) = with_phone().await;
    let enrollment = &house.services.enrollment;
    let half_way = house.awaiting().await;
    let start_over = async |awaiting: &AwaitingPasscode| {
        let started = enrollment.start_over(awaiting, &HERE);
        started.await.unwrap()
    };
    let act = Act::StartEnrollment;
    refused(&house, act, "no-pending-key", start_over(&half_way)).await;
    let accounts = &house.services.accounts;
    accounts.reset_totp(&ppk30(), &*HERE).await.unwrap();
    refused(&house, act, "ended-login", start_over(&half_way)).await;
    let prover = Prover::AtHome(at_home(&house).await);
    let prove = async |code: Passcode| {
        let proved = enrollment.prove(&prover, None, code, &HERE);
        proved.await.unwrap()
    };
    let start = async || enrollment.start(&prover, &HERE).await.unwrap();
    let proving = Act::ProveEnrollment;
    refused(&house, proving, "no-pending-key", prove(wrong_code())).await;
    let StartOutcome::Started(NewKey { provisioning, .. }) = start().await else {
        panic!("a key");
    };
    let phone = secret_of(provisioning.uri());
    refused(&house, proving, "wrong-passcode", prove(wrong_code())).await;
    refused(&house, proving, "waiting", prove(house.code(&phone))).await;
    house.clock.pass(60);
    prove(house.code(&phone)).await;
    refused(&house, act, "already-active", start()).await;
    end_logins(&house).await;
    refused(&house, act, "ended-login", start()).await;
    refused(&house, proving, "ended-login", prove(house.code(&phone))).await;
}

#[tokio::test]
async fn switching_totp_off_and_issuing_recovery_codes() {
    let (house, phone) = with_phone().await;
    let who = by_phone(&house, &phone).await;
    let disable = async |code: Option<Passcode>| {
        let disabled = house.services.enrollment.disable(&who, code, &HERE).await;
        format!("{disabled:?}")
    };
    let issue = async |code: Option<Passcode>| {
        let issued = house.services.recovery.issue(&who, code, &HERE).await;
        format!("{issued:?}")
    };
    let (disabling, issuing) = (Act::DisableTotp, Act::IssueRecoveryCodes);
    let spent = Some(house.code(&phone));
    refused(&house, disabling, "spent-passcode", disable(spent)).await;
    house.clock.pass(2);
    refused(&house, issuing, "spent-passcode", issue(spent)).await;
    house.clock.pass(5 * 60 + 1);
    refused(&house, disabling, "stale-passcode", disable(None)).await;
    refused(&house, issuing, "stale-passcode", issue(None)).await;
    let wrong = Some(wrong_code());
    refused(&house, disabling, "wrong-passcode", disable(wrong)).await;
    refused(&house, disabling, "waiting", disable(wrong)).await;
    refused(&house, issuing, "waiting", issue(wrong)).await;
    house.clock.pass(60);
    refused(&house, issuing, "wrong-passcode", issue(wrong)).await;
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    refused(&house, disabling, "held", disable(wrong)).await;
    refused(&house, issuing, "held", issue(wrong)).await;
    let off = LoginRules {
        recovery_codes: false,
        ..Policy::Enabled.into()
    };
    set_rules(&house, off).await;
    refused(&house, issuing, "recovery-codes-off", issue(None)).await;
    set_rules(&house, Policy::Disabled.into()).await;
    refused(&house, issuing, "recovery-codes-off", issue(None)).await;
    set_rules(&house, Policy::Enabled.into()).await;
    edit_ppk30(&house, |account| {
        account.authenticator = Authenticator::Absent
    })
    .await;
    refused(&house, disabling, "no-authenticator", disable(None)).await;
    refused(&house, issuing, "no-authenticator", issue(None)).await;
    end_logins(&house).await;
    refused(&house, disabling, "ended-login", disable(None)).await;
    refused(&house, issuing, "ended-login", issue(None)).await;
}

#[tokio::test]
async fn adding_proving_and_removing_a_phone() {
    let (house, phone) = with_phone().await;
    let who = by_phone(&house, &phone).await;
    let phones = &house.services.phones;
    let first = house.account().await.authenticator.phones_seen().remove(0);
    let add = async |code| phones.add(&who, None, code, &HERE).await.unwrap();
    let prove = async |code| phones.prove(&who, None, code, &HERE).await.unwrap();
    let remove = async |code| phones.remove(&who, &first, code, &HERE).await.unwrap();
    let (adding, proving, removing) = (Act::AddPhone, Act::ProvePhone, Act::RemovePhone);
    let wrong = wrong_code();
    refused(&house, proving, "no-pending-key", prove(wrong)).await;
    refused(&house, removing, "not-two-phones", remove(None)).await;
    add(None).await;
    refused(&house, proving, "wrong-passcode", prove(wrong)).await;
    refused(&house, proving, "waiting", prove(wrong)).await;
    house.clock.pass(5 * 60 + 1);
    refused(&house, adding, "stale-passcode", add(None)).await;
    refused(&house, removing, "stale-passcode", remove(None)).await;
    refused(&house, adding, "wrong-passcode", add(Some(wrong))).await;
    refused(&house, removing, "waiting", remove(Some(wrong))).await;
    house.clock.pass(60);
    let now = house.clock.now();
    edit_ppk30(&house, |account| {
        account.authenticator.phones_mut().unwrap().prove(now);
    })
    .await;
    let right = Some(house.code(&phone));
    refused(&house, adding, "not-one-phone", add(right)).await;
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    refused(&house, removing, "held", remove(right)).await;
    end_logins(&house).await;
    refused(&house, adding, "ended-login", add(None)).await;
    refused(&house, proving, "ended-login", prove(wrong)).await;
    refused(&house, removing, "ended-login", remove(None)).await;
}

#[tokio::test]
async fn a_password_of_ones_own() {
    let (house, phone) = with_phone().await;
    let act = Act::ChangePassword;
    let who = by_phone(&house, &phone).await;
    let change_with = async |current: &str, new: &str, code: Option<Passcode>| {
        let (current, new) = (password(current), password(new));
        let own_password = &house.services.own_password;
        let changed = own_password.change(&who, current, new, code, &HERE);
        changed.await.unwrap()
    };
    let change = async |current: &str, new: &str| change_with(current, new, None).await;
    refused(&house, act, "unfit-password", change(PASSWORD, "password1")).await;
    refused(&house, act, "unfit-password", change(PASSWORD, PASSWORD)).await;
    for _ in 0..3 {
        refused(&house, act, "wrong-password", change("bukan ini", NEW)).await;
    }
    refused(&house, act, "waiting", change(PASSWORD, NEW)).await;
    house.clock.pass(5 * 60 + 1);
    refused(&house, act, "stale-passcode", change(PASSWORD, NEW)).await;
    let wrong = change_with(PASSWORD, NEW, Some(wrong_code()));
    refused(&house, act, "wrong-passcode", wrong).await;
    end_logins(&house).await;
    refused(&house, act, "ended-login", change(PASSWORD, NEW)).await;
}

#[tokio::test]
async fn a_password_in_the_place_of_a_one_time_password() {
    let house = house(Policy::Enabled).await;
    let act = Act::ChangePassword;
    house.issue(ONE_TIME).await;
    let due = async || match house.login_with(ONE_TIME).await {
        PasswordOutcome::PasswordDue(due) => due.awaiting,
        other => panic!("a password is due, not {other:?}"),
    };
    let replace = async |awaiting: &AwaitingPassword, new: &str| {
        let own_password = &house.services.own_password;
        let replaced = own_password.replace(awaiting, password(new), &HERE);
        replaced.await.unwrap()
    };
    let awaiting = due().await;
    refused(&house, act, "unfit-password", replace(&awaiting, ONE_TIME)).await;
    refused(
        &house,
        act,
        "unfit-password",
        replace(&awaiting, "password1"),
    )
    .await;
    set_rules(&house, Policy::Required.into()).await;
    refused(&house, act, "changed-meanwhile", replace(&awaiting, NEW)).await;
    set_rules(&house, Policy::Enabled.into()).await;
    house.clock.pass(DAY);
    let late = replace(&awaiting, NEW);
    refused(&house, act, "expired-one-time-password", late).await;
    end_logins(&house).await;
    refused(&house, act, "ended-login", replace(&awaiting, NEW)).await;
}

/// A request for a reset, with the picture read rightly.
async fn ask(house: &House, key: &AccountKey, email: &str, from: &Source) {
    ask_reading(house, key, email, from, "aaaaaa").await;
}

async fn ask_reading(house: &House, key: &AccountKey, email: &str, from: &Source, read: &str) {
    let challenge = Challenge::new(&[0; Challenge::RANDOM_BYTES], house.clock.monotonic()).0;
    let asked = ResetRequest {
        account: key.clone(),
        email: EmailAddress::parse(email).unwrap(),
        security_code: Zeroizing::new(read.to_owned()),
    };
    let asked = house.services.reset.request(asked, Some(challenge), from);
    asked.await.unwrap();
}

#[tokio::test]
async fn requests_for_a_reset() {
    let house = house(Policy::Enabled).await;
    let accounts = &house.services.accounts;
    let act = Act::RequestReset;
    let siti = "siti@contoh.go.id";
    let peer = |last: u8| Source::Peer([192, 0, 2, last].into());
    let (ppk30, from) = (ppk30(), peer(1));
    let misread = ask_reading(&house, &ppk30, siti, &from, "bbbbbb");
    refused(&house, act, "security-code", misread).await;
    let (unknown, officer) = (nobody(), non_penyedia("PETUGAS1"));
    let asked = ask(&house, &unknown, siti, &from);
    refused(&house, act, "unknown-account", asked).await;
    let asked = ask(&house, &ppk30, "rina@contoh.go.id", &from);
    refused(&house, act, "wrong-email", asked).await;
    let new = like_ppk30(&house, officer.clone(), Role::Officer).await;
    accounts.add(new, &*HERE).await.unwrap();
    let asked = ask(&house, &officer, "rina@contoh.go.id", &from);
    refused(&house, act, "officer", asked).await;
    let suspend = AccountAct::Suspend;
    accounts.act(&ppk30, &suspend, &*HERE).await.unwrap();
    let asked = ask(&house, &ppk30, siti, &from);
    refused(&house, act, "suspended", asked).await;
    let reinstate = AccountAct::Reinstate;
    accounts.act(&ppk30, &reinstate, &*HERE).await.unwrap();
    for _ in 0..3 {
        ask(&house, &ppk30, siti, &from).await;
    }
    let asked = ask(&house, &ppk30, siti, &from);
    refused(&house, act, "limit-of-account", asked).await;
    for _ in 0..10 {
        ask(&house, &unknown, siti, &from).await;
    }
    let asked = ask(&house, &unknown, siti, &from);
    refused(&house, act, "limit-of-source", asked).await;
    for number in 0..21 {
        let key = non_penyedia(&format!("PPK-{number}"));
        let new = like_ppk30(&house, key.clone(), Role::User).await;
        accounts.add(new, &*HERE).await.unwrap();
        let from = peer(10 + number);
        let asked = ask(&house, &key, "rina@contoh.go.id", &from);
        match number {
            17.. => refused(&house, act, "limit-of-all", asked).await,
            _ => asked.await,
        }
    }
}

/// The short code of the last letter that was written about a request.
async fn code_of_letter(house: &House) -> ResetSecret {
    let outbox = Outbox::new(house.foundation.store.clone());
    let letters = outbox.page(None, 100).await.unwrap().letters;
    let mut requests = letters
        .iter()
        .filter(|read| read.letter.kind == LetterKind::ResetRequested);
    let read = requests.next_back().expect("the request's letter");
    let sealed = read.secrets.as_ref().unwrap();
    let vault = &house.foundation.vault;
    let secrets = vault.open_ticket_secrets(&read.letter.id, sealed).unwrap();
    ResetSecret::Code(secrets.code)
}

#[tokio::test]
async fn links_and_codes_of_letters() {
    let house = house(Policy::Enabled).await;
    let reset = &house.services.reset;
    let from = here();
    ask(&house, &ppk30(), "siti@contoh.go.id", &from).await;
    let code = code_of_letter(&house).await;
    house.clock.pass(30 * 60);
    let (looking, confirming) = (Act::FindReset, Act::ConfirmReset);
    let both = async |secret: &ResetSecret, reason: &str| {
        let found = refused(&house, looking, reason, reset.find(secret, &from));
        found.await.unwrap();
        let confirmed = refused(&house, confirming, reason, reset.confirm(secret, &from));
        confirmed.await.unwrap();
    };
    both(&code, "expired-ticket").await;
    ask(&house, &ppk30(), "siti@contoh.go.id", &from).await;
    let code = code_of_letter(&house).await;
    reset.confirm(&code, &from).await.unwrap();
    both(&code, "used-ticket").await;
    let none = ResetSecret::Code(ShortCode::from_random(&[9; ShortCode::RANDOM_BYTES]));
    both(&none, "unknown-ticket").await;
    for _ in 0..10 {
        reset.find(&none, &from).await.unwrap();
    }
    both(&none, "waiting").await;
}

/// An officer with a phone.
async fn officer(house: &House, id: &str) -> (AccountKey, Secret, Authenticated) {
    let key = non_penyedia(id);
    let new = like_ppk30(house, key.clone(), Role::Officer).await;
    house.services.accounts.add(new, &*HERE).await.unwrap();
    let claimed = Identified {
        account: key.clone(),
    };
    let authentication = &house.services.authentication;
    let checked = authentication.check_password(claimed, password(PASSWORD), &HERE);
    let PasswordOutcome::EnrollmentWanted(awaiting) = checked.await.unwrap() else {
        panic!("an officer needs a key");
    };
    let prover = Prover::Awaiting(awaiting);
    let enrollment = &house.services.enrollment;
    let started = enrollment.start(&prover, &HERE).await.unwrap();
    let StartOutcome::Started(NewKey { provisioning, .. }) = started else {
        panic!("a key");
    };
    let phone = secret_of(provisioning.uri());
    let proved = enrollment
        .prove(&prover, None, house.code(&phone), &HERE)
        .await;
    let ProveOutcome::Activated(granted) = proved.unwrap() else {
        panic!("a login");
    };
    (key, phone, granted.authenticated)
}

fn order(act: DeskAct) -> Order {
    let wants_identity = matches!(&act, DeskAct::Account(_, act) if act.wants_identity());
    Order {
        act,
        reason: Statement::parse("Ponsel hilang").unwrap(),
        seen: wants_identity.then(|| Statement::parse("KTP 3273").unwrap()),
        passcode: None,
    }
}

/// Every order of the desk, with its word in the log.
fn orders(on: &AccountKey) -> Vec<(Act, DeskAct)> {
    let email = EmailAddress::parse("siti@baru.go.id").unwrap();
    let on = |act| DeskAct::Account(on.clone(), act);
    let of_account = ActKind::ALL.map(|kind| {
        let act = kind.with(Some(email.clone())).unwrap();
        (act.row().act, on(act))
    });
    let of_whole = (Act::SetPolicy, DeskAct::SetRules(Policy::Required.into()));
    of_account.into_iter().chain([of_whole]).collect()
}

/// Everything at the desk that `who` is refused for `reason`: with the orders, what is only looked at.
async fn refused_everything(house: &House, who: &Authenticated, reason: &str) {
    refused_orders(house, who, reason).await;
    let (desk, from, on) = (&house.services.officer, here(), ppk30());
    let found = desk.find(who, "siti", None, 10, &from);
    refused(house, Act::FindAccounts, reason, found)
        .await
        .unwrap();
    let overview = desk.overview(who, &from);
    refused(house, Act::FindAccounts, reason, overview)
        .await
        .unwrap();
    let card = desk.card(who, &on, &from);
    refused(house, Act::ShowAccount, reason, card)
        .await
        .unwrap();
    let email = desk.reveal_email(who, &on, &from);
    refused(house, Act::RevealEmail, reason, email)
        .await
        .unwrap();
    let rules = desk.rules(who, &from);
    refused(house, Act::ShowPolicy, reason, rules)
        .await
        .unwrap();
    let outbox = desk.outbox(who, &from);
    refused(house, Act::ReadOutbox, reason, outbox)
        .await
        .unwrap();
    let records = desk.audit_log(who, &from);
    refused(house, Act::ReadAudit, reason, records)
        .await
        .unwrap();
    let older = desk.older_records(who, 100, &from);
    refused(house, Act::ReadAudit, reason, older).await.unwrap();
}

async fn refused_orders(house: &House, who: &Authenticated, reason: &str) {
    for (act, order_) in orders(&ppk30()) {
        carry_out(house, who, order(order_), (act, reason)).await;
    }
}

async fn carry_out(house: &House, who: &Authenticated, order: Order, (act, reason): (Act, &str)) {
    let (desk, from) = (&house.services.officer, here());
    let carried_out = desk.carry_out(who, order, &from);
    refused(house, act, reason, carried_out).await.unwrap();
}

#[tokio::test]
async fn whoever_is_no_officer_at_the_desk() {
    let house = house(Policy::Enabled).await;
    let store = &house.foundation.store;
    let (key, _, who) = officer(&house, "PETUGAS1").await;
    edit(store, &key, |account| account.role = Role::User).await;
    refused_everything(&house, &who, "not-officer").await;
    edit(store, &key, |account| {
        account.role = Role::Officer;
        account.suspended = Some(account.created);
    })
    .await;
    refused_everything(&house, &who, "suspended").await;
    edit(store, &key, |account| {
        account.suspended = None;
        account.authenticator = Authenticator::Absent;
    })
    .await;
    refused_everything(&house, &who, "no-authenticator").await;
    edit(store, &key, |account| account.generation += 1).await;
    refused_everything(&house, &who, "ended-login").await;
}

#[tokio::test]
async fn orders_of_officers() {
    let house = house(Policy::Enabled).await;
    let (key, phone, who) = officer(&house, "PETUGAS1").await;
    for (act, own) in orders(&key).into_iter().take(7) {
        carry_out(&house, &who, order(own), (act, "own-account")).await;
    }
    for (act, unseen) in orders(&ppk30()).into_iter().take(7) {
        let unseen = order(unseen);
        if unseen.seen.is_some() {
            let unseen = Order {
                seen: None,
                ..unseen
            };
            carry_out(&house, &who, unseen, (act, "identity-wanted")).await;
        }
    }
    for (act, gone) in orders(&nobody()).into_iter().take(7) {
        carry_out(&house, &who, order(gone), (act, "unknown-account")).await;
    }
    let (desk, from, gone) = (&house.services.officer, here(), nobody());
    let card = desk.card(&who, &gone, &from);
    let card = refused(&house, Act::ShowAccount, "unknown-account", card);
    card.await.unwrap();
    let email = desk.reveal_email(&who, &gone, &from);
    let email = refused(&house, Act::RevealEmail, "unknown-account", email);
    email.await.unwrap();
    let on_ppk30 = |act| order(DeskAct::Account(ppk30(), act));
    let same = EmailAddress::parse("siti@contoh.go.id").unwrap();
    for (act, nothing) in [
        (Act::Reinstate, on_ppk30(AccountAct::Reinstate)),
        (Act::ResetTotp, on_ppk30(AccountAct::ResetTotp)),
        (Act::CorrectEmail, on_ppk30(AccountAct::CorrectEmail(same))),
        (
            Act::SetPolicy,
            order(DeskAct::SetRules(Policy::Enabled.into())),
        ),
    ] {
        carry_out(&house, &who, nothing, (act, "nothing-to-do")).await;
    }
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    let unlock = on_ppk30(AccountAct::Unlock);
    carry_out(&house, &who, unlock, (Act::Unlock, "held")).await;
    house.clock.pass(5 * 60 + 1);
    refused_orders(&house, &who, "stale-passcode").await;
    let act = Act::EndLogins;
    let with = |code| Order {
        passcode: Some(code),
        ..on_ppk30(AccountAct::EndLogins)
    };
    carry_out(&house, &who, with(wrong_code()), (act, "wrong-passcode")).await;
    let right = with(house.code(&phone));
    carry_out(&house, &who, right, (act, "waiting")).await;
    house.clock.pass(60);
    let code = house.code(&phone);
    desk.carry_out(&who, with(code), &from).await.unwrap();
    carry_out(&house, &who, with(code), (act, "spent-passcode")).await;
    let store = &house.foundation.store;
    edit(store, &key, |account| {
        account.passcode_throttle.failures = 100
    })
    .await;
    carry_out(&house, &who, with(code), (act, "held")).await;
}

#[tokio::test]
async fn an_officer_who_ceases_to_be_one_between_the_look_and_the_act() {
    let house = house(Policy::Enabled).await;
    let (key, _, who) = officer(&house, "PETUGAS1").await;
    for (act, given) in orders(&ppk30()) {
        let is_idle = matches!(
            given,
            DeskAct::Account(_, AccountAct::Reinstate | AccountAct::ResetTotp)
        );
        if is_idle {
            continue;
        }
        let (store, who_is) = (house.foundation.store.clone(), key.clone());
        let services = meddled(&house, async move {
            edit(&store, &who_is, |account| account.role = Role::User).await;
        });
        let from = here();
        let carried_out = services.officer.carry_out(&who, order(given), &from);
        let refused = refused(&house, act, "not-officer", carried_out);
        refused.await.unwrap();
        let store = &house.foundation.store;
        edit(store, &key, |account| account.role = Role::Officer).await;
    }
}

#[tokio::test]
async fn commands() {
    let house = house(Policy::Enabled).await;
    let Services {
        accounts,
        outbox,
        nodes,
        ..
    } = &*house.services;
    let (from, gone, there) = (here(), nobody(), ppk30());
    let again = accounts.add(like_ppk30(&house, there.clone(), Role::User).await, &from);
    let again = refused(&house, Act::AddAccount, "existing-account", again);
    again.await.unwrap_err();
    let mut import = accounts.begin_import().await.unwrap();
    let again = vec![like_ppk30(&house, there.clone(), Role::User).await];
    let again = import.add(again, &from);
    let again = refused(&house, Act::ImportAccounts, "existing-account", again);
    again.await.unwrap_err();
    import.abandon().await.unwrap();
    let hash = || async { house.account().await.password };
    let set = accounts.set_password(&gone, hash().await, &from);
    let set = refused(&house, Act::SetPassword, "unknown-account", set);
    set.await.unwrap_err();
    let set = accounts.issue_password(&gone, hash().await, &from);
    let set = refused(&house, Act::IssuePassword, "unknown-account", set);
    set.await.unwrap_err();
    let set = accounts.set_role(&gone, Role::Officer, &from);
    let set = refused(&house, Act::SetRole, "unknown-account", set);
    set.await.unwrap_err();
    let set = accounts.set_role(&there, Role::User, &from);
    let set = refused(&house, Act::SetRole, "nothing-to-do", set);
    set.await.unwrap_err();
    let removed = accounts.remove(&gone, &from);
    let removed = refused(&house, Act::RemoveAccount, "unknown-account", removed);
    removed.await.unwrap_err();
    for (act, order) in orders(&gone) {
        if let DeskAct::Account(key, wanted) = order {
            let acted = accounts.act(&key, &wanted, &from);
            let acted = refused(&house, act, "unknown-account", acted);
            acted.await.unwrap_err();
        }
    }
    let (reinstate, unlock) = (AccountAct::Reinstate, AccountAct::Unlock);
    let acted = accounts.act(&there, &reinstate, &from);
    let acted = refused(&house, Act::Reinstate, "nothing-to-do", acted);
    acted.await.unwrap_err();
    edit_ppk30(&house, |account| account.passcode_throttle.failures = 100).await;
    let acted = accounts.act(&there, &unlock, &from);
    let acted = refused(&house, Act::Unlock, "held", acted);
    acted.await.unwrap_err();
    accounts.reset_totp(&there, &from).await.unwrap();
    let letters = Outbox::new(house.foundation.store.clone());
    let read = letters.page(None, 1).await.unwrap().letters.remove(0);
    let id = read.letter.id.clone();
    let now = house.clock.now();
    let claim = read
        .delivery
        .claimed(&Delivery::claimant("test", "courier"), now);
    let read = letters.update(read, claim.unwrap()).await.unwrap();
    let retried = outbox.retry(&id, &from);
    let retried = refused(&house, Act::RetryLetter, "letter-under-way", retried);
    retried.await.unwrap();
    letters.remove(&read.unwrap()).await.unwrap();
    let retried = outbox.retry(&id, &from);
    let retried = refused(&house, Act::RetryLetter, "unknown-letter", retried);
    retried.await.unwrap();
    let forgotten = nodes.forget("nobody", &from);
    let forgotten = refused(&house, Act::ForgetNode, "unknown-node", forgotten);
    forgotten.await.unwrap();
}
