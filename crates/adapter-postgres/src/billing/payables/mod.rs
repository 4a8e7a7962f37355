//! What has to be paid for, as the domains that sell say: a module for each.

mod booking;
mod promotion;

use async_trait::async_trait;
use billing::{Payable, Payables, Purpose};
use kernel::StorageError;

use crate::PgTx;

#[async_trait]
impl Payables for PgTx {
    async fn payable(&mut self, purpose: Purpose) -> Result<Option<Payable>, StorageError> {
        match purpose {
            Purpose::Booking(id) => booking::payable(self, id).await,
            Purpose::Promotion(id) => promotion::payable(self, id).await,
            // Nothing of these kinds is sold here.
            Purpose::Order(_) | Purpose::Purchase(_) | Purpose::Auction(_) => Ok(None),
            // Billing's own.
            Purpose::Subscription(_) => Ok(None),
        }
    }
}
