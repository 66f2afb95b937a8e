//! A copy of everything at one revision.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    super::{Key, Part, Snapshot, StoreError, snapshot::Rows},
    cluster::Cluster,
    reading,
};

/// Rows read at once.
const PAGE: usize = 256;

/// A copy under way. etcd keeps what a revision held until its history is compacted: a copy that takes longer than that
/// ends with an error.
#[derive(Debug)]
pub struct Copy {
    cluster: Arc<Cluster>,
    revision: Option<i64>,
    after: Option<Key>,
    is_last: bool,
    rows: Rows,
}

impl Copy {
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            revision: None,
            after: None,
            is_last: false,
            rows: Rows::default(),
        }
    }
}

#[async_trait]
impl Snapshot for Copy {
    async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        loop {
            if let Some(part) = self.rows.take_part() {
                return Ok(Some(part));
            }
            if self.is_last {
                return Ok(None);
            }
            let after = self.after.as_ref();
            let (rows, revision) = reading::rows(
                &self.cluster,
                &Key::everything(),
                after,
                PAGE,
                self.revision,
            )
            .await?;
            self.revision = Some(revision);
            self.is_last = rows.len() < PAGE;
            if let Some((last, _)) = rows.last() {
                self.after = Some(last.clone());
            }
            let rows = rows.into_iter().map(|(key, value)| (key, Some(value)));
            self.rows.extend(rows);
        }
    }
}
