//! The foundation of the services, put together from the settings and the store's parts.

use std::sync::Arc;

use super::node::node;
use crate::{
    adapter::{audit_trail::AuditTrailFiles, clock::SystemClock, random::SystemRandom},
    config::Config,
    ports::Audit,
    service::{EndedLogins, Foundation, Letters, hashing::HashPool},
    store::{Store, counted::Counted},
    vault::Vault,
};

pub(super) fn foundation(
    config: &Config,
    store: Arc<dyn Store>,
    vault: Vault,
    clock: Arc<SystemClock>,
    audit: Arc<dyn Audit>,
    ended_logins: EndedLogins,
    letters_are_written: bool,
) -> Arc<Foundation> {
    let node = node(config);
    Arc::new(Foundation {
        store: Arc::new(Counted::new(store, node.clone())),
        vault,
        clock,
        random: Arc::new(SystemRandom),
        audit,
        audit_trail: Some(Arc::new(AuditTrailFiles::new(&config.audit_file()))),
        hashing: HashPool::new(config.hash_threads, config.hash_queue),
        hash_cost: config.hash_cost,
        issuer: config.issuer.clone(),
        letters: Letters {
            written: letters_are_written,
            link_holds: config.link_holds,
            an_hour: config.letters_an_hour,
            wake: Arc::default(),
        },
        ended_logins,
        node,
    })
}
