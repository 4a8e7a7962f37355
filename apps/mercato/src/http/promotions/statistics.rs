//! The figures of a promotion.

use actix_web::get;
use actix_web::web::Json;
use chrono::NaiveDate;
use kernel::PromotionId;
use promotions::{DayFigures, Figures, Series, Statistics, Window};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::Problem;
use crate::http::command::Command;
use crate::http::query::{Query, unknown};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show);
}

/// What happened around what is promoted.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionFigures {
    /// Views of the listing, or of all listings of the provider: one per viewer and hour.
    #[schema(example = 240)]
    views: i64,
    /// Favourites made then that still stand.
    #[schema(example = 12)]
    favorites: i64,
    /// Requests that clients sent.
    #[schema(example = 3)]
    requests: i64,
}

impl From<Figures> for PromotionFigures {
    fn from(figures: Figures) -> Self {
        let Figures { views, favorites, requests } = figures;
        Self { views, favorites, requests }
    }
}

/// A day, and what happened on it.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionDay {
    /// The day, in UTC.
    #[schema(example = "2026-05-01")]
    day: NaiveDate,
    #[serde(flatten)]
    figures: PromotionFigures,
}

/// Days in a row, and what happened on them.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionSeries {
    /// Over all of them.
    total: PromotionFigures,
    /// Every day in order; zeros where nothing happened.
    days: Vec<PromotionDay>,
}

impl From<Series> for PromotionSeries {
    fn from(series: Series) -> Self {
        let Series { days, total } = series;
        let day = |DayFigures { day, figures }| PromotionDay { day, figures: figures.into() };
        Self { total: total.into(), days: days.into_iter().map(day).collect() }
    }
}

/// The figures of what a promotion is for.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionStats {
    /// The promotion.
    #[schema(example = "prm_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    promotion_id: String,
    /// How many days each series has.
    #[schema(example = 7)]
    days: u8,
    /// The days up to today, or up to the last day of the promotion if that is over.
    current: PromotionSeries,
    /// As many days right before, to compare with.
    previous: PromotionSeries,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Days {
    /// Over how many days: 7, as without it, or 30.
    #[param(example = 7)]
    days: Option<i64>,
}

impl Days {
    fn window(&self) -> Result<Window, Problem> {
        let Some(days) = self.days else { return Ok(Window::default()) };
        Window::from_days(days).ok_or_else(|| unknown("days", &days.to_string(), &["7", "30"]))
    }
}

/// Look at what a promotion does
///
/// Daily views, favourites and requests of the promoted listing, or of all listings of the promoted
/// provider, over 7 or 30 days, and the same over the equally long time before. For its owner.
#[utoipa::path(
    operation_id = "getPromotionStats",
    tag = "promotions",
    params(Command<PromotionId>, Days),
    responses((status = OK, description = "The figures", body = PromotionStats)),
)]
#[get("/promotions/{id}/stats")]
async fn show(
    command: Command<PromotionId>,
    Query(query): Query<Days>,
) -> Result<Json<PromotionStats>, Problem> {
    let window = query.window()?;
    let Command { actor, id, state, .. } = &command;
    let found = state.services.promotions.statistics(actor, *id, window).await?;
    let Statistics { promotion, window, current, previous } = found;
    Ok(Json(PromotionStats {
        promotion_id: promotion.to_string(),
        days: window.days(),
        current: current.into(),
        previous: previous.into(),
    }))
}
