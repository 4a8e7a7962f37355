//! Listings, for their providers and for everyone.

mod body;
mod commands;
mod view;

use access::Actor;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use catalog::engagement::Favorite;
use catalog::{ListingDetail, ListingName, ListingStatus, Newest, Removal, StoredListing};
use kernel::{Idempotency, ListingId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use self::body::{CreateListing, UpdateListing};
use super::Problem;
use super::caller::Caller;
use super::categories::CategoryView;
use super::command::Command;
use super::etag::{Caching, if_match, tagged};
use super::idempotency::{self, created, respond};
use super::page::PageView;
use super::providers::ProviderView;
use super::query::{Query, limit, unknown};
use super::server::State;
use super::uploads::{MediaBody, MediaForm};
use super::watcher::Watcher;

pub(super) use self::body::{change, uploads};
pub(super) use self::view::PendingChangeView;
pub(crate) use self::view::{ListingView, RatingView};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create)
        .service(show)
        .service(by_slug)
        .service(update)
        .service(remove)
        .service(own)
        .configure(commands::routes);
}

/// How long an answer about a public listing may be kept by anybody, in seconds.
const PUBLIC: Caching = Caching::Public { max_age: 10 };

fn answer(stored: &StoredListing, actor: &Actor, state: &State) -> kernel::Answer {
    let location = format!("/api/v1/listings/{}", stored.listing.id());
    created(&location, Some(stored.listing.version()), &ListingView::stored(stored, actor, state))
}

/// The listing as a command left it, with its ETag.
fn changed(command: &Command<ListingId>, stored: &StoredListing) -> HttpResponse {
    let view = ListingView::stored(stored, &command.actor, &command.state);
    command.answer(stored.listing.version(), &view)
}

/// Create a listing
///
/// It starts as a draft that only its provider sees; publish it when it is ready. Send JSON, or a
/// form with the JSON in the part `data` and pictures and documents in parts `media`: all of it is
/// stored, or nothing. How many items a listing needs is said by its type.
#[utoipa::path(
    operation_id = "createListing",
    tag = "listings",
    params(("Idempotency-Key" = Option<String>, Header, description = "A value of your own per attempt, so that a retry is safe")),
    request_body(content(
        (CreateListing = "application/json"),
        (MediaForm<CreateListing> = "multipart/form-data"),
    )),
    responses(
        (status = CREATED, description = "The draft", body = ListingView, headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "Its version"),
        )),
        (status = CONFLICT, description = "The files were swept, or a request with this key has not ended", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings")]
async fn create(
    Caller(actor): Caller,
    request: HttpRequest,
    body: MediaBody<CreateListing>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let MediaBody { value, uploads, hash } = body;
    let command = value.with(uploads)?;
    let answer = |stored: &StoredListing| answer(stored, &actor, &state);
    let once = idempotency::optional(&request, &actor, hash)?
        .map(|scope| Idempotency { scope, answer: &answer });
    let stored = state.services.catalog.listings.create(&actor, command, once).await?;
    Ok(respond(stored, answer))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Expanded {
    /// What shall be shown in full: any of `provider`, `category`, parted by commas.
    #[param(example = "provider,category")]
    expand: Option<String>,
}

/// Whether the provider and the category shall be shown in full.
fn expansions(expand: Option<&str>) -> Result<(bool, bool), Problem> {
    let mut wanted = (false, false);
    for name in expand.into_iter().flat_map(|names| names.split(',')) {
        match name {
            "provider" => wanted.0 = true,
            "category" => wanted.1 = true,
            other => return Err(unknown("expand", other, &["provider", "category"])),
        }
    }
    Ok(wanted)
}

/// Look at a listing
///
/// With everything that its page shows. Of a listing whose access is not free, people without an
/// entitlement see the title, the cover and a teaser. Its provider and moderators see it in any
/// state, with the change that waits for review.
#[utoipa::path(
    operation_id = "getListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        Expanded,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand"),
    ),
    responses(
        (status = OK, description = "The listing", body = ListingView),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/listings/{id}")]
async fn show(
    Caller(actor): Caller,
    watcher: Watcher,
    request: HttpRequest,
    id: Path<ListingId>,
    Query(query): Query<Expanded>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expand = expansions(query.expand.as_deref())?;
    let found = state.services.catalog.listings.listing(&actor, &ListingName::Id(*id)).await?;
    watcher.saw_listing(found.listing.id(), found.provider.id);
    present(&request, &found, expand, &actor, &state).await
}

/// Look at a listing by its name
///
/// The same as by its id, for addresses that people read.
#[utoipa::path(
    operation_id = "getListingBySlug",
    tag = "listings",
    params(
        ("key" = String, Path, description = "The key of its type", example = "project"),
        ("slug" = String, Path, description = "Its name in addresses", example = "loft-in-berlin"),
        Expanded,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand"),
    ),
    responses(
        (status = OK, description = "The listing", body = ListingView),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/listing-types/{key}/listings/{slug}")]
async fn by_slug(
    Caller(actor): Caller,
    watcher: Watcher,
    request: HttpRequest,
    path: Path<(String, String)>,
    Query(query): Query<Expanded>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expand = expansions(query.expand.as_deref())?;
    let (listing_type, slug) = path.into_inner();
    // No key and no slug holds NUL, which the database cannot be asked for.
    if listing_type.contains('\0') || slug.contains('\0') {
        return Err(Problem::not_found("there is no listing of this name"));
    }
    let name = ListingName::Slug { listing_type, slug };
    let found = state.services.catalog.listings.listing(&actor, &name).await?;
    watcher.saw_listing(found.listing.id(), found.provider.id);
    present(&request, &found, expand, &actor, &state).await
}

async fn present(
    request: &HttpRequest,
    found: &ListingDetail,
    (provider, category): (bool, bool),
    actor: &Actor,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let catalog = &state.services.catalog;
    let pending = catalog.listings.pending_change(actor, &found.listing).await?;
    let mut view = ListingView::detail(found, pending.as_ref(), actor, state);
    if provider {
        let kept = Favorite::Provider(found.provider.id);
        let is_favorite = state.services.discovery.engagement.is_favorite(actor, kept).await?;
        view = view.with_provider(ProviderView::new(&found.provider, is_favorite, state));
    }
    if category {
        let taxonomy = catalog.taxonomy.taxonomy().await?;
        let category = found.listing.content().category.and_then(|id| taxonomy.category(id));
        view = view.with_category(category.map(|category| CategoryView::from(&**category)));
    }
    let public = actor.is_visitor() && found.listing.is_public();
    let caching = if public { PUBLIC } else { Caching::Private };
    Ok(tagged(request, found.listing.version(), &view, caching))
}

/// Change a listing and its media
///
/// A merge patch: what is not given stays, null takes away. Removing, adding and ordering media is
/// one step with everything else: all of it happens, or nothing. Where moderators look first, a
/// public listing stays as it is, what matters waits in `pending_change`, and harmless fields
/// change at once.
#[utoipa::path(
    operation_id = "updateListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = String, Header, description = "The `ETag` that was last seen"),
    ),
    request_body(content(
        (UpdateListing = "application/json"),
        (MediaForm<UpdateListing> = "multipart/form-data"),
    )),
    responses(
        (status = OK, description = "The listing as it is now", body = ListingView),
        (status = CONFLICT, description = "Its state does not allow it", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_REQUIRED, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[patch("/listings/{id}")]
async fn update(
    command: Command<ListingId>,
    body: MediaBody<UpdateListing>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let listings = &state.services.catalog.listings;
    let expected = command.required();
    if expected.is_err() {
        // Who may not change it hears that first.
        listings.may_update(actor, *id).await?;
    }
    let expected = expected?;
    let edit = body.value.with(body.uploads)?;
    let stored = listings.update(actor, *id, edit, expected).await?;
    Ok(changed(&command, &stored))
}

/// What a removal came to.
#[derive(Debug, Serialize, ToSchema)]
struct RemovalView {
    /// `deleted` with its media, or `archived` because something refers to it; expect new values.
    #[schema(example = "archived")]
    outcome: &'static str,
}

/// Remove a listing
///
/// It is gone with its media, unless something refers to it, such as a booking: then it is
/// archived, and only those who have to do with it see it.
#[utoipa::path(
    operation_id = "deleteListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    responses(
        (status = OK, description = "What became of it", body = RemovalView),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[delete("/listings/{id}")]
async fn remove(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<Json<RemovalView>, Problem> {
    let expected = if_match(&request)?;
    let removal = state.services.catalog.listings.delete(&actor, *id, expected).await?;
    let outcome = match removal {
        Removal::Archived => "archived",
        Removal::Deleted => "deleted",
    };
    Ok(Json(RemovalView { outcome }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Own {
    /// In these states: any of `draft`, `pending_review`, `published`, `paused`, `rejected`,
    /// `archived`, parted by commas.
    #[param(example = "draft,rejected")]
    status: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

fn statuses(given: Option<&str>) -> Result<Vec<&'static str>, Problem> {
    let known = |name: &str| {
        ListingStatus::NAMES
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| unknown("status", name, &ListingStatus::NAMES))
    };
    given.into_iter().flat_map(|names| names.split(',')).map(known).collect()
}

/// List one's own listings
///
/// In any state, newest first: what a provider's own pages show.
#[utoipa::path(
    operation_id = "listMyListings",
    tag = "me",
    params(Own),
    responses((status = OK, description = "A page", body = PageView<ListingView>)),
)]
#[get("/me/listings")]
async fn own(
    Caller(actor): Caller,
    Query(query): Query<Own>,
    state: Data<State>,
) -> Result<Json<PageView<ListingView>>, Problem> {
    let limit = limit(query.limit)?;
    let statuses = statuses(query.status.as_deref())?;
    let list = format!("my listings {}", statuses.join(","));
    let after: Option<Newest<ListingId>> =
        query.cursor.as_deref().map(|c| state.cursors.decode(&list, c)).transpose()?;
    let page = state.services.catalog.listings.own_listings(&actor, statuses, limit, after).await?;
    let present = |listed| ListingView::listed(&listed, &actor, &state);
    Ok(Json(PageView::new(page, limit, &state.cursors, &list, present)))
}
