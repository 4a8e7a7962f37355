//! The rows of the catalogue, and how they become records.

use std::collections::HashMap;

use catalog::media::MediaItem;
use catalog::{
    About, Access, Attributes, Category, CategoryName, Content, Counters, Description, Headline,
    Key, Listing, ListingRecord, ListingStatus, ListingType, PriceUnit, Profile, Promoted,
    Provider, ProviderName, ProviderStatus, Rating, Reason, Title, Verification,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use kernel::{
    AccountId, CategoryId, Currency, Distance, ListingId, Locale, MediaId, Money, Place,
    ProviderId, Slug, StorageError,
};
use serde_json::Value;
use uuid::Uuid;

use super::shelf::PROVIDERS;
use crate::schema::catalog::{categories, listing_types, listings, providers};

pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn corrupt(error: impl Into<Cause>) -> StorageError {
    StorageError::corrupt("read a record of the catalogue", error)
}

pub(super) fn unwritable(error: impl Into<Cause>) -> StorageError {
    StorageError::corrupt("write a record of the catalogue", error)
}

/// What a state needs and the row does not have.
fn missing(column: &str) -> StorageError {
    corrupt(format!("the column {column} is empty"))
}

pub(super) fn money(
    minor: Option<i64>,
    currency: Option<&str>,
) -> Result<Option<Money>, StorageError> {
    match (minor, currency) {
        (Some(minor), Some(code)) => {
            Ok(Some(Money::new(minor, Currency::from_stored(code).map_err(corrupt)?)))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(missing("currency")),
    }
}

fn place(lat: Option<f64>, lon: Option<f64>) -> Result<Option<Place>, StorageError> {
    match (lat, lon) {
        (Some(lat), Some(lon)) => Place::new(lat, lon).map(Some).map_err(corrupt),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(missing("lon")),
    }
}

fn one_of<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    given: &str,
) -> Result<T, StorageError> {
    all.iter()
        .copied()
        .find(|one| name(*one) == given)
        .ok_or_else(|| corrupt(format!("`{given}` is not known")))
}

/// A listing without what others keep: ratings, counters, whether its provider is active.
#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = listings, treat_none_as_null = true)]
pub(super) struct ListingValues {
    id: Uuid,
    listing_type: String,
    provider_id: Uuid,
    category_id: Option<Uuid>,
    title: String,
    slug: String,
    description: String,
    price_minor: Option<i64>,
    currency: Option<String>,
    price_unit: &'static str,
    stock: Option<i32>,
    attributes: Value,
    lat: Option<f64>,
    lon: Option<f64>,
    access: &'static str,
    status: &'static str,
    submitted_at: Option<DateTime<Utc>>,
    rejected_at: Option<DateTime<Utc>>,
    rejection_reason: Option<String>,
    archived_at: Option<DateTime<Utc>>,
    unreviewed_since: Option<DateTime<Utc>>,
    cover_media_id: Option<Uuid>,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
}

impl TryFrom<&Listing> for ListingValues {
    type Error = StorageError;

    fn try_from(listing: &Listing) -> Result<Self, StorageError> {
        let ListingRecord {
            id,
            listing_type,
            provider,
            provider_active: _,
            slug,
            content,
            status,
            approved_price: _,
            unreviewed_since,
            cover,
            rating: _,
            counters: _,
            promoted: _,
            version,
            created_at,
            updated_at,
            published_at,
        } = listing.record();
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
        } = content;
        let (mut submitted_at, mut rejected, mut archived_at) = (None, None, None);
        match status {
            ListingStatus::Draft | ListingStatus::Published | ListingStatus::Paused => {}
            ListingStatus::PendingReview { since } => submitted_at = Some(*since),
            ListingStatus::Rejected { at, reason } => rejected = Some((*at, reason.to_string())),
            ListingStatus::Archived { at } => archived_at = Some(*at),
        }
        let (rejected_at, rejection_reason) = rejected.unzip();
        Ok(Self {
            id: id.as_uuid(),
            listing_type: listing_type.to_string(),
            provider_id: provider.as_uuid(),
            category_id: category.map(CategoryId::as_uuid),
            title: title.to_string(),
            slug: slug.to_string(),
            description: description.to_string(),
            price_minor: price.map(Money::minor),
            currency: price.map(|price| price.currency().to_string()),
            price_unit: price_unit.name(),
            stock: *stock,
            attributes: serde_json::to_value(attributes).map_err(unwritable)?,
            lat: location.map(Place::lat),
            lon: location.map(Place::lon),
            access: access.name(),
            status: status.name(),
            submitted_at,
            rejected_at,
            rejection_reason,
            archived_at,
            unreviewed_since: *unreviewed_since,
            cover_media_id: cover.map(MediaId::as_uuid),
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
            published_at: *published_at,
        })
    }
}

/// A row of `listings`.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = listings, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ListingRow {
    pub(crate) id: Uuid,
    listing_type: String,
    provider_id: Uuid,
    provider_active: bool,
    category_id: Option<Uuid>,
    title: String,
    slug: String,
    description: String,
    price_minor: Option<i64>,
    currency: Option<String>,
    price_unit: String,
    stock: Option<i32>,
    attributes: Value,
    lat: Option<f64>,
    lon: Option<f64>,
    access: String,
    status: String,
    submitted_at: Option<DateTime<Utc>>,
    rejected_at: Option<DateTime<Utc>>,
    rejection_reason: Option<String>,
    archived_at: Option<DateTime<Utc>>,
    unreviewed_since: Option<DateTime<Utc>>,
    cover_media_id: Option<Uuid>,
    rating_count: i32,
    rating_mean: f64,
    rating_score: f64,
    view_count: i64,
    favorite_count: i32,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
}

impl ListingRow {
    fn status(&self) -> Result<ListingStatus, StorageError> {
        match self.status.as_str() {
            "draft" => Ok(ListingStatus::Draft),
            "pending_review" => {
                let since = self.submitted_at.ok_or_else(|| missing("submitted_at"))?;
                Ok(ListingStatus::PendingReview { since })
            }
            "published" => Ok(ListingStatus::Published),
            "paused" => Ok(ListingStatus::Paused),
            "rejected" => {
                let at = self.rejected_at.ok_or_else(|| missing("rejected_at"))?;
                let reason = self.rejection_reason.clone();
                let reason = reason.ok_or_else(|| missing("rejection_reason"))?;
                Ok(ListingStatus::Rejected { at, reason: Reason::from_stored(reason) })
            }
            "archived" => {
                let at = self.archived_at.ok_or_else(|| missing("archived_at"))?;
                Ok(ListingStatus::Archived { at })
            }
            other => Err(corrupt(format!("`{other}` is no state of a listing"))),
        }
    }
}

/// A listing with what somebody paid for; see [`promoted_listing`].
#[derive(Debug, Queryable)]
pub(super) struct PromotedRow {
    pub(super) listing: ListingRow,
    is_top: bool,
    is_detailed: bool,
}

/// A provider with what somebody paid for; see [`marked_provider`].
#[derive(Debug, Queryable)]
pub(super) struct MarkedRow {
    pub(super) provider: ProviderRow,
    pub(super) is_pro: bool,
}

/// What is selected of `listings` for a [`PromotedRow`], at a moment.
macro_rules! promoted_listing {
    ($now:expr) => {
        (
            crate::catalog::rows::ListingRow::as_select(),
            crate::promotions::in_force::in_force!("top", "listings.id", $now),
            crate::promotions::in_force::in_force!("detailed", "listings.id", $now),
        )
    };
}

/// What is selected of `providers` for a [`MarkedRow`], at a moment.
macro_rules! marked_provider {
    ($now:expr) => {
        (
            crate::catalog::rows::ProviderRow::as_select(),
            crate::promotions::in_force::in_force!("pro", "providers.id", $now),
        )
    };
}

pub(super) use {marked_provider, promoted_listing};

impl TryFrom<PromotedRow> for Listing {
    type Error = StorageError;

    fn try_from(row: PromotedRow) -> Result<Self, StorageError> {
        let PromotedRow { listing: row, is_top, is_detailed } = row;
        let status = row.status()?;
        let content = Content {
            title: Title::from_stored(row.title),
            description: Description::from_stored(row.description),
            category: row.category_id.map(CategoryId::from_uuid),
            price: money(row.price_minor, row.currency.as_deref())?,
            price_unit: one_of(&PriceUnit::ALL, PriceUnit::name, &row.price_unit)?,
            stock: row.stock,
            attributes: serde_json::from_value::<Attributes>(row.attributes).map_err(corrupt)?,
            location: place(row.lat, row.lon)?,
            access: one_of(&Access::ALL, Access::name, &row.access)?,
        };
        Ok(Self::restore(ListingRecord {
            id: ListingId::from_uuid(row.id),
            listing_type: Key::from_stored(row.listing_type),
            provider: ProviderId::from_uuid(row.provider_id),
            provider_active: row.provider_active,
            slug: Slug::from_stored(row.slug),
            content,
            status,
            approved_price: None,
            unreviewed_since: row.unreviewed_since,
            cover: row.cover_media_id.map(MediaId::from_uuid),
            rating: Rating {
                count: row.rating_count,
                mean: row.rating_mean,
                score: row.rating_score,
            },
            counters: Counters { views: row.view_count, favorites: row.favorite_count },
            promoted: Promoted { is_top, is_detailed },
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            published_at: row.published_at,
        }))
    }
}

/// A provider without what others keep: its rating and how many keep it.
#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = providers, treat_none_as_null = true)]
pub(super) struct ProviderValues {
    id: Uuid,
    account_id: Uuid,
    slug: String,
    name: String,
    headline: Option<String>,
    about: Option<String>,
    category_ids: Vec<Uuid>,
    lat: Option<f64>,
    lon: Option<f64>,
    service_radius: Option<f64>,
    languages: Vec<String>,
    avatar_media_id: Option<Uuid>,
    verification: &'static str,
    verification_at: Option<DateTime<Utc>>,
    status: &'static str,
    suspended_at: Option<DateTime<Utc>>,
    suspension_reason: Option<String>,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&Provider> for ProviderValues {
    fn from(provider: &Provider) -> Self {
        let Provider {
            id,
            account,
            slug,
            profile,
            avatar,
            verification,
            status,
            rating: _,
            is_pro: _,
            version,
            created_at,
            updated_at,
        } = provider;
        let Profile { name, headline, about, categories, location, service_radius, languages } =
            profile;
        let suspended = match status {
            ProviderStatus::Active => None,
            ProviderStatus::Suspended { at, reason } => Some((*at, reason.to_string())),
        };
        let (suspended_at, suspension_reason) = suspended.unzip();
        Self {
            id: id.as_uuid(),
            account_id: account.as_uuid(),
            slug: slug.to_string(),
            name: name.to_string(),
            headline: headline.as_ref().map(ToString::to_string),
            about: about.as_ref().map(ToString::to_string),
            category_ids: categories.iter().map(|id| id.as_uuid()).collect(),
            lat: location.map(Place::lat),
            lon: location.map(Place::lon),
            service_radius: service_radius.map(Distance::metres),
            languages: languages.iter().map(ToString::to_string).collect(),
            avatar_media_id: avatar.as_ref().map(|picture| picture.id.as_uuid()),
            verification: verification.name(),
            verification_at: match verification {
                Verification::Unverified => None,
                Verification::Pending { since } => Some(*since),
                Verification::Verified { at } => Some(*at),
            },
            status: status.name(),
            suspended_at,
            suspension_reason,
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

/// A row of `providers`.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = providers, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ProviderRow {
    id: Uuid,
    account_id: Uuid,
    slug: String,
    name: String,
    headline: Option<String>,
    about: Option<String>,
    category_ids: Vec<Uuid>,
    lat: Option<f64>,
    lon: Option<f64>,
    service_radius: Option<f64>,
    languages: Vec<String>,
    avatar_media_id: Option<Uuid>,
    verification: String,
    verification_at: Option<DateTime<Utc>>,
    status: String,
    suspended_at: Option<DateTime<Utc>>,
    suspension_reason: Option<String>,
    rating_count: i32,
    rating_mean: f64,
    rating_score: f64,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl ProviderRow {
    fn with(self, avatar: Option<MediaItem>, is_pro: bool) -> Result<Provider, StorageError> {
        let row = self;
        let at = row.verification_at.ok_or_else(|| missing("verification_at"));
        let verification = match row.verification.as_str() {
            "unverified" => Verification::Unverified,
            "pending" => Verification::Pending { since: at? },
            "verified" => Verification::Verified { at: at? },
            other => return Err(corrupt(format!("`{other}` is no state of a verification"))),
        };
        let status = match (row.suspended_at, row.suspension_reason) {
            (Some(at), Some(reason)) => {
                ProviderStatus::Suspended { at, reason: Reason::from_stored(reason) }
            }
            (None, None) if row.status == "active" => ProviderStatus::Active,
            (_, _) => return Err(corrupt(format!("`{}` lacks its reason", row.status))),
        };
        let languages: Result<Vec<Locale>, _> =
            row.languages.iter().map(|tag| tag.parse().map_err(corrupt)).collect();
        Ok(Provider {
            id: ProviderId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            slug: Slug::from_stored(row.slug),
            profile: Profile {
                name: ProviderName::from_stored(row.name),
                headline: row.headline.map(Headline::from_stored),
                about: row.about.map(About::from_stored),
                categories: row.category_ids.into_iter().map(CategoryId::from_uuid).collect(),
                location: place(row.lat, row.lon)?,
                service_radius: row
                    .service_radius
                    .map(Distance::from_metres)
                    .transpose()
                    .map_err(corrupt)?,
                languages: languages?,
            },
            avatar,
            verification,
            status,
            rating: Rating {
                count: row.rating_count,
                mean: row.rating_mean,
                score: row.rating_score,
            },
            is_pro,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Providers from their rows, with the pictures that stand for them: one query at most, however
/// many they are.
pub(super) async fn providers_of(
    conn: &mut AsyncPgConnection,
    rows: impl IntoIterator<Item = MarkedRow>,
) -> Result<Vec<Provider>, StorageError> {
    let rows: Vec<MarkedRow> = rows.into_iter().collect();
    let providers = rows.iter().map(|row| &row.provider);
    let shown = providers.filter(|row| row.avatar_media_id.is_some()).map(|row| row.id);
    let shown: Vec<Uuid> = shown.collect();
    let mut avatars =
        if shown.is_empty() { HashMap::new() } else { PROVIDERS.load(conn, shown).await? };
    rows.into_iter()
        .map(|MarkedRow { provider, is_pro }| {
            let avatar = avatars.remove(&provider.id).and_then(|found| found.into_iter().next());
            provider.with(avatar, is_pro)
        })
        .collect()
}

/// The same of one, if there is one.
pub(super) async fn provider_of(
    conn: &mut AsyncPgConnection,
    row: Option<MarkedRow>,
) -> Result<Option<Provider>, StorageError> {
    Ok(providers_of(conn, row).await?.pop())
}

/// A row of `listing_types`.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = listing_types, check_for_backend(diesel::pg::Pg))]
pub(super) struct ListingTypeRow {
    declaration: Value,
    version: i32,
}

impl TryFrom<ListingTypeRow> for ListingType {
    type Error = StorageError;

    fn try_from(row: ListingTypeRow) -> Result<Self, StorageError> {
        let declaration = serde_json::from_value(row.declaration).map_err(corrupt)?;
        Self::with_version(declaration, row.version).map_err(|errors| corrupt(errors.to_string()))
    }
}

/// A row of `categories`.
#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = categories, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
pub(super) struct CategoryRow {
    id: Uuid,
    parent_id: Option<Uuid>,
    slug: String,
    name: String,
    translations: Value,
    position: i32,
    version: i32,
}

impl TryFrom<CategoryRow> for Category {
    type Error = StorageError;

    fn try_from(row: CategoryRow) -> Result<Self, StorageError> {
        let translations: std::collections::BTreeMap<String, String> =
            serde_json::from_value(row.translations).map_err(corrupt)?;
        Ok(Self {
            id: CategoryId::from_uuid(row.id),
            parent: row.parent_id.map(CategoryId::from_uuid),
            slug: Slug::from_stored(row.slug),
            name: CategoryName::from_stored(row.name),
            translations: translations
                .into_iter()
                .map(|(tag, name)| (tag, CategoryName::from_stored(name)))
                .collect(),
            position: row.position,
            version: row.version,
        })
    }
}

impl From<&Category> for CategoryRow {
    fn from(category: &Category) -> Self {
        let Category { id, parent, slug, name, translations, position, version } = category;
        let translations: serde_json::Map<String, Value> = translations
            .iter()
            .map(|(tag, name)| (tag.clone(), Value::from(name.as_str())))
            .collect();
        Self {
            id: id.as_uuid(),
            parent_id: parent.map(CategoryId::as_uuid),
            slug: slug.to_string(),
            name: name.to_string(),
            translations: Value::from(translations),
            position: *position,
            version: *version,
        }
    }
}
