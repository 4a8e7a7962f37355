use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, InvoiceId, Limit, Page, PaymentId, PlanId, ProviderId, StorageError, SubscriptionId,
};
use uuid::Uuid;

use crate::{
    AccountBalance, CardId, Entitlement, GatewayName, Invoice, Journal, LedgerFact, Payment,
    Payout, Plan, Posting, Purpose, Question, Right, SavedCard, Seller, SettlementLine,
    Subscription, Webhook, WebhookId,
};

/// Where a page ends: newest first, by a time and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When the last one was made.
    pub at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

/// Which payments to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaymentQuery {
    /// Whose; everybody's for an admin.
    pub payer: Option<AccountId>,
    /// For what.
    pub purpose: Option<Purpose>,
    /// In which status, by name; all if empty.
    pub statuses: Vec<String>,
    /// Only those that people have to look at.
    pub parked: bool,
    /// How many.
    pub limit: Limit,
    /// After which; from the newest if unset.
    pub after: Option<Position>,
}

/// Which subscriptions to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionQuery {
    /// Whose.
    pub subscriber: AccountId,
    /// Only those that give access then.
    pub with_access_at: Option<DateTime<Utc>>,
    /// How many.
    pub limit: Limit,
    /// After which; from the newest if unset.
    pub after: Option<Position>,
}

/// Which invoices to list: those that an account paid, or that a provider issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceQuery {
    /// Paid by.
    pub payer: Option<AccountId>,
    /// Issued by.
    pub seller: Option<ProviderId>,
    /// How many.
    pub limit: Limit,
    /// After which; from the newest if unset.
    pub after: Option<Position>,
}

/// Which journals to list, for admins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalQuery {
    /// About which payment.
    pub payment: Option<PaymentId>,
    /// That touch which provider's accounts.
    pub provider: Option<ProviderId>,
    /// How many.
    pub limit: Limit,
    /// After which; from the newest if unset.
    pub after: Option<Position>,
}

/// Which messages of gateways to list, for admins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookQuery {
    /// From which gateway.
    pub gateway: Option<GatewayName>,
    /// In which states, by name; all if empty.
    pub states: Vec<String>,
    /// How many.
    pub limit: Limit,
    /// After which; from the newest if unset.
    pub after: Option<Position>,
}

/// One line of a provider's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The journal.
    pub journal: crate::JournalId,
    /// What it stands for.
    pub fact: LedgerFact,
    /// About which payment, if about one.
    pub payment: Option<PaymentId>,
    /// Onto which of the provider's accounts, and how much.
    pub posting: Posting,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a provider's accounts hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountStatement {
    /// One for each account and currency that was ever touched.
    pub balances: Vec<AccountBalance>,
}

/// A provider and a currency that a run of payouts looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayoutCandidate {
    /// The provider.
    pub provider: ProviderId,
    /// In which currency something is owed to them, or by them.
    pub currency: kernel::Currency,
}

/// Reading without changing.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait BillingReads: Send + Sync {
    /// A payment.
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError>;

    /// A page of payments, newest first.
    async fn payments(&self, query: &PaymentQuery)
    -> Result<Page<Payment, Position>, StorageError>;

    /// The payment that a gateway asks about before it authorises, if it is known.
    async fn questioned_payment(
        &self,
        gateway: GatewayName,
        question: &Question,
    ) -> Result<Option<Payment>, StorageError>;

    /// A kept card.
    async fn card(&self, id: CardId) -> Result<Option<SavedCard>, StorageError>;

    /// An account's kept cards that were not removed, newest first; at most 50.
    async fn cards(&self, account: AccountId) -> Result<Vec<SavedCard>, StorageError>;

    /// A plan.
    async fn plan_by_id(&self, id: PlanId) -> Result<Option<Plan>, StorageError>;

    /// The plans of a seller by price, open or all; at most 100.
    async fn plans(&self, seller: Seller, all: bool) -> Result<Vec<Plan>, StorageError>;

    /// A subscription.
    async fn subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError>;

    /// A page of an account's subscriptions, newest first.
    async fn subscriptions(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Page<Subscription, Position>, StorageError>;

    /// The rights of an account to something, from all sources, over or not: one indexed look-up.
    async fn entitlements(
        &self,
        account: AccountId,
        right: Right,
    ) -> Result<Vec<Entitlement>, StorageError>;

    /// An invoice.
    async fn invoice(&self, id: InvoiceId) -> Result<Option<Invoice>, StorageError>;

    /// A page of invoices, newest first.
    async fn invoices(&self, query: &InvoiceQuery)
    -> Result<Page<Invoice, Position>, StorageError>;

    /// What a provider's accounts hold.
    async fn provider_balances(
        &self,
        provider: ProviderId,
    ) -> Result<AccountStatement, StorageError>;

    /// A page of a provider's statement, newest first.
    async fn statement(
        &self,
        provider: ProviderId,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<StatementLine, Position>, StorageError>;

    /// A page of payouts, newest first: a provider's, or everybody's for an admin.
    async fn payouts(
        &self,
        provider: Option<ProviderId>,
        limit: Limit,
        after: Option<Position>,
    ) -> Result<Page<Payout, Position>, StorageError>;

    /// Providers with something on their payable account, at most 500 after the last one, by
    /// provider and currency.
    async fn payout_candidates(
        &self,
        after: Option<PayoutCandidate>,
    ) -> Result<Vec<PayoutCandidate>, StorageError>;

    /// A page of journals, newest first.
    async fn journals(&self, query: &JournalQuery)
    -> Result<Page<Journal, Position>, StorageError>;

    /// What the ledger says of a gateway's transactions within a time, for reconciliation.
    async fn settlement_lines(
        &self,
        gateway: GatewayName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<SettlementLine>, StorageError>;

    /// A message of a gateway.
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StorageError>;

    /// A page of messages, newest first.
    async fn webhooks(&self, query: &WebhookQuery)
    -> Result<Page<Webhook, Position>, StorageError>;
}
