use chrono::{DateTime, Utc};
use kernel::{AccountId, CategoryId, Distance, Locale, MediaId, Place, ProviderId, Slug, Text};

use crate::Rating;

/// What a provider calls itself.
pub type ProviderName = Text<2, 80>;
/// A provider in one line.
pub type Headline = Text<1, 160>;
/// A provider in its own words.
pub type About = Text<1, 5_000>;
/// Why somebody decided as they did.
pub type Reason = Text<1, 500>;

/// Whether the marketplace knows that a provider is who it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It never asked.
    Unverified,
    /// It asked; moderators will look.
    Pending {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Moderators confirmed it.
    Verified {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Verification {
    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pending { .. } => "pending",
            Self::Verified { .. } => "verified",
        }
    }
}

/// Whether a provider is on the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// It and its published listings are public.
    Active,
    /// Moderators took it and its listings off the market.
    Suspended {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: Reason,
    },
}

impl ProviderStatus {
    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended { .. } => "suspended",
        }
    }
}

/// What a provider says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// What it calls itself.
    pub name: ProviderName,
    /// Itself in one line.
    pub headline: Option<Headline>,
    /// Itself in its own words.
    pub about: Option<About>,
    /// What it does.
    pub categories: Vec<CategoryId>,
    /// Where it is.
    pub location: Option<Place>,
    /// How far from there it works.
    pub service_radius: Option<Distance>,
    /// What it speaks.
    pub languages: Vec<Locale>,
}

/// A public seller: specialist, shop, breeder, chef. An account has at most one.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its identity.
    pub id: ProviderId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name in addresses, unique.
    pub slug: Slug,
    /// What it says of itself.
    pub profile: Profile,
    /// Its picture.
    pub avatar: Option<MediaId>,
    /// Whether the marketplace knows it.
    pub verification: Verification,
    /// Whether it is on the market.
    pub status: ProviderStatus,
    /// What reviews say; kept by the reviews.
    pub rating: Rating,
    /// How often it was changed, from 1.
    pub version: u32,
    /// When it registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Provider {
    /// The most categories that it may name.
    pub const MAX_CATEGORIES: usize = 20;
    /// The most languages that it may name.
    pub const MAX_LANGUAGES: usize = 20;

    /// Whether it and its listings may be public.
    pub const fn is_active(&self) -> bool {
        matches!(self.status, ProviderStatus::Active)
    }
}
