//! Gateways write to us.

use access::{Action, Actor, AuditEntry};
use kernel::{Page, PaymentId, SubscriptionId, Timer};
use serde_json::json;

use super::inquiry::Heard;
use super::{BillingService, gate};
use crate::payment::Concern;
use crate::{
    Acknowledgement, BillingError, BillingEvent, BillingTx, Delivery, GatewayName,
    MAX_WEBHOOK_BYTES, Payment, PayoutOutcome, PayoutRequest, Position, Question, Status, Subject,
    SubscriptionSnapshot, Verdict, Webhook, WebhookId, WebhookQuery, WebhookRefusal, timer,
};

/// What the gateway says of what a message is about: fetched before anything is believed.
enum News {
    Nothing,
    Payment(PaymentId, Heard),
    Subscription(SubscriptionId, SubscriptionSnapshot),
    Payout(kernel::PayoutId, PayoutOutcome),
}

impl BillingService {
    /// A message came in: it is verified over its bytes, stored once, and applied by a job. A
    /// question is answered at once from what is known.
    ///
    /// # Errors
    ///
    /// [`BillingError::Webhook`] for a message that is too large, unsigned, forged, or out of time.
    pub async fn receive_webhook(
        &self,
        name: GatewayName,
        topic: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Acknowledgement, BillingError> {
        if body.len() > MAX_WEBHOOK_BYTES {
            return Err(WebhookRefusal::TooLarge.into());
        }
        let now = self.now();
        let gateway = self.gateway(name)?;
        let message = gateway.verify(&Delivery { topic, headers, body, now })?;
        if let Some(question) = &message.question {
            let verdict = self.verdict(name, question).await?;
            return Ok(gateway.acknowledge(Some(verdict)));
        }
        let id = WebhookId::next(&*self.parts.ids);
        let webhook = Webhook::receive(id, name, message, body, now);
        let mut tx = self.parts.store.begin().await?;
        if tx.insert_webhook(&webhook).await? {
            tx.set_timer(&apply_at(id, now)).await?;
            tx.commit().await?;
        }
        Ok(gateway.acknowledge(None))
    }

    async fn verdict(
        &self,
        gateway: GatewayName,
        question: &Question,
    ) -> Result<Verdict, BillingError> {
        let payment = self.parts.reads.questioned_payment(gateway, question).await?;
        let Some(payment) = payment.filter(|payment| payment.gateway() == gateway) else {
            return Ok(Verdict::UnknownPayment);
        };
        Ok(judge(&payment, question))
    }

    /// The job: asks the gateway what is true and applies it in one transaction with its effects
    /// and the message itself. What fails is tried again, and parked in the end.
    pub async fn apply_webhook(&self, id: WebhookId) -> Result<(), BillingError> {
        let Some(webhook) = self.parts.reads.webhook(id).await? else { return Ok(()) };
        if !webhook.is_open() {
            return Ok(());
        }
        let applied = match self.fetch(&webhook).await {
            Ok(news) => self.apply_news(id, news).await,
            Err(error) => Err(error),
        };
        match applied {
            Ok(()) => Ok(()),
            Err(error) => self.webhook_failed(id, &error).await,
        }
    }

    async fn fetch(&self, webhook: &Webhook) -> Result<News, BillingError> {
        let gateway = self.gateway(webhook.gateway)?;
        match &webhook.subject {
            Subject::Payment { payment, transaction } => {
                let mut tx = self.parts.store.begin().await?;
                let known = match payment {
                    Some(id) => Some(*id),
                    None => tx.payment_of_transaction(webhook.gateway, transaction).await?,
                };
                drop(tx);
                let Some(id) = known else { return Ok(News::Nothing) };
                let payment = self.parts.reads.payment(id).await?;
                // A message of one gateway moves no payment of another.
                let Some(payment) = payment.filter(|it| it.gateway() == webhook.gateway) else {
                    return Ok(News::Nothing);
                };
                // The transaction that it is about: another try than the one that we know, or a
                // second that took money.
                let heard = self.ask(&payment, Some(transaction)).await?;
                Ok(heard.map_or(News::Nothing, |heard| News::Payment(id, heard)))
            }
            Subject::Subscription { reference } => {
                let mut tx = self.parts.store.begin().await?;
                let known = tx.subscription_of_reference(webhook.gateway, reference).await?;
                drop(tx);
                let Some(id) = known else { return Ok(News::Nothing) };
                let snapshot = gateway.subscription(reference).await;
                let snapshot = snapshot.map_err(BillingError::GatewayUnavailable)?;
                Ok(snapshot.map_or(News::Nothing, |it| News::Subscription(id, it)))
            }
            Subject::Payout { reference } => {
                let mut tx = self.parts.store.begin().await?;
                let known = tx.payout_of_reference(webhook.gateway, reference).await?;
                let Some(id) = known else { return Ok(News::Nothing) };
                let Some(payout) = tx.payout_for_update(id).await? else {
                    return Ok(News::Nothing);
                };
                let request = self.payout_request(&mut *tx, &payout).await?;
                drop(tx);
                let Some(request) = request else { return Ok(News::Nothing) };
                let outcome = status_of_payout(&**gateway, &request).await?;
                Ok(outcome.map_or(News::Nothing, |outcome| News::Payout(id, outcome)))
            }
            Subject::Other => Ok(News::Nothing),
        }
    }

    async fn apply_news(&self, id: WebhookId, news: News) -> Result<(), BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut webhook) = tx.webhook_for_update(id).await? else { return Ok(()) };
        if !webhook.is_open() {
            return Ok(());
        }
        match news {
            News::Nothing => webhook.ignore(now)?,
            News::Payment(payment, heard) => {
                self.take_fact(&mut *tx, payment, heard).await?;
                webhook.apply(now)?;
            }
            News::Subscription(subscription, snapshot) => {
                self.take_snapshot(&mut *tx, subscription, &snapshot).await?;
                webhook.apply(now)?;
            }
            News::Payout(payout, outcome) => {
                self.take_payout_outcome(&mut *tx, payout, Some(&outcome)).await?;
                webhook.apply(now)?;
            }
        }
        tx.update_webhook(&webhook).await?;
        Ok(tx.commit().await?)
    }

    async fn webhook_failed(
        &self,
        id: WebhookId,
        error: &BillingError,
    ) -> Result<(), BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut webhook) = tx.webhook_for_update(id).await? else { return Ok(()) };
        if !webhook.is_open() {
            return Ok(());
        }
        if let Some(retry_at) = webhook.fail(&error.to_string(), now)? {
            tx.set_timer(&apply_at(id, retry_at)).await?;
        } else {
            let gateway = webhook.gateway;
            let event = BillingEvent::WebhookParked { webhook: id, gateway };
            tx.publish(&event, None, now).await?;
        }
        tx.update_webhook(&webhook).await?;
        Ok(tx.commit().await?)
    }

    /// A page of messages, for admins.
    pub async fn webhooks(
        &self,
        actor: &Actor,
        query: &WebhookQuery,
    ) -> Result<Page<Webhook, Position>, BillingError> {
        gate(actor, Action::WebhookAdminister)?;
        Ok(self.parts.reads.webhooks(query).await?)
    }

    /// An admin wants a message applied again. It stands in the audit log.
    pub async fn replay_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
    ) -> Result<Webhook, BillingError> {
        let action = Action::WebhookAdminister;
        gate(actor, action)?;
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let webhook = tx.webhook_for_update(id).await?;
        let mut webhook = webhook.ok_or_else(|| BillingError::not_found(&id))?;
        let before = webhook.state.name();
        webhook.replay()?;
        tx.update_webhook(&webhook).await?;
        tx.set_timer(&apply_at(id, now)).await?;
        let entry = AuditEntry::new(actor, action, "replay", &id, now)
            .changed(json!({"state": before}), json!({"state": webhook.state.name()}));
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(webhook)
    }

    /// Takes what a gateway says of a subscription that it runs: its state, if it is newer than
    /// what is known, and its charges, each once.
    pub(super) async fn take_snapshot(
        &self,
        tx: &mut dyn BillingTx,
        id: SubscriptionId,
        snapshot: &SubscriptionSnapshot,
    ) -> Result<(), BillingError> {
        let now = self.now();
        let books = self.books();
        let Some(mut subscription) = tx.subscription_for_update(id).await? else { return Ok(()) };
        let events = subscription.observe(snapshot, now)?;
        let gateway = subscription.gateway();
        for charge in &snapshot.charges {
            if tx.payment_of_transaction(gateway, &charge.transaction).await?.is_some() {
                continue;
            }
            let (mut payment, event) = self.observed_payment(&subscription, charge, now);
            books.open(tx, &payment, event, None, now).await?;
            payment = Payment::restore(payment.record().clone());
            let fact = crate::PaymentFact::captured(
                charge.transaction.clone(),
                payment.id(),
                charge.amount,
                charge.at,
            );
            let mut locked = super::books::Locked::new(payment, None, now);
            let change = locked.payment.apply(&fact)?;
            books.store(tx, locked, change, None, now).await?;
        }
        books.store_subscription(tx, &subscription, events, None, now).await
    }
}

/// Whether a gateway may authorise.
fn judge(payment: &Payment, question: &Question) -> Verdict {
    let others =
        question.account.as_ref().is_some_and(|account| *account != payment.payer().to_string());
    if others {
        return Verdict::WrongAccount;
    }
    if question.amount != payment.amount() {
        return Verdict::WrongAmount;
    }
    if payment.record().wanted.is_some() {
        return Verdict::Expired;
    }
    if payment.concerns().contains(&Concern::SecondTransaction) {
        return Verdict::Refused;
    }
    match payment.status() {
        Status::Created | Status::RequiresAction | Status::Processing => Verdict::Accept,
        Status::Failed
        | Status::Authorized
        | Status::Captured
        | Status::Voided
        | Status::PartiallyRefunded
        | Status::Refunded
        | Status::ChargedBack => Verdict::Refused,
    }
}

/// How a payout stands at its gateway.
pub(super) async fn status_of_payout(
    gateway: &dyn crate::Gateway,
    request: &PayoutRequest,
) -> Result<Option<PayoutOutcome>, BillingError> {
    gateway.payout_status(request).await.map_err(BillingError::GatewayUnavailable)
}

fn apply_at(id: WebhookId, due_at: chrono::DateTime<chrono::Utc>) -> Timer {
    Timer { kind: timer::WEBHOOK_APPLY, subject: id.to_string(), due_at }
}
