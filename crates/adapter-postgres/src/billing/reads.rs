//! Reading without changing: each aggregate's module knows how.

use async_trait::async_trait;
use billing::{
    AccountStatement, BillingReads, CardId, Entitlement, GatewayName, Invoice, InvoiceQuery,
    Journal, JournalQuery, Payment, PaymentQuery, Payout, PayoutCandidate, Plan, Position,
    Question, Right, SavedCard, Seller, SettlementLine, StatementLine, Subscription,
    SubscriptionQuery, Webhook, WebhookId, WebhookQuery,
};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, InvoiceId, Limit, Page, PaymentId, PlanId, ProviderId, StorageError, SubscriptionId,
};

use super::{cards, invoices, ledger, messages, payment, payouts, recurring};
use crate::PgStore;

#[async_trait]
impl BillingReads for PgStore {
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        payment::payment(self, id).await
    }

    async fn payments(
        &self,
        query: &PaymentQuery,
    ) -> Result<Page<Payment, Position>, StorageError> {
        payment::payments(self, query).await
    }

    async fn questioned_payment(
        &self,
        gateway: GatewayName,
        question: &Question,
    ) -> Result<Option<Payment>, StorageError> {
        let Some(id) = question.payment else { return Ok(None) };
        let payment = payment::payment(self, id).await?;
        Ok(payment.filter(|payment| payment.gateway() == gateway))
    }

    async fn card(&self, id: CardId) -> Result<Option<SavedCard>, StorageError> {
        cards::saved_card(self, id).await
    }

    async fn cards(&self, account: AccountId) -> Result<Vec<SavedCard>, StorageError> {
        cards::saved_cards(self, account).await
    }

    async fn plan_by_id(&self, id: PlanId) -> Result<Option<Plan>, StorageError> {
        recurring::plan_by_id(self, id).await
    }

    async fn plans(&self, seller: Seller, all: bool) -> Result<Vec<Plan>, StorageError> {
        recurring::plans(self, seller, all).await
    }

    async fn subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError> {
        recurring::subscription(self, id).await
    }

    async fn subscriptions(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Page<Subscription, Position>, StorageError> {
        recurring::subscriptions(self, query).await
    }

    async fn entitlements(
        &self,
        account: AccountId,
        right: Right,
    ) -> Result<Vec<Entitlement>, StorageError> {
        recurring::entitlements(self, account, right).await
    }

    async fn invoice(&self, id: InvoiceId) -> Result<Option<Invoice>, StorageError> {
        invoices::invoice_by_id(self, id).await
    }

    async fn invoices(
        &self,
        query: &InvoiceQuery,
    ) -> Result<Page<Invoice, Position>, StorageError> {
        invoices::invoices(self, query).await
    }

    async fn provider_balances(
        &self,
        provider: ProviderId,
    ) -> Result<AccountStatement, StorageError> {
        ledger::provider_balances(self, provider).await
    }

    async fn statement(
        &self,
        provider: ProviderId,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<StatementLine, Position>, StorageError> {
        ledger::statement(self, provider, limit, after).await
    }

    async fn payouts(
        &self,
        provider: Option<ProviderId>,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<Payout, Position>, StorageError> {
        payouts::payouts(self, provider, limit, after).await
    }

    async fn payout_candidates(
        &self,
        after: Option<PayoutCandidate>,
    ) -> Result<Vec<PayoutCandidate>, StorageError> {
        ledger::payout_candidates(self, after).await
    }

    async fn journals(
        &self,
        query: &JournalQuery,
    ) -> Result<Page<Journal, Position>, StorageError> {
        ledger::journals(self, query).await
    }

    async fn settlement_lines(
        &self,
        gateway: GatewayName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<SettlementLine>, StorageError> {
        ledger::settlement_lines(self, gateway, from, to).await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
        messages::message_by_id(self, id).await
    }

    async fn webhooks(
        &self,
        query: &WebhookQuery,
    ) -> Result<Page<Webhook, Position>, StorageError> {
        messages::messages(self, query).await
    }
}
