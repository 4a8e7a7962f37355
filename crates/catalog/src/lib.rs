//! The catalogue: listing types, categories, providers and their listings, with their media
//! ([`media`]), what people look for ([`search`]) and what happens around them ([`engagement`]).

mod attribute;
mod category;
mod change_request;
mod content;
pub mod engagement;
mod error;
mod event;
mod key;
mod lifecycle;
mod listing;
mod listing_type;
pub mod media;
mod port;
mod price;
mod provider;
pub mod search;
mod service;
mod taxonomy;
#[cfg(feature = "testing")]
pub mod testing;

pub use attribute::{Attribute, AttributeKind, AttributeValue, Attributes, Choice};
pub use category::{Category, CategoryName};
pub use change_request::{ChangeRequest, ChangeRequestStatus, ChangeSet, Difference, MediaEdit};
pub use content::{
    Change, Content, ContentPatch, Description, GivenMoney, GivenPlace, PriceUnit, Title,
};
pub use error::CatalogError;
pub use event::{ListingEvent, ListingFact, ProviderEvent, ProviderFact, TaxonomyEvent};
pub use key::{Key, KeyError};
pub use lifecycle::{Cause, Edit};
pub use listing::{Counters, Listing, ListingRecord, ListingStatus, Promoted, Rating};
pub use listing_type::{
    Access, AttributeDeclaration, AttributeKindName, ListingField, ListingType,
    ListingTypeDeclaration, Moderation, ReviewCriterion, TransactionMode,
};
pub use port::{
    CatalogStore, CatalogTx, ChangeRequestRepository, ListedListing, ListingDetail, ListingName,
    ListingRepository, Newest, ProviderFilter, ProviderListings, ProviderRepository, ProviderRole,
    QueuePosition, References, ReviewItem, ReviewQueue, TaxonomyRepository,
};
pub use price::{PUBLIC_PRICE_HISTORY, PriceChange, PriceReason, REFERENCE_PERIOD, lowest_30d};
pub use provider::{
    About, Headline, Profile, ProfilePatch, Provider, ProviderName, ProviderStatus, Reason,
    Verification,
};
pub use service::{
    CategorySeed, Decision, ListingEdit, ListingService, ModerationService, NewListing,
    PriceHistory, ProviderService, Removal, ReviewTarget, StoredListing, TaxonomyService, Uploads,
};
pub use taxonomy::{CategoryPatch, Taxonomy};
