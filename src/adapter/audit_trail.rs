//! The audit log read back from its files, the newest first. It reads no more of them than was asked for, on a thread
//! that may block.

use std::{io, ops::ControlFlow, path::Path};

use async_trait::async_trait;

use super::audit_log::{AuditFiles, reading};
use crate::{
    domain::audit::AuditRecord,
    ports::{AuditError, AuditTrail},
};

/// The files of one audit log.
#[derive(Debug, Clone)]
pub struct AuditTrailFiles {
    files: AuditFiles,
}

impl AuditTrailFiles {
    /// Of the log that is written to `file`.
    pub fn new(file: &Path) -> Self {
        Self {
            files: AuditFiles::of(file),
        }
    }
}

#[async_trait]
impl AuditTrail for AuditTrailFiles {
    async fn newest(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, AuditError> {
        let files = self.files.clone();
        let read = move || -> io::Result<Vec<AuditRecord>> {
            let mut records = Vec::new();
            if limit == 0 {
                return Ok(records);
            }
            reading::backwards(&files, before, |record, _| {
                records.push(record);
                Ok(if records.len() < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            Ok(records)
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| AuditError::Unreadable(error.to_string()))?
            .map_err(|error| AuditError::Unreadable(error.to_string()))
    }
}
