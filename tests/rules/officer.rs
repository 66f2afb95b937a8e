//! The officer's desk without a screen: who may do what and who may not, what each act leaves behind, and that none is
//! done without a record of it and a word to the account's owner.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lpse_kiosk::{
    domain::{
        Account, AccountKey, ActivityKind, Authenticated, Authenticator, EmailAddress, Identified,
        Passcode, PersonName, PlainPassword, Policy, Refusal, Secret, UserId, UserType,
        account::Role,
        audit::{Act, AuditEvent, AuditOutcome, AuditRecord},
        letter::LetterKind,
        officer::{AccountAct, ActKind, Declined, DeskAct, Order, Statement},
        password::{HashCost, HashMemory, hash, verify},
        policy::LoginRules,
        reset::{ResetSecret, Void},
        security_code::Challenge,
        throttle::Gate,
    },
    ports::{Audit, AuditError, AuditTrail, Clock, Recorded},
    service::{
        Foundation, Services,
        accounts::{AccountsError, NewAccount},
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, NewKey, ProveOutcome, Prover, StartOutcome},
        officer::{Answered, CarriedOut, Done},
        own_password::ChangeOutcome,
        recovery::IssueOutcome,
        reset::{Confirmed, RequestOutcome, ResetRequest},
    },
    store::{Key, Store, accounts::Accounts},
};
use support::house;
use support::house::{House, PASSWORD, here, house, password, ppk30, secret_of};
use zeroize::Zeroizing;

const REASON: &str = "Ponsel \"lama\" hilang";
const SEEN: &str = "KTP 3273, foto cocok";

fn non_penyedia(id: &str) -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
}

pub(super) fn petugas1() -> AccountKey {
    non_penyedia("PETUGAS1")
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// A house with an officer at the desk, whose code was accepted just now, and PPK30, whose TOTP is active and who has
/// to wait after wrong codes.
pub(super) struct Desk {
    pub house: House,
    phone: Secret,
    pub who: Authenticated,
    /// The phone of PPK30.
    pub owner: Secret,
}

pub(super) async fn add_officer(house: &House, key: &AccountKey) -> (Secret, Authenticated) {
    let new = NewAccount {
        key: key.clone(),
        name: PersonName::parse("Rina Wulandari").unwrap(),
        email: email(&format!(
            "{}@contoh.go.id",
            key.user_id.as_str().to_lowercase()
        )),
        role: Role::Officer,
        password: hash(
            &password(PASSWORD),
            [7; 16],
            HashCost::MIN,
            &mut HashMemory::default(),
        ),
    };
    house.services.accounts.add(new, &here()).await.unwrap();
    let claimed = Identified {
        account: key.clone(),
    };
    let authentication = &house.services.authentication;
    let outcome = authentication
        .check_password(claimed, password(PASSWORD), &here())
        .await;
    let PasswordOutcome::EnrollmentWanted(awaiting) = outcome.unwrap() else {
        panic!("an officer needs TOTP whatever the policy");
    };
    let prover = Prover::Awaiting(awaiting);
    let enrollment = &house.services.enrollment;
    let StartOutcome::Started(NewKey { provisioning, .. }) =
        enrollment.start(&prover, &here()).await.unwrap()
    else {
        panic!("a key");
    };
    let phone = secret_of(provisioning.uri());
    let proved = enrollment
        .prove(&prover, None, house.code(&phone), &here())
        .await;
    match proved.unwrap() {
        ProveOutcome::Activated(granted) => (phone, granted.authenticated),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn desk() -> Desk {
    let house = house(Policy::Enabled).await;
    let owner = house.activate().await;
    house.clock.pass(30);
    let (phone, who) = add_officer(&house, &petugas1()).await;
    let desk = Desk {
        house,
        phone,
        who,
        owner,
    };
    let now = desk.house.clock.now();
    desk.edit(&ppk30(), |account| {
        account.passcode_throttle.failures = 5;
        account.passcode_throttle.last_failure = Some(now);
    })
    .await;
    desk
}

fn order(act: DeskAct) -> Order {
    let wants_identity = matches!(&act, DeskAct::Account(_, act) if act.wants_identity());
    Order {
        act,
        reason: Statement::parse(REASON).unwrap(),
        seen: wants_identity.then(|| Statement::parse(SEEN).unwrap()),
        passcode: None,
    }
}

pub(super) fn on_ppk30(act: AccountAct) -> DeskAct {
    DeskAct::Account(ppk30(), act)
}

fn account_acts() -> Vec<AccountAct> {
    let new = email("siti@baru.go.id");
    let acts = ActKind::ALL.into_iter();
    acts.map(|kind| kind.with(Some(new.clone())).unwrap())
        .collect()
}

fn desk_acts() -> Vec<DeskAct> {
    let mut acts: Vec<_> = account_acts().into_iter().map(on_ppk30).collect();
    acts.push(DeskAct::SetRules(Policy::Required.into()));
    acts
}

fn act_word(act: &DeskAct) -> Act {
    match act {
        DeskAct::Account(_, act) => match act {
            AccountAct::Unlock => Act::Unlock,
            AccountAct::ResetTotp => Act::ResetTotp,
            AccountAct::IssuePassword => Act::IssuePassword,
            AccountAct::CorrectEmail(_) => Act::CorrectEmail,
            AccountAct::Suspend => Act::Suspend,
            AccountAct::Reinstate => Act::Reinstate,
            AccountAct::EndLogins => Act::EndLogins,
        },
        DeskAct::SetRules(_) => Act::SetPolicy,
    }
}

impl Desk {
    fn accounts(&self) -> Accounts {
        Accounts::new(self.house.foundation.store.clone())
    }

    /// The account as it is kept now.
    pub async fn kept(&self, key: &AccountKey) -> Account {
        let kept = self.house.services.accounts.get(key).await.unwrap();
        kept.expect("the account is there")
    }

    /// Changes an account behind everybody's back.
    pub async fn edit(&self, key: &AccountKey, change: impl FnOnce(&mut Account)) {
        let read = self.accounts().read(key).await.unwrap().unwrap();
        let mut account = read.account.clone();
        change(&mut account);
        let store = &self.house.foundation.store;
        store.commit(read.replace(&account)).await.unwrap();
    }

    /// The letters that wait, the oldest first, by what they tell and to which address.
    async fn letters(&self) -> Vec<(LetterKind, String)> {
        let page = self.house.services.outbox.page(None, 1000).await.unwrap();
        let letters = page.letters.into_iter();
        letters
            .map(|waiting| (waiting.letter.kind, waiting.letter.address.to_string()))
            .collect()
    }

    async fn carry_out(&self, who: &Authenticated, order: Order) -> CarriedOut {
        let officer = &self.house.services.officer;
        officer.carry_out(who, order, &here()).await.unwrap()
    }

    pub async fn done(&self, act: DeskAct) -> Done {
        let told = format!("{act:?}");
        match self.carry_out(&self.who, order(act)).await {
            CarriedOut::Done(done, _) => done,
            other => panic!("{told}: {other:?}"),
        }
    }

    async fn declined(&self, act: DeskAct) -> Declined {
        let told = format!("{act:?}");
        match self.carry_out(&self.who, order(act)).await {
            CarriedOut::Declined(declined, _) => declined,
            other => panic!("{told}: {other:?}"),
        }
    }

    fn events(&self) -> Vec<AuditEvent> {
        self.house.audit.0.lock().unwrap().clone()
    }

    /// Everything that an act could change, but for the officer's own account.
    async fn state(&self) -> (Account, Vec<(LetterKind, String)>, LoginRules) {
        let rules = self.house.services.policy.get().await.unwrap();
        (self.kept(&ppk30()).await, self.letters().await, rules)
    }

    /// Fails the test if `act` of `who` is not refused with `refusal` and recorded with `reason`, or changes anything.
    async fn refuses(&self, who: &Authenticated, act: DeskAct, refusal: Refusal, reason: &str) {
        let told = format!("{act:?} refused as {reason}");
        let word = act_word(&act);
        let before = self.state().await;
        let outcome = self.carry_out(who, order(act)).await;
        assert!(
            matches!(outcome, CarriedOut::Refused(why) if why == refusal),
            "{told}: {outcome:?}"
        );
        assert_eq!(self.state().await, before, "{told}");
        self.recorded_refusal(word, who, reason);
    }

    #[track_caller]
    fn recorded_refusal(&self, act: Act, by: &Authenticated, reason: &str) {
        let last = self.events().pop().unwrap();
        assert_eq!(last.act, act);
        assert_eq!(last.by.as_ref(), Some(by.account()), "{act:?}");
        assert_eq!(
            last.outcome,
            AuditOutcome::Refused(reason.to_owned().into()),
            "{act:?}"
        );
    }
}

#[tokio::test]
async fn who_may_not_cannot_and_the_audit_log_says_so() {
    let desk = desk().await;
    // Somebody who is fully logged in, with a code of this minute, and no officer.
    let user = non_penyedia("PPK31");
    let (_, of_user) = add_officer(&desk.house, &user).await;
    desk.edit(&user, |account| account.role = Role::User).await;
    for act in desk_acts() {
        desk.refuses(&of_user, act, Refusal::Ended, "not-officer")
            .await;
    }
    let suspended = non_penyedia("PETUGAS2");
    let (_, of_suspended) = add_officer(&desk.house, &suspended).await;
    desk.edit(&suspended, |account| {
        account.suspended = Some(Timestamp::UNIX_EPOCH);
    })
    .await;
    for act in desk_acts() {
        desk.refuses(&of_suspended, act, Refusal::Suspended, "suspended")
            .await;
    }
    let ended = non_penyedia("PETUGAS3");
    let (_, of_ended) = add_officer(&desk.house, &ended).await;
    let accounts = &desk.house.services.accounts;
    accounts
        .act(&ended, &AccountAct::EndLogins, &here())
        .await
        .unwrap();
    for act in desk_acts() {
        desk.refuses(&of_ended, act, Refusal::Ended, "ended-login")
            .await;
    }
    for nobody in [&of_user, &of_suspended, &of_ended] {
        let officer = &desk.house.services.officer;
        let card = officer.card(nobody, &ppk30(), &here()).await.unwrap();
        assert!(matches!(card, Answered::Ended), "{card:?}");
        let revealed = officer
            .reveal_email(nobody, &ppk30(), &here())
            .await
            .unwrap();
        assert!(matches!(revealed, Answered::Ended), "{revealed:?}");
        let last = desk.events().pop().unwrap();
        assert!(matches!(last.outcome, AuditOutcome::Refused(_)), "{last:?}");
        let found = officer
            .find(nobody, "siti", None, 10, &here())
            .await
            .unwrap();
        assert!(matches!(found, Answered::Ended), "{found:?}");
        let last = desk.events().pop().unwrap();
        assert_eq!(
            (last.act, last.by.as_ref()),
            (Act::FindAccounts, Some(nobody.account()))
        );
        assert!(matches!(last.outcome, AuditOutcome::Refused(_)), "{last:?}");
    }
    // Last, because it is a matter of time.
    desk.house.clock.pass(5 * 60 + 1);
    for act in desk_acts() {
        let wanted = Refusal::FreshPasscodeWanted;
        desk.refuses(&desk.who, act, wanted, "stale-passcode").await;
    }
}

#[tokio::test]
async fn nobody_acts_on_their_own_account_and_an_officer_may_on_anothers() {
    let desk = desk().await;
    let before = desk.kept(&petugas1()).await;
    for act in account_acts() {
        let told = format!("{act:?}");
        let own = DeskAct::Account(petugas1(), act);
        let word = act_word(&own);
        assert_eq!(desk.declined(own).await, Declined::OwnAccount, "{told}");
        desk.recorded_refusal(word, &desk.who, "own-account");
        assert_eq!(desk.kept(&petugas1()).await, before, "{told}");
    }
    let colleague = non_penyedia("PETUGAS2");
    add_officer(&desk.house, &colleague).await;
    desk.done(DeskAct::Account(colleague.clone(), AccountAct::ResetTotp))
        .await;
    let reset = desk.kept(&colleague).await;
    assert_eq!(reset.authenticator, Authenticator::Absent);
    assert!(reset.role.is_officer());
}

#[tokio::test]
async fn what_helps_a_stranger_wants_a_document_and_what_cannot_be_done_says_why() {
    let desk = desk().await;
    for act in account_acts()
        .into_iter()
        .filter(AccountAct::wants_identity)
    {
        let unseen = Order {
            seen: None,
            ..order(on_ppk30(act))
        };
        let word = act_word(&unseen.act);
        let outcome = desk.carry_out(&desk.who, unseen).await;
        let wanted = matches!(outcome, CarriedOut::Declined(Declined::IdentityWanted, _));
        assert!(wanted, "{outcome:?}");
        desk.recorded_refusal(word, &desk.who, "identity-wanted");
    }
    let gone = DeskAct::Account(non_penyedia("NOBODY"), AccountAct::Suspend);
    assert_eq!(desk.declined(gone).await, Declined::Gone);
    desk.recorded_refusal(Act::Suspend, &desk.who, "unknown-account");
    let rules = desk.house.services.policy.get().await.unwrap();
    desk.edit(&ppk30(), |account| {
        account.authenticator = Authenticator::Absent;
        account.passcode_throttle = Default::default();
    })
    .await;
    for act in [
        on_ppk30(AccountAct::Reinstate),
        on_ppk30(AccountAct::ResetTotp),
        on_ppk30(AccountAct::CorrectEmail(email("siti@contoh.go.id"))),
        DeskAct::SetRules(rules),
    ] {
        let (told, word) = (format!("{act:?}"), act_word(&act));
        let before = desk.state().await;
        assert_eq!(desk.declined(act).await, Declined::NothingToDo, "{told}");
        desk.recorded_refusal(word, &desk.who, "nothing-to-do");
        assert_eq!(desk.state().await, before, "{told}");
    }
    desk.edit(&ppk30(), |account| account.passcode_throttle.failures = 100)
        .await;
    let unlock = on_ppk30(AccountAct::Unlock);
    assert_eq!(desk.declined(unlock).await, Declined::Held);
    desk.recorded_refusal(Act::Unlock, &desk.who, "held");
}

/// What an act is to leave behind besides its own change.
struct Left {
    activity: ActivityKind,
    letters: Vec<(LetterKind, &'static str)>,
    ends_logins: bool,
}

#[tokio::test]
async fn each_act_changes_its_own_is_noted_told_and_recorded_before_and_after() {
    const AT: &str = "siti@contoh.go.id";
    let left = |activity, letter, ends_logins| Left {
        activity,
        letters: vec![(letter, AT)],
        ends_logins,
    };
    use {ActivityKind as Kind, LetterKind as Told};
    let rows = [
        (
            AccountAct::Unlock,
            left(Kind::Unlocked, Told::Unlocked, false),
        ),
        (
            AccountAct::ResetTotp,
            left(Kind::TotpReset, Told::TotpReset, true),
        ),
        (
            AccountAct::IssuePassword,
            left(Kind::PasswordIssued, Told::PasswordIssued, true),
        ),
        (
            AccountAct::CorrectEmail(email("siti@baru.go.id")),
            Left {
                activity: Kind::EmailChanged,
                letters: vec![
                    (Told::EmailChanged, AT),
                    (Told::EmailChanged, "siti@baru.go.id"),
                ],
                ends_logins: true,
            },
        ),
        (
            AccountAct::Suspend,
            left(Kind::Suspended, Told::Suspended, true),
        ),
        (
            AccountAct::Reinstate,
            left(Kind::Reinstated, Told::Reinstated, false),
        ),
        (
            AccountAct::EndLogins,
            left(Kind::LoginsEnded, Told::LoginsEnded, true),
        ),
    ];
    assert_eq!(rows.len(), ActKind::ALL.len(), "every act has its row");
    for (act, left) in rows {
        let told = format!("{act:?}");
        let desk = desk().await;
        if act == AccountAct::Reinstate {
            desk.edit(&ppk30(), |account| {
                account.suspended = Some(Timestamp::UNIX_EPOCH);
            })
            .await;
        }
        let mut ended = desk.house.services.ended_logins();
        let before = desk.kept(&ppk30()).await;
        let letters_before = desk.letters().await.len();
        let events_before = desk.events().len();
        let Done::Account(card, issued) = desk.done(on_ppk30(act.clone())).await else {
            panic!("{told}: a card");
        };
        let after = desk.kept(&ppk30()).await;
        let now = desk.house.clock.now();
        let newest = &after.activity[0];
        assert_eq!(newest.kind, left.activity, "{told}");
        assert_eq!(newest.by, Some(petugas1()), "{told}");
        assert_eq!((newest.at, &newest.from), (now, &here()), "{told}");
        assert_eq!(after.activity.len(), before.activity.len() + 1, "{told}");
        assert_eq!(card.activity, after.activity, "{told}");
        assert!(!card.is_own, "{told}");
        let mut letters = desk.letters().await.split_off(letters_before);
        letters.sort_by_key(|(_, address)| address.clone());
        let mut expected: Vec<_> = left
            .letters
            .iter()
            .map(|(kind, address)| (*kind, (*address).to_owned()))
            .collect();
        expected.sort_by_key(|(_, address)| address.clone());
        assert_eq!(letters, expected, "{told}");
        let next = before.generation.wrapping_add(1);
        let generation = if left.ends_logins {
            next
        } else {
            before.generation
        };
        assert_eq!(after.generation, generation, "{told}");
        assert_eq!(ended.try_recv().is_ok(), left.ends_logins, "{told}");
        // Nothing else has changed but what the act is for.
        let mut expected = before.clone();
        expected.generation = after.generation;
        expected.activity = after.activity.clone();
        match &act {
            AccountAct::Unlock => {
                assert_eq!(card.gate, Gate::Open);
                assert_eq!(card.passcode_failures, 5, "the count stays");
                expected.passcode_throttle.last_failure = None;
                expected.unlocks = before.unlocks + 1;
            }
            AccountAct::ResetTotp => {
                expected.authenticator = Authenticator::Absent;
                expected.passcode_throttle = Default::default();
            }
            AccountAct::IssuePassword => {
                let issued = issued.as_ref().expect("it is shown once");
                let typed = PlainPassword::typed(issued.as_str()).unwrap();
                let proof = verify(&typed, &after.password, &mut HashMemory::default());
                assert!(proof.is_some(), "the password is the one shown");
                let good_until = after.one_time_password.unwrap().good_until;
                assert_eq!(good_until, now + Duration::from_secs(24 * 60 * 60));
                expected.password = after.password.clone();
                expected.one_time_password = after.one_time_password;
                let shown = issued.as_str();
                let everything = format!("{:?} {card:?} {after:?}", desk.events());
                assert!(!everything.contains(shown), "it is nowhere else");
            }
            AccountAct::CorrectEmail(email) => expected.email = email.clone(),
            AccountAct::Suspend => expected.suspended = Some(now),
            AccountAct::Reinstate => expected.suspended = None,
            AccountAct::EndLogins => {}
        }
        assert_eq!(after, expected, "{told}");
        assert_eq!(issued.is_some(), act == AccountAct::IssuePassword, "{told}");
        let events = desk.events().split_off(events_before);
        let word = act_word(&on_ppk30(act.clone()));
        let outcomes: Vec<_> = events.iter().map(|event| &event.outcome).collect();
        assert_eq!(
            outcomes,
            [&AuditOutcome::Intended, &AuditOutcome::Done],
            "{told}"
        );
        for event in &events {
            assert_eq!(event.act, word, "{told}");
            assert_eq!(event.account, Some(ppk30()), "{told}");
            assert_eq!(event.by, Some(petugas1()), "{told}");
            let detail = event.detail.as_deref().unwrap();
            assert!(
                detail.contains(r#"reason "Ponsel \"lama\" hilang""#),
                "{detail}"
            );
            let seen = detail.contains("seen \"KTP 3273, foto cocok\"");
            assert_eq!(seen, act.wants_identity(), "{detail}");
            if matches!(act, AccountAct::CorrectEmail(_)) {
                let masked = "from s***@contoh.go.id to s***@baru.go.id";
                assert!(detail.contains(masked), "{detail}");
            }
        }
    }
}

#[tokio::test]
async fn the_policy_the_outbox_and_the_audit_log_are_at_the_desk_too() {
    let desk = desk().await;
    let rules = LoginRules {
        policy: Policy::Required,
        recovery_codes: false,
    };
    let done = desk.done(DeskAct::SetRules(rules)).await;
    assert!(matches!(done, Done::Rules(set) if set == rules), "{done:?}");
    assert_eq!(desk.house.services.policy.get().await.unwrap(), rules);
    let events = desk.events();
    let [.., intended, done] = events.as_slice() else {
        panic!("two events");
    };
    assert_eq!(intended.outcome, AuditOutcome::Intended);
    assert_eq!(done.outcome, AuditOutcome::Done);
    let detail = done.detail.as_deref().unwrap();
    let change = "from enabled, recovery codes on to required, recovery codes off, reason ";
    assert!(detail.starts_with(change), "{detail}");
    // A code of this minute is asked of nobody who only looks.
    desk.house.clock.pass(5 * 60 + 1);
    let officer = &desk.house.services.officer;
    let page = officer.outbox(&desk.who, &here()).await.unwrap();
    let Answered::Here(page) = page else {
        panic!("the outbox");
    };
    assert_eq!(page.letters.len(), desk.letters().await.len());
    let events = desk.events();
    let [.., intended, done] = events.as_slice() else {
        panic!("two events");
    };
    for (event, outcome) in [
        (intended, AuditOutcome::Intended),
        (done, AuditOutcome::Done),
    ] {
        assert_eq!((event.act, &event.outcome), (Act::ReadOutbox, &outcome));
        assert_eq!(event.by.as_ref(), Some(&petugas1()));
    }
    // Nobody has plugged in a trail here: that is told, and recorded as a failure.
    let failed = officer.audit_log(&desk.who, &here()).await;
    failed.expect_err("there is no trail");
    let last = desk.events().pop().unwrap();
    assert!(matches!(last.outcome, AuditOutcome::Failed(_)), "{last:?}");
    let services = desk.services(desk.house.audit.clone(), Some(Arc::new(OneRecord)));
    let read = services.officer.audit_log(&desk.who, &here()).await;
    assert!(
        matches!(&read, Ok(Answered::Here(records)) if records.len() == 1),
        "{read:?}"
    );
    // Whoever goes on looking has been recorded.
    let before = desk.events().len();
    let older = services.officer.older_records(&desk.who, 1, &here()).await;
    assert!(
        matches!(&older, Ok(Answered::Here(records)) if records.is_empty()),
        "{older:?}"
    );
    assert_eq!(desk.events().len(), before);
}

#[derive(Debug)]
struct OneRecord;

#[async_trait]
impl AuditTrail for OneRecord {
    async fn newest(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, AuditError> {
        assert!(limit > 0);
        if before == Some(1) {
            return Ok(Vec::new());
        }
        Ok(vec![AuditRecord {
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            act: "login".into(),
            outcome: lpse_kiosk::domain::audit::OutcomeWord::Done,
            reason: None,
            account: None,
            by: None,
            from: "loket-1".into(),
            detail: None,
        }])
    }
}

impl Desk {
    /// The services over the same store, with another audit log.
    fn services(&self, audit: Arc<dyn Audit>, trail: Option<Arc<dyn AuditTrail>>) -> Services {
        let Desk { house, .. } = self;
        Services::new(&Arc::new(Foundation {
            audit,
            audit_trail: trail,
            ..house::foundation(house.foundation.store.clone(), &house.clock, &house.audit)
        }))
    }
}

/// Outcomes, and the account's record when they were recorded.
type Seen = Arc<std::sync::Mutex<Vec<(AuditOutcome, Vec<u8>)>>>;

/// An audit log that keeps what the account was like whenever something was recorded, and takes no record with one
/// kind of outcome.
#[derive(Debug)]
struct Watchful {
    store: Arc<dyn Store>,
    refuses: Option<AuditOutcome>,
    seen: Seen,
}

impl Audit for Watchful {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        let (store, seen, refuses) = (self.store.clone(), self.seen.clone(), self.refuses.clone());
        Box::pin(async move {
            for event in events {
                if Some(&event.outcome) == refuses.as_ref() {
                    return Err(AuditError::Unwritable("the disk is full".into()));
                }
                let account = store.get(&Key::account(&ppk30())).await.unwrap().unwrap();
                seen.lock().unwrap().push((event.outcome, account));
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn an_act_is_recorded_as_intended_before_it_is_done_and_not_done_without() {
    for act in account_acts() {
        let told = format!("{act:?}");
        let desk = desk().await;
        if act == AccountAct::Reinstate {
            desk.edit(&ppk30(), |account| {
                account.suspended = Some(Timestamp::UNIX_EPOCH);
            })
            .await;
        }
        let before = desk.state().await;
        let store = desk.house.foundation.store.clone();
        let record = store.get(&Key::account(&ppk30())).await.unwrap().unwrap();
        let watchful = |refuses| Watchful {
            store: store.clone(),
            refuses,
            seen: Arc::default(),
        };
        let services = desk.services(Arc::new(watchful(Some(AuditOutcome::Intended))), None);
        let carried = services
            .officer
            .carry_out(&desk.who, order(on_ppk30(act.clone())), &here())
            .await;
        carried.expect_err("nothing is done without a record");
        assert_eq!(desk.state().await, before, "{told}");
        let full = Arc::new(watchful(None));
        let services = desk.services(full.clone(), None);
        let carried = services
            .officer
            .carry_out(&desk.who, order(on_ppk30(act)), &here())
            .await;
        let carried = carried.unwrap();
        assert!(
            matches!(carried, CarriedOut::Done(..)),
            "{told}: {carried:?}"
        );
        let seen = full.seen.lock().unwrap();
        let [
            (AuditOutcome::Intended, first),
            (AuditOutcome::Done, second),
        ] = &seen[..]
        else {
            panic!("{told}: {seen:?}");
        };
        assert_eq!(*first, record, "{told}: intended before anything is done");
        assert_ne!(*second, record, "{told}: done before it is answered");
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_as_done_is_not_answered() {
    let desk = desk().await;
    let watchful = Watchful {
        store: desk.house.foundation.store.clone(),
        refuses: Some(AuditOutcome::Done),
        seen: Arc::default(),
    };
    let services = desk.services(Arc::new(watchful), None);
    let suspend = order(on_ppk30(AccountAct::Suspend));
    let carried = services
        .officer
        .carry_out(&desk.who, suspend, &here())
        .await;
    carried.expect_err("the record is missing");
    let officer = &services.officer;
    let card = officer.card(&desk.who, &ppk30(), &here()).await;
    card.expect_err("nor is a card shown without a record");
}

#[tokio::test]
async fn a_stale_login_brings_a_code_which_is_spent_and_a_wrong_one_is_counted() {
    let desk = desk().await;
    desk.house.clock.pass(5 * 60 + 1);
    let with = |passcode| Order {
        passcode: Some(passcode),
        ..order(on_ppk30(AccountAct::EndLogins))
    };
    let before = desk.state().await;
    let wrong = Passcode::parse("000000").unwrap();
    let outcome = desk.carry_out(&desk.who, with(wrong)).await;
    assert!(
        matches!(outcome, CarriedOut::Refused(Refusal::Rejected { .. })),
        "{outcome:?}"
    );
    desk.recorded_refusal(Act::EndLogins, &desk.who, "wrong-passcode");
    assert_eq!(desk.state().await, before);
    let officer = desk.kept(&petugas1()).await;
    assert_eq!(officer.passcode_throttle.failures, 1);
    assert_eq!(officer.activity[0].kind, ActivityKind::PasscodeRejected);
    let code = desk.house.code(&desk.phone);
    let outcome = desk.carry_out(&desk.who, with(code)).await;
    assert!(
        matches!(outcome, CarriedOut::Refused(Refusal::Wait(_))),
        "{outcome:?}"
    );
    desk.recorded_refusal(Act::EndLogins, &desk.who, "waiting");
    desk.house.clock.pass(30);
    let code = desk.house.code(&desk.phone);
    let CarriedOut::Done(_, refreshed) = desk.carry_out(&desk.who, with(code)).await else {
        panic!("a fresh code allows it");
    };
    // The same code does not do it again, and the login that came back needs none.
    let again = desk.carry_out(&desk.who, with(code)).await;
    assert!(
        matches!(again, CarriedOut::Refused(Refusal::Rejected { .. })),
        "{again:?}"
    );
    desk.recorded_refusal(Act::EndLogins, &desk.who, "spent-passcode");
    let next = order(on_ppk30(AccountAct::Suspend));
    let next = desk.carry_out(&refreshed, next).await;
    assert!(matches!(next, CarriedOut::Done(..)), "{next:?}");
    // A code is spent even where the order comes to nothing.
    desk.house.clock.pass(5 * 60 + 1);
    let code = desk.house.code(&desk.phone);
    let suspend = Order {
        passcode: Some(code),
        ..order(on_ppk30(AccountAct::Suspend))
    };
    let CarriedOut::Declined(Declined::NothingToDo, fresher) =
        desk.carry_out(&desk.who, suspend).await
    else {
        panic!("it is suspended already");
    };
    let reinstate = order(on_ppk30(AccountAct::Reinstate));
    let outcome = desk.carry_out(&fresher, reinstate).await;
    assert!(matches!(outcome, CarriedOut::Done(..)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_orders_one_is_carried_out() {
    let desk = desk().await;
    let letters_before = desk.letters().await.len();
    let mut orders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (services, who) = (desk.house.services.clone(), desk.who.clone());
        orders.spawn(async move {
            let suspend = order(on_ppk30(AccountAct::Suspend));
            let outcome = services.officer.carry_out(&who, suspend, &here()).await;
            match outcome.unwrap() {
                CarriedOut::Done(..) => 1,
                CarriedOut::Declined(Declined::NothingToDo, _) => 0,
                other => panic!("{other:?}"),
            }
        });
    }
    assert_eq!(orders.join_all().await.into_iter().sum::<u32>(), 1);
    let letters = desk.letters().await.split_off(letters_before);
    assert_eq!(letters.len(), 1, "{letters:?}");
    // And one code stands for one order.
    desk.house.clock.pass(5 * 60 + 1);
    let code = desk.house.code(&desk.phone);
    let before = desk.kept(&ppk30()).await.generation;
    let mut orders = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (services, who) = (desk.house.services.clone(), desk.who.clone());
        orders.spawn(async move {
            let end = Order {
                passcode: Some(code),
                ..order(on_ppk30(AccountAct::EndLogins))
            };
            let outcome = services.officer.carry_out(&who, end, &here()).await;
            u32::from(matches!(outcome.unwrap(), CarriedOut::Done(..)))
        });
    }
    assert_eq!(orders.join_all().await.into_iter().sum::<u32>(), 1);
    assert_eq!(desk.kept(&ppk30()).await.generation, before + 1);
}

#[tokio::test]
async fn a_card_and_an_address_are_shown_after_they_are_recorded() {
    let desk = desk().await;
    let officer = &desk.house.services.officer;
    let card = officer.card(&desk.who, &ppk30(), &here()).await.unwrap();
    let Answered::Here(card) = card else {
        panic!("{card:?}");
    };
    assert_eq!(card.masked_email, "s***@contoh.go.id");
    assert_eq!(card.passcode_failures, 5);
    assert!(matches!(card.gate, Gate::Wait(_)), "{card:?}");
    let kept = desk.kept(&ppk30()).await;
    assert_eq!(card.activity, kept.activity);
    let last = desk.events().pop().unwrap();
    assert_eq!(
        (last.act, last.outcome),
        (Act::ShowAccount, AuditOutcome::Done)
    );
    assert_eq!((last.account, last.by), (Some(ppk30()), Some(petugas1())));
    let email = officer.reveal_email(&desk.who, &ppk30(), &here()).await;
    let Answered::Here(email) = email.unwrap() else {
        panic!("an address");
    };
    assert_eq!(email.as_str(), "siti@contoh.go.id");
    let last = desk.events().pop().unwrap();
    assert_eq!(
        (last.act, last.outcome),
        (Act::RevealEmail, AuditOutcome::Done)
    );
    let own = officer.card(&desk.who, &petugas1(), &here()).await.unwrap();
    assert!(matches!(own, Answered::Here(card) if card.is_own));
    let nobody = officer
        .card(&desk.who, &non_penyedia("NOBODY"), &here())
        .await;
    let nobody = nobody.unwrap();
    assert!(
        matches!(nobody, Answered::Declined(Declined::Gone)),
        "{nobody:?}"
    );
    let found = officer
        .find(&desk.who, "siti", None, 10, &here())
        .await
        .unwrap();
    let Answered::Here(found) = found else {
        panic!("{found:?}");
    };
    assert_eq!(found.accounts.len(), 1);
    assert_eq!(found.accounts[0].key, ppk30());
    assert!(found.next.is_none());
}

/// A request for a reset of `key`, as the form makes it.
async fn ask(house: &House, key: &AccountKey, address: &str) {
    let challenge = Challenge::new(&[0; Challenge::RANDOM_BYTES], house.clock.monotonic()).0;
    let asked = ResetRequest {
        account: key.clone(),
        email: email(address),
        security_code: Zeroizing::new("aaaaaa".into()),
    };
    let asked = house
        .services
        .reset
        .request(asked, Some(challenge), &here())
        .await;
    assert_eq!(asked.unwrap(), RequestOutcome::Answered);
}

#[tokio::test]
async fn an_officers_totp_is_not_reset_by_letter() {
    let desk = desk().await;
    let before = desk.letters().await;
    ask(&desk.house, &petugas1(), "petugas1@contoh.go.id").await;
    assert_eq!(desk.letters().await, before, "no letter");
    let last = desk.events().pop().unwrap();
    assert_eq!(last.act, Act::RequestReset);
    assert_eq!(last.outcome, AuditOutcome::Refused("officer".into()));
    // Somebody with a link in hand becomes an officer: not even with the same generation does it work any more.
    ask(&desk.house, &ppk30(), "siti@contoh.go.id").await;
    let outbox = lpse_kiosk::store::outbox::Outbox::new(desk.house.foundation.store.clone());
    let letters = outbox.page(None, 100).await.unwrap().letters;
    let mut requests = letters
        .iter()
        .filter(|read| read.letter.kind == LetterKind::ResetRequested);
    let read = requests.next().expect("the request's letter");
    let sealed = read.secrets.as_ref().unwrap();
    let vault = &desk.house.foundation.vault;
    let secrets = vault.open_ticket_secrets(&read.letter.id, sealed).unwrap();
    let code = ResetSecret::Code(secrets.code);
    let reset = &desk.house.services.reset;
    desk.edit(&ppk30(), |account| account.role = Role::Officer)
        .await;
    let confirmed = reset.confirm(&code, &here()).await.unwrap();
    assert_eq!(
        confirmed,
        Confirmed::Refused(Refusal::ResetVoid(Void::Unknown))
    );
    // As the user it was before, the link would have worked, but it does not survive the address it was sent to.
    desk.edit(&ppk30(), |account| account.role = Role::User)
        .await;
    desk.done(on_ppk30(AccountAct::CorrectEmail(email("siti@baru.go.id"))))
        .await;
    let confirmed = reset.confirm(&code, &here()).await.unwrap();
    assert_eq!(
        confirmed,
        Confirmed::Refused(Refusal::ResetVoid(Void::Unknown))
    );
}

#[tokio::test]
async fn an_officer_who_disables_totp_at_home_gets_a_new_key_at_once() {
    let desk = desk().await;
    let disabled = desk
        .house
        .services
        .enrollment
        .disable(&desk.who, None, &here())
        .await
        .unwrap();
    assert!(
        matches!(disabled, DisableOutcome::EnrollmentWanted(..)),
        "{disabled:?}"
    );
    // Until it is proved, what is left of the login is good for nothing at the desk.
    for act in desk_acts() {
        desk.refuses(&desk.who, act, Refusal::Ended, "no-authenticator")
            .await;
    }
}

#[tokio::test]
async fn an_officers_recovery_code_never_becomes_a_phone() {
    let desk = desk().await;
    let services = &desk.house.services;
    let issued = services.recovery.issue(&desk.who, None, &here()).await;
    let IssueOutcome::Issued(paper, _) = issued.unwrap() else {
        panic!("a login by the phone makes codes");
    };
    let claimed = Identified {
        account: petugas1(),
    };
    let authentication = &services.authentication;
    let outcome = authentication
        .check_password(claimed, password(PASSWORD), &here())
        .await;
    let PasswordOutcome::PasscodeWanted { awaiting, .. } = outcome.unwrap() else {
        panic!("a code is wanted");
    };
    let code = paper.iter().next().unwrap().clone();
    let checked = services.recovery.check(&awaiting, code, &here()).await;
    let PasscodeOutcome::Granted(granted) = checked.unwrap() else {
        panic!("a login by paper");
    };
    let by_paper = granted.authenticated;
    // Neither another phone nor more paper, and no act at the desk, until the phone has shown a code.
    let disabled = services.enrollment.disable(&by_paper, None, &here()).await;
    assert!(
        matches!(
            disabled,
            Ok(DisableOutcome::Refused(Refusal::FreshPasscodeWanted))
        ),
        "{disabled:?}"
    );
    let issued = services.recovery.issue(&by_paper, None, &here()).await;
    assert!(
        matches!(
            issued,
            Ok(IssueOutcome::Refused(Refusal::FreshPasscodeWanted))
        ),
        "{issued:?}"
    );
    for act in desk_acts() {
        let refusal = Refusal::FreshPasscodeWanted;
        desk.refuses(&by_paper, act, refusal, "stale-passcode")
            .await;
    }
    desk.house.clock.pass(30);
    let shown = Some(desk.house.code(&desk.phone));
    let disabled = services.enrollment.disable(&by_paper, shown, &here()).await;
    assert!(
        matches!(disabled, Ok(DisableOutcome::EnrollmentWanted(..))),
        "{disabled:?}"
    );
}

#[tokio::test]
async fn a_suspended_account_is_shut_at_every_door_and_the_tries_are_recorded() {
    let house = house(Policy::Enabled).await;
    let phone = house.activate().await;
    house.clock.pass(30);
    let services = &house.services;
    let awaiting = house.awaiting().await;
    let authentication = &services.authentication;
    let code = house.code(&phone);
    let granted = authentication
        .check_passcode(&awaiting, code, &here())
        .await;
    let Ok(PasscodeOutcome::Granted(granted)) = granted else {
        panic!("a login");
    };
    let at_home = granted.authenticated;
    let issued = services.recovery.issue(&at_home, None, &here()).await;
    let Ok(IssueOutcome::Issued(paper, _)) = issued else {
        panic!("codes");
    };
    // A login under way, and the account suspended by whoever forgot to end its logins.
    let awaiting = house.awaiting().await;
    let accounts = Accounts::new(house.foundation.store.clone());
    let read = accounts.read(&ppk30()).await.unwrap().unwrap();
    let mut account = read.account.clone();
    account.suspended = Some(house.clock.now());
    let commit = read.replace(&account);
    house.foundation.store.commit(commit).await.unwrap();
    house.clock.pass(30);
    let recorded = |act| {
        let last = house.audit.0.lock().unwrap().pop().unwrap();
        assert_eq!(last.act, act);
        assert_eq!(last.outcome, AuditOutcome::Refused("ended-login".into()));
    };
    let code = || house.code(&phone);
    let checked = authentication
        .check_passcode(&awaiting, code(), &here())
        .await;
    let ended = PasscodeOutcome::Refused(Refusal::Ended);
    assert_eq!(format!("{:?}", checked.unwrap()), format!("{ended:?}"));
    recorded(Act::CheckPasscode);
    let sheet = paper.iter().next().unwrap().clone();
    let checked = services.recovery.check(&awaiting, sheet, &here()).await;
    assert_eq!(format!("{:?}", checked.unwrap()), format!("{ended:?}"));
    recorded(Act::UseRecoveryCode);
    let issued = services
        .recovery
        .issue(&at_home, Some(code()), &here())
        .await;
    assert!(matches!(issued, Ok(IssueOutcome::Refused(Refusal::Ended))));
    recorded(Act::IssueRecoveryCodes);
    let enrollment = &services.enrollment;
    let disabled = enrollment.disable(&at_home, Some(code()), &here()).await;
    assert!(matches!(
        disabled,
        Ok(DisableOutcome::Refused(Refusal::Ended))
    ));
    recorded(Act::DisableTotp);
    let prover = Prover::AtHome(at_home.clone());
    let proved = enrollment.prove(&prover, None, code(), &here()).await;
    assert!(matches!(proved, Ok(ProveOutcome::Refused(Refusal::Ended))));
    recorded(Act::ProveEnrollment);
    let (present, new) = (password(PASSWORD), password("gajah ungu di laut 7"));
    let changed = services
        .own_password
        .change(&at_home, present, new, Some(code()), &here())
        .await;
    assert!(matches!(
        changed,
        Ok(ChangeOutcome::Refused(Refusal::Ended))
    ));
    recorded(Act::ChangePassword);
    assert!(enrollment.home(&at_home).await.unwrap().is_none());
    // At the door it is told to whoever knows the password, and to nobody else.
    let told = house.login().await;
    assert!(matches!(told, PasswordOutcome::Refused(Refusal::Suspended)));
    let wrong = house.login_with("bukan ini kata sandinya").await;
    assert!(matches!(
        wrong,
        PasswordOutcome::Refused(Refusal::Rejected { .. })
    ));
}

#[tokio::test]
async fn no_letter_resets_the_totp_of_a_suspended_account() {
    let desk = desk().await;
    desk.done(on_ppk30(AccountAct::Suspend)).await;
    let before = desk.letters().await;
    ask(&desk.house, &ppk30(), "siti@contoh.go.id").await;
    assert_eq!(desk.letters().await, before, "no letter");
    let last = desk.events().pop().unwrap();
    assert_eq!(last.act, Act::RequestReset);
    assert_eq!(last.outcome, AuditOutcome::Refused("suspended".into()));
    desk.done(on_ppk30(AccountAct::Reinstate)).await;
    ask(&desk.house, &ppk30(), "siti@contoh.go.id").await;
    assert_eq!(
        desk.letters().await.len(),
        before.len() + 2,
        "reinstated, and asked"
    );
    // Not even a link of the same generation works while it is suspended.
    let outbox = lpse_kiosk::store::outbox::Outbox::new(desk.house.foundation.store.clone());
    let letters = outbox.page(None, 100).await.unwrap().letters;
    let mut requests = letters
        .iter()
        .filter(|read| read.letter.kind == LetterKind::ResetRequested);
    let read = requests.next().expect("the request's letter");
    let sealed = read.secrets.as_ref().unwrap();
    let vault = &desk.house.foundation.vault;
    let secrets = vault.open_ticket_secrets(&read.letter.id, sealed).unwrap();
    let code = ResetSecret::Code(secrets.code);
    let reset = &desk.house.services.reset;
    let now = desk.house.clock.now();
    desk.edit(&ppk30(), |account| account.suspended = Some(now))
        .await;
    let confirmed = reset.confirm(&code, &here()).await.unwrap();
    assert_eq!(
        confirmed,
        Confirmed::Refused(Refusal::ResetVoid(Void::Unknown))
    );
    desk.edit(&ppk30(), |account| account.suspended = None)
        .await;
    let confirmed = reset.confirm(&code, &here()).await.unwrap();
    assert_eq!(confirmed, Confirmed::Done);
}

#[tokio::test]
async fn the_command_line_is_the_other_door_to_the_same_acts() {
    let desk = desk().await;
    let accounts = &desk.house.services.accounts;
    let letters_before = desk.letters().await.len();
    let suspend = AccountAct::Suspend;
    // Also to an officer, also to oneself: whoever may run commands here answers for it.
    accounts.act(&petugas1(), &suspend, &here()).await.unwrap();
    let again = accounts.act(&petugas1(), &suspend, &here()).await;
    assert!(
        matches!(again, Err(AccountsError::NothingToDo(_))),
        "{again:?}"
    );
    let kept = desk.kept(&petugas1()).await;
    assert!(kept.suspended.is_some());
    assert_eq!(kept.activity[0].kind, ActivityKind::Suspended);
    assert_eq!(kept.activity[0].by, None);
    let letters = desk.letters().await.split_off(letters_before);
    let address = "petugas1@contoh.go.id".to_owned();
    assert_eq!(letters, [(LetterKind::Suspended, address)]);
    desk.refuses(
        &desk.who,
        on_ppk30(AccountAct::Unlock),
        Refusal::Ended,
        "ended-login",
    )
    .await;
    desk.house.clock.pass(1);
    let role = accounts.set_role(&ppk30(), Role::Officer, &here()).await;
    role.unwrap();
    let last = desk.events().pop().unwrap();
    assert_eq!((last.act, last.outcome), (Act::SetRole, AuditOutcome::Done));
    assert_eq!(last.detail.as_deref(), Some("from user to officer"));
    let kept = desk.kept(&ppk30()).await;
    assert!(kept.role.is_officer());
    assert_eq!(kept.activity[0].kind, ActivityKind::RoleChanged);
    let hash = kept.password.clone();
    desk.house.clock.pass(1);
    let set = accounts.set_password(&ppk30(), hash, &here()).await;
    set.unwrap();
    let kept = desk.kept(&ppk30()).await;
    assert_eq!(kept.activity[0].kind, ActivityKind::PasswordChanged);
    let letters = desk.letters().await.split_off(letters_before + 1);
    let told: Vec<LetterKind> = letters.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, [LetterKind::RoleChanged, LetterKind::PasswordChanged]);
}
