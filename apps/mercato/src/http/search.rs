//! Lists of listings and providers: one query language for both.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use catalog::search::{
    CategorySummary, ListingCard, ListingQuery, ProviderCard, ProviderQuery, ProviderSummary,
    SearchError, Vocabulary,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::etag::{Caching, tagged};
use super::listings::RatingView;
use super::media::MediaView;
use super::money::MoneyView;
use super::page::PageView;
use super::place::PlaceView;
use super::query::Pairs;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(listings).service(providers);
}

/// What stands for a provider beside its listing.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderSummaryView {
    /// Its id.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its name in addresses.
    #[schema(example = "studio-north")]
    slug: String,
    /// What it calls itself.
    #[schema(example = "Studio North")]
    name: String,
    /// The picture that stands for it.
    avatar: Option<MediaView>,
    /// Whether the marketplace knows it.
    is_verified: bool,
    /// Whether it bought the mark of a professional, and has it now.
    is_pro: bool,
    /// What reviews say.
    rating: RatingView,
}

impl ProviderSummaryView {
    fn new(provider: &ProviderSummary, state: &State) -> Self {
        let ProviderSummary { id, slug, name, avatar, is_verified, is_pro, rating } = provider;
        Self {
            id: id.to_string(),
            slug: slug.to_string(),
            name: name.to_string(),
            avatar: avatar.as_ref().map(|picture| MediaView::new(picture, state)),
            is_verified: *is_verified,
            is_pro: *is_pro,
            rating: (*rating).into(),
        }
    }
}

/// What stands for a category beside a listing.
#[derive(Debug, Serialize, ToSchema)]
struct CategorySummaryView {
    /// Its id.
    #[schema(example = "cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its name in addresses.
    #[schema(example = "kitchens")]
    slug: String,
    /// Its name.
    #[schema(example = "Kitchens")]
    name: String,
}

impl From<&CategorySummary> for CategorySummaryView {
    fn from(CategorySummary { id, slug, name }: &CategorySummary) -> Self {
        Self { id: id.to_string(), slug: slug.to_string(), name: name.to_string() }
    }
}

/// A listing in a list.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as apps read them")]
pub(crate) struct ListingCardView {
    /// Its id.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The key of its type.
    #[schema(example = "project")]
    listing_type: String,
    /// The headline.
    #[schema(example = "Loft in Berlin")]
    title: String,
    /// Its name in addresses, unique within its type.
    #[schema(example = "loft-in-berlin")]
    slug: String,
    /// What it costs.
    price: Option<MoneyView>,
    /// What the price is for: `fixed`, `from`, `per_hour`, `per_day`, `per_visit` or
    /// `free_quote`; expect new values.
    #[schema(example = "fixed")]
    price_unit: &'static str,
    /// How many pieces there are; null where nobody counts.
    #[schema(example = 3)]
    stock: Option<i32>,
    /// Where it is.
    location: Option<PlaceView>,
    /// Who sees all of it: `free`, `subscribers` or `purchase`; expect new values.
    #[schema(example = "free")]
    access: &'static str,
    /// What reviews say.
    rating: RatingView,
    /// Whose it is.
    provider: ProviderSummaryView,
    /// Where in the tree it stands.
    category: Option<CategorySummaryView>,
    /// The picture that stands for it.
    cover: Option<MediaView>,
    /// Whether the caller keeps it as a favourite.
    is_favorite: bool,
    /// Whether its provider paid for it to take its turn in front of searches, and it may now.
    is_top: bool,
    /// Whether its provider paid for it to be shown at greater length in lists now.
    is_detailed: bool,
    /// Whether it stands in front of the others because its provider paid for it: show that to
    /// people.
    sponsored: bool,
    /// How many accounts keep it as a favourite.
    #[schema(example = 12)]
    favorites: i32,
    /// How far it is over ground, if the search names a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1250.5)]
    distance_metres: Option<f64>,
    /// When it was created.
    created_at: DateTime<Utc>,
}

impl ListingCardView {
    /// A listing, with addresses of files below the server's own.
    pub(crate) fn new(card: &ListingCard, state: &State) -> Self {
        Self {
            id: card.id.to_string(),
            listing_type: card.listing_type.to_string(),
            title: card.title.to_string(),
            slug: card.slug.to_string(),
            price: card.price.map(MoneyView::from),
            price_unit: card.price_unit.name(),
            stock: card.stock,
            location: card.place.map(PlaceView::from),
            access: card.access.name(),
            rating: card.rating.into(),
            provider: ProviderSummaryView::new(&card.provider, state),
            category: card.category.as_ref().map(CategorySummaryView::from),
            cover: card.cover.as_ref().map(|cover| MediaView::new(cover, state)),
            is_favorite: card.is_favorite,
            is_top: card.promoted.is_top,
            is_detailed: card.promoted.is_detailed,
            sponsored: card.sponsored,
            favorites: card.favorites,
            distance_metres: card.distance.map(rounded),
            created_at: card.created_at,
        }
    }
}

/// A provider in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderCardView {
    /// Its id.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its name in addresses.
    #[schema(example = "studio-north")]
    slug: String,
    /// What it calls itself.
    #[schema(example = "Studio North")]
    name: String,
    /// Itself in one line.
    #[schema(example = "Interiors for small flats")]
    headline: Option<String>,
    /// The picture that stands for it; its smaller copies are squares.
    avatar: Option<MediaView>,
    /// What it does: ids of categories.
    #[schema(example = json!(["cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"]))]
    category_ids: Vec<String>,
    /// What it speaks, as language tags.
    #[schema(example = json!(["en", "de"]))]
    languages: Vec<String>,
    /// Where it is.
    location: Option<PlaceView>,
    /// Whether the marketplace knows it: `unverified`, `pending` or `verified`; expect new values.
    #[schema(example = "verified")]
    verification: &'static str,
    /// Whether it bought the mark of a professional, and has it now.
    is_pro: bool,
    /// What reviews say.
    rating: RatingView,
    /// Whether the caller keeps it as a favourite.
    is_favorite: bool,
    /// How many accounts keep it as a favourite.
    #[schema(example = 12)]
    favorites: i32,
    /// How far it is over ground, if the search names a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1250.5)]
    distance_metres: Option<f64>,
    /// When it registered.
    created_at: DateTime<Utc>,
}

impl ProviderCardView {
    /// A provider, with addresses of files below the server's own.
    pub(crate) fn new(card: &ProviderCard, state: &State) -> Self {
        Self {
            id: card.id.to_string(),
            slug: card.slug.to_string(),
            name: card.name.to_string(),
            headline: card.headline.as_ref().map(ToString::to_string),
            avatar: card.avatar.as_ref().map(|picture| MediaView::new(picture, state)),
            category_ids: card.categories.iter().map(ToString::to_string).collect(),
            languages: card.languages.iter().map(ToString::to_string).collect(),
            location: card.place.map(PlaceView::from),
            verification: card.verification.name(),
            is_pro: card.is_pro,
            rating: card.rating.into(),
            is_favorite: card.is_favorite,
            favorites: card.favorites,
            distance_metres: card.distance.map(rounded),
            created_at: card.created_at,
        }
    }
}

/// To a tenth of a metre: more is noise.
fn rounded(metres: f64) -> f64 {
    (metres * 10.0).round() / 10.0
}

/// What lists understand. Read by the domain, against what the marketplace declares; this says it
/// to the readers of the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the domain reads by itself")]
struct Searched {
    /// Words to look for: all of them, `"a phrase"`, `or`, `-without`. The last word may be
    /// unfinished; where nothing matches, typing errors are forgiven.
    #[param(example = "oak table")]
    q: Option<String>,
    /// Ids or slugs of categories, parted by commas: in any of them or below.
    #[param(example = "kitchens")]
    category: Option<String>,
    /// Rated so well, or better: 0 to 5.
    #[param(rename = "rating[gte]", example = 4.5)]
    rating_gte: Option<f64>,
    /// A place: latitude and longitude in degrees.
    #[param(example = "52.52,13.40")]
    near: Option<String>,
    /// At most so many kilometres from the place.
    #[param(example = 25)]
    within_km: Option<f64>,
    /// At most so many miles from the place.
    within_mi: Option<f64>,
    /// Created at this moment or later.
    #[param(rename = "created_at[gte]")]
    created_at_gte: Option<DateTime<Utc>>,
    /// Created before this moment.
    #[param(rename = "created_at[lt]")]
    created_at_lt: Option<DateTime<Utc>>,
    /// `true` for what the caller keeps as a favourite.
    is_favorite: Option<bool>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before, with the same sort and filters.
    cursor: Option<String>,
}

/// What only lists of listings understand.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the domain reads by itself")]
struct ListingsSearched {
    /// Keys of listing types, parted by commas.
    #[param(rename = "type", example = "project")]
    listing_type: Option<String>,
    /// Ids of providers, parted by commas.
    provider: Option<String>,
    /// Priced at least so, in minor units of the currency.
    #[param(rename = "price[gte]", example = 1000)]
    price_gte: Option<i64>,
    /// Priced at most so, in minor units of the currency.
    #[param(rename = "price[lte]", example = 200_000)]
    price_lte: Option<i64>,
    /// The currency of prices; that of the marketplace unless said.
    #[param(example = "EUR")]
    currency: Option<String>,
    /// What comes first: `relevance` (with `q`), `-created_at`, `price`, `-price`, `-rating`,
    /// `distance` (with `near`) or `popular`. With `q` the usual is `relevance`, else
    /// `-created_at`.
    #[param(example = "-created_at")]
    sort: Option<String>,
    /// By attribute, as the listing type declares it: `attr.KEY=value` for a choice (several by
    /// comma: any of them), for choices (all of them), for yes or no (`true`, `false`), for a
    /// number or a day; `attr.KEY[gte]=…` and `attr.KEY[lte]=…` for a range of numbers or days.
    #[param(rename = "attr.KEY", example = "modern")]
    attributes: Option<String>,
}

/// What only lists of providers understand.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the domain reads by itself")]
struct ProvidersSearched {
    /// What comes first: `relevance` (with `q`), `-created_at`, `-rating`, `distance` (with
    /// `near`) or `popular`. With `q` the usual is `relevance`, else `-created_at`.
    #[param(example = "-rating")]
    sort: Option<String>,
}

/// How long a list may be kept by whoever shows it to visitors.
const PUBLIC: Caching = Caching::Public { max_age: 15 };

/// Find listings
///
/// What is public, filtered and sorted. Parameters that are unknown, and attributes that no listing
/// type declares, are errors. By relevance the 200 newest matches are ranked.
///
/// On the first page of the usual order at most three listings stand in front that match and whose
/// providers paid for it: `sponsored` is true for them. They take turns, hour by hour. All others
/// follow in order, and no listing comes twice: not on this page, nor on those that its cursor leads
/// to. Other orders have nothing in front.
#[utoipa::path(
    operation_id = "listListings",
    tag = "listings",
    security((), ("bearer" = [])),
    params(Searched, ListingsSearched),
    responses(
        (status = OK, description = "A page of listings", body = PageView<ListingCardView>),
        (status = NOT_MODIFIED, description = "You have it already"),
    ),
)]
#[get("/listings")]
async fn listings(
    Caller(actor): Caller,
    Pairs(pairs): Pairs,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let vocabulary = vocabulary(&state).await?;
    let parsed = ListingQuery::parse(pairs, &vocabulary).map_err(SearchError::from)?;
    let mut query = parsed.query;
    let list = query.fingerprint();
    if let Some(cursor) = parsed.cursor {
        let position = state.cursors.decode(&list, &cursor)?;
        query.continue_after(position).map_err(|_| SearchError::InvalidCursor)?;
    }
    let page = state.services.discovery.search.listings(&actor, &query).await?;
    let view = PageView::new(page, query.limit, &state.cursors, &list, |card| {
        ListingCardView::new(&card, &state)
    });
    Ok(tagged(&request, 0, &view, if actor.is_visitor() { PUBLIC } else { Caching::Private }))
}

/// Find providers
///
/// Who is on the market, filtered and sorted in the language of the listings.
#[utoipa::path(
    operation_id = "listProviders",
    tag = "providers",
    security((), ("bearer" = [])),
    params(Searched, ProvidersSearched),
    responses(
        (status = OK, description = "A page of providers", body = PageView<ProviderCardView>),
        (status = NOT_MODIFIED, description = "You have it already"),
    ),
)]
#[get("/providers")]
async fn providers(
    Caller(actor): Caller,
    Pairs(pairs): Pairs,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let vocabulary = vocabulary(&state).await?;
    let parsed = ProviderQuery::parse(pairs, &vocabulary).map_err(SearchError::from)?;
    let mut query = parsed.query;
    let list = query.fingerprint();
    if let Some(cursor) = parsed.cursor {
        let position = state.cursors.decode(&list, &cursor)?;
        query.continue_after(position).map_err(|_| SearchError::InvalidCursor)?;
    }
    let page = state.services.discovery.search.providers(&actor, &query).await?;
    let view = PageView::new(page, query.limit, &state.cursors, &list, |card| {
        ProviderCardView::new(&card, &state)
    });
    Ok(tagged(&request, 0, &view, if actor.is_visitor() { PUBLIC } else { Caching::Private }))
}

async fn vocabulary(state: &State) -> Result<Vocabulary, Problem> {
    let taxonomy = state.services.catalog.taxonomy.taxonomy().await?;
    Ok(Vocabulary::new(taxonomy, state.services.profile.currency))
}
