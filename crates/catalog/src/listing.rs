use chrono::{DateTime, Utc};
use kernel::{CategoryId, ListingId, MediaId, Money, Place, ProviderId, Slug, Text};

use crate::{Access, Attributes, Key, Reason};

/// The headline of a listing.
pub type Title = Text<3, 140>;
/// The long text of a listing.
pub type Description = Text<0, 10_000>;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PriceUnit {
    /// The whole.
    Fixed,
    /// The whole, and it may become more.
    From,
    /// An hour.
    PerHour,
    /// A day.
    PerDay,
    /// A visit.
    PerVisit,
    /// The provider makes an offer, for free.
    FreeQuote,
}

impl PriceUnit {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 6] =
        [Self::Fixed, Self::From, Self::PerHour, Self::PerDay, Self::PerVisit, Self::FreeQuote];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::From => "from",
            Self::PerHour => "per_hour",
            Self::PerDay => "per_day",
            Self::PerVisit => "per_visit",
            Self::FreeQuote => "free_quote",
        }
    }
}

/// What reviews say of something, kept beside it so that no list has to compute it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rating {
    /// How many published reviews there are.
    pub count: u32,
    /// Their mean, 1 to 5; 0 without reviews.
    pub mean: f64,
    /// What lists sort by: the mean, drawn towards the average of all while reviews are few.
    pub score: f64,
}

/// How often something was looked at and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Views, one per viewer and hour.
    pub views: u64,
    /// Accounts that keep it as a favourite.
    pub favorites: u32,
}

/// Where a listing stands. Data that exists only in one state lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingStatus {
    /// Being written; only its provider sees it.
    Draft,
    /// Waits for a moderator.
    PendingReview {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Public, while its provider is active.
    Published,
    /// Off the market for a while, by its provider.
    Paused,
    /// Refused by a moderator; its provider can mend it.
    Rejected {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: Reason,
    },
    /// Gone for good; kept because something refers to it.
    Archived {
        /// When.
        at: DateTime<Utc>,
    },
}

impl ListingStatus {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 6] =
        ["draft", "pending_review", "published", "paused", "rejected", "archived"];

    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingReview { .. } => "pending_review",
            Self::Published => "published",
            Self::Paused => "paused",
            Self::Rejected { .. } => "rejected",
            Self::Archived { .. } => "archived",
        }
    }
}

/// What a provider says in a listing, without its media.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The headline.
    pub title: Title,
    /// The long text.
    pub description: Description,
    /// Where in the tree it stands.
    pub category: Option<CategoryId>,
    /// The price; never negative.
    pub price: Option<Money>,
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// How many pieces there are; `None` where nobody counts.
    pub stock: Option<u32>,
    /// What its type asks for.
    pub attributes: Attributes,
    /// Where it is.
    pub location: Option<Place>,
    /// Who sees all of it.
    pub access: Access,
}

/// A listing as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingRecord {
    /// Its identity.
    pub id: ListingId,
    /// The key of its type.
    pub listing_type: Key,
    /// Whose it is.
    pub provider: ProviderId,
    /// Its name in addresses, unique within its type.
    pub slug: Slug,
    /// What its provider says.
    pub content: Content,
    /// Where it stands.
    pub status: ListingStatus,
    /// Since when a published listing waits for a moderator, where they look afterwards.
    pub unreviewed_since: Option<DateTime<Utc>>,
    /// The picture that stands for it.
    pub cover: Option<MediaId>,
    /// What reviews say; kept by the reviews.
    pub rating: Rating,
    /// Kept by the engagement.
    pub counters: Counters,
    /// How often its provider or a moderator changed it, from 1. Counters and ratings do not.
    pub version: u32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was first public.
    pub published_at: Option<DateTime<Utc>>,
}

/// Something offered by a provider: project, service, product, recipe, animal.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    record: ListingRecord,
}

impl Listing {
    /// The listing of a record.
    pub const fn restore(record: ListingRecord) -> Self {
        Self { record }
    }

    /// All of it, to store and to show.
    pub const fn record(&self) -> &ListingRecord {
        &self.record
    }

    /// Its identity.
    pub const fn id(&self) -> ListingId {
        self.record.id
    }

    /// Where it stands.
    pub const fn status(&self) -> &ListingStatus {
        &self.record.status
    }
}
