use std::fmt::Debug;
use std::sync::Arc;

use access::AuditLog;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, CategoryId, ChangeRequestId, IdempotencyLedger, Limit, ListingId, Outbox, Page,
    ProviderId, StorageError, Total, UnitOfWork,
};
use serde::{Deserialize, Serialize};

use crate::media::{MediaItem, MediaRepository};
use crate::{
    CatalogError, Category, ChangeRequest, Key, Listing, ListingType, PriceChange, Provider,
    Taxonomy,
};

/// Listings inside one transaction.
#[async_trait]
pub trait ListingRepository: Send {
    /// Loads a listing and keeps others from changing it until the transaction ends.
    async fn listing_for_update(&mut self, id: ListingId) -> Result<Option<Listing>, StorageError>;

    /// Stores a new listing.
    ///
    /// # Errors
    ///
    /// [`CatalogError::SlugTaken`], after which the transaction goes on;
    /// [`CatalogError::Invalid`] if its category does not exist.
    async fn insert_listing(&mut self, listing: &Listing) -> Result<(), CatalogError>;

    /// Stores a listing that was loaded for update, but for its counters and ratings.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Invalid`] if its category does not exist.
    async fn update_listing(&mut self, listing: &Listing) -> Result<(), CatalogError>;

    /// Removes a listing whose media were removed before.
    async fn delete_listing(&mut self, id: ListingId) -> Result<(), StorageError>;

    /// Appends a line to the price history.
    async fn record_price_change(&mut self, change: &PriceChange) -> Result<(), StorageError>;
}

/// Changes that wait for a moderator, inside one transaction. Whoever wants to change one holds
/// the lock of its listing.
#[async_trait]
pub trait ChangeRequestRepository: Send {
    /// The listing that a change request is about.
    async fn listing_of_change_request(
        &mut self,
        id: ChangeRequestId,
    ) -> Result<Option<ListingId>, StorageError>;

    /// A change request, kept from others until the transaction ends.
    async fn change_request_for_update(
        &mut self,
        id: ChangeRequestId,
    ) -> Result<Option<ChangeRequest>, StorageError>;

    /// The change request of a listing that waits, kept from others until the transaction ends.
    async fn pending_change_for_update(
        &mut self,
        listing: ListingId,
    ) -> Result<Option<ChangeRequest>, StorageError>;

    /// Stores a new change request. Its listing has no other that waits.
    async fn insert_change_request(&mut self, request: &ChangeRequest) -> Result<(), StorageError>;

    /// Stores the state of a change request.
    async fn update_change_request(&mut self, request: &ChangeRequest) -> Result<(), StorageError>;
}

/// Providers inside one transaction.
#[async_trait]
pub trait ProviderRepository: Send {
    /// A provider, kept from being suspended until the transaction ends.
    async fn provider_for_share(
        &mut self,
        id: ProviderId,
    ) -> Result<Option<Provider>, StorageError>;

    /// A provider, kept from others until the transaction ends.
    async fn provider_for_update(
        &mut self,
        id: ProviderId,
    ) -> Result<Option<Provider>, StorageError>;

    /// Stores a new provider.
    ///
    /// # Errors
    ///
    /// [`CatalogError::SlugTaken`], after which the transaction goes on;
    /// [`CatalogError::AlreadyAProvider`] if the account has a profile.
    async fn insert_provider(&mut self, provider: &Provider) -> Result<(), CatalogError>;

    /// Stores a provider that was loaded for update, but for its rating.
    async fn update_provider(&mut self, provider: &Provider) -> Result<(), StorageError>;

    /// Puts all listings of a provider on the market with it, or takes them off.
    async fn set_listings_active(
        &mut self,
        provider: ProviderId,
        active: bool,
    ) -> Result<(), StorageError>;
}

/// Listing types and categories inside one transaction.
#[async_trait]
pub trait TaxonomyRepository: Send {
    /// A listing type, kept from being changed until the transaction ends.
    async fn listing_type_for_share(
        &mut self,
        key: &Key,
    ) -> Result<Option<ListingType>, StorageError>;

    /// A listing type, kept from others and from being used until the transaction ends.
    async fn listing_type_for_update(
        &mut self,
        key: &Key,
    ) -> Result<Option<ListingType>, StorageError>;

    /// Stores a new listing type, the last in the order.
    ///
    /// # Errors
    ///
    /// [`CatalogError::ListingTypeTaken`].
    async fn insert_listing_type(
        &mut self,
        listing_type: &ListingType,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// Stores a listing type that was loaded for update.
    async fn update_listing_type(
        &mut self,
        listing_type: &ListingType,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// Removes a listing type.
    ///
    /// # Errors
    ///
    /// [`CatalogError::ListingTypeInUse`].
    async fn delete_listing_type(&mut self, key: &Key) -> Result<(), CatalogError>;

    /// Up to `limit` published or paused listings of a type after `after`, by id, each with the
    /// number of its media.
    async fn public_listings_of_type(
        &mut self,
        key: &Key,
        after: Option<ListingId>,
        limit: u16,
    ) -> Result<Vec<(Listing, usize)>, StorageError>;

    /// All categories, kept from being changed by others until the transaction ends.
    async fn categories_for_update(&mut self) -> Result<Vec<Category>, StorageError>;

    /// Stores a new category.
    ///
    /// # Errors
    ///
    /// [`CatalogError::SlugTaken`].
    async fn insert_category(
        &mut self,
        category: &Category,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// Stores a category.
    ///
    /// # Errors
    ///
    /// [`CatalogError::SlugTaken`].
    async fn update_category(
        &mut self,
        category: &Category,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// Removes a category.
    ///
    /// # Errors
    ///
    /// [`CatalogError::CategoryInUse`].
    async fn delete_category(&mut self, id: CategoryId) -> Result<(), CatalogError>;
}

/// What listings need of everything that may refer to one: bookings, orders, bids, payments.
#[async_trait]
pub trait References: Send {
    /// Whether anything refers to the listing, so that it must not vanish.
    async fn listing_is_referred_to(&mut self, id: ListingId) -> Result<bool, StorageError>;
}

/// What providers need of accounts.
#[async_trait]
pub trait ProviderRole: Send {
    /// Gives an account the role of a provider; nothing if it has it.
    async fn grant_provider_role(&mut self, account: AccountId) -> Result<(), StorageError>;
}

/// Everything that a command of the catalogue may touch atomically.
pub trait CatalogTx:
    ListingRepository
    + ChangeRequestRepository
    + ProviderRepository
    + TaxonomyRepository
    + MediaRepository
    + References
    + ProviderRole
    + IdempotencyLedger
    + AuditLog
    + Outbox
    + UnitOfWork
{
}

impl<T> CatalogTx for T where
    T: ListingRepository
        + ChangeRequestRepository
        + ProviderRepository
        + TaxonomyRepository
        + MediaRepository
        + References
        + ProviderRole
        + IdempotencyLedger
        + AuditLog
        + Outbox
        + UnitOfWork
{
}

/// Where a list that goes from new to old went on: the last item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest<I> {
    /// When the last item was made.
    pub at: DateTime<Utc>,
    /// Which it was.
    pub id: I,
}

/// Which listings of one provider are wanted, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderListings {
    /// Whose.
    pub provider: ProviderId,
    /// In which states, by name; all if empty.
    pub statuses: Vec<&'static str>,
    /// How many.
    pub limit: Limit,
    /// Where the last page ended.
    pub after: Option<Newest<ListingId>>,
}

/// A listing with what is shown of it in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedListing {
    /// The listing.
    pub listing: Listing,
    /// The picture that stands for it.
    pub cover: Option<MediaItem>,
    /// Whether the viewer keeps it.
    pub is_favorite: bool,
}

/// A listing with everything that its page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingDetail {
    /// The listing.
    pub listing: Listing,
    /// Whose it is.
    pub provider: Provider,
    /// Its pictures and documents, in their order.
    pub media: Vec<MediaItem>,
    /// Whether the viewer keeps it.
    pub is_favorite: bool,
}

/// Which listing is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingName {
    /// By its id.
    Id(ListingId),
    /// By its type and its slug.
    Slug {
        /// The key of its type.
        listing_type: String,
        /// Its name in addresses.
        slug: String,
    },
}

/// Something that a moderator has to decide on.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewItem {
    /// Since when it waits.
    pub since: DateTime<Utc>,
    /// The listing as it is.
    pub listing: Listing,
    /// The change of it that waits; `None` if the listing itself does.
    pub change: Option<ChangeRequest>,
}

/// Where the queue of the moderators went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePosition {
    /// Since when the last item waits.
    pub since: DateTime<Utc>,
    /// The id of the last item, of either kind.
    pub id: uuid::Uuid,
}

/// Which part of the queue is wanted, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewQueue {
    /// Only listings of this type.
    pub listing_type: Option<String>,
    /// How many.
    pub limit: Limit,
    /// Where the last page ended.
    pub after: Option<QueuePosition>,
}

/// Which providers an admin wants to see, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFilter {
    /// In this state, by name.
    pub status: Option<String>,
    /// In this state of verification, by name.
    pub verification: Option<String>,
    /// How many.
    pub limit: Limit,
    /// Where the last page ended.
    pub after: Option<Newest<ProviderId>>,
}

/// Opens transactions, and answers reads that need none.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait CatalogStore: Debug + Send + Sync {
    /// Opens a transaction.
    async fn begin_catalog(&self) -> Result<Box<dyn CatalogTx>, StorageError>;

    /// All listing types and categories; at most a second old.
    async fn taxonomy(&self) -> Result<Arc<Taxonomy>, StorageError>;

    /// A listing type or a category was changed here: the next reading is fresh.
    fn taxonomy_changed(&self);

    /// Everything that the page of a listing shows, whatever its state; `viewer` is who may keep
    /// it as a favourite.
    async fn listing_detail(
        &self,
        name: &ListingName,
        viewer: Option<AccountId>,
    ) -> Result<Option<ListingDetail>, StorageError>;

    /// The listings of a provider.
    async fn listings_of_provider(
        &self,
        wanted: &ProviderListings,
        viewer: Option<AccountId>,
    ) -> Result<Page<ListedListing, Newest<ListingId>>, StorageError>;

    /// The change of a listing that waits for a moderator.
    async fn pending_change(
        &self,
        listing: ListingId,
    ) -> Result<Option<ChangeRequest>, StorageError>;

    /// A change request with its listing.
    async fn change_request(&self, id: ChangeRequestId)
    -> Result<Option<ReviewItem>, StorageError>;

    /// What moderators have to decide on.
    async fn review_queue(
        &self,
        wanted: &ReviewQueue,
    ) -> Result<Page<ReviewItem, QueuePosition>, StorageError>;

    /// The position of the last of so many first items of the queue, of all listing types or of
    /// one; `None` if there are fewer.
    async fn review_queue_position(
        &self,
        listing_type: Option<String>,
        skipped: u16,
    ) -> Result<Option<QueuePosition>, StorageError>;

    /// How many items the queue has, of all listing types or of one.
    async fn count_review_queue(&self, listing_type: Option<String>)
    -> Result<Total, StorageError>;

    /// The changes of a price since a time, newest first; at most 500.
    async fn price_changes(
        &self,
        listing: ListingId,
        since: DateTime<Utc>,
    ) -> Result<Vec<PriceChange>, StorageError>;

    /// A provider, whatever its state.
    async fn provider(&self, id: ProviderId) -> Result<Option<Provider>, StorageError>;

    /// Providers, for moderators.
    async fn providers(
        &self,
        wanted: &ProviderFilter,
    ) -> Result<Page<Provider, Newest<ProviderId>>, StorageError>;
}
