use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ReviewId, StorageError};
use reviews::{Confirmation, Confirmations, Review, ReviewError, ReviewRepository};
use uuid::Uuid;

use super::row::ReviewRow;
use crate::PgTx;
use crate::failure::{storage, violates};
use crate::schema::reviews::{review_confirmations, reviews as table};

/// The wanted one of the reviews of a booking, and the other.
pub(super) fn pair(
    rows: Vec<ReviewRow>,
    id: ReviewId,
) -> Result<Option<(Review, Option<Review>)>, StorageError> {
    let (mut wanted, mut other) = (None, None);
    for row in rows {
        let place = if row.id == id.as_uuid() { &mut wanted } else { &mut other };
        *place = Some(Review::try_from(row)?);
    }
    // A discarded review and its successor are by the same side: neither is the other's other.
    let other = other.filter(|other: &Review| {
        wanted.as_ref().is_some_and(|wanted: &Review| wanted.record().side != other.record().side)
    });
    Ok(wanted.map(|wanted| (wanted, other)))
}

#[async_trait]
impl ReviewRepository for PgTx {
    async fn review_pair_for_update(
        &mut self,
        id: ReviewId,
    ) -> Result<Option<(Review, Option<Review>)>, StorageError> {
        let booking: Option<Uuid> = table::table
            .find(id.as_uuid())
            .select(table::booking_id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a review"))?;
        let Some(booking) = booking else { return Ok(None) };
        let rows = table::table
            .filter(table::booking_id.eq(booking))
            .filter(table::status.ne("discarded").or(table::id.eq(id.as_uuid())))
            .order(table::id)
            .for_no_key_update()
            .select(ReviewRow::as_select())
            .load(self.conn())
            .await
            .map_err(storage("load a review"))?;
        pair(rows, id)
    }

    async fn insert_review(&mut self, review: &Review) -> Result<(), ReviewError> {
        diesel::insert_into(table::table)
            .values(ReviewRow::from(review))
            .execute(self.conn())
            .await
            .map_err(|error| {
                if violates(&error, "reviews_once_per_side") {
                    ReviewError::AlreadyReviewed { id: review.record().booking }
                } else {
                    storage("insert a review")(error).into()
                }
            })?;
        Ok(())
    }

    async fn update_review(&mut self, review: &Review) -> Result<(), StorageError> {
        let row = ReviewRow::from(review);
        let stored = table::table.find(row.id).filter(table::version.eq(row.version));
        let updated = diesel::update(stored)
            .set(row.changes())
            .execute(self.conn())
            .await
            .map_err(storage("update a review"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }
}

#[async_trait]
impl Confirmations for PgTx {
    async fn insert_confirmation(&mut self, link: &Confirmation) -> Result<(), StorageError> {
        diesel::insert_into(review_confirmations::table)
            .values((
                review_confirmations::token_hash.eq(link.token_hash.as_slice()),
                review_confirmations::review_id.eq(link.review.as_uuid()),
                review_confirmations::expires_at.eq(link.expires_at),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store a link that confirms a review"))?;
        Ok(())
    }

    async fn confirmation(
        &mut self,
        token_hash: [u8; 32],
    ) -> Result<Option<Confirmation>, StorageError> {
        let row = review_confirmations::table
            .find(token_hash.as_slice())
            .select((review_confirmations::review_id, review_confirmations::expires_at))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look a link up that confirms a review"))?;
        Ok(row.map(|(review, expires_at)| Confirmation {
            review: ReviewId::from_uuid(review),
            token_hash,
            expires_at,
        }))
    }

    async fn delete_confirmations(&mut self, review: ReviewId) -> Result<(), StorageError> {
        let of_review = review_confirmations::review_id.eq(review.as_uuid());
        diesel::delete(review_confirmations::table.filter(of_review))
            .execute(self.conn())
            .await
            .map_err(storage("forget the links that confirm a review"))?;
        Ok(())
    }
}
