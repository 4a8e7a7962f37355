//! What promotions can be bought.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Utc};
use promotions::{Limits, Product, TermPrice};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::etag::{Caching, tagged};
use crate::http::money::MoneyView;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// What a product costs for a time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PromotionPrice {
    /// For how many days: 7, 14 or 30.
    #[schema(example = 7)]
    pub(super) duration_days: i64,
    /// For how much; all prices of a product are of one currency.
    pub(super) price: MoneyView,
}

impl From<&TermPrice> for PromotionPrice {
    fn from(price: &TermPrice) -> Self {
        let TermPrice { term, price } = *price;
        Self { duration_days: term.days().into(), price: price.into() }
    }
}

/// How much of a product can be had.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PromotionLimits {
    /// How many listings of one provider may have the effect at a time; any number if null.
    #[schema(example = 5, minimum = 1)]
    per_provider: Option<u16>,
    /// How many days ahead it may start, 0 to 365.
    #[schema(example = 90, maximum = 365)]
    start_ahead_days: u16,
    /// How many days ahead it may end, those behind one another among them: from the longest time
    /// to 1095.
    #[schema(example = 365, maximum = 1095)]
    end_ahead_days: u16,
}

impl Default for PromotionLimits {
    fn default() -> Self {
        Limits::default().into()
    }
}

impl From<Limits> for PromotionLimits {
    fn from(limits: Limits) -> Self {
        let Limits { per_provider, start_ahead_days, end_ahead_days } = limits;
        Self { per_provider, start_ahead_days, end_ahead_days }
    }
}

impl From<PromotionLimits> for Limits {
    fn from(limits: PromotionLimits) -> Self {
        let PromotionLimits { per_provider, start_ahead_days, end_ahead_days } = limits;
        Self { per_provider, start_ahead_days, end_ahead_days }
    }
}

/// Something that promotes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PromotionProductView {
    /// Its name for programs.
    #[schema(example = "top")]
    key: String,
    /// Its name for people.
    #[schema(example = "Top of the search")]
    title: String,
    /// What it promotes: `listing` or `provider`. New values may come.
    #[schema(example = "listing")]
    target: &'static str,
    /// What it does: `top`, `detailed` or `pro`. New values may come.
    #[schema(example = "top")]
    effect: &'static str,
    /// What it costs, the shortest time first.
    prices: Vec<PromotionPrice>,
    /// How much of it can be had.
    limits: PromotionLimits,
    /// Whether it cannot be bought any more.
    #[schema(example = false)]
    closed: bool,
    /// When this version was declared.
    #[schema(example = "2026-05-01T09:00:00Z")]
    declared_at: DateTime<Utc>,
    /// Counts its changes, from 1; what was bought keeps its version.
    #[schema(example = 1)]
    version: i32,
}

impl From<&Product> for PromotionProductView {
    fn from(product: &Product) -> Self {
        let record = product.record();
        Self {
            key: record.key.to_string(),
            title: record.title.to_string(),
            target: record.effect.target().name(),
            effect: record.effect.name(),
            prices: record.prices.iter().map(PromotionPrice::from).collect(),
            limits: record.limits.into(),
            closed: record.closed,
            declared_at: record.declared_at,
            version: record.version,
        }
    }
}

/// Products.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PromotionProducts {
    /// By key.
    pub(super) data: Vec<PromotionProductView>,
}

impl From<Vec<Product>> for PromotionProducts {
    fn from(products: Vec<Product>) -> Self {
        Self { data: products.iter().map(PromotionProductView::from).collect() }
    }
}

/// List what promotions can be bought
///
/// What each does, for how long it can be had and for how much.
#[utoipa::path(
    operation_id = "listPromotionProducts",
    tag = "promotions",
    params(
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy at hand"),
    ),
    responses(
        (status = OK, description = "The products", body = PromotionProducts),
        (status = NOT_MODIFIED, description = "The copy at hand is good"),
    ),
)]
#[get("/promotions/products")]
async fn list(
    Caller(actor): Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let products = state.services.promotions.products(&actor).await?;
    let caching = Caching::Public { max_age: 60 };
    Ok(tagged(&request, 1, &PromotionProducts::from(products), caching))
}
