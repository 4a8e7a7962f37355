//! The catalogue: listing types, categories, providers and their listings, with their media
//! ([`media`]), what people look for ([`search`]) and what happens around them ([`engagement`]).

mod attribute;
mod category;
pub mod engagement;
mod key;
mod listing;
mod listing_type;
pub mod media;
mod provider;
pub mod search;

pub use attribute::{Attribute, AttributeKind, AttributeValue, Attributes, Choice};
pub use category::{Category, CategoryName};
pub use key::{Key, KeyError};
pub use listing::{
    Content, Counters, Description, Listing, ListingRecord, ListingStatus, PriceUnit, Rating, Title,
};
pub use listing_type::{
    Access, AttributeDeclaration, AttributeKindName, ListingField, ListingType,
    ListingTypeDeclaration, Moderation, ReviewCriterion, TransactionMode,
};
pub use provider::{
    About, Headline, Profile, Provider, ProviderName, ProviderStatus, Reason, Verification,
};
