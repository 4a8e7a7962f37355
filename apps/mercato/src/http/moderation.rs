//! The queue of the moderators, and what they decide.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, ResponseError, get, post};
use catalog::{Decision, Reason, ReviewItem, ReviewQueue, ReviewTarget};
use chrono::{DateTime, Utc};
use kernel::{ChangeRequestId, FieldErrors, ListingId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::command::{Command, IfMatch};
use super::listings::{ListingView, PendingChangeView};
use super::page::{NumberedPageView, PageView, number};
use super::query::{Query, limit};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(queue)
        .service(change_request)
        .service(approve_listing)
        .service(reject_listing)
        .service(approve_change)
        .service(reject_change)
        .service(decide_in_bulk);
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The pictures show another place." }))]
pub(super) struct ReasonBody {
    /// In 1 to 500 characters; whom it concerns reads it.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl ReasonBody {
    /// The reason, checked.
    pub(super) fn read(&self) -> Result<Reason, Problem> {
        read_reason(&self.reason)
    }
}

fn read_reason(given: &str) -> Result<Reason, Problem> {
    Reason::new(given).map_err(|error| {
        let mut errors = FieldErrors::new();
        errors.add("/reason", error.code(), error.to_string());
        Problem::invalid(&errors.0)
    })
}

/// Something that a moderator has to decide on.
#[derive(Debug, Serialize, ToSchema)]
struct ReviewItemView {
    /// `listing`, or `change` of a listing; expect new values.
    #[schema(example = "change")]
    kind: &'static str,
    /// The id to decide on: of the listing, or of the change.
    #[schema(example = "chg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its version: send it as `If-Match` (`"3"`) to decide on what you saw.
    #[schema(example = 1)]
    version: i32,
    /// Since when it waits.
    since: DateTime<Utc>,
    /// The listing as it is.
    listing: ListingView,
    /// The change, if it is about one.
    change: Option<PendingChangeView>,
}

impl ReviewItemView {
    fn new(item: &ReviewItem, actor: &access::Actor) -> Self {
        let (kind, id, version) = match &item.change {
            None => ("listing", item.listing.id().to_string(), item.listing.version()),
            Some(change) => ("change", change.id.to_string(), change.version),
        };
        Self {
            kind,
            id,
            version,
            since: item.since,
            listing: ListingView::reviewed(&item.listing, actor),
            change: item.change.as_ref().map(Into::into),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Queue {
    /// Only listings of this type.
    #[param(example = "project")]
    listing_type: Option<String>,
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

/// List what waits for a moderator
///
/// Listings before they are public, those that are public and not looked at yet, and changes of
/// public listings; oldest first.
#[utoipa::path(
    operation_id = "listModerationQueue",
    tag = "admin: moderation",
    params(Queue),
    responses((status = OK, description = "A page", body = NumberedPageView<ReviewItemView>)),
)]
#[get("/admin/moderation")]
async fn queue(
    Caller(actor): Caller,
    Query(query): Query<Queue>,
    state: Data<State>,
) -> Result<Json<NumberedPageView<ReviewItemView>>, Problem> {
    let limit = limit(query.limit)?;
    let number = number(query.page, query.cursor.as_deref(), limit)?;
    let list = format!("review queue {:?}", query.listing_type);
    let after = query.cursor.as_deref().map(|c| state.cursors.decode(&list, c)).transpose()?;
    let moderation = &state.services.catalog.moderation;
    let total = match query.include_total {
        Some(true) => Some(moderation.count_queue(&actor, query.listing_type.clone()).await?),
        Some(false) | None => None,
    };
    let wanted = ReviewQueue { listing_type: query.listing_type, limit, after };
    let page = match number {
        Some(number) => moderation.queue_numbered(&actor, wanted, number).await?,
        None => moderation.queue(&actor, &wanted).await?,
    };
    let present = |item| ReviewItemView::new(&item, &actor);
    let view = PageView::new(page, limit, &state.cursors, &list, present);
    Ok(Json(NumberedPageView::new(view, total)))
}

/// Look at a change of a listing
///
/// With the listing as it is, and what shall change.
#[utoipa::path(
    operation_id = "getChangeRequest",
    tag = "admin: moderation",
    params(Command<ChangeRequestId>),
    responses((status = OK, description = "The change request", body = ReviewItemView)),
)]
#[get("/admin/change-requests/{id}")]
async fn change_request(command: Command<ChangeRequestId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let item = state.services.catalog.moderation.change_request(actor, *id).await?;
    let view = ReviewItemView::new(&item, actor);
    Ok(command.answer(view.version, &view))
}

async fn decide<Id: Copy>(
    command: Command<Id>,
    target: impl FnOnce(Id) -> ReviewTarget,
    decision: Decision,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected()?;
    let Command { actor, id, state, .. } = &command;
    let moderation = &state.services.catalog.moderation;
    let listing = moderation.decide(actor, target(*id), &decision, expected).await?;
    Ok(command.answer(listing.version(), &ListingView::reviewed(&listing, actor)))
}

/// Approve a listing
///
/// One that waits becomes public; one that is public already is taken from the queue. Send
/// `If-Match` to approve what you saw, not what it may have become.
#[utoipa::path(
    operation_id = "approveListing",
    tag = "admin: moderation",
    params(Command<ListingId>, IfMatch),
    responses(
        (status = OK, description = "Approved: the listing as it is now", body = ListingView),
        (status = CONFLICT, description = "It does not wait", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/listings/{id}/approve")]
async fn approve_listing(command: Command<ListingId>) -> Result<HttpResponse, Problem> {
    decide(command, ReviewTarget::Listing, Decision::Approve).await
}

/// Refuse a listing
///
/// One that waits, or one that is public: it is taken down. Its provider reads the reason and can
/// mend it.
#[utoipa::path(
    operation_id = "rejectListing",
    tag = "admin: moderation",
    params(Command<ListingId>, IfMatch),
    request_body = ReasonBody,
    responses(
        (status = OK, description = "Refused: the listing as it is now", body = ListingView),
        (status = CONFLICT, description = "It neither waits nor is public", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/listings/{id}/reject")]
async fn reject_listing(
    command: Command<ListingId>,
    body: Body<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let decision = Decision::Reject { reason: body.value.read()? };
    decide(command, ReviewTarget::Listing, decision).await
}

/// Approve a change of a listing
///
/// The public listing becomes as the change says.
#[utoipa::path(
    operation_id = "approveChangeRequest",
    tag = "admin: moderation",
    params(Command<ChangeRequestId>, IfMatch),
    responses(
        (status = OK, description = "Approved: the listing as it is now", body = ListingView),
        (status = CONFLICT, description = "It does not wait any more", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "The listing cannot be like this any more", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/change-requests/{id}/approve")]
async fn approve_change(command: Command<ChangeRequestId>) -> Result<HttpResponse, Problem> {
    decide(command, ReviewTarget::Change, Decision::Approve).await
}

/// Refuse a change of a listing
///
/// The public listing stays as it is. Its provider reads the reason.
#[utoipa::path(
    operation_id = "rejectChangeRequest",
    tag = "admin: moderation",
    params(Command<ChangeRequestId>, IfMatch),
    request_body = ReasonBody,
    responses(
        (status = OK, description = "Refused: the listing as it is now", body = ListingView),
        (status = CONFLICT, description = "It does not wait any more", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/change-requests/{id}/reject")]
async fn reject_change(
    command: Command<ChangeRequestId>,
    body: Body<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let decision = Decision::Reject { reason: body.value.read()? };
    decide(command, ReviewTarget::Change, decision).await
}

/// Which way a moderator decides.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It is all right.
    Approve,
    /// It is not; needs a reason.
    Reject,
}

/// One decision on many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "verdict": "reject",
    "reason": "Copied from another marketplace.",
    "ids": ["lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f", "chg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"],
}))]
struct Decisions {
    /// `approve` or `reject`.
    verdict: Verdict,
    /// Why, to reject.
    reason: Option<String>,
    /// 1 to 500 ids of listings and change requests.
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<String>,
}

impl Decisions {
    fn read(&self) -> Result<(Vec<ReviewTarget>, Decision), Problem> {
        let mut errors = FieldErrors::new();
        let mut targets = Vec::with_capacity(self.ids.len());
        for (i, id) in self.ids.iter().enumerate() {
            let target = id
                .parse()
                .map(ReviewTarget::Listing)
                .or_else(|_| id.parse().map(ReviewTarget::Change));
            targets.extend(errors.check(&format!("/ids/{i}"), "invalid_id", target));
        }
        let decision = match (self.verdict, &self.reason) {
            (Verdict::Approve, None) => Some(Decision::Approve),
            (Verdict::Approve, Some(_)) => {
                errors.add("/reason", "meaningless", "an approval takes no reason");
                None
            }
            (Verdict::Reject, None) => {
                errors.add("/reason", "required", "is needed to reject");
                None
            }
            (Verdict::Reject, Some(reason)) => match Reason::new(reason) {
                Ok(reason) => Some(Decision::Reject { reason }),
                Err(error) => {
                    errors.add("/reason", error.code(), error.to_string());
                    None
                }
            },
        };
        match decision {
            Some(decision) if errors.is_empty() => Ok((targets, decision)),
            Some(_) | None => Err(Problem::invalid(&errors.0)),
        }
    }
}

/// What became of one decision.
#[derive(Debug, Serialize, ToSchema)]
struct DecisionResultView {
    /// Of which listing or change.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The status that the decision alone would have been answered with.
    #[schema(example = 200)]
    status: u16,
    /// Why not.
    problem: Option<Problem>,
}

/// What became of all decisions.
#[derive(Debug, Serialize, ToSchema)]
struct DecisionResultsView {
    /// One per id, in their order.
    data: Vec<DecisionResultView>,
}

/// Decide on many listings and changes
///
/// Each is decided by itself: one that cannot be does not keep the others from it.
#[utoipa::path(
    operation_id = "decideInBulk",
    tag = "admin: moderation",
    request_body = Decisions,
    responses((status = 207, description = "A result per id", body = DecisionResultsView)),
)]
#[post("/admin/moderation/decisions")]
async fn decide_in_bulk(
    Caller(actor): Caller,
    body: Body<Decisions>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    super::permission::permission(&actor, access::Action::ListingModerate)?;
    let (targets, decision) = body.value.read()?;
    let moderation = &state.services.catalog.moderation;
    let results = moderation.decide_in_bulk(&actor, &targets, &decision).await?;
    let data = results.into_iter().map(|(target, result)| {
        let id = match target {
            ReviewTarget::Listing(id) => id.to_string(),
            ReviewTarget::Change(id) => id.to_string(),
        };
        let problem = result.err().map(Problem::from);
        let status = problem.as_ref().map_or(200, |problem| problem.status_code().as_u16());
        DecisionResultView { id, status, problem }
    });
    let view = DecisionResultsView { data: data.collect() };
    Ok(HttpResponse::build(StatusCode::MULTI_STATUS).json(view))
}
