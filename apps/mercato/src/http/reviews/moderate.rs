use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use kernel::ReviewId;
use reviews::ModerationQueue;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::{ReviewView, changed, page, position};
use crate::http::Problem;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::command::Command;
use crate::http::page::{NumberedPageView, number};
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(approve).service(hide).service(restore);
}

/// What waits for moderators.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum QueueView {
    /// Confirmed, to be looked at before they are shown.
    #[default]
    Pending,
    /// Shown, and reported by readers.
    Reported,
    /// Hidden by a moderator.
    Hidden,
}

impl From<QueueView> for ModerationQueue {
    fn from(queue: QueueView) -> Self {
        match queue {
            QueueView::Pending => Self::Pending,
            QueueView::Reported => Self::Reported,
            QueueView::Hidden => Self::Hidden,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Which queue.
    #[serde(default)]
    #[param(inline)]
    queue: QueueView,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The number of a page instead, from 1, within the first 10000 items.
    #[param(minimum = 1, example = 1)]
    page: Option<i64>,
    /// Whether to say how many there are, counted up to 10000.
    include_total: Option<bool>,
}

/// List reviews that wait for moderators
///
/// The oldest first, with the reports that wait for a decision.
#[utoipa::path(
    operation_id = "listReviewQueue",
    tag = "admin: reviews",
    params(Listed),
    responses((status = OK, description = "A page of reviews", body = NumberedPageView<ReviewView>)),
)]
#[get("/admin/reviews")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<NumberedPageView<ReviewView>>, Problem> {
    let limit = limit(query.limit)?;
    let number = number(query.page, query.cursor.as_deref(), limit)?;
    let queue = ModerationQueue::from(query.queue);
    let name = format!("review queue {}", queue.name());
    let after = position(&state, &name, query.cursor.as_deref())?;
    let reviews = &state.services.reviews;
    let found = match number {
        Some(number) => reviews.queue_numbered(&actor, queue, number, limit).await?,
        None => reviews.queue(&actor, queue, after, limit).await?,
    };
    let total = match query.include_total {
        Some(true) => Some(reviews.count_queue(&actor, queue).await?),
        Some(false) | None => None,
    };
    let page = page(found, limit, &state, &name).await?;
    Ok(Json(NumberedPageView::new(page, total)))
}

/// Why a moderator decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "It shows the private address of the provider." }))]
struct ReviewDecision {
    /// 3 to 500 characters; the author reads it.
    #[schema(min_length = 3, max_length = 500)]
    reason: String,
}

/// Approve a review
///
/// Shows one that waits; leaves one that was reported where it is, and closes its reports.
#[utoipa::path(
    operation_id = "approveReview",
    tag = "admin: reviews",
    params(Command<ReviewId>),
    responses(
        ReviewView,
        (status = CONFLICT, description = "It does not wait for a moderator", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/reviews/{id}/approve")]
async fn approve(command: Command<ReviewId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let review = state.services.reviews.approve(actor, *id, None).await?;
    changed(&command, review).await
}

/// Hide a review
///
/// Takes it out of sight and out of the ratings, closes its reports, and tells its author why.
#[utoipa::path(
    operation_id = "hideReview",
    tag = "admin: reviews",
    params(Command<ReviewId>),
    request_body = ReviewDecision,
    responses(
        ReviewView,
        (status = CONFLICT, description = "It is not confirmed, or hidden", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/reviews/{id}/hide")]
async fn hide(
    command: Command<ReviewId>,
    body: Body<ReviewDecision>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let review = state.services.reviews.hide(actor, *id, &body.value.reason).await?;
    changed(&command, review).await
}

/// Restore a hidden review
///
/// Shows it again as it was, and counts it again.
#[utoipa::path(
    operation_id = "restoreReview",
    tag = "admin: reviews",
    params(Command<ReviewId>),
    request_body = ReviewDecision,
    responses(
        ReviewView,
        (status = CONFLICT, description = "It is not hidden", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/reviews/{id}/restore")]
async fn restore(
    command: Command<ReviewId>,
    body: Body<ReviewDecision>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let review = state.services.reviews.restore(actor, *id, &body.value.reason).await?;
    changed(&command, review).await
}
