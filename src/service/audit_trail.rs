//! Reading the audit log: the newest records, page by page, of everybody or of one account.

use std::{io, ops::ControlFlow, path::Path};

use super::ServiceError;
use crate::{
    adapter::audit_log::{AuditFiles, reading},
    domain::{AccountKey, audit::AuditRecord},
};

/// Records that are looked at for one page of an account's; in a log of any length a page comes soon.
const LOOKED_AT: usize = 100_000;

/// The service that reads the log. It reads files, on threads that may block, and no more of them than a page needs.
#[derive(Debug, Clone)]
pub struct AuditTrail {
    files: AuditFiles,
}

/// Records of one account, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// What to ask for as `before` to go on; `None` at the log's beginning. A page may be short, or empty, and yet there
    /// is more.
    pub next: Option<u64>,
}

impl AuditTrail {
    /// Of the log that is written to `file`.
    pub fn new(file: &Path) -> Self {
        Self {
            files: AuditFiles::of(file),
        }
    }

    /// The newest `limit` records, or the newest before record `before`; the newest first.
    pub async fn newest(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, ServiceError> {
        let page = self.page(before, limit, limit, |_| true).await?;
        Ok(page.records)
    }

    /// The newest records that are about `account`, or that it made as an officer; the newest first.
    pub async fn of_account(
        &self,
        account: &AccountKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, ServiceError> {
        let account = account.clone();
        let concerns = move |record: &AuditRecord| {
            [&record.account, &record.by].contains(&&Some(account.clone()))
        };
        self.page(before, limit, LOOKED_AT, concerns).await
    }

    async fn page(
        &self,
        before: Option<u64>,
        limit: usize,
        looked_at: usize,
        wanted: impl Fn(&AuditRecord) -> bool + Send + 'static,
    ) -> Result<AuditPage, ServiceError> {
        let files = self.files.clone();
        let read = move || -> io::Result<AuditPage> {
            let mut page = AuditPage {
                records: Vec::new(),
                next: None,
            };
            let mut left = looked_at;
            if limit == 0 {
                return Ok(page);
            }
            reading::backwards(&files, before, |record, _| {
                let seq = record.seq;
                left = left.saturating_sub(1);
                if wanted(&record) {
                    page.records.push(record);
                }
                if page.records.len() < limit && left > 0 {
                    return Ok(ControlFlow::Continue(()));
                }
                page.next = Some(seq).filter(|seq| *seq > 1);
                Ok(ControlFlow::Break(()))
            })?;
            Ok(page)
        };
        let failed = |error: &dyn std::fmt::Display| {
            ServiceError::Unavailable(format!("the audit log cannot be read: {error}"))
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))
    }
}
