use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{AccountId, Currency, Money, PaymentId, PayoutId, ProviderId, StorageError};

use crate::{
    Account, BillingError, CaptureMode, CardId, Description, GatewayName, Journal, Payment, Payout,
    PayoutRoute, PayoutTerms, Purpose, Right, SaleContext, SavedCard, Secret, Webhook, WebhookId,
};

/// Payments inside one transaction.
#[async_trait]
pub trait PaymentRepository: Send {
    /// Loads a payment and keeps others from changing it until the transaction ends.
    async fn payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError>;

    /// For what a payment is, without a lock: it never changes. A subscription is locked before
    /// its payment, so somebody has to know first.
    async fn purpose_of_payment(&mut self, id: PaymentId) -> Result<Option<Purpose>, StorageError>;

    /// The newest payment for a purpose that is neither failed nor voided nor to be voided,
    /// locked like [`Self::payment_for_update`].
    async fn live_payment_for_update(
        &mut self,
        purpose: Purpose,
    ) -> Result<Option<Payment>, StorageError>;

    /// The payment behind a gateway's transaction, if it is known.
    async fn payment_of_transaction(
        &mut self,
        gateway: GatewayName,
        transaction: &str,
    ) -> Result<Option<PaymentId>, StorageError>;

    /// Stores a new payment.
    ///
    /// # Errors
    ///
    /// [`BillingError::AlreadyPaid`] if there is another payment for the same purpose, other than
    /// a subscription, that is neither failed nor voided nor to be voided: a unique index has the
    /// last word.
    async fn insert_payment(&mut self, payment: &Payment) -> Result<(), BillingError>;

    /// Stores a changed payment with its refunds, in place of [`Payment::loaded_version`].
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if another version is stored.
    async fn update_payment(&mut self, payment: &Payment) -> Result<(), StorageError>;
}

/// Kept cards inside one transaction.
#[async_trait]
pub trait CardRepository: Send {
    /// A card, removed or not.
    async fn saved_card(&mut self, id: CardId) -> Result<Option<SavedCard>, StorageError>;

    /// Stores a card in place of the one before; its token is encrypted at rest. The same token of
    /// the same account is one card: answers the id that it is stored under.
    async fn store_card(&mut self, card: &SavedCard) -> Result<CardId, StorageError>;
}

/// Something that can be paid for, as its domain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    /// Who has to pay.
    pub payer: AccountId,
    /// How much.
    pub amount: Money,
    /// Whether the money is taken at once or reserved until its domain says so.
    pub capture: CaptureMode,
    /// What stands on the payer's statement.
    pub description: Description,
    /// What the commission depends on.
    pub sale: SaleContext,
    /// What the payer has the right to as long as it is paid: the listing of a purchase.
    pub grants: Option<Right>,
}

/// What billing needs of the domains that sell.
#[async_trait]
pub trait Payables: Send {
    /// What has to be paid for this now; `None` if it does not exist, is paid, or is not to be
    /// paid any more. Not asked for subscriptions, which are billing's own.
    async fn payable(&mut self, purpose: Purpose) -> Result<Option<Payable>, StorageError>;
}

/// Whether a journal was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It was.
    New,
    /// A journal with its reference was posted before; this one was not.
    Before,
}

/// The ledger inside one transaction.
#[async_trait]
pub trait LedgerRepository: Send {
    /// Posts a journal and moves the balances of its accounts; a reference is posted once. The
    /// database refuses an unbalanced one itself.
    async fn post_journal(&mut self, journal: &Journal) -> Result<Posted, StorageError>;

    /// What stands on an account, kept from others until the transaction ends.
    async fn balance_for_update(
        &mut self,
        account: Account,
        currency: Currency,
    ) -> Result<Money, StorageError>;
}

/// Where a provider's money goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutAccount {
    /// The provider's account.
    pub account: AccountId,
    /// How it travels.
    pub route: PayoutRoute,
    /// The gateway's name for the provider's account, card or bank details; unset for a payout by
    /// hand.
    pub destination: Option<Secret>,
}

/// Payouts inside one transaction.
#[async_trait]
pub trait PayoutRepository: Send {
    /// Loads a payout and keeps others from changing it until the transaction ends.
    async fn payout_for_update(&mut self, id: PayoutId) -> Result<Option<Payout>, StorageError>;

    /// Stores a new payout.
    async fn insert_payout(&mut self, payout: &Payout) -> Result<(), StorageError>;

    /// Stores a payout that was loaded for update and changed.
    async fn update_payout(&mut self, payout: &Payout) -> Result<(), StorageError>;

    /// The payout behind a gateway's name for it, if it is known.
    async fn payout_of_reference(
        &mut self,
        gateway: GatewayName,
        reference: &str,
    ) -> Result<Option<PayoutId>, StorageError>;

    /// The terms that an admin set for a provider, if one did.
    async fn payout_terms(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<PayoutTerms>, StorageError>;

    /// Sets the terms of a provider in place of those before; `None` for the marketplace's.
    async fn store_payout_terms(
        &mut self,
        provider: ProviderId,
        terms: Option<PayoutTerms>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// Where a provider's money goes; `None` if they have not said so.
    async fn payout_account(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<PayoutAccount>, StorageError>;

    /// Sets where a provider's money goes in place of where it went before; what names it there is
    /// encrypted at rest.
    async fn store_payout_account(
        &mut self,
        provider: ProviderId,
        to: &PayoutAccount,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// The inbox of gateways' messages inside one transaction.
#[async_trait]
pub trait WebhookRepository: Send {
    /// Loads a message and keeps others from applying it until the transaction ends.
    async fn webhook_for_update(&mut self, id: WebhookId) -> Result<Option<Webhook>, StorageError>;

    /// Stores a new message; `false` if this gateway sent it before.
    async fn insert_webhook(&mut self, webhook: &Webhook) -> Result<bool, StorageError>;

    /// Stores what became of a message.
    async fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), StorageError>;
}
