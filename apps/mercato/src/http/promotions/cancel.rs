//! Giving up a promotion.

use actix_web::{HttpResponse, post};
use kernel::PromotionId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::PromotionView;
use crate::http::Problem;
use crate::http::command::Command;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(cancel);
}

/// Cancel a promotion
///
/// It has no effect from now on. Before its payment nothing is to pay any more, and its coupon can
/// be used again; before its start all that was paid goes back; while it is active the part of the
/// price for the time that is left that the marketplace gives back. `refund_now` of the promotion
/// says how much.
#[utoipa::path(
    operation_id = "cancelPromotion",
    tag = "promotions",
    params(Command<PromotionId>),
    responses(PromotionView),
)]
#[post("/promotions/{id}/cancel")]
async fn cancel(command: Command<PromotionId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let seen = state.services.promotions.cancel(actor, *id).await?;
    let view = PromotionView::seen(&seen, state.services.clock.now());
    Ok(command.answer(seen.promotion.record().version, &view))
}
