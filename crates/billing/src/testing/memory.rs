//! A store in memory: transactions that see what was there when they began, and take effect at
//! their commit or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use access::{AuditEntry, AuditLog};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, Answer, Claim, Currency, Event, EventId, IdempotencyError, IdempotencyLedger,
    IdempotencyScope, Inbox, Money, Outbox, PaymentId, PayoutId, PlanId, ProviderId, StorageError,
    SubscriptionId, Timer, Timers, UnitOfWork,
};
use serde_json::Value;

use crate::{
    Account, BillingError, BillingService, BillingStore, BillingTx, CardId, CardRepository,
    Entitlement, EntitlementSource, GatewayName, Invoice, Journal, LedgerRepository, Payable,
    Payables, Payment, PaymentRecord, PaymentRepository, Payout, PayoutAccount, PayoutRepository,
    PayoutTerms, Plan, Posted, Purpose, SavedCard, Stage, SubscriptionRecord, Wanted, Webhook,
    WebhookId, WebhookRepository,
};

/// Everything that is stored.
#[derive(Debug, Clone, Default)]
pub struct MemoryState {
    /// Payments.
    pub payments: BTreeMap<PaymentId, PaymentRecord>,
    /// Kept cards.
    pub cards: BTreeMap<CardId, SavedCard>,
    /// What other domains sell.
    pub payables: Vec<(Purpose, Payable)>,
    /// The ledger, oldest first.
    pub journals: Vec<Journal>,
    /// Payouts.
    pub payouts: BTreeMap<PayoutId, Payout>,
    /// Terms of providers.
    pub payout_terms: BTreeMap<ProviderId, PayoutTerms>,
    /// Where providers' money goes.
    pub payout_accounts: BTreeMap<ProviderId, PayoutAccount>,
    /// Messages of gateways.
    pub webhooks: BTreeMap<WebhookId, Webhook>,
    /// Plans.
    pub plans: BTreeMap<PlanId, Plan>,
    /// Subscriptions.
    pub subscriptions: BTreeMap<SubscriptionId, SubscriptionRecord>,
    /// Rights.
    pub entitlements: BTreeMap<EntitlementSource, Entitlement>,
    /// Invoices, oldest first.
    pub invoices: Vec<Invoice>,
    /// Names and payloads of events, oldest first.
    pub events: Vec<(&'static str, Value)>,
    /// The audit log, oldest first.
    pub audit: Vec<AuditEntry>,
    /// Timers that are set.
    pub timers: BTreeMap<(&'static str, String), DateTime<Utc>>,
    pub(super) answers: Vec<(IdempotencyScope, Answer)>,
    handled: BTreeSet<(&'static str, EventId)>,
}

impl MemoryState {
    /// What stands on an account.
    pub fn balance(&self, account: Account, currency: Currency) -> Money {
        let postings = self.journals.iter().flat_map(|journal| journal.entry().postings());
        let minor = postings
            .filter(|it| it.account == account && it.amount.currency() == currency)
            .map(|it| it.amount.minor())
            .sum();
        Money::new(minor, currency)
    }

    /// The names of the events, oldest first.
    pub fn event_names(&self) -> Vec<&'static str> {
        self.events.iter().map(|(name, _)| *name).collect()
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) state: MemoryState,
    generation: u64,
}

/// A store in memory. Clones of it are the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryBilling {
    shared: Arc<Mutex<Shared>>,
}

impl MemoryBilling {
    /// What is stored, to look at or to prepare.
    pub fn with<T>(&self, look: impl FnOnce(&mut MemoryState) -> T) -> T {
        look(&mut self.shared().state)
    }

    /// Runs every timer that is due at `now`, and those that become due by it. Answers how many.
    pub async fn run_due(
        &self,
        service: &BillingService,
        now: DateTime<Utc>,
    ) -> Result<u32, BillingError> {
        let mut ran = 0;
        while let Some((kind, subject)) = self.take_due(now) {
            service.on_timer(kind, &subject).await?;
            ran += 1;
            assert!(ran < 1_000, "timers set one another for ever: {kind} {subject}");
        }
        Ok(ran)
    }

    fn take_due(&self, now: DateTime<Utc>) -> Option<(&'static str, String)> {
        let mut shared = self.shared();
        let due = shared.state.timers.iter().filter(|(_, due)| **due <= now);
        let key = due.min_by_key(|(_, due)| **due).map(|(key, _)| key.clone())?;
        shared.state.timers.remove(&key);
        Some(key)
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no test panics with the store in its hand")
    }
}

#[async_trait]
impl BillingStore for MemoryBilling {
    async fn begin(&self) -> Result<Box<dyn BillingTx>, StorageError> {
        let shared = self.shared();
        let (state, generation) = (shared.state.clone(), shared.generation);
        drop(shared);
        Ok(Box::new(MemoryTx { store: self.clone(), state, generation }))
    }
}

pub(super) struct MemoryTx {
    store: MemoryBilling,
    pub(super) state: MemoryState,
    generation: u64,
}

#[async_trait]
impl UnitOfWork for MemoryTx {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        let mut shared = self.store.shared();
        if shared.generation != self.generation {
            return Err(StorageError::Conflict);
        }
        shared.state = self.state;
        shared.generation += 1;
        Ok(())
    }
}

fn is_live(record: &PaymentRecord) -> bool {
    !matches!(record.stage, Stage::Failed { .. } | Stage::Voided { .. })
        && !matches!(record.wanted, Some(Wanted::Void { .. }))
}

#[async_trait]
impl PaymentRepository for MemoryTx {
    async fn payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        Ok(self.state.payments.get(&id).cloned().map(Payment::restore))
    }

    async fn purpose_of_payment(&mut self, id: PaymentId) -> Result<Option<Purpose>, StorageError> {
        Ok(self.state.payments.get(&id).map(|record| record.purpose))
    }

    async fn live_payment_for_update(
        &mut self,
        purpose: Purpose,
    ) -> Result<Option<Payment>, StorageError> {
        let mut live = self.state.payments.values().filter(|record| is_live(record));
        let record = live.find(|record| record.purpose == purpose);
        Ok(record.cloned().map(Payment::restore))
    }

    async fn payment_of_transaction(
        &mut self,
        gateway: GatewayName,
        transaction: &str,
    ) -> Result<Option<PaymentId>, StorageError> {
        let known = |record: &&PaymentRecord| {
            record.gateway == gateway
                && record.transaction.as_ref().is_some_and(|it| it.as_str() == transaction)
        };
        Ok(self.state.payments.values().find(known).map(|record| record.id))
    }

    async fn insert_payment(&mut self, payment: &Payment) -> Result<(), BillingError> {
        let record = payment.record();
        let once = !matches!(record.purpose, Purpose::Subscription(_));
        let taken = |other: &PaymentRecord| other.purpose == record.purpose && is_live(other);
        if once && self.state.payments.values().any(taken) {
            return Err(BillingError::AlreadyPaid);
        }
        self.state.payments.insert(record.id, record.clone());
        Ok(())
    }

    async fn update_payment(&mut self, payment: &Payment) -> Result<(), StorageError> {
        let record = payment.record();
        let stored = self.state.payments.get(&record.id).map(|stored| stored.version);
        if stored != Some(payment.loaded_version()) {
            return Err(StorageError::Conflict);
        }
        self.state.payments.insert(record.id, record.clone());
        Ok(())
    }
}

#[async_trait]
impl CardRepository for MemoryTx {
    async fn saved_card(&mut self, id: CardId) -> Result<Option<SavedCard>, StorageError> {
        Ok(self.state.cards.get(&id).cloned())
    }

    async fn store_card(&mut self, card: &SavedCard) -> Result<CardId, StorageError> {
        let same = |known: &&SavedCard| known.account == card.account && known.token == card.token;
        let id = self.state.cards.values().find(same).map_or(card.id, |known| known.id);
        self.state.cards.insert(id, SavedCard { id, ..card.clone() });
        Ok(id)
    }
}

#[async_trait]
impl Payables for MemoryTx {
    async fn payable(&mut self, purpose: Purpose) -> Result<Option<Payable>, StorageError> {
        let mut payables = self.state.payables.iter();
        Ok(payables.find(|(known, _)| *known == purpose).map(|(_, payable)| payable.clone()))
    }
}

#[async_trait]
impl LedgerRepository for MemoryTx {
    async fn post_journal(&mut self, journal: &Journal) -> Result<Posted, StorageError> {
        let reference = journal.entry().reference();
        if self.state.journals.iter().any(|known| known.entry().reference() == reference) {
            return Ok(Posted::Before);
        }
        self.state.journals.push(journal.clone());
        Ok(Posted::New)
    }

    async fn balance_for_update(
        &mut self,
        account: Account,
        currency: Currency,
    ) -> Result<Money, StorageError> {
        Ok(self.state.balance(account, currency))
    }
}

#[async_trait]
impl PayoutRepository for MemoryTx {
    async fn payout_for_update(&mut self, id: PayoutId) -> Result<Option<Payout>, StorageError> {
        Ok(self.state.payouts.get(&id).cloned())
    }

    async fn insert_payout(&mut self, payout: &Payout) -> Result<(), StorageError> {
        self.state.payouts.insert(payout.id, payout.clone());
        Ok(())
    }

    async fn update_payout(&mut self, payout: &Payout) -> Result<(), StorageError> {
        self.state.payouts.insert(payout.id, payout.clone());
        Ok(())
    }

    async fn payout_of_reference(
        &mut self,
        _: GatewayName,
        reference: &str,
    ) -> Result<Option<PayoutId>, StorageError> {
        Ok(reference.strip_prefix("po-").and_then(|id| id.parse().ok()))
    }

    async fn payout_terms(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<PayoutTerms>, StorageError> {
        Ok(self.state.payout_terms.get(&provider).cloned())
    }

    async fn store_payout_terms(
        &mut self,
        provider: ProviderId,
        terms: Option<PayoutTerms>,
        _: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.state.payout_terms.remove(&provider);
        self.state.payout_terms.extend(terms.map(|terms| (provider, terms)));
        Ok(())
    }

    async fn payout_account(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<PayoutAccount>, StorageError> {
        Ok(self.state.payout_accounts.get(&provider).cloned())
    }

    async fn store_payout_account(
        &mut self,
        provider: ProviderId,
        to: &PayoutAccount,
        _now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.state.payout_accounts.insert(provider, to.clone());
        Ok(())
    }
}

#[async_trait]
impl WebhookRepository for MemoryTx {
    async fn webhook_for_update(&mut self, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
        Ok(self.state.webhooks.get(&id).cloned())
    }

    async fn insert_webhook(&mut self, webhook: &Webhook) -> Result<bool, StorageError> {
        let known = |other: &Webhook| {
            other.gateway == webhook.gateway && other.event_id == webhook.event_id
        };
        if self.state.webhooks.values().any(known) {
            return Ok(false);
        }
        self.state.webhooks.insert(webhook.id, webhook.clone());
        Ok(true)
    }

    async fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), StorageError> {
        self.state.webhooks.insert(webhook.id, webhook.clone());
        Ok(())
    }
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _: Option<AccountId>,
        _: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.state.events.push((event.name(), event.payload()));
        Ok(())
    }
}

#[async_trait]
impl Inbox for MemoryTx {
    async fn first_time(
        &mut self,
        handler: &'static str,
        event: EventId,
    ) -> Result<bool, StorageError> {
        Ok(self.state.handled.insert((handler, event)))
    }
}

#[async_trait]
impl Timers for MemoryTx {
    async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError> {
        self.state.timers.insert((timer.kind, timer.subject.clone()), timer.due_at);
        Ok(())
    }

    async fn clear_timer(&mut self, kind: &'static str, subject: &str) -> Result<(), StorageError> {
        self.state.timers.remove(&(kind, subject.to_owned()));
        Ok(())
    }
}

#[async_trait]
impl IdempotencyLedger for MemoryTx {
    async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError> {
        let same = |known: &IdempotencyScope| {
            (known.account, &known.operation, &known.key)
                == (scope.account, &scope.operation, &scope.key)
        };
        match self.state.answers.iter().find(|(known, _)| same(known)) {
            None => Ok(Claim::First),
            Some((known, _)) if known.body_hash != scope.body_hash => {
                Err(IdempotencyError::OtherBody)
            }
            Some((_, answer)) => Ok(Claim::Replay(answer.clone())),
        }
    }

    async fn remember(
        &mut self,
        scope: &IdempotencyScope,
        answer: &Answer,
    ) -> Result<(), StorageError> {
        self.state.answers.push((scope.clone(), answer.clone()));
        Ok(())
    }
}

#[async_trait]
impl AuditLog for MemoryTx {
    async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        self.state.audit.push(entry.clone());
        Ok(())
    }
}
