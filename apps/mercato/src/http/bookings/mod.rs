//! Requests, quotes and appointments.

mod commands;
mod disputes;
mod negotiation;
mod view;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use bookings::{BookingPosition, Seen, Side, Status, SubmitBooking};
use chrono::{DateTime, Utc};
use kernel::{Answer, BookingId, FieldError, FieldErrors, Idempotency, Page, Text};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) use self::view::TierView;
use self::view::{BookingView, CancellationQuoteView, HistoryView};
use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::etag::{Caching, tagged};
use super::idempotency::{created, required, respond};
use super::money::MoneyView;
use super::page::PageView;
use super::query::{Query, limit};
use super::server::State;
use crate::http::moment::Moment;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(submit).service(list).service(show).service(history).service(quote);
    config.configure(negotiation::routes).configure(commands::routes).configure(disputes::routes);
}

/// What a client asks a provider for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "listing_id": "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "message": "Could you come on Monday?",
    "slot": "2026-01-12T09:00:00Z",
}))]
struct SubmitBody {
    /// Of what.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: String,
    /// In the client's words.
    #[schema(min_length = 1, max_length = 5000)]
    message: String,
    /// The start of one of the listing's free slots, for an appointment.
    #[schema(value_type = Option<DateTime<Utc>>)]
    slot: Option<Moment>,
    /// What the client wants to spend, for a request or a quote.
    budget: Option<MoneyView>,
}

impl TryFrom<SubmitBody> for SubmitBooking {
    type Error = Problem;

    fn try_from(body: SubmitBody) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let listing = errors.check("/listing_id", "invalid_id", body.listing_id.parse());
        let message = text(&mut errors, "/message", &body.message);
        let budget = body.budget.as_ref().and_then(|budget| budget.read(&mut errors, "/budget"));
        match (listing, message) {
            (Some(listing), Some(message)) if errors.is_empty() => {
                Ok(Self { listing, message, starts_at: body.slot.map(Into::into), budget })
            }
            _ => Err(Problem::invalid(&errors.0)),
        }
    }
}

/// Reads a text, or notes what is wrong with it.
fn text<const MIN: usize, const MAX: usize>(
    errors: &mut FieldErrors,
    pointer: &str,
    text: &str,
) -> Option<Text<MIN, MAX>> {
    Text::new(text).map_err(|error| errors.add(pointer, error.code(), error.to_string())).ok()
}

/// Send a request to a provider
///
/// With `slot` for an appointment: it takes the slot at once, and of several who want it one gets
/// it while the others are refused. Without, for a request in free text or for a quote. The
/// provider has some time to answer (`due_at`). The key makes a retry safe.
#[utoipa::path(
    operation_id = "submitBooking",
    tag = "bookings",
    params(("Idempotency-Key" = String, Header, description = "A value of your own per attempt")),
    request_body = SubmitBody,
    responses(
        (status = CREATED, description = "The booking", body = BookingView),
        (status = NOT_FOUND, description = "No such listing", body = Problem,
            content_type = "application/problem+json"),
        (status = CONFLICT, description = "The slot is taken or not offered, the listing cannot be \
            booked, or a request with this key is under way", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/bookings")]
async fn submit(
    Caller(actor): Caller,
    request: HttpRequest,
    body: Body<SubmitBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let scope = required(&request, &actor, body.hash)?;
    let command = SubmitBooking::try_from(body.value)?;
    let once = scope.map(|scope| Idempotency { scope, answer: &answer });
    let once = state.services.bookings.submit(&actor, command, once).await?;
    Ok(respond(once, answer))
}

fn answer(seen: &Seen) -> Answer {
    let location = format!("/api/v1/bookings/{}", seen.booking.id());
    created(&location, Some(seen.booking.version()), &BookingView::from(seen))
}

/// As which side one looks at one's bookings.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SideParameter {
    /// Those one asked for.
    Client,
    /// Those one was asked for.
    Provider,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// As client (the default) or as provider.
    #[serde(rename = "as")]
    #[param(inline)]
    side: Option<SideParameter>,
    /// States, any of them, parted by commas; all of them without it.
    #[param(example = "requested,accepted")]
    status: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Listed {
    fn statuses(&self) -> Result<Vec<String>, Problem> {
        let names: Vec<String> =
            self.status.iter().flat_map(|names| names.split(',')).map(ToOwned::to_owned).collect();
        if names.iter().all(|name| Status::NAMES.contains(&name.as_str())) {
            return Ok(names);
        }
        let detail = format!("must be some of {}", Status::NAMES.join(", "));
        let pointer = "status".to_owned();
        let field = FieldError { pointer, code: "invalid", detail: detail.clone() };
        Err(Problem::malformed("invalid_query", detail).with_fields(&[field]))
    }
}

/// List one's own bookings
///
/// Newest first, as client or, with `as=provider`, as provider. Each says what the caller may do
/// with it now.
#[utoipa::path(
    operation_id = "listBookings",
    tag = "bookings",
    params(Listed),
    responses((status = OK, description = "A page of bookings", body = PageView<BookingView>)),
)]
#[get("/bookings")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<BookingView>>, Problem> {
    let limit = limit(query.limit)?;
    let statuses = query.statuses()?;
    let side = match query.side {
        Some(SideParameter::Provider) => Side::Provider,
        Some(SideParameter::Client) | None => Side::Client,
    };
    let name = format!("bookings {} {}", side.name(), statuses.join(","));
    let after = query.cursor.map(|cursor| position(&state, &name, &cursor)).transpose()?;
    let page = state.services.bookings.bookings(&actor, side, statuses, limit, after).await?;
    let present = |seen: Seen| BookingView::from(&seen);
    Ok(Json(PageView::new(positioned(page), limit, &state.cursors, &name, present)))
}

/// Where a page of bookings starts, from its cursor.
fn position(state: &State, name: &str, cursor: &str) -> Result<BookingPosition, Problem> {
    let (created_at, id) = state.cursors.decode::<(DateTime<Utc>, BookingId)>(name, cursor)?;
    Ok(BookingPosition { created_at, id })
}

/// A page whose position can be written into a cursor.
fn positioned<T>(page: Page<T, BookingPosition>) -> Page<T, (DateTime<Utc>, BookingId)> {
    let next = page.next.map(|position| (position.created_at, position.id));
    Page { items: page.items, next }
}

/// Look at a booking
///
/// As its client or its provider. `allowed` lists the commands that the caller may give now: draw
/// the buttons from it.
#[utoipa::path(
    operation_id = "getBooking",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking", example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "The booking", body = BookingView)),
)]
#[get("/bookings/{id}")]
async fn show(
    Caller(actor): Caller,
    id: Path<BookingId>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let seen = state.services.bookings.booking(&actor, *id).await?;
    Ok(tagged(&request, seen.booking.version(), &BookingView::from(&seen), Caching::Private))
}

/// What happened to a booking.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryList {
    /// Oldest first.
    data: Vec<HistoryView>,
}

/// Read what happened to a booking
///
/// Every transition: who, when, from where to where, and what they said.
#[utoipa::path(
    operation_id = "getBookingHistory",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking", example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "The history", body = HistoryList)),
)]
#[get("/bookings/{id}/history")]
async fn history(
    Caller(actor): Caller,
    id: Path<BookingId>,
    state: Data<State>,
) -> Result<Json<HistoryList>, Problem> {
    let entries = state.services.bookings.history(&actor, *id).await?;
    Ok(Json(HistoryList { data: entries.into_iter().map(HistoryView::from).collect() }))
}

/// Ask what a cancellation would give back now
///
/// Show it before one cancels. It falls as the slot comes nearer (`falls_at`). Without payments in
/// this marketplace (`held` is false) it is what the two sides agreed to settle between them.
#[utoipa::path(
    operation_id = "getCancellationQuote",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking", example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses(
        (status = OK, description = "What the client would get back", body = CancellationQuoteView),
        (status = CONFLICT, description = "It cannot be cancelled now", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[get("/bookings/{id}/cancellation-quote")]
async fn quote(
    Caller(actor): Caller,
    id: Path<BookingId>,
    state: Data<State>,
) -> Result<Json<CancellationQuoteView>, Problem> {
    let quote = state.services.bookings.cancellation_quote(&actor, *id).await?;
    Ok(Json(quote.into()))
}
