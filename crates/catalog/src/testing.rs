//! Mocks and builders for tests of this crate and of those that link it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, Answer, CategoryId, ChangeRequestId, Claim, Currency, Event, IdempotencyError,
    IdempotencyLedger, IdempotencyScope, ListingId, Money, Outbox, ProviderId, Slug, StorageError,
    SystemIds, UnitOfWork,
};
use mockall::mock;

use access::{AuditEntry, AuditLog};

use crate::media::{MediaChange, MediaError, MediaItem, MediaOwner, MediaRepository, NewMedia};
pub use crate::port::MockCatalogStore;
use crate::{
    Access, Attributes, CatalogError, Category, ChangeRequest, ChangeRequestRepository, Content,
    Counters, Description, Key, Listing, ListingRecord, ListingRepository, ListingStatus,
    ListingType, ListingTypeDeclaration, PriceChange, PriceUnit, Profile, Promoted, Provider,
    ProviderName, ProviderRepository, ProviderRole, ProviderStatus, Rating, References,
    TaxonomyRepository, Title, Verification,
};

mock! {
    /// A transaction over the catalogue that does what a test tells it to.
    ///
    /// Events arrive by their names at `published`.
    pub CatalogTx {
        /// An event of this name left the transaction.
        pub fn published(&mut self, name: &'static str);
    }

    #[async_trait]
    impl ListingRepository for CatalogTx {
        async fn listing_for_update(&mut self, id: ListingId) -> Result<Option<Listing>, StorageError>;
        async fn insert_listing(&mut self, listing: &Listing) -> Result<(), CatalogError>;
        async fn update_listing(&mut self, listing: &Listing) -> Result<(), CatalogError>;
        async fn delete_listing(&mut self, id: ListingId) -> Result<(), StorageError>;
        async fn record_price_change(&mut self, change: &PriceChange) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl ChangeRequestRepository for CatalogTx {
        async fn listing_of_change_request(&mut self, id: ChangeRequestId) -> Result<Option<ListingId>, StorageError>;
        async fn change_request_for_update(&mut self, id: ChangeRequestId) -> Result<Option<ChangeRequest>, StorageError>;
        async fn pending_change_for_update(&mut self, listing: ListingId) -> Result<Option<ChangeRequest>, StorageError>;
        async fn insert_change_request(&mut self, request: &ChangeRequest) -> Result<(), StorageError>;
        async fn update_change_request(&mut self, request: &ChangeRequest) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl ProviderRepository for CatalogTx {
        async fn provider_for_share(&mut self, id: ProviderId) -> Result<Option<Provider>, StorageError>;
        async fn provider_for_update(&mut self, id: ProviderId) -> Result<Option<Provider>, StorageError>;
        async fn insert_provider(&mut self, provider: &Provider) -> Result<(), CatalogError>;
        async fn update_provider(&mut self, provider: &Provider) -> Result<(), StorageError>;
        async fn set_listings_active(&mut self, provider: ProviderId, active: bool) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl TaxonomyRepository for CatalogTx {
        async fn listing_type_for_share(&mut self, key: &Key) -> Result<Option<ListingType>, StorageError>;
        async fn listing_type_for_update(&mut self, key: &Key) -> Result<Option<ListingType>, StorageError>;
        async fn insert_listing_type(&mut self, listing_type: &ListingType, now: DateTime<Utc>) -> Result<(), CatalogError>;
        async fn update_listing_type(&mut self, listing_type: &ListingType, now: DateTime<Utc>) -> Result<(), StorageError>;
        async fn delete_listing_type(&mut self, key: &Key) -> Result<(), CatalogError>;
        async fn public_listings_of_type(&mut self, key: &Key, after: Option<ListingId>, limit: u16) -> Result<Vec<(Listing, usize)>, StorageError>;
        async fn categories_for_update(&mut self) -> Result<Vec<Category>, StorageError>;
        async fn insert_category(&mut self, category: &Category, now: DateTime<Utc>) -> Result<(), CatalogError>;
        async fn update_category(&mut self, category: &Category, now: DateTime<Utc>) -> Result<(), CatalogError>;
        async fn delete_category(&mut self, id: CategoryId) -> Result<(), CatalogError>;
    }

    #[async_trait]
    impl MediaRepository for CatalogTx {
        async fn media_of(&mut self, owner: MediaOwner) -> Result<Vec<MediaItem>, StorageError>;
        async fn store_media_change(&mut self, owner: MediaOwner, change: &MediaChange, now: DateTime<Utc>) -> Result<(), MediaError>;
        async fn keep_media(&mut self, listing: ListingId, media: &[NewMedia]) -> Result<(), MediaError>;
        async fn discard_media(&mut self, media: &[NewMedia]) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl References for CatalogTx {
        async fn listing_is_referred_to(&mut self, id: ListingId) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl ProviderRole for CatalogTx {
        async fn grant_provider_role(&mut self, account: AccountId) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl IdempotencyLedger for CatalogTx {
        async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError>;
        async fn remember(&mut self, scope: &IdempotencyScope, answer: &Answer) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AuditLog for CatalogTx {
        async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for CatalogTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

#[async_trait]
impl Outbox for MockCatalogTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _actor: Option<AccountId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.published(event.name());
        Ok(())
    }
}

impl MockCatalogStore {
    /// A store whose next transaction is `tx`.
    pub fn with(tx: MockCatalogTx) -> Self {
        let mut store = Self::new();
        store.expect_begin_catalog().return_once(move || Ok(Box::new(tx)));
        store
    }
}

/// A listing type from JSON; what it does not name is as usual.
pub fn a_listing_type(declaration: serde_json::Value) -> ListingType {
    let declaration: ListingTypeDeclaration =
        serde_json::from_value(declaration).expect("the test declares a listing type");
    ListingType::new(declaration).expect("the test declares a sound listing type")
}

/// A draft of the type `project` that was approved at its price before; change what the test is about.
pub fn a_listing(now: DateTime<Utc>) -> ListingRecord {
    ListingRecord {
        id: ListingId::next(&SystemIds),
        listing_type: Key::from_stored("project".to_owned()),
        provider: ProviderId::next(&SystemIds),
        provider_active: true,
        slug: Slug::from_stored("loft-in-berlin".to_owned()),
        content: some_content(),
        status: ListingStatus::Draft,
        approved_price: some_content().price,
        unreviewed_since: None,
        cover: None,
        rating: Rating::default(),
        promoted: Promoted::default(),
        counters: Counters::default(),
        version: 1,
        created_at: now,
        updated_at: now,
        published_at: None,
    }
}

/// A title, a description and a price of 100 EUR.
pub fn some_content() -> Content {
    Content {
        title: Title::from_stored("Loft in Berlin".to_owned()),
        description: Description::from_stored("Light and concrete.".to_owned()),
        category: None,
        price: Some(Money::new(10_000, Currency::EUR)),
        price_unit: PriceUnit::Fixed,
        stock: None,
        attributes: Attributes::new(),
        location: None,
        access: Access::Free,
    }
}

/// An active, unverified provider.
pub fn a_provider(now: DateTime<Utc>) -> Provider {
    Provider {
        id: ProviderId::next(&SystemIds),
        account: AccountId::next(&SystemIds),
        slug: Slug::from_stored("studio-north".to_owned()),
        profile: Profile {
            name: ProviderName::from_stored("Studio North".to_owned()),
            headline: None,
            about: None,
            categories: Vec::new(),
            location: None,
            service_radius: None,
            languages: Vec::new(),
        },
        avatar: None,
        verification: Verification::Unverified,
        status: ProviderStatus::Active,
        rating: Rating::default(),
        is_pro: false,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
