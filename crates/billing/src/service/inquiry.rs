//! The gateway is asked how a payment stands.

use kernel::PaymentId;

use super::BillingService;
use crate::{
    BillingError, BillingTx, FactState, Initiator, KeptCard, Payment, PaymentFact, StatusQuery,
    TransactionId,
};

/// What a gateway says of a payment.
pub(super) struct Heard {
    /// How it stands.
    pub(super) fact: PaymentFact,
    /// The card that it was paid by, if the payer let the gateway keep it and this is news.
    card: Option<KeptCard>,
}

impl BillingService {
    /// The timer: asks if it is time to, and counts it. In the end people have to look.
    pub(super) async fn inquire(&self, id: PaymentId) -> Result<(), BillingError> {
        let Some(payment) = self.parts.reads.payment(id).await? else { return Ok(()) };
        if payment.inquiry_due().is_none_or(|due| self.now() < due) {
            return self.keep_timers(id).await;
        }
        let answered = self.ask(&payment, payment.asked_by()).await;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(()) };
        let change = match answered {
            Ok(None) => locked.payment.inquiry_answered(None, now)?,
            Ok(Some(Heard { fact, card })) => {
                if let Some(card) = card {
                    self.keep_card(&mut *tx, &mut locked, card, now).await?;
                }
                locked.payment.inquiry_answered(Some(&fact), now)?
            }
            Err(_) => locked.payment.inquiry_failed(now),
        };
        books.store(&mut *tx, locked, change, None, now).await?;
        Ok(tx.commit().await?)
    }

    /// Asks out of turn, because there is a reason to: a payer came back, an admin looks.
    ///
    /// # Errors
    ///
    /// [`BillingError::GatewayUnavailable`] if the gateway does not answer.
    pub(super) async fn look(&self, id: PaymentId) -> Result<Option<Payment>, BillingError> {
        let Some(payment) = self.parts.reads.payment(id).await? else { return Ok(None) };
        let heard = self.ask(&payment, payment.asked_by()).await?;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(None) };
        let (fact, card) = heard.map_or((None, None), |Heard { fact, card }| (Some(fact), card));
        if let Some(card) = card {
            self.keep_card(&mut *tx, &mut locked, card, now).await?;
        }
        let change = locked.payment.heard(fact.as_ref(), now)?;
        let payment = books.store(&mut *tx, locked, change, None, now).await?;
        tx.commit().await?;
        Ok(Some(payment))
    }

    /// What the gateway says of a payment, or of one transaction for it.
    pub(super) async fn ask(
        &self,
        payment: &Payment,
        transaction: Option<&TransactionId>,
    ) -> Result<Option<Heard>, BillingError> {
        let record = payment.record();
        let query = StatusQuery {
            payment: record.id,
            attempt: record.attempt,
            transaction: transaction.cloned(),
            amount: record.amount,
        };
        let gateway = self.gateway(record.gateway)?;
        let fact = gateway.status(&query).await.map_err(BillingError::GatewayUnavailable)?;
        let Some(fact) = fact else { return Ok(None) };
        // Its payer was there, and it arrives only now.
        let by_payer = matches!(record.initiator, Initiator::Payer | Initiator::Checkout { .. });
        let arrives = matches!(fact.state, FactState::Authorized { .. } | FactState::Captured);
        let card = if by_payer && arrives && record.stage.is_pending() {
            let card = gateway.kept_card(record.id, &fact.transaction).await;
            card.map_err(BillingError::GatewayUnavailable)?
        } else {
            None
        };
        Ok(Some(Heard { fact, card }))
    }

    /// Takes the fact of a message, with all that follows, in a transaction that is open.
    pub(super) async fn take_fact(
        &self,
        tx: &mut dyn BillingTx,
        id: PaymentId,
        Heard { fact, card }: Heard,
    ) -> Result<Option<Payment>, BillingError> {
        let now = self.now();
        let books = self.books();
        let Some(mut locked) = books.lock(tx, id, now).await? else { return Ok(None) };
        if let Some(card) = card {
            self.keep_card(tx, &mut locked, card, now).await?;
        }
        let change = locked.payment.apply(&fact)?;
        books.store(tx, locked, change, None, now).await.map(Some)
    }

    /// Sets the timers of a payment anew: one came too early.
    pub(super) async fn keep_timers(&self, id: PaymentId) -> Result<(), BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(payment) = tx.payment_for_update(id).await? else { return Ok(()) };
        for timer in payment.timers(now) {
            tx.set_timer(&timer).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The holding time of a payment is over: the provider gets its part.
    pub(super) async fn mature(&self, id: PaymentId) -> Result<(), BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(()) };
        let terms = books.terms_of(&mut *tx, locked.payment.seller()).await?;
        let change = locked.payment.mature(now, &terms)?;
        let early = locked.payment.release_due();
        books.store(&mut *tx, locked, change, None, now).await?;
        if let Some(due_at) = early {
            let kind = crate::timer::PAYMENT_RELEASE;
            tx.set_timer(&kernel::Timer { kind, subject: id.to_string(), due_at }).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What was kept back of a payment is due.
    pub(super) async fn give_reserve(&self, id: PaymentId) -> Result<(), BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(()) };
        let Some(provider) = locked.payment.seller().provider() else { return Ok(()) };
        let account = crate::Account::ProviderReserve(provider);
        let currency = locked.payment.amount().currency();
        let held = tx.balance_for_update(account, currency).await?;
        // What is owed stands as a credit, below nothing.
        let reserved = kernel::Money::new(held.minor().saturating_neg(), currency);
        let change = locked.payment.release_reserve(reserved, now)?;
        let early = locked.payment.reserve_due();
        books.store(&mut *tx, locked, change, None, now).await?;
        if let Some(due_at) = early {
            let kind = crate::timer::RESERVE_RELEASE;
            tx.set_timer(&kernel::Timer { kind, subject: id.to_string(), due_at }).await?;
        }
        Ok(tx.commit().await?)
    }
}
