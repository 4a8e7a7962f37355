//! Promotions: paid visibility, its figures, coupons, and what admins do about all of it. A room per
//! subject.

mod cancel;
mod coupons;
mod list;
mod oversight;
mod products;
mod products_admin;
mod purchase;
mod statistics;
mod view;

use chrono::{DateTime, SubsecRound, Utc};
use promotions::{PromotionPosition, Status};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::moment::Moment;
use super::query::unknown;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    // Products come first: their paths look like those of promotions.
    config
        .configure(products::routes)
        .configure(products_admin::routes)
        .configure(purchase::routes)
        .configure(list::routes)
        .configure(statistics::routes)
        .configure(cancel::routes)
        .configure(oversight::routes)
        .configure(coupons::routes);
}

/// Where promotions shall stand; 400 for a name that is none.
fn status(given: Option<&str>) -> Result<Option<Status>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let known = Status::ALL.map(Status::name);
    given.parse().map(Some).map_err(|_| unknown("status", given, &known))
}

/// Where a page of promotions starts, from its cursor.
fn position(
    state: &State,
    list: &str,
    cursor: Option<&str>,
) -> Result<Option<PromotionPosition>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let (created_at, id) = state.cursors.decode(list, cursor)?;
    Ok(Some(PromotionPosition { created_at, id }))
}

/// A point in time that somebody gave, as exact as the marketplace keeps it.
fn exact(moment: Moment) -> DateTime<Utc> {
    DateTime::from(moment).trunc_subsecs(6)
}
