use async_trait::async_trait;
use bookings::{Booking, PaymentTerms, Payments, Settlement};
use kernel::StorageError;

use crate::PgTx;

/// This marketplace takes no payments: the two sides of a booking settle it between them.
#[async_trait]
impl Payments for PgTx {
    async fn payment_terms(&mut self) -> Result<PaymentTerms, StorageError> {
        Ok(PaymentTerms::NoPayments)
    }

    async fn settle_booking(
        &mut self,
        booking: &Booking,
        settlement: &Settlement,
    ) -> Result<(), StorageError> {
        // No booking was ever submitted under other terms, so none can hold money.
        let source = format!("{} holds money ({settlement:?}) without payments", booking.id());
        Err(StorageError::corrupt("settle a booking", source))
    }
}
