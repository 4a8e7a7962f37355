use chrono::{DateTime, Utc};
use kernel::{CategoryId, ListingId, Locale, Money, Place, ProviderId, Slug};

use crate::media::MediaItem;
use crate::{
    Access, CategoryName, Headline, Key, PriceUnit, Promoted, ProviderName, Rating, Title,
    Verification,
};

/// What a list shows of a listing: all that arrives together, so that no list asks per item.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingCard {
    /// Its identity.
    pub id: ListingId,
    /// The key of its type.
    pub listing_type: Key,
    /// The headline.
    pub title: Title,
    /// Its name in addresses.
    pub slug: Slug,
    /// The price.
    pub price: Option<Money>,
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// How many pieces there are; `None` where nobody counts.
    pub stock: Option<i32>,
    /// Where it is.
    pub place: Option<Place>,
    /// Who sees all of it.
    pub access: Access,
    /// What reviews say.
    pub rating: Rating,
    /// Accounts that keep it as a favourite.
    pub favorites: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Whose it is.
    pub provider: ProviderSummary,
    /// Where in the tree it stands.
    pub category: Option<CategorySummary>,
    /// The picture that stands for it.
    pub cover: Option<MediaItem>,
    /// Whether the caller keeps it as a favourite.
    pub is_favorite: bool,
    /// What somebody paid for so that it is seen.
    pub promoted: Promoted,
    /// Whether it stands where it does because of that: in front of the results, on its turn.
    pub sponsored: bool,
    /// How far it is over ground, in metres, if the search named a place.
    pub distance: Option<f64>,
}

/// What stands for a provider beside its listing.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderSummary {
    /// Its identity.
    pub id: ProviderId,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it calls itself.
    pub name: ProviderName,
    /// Its picture.
    pub avatar: Option<MediaItem>,
    /// Whether the marketplace knows it.
    pub is_verified: bool,
    /// Whether somebody paid for it to be marked as a professional.
    pub is_pro: bool,
    /// What reviews say.
    pub rating: Rating,
}

/// What stands for a category beside a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategorySummary {
    /// Its identity.
    pub id: CategoryId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name.
    pub name: CategoryName,
}

/// What a list shows of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderCard {
    /// Its identity.
    pub id: ProviderId,
    /// Its name in addresses.
    pub slug: Slug,
    /// What it calls itself.
    pub name: ProviderName,
    /// Itself in one line.
    pub headline: Option<Headline>,
    /// Its picture.
    pub avatar: Option<MediaItem>,
    /// What it does.
    pub categories: Vec<CategoryId>,
    /// What it speaks.
    pub languages: Vec<Locale>,
    /// Where it is.
    pub place: Option<Place>,
    /// Whether the marketplace knows it.
    pub verification: Verification,
    /// Whether somebody paid for it to be marked as a professional.
    pub is_pro: bool,
    /// What reviews say.
    pub rating: Rating,
    /// Accounts that keep it as a favourite.
    pub favorites: i32,
    /// When it registered.
    pub created_at: DateTime<Utc>,
    /// Whether the caller keeps it as a favourite.
    pub is_favorite: bool,
    /// How far it is over ground, in metres, if the search named a place.
    pub distance: Option<f64>,
}
