use std::fmt::Debug;

use access::AuditEntry;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{Limit, Page, PaymentId, StorageError};

use crate::{Standing, Transfer, TransferCode};

/// Where a page of transfers ends: oldest first, by order and payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferPosition {
    /// When the last one was ordered.
    pub ordered_at: DateTime<Utc>,
    /// Its payment.
    pub payment: PaymentId,
}

/// Which transfers to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferFilter {
    /// What they wait for.
    pub standing: Standing,
    /// How many.
    pub limit: Limit,
    /// After which; from the start if unset.
    pub after: Option<TransferPosition>,
}

/// Where transfers are kept.
#[async_trait]
pub trait TransferRegister: Debug + Send + Sync {
    /// The transfer of a payment.
    async fn transfer(&self, payment: PaymentId) -> Result<Option<Transfer>, StorageError>;

    /// The transfer with a code.
    async fn transfer_by_code(&self, code: &TransferCode)
    -> Result<Option<Transfer>, StorageError>;

    /// Stores a new one, if its payment has none; answers the one that it has then.
    async fn expect_transfer(&self, transfer: &Transfer) -> Result<Transfer, StorageError>;

    /// Stores one that was changed once, and the line of the audit log with it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if the stored version is not the one before.
    async fn change_transfer(
        &self,
        transfer: &Transfer,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StorageError>;

    /// A page of transfers, oldest first.
    async fn transfers(
        &self,
        filter: &TransferFilter,
    ) -> Result<Page<Transfer, TransferPosition>, StorageError>;
}
