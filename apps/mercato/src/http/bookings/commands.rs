//! From an agreement to its end: one call per command.

use actix_web::web::Json;
use actix_web::{HttpResponse, post};
use bookings::{BookingCommand, Reason, Seen, Side};
use kernel::{BookingId, FieldErrors, Idempotency};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::text;
use super::view::BookingView;
use crate::http::Problem;
use crate::http::body::{Body, OptionalBody};
use crate::http::command::{Command, IdempotencyKey};
use crate::http::idempotency::{changed, respond};
use crate::http::moment::Moment;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(start).service(report_done).service(request_changes).service(confirm_done);
    config.service(cancel).service(no_show).service(dispute);
    config.service(propose_reschedule).service(accept_reschedule);
    config.service(decline_reschedule).service(withdraw_reschedule);
}

/// Carries out a command and shows what came of it.
pub(super) async fn give(
    Command { actor, id, state, .. }: &Command<BookingId>,
    command: BookingCommand,
) -> Result<Json<BookingView>, Problem> {
    let seen = state.services.bookings.command(actor, *id, command).await?;
    Ok(Json(BookingView::from(&seen)))
}

/// Carries out a command that adds something, once per `Idempotency-Key`.
pub(super) async fn give_once(
    to: &Command<BookingId>,
    command: BookingCommand,
    body_hash: [u8; 32],
) -> Result<HttpResponse, Problem> {
    let answer = |seen: &Seen| changed(&BookingView::from(seen));
    let once = to.key(body_hash)?.map(|scope| Idempotency { scope, answer: &answer });
    let bookings = &to.state.services.bookings;
    let once = bookings.command_once(&to.actor, to.id, command, once).await?;
    Ok(respond(once, answer))
}

/// Why, if one wants to say so.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "I am ill that day" }))]
pub(super) struct ReasonBody {
    /// In one's own words; the other side reads it.
    #[schema(min_length = 1, max_length = 2000)]
    reason: Option<String>,
}

impl ReasonBody {
    pub(super) fn read(&self) -> Result<Option<Reason>, Problem> {
        self.reason.as_deref().map(|reason| read("/reason", reason)).transpose()
    }
}

/// What was done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "note": "The key is with your neighbour" }))]
struct NoteBody {
    /// In the provider's words.
    #[schema(min_length = 1, max_length = 2000)]
    note: Option<String>,
}

/// What has to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "The door still sticks" }))]
struct ChangesBody {
    /// In the client's words.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// What the client complains of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Nobody came" }))]
struct DisputeBody {
    /// In the client's words; the provider and the moderators read it.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// A side of a booking.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Absent {
    /// The client.
    Client,
    /// The provider.
    Provider,
}

/// Who did not come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "who": "client" }))]
struct NoShowBody {
    /// The other side.
    who: Absent,
}

/// Another time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "starts_at": "2026-01-13T09:00:00Z" }))]
struct RescheduleBody {
    /// When the appointment would start: one of the listing's free slots if the client proposes
    /// it, any time that is free if the provider does.
    #[schema(value_type = DateTime<Utc>)]
    starts_at: Moment,
}

/// Reads a text that must be there.
fn read(pointer: &str, given: &str) -> Result<Reason, Problem> {
    let mut errors = FieldErrors::new();
    text(&mut errors, pointer, given).ok_or_else(|| Problem::invalid(&errors.0))
}

/// Begin the work
///
/// The provider of an accepted booking.
#[utoipa::path(
    operation_id = "startBooking",
    tag = "bookings",
    params(Command<BookingId>),
    responses(BookingView),
)]
#[post("/bookings/{id}/start")]
async fn start(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::Start).await
}

/// Report the work as done
///
/// Its provider, never its client. The client then has some days to confirm, to ask for changes or
/// to dispute.
#[utoipa::path(
    operation_id = "reportBookingDone",
    tag = "bookings",
    params(Command<BookingId>),
    request_body = Option<NoteBody>,
    responses(BookingView),
)]
#[post("/bookings/{id}/report-done")]
async fn report_done(
    command: Command<BookingId>,
    OptionalBody(body): OptionalBody<NoteBody>,
) -> Result<Json<BookingView>, Problem> {
    let note = body.note.as_deref().map(|note| read("/note", note)).transpose()?;
    give(&command, BookingCommand::ReportDone { note }).await
}

/// Ask for changes
///
/// The client of a booking that was reported done, at most twice.
#[utoipa::path(
    operation_id = "requestBookingChanges",
    tag = "bookings",
    params(Command<BookingId>, IdempotencyKey),
    request_body = ChangesBody,
    responses(BookingView),
)]
#[post("/bookings/{id}/request-changes")]
async fn request_changes(
    command: Command<BookingId>,
    body: Body<ChangesBody>,
) -> Result<HttpResponse, Problem> {
    let text = read("/text", &body.value.text)?;
    give_once(&command, BookingCommand::RequestChanges { text }, body.hash).await
}

/// Confirm that the work is done
///
/// Its client, never its provider. It is completed then, and reviews may be written.
#[utoipa::path(
    operation_id = "confirmBookingDone",
    tag = "bookings",
    params(Command<BookingId>),
    responses(BookingView),
)]
#[post("/bookings/{id}/confirm-done")]
async fn confirm_done(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::ConfirmDone).await
}

/// Cancel an accepted booking
///
/// Either side. A client gets back what the policy says (ask for the cancellation quote first),
/// everything if it is the provider who cancels.
#[utoipa::path(
    operation_id = "cancelBooking",
    tag = "bookings",
    params(Command<BookingId>),
    request_body = Option<ReasonBody>,
    responses(BookingView),
)]
#[post("/bookings/{id}/cancel")]
async fn cancel(
    command: Command<BookingId>,
    OptionalBody(body): OptionalBody<ReasonBody>,
) -> Result<Json<BookingView>, Problem> {
    let reason = body.read()?;
    give(&command, BookingCommand::Cancel { reason }).await
}

/// Report that the other side did not come
///
/// After the slot. A client who did not come pays by policy, a provider who did not come is not
/// paid.
#[utoipa::path(
    operation_id = "reportBookingNoShow",
    tag = "bookings",
    params(Command<BookingId>),
    request_body = NoShowBody,
    responses(BookingView),
)]
#[post("/bookings/{id}/no-show")]
async fn no_show(
    command: Command<BookingId>,
    body: Body<NoShowBody>,
) -> Result<Json<BookingView>, Problem> {
    let who = match body.value.who {
        Absent::Client => Side::Client,
        Absent::Provider => Side::Provider,
    };
    give(&command, BookingCommand::NoShow { who }).await
}

/// Dispute a booking
///
/// Its client. A moderator decides; without a decision in time the client gets everything back.
#[utoipa::path(
    operation_id = "disputeBooking",
    tag = "bookings",
    params(Command<BookingId>, IdempotencyKey),
    request_body = DisputeBody,
    responses(BookingView),
)]
#[post("/bookings/{id}/dispute")]
async fn dispute(
    command: Command<BookingId>,
    body: Body<DisputeBody>,
) -> Result<HttpResponse, Problem> {
    let reason = read("/reason", &body.value.reason)?;
    give_once(&command, BookingCommand::Dispute { reason }, body.hash).await
}

/// Propose another time
///
/// Either side of an accepted appointment, in place of any proposal before. Price and payment stay
/// as they are, and nothing holds the time until the other side accepts.
#[utoipa::path(
    operation_id = "proposeBookingReschedule",
    tag = "bookings",
    params(Command<BookingId>, IdempotencyKey),
    request_body = RescheduleBody,
    responses(
        BookingView,
        (status = CONFLICT, description = "Not in this state (`allowed` says what is possible), or the time is taken or not offered", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/bookings/{id}/propose-reschedule")]
async fn propose_reschedule(
    command: Command<BookingId>,
    body: Body<RescheduleBody>,
) -> Result<HttpResponse, Problem> {
    let starts_at = body.value.starts_at.into();
    give_once(&command, BookingCommand::ProposeReschedule { starts_at }, body.hash).await
}

/// Accept the proposed time
///
/// The side that did not propose it.
#[utoipa::path(
    operation_id = "acceptBookingReschedule",
    tag = "bookings",
    params(Command<BookingId>),
    responses(
        BookingView,
        (status = CONFLICT, description = "Not in this state (`allowed` says what is possible), or the time was taken meanwhile", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/bookings/{id}/accept-reschedule")]
async fn accept_reschedule(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::AcceptReschedule).await
}

/// Refuse the proposed time
///
/// The side that did not propose it; the appointment stays when it is.
#[utoipa::path(
    operation_id = "declineBookingReschedule",
    tag = "bookings",
    params(Command<BookingId>),
    responses(BookingView),
)]
#[post("/bookings/{id}/decline-reschedule")]
async fn decline_reschedule(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::DeclineReschedule).await
}

/// Take a proposed time back
///
/// The side that proposed it.
#[utoipa::path(
    operation_id = "withdrawBookingReschedule",
    tag = "bookings",
    params(Command<BookingId>),
    responses(BookingView),
)]
#[post("/bookings/{id}/withdraw-reschedule")]
async fn withdraw_reschedule(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::WithdrawReschedule).await
}
