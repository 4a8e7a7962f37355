//! The money of promotions is billing's: what happens to a promotion and what has to happen to its
//! money stand or fall together.

use async_trait::async_trait;
use billing::{BillingError, Books, Instruction, PaymentRepository, Purpose};
use kernel::{Money, PaymentId, PromotionId, StorageError};
use promotions::{Capture, Payments, Settlement};

use crate::PgTx;
use crate::failure::failed;

#[async_trait]
impl Payments for PgTx {
    async fn captured_for_promotion(
        &mut self,
        id: PromotionId,
    ) -> Result<Option<Capture>, StorageError> {
        // What was given up or is to be let go gives its money back by itself.
        let live = self.live_payment_for_update(Purpose::Promotion(id)).await?;
        Ok(live.and_then(|payment| {
            let (sums, currency) = (payment.sums(), payment.amount().currency());
            (sums.captured > sums.returned()).then(|| Capture {
                payment: payment.id(),
                amount: Money::new(sums.captured, currency),
                returned: Money::new(sums.returned(), currency),
            })
        }))
    }

    async fn returned_of_payment(&mut self, id: PaymentId) -> Result<Option<Money>, StorageError> {
        let payment = self.payment_for_update(id).await?;
        Ok(payment.map(|payment| payment.returned()))
    }

    async fn settle_promotion(
        &mut self,
        id: PromotionId,
        settlement: &Settlement,
    ) -> Result<(), StorageError> {
        let billing = self.billing().clone();
        let now = billing.clock.now();
        let ids = self.shared_ids();
        let books = Books { ids: &*ids, policy: &billing.policy };
        let done = match *settlement {
            Settlement::Void => {
                books.instruct(self, Purpose::Promotion(id), Instruction::GiveBack, now).await
            }
            Settlement::Refund { payment, amount } => {
                books.refund(self, payment, amount, now).await
            }
        };
        done.map_err(|error| match error {
            BillingError::Storage(error) => error,
            other => failed("settle the money of a promotion", other),
        })
    }
}
