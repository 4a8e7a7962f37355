//! Plans, subscriptions, rights and invoices of the store in memory.

use async_trait::async_trait;
use kernel::{AccountId, PlanId, StorageError, SubscriptionId};

use super::memory::MemoryTx;
use crate::{
    BillingError, CardId, Entitlement, EntitlementRepository, EntitlementSource, GatewayName,
    Invoice, InvoiceParty, InvoiceRepository, Plan, PlanRepository, Right, Seller, Subscription,
    SubscriptionRecord, SubscriptionRepository,
};

#[async_trait]
impl PlanRepository for MemoryTx {
    async fn plan_for_update(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError> {
        Ok(self.state.plans.get(&id).cloned())
    }

    async fn plan(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError> {
        Ok(self.state.plans.get(&id).cloned())
    }

    async fn insert_plan(&mut self, plan: &Plan) -> Result<(), StorageError> {
        self.state.plans.insert(plan.id, plan.clone());
        Ok(())
    }

    async fn update_plan(&mut self, plan: &Plan) -> Result<(), StorageError> {
        self.state.plans.insert(plan.id, plan.clone());
        Ok(())
    }
}

#[async_trait]
impl SubscriptionRepository for MemoryTx {
    async fn subscription_for_update(
        &mut self,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StorageError> {
        Ok(self.state.subscriptions.get(&id).cloned().map(Subscription::restore))
    }

    async fn subscription_of_reference(
        &mut self,
        gateway: GatewayName,
        reference: &str,
    ) -> Result<Option<SubscriptionId>, StorageError> {
        let known = |record: &&SubscriptionRecord| match &record.driver {
            crate::Driver::Gateway { gateway: name, reference: known, .. } => {
                *name == gateway && known.as_str() == reference
            }
            crate::Driver::Engine { .. } => false,
        };
        Ok(self.state.subscriptions.values().find(known).map(|record| record.id))
    }

    async fn insert_subscription(
        &mut self,
        subscription: &Subscription,
    ) -> Result<(), BillingError> {
        let new = subscription.record();
        let taken = |other: &SubscriptionRecord| {
            other.subscriber == new.subscriber
                && other.terms.right == new.terms.right
                && !other.state.is_final()
        };
        if self.state.subscriptions.values().any(taken) {
            return Err(BillingError::AlreadySubscribed);
        }
        self.state.subscriptions.insert(new.id, new.clone());
        Ok(())
    }

    async fn update_subscription(
        &mut self,
        subscription: &Subscription,
    ) -> Result<(), StorageError> {
        let record = subscription.record();
        let stored = self.state.subscriptions.get(&record.id).map(|stored| stored.version);
        if stored != Some(subscription.loaded_version()) {
            return Err(StorageError::Conflict);
        }
        self.state.subscriptions.insert(record.id, record.clone());
        Ok(())
    }

    async fn was_subscribed(
        &mut self,
        account: AccountId,
        right: Right,
    ) -> Result<bool, StorageError> {
        let mut all = self.state.subscriptions.values();
        Ok(all.any(|it| it.subscriber == account && it.terms.right == right))
    }

    async fn subscriptions_on_card(
        &mut self,
        card: CardId,
    ) -> Result<Vec<SubscriptionId>, StorageError> {
        let all = self.state.subscriptions.values();
        let open = all.filter(|it| it.card == Some(card) && !it.state.is_final());
        Ok(open.map(|it| it.id).collect())
    }
}

#[async_trait]
impl EntitlementRepository for MemoryTx {
    async fn store_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StorageError> {
        self.state.entitlements.insert(entitlement.source, *entitlement);
        Ok(())
    }

    async fn remove_entitlement(&mut self, source: EntitlementSource) -> Result<(), StorageError> {
        self.state.entitlements.remove(&source);
        Ok(())
    }
}

#[async_trait]
impl InvoiceRepository for MemoryTx {
    async fn next_invoice_number(&mut self, seller: &str, year: i32) -> Result<u32, StorageError> {
        let of_them = |it: &&Invoice| it.number.seller == seller && it.number.year == year;
        let last = self.state.invoices.iter().filter(of_them).map(|it| it.number.sequence).max();
        Ok(last.unwrap_or(0) + 1)
    }

    async fn invoice_parties(
        &mut self,
        seller: Seller,
        payer: AccountId,
    ) -> Result<(InvoiceParty, InvoiceParty), StorageError> {
        let named = |name: String| InvoiceParty { name, details: Vec::new() };
        Ok((named(seller.key()), named(payer.to_string())))
    }

    async fn insert_invoice(&mut self, invoice: &Invoice) -> Result<(), StorageError> {
        self.state.invoices.push(invoice.clone());
        Ok(())
    }
}
