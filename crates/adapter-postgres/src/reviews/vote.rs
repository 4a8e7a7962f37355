use ::reviews::{ReportNote, ReportReason, Votes};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ReviewId, StorageError};

use crate::PgTx;
use crate::failure::storage;
use crate::schema::reviews::{review_reports, review_votes, reviews};

#[async_trait]
impl Votes for PgTx {
    async fn set_helpful(
        &mut self,
        review: ReviewId,
        reader: AccountId,
        helpful: bool,
        now: DateTime<Utc>,
    ) -> Result<u32, StorageError> {
        let (id, account) = (review.as_uuid(), reader.as_uuid());
        let changed = if helpful {
            diesel::insert_into(review_votes::table)
                .values((
                    review_votes::review_id.eq(id),
                    review_votes::account_id.eq(account),
                    review_votes::voted_at.eq(now),
                ))
                .on_conflict_do_nothing()
                .execute(self.conn())
                .await
        } else {
            diesel::delete(review_votes::table.find((id, account))).execute(self.conn()).await
        }
        .map_err(storage("vote on a review"))?;
        let step = match (changed, helpful) {
            (0, _) => 0,
            (_, true) => 1,
            (_, false) => -1,
        };
        let count: i32 = diesel::update(reviews::table.find(id))
            .set(reviews::helpful_count.eq(reviews::helpful_count + step))
            .returning(reviews::helpful_count)
            .get_result(self.conn())
            .await
            .map_err(storage("count the votes on a review"))?;
        u32::try_from(count)
            .map_err(|error| StorageError::corrupt("count the votes on a review", error))
    }

    async fn insert_report(
        &mut self,
        review: ReviewId,
        reader: AccountId,
        reason: ReportReason,
        note: Option<ReportNote>,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let inserted = diesel::insert_into(review_reports::table)
            .values((
                review_reports::review_id.eq(review.as_uuid()),
                review_reports::account_id.eq(reader.as_uuid()),
                review_reports::reason.eq(reason.name()),
                review_reports::note.eq(note.map(ReportNote::into_string)),
                review_reports::reported_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("report a review"))?;
        if inserted == 0 {
            return Ok(false);
        }
        diesel::update(reviews::table.find(review.as_uuid()))
            .set(reviews::open_reports.eq(reviews::open_reports + 1))
            .execute(self.conn())
            .await
            .map_err(storage("count the reports of a review"))?;
        Ok(true)
    }

    async fn close_reports(
        &mut self,
        review: ReviewId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let open = review_reports::table
            .filter(review_reports::review_id.eq(review.as_uuid()))
            .filter(review_reports::closed_at.is_null());
        diesel::update(open)
            .set(review_reports::closed_at.eq(now))
            .execute(self.conn())
            .await
            .map_err(storage("close the reports of a review"))?;
        diesel::update(reviews::table.find(review.as_uuid()))
            .set(reviews::open_reports.eq(0))
            .execute(self.conn())
            .await
            .map_err(storage("close the reports of a review"))?;
        Ok(())
    }
}
