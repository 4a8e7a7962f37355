//! Reading from the store in memory. Pages are newest first, whole, and not cut.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, InvoiceId, Limit, Page, PaymentId, PlanId, ProviderId, StorageError, SubscriptionId,
};

use super::memory::MemoryBilling;
use crate::{
    Account, AccountBalance, AccountStatement, BillingReads, CardId, Entitlement, GatewayName,
    Invoice, InvoiceQuery, Journal, JournalQuery, LedgerFact, Payment, PaymentQuery, Payout,
    PayoutCandidate, Plan, Position, Question, Right, SavedCard, Seller, SettlementKind,
    SettlementLine, StatementLine, Subscription, SubscriptionQuery, Webhook, WebhookId,
    WebhookQuery,
};

fn page<T>(mut items: Vec<T>) -> Page<T, Position> {
    items.reverse();
    Page { items, next: None }
}

#[async_trait]
impl BillingReads for MemoryBilling {
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        Ok(self.with(|state| state.payments.get(&id).cloned()).map(Payment::restore))
    }

    async fn payments(
        &self,
        query: &PaymentQuery,
    ) -> Result<Page<Payment, Position>, StorageError> {
        let all = self.with(|state| state.payments.values().cloned().collect::<Vec<_>>());
        let payments = all.into_iter().map(Payment::restore).filter(|it| {
            query.payer.is_none_or(|payer| it.payer() == payer)
                && query.purpose.is_none_or(|purpose| it.purpose() == purpose)
                && (!query.parked || !it.concerns().is_empty())
                && (query.statuses.is_empty()
                    || query.statuses.iter().any(|name| name == it.status().name()))
        });
        Ok(page(payments.collect()))
    }

    async fn questioned_payment(
        &self,
        _: GatewayName,
        question: &Question,
    ) -> Result<Option<Payment>, StorageError> {
        match question.payment {
            Some(id) => BillingReads::payment(self, id).await,
            None => Ok(None),
        }
    }

    async fn card(&self, id: CardId) -> Result<Option<SavedCard>, StorageError> {
        Ok(self.with(|state| state.cards.get(&id).cloned()))
    }

    async fn cards(&self, account: AccountId) -> Result<Vec<SavedCard>, StorageError> {
        let own = |card: &&SavedCard| card.account == account && card.removed_at.is_none();
        Ok(self.with(|state| state.cards.values().filter(own).cloned().collect()))
    }

    async fn plan_by_id(&self, id: PlanId) -> Result<Option<Plan>, StorageError> {
        Ok(self.with(|state| state.plans.get(&id).cloned()))
    }

    async fn plans(&self, seller: Seller, all: bool) -> Result<Vec<Plan>, StorageError> {
        let mut plans: Vec<Plan> = self.with(|state| state.plans.values().cloned().collect());
        plans.retain(|plan| plan.seller == seller && (all || plan.open));
        plans.sort_by_key(|plan| plan.details.price.minor());
        Ok(plans)
    }

    async fn subscription(&self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError> {
        Ok(self.with(|state| state.subscriptions.get(&id).cloned()).map(Subscription::restore))
    }

    async fn subscriptions(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Page<Subscription, Position>, StorageError> {
        let all = self.with(|state| state.subscriptions.values().cloned().collect::<Vec<_>>());
        let own = all.into_iter().map(Subscription::restore).filter(|it| {
            it.subscriber() == query.subscriber
                && query.with_access_at.is_none_or(|now| it.gives_access(now))
        });
        Ok(page(own.collect()))
    }

    async fn entitlements(
        &self,
        account: AccountId,
        right: Right,
    ) -> Result<Vec<Entitlement>, StorageError> {
        let theirs = |it: &&Entitlement| it.account == account && it.right == right;
        Ok(self.with(|state| state.entitlements.values().filter(theirs).copied().collect()))
    }

    async fn invoice(&self, id: InvoiceId) -> Result<Option<Invoice>, StorageError> {
        Ok(self.with(|state| state.invoices.iter().find(|it| it.id == id).cloned()))
    }

    async fn invoices(
        &self,
        query: &InvoiceQuery,
    ) -> Result<Page<Invoice, Position>, StorageError> {
        let wanted = |it: &&Invoice| {
            query.payer.is_none_or(|payer| it.payer == payer)
                && query.seller.is_none_or(|seller| it.seller.provider() == Some(seller))
        };
        Ok(page(self.with(|state| state.invoices.iter().filter(wanted).cloned().collect())))
    }

    async fn provider_balances(
        &self,
        provider: ProviderId,
    ) -> Result<AccountStatement, StorageError> {
        let currencies = self.currencies();
        let accounts = [
            Account::ProviderPending(provider),
            Account::ProviderPayable(provider),
            Account::ProviderReserve(provider),
        ];
        let mut balances = Vec::new();
        for currency in currencies {
            for account in accounts {
                let balance = self.with(|state| state.balance(account, currency));
                balances.push(AccountBalance { account, balance });
            }
        }
        Ok(AccountStatement { balances })
    }

    async fn statement(
        &self,
        provider: ProviderId,
        _: Limit,
        _: Option<Position>,
    ) -> Result<Page<StatementLine, Position>, StorageError> {
        let mut lines = Vec::new();
        for journal in self.with(|state| state.journals.clone()) {
            let entry = journal.entry();
            for posting in entry.postings() {
                if posting.account.provider() == Some(provider) {
                    lines.push(StatementLine {
                        journal: journal.id(),
                        fact: entry.fact(),
                        payment: entry.payment(),
                        posting: *posting,
                        at: journal.at(),
                    });
                }
            }
        }
        Ok(page(lines))
    }

    async fn payouts(
        &self,
        provider: Option<ProviderId>,
        _: Limit,
        _: Option<Position>,
    ) -> Result<Page<Payout, Position>, StorageError> {
        let theirs = |it: &&Payout| provider.is_none_or(|provider| it.provider == provider);
        Ok(page(self.with(|state| state.payouts.values().filter(theirs).cloned().collect())))
    }

    async fn payout_candidates(
        &self,
        after: Option<PayoutCandidate>,
    ) -> Result<Vec<PayoutCandidate>, StorageError> {
        if after.is_some() {
            return Ok(Vec::new());
        }
        let mut candidates = Vec::new();
        let journals = self.with(|state| state.journals.clone());
        for posting in journals.iter().flat_map(|journal| journal.entry().postings()) {
            if let Account::ProviderPayable(provider) = posting.account {
                let currency = posting.amount.currency();
                let candidate = PayoutCandidate { provider, currency };
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        Ok(candidates)
    }

    async fn journals(
        &self,
        query: &JournalQuery,
    ) -> Result<Page<Journal, Position>, StorageError> {
        let wanted = |it: &&Journal| {
            query.payment.is_none_or(|payment| it.entry().payment() == Some(payment))
        };
        Ok(page(self.with(|state| state.journals.iter().filter(wanted).cloned().collect())))
    }

    async fn settlement_lines(
        &self,
        gateway: GatewayName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<SettlementLine>, StorageError> {
        let (journals, payments) =
            self.with(|state| (state.journals.clone(), state.payments.clone()));
        let mut lines = Vec::new();
        for journal in journals.iter().filter(|it| (from..to).contains(&it.at())) {
            let kind = match journal.entry().fact() {
                LedgerFact::Capture => SettlementKind::Capture,
                LedgerFact::Refund => SettlementKind::Refund,
                LedgerFact::Chargeback => SettlementKind::Chargeback,
                LedgerFact::Reinstatement => SettlementKind::Reinstatement,
                _ => continue,
            };
            let payment = journal.entry().payment().and_then(|id| payments.get(&id));
            let Some(payment) = payment.filter(|it| it.gateway == gateway) else { continue };
            let sides = [
                Account::GatewayClearing(gateway),
                Account::Refunds(gateway),
                Account::Chargebacks(gateway),
            ];
            let postings = journal.entry().postings().iter();
            for posting in postings.filter(|posting| sides.contains(&posting.account)) {
                let minor = posting.amount.minor().saturating_abs();
                lines.push(SettlementLine {
                    kind,
                    transaction: payment
                        .transaction
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    amount: kernel::Money::new(minor, posting.amount.currency()),
                });
            }
        }
        Ok(lines)
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
        Ok(self.with(|state| state.webhooks.get(&id).cloned()))
    }

    async fn webhooks(
        &self,
        query: &WebhookQuery,
    ) -> Result<Page<Webhook, Position>, StorageError> {
        let wanted = |it: &&Webhook| {
            query.gateway.is_none_or(|gateway| it.gateway == gateway)
                && (query.states.is_empty()
                    || query.states.iter().any(|name| name == it.state.name()))
        };
        Ok(page(self.with(|state| state.webhooks.values().filter(wanted).cloned().collect())))
    }
}

impl MemoryBilling {
    fn currencies(&self) -> Vec<kernel::Currency> {
        let mut currencies = Vec::new();
        let journals = self.with(|state| state.journals.clone());
        for posting in journals.iter().flat_map(|journal| journal.entry().postings()) {
            if !currencies.contains(&posting.amount.currency()) {
                currencies.push(posting.amount.currency());
            }
        }
        currencies
    }
}
