//! What a provider does with a listing, a route per command.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, post};
use kernel::ListingId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::changed;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::etag::if_match;
use crate::http::listings::ListingView;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(publish)
        .service(withdraw)
        .service(pause)
        .service(resume)
        .service(archive)
        .service(withdraw_change);
}

/// Publish a listing
///
/// Offers a draft to the public. Where moderators look first it waits for them as `pending_review`;
/// else it is public at once. What is missing is said by `listing.incomplete`.
#[utoipa::path(
    operation_id = "publishListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    responses(
        (status = OK, description = "The listing as it is now", body = ListingView),
        (status = CONFLICT, description = "Its state does not allow it; `allowed` says what does", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "It cannot be public like this; all that is missing is listed", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/publish")]
async fn publish(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let stored = state.services.catalog.listings.publish(&actor, *id, expected).await?;
    Ok(changed(&request, &stored, &actor, &state))
}

/// Take a listing back to mend it
///
/// From the moderators, or after they refused it: it is a draft again.
#[utoipa::path(
    operation_id = "withdrawListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    responses(
        (status = OK, description = "The listing as it is now", body = ListingView),
        (status = CONFLICT, description = "Its state does not allow it; `allowed` says what does", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/withdraw")]
async fn withdraw(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let stored = state.services.catalog.listings.withdraw(&actor, *id, expected).await?;
    Ok(changed(&request, &stored, &actor, &state))
}

/// Take a listing off the market for a while
///
/// Nobody finds it until it is resumed.
#[utoipa::path(
    operation_id = "pauseListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    responses(
        (status = OK, description = "The listing as it is now", body = ListingView),
        (status = CONFLICT, description = "Its state does not allow it; `allowed` says what does", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/pause")]
async fn pause(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let stored = state.services.catalog.listings.pause(&actor, *id, expected).await?;
    Ok(changed(&request, &stored, &actor, &state))
}

/// Bring a paused listing back
///
/// It is public again, as it was.
#[utoipa::path(
    operation_id = "resumeListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    responses(
        (status = OK, description = "The listing as it is now", body = ListingView),
        (status = CONFLICT, description = "Its state does not allow it; `allowed` says what does", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "It cannot be public like this; all that is missing is listed", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/resume")]
async fn resume(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let stored = state.services.catalog.listings.resume(&actor, *id, expected).await?;
    Ok(changed(&request, &stored, &actor, &state))
}

/// Take a listing away for good
///
/// What refers to it, such as a booking, still finds it. It does not come back.
#[utoipa::path(
    operation_id = "archiveListing",
    tag = "listings",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen"),
    ),
    responses(
        (status = OK, description = "The listing as it is now", body = ListingView),
        (status = CONFLICT, description = "Its state does not allow it; `allowed` says what does", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/archive")]
async fn archive(
    Caller(actor): Caller,
    request: HttpRequest,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let stored = state.services.catalog.listings.archive(&actor, *id, expected).await?;
    Ok(changed(&request, &stored, &actor, &state))
}

/// Give up the change that waits for a moderator
///
/// The public listing stays as it is; files that came with the change are gone.
#[utoipa::path(
    operation_id = "withdrawListingChange",
    tag = "listings",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = NO_CONTENT, description = "It waits no more")),
)]
#[delete("/listings/{id}/pending-change")]
async fn withdraw_change(
    Caller(actor): Caller,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    state.services.catalog.listings.withdraw_change(&actor, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
