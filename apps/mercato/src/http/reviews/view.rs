use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use catalog::media::MediaStore;
use chrono::{DateTime, Utc};
use kernel::{Limit, Page, ReviewId};
use reviews::{
    Presented, Rating, Report, ReportNote, Review, ReviewError, ReviewPosition, Side, Status,
};
use serde::Serialize;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::http::Problem;
use crate::http::command::{Command, answers};
use crate::http::etag::{Caching, tagged};
use crate::http::media::MediaView;
use crate::http::page::PageView;
use crate::http::server::State;

/// Where a review stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReviewStatusView {
    /// Written, not handed in.
    Draft,
    /// Handed in; its author must confirm it.
    PendingConfirmation,
    /// Confirmed; a moderator must look at it.
    PendingModeration,
    /// Waits for the other side's review, or for the end of the window.
    Held,
    /// Everyone can read it.
    Published,
    /// A moderator took it out of sight.
    Hidden,
    /// Not confirmed in time.
    Discarded,
}

impl From<&Status> for ReviewStatusView {
    fn from(status: &Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::PendingConfirmation { .. } => Self::PendingConfirmation,
            Status::PendingModeration { .. } => Self::PendingModeration,
            Status::Held { .. } => Self::Held,
            Status::Published { .. } => Self::Published,
            Status::Hidden { .. } => Self::Hidden,
            Status::Discarded { .. } => Self::Discarded,
        }
    }
}

/// Which side of the booking wrote a review.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReviewSideView {
    /// The client, about the provider: it counts in ratings.
    Client,
    /// The provider, about the client.
    Provider,
}

/// What the reviewed side answered.
#[derive(Debug, Serialize, ToSchema)]
struct ReplyView {
    /// The answer.
    #[schema(example = "Thank you, it was a pleasure.")]
    text: String,
    /// When.
    created_at: DateTime<Utc>,
}

/// What a reader complains of; for moderators.
#[derive(Debug, Serialize, ToSchema)]
struct ReportView {
    /// Who.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    account_id: String,
    /// What: `abusive`, `personal_data`, `off_topic`, `spam`, `false` or `other`.
    #[schema(example = "spam")]
    reason: &'static str,
    /// What, in their words.
    #[schema(example = "It only links to another shop.")]
    note: Option<String>,
    /// When.
    created_at: DateTime<Utc>,
}

impl From<Report> for ReportView {
    fn from(report: Report) -> Self {
        let Report { reader, reason, note, at } = report;
        Self {
            account_id: reader.to_string(),
            reason: reason.name(),
            note: note.map(ReportNote::into_string),
            created_at: at,
        }
    }
}

/// A review.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReviewView {
    /// Its id.
    #[schema(example = "rev_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// What was booked and done; only its author and moderators are told.
    #[schema(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    booking_id: Option<String>,
    /// The listing that was booked.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: String,
    /// Who provided it.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: String,
    /// Which side wrote it.
    side: ReviewSideView,
    /// What its author goes by; null if they left.
    #[schema(example = "Kim")]
    author_name: Option<String>,
    /// Overall, 1 to 5.
    #[schema(example = 5, minimum = 1, maximum = 5)]
    stars: u8,
    /// In words.
    #[schema(example = "On time, tidy, and the shelves are straight.")]
    text: String,
    /// Up to six pictures, in their order.
    pictures: Vec<MediaView>,
    /// By criterion, 1 to 5 each.
    criteria: BTreeMap<String, u8>,
    /// Where it stands.
    status: ReviewStatusView,
    /// Why it was hidden; only its author and moderators see a hidden review.
    #[schema(example = "It names a private address")]
    hidden_reason: Option<String>,
    /// What the reviewed side answered.
    reply: Option<ReplyView>,
    /// How many found it helpful.
    #[schema(example = 7)]
    helpful_count: u32,
    /// Whether you find it helpful.
    is_helpful: bool,
    /// Whether you wrote it.
    is_own: bool,
    /// The commands that you could give now; only where one review is shown.
    #[schema(example = json!(["edit"]))]
    allowed: Vec<&'static str>,
    /// The reports that wait for a decision; empty unless you moderate.
    reports: Vec<ReportView>,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// When its author last changed it after confirming it.
    edited_at: Option<DateTime<Utc>>,
    /// Since when everyone can read it.
    published_at: Option<DateTime<Utc>>,
}

impl IntoResponses for ReviewView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The review as it is now")
    }
}

impl ReviewView {
    /// A review that was just written: it has no pictures yet.
    pub(super) fn written(presented: Presented) -> Self {
        Self::new(presented, Vec::new())
    }

    /// Reviews with their pictures: one query, however many there are. Whoever sees a review sees
    /// its pictures.
    async fn with_pictures(items: Vec<Presented>, state: &State) -> Result<Vec<Self>, Problem> {
        let ids: Vec<ReviewId> = items.iter().map(|item| item.review.id()).collect();
        let mut pictures = state.services.store.pictures_of_reviews(&ids).await?;
        let views = items.into_iter().map(|presented| {
            let media = pictures.remove(&presented.review.id()).unwrap_or_default();
            Self::new(presented, media.iter().map(|item| MediaView::new(item, state)).collect())
        });
        Ok(views.collect())
    }

    async fn of(presented: Presented, state: &State) -> Result<Self, Problem> {
        let id = presented.review.id();
        let view = Self::with_pictures(vec![presented], state).await?.pop();
        Ok(view.ok_or(ReviewError::NotFound { id })?)
    }

    fn new(presented: Presented, pictures: Vec<MediaView>) -> Self {
        let hidden_reason = presented.hidden_because().map(|reason| reason.as_str().to_owned());
        let Presented { review, author_name, is_helpful, is_own, allowed, reports } = presented;
        let record = review.record().clone();
        let published_at = match &record.status {
            Status::Published { at, .. } => Some(*at),
            Status::Hidden { published_at, .. } => *published_at,
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Discarded { .. } => None,
        };
        Self {
            id: record.id.to_string(),
            booking_id: is_own.then(|| record.booking.to_string()),
            listing_id: record.listing.to_string(),
            provider_id: record.provider.to_string(),
            side: match record.side {
                Side::Client => ReviewSideView::Client,
                Side::Provider => ReviewSideView::Provider,
            },
            author_name,
            stars: record.stars.get(),
            text: record.text.into_string(),
            pictures,
            criteria: record.criteria.iter().map(|(key, s)| (key.to_owned(), s.get())).collect(),
            status: (&record.status).into(),
            hidden_reason,
            reply: record
                .reply
                .map(|reply| ReplyView { text: reply.text.into_string(), created_at: reply.at }),
            helpful_count: record.helpful_count,
            is_helpful,
            is_own,
            allowed,
            reports: reports.into_iter().map(ReportView::from).collect(),
            created_at: record.created_at,
            edited_at: record.edited_at,
            published_at,
        }
    }
}

/// What all reviews of a listing or provider add up to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RatingView {
    /// How many there are.
    #[schema(example = 12)]
    count: u32,
    /// Their mean, 1 to 5, to two decimals; null without any.
    #[schema(example = 4.67)]
    mean: Option<f64>,
}

impl From<Rating> for RatingView {
    fn from(rating: Rating) -> Self {
        Self { count: rating.count, mean: rating.mean() }
    }
}

/// One page of the reviews of a listing or provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RatedReviewsView {
    /// What all of them add up to.
    pub(super) rating: RatingView,
    #[serde(flatten)]
    pub(super) page: PageView<ReviewView>,
}

/// A page with its cursor. A position on the wire is its key and the id.
pub(super) async fn page(
    page: Page<Presented, ReviewPosition>,
    limit: Limit,
    state: &State,
    list: &str,
) -> Result<PageView<ReviewView>, Problem> {
    let items = ReviewView::with_pictures(page.items, state).await?;
    let page = Page { items, next: page.next.map(|next| (next.key, next.id)) };
    Ok(PageView::new(page, limit, &state.cursors, list, |view| view))
}

/// The position of a cursor of this list.
pub(super) fn position(
    state: &State,
    list: &str,
    cursor: Option<&str>,
) -> Result<Option<ReviewPosition>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let (key, id) = state.cursors.decode(list, cursor)?;
    Ok(Some(ReviewPosition { key, id }))
}

/// 200 with the review and its tag. What a visitor sees may be kept for a while; what somebody
/// who is signed in sees is theirs.
pub(super) async fn shown(
    request: &HttpRequest,
    presented: Presented,
    caching: Caching,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let version = presented.review.record().version;
    Ok(tagged(request, version, &ReviewView::of(presented, state).await?, caching))
}

/// The review as a command left it, as its caller sees it.
pub(super) async fn changed(
    command: &Command<ReviewId>,
    review: Review,
) -> Result<HttpResponse, Problem> {
    let presented = command.state.services.reviews.presented(&command.actor, review).await?;
    let version = presented.review.record().version;
    Ok(command.answer(version, &ReviewView::of(presented, &command.state).await?))
}
