//! The settings of the store, as they are declared: which one it is, where it lies, and how a cluster is reached.

use crate::config::{
    cluster::{endpoints, node, prefix},
    declaration::{Section, Setting},
    notation::{Refusal, line, list, number, path, seconds, text, word},
    store_kind::StoreKind,
};

pub fn store() -> Vec<Setting> {
    let store = Section("store");
    let mut settings = vec![store.setting(
        "kind",
        "what keeps the records: an engine of this machine's own, or an etcd cluster that several machines share",
        word::<StoreKind>("sled, redb or etcd"),
        |config| &mut config.store,
    )];
    settings.extend(cluster(store));
    settings.extend([
        store.setting(
            "free_space_floor_mib",
            "with less free space than this, in MiB, the store neither opens nor writes",
            number(8..=65536_u64).below("a disk that fills up under the store can damage it"),
            |config| &mut config.free_space_floor_mib,
        ),
        store
            .setting(
                "data",
                "the data folder: the store, and the logs unless they are elsewhere",
                path(),
                |config| &mut config.data,
            )
            .usually(
                "/var/lib/lpse-kiosk for root and its owner, else $XDG_DATA_HOME/lpse-kiosk",
                "/var/lib/lpse-kiosk",
            ),
    ]);
    settings
}

/// How the cluster is reached that several machines share.
fn cluster(store: Section) -> Vec<Setting> {
    vec![
        store
            .setting(
                "endpoints",
                "etcd: where the cluster's members take clients",
                list(
                    "up to nine URLs with ports, commas between them; https, or http on this machine",
                    endpoints,
                ),
                |config| &mut config.cluster.endpoints,
            )
            .usually(
                "none",
                "https://10.0.0.1:2379, https://10.0.0.2:2379, https://10.0.0.3:2379",
            ),
        store
            .setting(
                "authority_file",
                "etcd: the certificates (PEM) of the authority that signed the members' own",
                path(),
                |config| &mut config.cluster.authority_file,
            )
            .usually("none", "/etc/lpse-kiosk/etcd-ca.pem"),
        store
            .setting(
                "certificate_file",
                "etcd: this machine's certificate (PEM), where the cluster wants one",
                path(),
                |config| &mut config.cluster.certificate_file,
            )
            .usually("none", "/etc/lpse-kiosk/etcd.pem"),
        store
            .setting(
                "key_file",
                "etcd: the certificate's key (PEM), readable by its owner alone",
                path(),
                |config| &mut config.cluster.key_file,
            )
            .usually("none", "/etc/lpse-kiosk/etcd.key"),
        store
            .setting(
                "user",
                "etcd: the user of its own login, where that is on",
                line(128),
                |config| &mut config.cluster.user,
            )
            .usually("none", "kiosk"),
        store
            .setting(
                "password_file",
                "etcd: a file with that user's password, readable by its owner alone",
                path(),
                |config| &mut config.cluster.password_file,
            )
            .usually("none", "/etc/lpse-kiosk/etcd-password"),
        store.setting(
            "prefix",
            "etcd: what all keys begin with, so that a cluster can serve others too",
            text("2 to 64 characters, the first and the last a slash", |text| {
                prefix(text).ok_or(Refusal::Form)
            }),
            |config| &mut config.cluster.prefix,
        ),
        store.setting(
            "timeout_seconds",
            "etcd: how long one question may take, elections included, before people are told that the service is \
             unavailable",
            seconds(2..=30)
                .below("an election of a new leader takes that long")
                .above("nobody waits so long at a screen that does not answer"),
            |config| &mut config.cluster.patience,
        ),
        store
            .setting(
                "node",
                "etcd: this machine's name among those that share the store; it stays with the data folder",
                text("1 to 64 letters, digits, dots, dashes and underscores", |text| {
                    node(text).ok_or(Refusal::Form)
                }),
                |config| &mut config.cluster.node,
            )
            .usually("the host's name", "loket-jakarta"),
    ]
}
