//! Listings as they are shown.

use std::collections::BTreeMap;

use access::{Action, Actor, permits};
use catalog::media::{MediaItem, MediaKind};
use catalog::{
    ChangeRequest, Content, Difference, ListedListing, Listing, ListingDetail, ListingStatus,
    Rating, StoredListing,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::http::categories::CategoryView;
use crate::http::command::answers;
use crate::http::media::MediaView;
use crate::http::money::MoneyView;
use crate::http::place::PlaceView;
use crate::http::providers::ProviderView;
use crate::http::server::State;

/// What reviews say.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RatingView {
    /// How many published reviews there are.
    #[schema(example = 12)]
    count: i32,
    /// Their mean, 1 to 5; null without reviews.
    #[schema(example = 4.7)]
    mean: Option<f64>,
}

impl From<Rating> for RatingView {
    fn from(rating: Rating) -> Self {
        Self { count: rating.count, mean: (rating.count > 0).then_some(rating.mean) }
    }
}

/// Why moderators refused it.
#[derive(Debug, Serialize, ToSchema)]
struct RejectionView {
    /// When.
    at: DateTime<Utc>,
    /// Why.
    #[schema(example = "The pictures show another place.")]
    reason: String,
}

/// One line of a diff.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "field": "title",
    "before": "Oak table",
    "after": "Oak table for eight",
}))]
pub(in crate::http) struct DifferenceView {
    /// Which field; an attribute is `attributes.KEY`.
    field: String,
    /// What it was.
    before: Value,
    /// What it shall be.
    after: Value,
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        let Difference { field, before, after } = difference;
        Self { field, before, after }
    }
}

/// A change that waits for a moderator.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PendingChangeView {
    /// Its id.
    #[schema(example = "chg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Since when it waits.
    requested_at: DateTime<Utc>,
    /// What shall change.
    differences: Vec<DifferenceView>,
}

impl From<&ChangeRequest> for PendingChangeView {
    fn from(request: &ChangeRequest) -> Self {
        Self {
            id: request.id.to_string(),
            requested_at: request.requested_at,
            differences: request.changes.differences().into_iter().map(Into::into).collect(),
        }
    }
}

/// A listing.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as apps read them")]
pub(crate) struct ListingView {
    /// Its id.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The key of its type.
    #[schema(example = "project")]
    listing_type: String,
    /// The provider it belongs to.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: String,
    /// The category it stands in.
    #[schema(example = "cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    category_id: Option<String>,
    /// `draft`, `pending_review`, `published`, `paused`, `rejected` or `archived`; expect new
    /// values.
    #[schema(example = "published")]
    status: &'static str,
    /// The headline.
    #[schema(example = "Loft in Berlin")]
    title: String,
    /// Its name in addresses, unique within its type.
    #[schema(example = "loft-in-berlin")]
    slug: String,
    /// The long text; null while it is locked.
    #[schema(example = "Light, concrete and a kitchen of oak.")]
    description: Option<String>,
    /// The beginning of the text, for those who do not see all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "From the first sketch …")]
    teaser: Option<String>,
    /// What it costs.
    price: Option<MoneyView>,
    /// What the price is for: `fixed`, `from`, `per_hour`, `per_day`, `per_visit` or
    /// `free_quote`; expect new values.
    #[schema(example = "fixed")]
    price_unit: &'static str,
    /// How many pieces there are; null where nobody counts.
    #[schema(example = 3)]
    stock: Option<i32>,
    /// What its type asks for, by key; empty while it is locked.
    #[schema(value_type = std::collections::HashMap<String, Value>, example = json!({ "room": "kitchen", "area": 42.5 }))]
    attributes: BTreeMap<String, Value>,
    /// Where it is.
    location: Option<PlaceView>,
    /// Who sees all of it: `free`, `subscribers` or `purchase`; expect new values.
    #[schema(example = "free")]
    access: &'static str,
    /// Whether the caller sees only the title, the cover and the teaser.
    locked: bool,
    /// The picture that stands for it.
    cover: Option<MediaView>,
    /// Pictures and documents in their order; in lists, and while it is locked, left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Vec<MediaView>>,
    /// What reviews say.
    rating: RatingView,
    /// Views, one per viewer and hour.
    #[schema(example = 1204)]
    view_count: i64,
    /// Accounts that keep it.
    #[schema(example = 31)]
    favorite_count: i32,
    /// Whether the caller keeps it.
    is_favorite: bool,
    /// Whether its provider paid for it to take its turn in front of searches, and it may now.
    is_top: bool,
    /// Whether its provider paid for it to be shown at greater length in lists now.
    is_detailed: bool,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
    /// When it was first public.
    published_at: Option<DateTime<Utc>>,
    /// Why moderators refused it; for its provider and moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<RejectionView>,
    /// The change that waits for a moderator; for its provider and moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_change: Option<PendingChangeView>,
    /// Whose it is, with `expand=provider`.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderView>,
    /// Where it stands, with `expand=category`.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<CategoryView>,
}

impl IntoResponses for ListingView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The listing as it is now")
    }
}

impl ListingView {
    /// A listing without its media.
    fn new(listing: &Listing, actor: &Actor, is_favorite: bool) -> Self {
        let record = listing.record();
        let Content {
            title,
            description,
            category,
            price,
            price_unit,
            stock,
            attributes,
            location,
            access,
        } = &record.content;
        let locked = listing.is_locked_for(actor);
        let sees_all = permits(actor, Action::ListingReadUnpublished, listing.relation_of(actor));
        let rejection = match &record.status {
            ListingStatus::Rejected { at, reason } if sees_all => {
                Some(RejectionView { at: *at, reason: reason.to_string() })
            }
            _ => None,
        };
        Self {
            id: record.id.to_string(),
            listing_type: record.listing_type.to_string(),
            provider_id: record.provider.to_string(),
            category_id: category.map(|id| id.to_string()),
            status: record.status.name(),
            title: title.to_string(),
            slug: record.slug.to_string(),
            description: (!locked).then(|| description.to_string()),
            teaser: locked.then(|| listing.teaser()),
            price: price.map(Into::into),
            price_unit: price_unit.name(),
            stock: *stock,
            attributes: attributes
                .iter()
                .filter(|_| !locked)
                .map(|(key, value)| (key.to_owned(), value.to_json()))
                .collect(),
            location: location.map(Into::into),
            access: access.name(),
            locked,
            cover: None,
            media: None,
            rating: record.rating.into(),
            view_count: record.counters.views,
            favorite_count: record.counters.favorites,
            is_favorite,
            is_top: record.promoted.is_top,
            is_detailed: record.promoted.is_detailed,
            created_at: record.created_at,
            updated_at: record.updated_at,
            published_at: record.published_at,
            rejection,
            pending_change: None,
            provider: None,
            category: None,
        }
    }

    fn with_media(self, media: &[MediaItem], state: &State) -> Self {
        let cover = media.iter().find(|item| item.file.format.kind() == MediaKind::Picture);
        let all = || media.iter().map(|item| MediaView::new(item, state)).collect();
        Self {
            cover: cover.map(|item| MediaView::new(item, state)),
            media: (!self.locked).then(all),
            ..self
        }
    }

    /// A listing as a command left it.
    pub(super) fn stored(stored: &StoredListing, actor: &Actor, state: &State) -> Self {
        Self {
            pending_change: stored.pending.as_ref().map(Into::into),
            ..Self::new(&stored.listing, actor, false).with_media(&stored.media, state)
        }
    }

    /// A listing with all that its page shows.
    pub(super) fn detail(
        detail: &ListingDetail,
        pending: Option<&ChangeRequest>,
        actor: &Actor,
        state: &State,
    ) -> Self {
        Self {
            pending_change: pending.map(Into::into),
            ..Self::new(&detail.listing, actor, detail.is_favorite).with_media(&detail.media, state)
        }
    }

    /// A listing in a list.
    pub(in crate::http) fn listed(listed: &ListedListing, actor: &Actor, state: &State) -> Self {
        Self {
            cover: listed.cover.as_ref().map(|item| MediaView::new(item, state)),
            ..Self::new(&listed.listing, actor, listed.is_favorite)
        }
    }

    /// A listing in a queue, without pictures.
    pub(in crate::http) fn reviewed(listing: &Listing, actor: &Actor) -> Self {
        Self::new(listing, actor, false)
    }

    /// The same with whose it is.
    pub(super) fn with_provider(self, provider: ProviderView) -> Self {
        Self { provider: Some(provider), ..self }
    }

    /// The same with where it stands.
    pub(super) fn with_category(self, category: Option<CategoryView>) -> Self {
        Self { category, ..self }
    }
}
