//! Providers: the public sellers.

mod avatar;
mod moderation;

use std::collections::BTreeMap;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use catalog::engagement::Favorite;
use catalog::{Change, Newest, Profile, ProfilePatch, Provider};
use chrono::{DateTime, Utc};
use kernel::{Answer, Idempotency, ListingId, ProviderId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::{Body, Patch};
use super::caller::Caller;
use super::command::{Command, answers};
use super::etag::{Caching, tagged};
use super::idempotency::{self, created, respond};
use super::listings::{ListingView, RatingView, change};
use super::media::MediaView;
use super::page::PageView;
use super::place::PlaceView;
use super::query::{Query, limit};
use super::server::State;
use super::watcher::Watcher;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(register)
        .service(show)
        .service(update)
        .service(request_verification)
        .service(listings)
        .configure(avatar::routes)
        .configure(moderation::routes);
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderView {
    /// Its id.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its name in addresses, unique.
    #[schema(example = "studio-north")]
    slug: String,
    /// What it calls itself.
    #[schema(example = "Studio North")]
    name: String,
    /// Itself in one line.
    #[schema(example = "Interiors for small flats")]
    headline: Option<String>,
    /// Itself in its own words.
    #[schema(example = "Two designers, one workshop, and a love of small rooms.")]
    about: Option<String>,
    /// The picture that stands for it; its smaller copies are squares.
    avatar: Option<MediaView>,
    /// What it does: ids of categories.
    #[schema(example = json!(["cat_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"]))]
    category_ids: Vec<String>,
    /// Where it is.
    location: Option<PlaceView>,
    /// How far from there it works.
    #[schema(example = 50.0)]
    service_radius_km: Option<f64>,
    /// What it speaks, as language tags.
    #[schema(example = json!(["en", "de"]))]
    languages: Vec<String>,
    /// Whether the marketplace knows it: `unverified`, `pending` or `verified`; expect new values.
    #[schema(example = "verified")]
    verification: &'static str,
    /// Whether it bought the mark of a professional, and has it now.
    is_pro: bool,
    /// Whether it is on the market: `active` or `suspended`; expect new values.
    #[schema(example = "active")]
    status: &'static str,
    /// What reviews say.
    rating: RatingView,
    /// Whether the caller keeps it as a favourite.
    is_favorite: bool,
    /// When it registered.
    created_at: DateTime<Utc>,
}

impl IntoResponses for ProviderView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The provider as it is now")
    }
}

impl ProviderView {
    /// As somebody sees it who does not keep it: its owner, a moderator.
    fn plain(provider: &Provider, state: &State) -> Self {
        Self::new(provider, false, state)
    }

    /// As the caller sees it.
    pub(crate) fn new(provider: &Provider, is_favorite: bool, state: &State) -> Self {
        let Profile { name, headline, about, categories, location, service_radius, languages } =
            &provider.profile;
        Self {
            id: provider.id.to_string(),
            slug: provider.slug.to_string(),
            name: name.to_string(),
            headline: headline.as_ref().map(ToString::to_string),
            about: about.as_ref().map(ToString::to_string),
            avatar: provider.avatar.as_ref().map(|picture| MediaView::new(picture, state)),
            category_ids: categories.iter().map(ToString::to_string).collect(),
            location: location.map(Into::into),
            service_radius_km: service_radius.map(|radius| radius.metres() / 1_000.0),
            languages: languages.iter().map(ToString::to_string).collect(),
            verification: provider.verification.name(),
            is_pro: provider.is_pro,
            status: provider.status.name(),
            rating: provider.rating.into(),
            is_favorite,
            created_at: provider.created_at,
        }
    }
}

/// A provider to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Studio North",
    "headline": "Interiors for small flats",
    "location": { "lat": 52.52, "lon": 13.4 },
    "service_radius_km": 50,
    "languages": ["en", "de"],
}))]
struct RegisterProvider {
    /// What it calls itself, 2 to 80 characters.
    #[schema(min_length = 2, max_length = 80)]
    name: String,
    /// Itself in one line, at most 160 characters.
    #[schema(max_length = 160)]
    headline: Option<String>,
    /// Itself in its own words, at most 5,000 characters.
    #[schema(max_length = 5000)]
    about: Option<String>,
    /// What it does: at most 20 ids of categories.
    category_ids: Option<Vec<String>>,
    /// Where it is.
    location: Option<PlaceView>,
    /// How far from there it works; needs a location.
    service_radius_km: Option<f64>,
    /// What it speaks: at most 20 language tags.
    languages: Option<Vec<String>>,
}

impl From<RegisterProvider> for ProfilePatch {
    fn from(body: RegisterProvider) -> Self {
        fn given<T, U: From<T>>(value: Option<T>) -> Change<U> {
            value.map_or(Change::Keep, |value| Change::Set(value.into()))
        }
        Self {
            name: Change::Set(body.name),
            headline: given(body.headline),
            about: given(body.about),
            categories: given(body.category_ids),
            location: given(body.location),
            service_radius_km: given(body.service_radius_km),
            languages: given(body.languages),
        }
    }
}

/// What shall change of a provider; what is not given stays, null takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "headline": "Interiors for every flat", "service_radius_km": null }))]
struct UpdateProvider {
    /// What it calls itself, 2 to 80 characters. A new name has to be verified again.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 80)]
    name: Patch<String>,
    /// Itself in one line, at most 160 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 160)]
    headline: Patch<String>,
    /// Itself in its own words, at most 5,000 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 5000)]
    about: Patch<String>,
    /// What it does: at most 20 ids of categories.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    category_ids: Patch<Vec<String>>,
    /// Where it is.
    #[serde(default)]
    #[schema(value_type = Option<PlaceView>)]
    location: Patch<PlaceView>,
    /// How far from there it works; needs a location.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    service_radius_km: Patch<f64>,
    /// What it speaks: at most 20 language tags.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    languages: Patch<Vec<String>>,
}

impl From<UpdateProvider> for ProfilePatch {
    fn from(body: UpdateProvider) -> Self {
        Self {
            name: change(body.name),
            headline: change(body.headline),
            about: change(body.about),
            categories: change(body.category_ids),
            location: change(body.location),
            service_radius_km: change(body.service_radius_km),
            languages: change(body.languages),
        }
    }
}

/// Become a provider
///
/// Gives the account a public profile, and the right to make listings. An account has one at most.
#[utoipa::path(
    operation_id = "registerProvider",
    tag = "providers",
    params(("Idempotency-Key" = Option<String>, Header, description = "A value of your own per attempt, so that a retry is safe")),
    request_body = RegisterProvider,
    responses(
        (status = CREATED, description = "The provider", body = ProviderView, headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "Its version"),
        )),
        (status = CONFLICT, description = "The account is a provider already, or a request with this key has not ended", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/providers")]
async fn register(
    Caller(actor): Caller,
    request: HttpRequest,
    body: Body<RegisterProvider>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let answer = |provider: &Provider| answer(provider, &state);
    let scope = idempotency::optional(&request, &actor, body.hash)?;
    let once = scope.map(|scope| Idempotency { scope, answer: &answer });
    let providers = &state.services.catalog.providers;
    let once = providers.register(&actor, &body.value.into(), once).await?;
    if let Some(member) = actor.as_member() {
        state.authenticator.changed(member.session).await;
    }
    Ok(respond(once, answer))
}

/// The provider as a command left it, with its ETag.
fn changed(command: &Command<ProviderId>, provider: &Provider) -> HttpResponse {
    command.answer(provider.version, &ProviderView::plain(provider, &command.state))
}

fn answer(provider: &Provider, state: &State) -> Answer {
    let location = format!("/api/v1/providers/{}", provider.id);
    created(&location, Some(provider.version), &ProviderView::plain(provider, state))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Visited {
    /// The listing that the visitor comes from, to be counted in the provider's figures.
    #[param(value_type = Option<String>, example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    from: Option<ListingId>,
}

/// Look at a provider
///
/// Its public profile. One that is not on the market is seen by itself and by moderators only.
#[utoipa::path(
    operation_id = "getProvider",
    tag = "providers",
    params(
        ("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        Visited,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand"),
    ),
    responses(
        (status = OK, description = "The provider", body = ProviderView),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/providers/{id}")]
async fn show(
    Caller(actor): Caller,
    watcher: Watcher,
    request: HttpRequest,
    id: Path<ProviderId>,
    Query(Visited { from }): Query<Visited>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let provider = state.services.catalog.providers.provider(&actor, *id).await?;
    watcher.saw_profile(provider.id, from);
    let kept = Favorite::Provider(provider.id);
    let is_favorite = state.services.discovery.engagement.is_favorite(&actor, kept).await?;
    let public = actor.is_visitor() && provider.is_active();
    let caching = if public { Caching::Public { max_age: 10 } } else { Caching::Private };
    let view = ProviderView::new(&provider, is_favorite, &state);
    Ok(tagged(&request, provider.version, &view, caching))
}

/// Change one's own provider profile
///
/// A merge patch: what is not given stays, null takes away.
#[utoipa::path(
    operation_id = "updateProvider",
    tag = "providers",
    params(
        ("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = String, Header, description = "The `ETag` that was last seen"),
    ),
    request_body = UpdateProvider,
    responses(
        (status = OK, description = "The provider as it is now", body = ProviderView),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_REQUIRED, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[patch("/providers/{id}")]
async fn update(
    command: Command<ProviderId>,
    body: Body<UpdateProvider>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let providers = &state.services.catalog.providers;
    let expected = command.required();
    if expected.is_err() {
        // Who may not change it hears that first.
        providers.may_update(actor, *id).await?;
    }
    let provider = providers.update(actor, *id, &body.value.into(), expected?).await?;
    Ok(changed(&command, &provider))
}

/// Ask to be verified
///
/// Moderators look at the profile; until then it is `pending`.
#[utoipa::path(
    operation_id = "requestProviderVerification",
    tag = "providers",
    params(Command<ProviderId>),
    responses(
        ProviderView,
        (status = CONFLICT, description = "It is verified, or waits already", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/providers/{id}/request-verification")]
async fn request_verification(command: Command<ProviderId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let provider = state.services.catalog.providers.request_verification(actor, *id).await?;
    Ok(changed(&command, &provider))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paged {
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the listings of a provider
///
/// Those that are public, newest first.
#[utoipa::path(
    operation_id = "listProviderListings",
    tag = "providers",
    params(
        ("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        Paged,
    ),
    responses((status = OK, description = "A page", body = PageView<ListingView>)),
)]
#[get("/providers/{id}/listings")]
async fn listings(
    Caller(actor): Caller,
    id: Path<ProviderId>,
    Query(query): Query<Paged>,
    state: Data<State>,
) -> Result<Json<PageView<ListingView>>, Problem> {
    let limit = limit(query.limit)?;
    let list = format!("listings of {}", *id);
    let after: Option<Newest<ListingId>> =
        query.cursor.as_deref().map(|c| state.cursors.decode(&list, c)).transpose()?;
    let service = &state.services.catalog.listings;
    let page = service.listings_of_provider(&actor, *id, limit, after).await?;
    let present = |listed| ListingView::listed(&listed, &actor, &state);
    Ok(Json(PageView::new(page, limit, &state.cursors, &list, present)))
}
