//! What people keep as favourites.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, put};
use catalog::engagement::{Favorite, FavoritePosition, FavoriteState, Kept};
use chrono::{DateTime, Utc};
use kernel::{ListingId, ProviderId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::page::PageView;
use super::query::{Query, limit};
use super::search::{ListingCardView, ProviderCardView};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(keep_listing)
        .service(let_listing_go)
        .service(keep_provider)
        .service(let_provider_go)
        .service(listings)
        .service(providers);
}

/// How something stands as a favourite.
#[derive(Debug, Serialize, ToSchema)]
struct FavoriteView {
    /// Whether the caller keeps it.
    #[schema(example = true)]
    is_favorite: bool,
    /// How many accounts keep it.
    #[schema(example = 12)]
    favorites: i32,
}

impl From<FavoriteState> for FavoriteView {
    fn from(FavoriteState { is_favorite, favorites }: FavoriteState) -> Self {
        Self { is_favorite, favorites }
    }
}

/// A favourite listing.
#[derive(Debug, Serialize, ToSchema)]
struct FavoriteListingView {
    /// Since when it is kept.
    since: DateTime<Utc>,
    /// The listing.
    listing: ListingCardView,
}

/// A favourite provider.
#[derive(Debug, Serialize, ToSchema)]
struct FavoriteProviderView {
    /// Since when it is kept.
    since: DateTime<Utc>,
    /// The provider.
    provider: ProviderCardView,
}

fn answer(state: FavoriteState) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(FavoriteView::from(state))
}

/// Keep a listing as a favourite
///
/// As often as you like: it is kept once. Answers how it stands.
#[utoipa::path(
    operation_id = "favoriteListing",
    tag = "favorites",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "How it stands", body = FavoriteView)),
)]
#[put("/listings/{id}/favorite")]
async fn keep_listing(
    Caller(actor): Caller,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let engagement = &state.services.discovery.engagement;
    Ok(answer(engagement.keep(&actor, Favorite::Listing(*id)).await?))
}

/// Keep a listing as a favourite no longer
///
/// As often as you like. Answers how it stands.
#[utoipa::path(
    operation_id = "unfavoriteListing",
    tag = "favorites",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "How it stands", body = FavoriteView)),
)]
#[delete("/listings/{id}/favorite")]
async fn let_listing_go(
    Caller(actor): Caller,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let engagement = &state.services.discovery.engagement;
    Ok(answer(engagement.let_go(&actor, Favorite::Listing(*id)).await?))
}

/// Keep a provider as a favourite
///
/// As often as you like: it is kept once. Answers how it stands.
#[utoipa::path(
    operation_id = "favoriteProvider",
    tag = "favorites",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "How it stands", body = FavoriteView)),
)]
#[put("/providers/{id}/favorite")]
async fn keep_provider(
    Caller(actor): Caller,
    id: Path<ProviderId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let engagement = &state.services.discovery.engagement;
    Ok(answer(engagement.keep(&actor, Favorite::Provider(*id)).await?))
}

/// Keep a provider as a favourite no longer
///
/// As often as you like. Answers how it stands.
#[utoipa::path(
    operation_id = "unfavoriteProvider",
    tag = "favorites",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "How it stands", body = FavoriteView)),
)]
#[delete("/providers/{id}/favorite")]
async fn let_provider_go(
    Caller(actor): Caller,
    id: Path<ProviderId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let engagement = &state.services.discovery.engagement;
    Ok(answer(engagement.let_go(&actor, Favorite::Provider(*id)).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List one's favourite listings
///
/// Those that are public, the latest first.
#[utoipa::path(
    operation_id = "listMyFavorites",
    tag = "favorites",
    params(Listed),
    responses((status = OK, description = "A page of favourites", body = PageView<FavoriteListingView>)),
)]
#[get("/me/favorites")]
async fn listings(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<FavoriteListingView>>, Problem> {
    const LIST: &str = "favorite listings";
    let limit = limit(query.limit)?;
    let after: Option<FavoritePosition<ListingId>> =
        query.cursor.map(|cursor| state.cursors.decode(LIST, &cursor)).transpose()?;
    let engagement = &state.services.discovery.engagement;
    let page = engagement.favorite_listings(&actor, limit, after).await?;
    let view = |Kept { item, since }| FavoriteListingView {
        since,
        listing: ListingCardView::new(&item, &state),
    };
    Ok(Json(PageView::new(page, limit, &state.cursors, LIST, view)))
}

/// List one's favourite providers
///
/// Those that are on the market, the latest first.
#[utoipa::path(
    operation_id = "listMyFavoriteProviders",
    tag = "favorites",
    params(Listed),
    responses((status = OK, description = "A page of favourites", body = PageView<FavoriteProviderView>)),
)]
#[get("/me/favorites/providers")]
async fn providers(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<FavoriteProviderView>>, Problem> {
    const LIST: &str = "favorite providers";
    let limit = limit(query.limit)?;
    let after: Option<FavoritePosition<ProviderId>> =
        query.cursor.map(|cursor| state.cursors.decode(LIST, &cursor)).transpose()?;
    let engagement = &state.services.discovery.engagement;
    let page = engagement.favorite_providers(&actor, limit, after).await?;
    let view = |Kept { item, since }| FavoriteProviderView {
        since,
        provider: ProviderCardView::new(&item, &state),
    };
    Ok(Json(PageView::new(page, limit, &state.cursors, LIST, view)))
}
