//! The members of an etcd cluster, each asked how it is: whether it answers, its version, whether most of them agree on a
//! leader, its alarms, and how full it is; and the machines that share the store in it, with their clocks.

#[cfg(not(feature = "etcd"))]
use super::{finding::Finding, patient::Patient};

#[cfg(feature = "etcd")]
pub use with_etcd::{members, nodes, to_look};

#[cfg(not(feature = "etcd"))]
pub async fn members(_patient: &Patient<'_>) -> Vec<Finding> {
    Vec::new()
}

#[cfg(not(feature = "etcd"))]
pub async fn nodes(_patient: &Patient<'_>) -> Vec<Finding> {
    Vec::new()
}

#[cfg(not(feature = "etcd"))]
pub fn to_look(
    _cluster: &crate::config::Cluster,
) -> Result<std::sync::Arc<dyn crate::store::Store>, String> {
    Err(crate::store::folder::OpenError::NotBuilt.to_string())
}

#[cfg(feature = "etcd")]
mod with_etcd {
    use std::sync::Arc;

    use crate::{
        assembly,
        cli::{
            doctor::{finding::Finding, patient::Patient},
            moment,
        },
        config::{Cluster, StoreKind},
        domain::calendar::Zone,
        store::{
            Store,
            etcd::{self, MemberState, Members},
            health::Refusal,
            nodes::Node,
        },
    };

    const ETCD: &str = "etcd";
    const NODE: &str = "node";

    /// A member whose database takes more of its quota than this, in hundredths, is nearly full.
    const NEARLY_FULL: i64 = 80;

    const MIB: i64 = 1024 * 1024;

    /// The store of the cluster, to be read and no more.
    pub fn to_look(cluster: &Cluster) -> Result<Arc<dyn Store>, String> {
        let settings = assembly::cluster::settings(cluster).map_err(|error| error.to_string())?;
        etcd::to_look(&settings).map_err(|error| error.to_string())
    }

    /// A finding a member, where the store is in a cluster.
    pub async fn members(patient: &Patient<'_>) -> Vec<Finding> {
        let config = patient.config;
        if config.store != StoreKind::Etcd {
            return Vec::new();
        }
        let settings = match assembly::cluster::settings(&config.cluster) {
            Ok(settings) => settings,
            Err(error) => {
                return vec![Finding::warning(
                    ETCD,
                    format!("the members were not asked: {error}"),
                    "Mend the file, or run this as the user whose file it is.",
                )];
            }
        };
        let Members(members) = etcd::look(&settings).await;
        let agree = members
            .iter()
            .any(|(_, state)| state.as_ref().is_ok_and(|state| state.has_leader));
        let way = way(&config.cluster);
        members
            .iter()
            .map(|(endpoint, state)| match state {
                Ok(state) => answering(endpoint, state, &way),
                Err(error) => silent(endpoint, error, agree),
            })
            .collect()
    }

    /// A finding a machine that shares the store, as each is heard from here. What keeps the store from being read, other
    /// checks tell.
    pub async fn nodes(patient: &Patient<'_>) -> Vec<Finding> {
        let config = patient.config;
        if config.store != StoreKind::Etcd {
            return Vec::new();
        }
        let Ok(store) = to_look(&config.cluster) else {
            return Vec::new();
        };
        let nodes = store.nodes().await.unwrap_or_default();
        nodes.iter().map(|it| node(it, config.zone)).collect()
    }

    fn node(node: &Node, zone: Zone) -> Finding {
        let said = &node.said;
        let at = |at| moment::shown(at, zone);
        if !node.is_living {
            return Finding::ok(
                NODE,
                format!(
                    "{} was last heard of at {}; where it is gone for good: lpse-kiosk node forget {}",
                    said.name,
                    at(said.now()),
                    said.name
                ),
            );
        }
        let told = format!(
            "{} lives since {} (lpse-kiosk {})",
            said.name,
            at(said.since()),
            said.version
        );
        match node.clock_apart() {
            None => Finding::ok(NODE, told),
            Some(ahead) => Finding::warning(
                NODE,
                format!(
                    "{told}; its clock is {} s {} this machine's",
                    ahead.abs().as_secs(),
                    match ahead.is_negative() {
                        true => "behind",
                        false => "ahead of",
                    }
                ),
                "Compare both with another clock, set the wrong one, and have systemd-timesyncd or chrony keep it: right \
                 codes are refused at a machine whose clock is wrong.",
            ),
        }
    }

    /// How the members are reached.
    fn way(cluster: &Cluster) -> String {
        let is_secure = cluster.endpoints.iter().any(|one| one.is_secure());
        let tls = match (is_secure, &cluster.certificate_file) {
            (false, _) => "without TLS",
            (true, None) => "TLS",
            (true, Some(_)) => "TLS with this machine's certificate",
        };
        match &cluster.user {
            Some(user) => format!("{tls}, as {user}"),
            None => tls.to_owned(),
        }
    }

    fn silent(endpoint: &str, error: &str, others_agree: bool) -> Finding {
        // Whoever refuses has answered, and starting it again does not help.
        if let Some(refusal) = Refusal::of(error) {
            return Finding::failure(
                ETCD,
                format!("{endpoint}: {refusal} ({error})"),
                refusal.what_to_do(),
            );
        }
        let message = format!("{endpoint} does not answer: {error}");
        match others_agree {
            true => Finding::warning(
                ETCD,
                message,
                "Start it again, or replace it: when most of the members are away, nobody can log in.",
            ),
            false => Finding::failure(
                ETCD,
                message,
                "Start it again: most of the members must run and reach each other.",
            ),
        }
    }

    fn answering(endpoint: &str, state: &MemberState, way: &str) -> Finding {
        let role = match (state.is_leader, state.has_leader) {
            (true, _) => "leader",
            (false, true) => "follower",
            (false, false) => "no leader",
        };
        let told = format!(
            "{endpoint}: etcd {}, {role}, {}, {way}",
            state.version,
            fullness(state)
        );
        if !state.has_leader {
            return Finding::failure(
                ETCD,
                told,
                "Most of the members must run and reach each other: start those that do not.",
            );
        }
        // Alarms among them: what they keep from being written is told by its name.
        if let Some(said) = &state.refuses {
            let refusal = Refusal::of(said).unwrap_or(Refusal::Other);
            return Finding::failure(
                ETCD,
                format!("{told}; {refusal} ({said})"),
                refusal.what_to_do(),
            );
        }
        if !state.errors.is_empty() {
            let alarms = state.errors.join(", ");
            let what_to_do = match alarms.contains("NOSPACE") {
                true => Refusal::NoSpace.what_to_do(),
                false if alarms.contains("CORRUPT") => Refusal::Corrupt.what_to_do(),
                false => "See etcd's own log of that member.",
            };
            return Finding::failure(ETCD, format!("{told}; {alarms}"), what_to_do);
        }
        if state.asks_for_no_login {
            return Finding::failure(
                ETCD,
                format!("{told}; {}", Refusal::LoginOff),
                Refusal::LoginOff.what_to_do(),
            );
        }
        let is_nearly_full = |quota: i64| state.size / (quota / 100).max(1) >= NEARLY_FULL;
        if state.quota.is_some_and(is_nearly_full) {
            return Finding::warning(
                ETCD,
                told,
                "Let etcd compact by itself (--auto-compaction-retention), defragment it, or give it a larger \
                 --quota-backend-bytes: when it is full, nobody can log in.",
            );
        }
        if let Some(fault) = state.version_fault() {
            return Finding::warning(ETCD, format!("{told}; {fault}"), fault.what_to_do());
        }
        Finding::ok(ETCD, told)
    }

    fn fullness(state: &MemberState) -> String {
        let size = state.size / MIB;
        match state.quota {
            Some(quota) => format!("{size} of at most {} MiB", quota / MIB),
            None => format!("{size} MiB, its quota is not told"),
        }
    }

    #[cfg(test)]
    mod tests {
        use crate::cli::doctor::{cluster::with_etcd::*, finding::Status};

        fn state() -> MemberState {
            MemberState {
                version: "3.6.14".into(),
                size: 700 * MIB,
                quota: Some(1000 * MIB),
                is_leader: true,
                has_leader: true,
                errors: Vec::new(),
                asks_for_no_login: false,
                refuses: None,
            }
        }

        #[test]
        fn each_fault_of_a_member_is_told_by_its_weight() {
            let at = "https://a:2379";
            let judged = |state: MemberState| answering(at, &state, "TLS");
            let well = judged(state());
            assert_eq!(well.status, Status::Ok);
            assert_eq!(
                well.message,
                "https://a:2379: etcd 3.6.14, leader, 700 of at most 1000 MiB, TLS"
            );
            for (state, status, words) in [
                (
                    MemberState {
                        size: 800 * MIB,
                        ..state()
                    },
                    Status::Warning,
                    "compact",
                ),
                (
                    MemberState {
                        version: "3.4.23".into(),
                        ..state()
                    },
                    Status::Warning,
                    "3.4.42",
                ),
                (
                    MemberState {
                        version: "3.4.42".into(),
                        ..state()
                    },
                    Status::Warning,
                    "3.5.33, 3.6.14, 3.7.1",
                ),
                (
                    MemberState {
                        errors: vec!["memberID:1 alarm:NOSPACE ".into()],
                        ..state()
                    },
                    Status::Failure,
                    "alarm disarm",
                ),
                (
                    MemberState {
                        refuses: Some("etcdserver: permission denied".into()),
                        ..state()
                    },
                    Status::Failure,
                    "grant-permission",
                ),
                (
                    MemberState {
                        asks_for_no_login: true,
                        ..state()
                    },
                    Status::Failure,
                    "auth enable",
                ),
                (
                    MemberState {
                        is_leader: false,
                        has_leader: false,
                        ..state()
                    },
                    Status::Failure,
                    "Most of the members",
                ),
            ] {
                let finding = judged(state);
                assert_eq!(finding.status, status, "{finding:?}");
                assert!(finding.what_to_do.unwrap().contains(words));
            }
            assert_eq!(silent(at, "gone", true).status, Status::Warning);
            assert_eq!(silent(at, "gone", false).status, Status::Failure);
            for (said, words) in [
                (
                    "etcdserver: authentication failed, invalid user ID or password",
                    "[store] password_file",
                ),
                ("etcdserver: authentication is not enabled", "auth enable"),
                ("etcdserver: user name is empty", "Set [store] user"),
                ("etcdserver: permission denied", "grant-permission"),
            ] {
                let finding = silent(at, said, true);
                assert_eq!(finding.status, Status::Failure, "{finding:?}");
                assert!(!finding.message.contains("does not answer"), "{finding:?}");
                assert!(finding.what_to_do.unwrap().contains(words), "{said}");
            }
        }
    }
}
