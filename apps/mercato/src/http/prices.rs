//! The history of prices.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use catalog::{PriceChange, PriceHistory};
use chrono::{DateTime, Utc};
use kernel::ListingId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::money::MoneyView;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show);
}

/// A change of a price.
#[derive(Debug, Serialize, ToSchema)]
struct PriceChangeView {
    /// What it was; null if there was no price.
    old: Option<MoneyView>,
    /// What it became; null if there is no price any more.
    new: Option<MoneyView>,
    /// `manual`, `dynamic` or `import`; expect new values.
    #[schema(example = "manual")]
    reason: &'static str,
    /// When.
    changed_at: DateTime<Utc>,
}

impl From<PriceChange> for PriceChangeView {
    fn from(change: PriceChange) -> Self {
        let PriceChange { listing: _, old, new, reason, actor: _, at } = change;
        Self {
            old: old.map(Into::into),
            new: new.map(Into::into),
            reason: reason.name(),
            changed_at: at,
        }
    }
}

/// What everyone may know of a price.
#[derive(Debug, Serialize, ToSchema)]
struct PriceHistoryView {
    /// The price now.
    current: Option<MoneyView>,
    /// The lowest price of the 30 days before the last reduction, else before now: what EU law
    /// wants to be shown beside a discount (directive 98/6/EC, article 6a).
    lowest_30d: Option<MoneyView>,
    /// The changes of the last 90 days, newest first.
    data: Vec<PriceChangeView>,
}

impl From<PriceHistory> for PriceHistoryView {
    fn from(history: PriceHistory) -> Self {
        let PriceHistory { current, lowest_30d, changes } = history;
        Self {
            current: current.map(Into::into),
            lowest_30d: lowest_30d.map(Into::into),
            data: changes.into_iter().map(Into::into).collect(),
        }
    }
}

/// Look at the history of a price
///
/// The changes of the last 90 days, and the price that a discount has to be measured against.
#[utoipa::path(
    operation_id = "getPriceHistory",
    tag = "listings",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "The history", body = PriceHistoryView)),
)]
#[get("/listings/{id}/price-history")]
async fn show(
    Caller(actor): Caller,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<Json<PriceHistoryView>, Problem> {
    let history = state.services.catalog.listings.price_history(&actor, *id).await?;
    Ok(Json(history.into()))
}
