//! What a list shows, for ids: listing, provider, category, cover and favourite in one query.

use std::collections::HashMap;

use catalog::search::{CategorySummary, ListingCard, ProviderCard, ProviderSummary};
use catalog::{
    Access, CategoryName, Headline, Key, PriceUnit, Promoted, ProviderName, Rating, Title,
    Verification,
};
use chrono::{DateTime, Utc};
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{
    AccountId, CategoryId, Currency, ListingId, Money, Place, ProviderId, Slug, StorageError,
};
use uuid::Uuid;

use crate::catalog::shelf::{ItemRow, ItemSql};
use crate::failure::storage;
use crate::promotions::in_force::has;
use crate::statement::Statement;

type ListingSql = (
    SqlUuid,
    Text,
    Text,
    Text,
    Nullable<BigInt>,
    Nullable<Text>,
    Text,
    Nullable<Integer>,
    Nullable<Double>,
    Nullable<Double>,
    Text,
    RatingSql,
    Integer,
    Timestamptz,
);
type RatingSql = (Integer, Double, Double);
type SummarySql = (SqlUuid, Text, Text, Nullable<ItemSql>, Text, RatingSql);
type CategorySql = (SqlUuid, Text, Text);
type ListingCardSql =
    (ListingSql, SummarySql, Nullable<CategorySql>, Nullable<ItemSql>, (Bool, Bool, Bool), Bool);

const LISTINGS: &str = "\
    SELECT l.id, l.listing_type, l.title, l.slug, l.price_minor, l.currency, l.price_unit, \
    l.stock, l.lat, l.lon, l.access, l.rating_count, l.rating_mean, l.rating_score, \
    l.favorite_count, l.created_at, \
    p.id, p.slug, p.name, \
    a.id, a.key, a.bytes, a.width, a.height, a.alt, a.variants, a.blur_hash, \
    p.verification, \
    p.rating_count, p.rating_mean, p.rating_score, \
    c.id, c.slug, c.name, \
    m.id, m.key, m.bytes, m.width, m.height, m.alt, m.variants, m.blur_hash";

const OF_LISTINGS: &str = "\
    FROM listings l \
    JOIN providers p ON p.id = l.provider_id \
    LEFT JOIN pictures a ON a.id = p.avatar_media_id \
    LEFT JOIN categories c ON c.id = l.category_id \
    LEFT JOIN listing_media m ON m.id = l.cover_media_id";

const FAVORITE_LISTINGS: &str =
    " LEFT JOIN listing_favorites f ON f.listing_id = l.id AND f.account_id = ";

type ProviderCardSql = (
    (SqlUuid, Text, Text, Nullable<Text>, Nullable<ItemSql>, Array<SqlUuid>, Array<Text>),
    (Nullable<Double>, Nullable<Double>, Text, Nullable<Timestamptz>, RatingSql, Integer),
    Timestamptz,
    Bool,
    Bool,
);

const PROVIDERS: &str = "\
    SELECT p.id, p.slug, p.name, p.headline, \
    a.id, a.key, a.bytes, a.width, a.height, a.alt, a.variants, a.blur_hash, \
    p.category_ids, p.languages, \
    p.lat, p.lon, p.verification, p.verification_at, p.rating_count, p.rating_mean, \
    p.rating_score, p.favorite_count, p.created_at";

const OF_PROVIDERS: &str = " FROM providers p LEFT JOIN pictures a ON a.id = p.avatar_media_id";

const FAVORITE_PROVIDERS: &str =
    " LEFT JOIN provider_favorites f ON f.provider_id = p.id AND f.account_id = ";

#[derive(diesel::Queryable)]
struct RatingPart {
    count: i32,
    mean: f64,
    score: f64,
}

#[derive(diesel::Queryable)]
struct ListingPart {
    id: Uuid,
    listing_type: String,
    title: String,
    slug: String,
    price_minor: Option<i64>,
    currency: Option<String>,
    price_unit: String,
    stock: Option<i32>,
    lat: Option<f64>,
    lon: Option<f64>,
    access: String,
    rating: RatingPart,
    favorite_count: i32,
    created_at: DateTime<Utc>,
}

#[derive(diesel::Queryable)]
struct SummaryPart {
    id: Uuid,
    slug: String,
    name: String,
    avatar: Option<ItemRow>,
    verification: String,
    rating: RatingPart,
}

#[derive(diesel::Queryable)]
struct CategoryPart {
    id: Uuid,
    slug: String,
    name: String,
}

#[derive(diesel::Queryable)]
struct ListingCardRow {
    listing: ListingPart,
    provider: SummaryPart,
    category: Option<CategoryPart>,
    cover: Option<ItemRow>,
    in_force: InForcePart,
    is_favorite: bool,
}

/// What somebody paid for.
#[derive(diesel::Queryable)]
struct InForcePart {
    is_top: bool,
    is_detailed: bool,
    is_pro: bool,
}

#[derive(diesel::Queryable)]
struct ProfilePart {
    id: Uuid,
    slug: String,
    name: String,
    headline: Option<String>,
    avatar: Option<ItemRow>,
    category_ids: Vec<Uuid>,
    languages: Vec<String>,
}

#[derive(diesel::Queryable)]
struct StandingPart {
    lat: Option<f64>,
    lon: Option<f64>,
    verification: String,
    verification_at: Option<DateTime<Utc>>,
    rating: RatingPart,
    favorite_count: i32,
}

#[derive(diesel::Queryable)]
struct ProviderCardRow {
    profile: ProfilePart,
    standing: StandingPart,
    created_at: DateTime<Utc>,
    is_pro: bool,
    is_favorite: bool,
}

/// Selects with what somebody paid for: the effects that each target has now.
///
/// And with whether the caller keeps it. A visitor keeps nothing, and a join that only the values show to
/// be empty has PostgreSQL plan every query anew.
fn select<ST>(
    st: &mut Statement<ST>,
    columns: &'static str,
    from: &'static str,
    favorites: &'static str,
    caller: Option<AccountId>,
    in_force: &[(&'static str, &'static str)],
    now: DateTime<Utc>,
) {
    st.sql(columns);
    for (effect, target) in in_force {
        st.sql(", ");
        has(st, effect, target, now);
    }
    match caller {
        Some(account) => {
            st.sql(", f.account_id IS NOT NULL ").sql(from).sql(favorites).bind(account.as_uuid());
        }
        None => {
            st.sql(", false ").sql(from);
        }
    }
}

/// The cards of those listings that are public, by their ids.
pub(crate) async fn listing_cards(
    conn: &mut AsyncPgConnection,
    ids: Vec<Uuid>,
    caller: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, ListingCard>, StorageError> {
    let mut st = Statement::<ListingCardSql>::new();
    let in_force = [("top", "l.id"), ("detailed", "l.id"), ("pro", "p.id")];
    select(&mut st, LISTINGS, OF_LISTINGS, FAVORITE_LISTINGS, caller, &in_force, now);
    st.sql(" WHERE l.status = 'published' AND l.provider_active AND l.id = ANY (");
    st.bind(ids).sql(")");
    let rows: Vec<ListingCardRow> = st.load(conn).await.map_err(storage("load listings"))?;
    rows.into_iter().map(|row| Ok((row.listing.id, ListingCard::try_from(row)?))).collect()
}

/// The cards of those providers that are active, by their ids.
pub(crate) async fn provider_cards(
    conn: &mut AsyncPgConnection,
    ids: Vec<Uuid>,
    caller: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, ProviderCard>, StorageError> {
    let mut st = Statement::<ProviderCardSql>::new();
    select(&mut st, PROVIDERS, OF_PROVIDERS, FAVORITE_PROVIDERS, caller, &[("pro", "p.id")], now);
    st.sql(" WHERE p.status = 'active' AND p.id = ANY (").bind(ids).sql(")");
    let rows: Vec<ProviderCardRow> = st.load(conn).await.map_err(storage("load providers"))?;
    rows.into_iter().map(|row| Ok((row.profile.id, ProviderCard::try_from(row)?))).collect()
}

fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("read what a list shows", error)
}

fn place(lat: Option<f64>, lon: Option<f64>) -> Result<Option<Place>, StorageError> {
    lat.zip(lon).map(|(lat, lon)| Place::new(lat, lon)).transpose().map_err(corrupt)
}

impl From<RatingPart> for Rating {
    fn from(RatingPart { count, mean, score }: RatingPart) -> Self {
        Self { count, mean, score }
    }
}

impl SummaryPart {
    fn with(self, is_pro: bool) -> Result<ProviderSummary, StorageError> {
        let Self { id, slug, name, avatar, verification, rating } = self;
        Ok(ProviderSummary {
            id: ProviderId::from_uuid(id),
            slug: Slug::from_stored(slug),
            name: ProviderName::from_stored(name),
            avatar: avatar.map(ItemRow::try_into).transpose()?,
            is_verified: verification == "verified",
            is_pro,
            rating: rating.into(),
        })
    }
}

impl From<CategoryPart> for CategorySummary {
    fn from(CategoryPart { id, slug, name }: CategoryPart) -> Self {
        Self {
            id: CategoryId::from_uuid(id),
            slug: Slug::from_stored(slug),
            name: CategoryName::from_stored(name),
        }
    }
}

impl TryFrom<ListingCardRow> for ListingCard {
    type Error = StorageError;

    fn try_from(row: ListingCardRow) -> Result<Self, StorageError> {
        let ListingCardRow { listing, provider, category, cover, in_force, is_favorite } = row;
        let InForcePart { is_top, is_detailed, is_pro } = in_force;
        let price = match (listing.price_minor, listing.currency) {
            (Some(minor), Some(code)) => {
                Some(Money::new(minor, Currency::from_stored(&code).map_err(corrupt)?))
            }
            (_, _) => None,
        };
        let unit = PriceUnit::ALL.into_iter().find(|unit| unit.name() == listing.price_unit);
        let access = Access::ALL.into_iter().find(|access| access.name() == listing.access);
        Ok(Self {
            id: ListingId::from_uuid(listing.id),
            listing_type: Key::from_stored(listing.listing_type),
            title: Title::from_stored(listing.title),
            slug: Slug::from_stored(listing.slug),
            price,
            price_unit: unit.ok_or_else(|| corrupt("an unknown price unit"))?,
            stock: listing.stock,
            place: place(listing.lat, listing.lon)?,
            access: access.ok_or_else(|| corrupt("an unknown kind of access"))?,
            rating: listing.rating.into(),
            favorites: listing.favorite_count,
            created_at: listing.created_at,
            provider: provider.with(is_pro)?,
            category: category.map(CategorySummary::from),
            cover: cover.map(ItemRow::try_into).transpose()?,
            is_favorite,
            promoted: Promoted { is_top, is_detailed },
            sponsored: false,
            distance: None,
        })
    }
}

impl TryFrom<ProviderCardRow> for ProviderCard {
    type Error = StorageError;

    fn try_from(row: ProviderCardRow) -> Result<Self, StorageError> {
        let ProviderCardRow { profile, standing, created_at, is_pro, is_favorite } = row;
        let verification = match (standing.verification.as_str(), standing.verification_at) {
            ("unverified", None) => Verification::Unverified,
            ("pending", Some(since)) => Verification::Pending { since },
            ("verified", Some(at)) => Verification::Verified { at },
            _ => return Err(corrupt("an unknown verification")),
        };
        let languages = profile.languages.iter().map(|tag| tag.parse());
        Ok(Self {
            id: ProviderId::from_uuid(profile.id),
            slug: Slug::from_stored(profile.slug),
            name: ProviderName::from_stored(profile.name),
            headline: profile.headline.map(Headline::from_stored),
            avatar: profile.avatar.map(ItemRow::try_into).transpose()?,
            categories: profile.category_ids.into_iter().map(CategoryId::from_uuid).collect(),
            languages: languages.collect::<Result<_, _>>().map_err(corrupt)?,
            place: place(standing.lat, standing.lon)?,
            verification,
            rating: standing.rating.into(),
            favorites: standing.favorite_count,
            created_at,
            is_pro,
            is_favorite,
            distance: None,
        })
    }
}
