//! What admins see of promotions, and what they do about them.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use kernel::{FieldError, FieldErrors, Page, PromotionId, ProviderId};
use promotions::{Reason, RefundChoice, Seen};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::PromotionView;
use super::{position, status};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::command::{Command, answers};
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show).service(revoke);
}

/// A promotion as admins see it.
#[derive(Debug, Serialize, ToSchema)]
struct WholePromotionView {
    #[serde(flatten)]
    promotion: PromotionView,
    /// Who bought it.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    account_id: String,
}

impl IntoResponses for WholePromotionView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The promotion as it is now")
    }
}

impl WholePromotionView {
    fn of(seen: &Seen, now: DateTime<Utc>) -> Self {
        let account_id = seen.promotion.record().account.to_string();
        Self { promotion: PromotionView::seen(seen, now), account_id }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// Whose.
    #[param(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// Where they stand now: `pending_payment`, `scheduled`, `active`, `expired` or `cancelled`;
    /// anywhere without it.
    #[param(example = "active")]
    status: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Reads an id in the query; 400 for what is none.
fn provider(given: Option<&str>) -> Result<Option<ProviderId>, Problem> {
    let Some(given) = given else { return Ok(None) };
    given.parse().map(Some).map_err(|_| {
        let detail = "must be the id of a provider".to_owned();
        let field = FieldError { pointer: "provider_id".to_owned(), code: "invalid_id", detail };
        Problem::malformed("invalid_query", "an id of another kind, or none").with_fields(&[field])
    })
}

/// List promotions
///
/// Everybody's, newest first.
#[utoipa::path(
    operation_id = "listAllPromotions",
    tag = "admin: promotions",
    params(Filtered),
    responses(
        (status = OK, description = "A page of promotions", body = PageView<WholePromotionView>),
    ),
)]
#[get("/admin/promotions")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<WholePromotionView>>, Problem> {
    let limit = limit(query.limit)?;
    let status = status(query.status.as_deref())?;
    let provider = provider(query.provider_id.as_deref())?;
    let list = format!("all promotions {:?} {:?}", query.provider_id, query.status);
    let after = position(&state, &list, query.cursor.as_deref())?;
    let promotions = &state.services.promotions;
    let Page { items, next } =
        promotions.all_promotions(&actor, provider, status, limit, after).await?;
    let next = next.map(|position| (position.created_at, position.id));
    let now = state.services.clock.now();
    let present = |seen| WholePromotionView::of(&seen, now);
    Ok(Json(PageView::new(Page { items, next }, limit, &state.cursors, &list, present)))
}

/// Look at anybody's promotion
///
/// With what only admins see: who bought it.
#[utoipa::path(
    operation_id = "getAnyPromotion",
    tag = "admin: promotions",
    params(Command<PromotionId>),
    responses((status = OK, description = "The promotion", body = WholePromotionView)),
)]
#[get("/admin/promotions/{id}")]
async fn show(command: Command<PromotionId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let seen = state.services.promotions.any_promotion(actor, *id).await?;
    let view = WholePromotionView::of(&seen, state.services.clock.now());
    Ok(command.answer(seen.promotion.record().version, &view))
}

/// How much goes back to the buyer.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RefundParameter {
    /// The price of the time that is left.
    #[default]
    Unused,
    /// All that was paid.
    Everything,
    /// Nothing.
    Nothing,
}

impl From<RefundParameter> for RefundChoice {
    fn from(choice: RefundParameter) -> Self {
        match choice {
            RefundParameter::Unused => Self::Unused,
            RefundParameter::Everything => Self::Everything,
            RefundParameter::Nothing => Self::Nothing,
        }
    }
}

/// Why a promotion is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The listing is not what it says.", "refund": "unused" }))]
struct RevokeBody {
    /// Why; its owner reads it, and it stands in the audit log.
    #[schema(min_length = 3, max_length = 500)]
    reason: String,
    /// How much goes back: the price of the time that is left without it.
    #[serde(default)]
    refund: RefundParameter,
}

/// Take a promotion back
///
/// It has no effect from now on; `refund` says how much goes back to its buyer. Nobody gets more
/// back than was paid. It stands in the audit log.
#[utoipa::path(
    operation_id = "revokePromotion",
    tag = "admin: promotions",
    params(Command<PromotionId>),
    request_body = RevokeBody,
    responses(WholePromotionView),
)]
#[post("/admin/promotions/{id}/revoke")]
async fn revoke(
    command: Command<PromotionId>,
    Cardless(body): Cardless<RevokeBody>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let reason = Reason::new(&body.value.reason).map_err(|error| {
        let mut errors = FieldErrors::new();
        errors.add("/reason", error.code(), error.to_string());
        Problem::invalid(&errors.0)
    })?;
    let promotions = &state.services.promotions;
    let seen = promotions.revoke(actor, *id, reason, body.value.refund.into()).await?;
    let view = WholePromotionView::of(&seen, state.services.clock.now());
    Ok(command.answer(seen.promotion.record().version, &view))
}
