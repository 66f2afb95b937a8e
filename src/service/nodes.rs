//! The machines that share the store: which there are, and forgetting one that is gone.

use std::sync::Arc;

use super::{Foundation, ServiceError};
use crate::{
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
    },
    store::{audit_heads::AuditHeads, node_records, nodes::Node},
};

/// The service that knows the machines.
#[derive(Debug, Clone)]
pub struct Nodes {
    foundation: Arc<Foundation>,
}

/// What became of a wish to forget a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    Done,
    /// It lives: a process of it has its name now.
    Lives,
    /// Nothing is kept of a machine of that name.
    Unknown,
}

impl Nodes {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// This machine's name among them.
    pub fn own(&self) -> &str {
        &self.foundation.node
    }

    /// All machines that share the store, by their names; none where it is one machine's.
    pub async fn list(&self) -> Result<Vec<Node>, ServiceError> {
        Ok(self.foundation.store.nodes().await?)
    }

    /// Forgets the machine `name`, which is gone: its name is free, its letters under way are due again at once, and
    /// nothing but the visits that it counted is kept of it. Broken off, it goes on when it is done again.
    pub async fn forget(&self, name: &str, from: &Source) -> Result<Forgotten, ServiceError> {
        let deps = &self.foundation;
        let is_known = self.list().await?.iter().any(|node| node.said.name == name);
        let heads = AuditHeads::new(deps.store.clone());
        if !is_known && !heads.nodes().await?.iter().any(|node| node == name) {
            self.record(AuditOutcome::Refused("unknown-node".into()), name, from)
                .await?;
            return Ok(Forgotten::Unknown);
        }
        self.record(AuditOutcome::Intended, name, from).await?;
        // First the name, which is refused where it lives: what follows belongs to nobody then.
        if !deps.store.forget_node(name).await? {
            self.record(AuditOutcome::Refused("node-lives".into()), name, from)
                .await?;
            return Ok(Forgotten::Lives);
        }
        deps.outbox()
            .release_claims(deps.clock.now(), Some(name))
            .await?;
        node_records::take_out_records(&deps.store, name, &deps.node).await?;
        deps.letters.wake.notify_one();
        self.record(AuditOutcome::Done, name, from).await?;
        Ok(Forgotten::Done)
    }

    async fn record(
        &self,
        outcome: AuditOutcome,
        name: &str,
        from: &Source,
    ) -> Result<(), ServiceError> {
        let event = AuditEvent::new(Act::ForgetNode, outcome, from).saying(name);
        Ok(self.foundation.audit.record(vec![event]).await?)
    }
}
