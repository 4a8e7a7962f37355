use std::collections::HashMap;

use access::AuditLog;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use kernel::{
    AccountId, IdempotencyLedger, Inbox, Limit, ListingId, Money, Outbox, Page, PaymentId,
    PromotionId, ProviderId, StorageError, Timers, UnitOfWork,
};

use crate::{
    Capture, Coupon, CouponCode, CouponId, CouponUse, CouponUseId, Effect, Figures, Flags, Product,
    ProductKey, Promotion, PromotionError, Purpose, Settlement, Status, Target, Uses,
};

/// Products inside one transaction.
#[async_trait]
pub trait ProductRepository: Send {
    /// A product, closed or not, without a lock: a purchase remembers the version that it read.
    async fn product(&mut self, key: &ProductKey) -> Result<Option<Product>, StorageError>;

    /// Loads a product and keeps others from changing it until the transaction ends.
    async fn product_for_update(
        &mut self,
        key: &ProductKey,
    ) -> Result<Option<Product>, StorageError>;

    /// Stores the first version of a product. Every version is kept: purchases refer to them.
    ///
    /// # Errors
    ///
    /// [`PromotionError::ProductExists`] if there is one with its key.
    async fn insert_product(&mut self, product: &Product) -> Result<(), PromotionError>;

    /// Stores the next version of a product that was loaded for update.
    async fn update_product(&mut self, product: &Product) -> Result<(), StorageError>;
}

/// Promotions inside one transaction.
///
/// Locks are taken in one order: the provider, the promotion, the coupon. Whatever is bought, paid
/// or cancelled by one provider happens one after the other, so that limits hold and periods
/// follow one another; two providers never wait for each other.
#[async_trait]
pub trait PromotionRepository: Send {
    /// Keeps others from buying and changing promotions of the provider until the transaction
    /// ends.
    async fn lock_promotions_of(&mut self, provider: ProviderId) -> Result<(), StorageError>;

    /// Loads a promotion and keeps others from changing it until the transaction ends. Takes the
    /// lock of [`lock_promotions_of`](Self::lock_promotions_of) first, then reads: what is read is
    /// what the one before committed.
    async fn promotion_for_update(
        &mut self,
        id: PromotionId,
    ) -> Result<Option<Promotion>, StorageError>;

    /// The promotions of a provider with an effect that are not over at a moment: those that wait
    /// for their payment, and the paid ones that end later. Each has one row; the adapter reads
    /// them by an index on the provider where the stage is not `cancelled`.
    async fn open_promotions(
        &mut self,
        provider: ProviderId,
        effect: Effect,
        now: DateTime<Utc>,
    ) -> Result<Vec<Promotion>, StorageError>;

    /// How many promotions of a provider wait for their payment, of whatever effect.
    async fn count_unpaid_promotions(&mut self, provider: ProviderId) -> Result<u32, StorageError>;

    /// Stores a new promotion.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] as for [`update_promotion`](Self::update_promotion).
    async fn insert_promotion(&mut self, promotion: &Promotion) -> Result<(), StorageError>;

    /// Stores a promotion that was loaded for update and changed once.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if the stored version is not the one before, or if two paid
    /// periods of one target and effect would overlap: an exclusion constraint over target, effect
    /// and `[starts_at, ends_at)` where the stage is `paid` has the last word.
    async fn update_promotion(&mut self, promotion: &Promotion) -> Result<(), StorageError>;
}

/// Coupons inside one transaction.
///
/// That no limit is ever passed rests on two things. The domain refuses a use that would pass one,
/// from counts that nobody else can change meanwhile; so the counts are kept in rows of their own
/// (one per coupon, one per coupon and account, which nothing refers to), and are locked before
/// they and the coupon are read. And the database has the last word: the rows carry a copy of the
/// limit and a CHECK that the count is at least 0 and at most the limit.
#[async_trait]
pub trait CouponRepository: Send {
    /// The coupon with a code and how often it was used, also by the account. First locks the row
    /// of its count until the transaction ends, then reads, so that uses of one coupon happen one
    /// after the other and see what the one before committed.
    async fn coupon_for_use(
        &mut self,
        code: &CouponCode,
        account: AccountId,
    ) -> Result<Option<(Coupon, Uses)>, StorageError>;

    /// A coupon and how often it was used by everybody, locked in the same way.
    async fn coupon_for_update(
        &mut self,
        id: CouponId,
    ) -> Result<Option<(Coupon, u32)>, StorageError>;

    /// Stores a new coupon, with a count of nothing.
    ///
    /// # Errors
    ///
    /// [`PromotionError::CodeTaken`] if there is one with its code, closed or not.
    async fn insert_coupon(&mut self, coupon: &Coupon) -> Result<(), PromotionError>;

    /// Stores a coupon that was loaded for update and changed, and its limits with its counts.
    async fn update_coupon(&mut self, coupon: &Coupon) -> Result<(), StorageError>;

    /// Stores a reserved use and counts it, for its coupon and for its account.
    ///
    /// # Errors
    ///
    /// [`CouponRefusal::UsedUp`](crate::CouponRefusal::UsedUp) and
    /// [`CouponRefusal::UsedByAccount`](crate::CouponRefusal::UsedByAccount) if a CHECK says so.
    /// [`StorageError::Conflict`] if the same thing has a use that is not released: a unique index
    /// over purpose and reference.
    async fn insert_coupon_use(&mut self, coupon_use: &CouponUse) -> Result<(), PromotionError>;

    /// Loads a use and keeps others from changing it until the transaction ends. Locks the row of
    /// its coupon's count first.
    async fn coupon_use_for_update(
        &mut self,
        id: CouponUseId,
    ) -> Result<Option<CouponUse>, StorageError>;

    /// The use for a thing, by its purpose and its id on the wire, that is not released, if there
    /// is one; locked in the same way.
    async fn coupon_use_for(
        &mut self,
        purpose: Purpose,
        reference: &str,
    ) -> Result<Option<CouponUse>, StorageError>;

    /// Stores a use that was loaded for update and changed. One that is released now counts no
    /// more: both counts go down by one.
    async fn update_coupon_use(&mut self, coupon_use: &CouponUse) -> Result<(), StorageError>;
}

/// What promotions need to know of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromotableListing {
    /// The listing.
    pub id: ListingId,
    /// Whose it is.
    pub provider: ProviderId,
    /// Whether everyone can see it: published, of an active provider.
    pub public: bool,
}

/// What promotions need of the catalogue.
#[async_trait]
pub trait Promotables: Send {
    /// A listing, whether it is public or not.
    async fn promotable_listing(
        &mut self,
        id: ListingId,
    ) -> Result<Option<PromotableListing>, StorageError>;

    /// Whether everyone can see a provider.
    async fn is_provider_public(&mut self, id: ProviderId) -> Result<bool, StorageError>;
}

/// What promotions need of payments.
#[async_trait]
pub trait Payments: Send {
    /// The money that a gateway took for a promotion, if any was taken and not all of it is back:
    /// asked when the time to pay is over, since the news of it may still be on their way.
    async fn captured_for_promotion(
        &mut self,
        id: PromotionId,
    ) -> Result<Option<Capture>, StorageError>;

    /// What of a payment has gone back by now, in whatever way; `None` if there is none. Never less
    /// than was told before, but for what a bank took back and gave up again.
    async fn returned_of_payment(&mut self, id: PaymentId) -> Result<Option<Money>, StorageError>;

    /// Records what has to happen to the money of a promotion, to be done after the commit. No
    /// gateway is called here. Of a payment at most what is left of it goes back, and letting go of
    /// payments where none is under way does nothing.
    async fn settle_promotion(
        &mut self,
        id: PromotionId,
        settlement: &Settlement,
    ) -> Result<(), StorageError>;
}

/// Everything that a command may touch atomically.
pub trait PromotionTx:
    ProductRepository
    + PromotionRepository
    + CouponRepository
    + Promotables
    + Payments
    + Outbox
    + Inbox
    + Timers
    + IdempotencyLedger
    + AuditLog
    + UnitOfWork
{
}

impl<T> PromotionTx for T where
    T: ProductRepository
        + PromotionRepository
        + CouponRepository
        + Promotables
        + Payments
        + Outbox
        + Inbox
        + Timers
        + IdempotencyLedger
        + AuditLog
        + UnitOfWork
{
}

/// Opens transactions.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait PromotionStore: Send + Sync {
    /// A new transaction.
    async fn begin(&self) -> Result<Box<dyn PromotionTx>, StorageError>;
}

/// Where a page of promotions ends: newest first, by purchase and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromotionPosition {
    /// When the last one was bought.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: PromotionId,
}

/// Which promotions to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromotionQuery {
    /// Whose; everybody's if unset.
    pub provider: Option<ProviderId>,
    /// Where they stand at `now`; anywhere if unset. Of the paid ones `scheduled` is
    /// `starts_at > now`, `active` is `starts_at <= now AND now < ends_at`, `expired` is
    /// `ends_at <= now`.
    pub status: Option<Status>,
    /// The present moment.
    pub now: DateTime<Utc>,
    /// How many.
    pub limit: Limit,
    /// After which; from the start if unset.
    pub after: Option<PromotionPosition>,
}

/// Where a page of coupons ends: newest first, by creation and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponPosition {
    /// When the last one was made.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: CouponId,
}

/// The days that figures are wanted of, both included, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigureDays {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

/// Reading without changing.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait PromotionReads: Send + Sync {
    /// All products, by key; those that are closed only if they are wanted. There are few.
    async fn products(&self, closed_too: bool) -> Result<Vec<Product>, StorageError>;

    /// A promotion.
    async fn promotion(&self, id: PromotionId) -> Result<Option<Promotion>, StorageError>;

    /// A page of promotions, newest first.
    async fn promotions(
        &self,
        query: &PromotionQuery,
    ) -> Result<Page<Promotion, PromotionPosition>, StorageError>;

    /// What listings and providers have at a moment because somebody paid for it, as
    /// [`Flags::at`] says; nothing for those that are missing. One query for all.
    ///
    /// A query that reads listings or providers anyway derives the flags itself, by
    /// `EXISTS (… stage = 'paid' AND effect = 'top' AND starts_at <= now AND now < ends_at)`
    /// with the [`Clock`](kernel::Clock)'s time, never with the database's.
    async fn flags(
        &self,
        targets: Vec<Target>,
        now: DateTime<Utc>,
    ) -> Result<HashMap<Target, Flags>, StorageError>;

    /// What happened around a listing or provider, by day, from the aggregates; days on which
    /// nothing happened may be missing.
    async fn daily_figures(
        &self,
        target: Target,
        days: FigureDays,
    ) -> Result<Vec<(NaiveDate, Figures)>, StorageError>;

    /// A coupon and how often it was used.
    async fn coupon(&self, id: CouponId) -> Result<Option<(Coupon, u32)>, StorageError>;

    /// A page of coupons and how often each was used, newest first.
    async fn coupons(
        &self,
        limit: Limit,
        after: Option<CouponPosition>,
    ) -> Result<Page<(Coupon, u32), CouponPosition>, StorageError>;
}
