//! Whether every record is as it was written: what is found while people work is recorded, all of it can be walked over, and
//! an operator may go on without what is altered.

use std::sync::Arc;

use super::{Foundation, ServiceError};
use crate::{
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
        source::OwnPlace,
    },
    ports::Audit,
    store::{
        Altered, Work,
        check::{self, Checked, Scope},
        tagged::Finds,
    },
};

/// The service that looks after the records as such.
#[derive(Debug, Clone)]
pub struct StoreCheck {
    foundation: Arc<Foundation>,
}

/// What it has come to that altered records were removed.
#[derive(Debug)]
pub struct Accepted {
    pub removed: Vec<Altered>,
    /// Accounts that there are.
    pub accounts: u64,
    /// What is still altered, because somebody has to say what it is to be.
    pub left: Checked,
}

impl StoreCheck {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Walks over every record. `progress` hears of records.
    pub async fn check(
        &self,
        from: &Source,
        progress: impl FnMut(u64),
    ) -> Result<Checked, ServiceError> {
        let deps = &self.foundation;
        let checked = check::check(&deps.store, Scope::Everything, progress).await?;
        let outcome = match checked.is_good() {
            true => AuditOutcome::Done,
            false if checked.is_totp_miscounted() => {
                AuditOutcome::Failed("accounts by TOTP are miscounted".into())
            }
            false => AuditOutcome::Failed(format!(
                "{} altered; {} accounts, {:?}",
                checked.altered, checked.accounts, checked.counted
            )),
        };
        let event = AuditEvent::new(Act::CheckStore, outcome, from);
        deps.audit.record(vec![event]).await?;
        Ok(checked)
    }

    /// Removes what is altered, each recorded before it goes, and takes the numbers of accounts for what they are then.
    pub async fn accept(
        &self,
        from: &Source,
        mut progress: impl FnMut(u64),
    ) -> Result<Accepted, ServiceError> {
        let deps = &self.foundation;
        // Nobody brings accounts meanwhile.
        let _turn = deps.store.take_turn(Work::Import).await?;
        let mut removed = Vec::new();
        let left = loop {
            let checked = check::check(&deps.store, Scope::Everything, &mut progress).await?;
            let named = checked.named.iter();
            let removable = named.filter(|altered| !altered.record().is_in_every_store());
            let removable: Vec<Altered> = removable.cloned().collect();
            if removable.is_empty() {
                break checked;
            }
            let intended =
                |altered| about(Act::AcceptAltered, AuditOutcome::Intended, altered, from);
            deps.audit
                .record(removable.iter().map(intended).collect())
                .await?;
            for altered in removable {
                if check::remove(&*deps.store, &altered).await? {
                    removed.push(altered);
                }
            }
        };
        let accounts = check::take_count(&deps.store).await?;
        deps.totp_numbers().count_anew(&deps.node).await?;
        let said = format!("{} removed; {accounts} accounts", removed.len());
        let event = AuditEvent::new(Act::AcceptAltered, AuditOutcome::Done, from).saying(said);
        deps.audit.record(vec![event]).await?;
        Ok(Accepted {
            removed,
            accounts,
            left,
        })
    }
}

/// Records what is found altered, each once, until the store is dropped. Who met it is recorded by what they did; here, it
/// is the store that says so.
pub async fn record(mut finds: Finds, audit: Arc<dyn Audit>) {
    let from = Source::own(OwnPlace::Store);
    while let Some(altered) = finds.recv().await {
        let outcome = AuditOutcome::Failed(word(&altered).to_owned());
        let event = about(Act::FindAltered, outcome, &altered, &from);
        if let Err(error) = audit.record(vec![event]).await {
            tracing::error!(%error, record = ?altered.record(), "an altered record is not in the audit log");
        }
    }
}

fn word(altered: &Altered) -> &'static str {
    match altered {
        Altered::Changed(_) => "changed",
        Altered::Missing(_) => "missing",
    }
}

fn about(act: Act, outcome: AuditOutcome, altered: &Altered, from: &Source) -> AuditEvent {
    let key = altered.record();
    let event = AuditEvent::new(act, outcome, from).saying(format!("{key:?}"));
    match key.as_account() {
        Some(account) => event.on(&account),
        None => event,
    }
}
