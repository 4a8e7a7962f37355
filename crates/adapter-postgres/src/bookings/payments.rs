//! The money of bookings is billing's: what happens to a booking and what has to happen to its
//! money stand or fall together.

use async_trait::async_trait;
use billing::{BillingError, Books, Instruction, Purpose};
use bookings::{Booking, PaymentTerms, Payments, Settlement};
use kernel::StorageError;

use crate::PgTx;
use crate::failure::failed;

/// A marketplace without a gateway takes no payments: the two sides of a booking settle it between
/// them.
#[async_trait]
impl Payments for PgTx {
    async fn payment_terms(&mut self) -> Result<PaymentTerms, StorageError> {
        Ok(if self.billing().policy.gateways.is_empty() {
            PaymentTerms::NoPayments
        } else {
            PaymentTerms::AuthoriseFirst
        })
    }

    async fn settle_booking(
        &mut self,
        booking: &Booking,
        settlement: &Settlement,
    ) -> Result<(), StorageError> {
        let billing = self.billing().clone();
        let now = billing.clock.now();
        let instruction = match *settlement {
            // The client pays, and is asked for nothing before.
            Settlement::Authorise { .. } => return Ok(()),
            Settlement::Capture { amount } => Instruction::Capture { amount },
            Settlement::Void => Instruction::GiveBack,
            Settlement::Settle { refund, payout } => {
                let delivered_at = (payout.minor() > 0).then_some(now);
                Instruction::Settle { refund, delivered_at }
            }
        };
        let ids = self.shared_ids();
        let books = Books { ids: &*ids, policy: &billing.policy };
        let done = books.instruct(self, Purpose::Booking(booking.id()), instruction, now).await;
        done.map_err(|error| match error {
            BillingError::Storage(error) => error,
            other => failed("settle the money of a booking", other),
        })
    }
}
