//! What moderators do with providers.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use catalog::{Newest, ProviderFilter};
use kernel::ProviderId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::ProviderView;
use crate::http::Problem;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::etag::{Caching, tagged};
use crate::http::moderation::ReasonBody;
use crate::http::page::PageView;
use crate::http::query::{Query, limit, unknown};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list)
        .service(verify)
        .service(refuse_verification)
        .service(suspend)
        .service(restore);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// `active` or `suspended`.
    #[param(example = "active")]
    status: Option<String>,
    /// `unverified`, `pending` or `verified`.
    #[param(example = "pending")]
    verification: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A name among those that are known.
fn known(
    parameter: &str,
    given: Option<String>,
    known: &[&str],
) -> Result<Option<String>, Problem> {
    let Some(name) = given else { return Ok(None) };
    if known.contains(&name.as_str()) {
        Ok(Some(name))
    } else {
        Err(unknown(parameter, &name, known))
    }
}

/// List providers in any state
///
/// Newest first, for moderators: `verification=pending` are those that want to be verified.
#[utoipa::path(
    operation_id = "listProvidersForModeration",
    tag = "admin",
    params(Listed),
    responses((status = OK, description = "A page", body = PageView<ProviderView>)),
)]
#[get("/admin/providers")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<ProviderView>>, Problem> {
    let limit = limit(query.limit)?;
    let status = known("status", query.status, &["active", "suspended"])?;
    let known_states = ["unverified", "pending", "verified"];
    let verification = known("verification", query.verification, &known_states)?;
    let list = format!("providers {status:?} {verification:?}");
    let after: Option<Newest<ProviderId>> =
        query.cursor.as_deref().map(|c| state.cursors.decode(&list, c)).transpose()?;
    let wanted = ProviderFilter { status, verification, limit, after };
    let page = state.services.catalog.providers.providers(&actor, &wanted).await?;
    let present = |provider| ProviderView::from(&provider);
    Ok(Json(PageView::new(page, limit, &state.cursors, &list, present)))
}

/// Verify a provider
///
/// Confirms that it is who it says it is.
#[utoipa::path(
    operation_id = "verifyProvider",
    tag = "admin",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses(
        (status = OK, description = "The provider as it is now", body = ProviderView),
        (status = CONFLICT, description = "It is verified already", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/verify")]
async fn verify(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ProviderId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let providers = &state.services.catalog.providers;
    let provider = providers.verify(&actor, *id).await?;
    Ok(tagged(&request, provider.version, &ProviderView::from(&provider), Caching::Private))
}

/// Refuse to verify a provider
///
/// Or take its verification back. It can ask again.
#[utoipa::path(
    operation_id = "refuseProviderVerification",
    tag = "admin",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    request_body = ReasonBody,
    responses(
        (status = OK, description = "The provider as it is now", body = ProviderView),
        (status = CONFLICT, description = "It neither waits nor is verified", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/refuse-verification")]
async fn refuse_verification(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ProviderId>,
    body: Body<ReasonBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let reason = body.value.read()?;
    let providers = &state.services.catalog.providers;
    let provider = providers.refuse_verification(&actor, *id, &reason).await?;
    Ok(tagged(&request, provider.version, &ProviderView::from(&provider), Caching::Private))
}

/// Take a provider off the market
///
/// With all its listings, at once; they stay as they are.
#[utoipa::path(
    operation_id = "suspendProvider",
    tag = "admin",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    request_body = ReasonBody,
    responses(
        (status = OK, description = "The provider as it is now", body = ProviderView),
        (status = CONFLICT, description = "It is suspended already", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/suspend")]
async fn suspend(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ProviderId>,
    body: Body<ReasonBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let reason = body.value.read()?;
    let providers = &state.services.catalog.providers;
    let provider = providers.suspend(&actor, *id, &reason).await?;
    Ok(tagged(&request, provider.version, &ProviderView::from(&provider), Caching::Private))
}

/// Bring a provider back
///
/// With all its listings, as they were.
#[utoipa::path(
    operation_id = "restoreProvider",
    tag = "admin",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    request_body = ReasonBody,
    responses(
        (status = OK, description = "The provider as it is now", body = ProviderView),
        (status = CONFLICT, description = "It is active", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/restore")]
async fn restore(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ProviderId>,
    body: Body<ReasonBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let reason = body.value.read()?;
    let providers = &state.services.catalog.providers;
    let provider = providers.restore(&actor, *id, Some(&reason)).await?;
    Ok(tagged(&request, provider.version, &ProviderView::from(&provider), Caching::Private))
}
