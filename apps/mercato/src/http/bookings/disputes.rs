//! Disputes, for moderators.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use bookings::{Booking, Side};
use kernel::{BookingId, FieldErrors};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::BookingView;
use super::{position, positioned, text};
use crate::http::Problem;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(resolve);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List disputed bookings
///
/// Those that wait for a decision, the oldest booking first. Without a decision by `due_at` the
/// client gets everything back.
#[utoipa::path(
    operation_id = "listDisputes",
    tag = "admin: disputes",
    params(Listed),
    responses((status = OK, description = "A page of disputes", body = PageView<BookingView>)),
)]
#[get("/admin/disputes")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<BookingView>>, Problem> {
    const NAME: &str = "disputes";
    let limit = limit(query.limit)?;
    let after = query.cursor.map(|cursor| position(&state, NAME, &cursor)).transpose()?;
    let page = state.services.bookings.disputes(&actor, limit, after).await?;
    let now = state.services.clock.now();
    let present = |booking: Booking| moderated(&booking, now);
    Ok(Json(PageView::new(positioned(page), limit, &state.cursors, NAME, present)))
}

fn moderated(booking: &Booking, now: chrono::DateTime<chrono::Utc>) -> BookingView {
    let side = Side::Moderator;
    BookingView::of(booking, side.name(), &booking.allowed(side, now))
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refund_percent": 50, "reason": "Half of the work was done" }))]
struct ResolveBody {
    /// The share of the price that the client gets back. 100 cancels the booking, less completes
    /// it.
    #[schema(minimum = 0, maximum = 100)]
    refund_percent: u8,
    /// Why; both sides read it in the history of the booking, and it stands in the audit log.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Decide a dispute
///
/// Once, and for good.
#[utoipa::path(
    operation_id = "resolveBooking",
    tag = "admin: disputes",
    params(("id" = String, Path, description = "The booking", example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    request_body = ResolveBody,
    responses(
        (status = OK, description = "The booking as it is now", body = BookingView),
        (status = CONFLICT, description = "It is not disputed", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/bookings/{id}/resolve")]
async fn resolve(
    Caller(actor): Caller,
    id: Path<BookingId>,
    body: Body<ResolveBody>,
    state: Data<State>,
) -> Result<Json<BookingView>, Problem> {
    let ResolveBody { refund_percent, reason } = body.value;
    let mut errors = FieldErrors::new();
    let reason =
        text(&mut errors, "/reason", &reason).ok_or_else(|| Problem::invalid(&errors.0))?;
    let booking = state.services.bookings.resolve(&actor, *id, refund_percent, reason).await?;
    Ok(Json(moderated(&booking, state.services.clock.now())))
}
