//! From submission to an agreement, or to none: one call per command.

use actix_web::web::Json;
use actix_web::{HttpResponse, post};
use bookings::BookingCommand;
use kernel::{BookingId, FieldErrors, Money};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::commands::{ReasonBody, give, give_once};
use super::text;
use super::view::BookingView;
use crate::http::Problem;
use crate::http::body::{Body, OptionalBody};
use crate::http::command::{Command, IdempotencyKey};
use crate::http::money::MoneyView;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(offer).service(counter_offer).service(withdraw_offer);
    config.service(accept).service(decline).service(withdraw);
}

/// Price and work.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "price": { "amount": 45000, "currency": "EUR" },
    "work": "Two coats of paint, material included",
}))]
struct OfferBody {
    /// For how much.
    price: MoneyView,
    /// What will be done.
    #[schema(min_length = 1, max_length = 5000)]
    work: String,
}

impl OfferBody {
    fn read(&self) -> Result<(Money, bookings::Work), Problem> {
        let mut errors = FieldErrors::new();
        let price = self.price.read(&mut errors, "/price");
        let work = text(&mut errors, "/work", &self.work);
        price.zip(work).ok_or_else(|| Problem::invalid(&errors.0))
    }
}

/// Which offer is accepted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "offer": 2 }))]
struct AcceptBody {
    /// The number of the offer in force: nobody agrees to what they have not seen. Left out where
    /// there is none.
    #[schema(minimum = 1)]
    offer: Option<u16>,
}

/// Offer a price and the work
///
/// The provider of a quote proposes. The offer replaces the one before, and the client gets the
/// full time to answer.
#[utoipa::path(
    operation_id = "offerBooking",
    tag = "bookings",
    params(Command<BookingId>, IdempotencyKey),
    request_body = OfferBody,
    responses(BookingView),
)]
#[post("/bookings/{id}/offer")]
async fn offer(
    command: Command<BookingId>,
    body: Body<OfferBody>,
) -> Result<HttpResponse, Problem> {
    let (price, work) = body.value.read()?;
    give_once(&command, BookingCommand::Offer { price, work }, body.hash).await
}

/// Answer an offer with another
///
/// The client of a quote proposes another price or other work. The provider gets the full time to
/// answer.
#[utoipa::path(
    operation_id = "counterOfferBooking",
    tag = "bookings",
    params(Command<BookingId>, IdempotencyKey),
    request_body = OfferBody,
    responses(BookingView),
)]
#[post("/bookings/{id}/counter-offer")]
async fn counter_offer(
    command: Command<BookingId>,
    body: Body<OfferBody>,
) -> Result<HttpResponse, Problem> {
    let (price, work) = body.value.read()?;
    give_once(&command, BookingCommand::CounterOffer { price, work }, body.hash).await
}

/// Take one's offer back
///
/// Whoever made the offer in force; none is in force then.
#[utoipa::path(
    operation_id = "withdrawBookingOffer",
    tag = "bookings",
    params(Command<BookingId>),
    responses(BookingView),
)]
#[post("/bookings/{id}/withdraw-offer")]
async fn withdraw_offer(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::WithdrawOffer).await
}

/// Accept a request or an offer
///
/// The provider accepts a request or an appointment; in a quote, the side that did not make the
/// offer in force accepts it by its number.
#[utoipa::path(
    operation_id = "acceptBooking",
    tag = "bookings",
    params(Command<BookingId>),
    request_body = Option<AcceptBody>,
    responses(
        BookingView,
        (status = CONFLICT, description = "Not in this state (`allowed` says what is possible), or another offer is in force", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/bookings/{id}/accept")]
async fn accept(
    command: Command<BookingId>,
    OptionalBody(body): OptionalBody<AcceptBody>,
) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::Accept { offer: body.offer }).await
}

/// Decline a request
///
/// Its provider, with or without a reason.
#[utoipa::path(
    operation_id = "declineBooking",
    tag = "bookings",
    params(Command<BookingId>),
    request_body = Option<ReasonBody>,
    responses(BookingView),
)]
#[post("/bookings/{id}/decline")]
async fn decline(
    command: Command<BookingId>,
    OptionalBody(body): OptionalBody<ReasonBody>,
) -> Result<Json<BookingView>, Problem> {
    let reason = body.read()?;
    give(&command, BookingCommand::Decline { reason }).await
}

/// Take a request back
///
/// Its client, until it is accepted.
#[utoipa::path(
    operation_id = "withdrawBooking",
    tag = "bookings",
    params(Command<BookingId>),
    responses(BookingView),
)]
#[post("/bookings/{id}/withdraw")]
async fn withdraw(command: Command<BookingId>) -> Result<Json<BookingView>, Problem> {
    give(&command, BookingCommand::Withdraw).await
}
