//! What admins see and do.

use access::{Action, Actor, AuditEntry};
use chrono::{DateTime, Utc};
use kernel::{FieldErrors, Money, Page, PaymentId};
use serde_json::json;

use super::{BillingService, gate};
use crate::payment::Change;
use crate::{
    BillingError, Command, Difference, GatewayName, Journal, JournalQuery, Payment, PaymentQuery,
    Position, Reason, RefundId, SettlementLine, reconcile,
};

impl BillingService {
    /// A page of everybody's payments; `parked` in the query asks for those that people have to
    /// look at.
    pub async fn all_payments(
        &self,
        actor: &Actor,
        query: &PaymentQuery,
    ) -> Result<Page<Payment, Position>, BillingError> {
        gate(actor, Action::PaymentAdminister)?;
        Ok(self.parts.reads.payments(query).await?)
    }

    /// Anybody's payment.
    pub async fn any_payment(&self, actor: &Actor, id: PaymentId) -> Result<Payment, BillingError> {
        gate(actor, Action::PaymentAdminister)?;
        let payment = self.parts.reads.payment(id).await?;
        payment.ok_or_else(|| BillingError::not_found(&id))
    }

    /// Gives money back: `amount`, or all that is left. Stored here and done by a job. It stands
    /// in the audit log. `expected` is the version that the decision is based on; two refunds at
    /// once never give back more than there is, with it they never both happen unseen.
    ///
    /// # Errors
    ///
    /// [`BillingError::Invalid`] for nothing, less than nothing or another currency;
    /// [`BillingError::AmountTooHigh`], [`BillingError::Stale`], [`BillingError::NotAllowed`].
    pub async fn refund(
        &self,
        actor: &Actor,
        id: PaymentId,
        amount: Option<Money>,
        reason: Reason,
        expected: Option<i32>,
    ) -> Result<Payment, BillingError> {
        let action = Action::PaymentAdminister;
        gate(actor, action)?;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let locked = books.lock(&mut *tx, id, now).await?;
        let mut locked = locked.ok_or_else(|| BillingError::not_found(&id))?;
        if expected.is_some_and(|version| version != locked.payment.version()) {
            return Err(BillingError::Stale);
        }
        let left = locked.payment.refundable();
        let amount = amount.unwrap_or(left);
        if locked.payment.may(Command::Refund) {
            check_refund(amount, left)?;
        }
        let refund = RefundId::next(&*self.parts.ids);
        let by = actor.account();
        locked.payment.request_refund(refund, amount, reason.clone(), by, now)?;
        let payment = books.store(&mut *tx, locked, Change::default(), by, now).await?;
        let after = json!({
            "refund": refund,
            "amount": amount.minor(),
            "currency": amount.currency(),
        });
        let entry = AuditEntry::new(actor, action, "refund", &id, now)
            .changed(json!(null), after)
            .because(reason.into_string());
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// Asks the gateway how a payment stands, out of turn. It stands in the audit log.
    pub async fn inquire_now(&self, actor: &Actor, id: PaymentId) -> Result<Payment, BillingError> {
        let action = Action::PaymentAdminister;
        gate(actor, action)?;
        let payment = self.look(id).await?.ok_or_else(|| BillingError::not_found(&id))?;
        let mut tx = self.parts.store.begin().await?;
        let entry = AuditEntry::new(actor, action, "inquire", &id, self.now());
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// An admin has looked at a parked payment and seen to it: nobody has to look any more, until
    /// there is another reason. It stands in the audit log, with what was seen to.
    pub async fn acknowledge(
        &self,
        actor: &Actor,
        id: PaymentId,
        reason: Reason,
    ) -> Result<Payment, BillingError> {
        let action = Action::PaymentAdminister;
        gate(actor, action)?;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let locked = books.lock(&mut *tx, id, now).await?;
        let mut locked = locked.ok_or_else(|| BillingError::not_found(&id))?;
        let concerns: Vec<_> = locked.payment.concerns().iter().map(|it| it.name()).collect();
        locked.payment.acknowledge();
        let payment =
            books.store(&mut *tx, locked, Change::default(), actor.account(), now).await?;
        let entry = AuditEntry::new(actor, action, "acknowledge", &id, now)
            .changed(json!({ "concerns": concerns }), json!({ "concerns": [] }))
            .because(reason.into_string());
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// A page of journals.
    pub async fn journals(
        &self,
        actor: &Actor,
        query: &JournalQuery,
    ) -> Result<Page<Journal, Position>, BillingError> {
        gate(actor, Action::LedgerRead)?;
        Ok(self.parts.reads.journals(query).await?)
    }

    /// What a gateway's settlement file says beside the ledger, within a time. Called by the
    /// operator's command; nothing is corrected.
    pub async fn reconcile(
        &self,
        gateway: GatewayName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        theirs: &[SettlementLine],
    ) -> Result<Vec<Difference>, BillingError> {
        let ours = self.parts.reads.settlement_lines(gateway, from, to).await?;
        Ok(reconcile(&ours, theirs))
    }
}

/// What is given back is something, in the currency that was taken.
fn check_refund(amount: Money, left: Money) -> Result<(), BillingError> {
    let mut errors = FieldErrors::new();
    if amount.currency() != left.currency() {
        let detail = format!("must be {}, as the payment is", left.currency());
        errors.add("/amount/currency", "other_currency", detail);
    }
    if amount.minor() <= 0 {
        errors.add("/amount/amount", "out_of_range", "must be more than nothing");
    }
    errors.into_result().map_err(BillingError::Invalid)
}
