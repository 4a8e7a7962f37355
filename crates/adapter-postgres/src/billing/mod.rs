//! The ports of `billing`.

mod cards;
mod document;
mod invoices;
mod ledger;
mod messages;
mod payables;
mod payment;
mod payouts;
mod reads;
mod recurring;
mod secrets;
mod settings;

use async_trait::async_trait;
use billing::{BillingStore, BillingTx};
use kernel::StorageError;

pub use secrets::{SecretKey, SecretKeys};
pub use settings::Billing;
pub(crate) use settings::BillingParts;

use crate::PgStore;

#[async_trait]
impl BillingStore for PgStore {
    async fn begin(&self) -> Result<Box<dyn BillingTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }
}
