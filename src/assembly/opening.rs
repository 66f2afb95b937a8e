//! The opening of the configured store, of whichever kind it is; whoever waits for it is told why.

use std::time::Duration;

use super::{AssemblyError, cluster, renewals::Renewals};
use crate::{
    config::{Config, StoreKind},
    store::{self, engine::opening::Missing, folder::Folder},
};

pub(super) async fn open_store(
    config: &Config,
    missing: Missing,
) -> Result<store::Opened, AssemblyError> {
    Ok(open_renewed_store(config, missing).await?.0)
}

/// The same, for a process that stays; with the files by which the store is reached.
pub(super) async fn open_renewed_store(
    config: &Config,
    missing: Missing,
) -> Result<(store::Opened, Renewals), AssemblyError> {
    let folder = Folder::hold(&config.store_folder(), config.free_space_floor_mib)?;
    if config.store == StoreKind::Etcd {
        return cluster::open(&config.cluster, folder).await;
    }
    let opened = open_store_in(config, folder, missing).await?;
    Ok((opened, Renewals::default()))
}

pub(super) async fn open_store_in(
    config: &Config,
    folder: Folder,
    missing: Missing,
) -> Result<store::Opened, AssemblyError> {
    let kind = config.store;
    if kind == StoreKind::Etcd {
        return Ok(cluster::open(&config.cluster, folder).await?.0);
    }
    // Opening reads the files, and counts every record unless the last end was orderly: seconds where there are many.
    let opening = tokio::task::spawn_blocking(move || store::open_in(kind, folder, missing));
    let opened = told_if_long(opening, || {
        tracing::warn!(
            "the store is still being opened: it is large, or did not end in order, and is read through first; this goes on \
             by itself"
        );
    });
    let opened = opened.await.expect("opening a store does not panic");
    Ok(opened.map(store::Opened::from)?)
}

/// Whoever waits longer than this without a word thinks that nothing goes on.
const WITHOUT_A_WORD: Duration = Duration::from_secs(2);

/// `work`, and a word about it where it takes long.
async fn told_if_long<T>(work: impl Future<Output = T>, tell: impl FnOnce()) -> T {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(WITHOUT_A_WORD, work.as_mut()).await {
        Ok(done) => done,
        Err(_) => {
            tell();
            work.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn of_what_takes_long_there_is_a_word() {
        for (takes, words) in [(WITHOUT_A_WORD / 2, 0), (WITHOUT_A_WORD * 2, 1)] {
            let mut told = 0;
            let work = async {
                tokio::time::sleep(takes).await;
                "done"
            };
            assert_eq!(told_if_long(work, || told += 1).await, "done");
            assert_eq!(told, words, "{takes:?}");
        }
    }
}
