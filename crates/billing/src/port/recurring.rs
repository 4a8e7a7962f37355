use async_trait::async_trait;
use kernel::{AccountId, PlanId, StorageError, SubscriptionId};

use crate::{
    BillingError, CardId, Entitlement, EntitlementSource, GatewayName, Invoice, InvoiceParty, Plan,
    Right, Seller, Subscription,
};

/// Plans inside one transaction.
#[async_trait]
pub trait PlanRepository: Send {
    /// Loads a plan and keeps others from changing it until the transaction ends.
    async fn plan_for_update(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError>;

    /// A plan.
    async fn plan(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError>;

    /// Stores a new plan.
    async fn insert_plan(&mut self, plan: &Plan) -> Result<(), StorageError>;

    /// Stores a plan that was loaded for update and changed once.
    async fn update_plan(&mut self, plan: &Plan) -> Result<(), StorageError>;
}

/// Subscriptions inside one transaction.
#[async_trait]
pub trait SubscriptionRepository: Send {
    /// Loads a subscription and keeps others from changing it until the transaction ends.
    async fn subscription_for_update(
        &mut self,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StorageError>;

    /// The subscription behind a gateway's name for it, if it is known.
    async fn subscription_of_reference(
        &mut self,
        gateway: GatewayName,
        reference: &str,
    ) -> Result<Option<SubscriptionId>, StorageError>;

    /// Stores a new subscription.
    ///
    /// # Errors
    ///
    /// [`BillingError::AlreadySubscribed`] if the account has another one to the same right that
    /// is not expired: a unique index has the last word.
    async fn insert_subscription(
        &mut self,
        subscription: &Subscription,
    ) -> Result<(), BillingError>;

    /// Stores a changed subscription in place of [`Subscription::loaded_version`].
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if another version is stored.
    async fn update_subscription(
        &mut self,
        subscription: &Subscription,
    ) -> Result<(), StorageError>;

    /// Whether the account ever had a subscription to this right: then there is no trial.
    async fn was_subscribed(
        &mut self,
        account: AccountId,
        right: Right,
    ) -> Result<bool, StorageError>;

    /// The subscriptions that a card pays for, by id.
    async fn subscriptions_on_card(
        &mut self,
        card: CardId,
    ) -> Result<Vec<SubscriptionId>, StorageError>;
}

/// Rights to premium content inside one transaction.
#[async_trait]
pub trait EntitlementRepository: Send {
    /// Stores a right in place of the one from the same source. Caches of it are dropped at once
    /// on every server.
    async fn store_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StorageError>;

    /// Removes the right from a source, if there is one.
    async fn remove_entitlement(&mut self, source: EntitlementSource) -> Result<(), StorageError>;
}

/// Invoices inside one transaction.
#[async_trait]
pub trait InvoiceRepository: Send {
    /// The next number of a seller and year, from 1, kept from others until the transaction ends:
    /// if it is undone the number is free again, so that there are no gaps.
    async fn next_invoice_number(&mut self, seller: &str, year: i32) -> Result<u32, StorageError>;

    /// How seller and payer are named on an invoice now.
    async fn invoice_parties(
        &mut self,
        seller: Seller,
        payer: AccountId,
    ) -> Result<(InvoiceParty, InvoiceParty), StorageError>;

    /// Stores an invoice; there is one for each payment.
    async fn insert_invoice(&mut self, invoice: &Invoice) -> Result<(), StorageError>;
}
