use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use kernel::{ListingId, ProviderId, ReviewId};
use reviews::{Rated, ReviewSort};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::{RatedReviewsView, ReviewView, page, position, shown};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::etag::Caching;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(of_listing).service(of_provider).service(own);
}

/// Look at a review
///
/// A published one is for everyone; one that its author has confirmed for moderators too; any for
/// its author. `allowed` lists the commands that you could give now.
#[utoipa::path(
    operation_id = "getReview",
    tag = "reviews",
    params(("id" = String, Path, description = "The review", example = "rev_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses(
        (status = OK, description = "The review", body = ReviewView),
        (status = NOT_MODIFIED, description = "You have it already"),
    ),
)]
#[get("/reviews/{id}")]
async fn show(
    Caller(actor): Caller,
    id: Path<ReviewId>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let presented = state.services.reviews.review(&actor, *id).await?;
    let public = Caching::Public { max_age: 30 };
    let caching = if actor.is_visitor() { public } else { Caching::Private };
    shown(&request, presented, caching, &state).await
}

/// How reviews are sorted.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
enum ReviewSortView {
    /// The latest first.
    #[default]
    #[serde(rename = "-published_at")]
    Newest,
    /// The most helpful first.
    #[serde(rename = "-helpful")]
    Helpful,
    /// The most stars first.
    #[serde(rename = "-stars")]
    Best,
    /// The fewest stars first.
    #[serde(rename = "stars")]
    Worst,
}

impl From<ReviewSortView> for ReviewSort {
    fn from(sort: ReviewSortView) -> Self {
        match sort {
            ReviewSortView::Newest => Self::Newest,
            ReviewSortView::Helpful => Self::Helpful,
            ReviewSortView::Best => Self::Best,
            ReviewSortView::Worst => Self::Worst,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// What comes first.
    #[serde(default)]
    #[param(inline)]
    sort: ReviewSortView,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the reviews of a listing
///
/// What its clients wrote and everyone can read, with the rating over all of it.
#[utoipa::path(
    operation_id = "listListingReviews",
    tag = "reviews",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"), Listed),
    responses((status = OK, description = "A page of reviews", body = RatedReviewsView)),
)]
#[get("/listings/{id}/reviews")]
async fn of_listing(
    caller: Caller,
    id: Path<ListingId>,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<RatedReviewsView>, Problem> {
    of(caller, Rated::Listing(*id), query, &state).await
}

/// List the reviews of a provider
///
/// What its clients wrote about any of its listings and everyone can read, with the rating over
/// all of it.
#[utoipa::path(
    operation_id = "listProviderReviews",
    tag = "reviews",
    params(("id" = String, Path, description = "The provider", example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"), Listed),
    responses((status = OK, description = "A page of reviews", body = RatedReviewsView)),
)]
#[get("/providers/{id}/reviews")]
async fn of_provider(
    caller: Caller,
    id: Path<ProviderId>,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<RatedReviewsView>, Problem> {
    of(caller, Rated::Provider(*id), query, &state).await
}

async fn of(
    Caller(actor): Caller,
    rated: Rated,
    query: Listed,
    state: &State,
) -> Result<Json<RatedReviewsView>, Problem> {
    let limit = limit(query.limit)?;
    let sort = ReviewSort::from(query.sort);
    let list = format!("reviews of {rated} {sort:?}");
    let after = position(state, &list, query.cursor.as_deref())?;
    let found = state.services.reviews.reviews_of(&actor, rated, sort, after, limit).await?;
    Ok(Json(RatedReviewsView {
        rating: found.rating.into(),
        page: page(found.page, limit, state, &list).await?,
    }))
}

/// On which end of a review one is.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReviewEndView {
    /// One wrote it.
    #[default]
    Author,
    /// It is about oneself.
    Subject,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnListed {
    /// `author` for what you wrote, in any state; `subject` for what others wrote about you and
    /// everyone can read.
    #[serde(default, rename = "as")]
    #[param(rename = "as", inline)]
    end: ReviewEndView,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the reviews by oneself, or about oneself
///
/// The latest first.
#[utoipa::path(
    operation_id = "listOwnReviews",
    tag = "reviews",
    params(OwnListed),
    responses((status = OK, description = "A page of reviews", body = PageView<ReviewView>)),
)]
#[get("/me/reviews")]
async fn own(
    Caller(actor): Caller,
    Query(query): Query<OwnListed>,
    state: Data<State>,
) -> Result<Json<PageView<ReviewView>>, Problem> {
    let limit = limit(query.limit)?;
    let list = format!("own reviews {:?}", query.end);
    let after = position(&state, &list, query.cursor.as_deref())?;
    let reviews = &state.services.reviews;
    let found = match query.end {
        ReviewEndView::Author => reviews.own_reviews(&actor, after, limit).await?,
        ReviewEndView::Subject => reviews.reviews_about(&actor, after, limit).await?,
    };
    Ok(Json(page(found, limit, &state, &list).await?))
}
