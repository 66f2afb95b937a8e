//! What the desk opens on: whose account is stranded, letters that fail, and what officers did last.
//!
//! All of it is kept as it happens, or looked at only as far as a bounded look goes: it costs the same whatever there is.

use super::{Answered, Officer};
use crate::{
    domain::{
        Authenticated, Source,
        audit::Act,
        officer::{FailingLetters, Overview, StrandedAccount},
    },
    service::{ServiceError, outbox::Outbox},
    store::stranded::Page,
};

impl Officer {
    /// Accounts that are shown, and read, at most.
    const STRANDED: usize = 20;

    /// What waits for an officer. A refused look is recorded; of an officer's own, which comes with every return to the desk,
    /// the cards that are opened are.
    pub async fn overview(
        &self,
        who: &Authenticated,
        from: &Source,
    ) -> Result<Answered<Overview>, ServiceError> {
        if !self.is_officer(who, Act::FindAccounts, from).await? {
            return Ok(Answered::Ended);
        }
        let deps = &self.foundation;
        let (stranded, acts) = (deps.stranded_accounts(), deps.desk_acts());
        let (stranded, letters, acts) = tokio::join!(
            stranded.newest(deps.clock.now(), Self::STRANDED),
            self.failing_letters(),
            acts.newest(),
        );
        let Page { accounts, has_more } = stranded?;
        let stranded = accounts
            .into_iter()
            .map(|(account, stranded)| StrandedAccount {
                key: account.key,
                name: account.name,
                stranded,
            });
        Ok(Answered::Here(Overview {
            stranded: stranded.collect(),
            has_more_stranded: has_more,
            letters: letters?,
            acts: acts?,
        }))
    }

    /// The letters that fail, among those that have waited longest.
    async fn failing_letters(&self) -> Result<FailingLetters, ServiceError> {
        let outbox = Outbox::new(self.foundation.clone());
        let page = outbox.page(None, Self::SHOWN).await?;
        let mut failing = page.letters;
        failing.retain(|waiting| waiting.delivery.failures > 0);
        Ok(FailingLetters {
            count: failing.len(),
            is_more: page.next.is_some(),
            oldest: failing.iter().map(|waiting| waiting.letter.at).min(),
        })
    }
}
