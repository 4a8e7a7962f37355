use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::{Failure, FailureKind};

/// A failure of the storage adapter. Its source is opaque on purpose.
#[derive(Debug, Error)]
pub enum StorageError {
    /// Somebody else changed the same thing first. Trying again with a fresh copy helps.
    #[error("somebody else changed this at the same time; load it again and retry")]
    Conflict,
    /// The database is down, full, or too busy. Trying again later helps.
    #[error("the database is not available to {action}")]
    Unavailable {
        /// What we tried to do.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else: a defect.
    #[error("the database failed to {action}")]
    Failed {
        /// What we tried to do.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StorageError {
    /// A defect: what was stored cannot be read back as what it should be.
    pub fn corrupt(
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { action, source: source.into() }
    }
}

impl Failure for StorageError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Conflict => FailureKind::Conflict,
            Self::Unavailable { .. } => FailureKind::Unavailable,
            Self::Failed { .. } => FailureKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Conflict => "concurrent_change",
            Self::Unavailable { .. } => "unavailable",
            Self::Failed { .. } => "internal",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { .. } => Some(Duration::from_secs(5)),
            Self::Conflict | Self::Failed { .. } => None,
        }
    }
}

/// One atomic piece of work. Dropping it without [`commit`](Self::commit) undoes everything.
#[async_trait]
pub trait UnitOfWork: Send {
    /// Makes everything done so far durable and visible.
    async fn commit(self: Box<Self>) -> Result<(), StorageError>;
}
