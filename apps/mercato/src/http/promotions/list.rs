//! One's own promotions.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use kernel::{Page, PromotionId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::PromotionView;
use super::{position, status};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::command::Command;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
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

/// List one's own promotions
///
/// Newest first.
#[utoipa::path(
    operation_id = "listPromotions",
    tag = "promotions",
    params(Filtered),
    responses((status = OK, description = "A page of promotions", body = PageView<PromotionView>)),
)]
#[get("/promotions")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<PromotionView>>, Problem> {
    let limit = limit(query.limit)?;
    let status = status(query.status.as_deref())?;
    let list = format!("promotions {}", query.status.as_deref().unwrap_or_default());
    let after = position(&state, &list, query.cursor.as_deref())?;
    let Page { items, next } =
        state.services.promotions.promotions(&actor, status, limit, after).await?;
    let next = next.map(|position| (position.created_at, position.id));
    let now = state.services.clock.now();
    let present = |seen| PromotionView::seen(&seen, now);
    Ok(Json(PageView::new(Page { items, next }, limit, &state.cursors, &list, present)))
}

/// Look at a promotion
///
/// For its owner. While its payment is awaited, `payment_due` says what to pay.
#[utoipa::path(
    operation_id = "getPromotion",
    tag = "promotions",
    params(Command<PromotionId>),
    responses((status = OK, description = "The promotion", body = PromotionView)),
)]
#[get("/promotions/{id}")]
async fn show(command: Command<PromotionId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let seen = state.services.promotions.promotion(actor, *id).await?;
    let view = PromotionView::seen(&seen, state.services.clock.now());
    Ok(command.answer(seen.promotion.record().version, &view))
}
