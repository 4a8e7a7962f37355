//! Time passes for subscriptions.

use kernel::SubscriptionId;

use super::BillingService;
use crate::BillingError;

impl BillingService {
    /// The timer: boundaries that passed, and the charge that is due. The charge is a payment
    /// whose job does the rest; while it is awaited nothing is charged again.
    pub(super) async fn renew(&self, id: SubscriptionId) -> Result<(), BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut subscription) = tx.subscription_for_update(id).await? else { return Ok(()) };
        let (events, charge) = subscription.pass_time(now)?;
        if let Some(due) = charge {
            let (kind, amount, card) = (due.kind, due.amount, due.card);
            self.charge_card(&mut *tx, &mut subscription, kind, amount, card, now).await?;
        }
        self.books().store_subscription(&mut *tx, &subscription, events, None, now).await?;
        Ok(tx.commit().await?)
    }
}
