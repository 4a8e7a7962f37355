use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, patch, post, put};
use kernel::{Answer, BookingId, FieldError, Idempotency, ReviewId};
use reviews::{ChangeReview, HelpfulState, Presented, ReportReason, WriteReview};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::{ReviewView, changed};
use crate::http::Problem;
use crate::http::body::{Body, Patch, bounded};
use crate::http::caller::Caller;
use crate::http::command::{Command, IfMatch};
use crate::http::idempotency::{self, created, respond};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(write)
        .service(submit)
        .service(confirm)
        .service(confirm_by_link)
        .service(edit)
        .service(reply)
        .service(helpful)
        .service(not_helpful)
        .service(report);
}

/// A review to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "booking_id": "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "stars": 5,
    "text": "On time, tidy, and the shelves are straight.",
    "criteria": { "punctuality": 5, "quality": 4 },
}))]
struct NewReview {
    /// The completed booking.
    #[schema(value_type = String)]
    booking_id: BookingId,
    /// Overall, 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    stars: i64,
    /// In words: 20 to 4,000 characters.
    #[schema(min_length = 20, max_length = 4000)]
    text: String,
    /// By criterion that the listing's type declares, 1 to 5 each; any may be left out.
    #[serde(default)]
    criteria: BTreeMap<String, i64>,
    /// Keep it as a draft instead of handing it in.
    #[serde(default)]
    draft: bool,
}

impl From<NewReview> for WriteReview {
    fn from(body: NewReview) -> Self {
        let NewReview { booking_id, stars, text, criteria, draft } = body;
        let criteria = criteria.into_iter().collect();
        Self { booking: booking_id, stars, text, criteria, draft }
    }
}

/// Review a completed booking
///
/// Once per side, within 14 days of its completion. You get a mail with a link that confirms the
/// review; it is shown after that. With `draft` it waits until you hand it in.
#[utoipa::path(
    operation_id = "writeReview",
    tag = "reviews",
    params(("Idempotency-Key" = Option<String>, Header, description = "A value of your own per attempt, so that a retry is safe")),
    request_body = NewReview,
    responses(
        (status = CREATED, description = "Written; confirm it next", body = ReviewView),
        (status = NOT_FOUND, description = "There is no such booking, or you take no part in it",
            body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, description = "Reviewed before, not completed, or too late; or a \
            request with this key is under way", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/reviews")]
async fn write(
    Caller(actor): Caller,
    request: HttpRequest,
    body: Body<NewReview>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let scope = idempotency::optional(&request, &actor, body.hash)?;
    let once = scope.map(|scope| Idempotency { scope, answer: &answer });
    let once = state.services.reviews.write(&actor, body.value.into(), once).await?;
    Ok(respond(once, answer))
}

fn answer(written: &Presented) -> Answer {
    let location = format!("/api/v1/reviews/{}", written.review.id());
    let version = written.review.record().version;
    created(&location, Some(version), &ReviewView::written(written.clone()))
}

/// Hand a draft in
///
/// You get a mail with a link that confirms it. A draft that is not handed in before the time for
/// reviews is over is discarded.
#[utoipa::path(
    operation_id = "submitReview",
    tag = "reviews",
    params(Command<ReviewId>),
    responses(
        ReviewView,
        (status = CONFLICT, description = "It is no draft, or too late", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/reviews/{id}/submit")]
async fn submit(command: Command<ReviewId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let review = state.services.reviews.submit(actor, *id).await?;
    changed(&command, review).await
}

/// Confirm one's own review
///
/// It is shown at once, unless a moderator looks first or the other side's review is awaited.
#[utoipa::path(
    operation_id = "confirmReview",
    tag = "reviews",
    params(Command<ReviewId>),
    responses(
        ReviewView,
        (status = CONFLICT, description = "It does not wait for a confirmation", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/reviews/{id}/confirm")]
async fn confirm(command: Command<ReviewId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let review = state.services.reviews.confirm(actor, *id).await?;
    changed(&command, review).await
}

/// The longest token of a link, in characters.
const LONGEST_TOKEN: usize = 200;

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "q2Vx0bJc7mVQm3m8c2o0a1J5cE0xX3lLrJmZt9uY1nE" }))]
struct ReviewLink {
    /// What the link in the mail carries as `token`.
    #[schema(max_length = 200)]
    token: String,
}

/// Confirm a review by the link in its mail
///
/// Without signing in, once: whoever reads the author's mail may confirm.
#[utoipa::path(
    operation_id = "confirmReviewByLink",
    tag = "reviews",
    params(Command<ReviewId>),
    request_body = ReviewLink,
    responses(
        ReviewView,
        (status = GONE, description = "The link was used, or is too old", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/reviews/{id}/confirm-by-link")]
async fn confirm_by_link(
    command: Command<ReviewId>,
    body: Body<ReviewLink>,
) -> Result<HttpResponse, Problem> {
    let reviews = &command.state.services.reviews;
    let token = bounded("/token", body.value.token, LONGEST_TOKEN)?;
    let review = reviews.confirm_by_link(command.id, &token).await?;
    changed(&command, review).await
}

/// What shall change of a review; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "stars": 4 }))]
struct EditedReview {
    /// Overall, 1 to 5.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 5)]
    stars: Patch<i64>,
    /// In words: 20 to 4,000 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 20, max_length = 4000)]
    text: Patch<String>,
    /// By criterion, as a whole; null removes all.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, i64>>)]
    criteria: Patch<BTreeMap<String, i64>>,
}

impl TryFrom<EditedReview> for ChangeReview {
    type Error = Problem;

    fn try_from(body: EditedReview) -> Result<Self, Problem> {
        let mut errors = Vec::new();
        let change = Self {
            stars: required(body.stars, "/stars", &mut errors),
            text: required(body.text, "/text", &mut errors),
            criteria: body
                .criteria
                .into_change()
                .map(|criteria| criteria.unwrap_or_default().into_iter().collect()),
            expected_version: None,
        };
        if errors.is_empty() { Ok(change) } else { Err(Problem::invalid(&errors)) }
    }
}

/// A field that can be changed but not removed.
fn required<T>(patch: Patch<T>, pointer: &str, errors: &mut Vec<FieldError>) -> Option<T> {
    match patch {
        Patch::Keep => None,
        Patch::Set(value) => Some(value),
        Patch::Clear => {
            let (code, detail) = ("required", "cannot be removed".to_owned());
            errors.push(FieldError { pointer: pointer.to_owned(), code, detail });
            None
        }
    }
}

/// Change one's own review
///
/// Freely before it is confirmed, for 48 hours after. Where moderators look first, a changed
/// review goes back to them.
#[utoipa::path(
    operation_id = "editReview",
    tag = "reviews",
    params(Command<ReviewId>, IfMatch),
    request_body = EditedReview,
    responses(
        ReviewView,
        (status = CONFLICT, description = "It can no longer be changed", body = Problem,
            content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It has changed since you loaded it",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[patch("/reviews/{id}")]
async fn edit(
    command: Command<ReviewId>,
    body: Body<EditedReview>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected_version = command.expected()?;
    let change = ChangeReview { expected_version, ..body.value.try_into()? };
    let review = state.services.reviews.edit(actor, *id, change).await?;
    changed(&command, review).await
}

/// An answer to a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "Thank you, it was a pleasure." }))]
struct NewReply {
    /// 1 to 2,000 characters, in public.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// Reply to a review of oneself
///
/// Once, in public. There is no way to change or remove it, so that what readers saw stays.
#[utoipa::path(
    operation_id = "replyToReview",
    tag = "reviews",
    params(Command<ReviewId>),
    request_body = NewReply,
    responses(
        ReviewView,
        (status = CONFLICT, description = "There is a reply, or the review is not shown",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/reviews/{id}/reply")]
async fn reply(command: Command<ReviewId>, body: Body<NewReply>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let review = state.services.reviews.reply(actor, *id, &body.value.text).await?;
    changed(&command, review).await
}

/// How a review stands with its readers.
#[derive(Debug, Serialize, ToSchema)]
struct HelpfulView {
    /// Whether you find it helpful.
    is_helpful: bool,
    /// How many do.
    #[schema(example = 7)]
    helpful_count: u32,
}

impl From<HelpfulState> for HelpfulView {
    fn from(state: HelpfulState) -> Self {
        Self { is_helpful: state.helpful, helpful_count: state.count }
    }
}

/// Mark a review as helpful
///
/// Any number of times: one reader counts once.
#[utoipa::path(
    operation_id = "markReviewHelpful",
    tag = "reviews",
    params(Command<ReviewId>),
    responses(
        (status = OK, description = "Marked", body = HelpfulView),
        (status = CONFLICT, description = "It is your own", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[put("/reviews/{id}/helpful")]
async fn helpful(command: Command<ReviewId>) -> Result<HttpResponse, Problem> {
    let vote = command.state.services.reviews.set_helpful(&command.actor, command.id, true).await?;
    Ok(HttpResponse::Ok().json(HelpfulView::from(vote)))
}

/// Take a mark as helpful back
///
/// Any number of times, also where there is none.
#[utoipa::path(
    operation_id = "unmarkReviewHelpful",
    tag = "reviews",
    params(Command<ReviewId>),
    responses(
        (status = OK, description = "Not marked", body = HelpfulView),
        (status = CONFLICT, description = "It is your own", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[delete("/reviews/{id}/helpful")]
async fn not_helpful(command: Command<ReviewId>) -> Result<HttpResponse, Problem> {
    let vote =
        command.state.services.reviews.set_helpful(&command.actor, command.id, false).await?;
    Ok(HttpResponse::Ok().json(HelpfulView::from(vote)))
}

/// Why a reader reports a review.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReportReasonView {
    /// It insults or threatens.
    Abusive,
    /// It shows somebody's private data.
    PersonalData,
    /// It is not about what was booked.
    OffTopic,
    /// It advertises.
    Spam,
    /// It is not true, or was paid for.
    False,
    /// Something else; the note says what.
    Other,
}

impl From<ReportReasonView> for ReportReason {
    fn from(reason: ReportReasonView) -> Self {
        match reason {
            ReportReasonView::Abusive => Self::Abusive,
            ReportReasonView::PersonalData => Self::PersonalData,
            ReportReasonView::OffTopic => Self::OffTopic,
            ReportReasonView::Spam => Self::Spam,
            ReportReasonView::False => Self::False,
            ReportReasonView::Other => Self::Other,
        }
    }
}

/// A complaint about a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "spam", "note": "It only links to another shop." }))]
struct NewReport {
    /// What is wrong with it.
    reason: ReportReasonView,
    /// What, in your words: up to 1,000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Report a review
///
/// Moderators look at it. A second report by the same reader changes nothing.
#[utoipa::path(
    operation_id = "reportReview",
    tag = "reviews",
    params(Command<ReviewId>),
    request_body = NewReport,
    responses(
        (status = NO_CONTENT, description = "Reported"),
        (status = CONFLICT, description = "It is your own", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/reviews/{id}/report")]
async fn report(
    command: Command<ReviewId>,
    body: Body<NewReport>,
) -> Result<HttpResponse, Problem> {
    let NewReport { reason, note } = body.value;
    let Command { actor, id, state, .. } = &command;
    state.services.reviews.report(actor, *id, reason.into(), note.as_deref()).await?;
    Ok(HttpResponse::NoContent().finish())
}
