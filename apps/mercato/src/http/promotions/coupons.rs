//! Coupons, for admins.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use chrono::{DateTime, Utc};
use kernel::{FieldErrors, Page};
use promotions::{
    Coupon, CouponId, CouponPosition, CouponTerms, Discount, GivenDiscount, MakeCoupon,
    PromotionError, Purpose,
};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::exact;
use crate::http::Problem;
use crate::http::billing::PurposeView;
use crate::http::body::Patch;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::command::{Command, IfMatch, answers};
use crate::http::idempotency::created;
use crate::http::moment::Moment;
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(show).service(change).service(close);
}

impl From<PurposeView> for Purpose {
    fn from(purpose: PurposeView) -> Self {
        match purpose {
            PurposeView::Booking => Self::Booking,
            PurposeView::Order => Self::Order,
            PurposeView::Subscription => Self::Subscription,
            PurposeView::Promotion => Self::Promotion,
            PurposeView::Purchase => Self::Purchase,
            PurposeView::Auction => Self::Auction,
        }
    }
}

/// A code that takes something off a price.
#[derive(Debug, Serialize, ToSchema)]
struct CouponView {
    /// Its id.
    #[schema(example = "cpn_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// What people type, in capital letters or not.
    #[schema(example = "SPRING-20")]
    code: String,
    /// How many hundredths of the price it takes off, if it takes off a share.
    #[schema(example = 20)]
    percent: Option<u8>,
    /// How much it takes off, if that is the same for every price.
    amount: Option<MoneyView>,
    /// What it can be used for: `booking`, `subscription`, `promotion`, … New values may come.
    #[schema(example = "promotion")]
    purpose: &'static str,
    /// From which price on.
    minimum: Option<MoneyView>,
    /// From when on it can be used.
    #[schema(example = "2026-03-01T00:00:00Z")]
    from: DateTime<Utc>,
    /// Until when, exclusively; for good if null.
    #[schema(example = "2026-06-01T00:00:00Z")]
    until: Option<DateTime<Utc>>,
    /// How often it can be used by everybody together; any number of times if null.
    #[schema(example = 100)]
    total_limit: Option<u32>,
    /// How often by one account; any number of times if null.
    #[schema(example = 1)]
    per_account_limit: Option<u32>,
    /// How often it was used: for what was paid, and for what waits for its payment.
    #[schema(example = 42)]
    used: u32,
    /// Since when it cannot be used any more, if it was taken back.
    #[schema(example = "2026-05-01T09:00:00Z")]
    closed_at: Option<DateTime<Utc>>,
    /// When it was made.
    #[schema(example = "2026-02-20T09:00:00Z")]
    created_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    #[schema(example = 1)]
    version: i32,
}

impl IntoResponses for CouponView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The coupon as it is now")
    }
}

impl CouponView {
    fn of(coupon: &Coupon, used: u32) -> Self {
        let record = coupon.record();
        let (percent, amount) = match record.discount {
            Discount::Percent(percent) => (Some(percent), None),
            Discount::Amount(amount) => (None, Some(amount.into())),
        };
        let CouponTerms { from, until, total_limit, per_account_limit } = record.terms;
        Self {
            id: record.id.to_string(),
            code: record.code.to_string(),
            percent,
            amount,
            purpose: record.purpose.name(),
            minimum: record.minimum.map(Into::into),
            from,
            until,
            total_limit,
            per_account_limit,
            used,
            closed_at: record.closed_at,
            created_at: record.created_at,
            version: record.version,
        }
    }
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

/// List coupons
///
/// And how often each was used, newest first.
#[utoipa::path(
    operation_id = "listCoupons",
    tag = "admin: coupons",
    params(Listed),
    responses((status = OK, description = "A page of coupons", body = PageView<CouponView>)),
)]
#[get("/admin/coupons")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<CouponView>>, Problem> {
    const LIST: &str = "coupons";
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref() {
        Some(cursor) => {
            let (created_at, id) = state.cursors.decode(LIST, cursor)?;
            Some(CouponPosition { created_at, id })
        }
        None => None,
    };
    let Page { items, next } = state.services.coupons.coupons(&actor, limit, after).await?;
    let next = next.map(|position| (position.created_at, position.id));
    let present = |(coupon, used): (Coupon, u32)| CouponView::of(&coupon, used);
    Ok(Json(PageView::new(Page { items, next }, limit, &state.cursors, LIST, present)))
}

/// A new coupon.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code": "SPRING-20",
    "percent": 20,
    "purpose": "promotion",
    "minimum": { "amount": 1000, "currency": "EUR" },
    "until": "2026-06-01T00:00:00Z",
    "total_limit": 100,
    "per_account_limit": 1,
}))]
struct CouponBody {
    /// What people type: letters from A to Z, digits and single hyphens.
    #[schema(min_length = 3, max_length = 32)]
    code: String,
    /// How many hundredths of the price it takes off; this or `amount`.
    #[schema(minimum = 1, maximum = 100)]
    percent: Option<i64>,
    /// How much it takes off, at most the price; this or `percent`.
    amount: Option<MoneyView>,
    /// What it can be used for.
    purpose: PurposeView,
    /// From which price on.
    minimum: Option<MoneyView>,
    /// From when on; from now on without it.
    #[schema(value_type = Option<DateTime<Utc>>)]
    from: Option<Moment>,
    /// Until when, exclusively; for good without it.
    #[schema(value_type = Option<DateTime<Utc>>)]
    until: Option<Moment>,
    /// How often it can be used by everybody together; any number of times without it.
    #[schema(minimum = 1)]
    total_limit: Option<u32>,
    /// How often by one account; any number of times without it.
    #[schema(minimum = 1)]
    per_account_limit: Option<u32>,
}

impl CouponBody {
    fn read(self, now: DateTime<Utc>) -> Result<MakeCoupon, Problem> {
        let mut errors = FieldErrors::new();
        let discount = match (self.percent, &self.amount) {
            (Some(percent), None) => Some(GivenDiscount::Percent(percent)),
            (None, Some(amount)) => amount.read(&mut errors, "/amount").map(GivenDiscount::Amount),
            (Some(_), Some(_)) => {
                errors.add("/amount", "does_not_fit", "leave this out where there is a percent");
                None
            }
            (None, None) => {
                errors.add("/percent", "required", "either this or an amount is needed");
                None
            }
        };
        let minimum = self.minimum.map(|minimum| minimum.read(&mut errors, "/minimum"));
        let (Some(discount), true) = (discount, errors.is_empty()) else {
            return Err(Problem::invalid(&errors.0));
        };
        Ok(MakeCoupon {
            code: self.code,
            discount,
            purpose: self.purpose.into(),
            minimum: minimum.flatten(),
            terms: CouponTerms {
                from: self.from.map_or(now, exact),
                until: self.until.map(exact),
                total_limit: self.total_limit,
                per_account_limit: self.per_account_limit,
            },
        })
    }
}

/// Make a coupon
///
/// It can be used from `from` on. Each use is reserved with what it is used for, redeemed with its
/// payment and released without one; never more are reserved and redeemed than the limits say. It
/// stands in the audit log.
#[utoipa::path(
    operation_id = "createCoupon",
    tag = "admin: coupons",
    request_body = CouponBody,
    responses(
        (status = CREATED, description = "The coupon", body = CouponView, headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "Its version"),
        )),
        (status = CONFLICT, description = "There is a coupon with this code", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/coupons")]
async fn create(
    Caller(actor): Caller,
    Cardless(body): Cardless<CouponBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let command = body.value.read(state.services.clock.now())?;
    let coupon = state.services.coupons.create(&actor, command).await?;
    let record = coupon.record();
    let location = format!("/api/v1/admin/coupons/{}", record.id);
    let answer = created(&location, Some(record.version), &CouponView::of(&coupon, 0));
    let mut response = HttpResponse::Created();
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    Ok(response.content_type("application/json").body(answer.body))
}

/// Look at a coupon
///
/// And how often it was used.
#[utoipa::path(
    operation_id = "getCoupon",
    tag = "admin: coupons",
    params(Command<CouponId>),
    responses((status = OK, description = "The coupon", body = CouponView)),
)]
#[get("/admin/coupons/{id}")]
async fn show(command: Command<CouponId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let (coupon, used) = state.services.coupons.coupon(actor, *id).await?;
    Ok(command.answer(coupon.record().version, &CouponView::of(&coupon, used)))
}

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "until": "2026-07-01T00:00:00Z", "total_limit": 200 }))]
struct CouponPatch {
    /// From when on.
    #[schema(value_type = Option<DateTime<Utc>>)]
    from: Option<Moment>,
    /// Until when, exclusively; null for good.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    until: Patch<Moment>,
    /// How often by everybody together, at least as often as it was used; null for any number of
    /// times.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    total_limit: Patch<u32>,
    /// How often by one account; null for any number of times.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    per_account_limit: Patch<u32>,
}

impl CouponPatch {
    fn on(self, terms: CouponTerms) -> CouponTerms {
        let Self { from, until, total_limit, per_account_limit } = self;
        CouponTerms {
            from: from.map_or(terms.from, exact),
            until: until.into_change().map_or(terms.until, |until| until.map(exact)),
            total_limit: total_limit.into_change().unwrap_or(terms.total_limit),
            per_account_limit: per_account_limit.into_change().unwrap_or(terms.per_account_limit),
        }
    }
}

/// Change a coupon
///
/// How often and when it can be used from now on; what it takes off and for what stays. It stands in
/// the audit log.
#[utoipa::path(
    operation_id = "changeCoupon",
    tag = "admin: coupons",
    params(Command<CouponId>, IfMatch),
    request_body = CouponPatch,
    responses(
        CouponView,
        (status = CONFLICT, description = "It was used more often than the new limit says",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It has changed since you loaded it",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_REQUIRED, description = "`If-Match` is missing", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[patch("/admin/coupons/{id}")]
async fn change(
    command: Command<CouponId>,
    Cardless(body): Cardless<CouponPatch>,
) -> Result<HttpResponse, Problem> {
    let expected = command.required()?;
    let Command { actor, id, state, .. } = &command;
    let coupons = &state.services.coupons;
    let (coupon, used) = coupons.coupon(actor, *id).await?;
    // What was not mentioned is that of this version, so that no other may be changed by it.
    let version = coupon.record().version;
    if expected.is_some_and(|expected| expected != version) {
        return Err(PromotionError::Stale.into());
    }
    let terms = body.value.on(coupon.record().terms);
    let coupon = coupons.change_terms(actor, *id, version, terms).await?;
    Ok(command.answer(coupon.record().version, &CouponView::of(&coupon, used)))
}

/// Take a coupon back
///
/// Nobody can use it from now on; what was reserved or redeemed stays. It stands in the audit log.
#[utoipa::path(
    operation_id = "closeCoupon",
    tag = "admin: coupons",
    params(Command<CouponId>),
    responses((status = OK, description = "The coupon as it is now", body = CouponView)),
)]
#[post("/admin/coupons/{id}/close")]
async fn close(command: Command<CouponId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let coupons = &state.services.coupons;
    let coupon = coupons.close(actor, *id).await?;
    let (_, used) = coupons.coupon(actor, *id).await?;
    Ok(command.answer(coupon.record().version, &CouponView::of(&coupon, used)))
}
