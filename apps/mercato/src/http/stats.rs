//! The figures of a provider, for itself.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use catalog::engagement::{Figures, Interval, Point, Statistics, TopListing};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::moment::Date;
use super::query::Query;
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(own);
}

/// What happened in a time.
#[derive(Debug, Serialize, ToSchema)]
struct FiguresView {
    /// Views of the provider's listings, one per viewer and hour.
    #[schema(example = 240)]
    views: i64,
    /// Favourites of its listings made then that still stand.
    #[schema(example = 12)]
    favorites: i64,
    /// Visits to its profile.
    #[schema(example = 60)]
    profile_visits: i64,
    /// Visits to its profile that came from one of its listings.
    #[schema(example = 25)]
    to_profile_count: i64,
    /// Favourites of its profile made then that still stand.
    #[schema(example = 4)]
    profile_favorites: i64,
    /// Requests that clients sent.
    #[schema(example = 6)]
    requests: i64,
    /// Requests that led to an agreement.
    #[schema(example = 3)]
    bookings: i64,
    /// Requests per view.
    #[schema(example = 0.025)]
    conversion: f64,
}

impl From<&Figures> for FiguresView {
    fn from(figures: &Figures) -> Self {
        let conversion = hundredths(figures.conversion()) / 100.0;
        let Figures {
            views,
            favorites,
            profile_visits,
            to_profile,
            profile_favorites,
            requests,
            bookings,
        } = *figures;
        Self {
            views,
            favorites,
            profile_visits,
            to_profile_count: to_profile,
            profile_favorites,
            requests,
            bookings,
            conversion,
        }
    }
}

/// A number that is counted in hundredths.
fn hundredths(count: i64) -> f64 {
    i32::try_from(count).map_or(f64::from(i32::MAX), f64::from) / 100.0
}

/// A point of the series.
#[derive(Debug, Serialize, ToSchema)]
struct PointView {
    /// Its first day, in UTC.
    #[schema(example = "2026-05-01")]
    from: NaiveDate,
    /// Its last day, in UTC.
    #[schema(example = "2026-05-01")]
    to: NaiveDate,
    /// What happened.
    #[serde(flatten)]
    figures: FiguresView,
}

impl From<&Point> for PointView {
    fn from(Point { from, to, figures }: &Point) -> Self {
        Self { from: *from, to: *to, figures: figures.into() }
    }
}

/// One of the listings that were looked at most.
#[derive(Debug, Serialize, ToSchema)]
struct TopListingView {
    /// Its id.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The headline.
    #[schema(example = "Loft in Berlin")]
    title: String,
    /// Its views.
    #[schema(example = 80)]
    views: i64,
    /// Favourites of it made then that still stand.
    #[schema(example = 5)]
    favorites: i64,
    /// Visits to the profile that came from it.
    #[schema(example = 9)]
    to_profile_count: i64,
    /// Requests for it.
    #[schema(example = 2)]
    requests: i64,
    /// Requests for it that led to an agreement.
    #[schema(example = 1)]
    bookings: i64,
}

impl From<&TopListing> for TopListingView {
    fn from(top: &TopListing) -> Self {
        Self {
            id: top.id.to_string(),
            title: top.title.to_string(),
            views: top.views,
            favorites: top.favorites,
            to_profile_count: top.to_profile,
            requests: top.requests,
            bookings: top.bookings,
        }
    }
}

/// The figures of a provider.
#[derive(Debug, Serialize, ToSchema)]
struct StatisticsView {
    /// The first day, in UTC.
    #[schema(example = "2026-05-01")]
    from: NaiveDate,
    /// The last day, in UTC.
    #[schema(example = "2026-05-30")]
    to: NaiveDate,
    /// How long a point lasts: `day`, `week` or `month`.
    #[schema(example = "day")]
    interval: &'static str,
    /// Listings that are public now.
    #[schema(example = 8)]
    listings: i64,
    /// Views of a listing on average.
    #[schema(example = 30.25)]
    average_views: f64,
    /// All days together.
    totals: FiguresView,
    /// Point by point, those without anything among them.
    series: Vec<PointView>,
    /// The ten listings with the most views.
    top_listings: Vec<TopListingView>,
}

impl From<&Statistics> for StatisticsView {
    fn from(statistics: &Statistics) -> Self {
        Self {
            from: statistics.span.from(),
            to: statistics.span.to(),
            interval: statistics.interval.name(),
            listings: statistics.listings,
            average_views: hundredths(statistics.average_views),
            totals: FiguresView::from(&statistics.totals),
            series: statistics.series.iter().map(PointView::from).collect(),
            top_listings: statistics.top.iter().map(TopListingView::from).collect(),
        }
    }
}

/// How long a point of the series lasts.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum IntervalView {
    /// A day.
    #[default]
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl From<IntervalView> for Interval {
    fn from(interval: IntervalView) -> Self {
        match interval {
            IntervalView::Day => Self::Day,
            IntervalView::Week => Self::Week,
            IntervalView::Month => Self::Month,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The first day, in UTC; 29 days before the last one unless said.
    #[param(example = "2026-05-01")]
    #[param(value_type = Option<NaiveDate>)]
    from: Option<Date>,
    /// The last day, in UTC; today unless said.
    #[param(example = "2026-05-30")]
    #[param(value_type = Option<NaiveDate>)]
    to: Option<Date>,
    /// How long a point of the series lasts.
    #[serde(default)]
    #[param(inline)]
    interval: IntervalView,
}

/// Look at one's own figures
///
/// What happened around one's profile and listings: a series, totals, and the ten listings that
/// were looked at most. At most two years at once.
#[utoipa::path(
    operation_id = "getMyStats",
    tag = "providers",
    params(Asked),
    responses(
        (status = OK, description = "The figures", body = StatisticsView),
        (status = UNPROCESSABLE_ENTITY, description = "The days are too many, or in the wrong order",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[get("/providers/me/stats")]
async fn own(
    Caller(actor): Caller,
    Query(asked): Query<Asked>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let engagement = &state.services.discovery.engagement;
    let interval = asked.interval.into();
    let statistics = engagement
        .statistics(&actor, asked.from.map(Into::into), asked.to.map(Into::into), interval)
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(StatisticsView::from(&statistics)))
}
