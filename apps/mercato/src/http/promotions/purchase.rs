//! Buying a promotion.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use chrono::{DateTime, Utc};
use kernel::{Answer, FieldErrors, Idempotency, ListingId, Money};
use promotions::{BuyPromotion, Purchase, Side};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::exact;
use super::view::{PromotedTime, PromotionView};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::idempotency::{created, required, respond};
use crate::http::moment::Moment;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(buy);
}

/// What is bought.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "product": "top",
    "duration_days": 7,
    "listing_id": "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
    "coupon": "SPRING-20",
}))]
struct BuyBody {
    /// The key of a product.
    #[schema(max_length = 40, example = "top")]
    product: String,
    /// For how many days: one of those that the product has a price for.
    #[schema(example = 7)]
    duration_days: i64,
    /// One of the caller's own listings, if the product promotes a listing.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: Option<String>,
    /// When it is to start; as soon as it is paid without it.
    #[schema(value_type = Option<DateTime<Utc>>, example = "2026-05-01T09:00:00Z")]
    starts_at: Option<Moment>,
    /// The code of a coupon.
    #[schema(min_length = 3, max_length = 32, example = "SPRING-20")]
    coupon: Option<String>,
}

impl BuyBody {
    fn read(self) -> Result<BuyPromotion, Problem> {
        let Self { product, duration_days, listing_id, starts_at, coupon } = self;
        let mut errors = FieldErrors::new();
        let listing =
            listing_id.map(|id| errors.check("/listing_id", "invalid_id", id.parse::<ListingId>()));
        if !errors.is_empty() {
            return Err(Problem::invalid(&errors.0));
        }
        let (listing, starts_at) = (listing.flatten(), starts_at.map(exact));
        Ok(BuyPromotion { product, duration_days, listing, starts_at, coupon })
    }
}

/// A promotion that was bought.
#[derive(Debug, Serialize, ToSchema)]
struct PurchaseView {
    #[serde(flatten)]
    promotion: PromotionView,
    /// The time that it gets if it is paid at once: after what is paid already for the same thing.
    planned: PromotedTime,
}

/// Buy a promotion
///
/// For one of the caller's own listings, or for their provider profile. It has its effect once it is
/// paid for: make the payment that `payment_due` describes (`POST /payments`) until `pay_by`. Bought
/// again while one runs, it goes on where that one ends. With a coupon that takes off the whole
/// price nothing is to pay, and it has its time at once. The coupon is reserved until `pay_by`, and
/// released if no payment arrives. The key makes a retry safe.
#[utoipa::path(
    operation_id = "buyPromotion",
    tag = "promotions",
    params(("Idempotency-Key" = String, Header, description = "A value of your own per attempt")),
    request_body = BuyBody,
    responses(
        (status = CREATED, description = "The promotion, and the payment to make", body = PurchaseView,
            headers(
                ("Location" = String, description = "Where it is"),
                ("ETag" = String, description = "Its version"),
            )),
        (status = NOT_FOUND, description = "No such product, listing or coupon", body = Problem,
            content_type = "application/problem+json"),
        (status = CONFLICT, description = "Nobody would see it, a limit is reached, the coupon cannot \
            be used, or a request with this key is under way", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/promotions")]
async fn buy(
    Caller(actor): Caller,
    request: HttpRequest,
    Cardless(body): Cardless<BuyBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let scope = required(&request, &actor, body.hash)?;
    let command = body.value.read()?;
    // Asked when it is bought: what is free has its time from that moment on.
    let answer = |purchase: &Purchase| answer(purchase, state.services.clock.now());
    let once = scope.map(|scope| Idempotency { scope, answer: &answer });
    let once = state.services.promotions.buy(&actor, command, once).await?;
    Ok(respond(once, answer))
}

fn answer(purchase: &Purchase, now: DateTime<Utc>) -> Answer {
    let Purchase { promotion, due: _, planned } = purchase;
    let allowed = promotion.allowed(Side::Owner, now);
    // Nothing was paid yet, so nothing would go back.
    let refund = Some(Money::zero(promotion.to_pay().currency()));
    let view = PurchaseView {
        promotion: PromotionView::of(promotion, promotion.status(now), &allowed, refund, now),
        planned: (*planned).into(),
    };
    let location = format!("/api/v1/promotions/{}", promotion.id());
    created(&location, Some(promotion.record().version), &view)
}
