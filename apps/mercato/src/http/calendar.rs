//! Appointments for calendar programs (iCalendar, RFC 5545).

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get, post};
use bookings::{Booking, Status};
use chrono::{DateTime, Utc};
use icalendar::{Calendar, Component, Event, EventLike, EventStatus};
use kernel::BookingId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::query::Query;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(one).service(mine).service(link);
}

/// Save an appointment to a calendar
///
/// As a file for calendar programs. Only an appointment has a time.
#[utoipa::path(
    operation_id = "getBookingCalendar",
    tag = "calendar",
    params(("id" = String, Path, description = "The booking", example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "iCalendar", body = String, content_type = "text/calendar")),
)]
#[get("/bookings/{id}/calendar.ics")]
async fn one(
    Caller(actor): Caller,
    id: Path<BookingId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let seen = state.services.bookings.booking(&actor, *id).await?;
    if seen.booking.slot().is_none() {
        return Err(Problem::not_found("this booking has no time, so it is in no calendar"));
    }
    Ok(file(&[seen.booking], state.services.clock.now()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Secret {
    /// The secret of the link.
    token: String,
}

/// Read a person's calendar by its link
///
/// For calendar programs, which cannot sign in: whoever has the link sees the appointments of both
/// sides, from a month ago to a year ahead.
#[utoipa::path(
    operation_id = "getMyCalendar",
    tag = "calendar",
    params(Secret),
    responses(
        (status = OK, description = "iCalendar", body = String, content_type = "text/calendar"),
        (status = NOT_FOUND, description = "The link does not hold, or no longer", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[get("/me/calendar.ics")]
async fn mine(
    Query(Secret { token }): Query<Secret>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let bookings = state.services.schedules.calendar(&token).await?;
    Ok(file(&bookings, state.services.clock.now()))
}

/// The address of a calendar.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// To be given to a calendar program, and to nobody else.
    #[schema(example = "https://market.example/api/v1/me/calendar.ics?token=3b1f")]
    url: String,
}

/// Make the link to one's calendar
///
/// It is shown this once. A new one ends the old one.
#[utoipa::path(
    operation_id = "renewCalendarLink",
    tag = "calendar",
    responses((status = OK, description = "The link", body = LinkView)),
)]
#[post("/me/calendar-link")]
async fn link(Caller(actor): Caller, state: Data<State>) -> Result<Json<LinkView>, Problem> {
    let token = state.services.schedules.renew_calendar_token(&actor).await?;
    let base = state.settings.public_url.trim_end_matches('/');
    let url = format!("{base}/api/v1/me/calendar.ics?token={}", token.expose());
    Ok(Json(LinkView { url }))
}

fn file(bookings: &[Booking], now: DateTime<Utc>) -> HttpResponse {
    let mut calendar = Calendar::new();
    for booking in bookings {
        if let Some(event) = event(booking, now) {
            calendar.push(event);
        }
    }
    HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .insert_header(("Content-Disposition", "attachment; filename=\"calendar.ics\""))
        .body(calendar.done().to_string())
}

fn event(booking: &Booking, now: DateTime<Utc>) -> Option<Event> {
    let slot = booking.slot()?;
    let status = match booking.status() {
        Status::AwaitingPayment { .. } | Status::Requested { .. } => EventStatus::Tentative,
        Status::Accepted { .. }
        | Status::InProgress { .. }
        | Status::Done { .. }
        | Status::Disputed { .. }
        | Status::Completed { .. } => EventStatus::Confirmed,
        Status::Declined { .. }
        | Status::Withdrawn { .. }
        | Status::Expired { .. }
        | Status::Cancelled { .. } => EventStatus::Cancelled,
    };
    let event = Event::new()
        .uid(&booking.id().to_string())
        .timestamp(now)
        .sequence(u32::try_from(booking.version()).unwrap_or(0))
        .summary(booking.title())
        .description(booking.message())
        .starts(slot.start())
        .ends(slot.end())
        .status(status)
        .done();
    Some(event)
}
