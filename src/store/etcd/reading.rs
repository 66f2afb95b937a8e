//! Reads of records: one, and a page of them as of one revision.

use etcd_client::GetOptions;

use super::cluster::{Cluster, end_of};
use crate::store::{Key, StoreError, Value};

/// Rows asked for at once: with the largest records there can be, an answer of 32 MiB.
const ROWS: usize = 128;

/// What `key` holds now.
pub async fn value(cluster: &Cluster, key: &Key) -> Result<Option<Value>, StoreError> {
    let name = cluster.record(key);
    let answer = cluster
        .read(|mut client| {
            let name = name.clone();
            async move { client.get(name, None).await }
        })
        .await?;
    Ok(answer.kvs().first().map(|row| row.value().to_vec()))
}

/// A page as of `revision`, or of now, and the revision that it is of.
pub async fn rows(
    cluster: &Cluster,
    prefix: &Key,
    after: Option<&Key>,
    limit: usize,
    revision: Option<i64>,
) -> Result<(Vec<(Key, Value)>, i64), StoreError> {
    let end = end_of(cluster.record(prefix));
    let mut begin = match after.filter(|after| *after >= prefix) {
        Some(after) => next_after(cluster.record(after)),
        None => cluster.record(prefix),
    };
    let mut rows = Vec::new();
    let mut revision = revision.unwrap_or_default();
    while rows.len() < limit {
        let asked = (limit - rows.len()).min(ROWS);
        let options = GetOptions::new()
            .with_range(end.clone())
            .with_limit(asked as i64)
            .with_revision(revision);
        let answer = cluster
            .read(|mut client| {
                let (begin, options) = (begin.clone(), options.clone());
                async move { client.get(begin, Some(options)).await }
            })
            .await?;
        if revision == 0 {
            revision = answer.header().map_or(0, |header| header.revision());
        }
        let found = answer.kvs();
        if let Some(last) = found.last() {
            begin = next_after(last.key().to_vec());
        }
        rows.extend(found.iter().filter_map(|row| {
            let key = cluster.key_of(row.key())?;
            Some((key, row.value().to_vec()))
        }));
        if found.len() < asked {
            break;
        }
    }
    Ok((rows, revision))
}

/// The first key after `key`.
fn next_after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
