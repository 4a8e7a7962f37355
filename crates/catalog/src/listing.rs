use access::{Action, Actor, Relation, decide, permits};
use chrono::{DateTime, Utc};
use kernel::{ListingId, MediaId, Money, ProviderId, Slug};

use crate::{Access, CatalogError, Content, Key, Reason};

/// What reviews say of something, kept beside it so that no list has to compute it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rating {
    /// How many published reviews there are.
    pub count: i32,
    /// Their mean, 1 to 5; 0 without reviews.
    pub mean: f64,
    /// What lists sort by: the mean, drawn towards the average of all while reviews are few.
    pub score: f64,
}

/// How often something was looked at and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Views, one per viewer and hour.
    pub views: i64,
    /// Accounts that keep it as a favourite.
    pub favorites: i32,
}

/// What somebody paid for so that a listing is seen; kept by the promotions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Promoted {
    /// It may take its turn before the results of a search.
    pub is_top: bool,
    /// It is shown at greater length in lists.
    pub is_detailed: bool,
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

/// A listing as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingRecord {
    /// Its identity.
    pub id: ListingId,
    /// The key of its type.
    pub listing_type: Key,
    /// Whose it is.
    pub provider: ProviderId,
    /// Whether that is on the market.
    pub provider_active: bool,
    /// Its name in addresses, unique within its type.
    pub slug: Slug,
    /// What its provider says.
    pub content: Content,
    /// Where it stands.
    pub status: ListingStatus,
    /// What it cost when a moderator last approved it, or when it went public without one: what
    /// small changes of its price are measured from. Only a listing loaded for update knows it.
    pub approved_price: Option<Money>,
    /// Since when a published listing waits for a moderator, where they look afterwards.
    pub unreviewed_since: Option<DateTime<Utc>>,
    /// The picture that stands for it.
    pub cover: Option<MediaId>,
    /// What reviews say; kept by the reviews.
    pub rating: Rating,
    /// Kept by the engagement.
    pub counters: Counters,
    /// What it had of that when it was loaded.
    pub promoted: Promoted,
    /// How often its provider or a moderator changed it, from 1. Counters and ratings do not.
    pub version: i32,
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
    pub(crate) record: ListingRecord,
}

impl Listing {
    /// Characters of the description that are shown of a listing that is locked.
    const TEASER: usize = 200;

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

    /// What its provider says.
    pub const fn content(&self) -> &Content {
        &self.record.content
    }

    /// How often it was changed, from 1.
    pub const fn version(&self) -> i32 {
        self.record.version
    }

    /// Whether everyone can see it.
    pub const fn is_public(&self) -> bool {
        matches!(self.record.status, ListingStatus::Published) && self.record.provider_active
    }

    /// How the actor stands to it.
    pub fn relation_of(&self, actor: &Actor) -> Relation {
        if actor.provider() == Some(self.record.provider) {
            Relation::Owner
        } else {
            Relation::Stranger
        }
    }

    /// Whether the actor can see it at all.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        self.is_public() || permits(actor, Action::ListingReadUnpublished, self.relation_of(actor))
    }

    /// Passes if the actor may do this to it. A stranger learns nothing, not even that it exists.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), CatalogError> {
        let hidden = CatalogError::ListingNotFound { id: self.id() };
        decide(actor, action, self.relation_of(actor), self.is_visible_to(actor))
            .map_err(|denial| CatalogError::denied(denial, hidden))
    }

    /// Whether the actor sees only the title, the cover and the teaser.
    pub fn is_locked_for(&self, actor: &Actor) -> bool {
        match self.record.content.access {
            Access::Free => false,
            Access::Subscribers | Access::Purchase => {
                !permits(actor, Action::ListingReadUnpublished, self.relation_of(actor))
            }
        }
    }

    /// The beginning of the description, for those who do not see all of it.
    pub fn teaser(&self) -> String {
        let description = &self.record.content.description;
        if description.chars().count() <= Self::TEASER {
            return description.as_str().to_owned();
        }
        let cut: String = description.chars().take(Self::TEASER).collect();
        let whole_words =
            cut.rsplit_once(char::is_whitespace).map_or(cut.as_str(), |(head, _)| head);
        format!("{whole_words}…")
    }

    /// Passes if `expected` is the version at hand, or none is expected.
    pub fn expect_version(&self, expected: Option<i32>) -> Result<(), CatalogError> {
        match expected {
            Some(version) if version != self.version() => {
                Err(CatalogError::Stale { current: self.version() })
            }
            Some(_) | None => Ok(()),
        }
    }
}
