//! What moderators do with providers.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use catalog::{Newest, ProviderFilter};
use kernel::ProviderId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{ProviderView, changed};
use crate::http::Problem;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::command::Command;
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
    tag = "admin: providers",
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
    let present = |provider| ProviderView::plain(&provider, &state);
    Ok(Json(PageView::new(page, limit, &state.cursors, &list, present)))
}

/// Verify a provider
///
/// Confirms that it is who it says it is.
#[utoipa::path(
    operation_id = "verifyProvider",
    tag = "admin: providers",
    params(Command<ProviderId>),
    responses(
        ProviderView,
        (status = CONFLICT, description = "It is verified already", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/verify")]
async fn verify(command: Command<ProviderId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let provider = state.services.catalog.providers.verify(actor, *id).await?;
    Ok(changed(&command, &provider))
}

/// Refuse to verify a provider
///
/// Or take its verification back. It can ask again.
#[utoipa::path(
    operation_id = "refuseProviderVerification",
    tag = "admin: providers",
    params(Command<ProviderId>),
    request_body = ReasonBody,
    responses(
        ProviderView,
        (status = CONFLICT, description = "It neither waits nor is verified", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/refuse-verification")]
async fn refuse_verification(
    command: Command<ProviderId>,
    body: Body<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let reason = body.value.read()?;
    let Command { actor, id, state, .. } = &command;
    let provider =
        state.services.catalog.providers.refuse_verification(actor, *id, &reason).await?;
    Ok(changed(&command, &provider))
}

/// Take a provider off the market
///
/// With all its listings, at once; they stay as they are.
#[utoipa::path(
    operation_id = "suspendProvider",
    tag = "admin: providers",
    params(Command<ProviderId>),
    request_body = ReasonBody,
    responses(
        ProviderView,
        (status = CONFLICT, description = "It is suspended already", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/suspend")]
async fn suspend(
    command: Command<ProviderId>,
    body: Body<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let reason = body.value.read()?;
    let Command { actor, id, state, .. } = &command;
    let provider = state.services.catalog.providers.suspend(actor, *id, &reason).await?;
    Ok(changed(&command, &provider))
}

/// Bring a provider back
///
/// With all its listings, as they were.
#[utoipa::path(
    operation_id = "restoreProvider",
    tag = "admin: providers",
    params(Command<ProviderId>),
    request_body = ReasonBody,
    responses(
        ProviderView,
        (status = CONFLICT, description = "It is active", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/providers/{id}/restore")]
async fn restore(
    command: Command<ProviderId>,
    body: Body<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let reason = body.value.read()?;
    let Command { actor, id, state, .. } = &command;
    let provider = state.services.catalog.providers.restore(actor, *id, Some(&reason)).await?;
    Ok(changed(&command, &provider))
}
