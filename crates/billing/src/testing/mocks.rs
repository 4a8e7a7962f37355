use access::{AuditEntry, AuditLog};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, Answer, Claim, Currency, Event, EventId, IdempotencyError, IdempotencyLedger,
    IdempotencyScope, Inbox, Money, Outbox, PaymentId, PayoutId, PlanId, ProviderId, StorageError,
    SubscriptionId, Timer, Timers, UnitOfWork,
};
use mockall::mock;
use serde_json::Value;

use crate::port::MockBillingStore;
use crate::{
    Account, BillingError, CardId, CardRepository, Entitlement, EntitlementRepository,
    EntitlementSource, GatewayName, Invoice, InvoiceParty, InvoiceRepository, Journal,
    LedgerRepository, Payable, Payables, Payment, PaymentRepository, Payout, PayoutAccount,
    PayoutRepository, PayoutTerms, Plan, PlanRepository, Posted, Purpose, Right, SavedCard, Seller,
    Subscription, SubscriptionRepository, Webhook, WebhookId, WebhookRepository,
};

mock! {
    pub BillingTx {
        /// What [`Outbox::publish`] is told, by name and payload.
        pub fn published(&mut self, name: &'static str, payload: Value) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl PaymentRepository for BillingTx {
        async fn payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError>;
        async fn purpose_of_payment(&mut self, id: PaymentId)
        -> Result<Option<Purpose>, StorageError>;
        async fn live_payment_for_update(
            &mut self,
            purpose: Purpose,
        ) -> Result<Option<Payment>, StorageError>;
        async fn payment_of_transaction(
            &mut self,
            gateway: GatewayName,
            transaction: &str,
        ) -> Result<Option<PaymentId>, StorageError>;
        async fn insert_payment(&mut self, payment: &Payment) -> Result<(), BillingError>;
        async fn update_payment(&mut self, payment: &Payment) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl CardRepository for BillingTx {
        async fn saved_card(&mut self, id: CardId) -> Result<Option<SavedCard>, StorageError>;
        async fn store_card(&mut self, card: &SavedCard) -> Result<CardId, StorageError>;
    }

    #[async_trait]
    impl Payables for BillingTx {
        async fn payable(&mut self, purpose: Purpose) -> Result<Option<Payable>, StorageError>;
    }

    #[async_trait]
    impl LedgerRepository for BillingTx {
        async fn post_journal(&mut self, journal: &Journal) -> Result<Posted, StorageError>;
        async fn balance_for_update(
            &mut self,
            account: Account,
            currency: Currency,
        ) -> Result<Money, StorageError>;
    }

    #[async_trait]
    impl PayoutRepository for BillingTx {
        async fn payout_for_update(&mut self, id: PayoutId) -> Result<Option<Payout>, StorageError>;
        async fn insert_payout(&mut self, payout: &Payout) -> Result<(), StorageError>;
        async fn update_payout(&mut self, payout: &Payout) -> Result<(), StorageError>;
        async fn payout_of_reference(
            &mut self,
            gateway: GatewayName,
            reference: &str,
        ) -> Result<Option<PayoutId>, StorageError>;
        async fn payout_terms(
            &mut self,
            provider: ProviderId,
        ) -> Result<Option<PayoutTerms>, StorageError>;
        async fn store_payout_terms(
            &mut self,
            provider: ProviderId,
            terms: Option<PayoutTerms>,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
        async fn payout_account(
            &mut self,
            provider: ProviderId,
        ) -> Result<Option<PayoutAccount>, StorageError>;
        async fn store_payout_account(
            &mut self,
            provider: ProviderId,
            to: &PayoutAccount,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl WebhookRepository for BillingTx {
        async fn webhook_for_update(&mut self, id: WebhookId) -> Result<Option<Webhook>, StorageError>;
        async fn insert_webhook(&mut self, webhook: &Webhook) -> Result<bool, StorageError>;
        async fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl PlanRepository for BillingTx {
        async fn plan_for_update(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError>;
        async fn plan(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError>;
        async fn insert_plan(&mut self, plan: &Plan) -> Result<(), StorageError>;
        async fn update_plan(&mut self, plan: &Plan) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl SubscriptionRepository for BillingTx {
        async fn subscription_for_update(
            &mut self,
            id: SubscriptionId,
        ) -> Result<Option<Subscription>, StorageError>;
        async fn subscription_of_reference(
            &mut self,
            gateway: GatewayName,
            reference: &str,
        ) -> Result<Option<SubscriptionId>, StorageError>;
        async fn insert_subscription(&mut self, subscription: &Subscription)
        -> Result<(), BillingError>;
        async fn update_subscription(
            &mut self,
            subscription: &Subscription,
        ) -> Result<(), StorageError>;
        async fn was_subscribed(
            &mut self,
            account: AccountId,
            right: Right,
        ) -> Result<bool, StorageError>;
        async fn subscriptions_on_card(
            &mut self,
            card: CardId,
        ) -> Result<Vec<SubscriptionId>, StorageError>;
    }

    #[async_trait]
    impl EntitlementRepository for BillingTx {
        async fn store_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StorageError>;
        async fn remove_entitlement(&mut self, source: EntitlementSource) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl InvoiceRepository for BillingTx {
        async fn next_invoice_number(&mut self, seller: &str, year: i32) -> Result<u32, StorageError>;
        async fn invoice_parties(
            &mut self,
            seller: Seller,
            payer: AccountId,
        ) -> Result<(InvoiceParty, InvoiceParty), StorageError>;
        async fn insert_invoice(&mut self, invoice: &Invoice) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Inbox for BillingTx {
        async fn first_time(
            &mut self,
            handler: &'static str,
            event: EventId,
        ) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl Timers for BillingTx {
        async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError>;
        async fn clear_timer(
            &mut self,
            kind: &'static str,
            subject: &str,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl IdempotencyLedger for BillingTx {
        async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError>;
        async fn remember(
            &mut self,
            scope: &IdempotencyScope,
            answer: &Answer,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AuditLog for BillingTx {
        async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for BillingTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

#[async_trait]
impl Outbox for MockBillingTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _actor: Option<AccountId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.published(event.name(), event.payload())
    }
}

impl MockBillingTx {
    /// The same with a payment to load.
    #[must_use]
    pub fn holding(mut self, payment: Payment) -> Self {
        let purpose = payment.purpose();
        self.expect_purpose_of_payment().returning(move |_| Ok(Some(purpose)));
        self.expect_payment_for_update().returning(move |_| Ok(Some(payment.clone())));
        self
    }
}

impl MockBillingStore {
    /// A store whose next transaction is `tx`.
    pub fn with(tx: MockBillingTx) -> Self {
        let mut store = Self::new();
        store.expect_begin().return_once(move || Ok(Box::new(tx)));
        store
    }
}
