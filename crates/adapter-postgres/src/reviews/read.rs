use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Limit, Page, ReviewId, StorageError, Total};
use reviews::{
    ModerationQueue, Rated, RatedFacts, Rating, RatingDrift, Report, ReportNote, Review,
    ReviewFilter, ReviewPosition, ReviewSort, ReviewStore, ReviewTx, Status,
};
use uuid::Uuid;

use super::repository::pair;
use super::row::ReviewRow;
use crate::PgStore;
use crate::failure::storage;
use crate::schema::identity::accounts;
use crate::schema::reviews::{review_reports, review_votes, reviews as table};
use crate::statement::Statement;

/// Reports shown with a review.
const REPORTS: usize = 10;

/// Sorts a boxed query by a column and the id, and starts it after a place.
macro_rules! downwards {
    ($query:expr, $column:expr, $after:expr) => {{
        let query = $query.order(($column.desc(), table::id.desc()));
        match $after {
            Some((key, id)) => {
                query.filter($column.le(key)).filter($column.lt(key).or(table::id.lt(id)))
            }
            None => query,
        }
    }};
}

/// The same the other way round.
macro_rules! upwards {
    ($query:expr, $column:expr, $after:expr) => {{
        let query = $query.order(($column.asc(), table::id.asc()));
        match $after {
            Some((key, id)) => {
                query.filter($column.ge(key)).filter($column.gt(key).or(table::id.gt(id)))
            }
            None => query,
        }
    }};
}

/// What a list is sorted by.
#[derive(Clone, Copy)]
enum Order {
    PublishedDown,
    PublishedUp,
    CreatedDown,
    ConfirmedUp,
    HiddenUp,
    HelpfulDown,
    StarsDown,
    StarsUp,
}

impl Order {
    const fn of(filter: ReviewFilter, sort: ReviewSort) -> Self {
        match filter {
            ReviewFilter::ByAuthor(_) => Self::CreatedDown,
            ReviewFilter::Queue(ModerationQueue::Pending) => Self::ConfirmedUp,
            ReviewFilter::Queue(ModerationQueue::Reported) => Self::PublishedUp,
            ReviewFilter::Queue(ModerationQueue::Hidden) => Self::HiddenUp,
            ReviewFilter::OfListing(_)
            | ReviewFilter::OfProvider(_)
            | ReviewFilter::AboutAccount(_) => match sort {
                ReviewSort::Newest => Self::PublishedDown,
                ReviewSort::Helpful => Self::HelpfulDown,
                ReviewSort::Best => Self::StarsDown,
                ReviewSort::Worst => Self::StarsUp,
            },
        }
    }

    /// A review's key in this order.
    fn key(self, review: &Review) -> i64 {
        let record = review.record();
        let time = |at: Option<DateTime<Utc>>| at.map_or(0, |at| at.timestamp_micros());
        match self {
            Self::PublishedDown | Self::PublishedUp => time(match &record.status {
                Status::Published { at, .. } => Some(*at),
                Status::Hidden { published_at, .. } => *published_at,
                Status::Draft
                | Status::PendingConfirmation { .. }
                | Status::PendingModeration { .. }
                | Status::Held { .. }
                | Status::Discarded { .. } => None,
            }),
            Self::CreatedDown => time(Some(record.created_at)),
            Self::ConfirmedUp => time(match &record.status {
                Status::PendingModeration { confirmed_at }
                | Status::Held { confirmed_at }
                | Status::Published { confirmed_at, .. }
                | Status::Hidden { confirmed_at, .. } => Some(*confirmed_at),
                Status::Draft | Status::PendingConfirmation { .. } | Status::Discarded { .. } => {
                    None
                }
            }),
            Self::HiddenUp => time(match &record.status {
                Status::Hidden { at, .. } => Some(*at),
                Status::Draft
                | Status::PendingConfirmation { .. }
                | Status::PendingModeration { .. }
                | Status::Held { .. }
                | Status::Published { .. }
                | Status::Discarded { .. } => None,
            }),
            Self::HelpfulDown => i64::from(record.helpful_count),
            Self::StarsDown | Self::StarsUp => i64::from(record.stars.get()),
        }
    }
}

/// What a queue is sorted by, and which reviews are in it.
const fn queued(queue: ModerationQueue) -> (&'static str, &'static str) {
    match queue {
        ModerationQueue::Pending => ("confirmed_at", "status = 'pending_moderation'"),
        ModerationQueue::Reported => ("published_at", "status = 'published' AND open_reports > 0"),
        ModerationQueue::Hidden => ("hidden_at", "status = 'hidden'"),
    }
}

/// A cursor is signed, so its key is one of ours; what does not fit starts at the end.
fn as_time(after: Option<ReviewPosition>) -> Option<(DateTime<Utc>, Uuid)> {
    after.map(|after| {
        let at = DateTime::from_timestamp_micros(after.key).unwrap_or(DateTime::<Utc>::MIN_UTC);
        (at, after.id.as_uuid())
    })
}

fn as_count(after: Option<ReviewPosition>) -> Option<(i32, Uuid)> {
    after.map(|after| (i32::try_from(after.key).unwrap_or_default(), after.id.as_uuid()))
}

fn as_stars(after: Option<ReviewPosition>) -> Option<(i16, Uuid)> {
    after.map(|after| (i16::try_from(after.key).unwrap_or_default(), after.id.as_uuid()))
}

#[async_trait]
impl ReviewStore for PgStore {
    async fn begin(&self) -> Result<Box<dyn ReviewTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }

    async fn review_pair(
        &self,
        id: ReviewId,
    ) -> Result<Option<(Review, Option<Review>)>, StorageError> {
        let mut conn = self.conn().await?;
        let booking: Option<Uuid> = table::table
            .find(id.as_uuid())
            .select(table::booking_id)
            .first(&mut *conn)
            .await
            .optional()
            .map_err(storage("load a review"))?;
        let Some(booking) = booking else { return Ok(None) };
        let rows = table::table
            .filter(table::booking_id.eq(booking))
            .filter(table::status.ne("discarded").or(table::id.eq(id.as_uuid())))
            .select(ReviewRow::as_select())
            .load(&mut *conn)
            .await
            .map_err(storage("load a review"))?;
        pair(rows, id)
    }

    async fn reviews(
        &self,
        filter: ReviewFilter,
        sort: ReviewSort,
        after: Option<ReviewPosition>,
        limit: Limit,
    ) -> Result<Page<Review, ReviewPosition>, StorageError> {
        let order = Order::of(filter, sort);
        let all = table::table.select(ReviewRow::as_select()).into_boxed();
        let some = match filter {
            ReviewFilter::OfListing(id) => all
                .filter(table::status.eq("published"))
                .filter(table::side.eq("client"))
                .filter(table::listing_id.eq(id.as_uuid())),
            ReviewFilter::OfProvider(id) => all
                .filter(table::status.eq("published"))
                .filter(table::side.eq("client"))
                .filter(table::provider_id.eq(id.as_uuid())),
            ReviewFilter::ByAuthor(id) => all.filter(table::author_id.eq(id.as_uuid())),
            ReviewFilter::AboutAccount(id) => {
                all.filter(table::status.eq("published")).filter(table::subject_id.eq(id.as_uuid()))
            }
            ReviewFilter::Queue(ModerationQueue::Pending) => {
                all.filter(table::status.eq("pending_moderation"))
            }
            ReviewFilter::Queue(ModerationQueue::Reported) => {
                all.filter(table::status.eq("published")).filter(table::open_reports.gt(0))
            }
            ReviewFilter::Queue(ModerationQueue::Hidden) => all.filter(table::status.eq("hidden")),
        };
        let sorted = match order {
            Order::PublishedDown => downwards!(some, table::published_at, as_time(after)),
            Order::PublishedUp => upwards!(some, table::published_at, as_time(after)),
            Order::CreatedDown => downwards!(some, table::created_at, as_time(after)),
            Order::ConfirmedUp => upwards!(some, table::confirmed_at, as_time(after)),
            Order::HiddenUp => upwards!(some, table::hidden_at, as_time(after)),
            Order::HelpfulDown => downwards!(some, table::helpful_count, as_count(after)),
            Order::StarsDown => downwards!(some, table::stars, as_stars(after)),
            Order::StarsUp => upwards!(some, table::stars, as_stars(after)),
        };
        let rows: Vec<ReviewRow> = sorted
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list reviews"))?;
        let reviews: Vec<Review> =
            rows.into_iter().map(Review::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_rows(reviews, limit, |review| ReviewPosition {
            key: order.key(review),
            id: review.id(),
        }))
    }

    async fn queue_position(
        &self,
        queue: ModerationQueue,
        skipped: u16,
    ) -> Result<Option<ReviewPosition>, StorageError> {
        let mut st = Statement::<(Timestamptz, SqlUuid)>::new();
        let (column, waits) = queued(queue);
        st.sql("SELECT ").sql(column).sql(", id FROM reviews WHERE ").sql(waits);
        st.sql(" ORDER BY ").sql(column).sql(", id OFFSET ").bind(i64::from(skipped) - 1);
        st.sql(" LIMIT 1");
        let row: Option<(DateTime<Utc>, Uuid)> = st
            .get_result(&mut self.conn().await?)
            .await
            .optional()
            .map_err(storage("find a page of reviews"))?;
        Ok(row.map(|(at, id)| ReviewPosition {
            key: at.timestamp_micros(),
            id: ReviewId::from_uuid(id),
        }))
    }

    async fn count_queue(&self, queue: ModerationQueue) -> Result<Total, StorageError> {
        let mut st = Statement::<BigInt>::new();
        let (_, waits) = queued(queue);
        st.sql("SELECT count(*) FROM (SELECT FROM reviews WHERE ").sql(waits).sql(" LIMIT ");
        st.bind(Total::rows()).sql(") waiting");
        let rows =
            st.get_result(&mut self.conn().await?).await.map_err(storage("count reviews"))?;
        Ok(Total::of_rows(rows))
    }

    async fn author_names(
        &self,
        authors: Vec<AccountId>,
    ) -> Result<HashMap<AccountId, String>, StorageError> {
        let ids: Vec<Uuid> = authors.into_iter().map(AccountId::as_uuid).collect();
        let rows: Vec<(Uuid, String)> = accounts::table
            .filter(accounts::id.eq_any(ids))
            .filter(accounts::status.ne("erased"))
            .select((accounts::id, accounts::display_name))
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load the names of authors"))?;
        Ok(rows.into_iter().map(|(id, name)| (AccountId::from_uuid(id), name)).collect())
    }

    async fn helpful_votes(
        &self,
        reader: AccountId,
        reviews: Vec<ReviewId>,
    ) -> Result<HashSet<ReviewId>, StorageError> {
        let ids: Vec<Uuid> = reviews.into_iter().map(ReviewId::as_uuid).collect();
        let rows: Vec<Uuid> = review_votes::table
            .filter(review_votes::account_id.eq(reader.as_uuid()))
            .filter(review_votes::review_id.eq_any(ids))
            .select(review_votes::review_id)
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load votes on reviews"))?;
        Ok(rows.into_iter().map(ReviewId::from_uuid).collect())
    }

    async fn open_reports(
        &self,
        reviews: Vec<ReviewId>,
    ) -> Result<HashMap<ReviewId, Vec<Report>>, StorageError> {
        let ids: Vec<Uuid> = reviews.into_iter().map(ReviewId::as_uuid).collect();
        let rows: Vec<(Uuid, Uuid, String, Option<String>, DateTime<Utc>)> = review_reports::table
            .filter(review_reports::review_id.eq_any(ids))
            .filter(review_reports::closed_at.is_null())
            .order(review_reports::reported_at.desc())
            .limit(1_000)
            .select((
                review_reports::review_id,
                review_reports::account_id,
                review_reports::reason,
                review_reports::note,
                review_reports::reported_at,
            ))
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load the reports of reviews"))?;
        let mut reports: HashMap<ReviewId, Vec<Report>> = HashMap::new();
        for (review, reader, reason, note, at) in rows {
            let of_review = reports.entry(ReviewId::from_uuid(review)).or_default();
            if of_review.len() < REPORTS {
                of_review.push(Report {
                    reader: AccountId::from_uuid(reader),
                    reason: reason
                        .parse()
                        .map_err(|error: String| StorageError::corrupt("read a report", error))?,
                    note: note.map(ReportNote::from_stored),
                    at,
                });
            }
        }
        Ok(reports)
    }

    async fn rated_facts(&self, rated: Rated) -> Result<Option<RatedFacts>, StorageError> {
        self.facts_of_rated(rated).await
    }

    async fn rating(&self, rated: Rated) -> Result<Rating, StorageError> {
        self.stored_rating(rated).await
    }

    async fn rating_drift(&self) -> Result<Vec<RatingDrift>, StorageError> {
        self.drifted_ratings().await
    }
}
