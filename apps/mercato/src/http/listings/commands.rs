//! What a provider does with a listing, a route per command.

use actix_web::{HttpResponse, delete, post};
use kernel::ListingId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::changed;
use crate::http::Problem;
use crate::http::command::{Command, IfMatch};
use crate::http::listings::ListingView;

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
    params(Command<ListingId>, IfMatch),
    responses(
        ListingView,
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "It cannot be public like this; all that is missing is listed", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/publish")]
async fn publish(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let stored = state.services.catalog.listings.publish(actor, *id, expected).await?;
    Ok(changed(&command, &stored))
}

/// Take a listing back to mend it
///
/// From the moderators, or after they refused it: it is a draft again.
#[utoipa::path(
    operation_id = "withdrawListing",
    tag = "listings",
    params(Command<ListingId>, IfMatch),
    responses(
        ListingView,
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/withdraw")]
async fn withdraw(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let stored = state.services.catalog.listings.withdraw(actor, *id, expected).await?;
    Ok(changed(&command, &stored))
}

/// Take a listing off the market for a while
///
/// Nobody finds it until it is resumed.
#[utoipa::path(
    operation_id = "pauseListing",
    tag = "listings",
    params(Command<ListingId>, IfMatch),
    responses(
        ListingView,
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/pause")]
async fn pause(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let stored = state.services.catalog.listings.pause(actor, *id, expected).await?;
    Ok(changed(&command, &stored))
}

/// Bring a paused listing back
///
/// It is public again, as it was.
#[utoipa::path(
    operation_id = "resumeListing",
    tag = "listings",
    params(Command<ListingId>, IfMatch),
    responses(
        ListingView,
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "It cannot be public like this; all that is missing is listed", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/resume")]
async fn resume(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let stored = state.services.catalog.listings.resume(actor, *id, expected).await?;
    Ok(changed(&command, &stored))
}

/// Take a listing away for good
///
/// What refers to it, such as a booking, still finds it. It does not come back.
#[utoipa::path(
    operation_id = "archiveListing",
    tag = "listings",
    params(Command<ListingId>, IfMatch),
    responses(
        ListingView,
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/listings/{id}/archive")]
async fn archive(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let stored = state.services.catalog.listings.archive(actor, *id, expected).await?;
    Ok(changed(&command, &stored))
}

/// Give up the change that waits for a moderator
///
/// The public listing stays as it is; files that came with the change are gone.
#[utoipa::path(
    operation_id = "withdrawListingChange",
    tag = "listings",
    params(Command<ListingId>),
    responses((status = NO_CONTENT, description = "It waits no more")),
)]
#[delete("/listings/{id}/pending-change")]
async fn withdraw_change(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = command;
    state.services.catalog.listings.withdraw_change(&actor, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
