use ::reviews::{Rated, RatedFacts, Rating, RatingDrift, Ratings};
use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text, Uuid as SqlUuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kernel::{ListingId, ProviderId, StorageError};
use uuid::Uuid;

use crate::failure::storage;
use crate::schema::catalog::{listings, providers};
use crate::schema::reviews::{review_ratings as table, reviews};
use crate::{PgStore, PgTx};

/// A rating's key: what kind of thing, and which.
fn key(rated: Rated) -> (&'static str, Uuid) {
    match rated {
        Rated::Listing(id) => ("listing", id.as_uuid()),
        Rated::Provider(id) => ("provider", id.as_uuid()),
    }
}

fn rating(count: i64, stars: i64) -> Result<Rating, StorageError> {
    let whole = |n: i64| u32::try_from(n).map_err(|e| StorageError::corrupt("read a rating", e));
    Ok(Rating { count: whole(count)?, stars: whole(stars)? })
}

fn column(n: u32) -> Result<i32, StorageError> {
    i32::try_from(n).map_err(|error| StorageError::corrupt("store a rating", error))
}

#[async_trait]
impl Ratings for PgTx {
    async fn rating_for_update(&mut self, rated: Rated) -> Result<Rating, StorageError> {
        let (kind, id) = key(rated);
        // Makes the row if there is none, and locks it if there is, in one statement.
        let (count, stars): (i32, i32) = diesel::insert_into(table::table)
            .values((
                table::kind.eq(kind),
                table::subject_id.eq(id),
                table::count.eq(0),
                table::stars.eq(0),
            ))
            .on_conflict((table::kind, table::subject_id))
            .do_update()
            .set(table::count.eq(table::count))
            .returning((table::count, table::stars))
            .get_result(self.conn())
            .await
            .map_err(storage("load a rating"))?;
        rating(i64::from(count), i64::from(stars))
    }

    async fn store_rating(
        &mut self,
        rated: Rated,
        rating: Rating,
        mean: Option<f64>,
        score: Option<f64>,
    ) -> Result<(), StorageError> {
        let (count, stars) = (column(rating.count)?, column(rating.stars)?);
        // The catalogue keeps zeros for what nobody judged.
        let (mean, score) = (mean.unwrap_or_default(), score.unwrap_or_default());
        diesel::update(table::table.find(key(rated)))
            .set((table::count.eq(count), table::stars.eq(stars)))
            .execute(self.conn())
            .await
            .map_err(storage("store a rating"))?;
        match rated {
            Rated::Listing(id) => {
                diesel::update(listings::table.find(id.as_uuid()))
                    .set((
                        listings::rating_count.eq(count),
                        listings::rating_mean.eq(mean),
                        listings::rating_score.eq(score),
                    ))
                    .execute(self.conn())
                    .await
            }
            Rated::Provider(id) => {
                diesel::update(providers::table.find(id.as_uuid()))
                    .set((
                        providers::rating_count.eq(count),
                        providers::rating_mean.eq(mean),
                        providers::rating_score.eq(score),
                    ))
                    .execute(self.conn())
                    .await
            }
        }
        .map_err(storage("show a rating"))?;
        Ok(())
    }

    async fn count_rating(&mut self, rated: Rated) -> Result<Rating, StorageError> {
        let shown = reviews::table
            .filter(reviews::status.eq("published"))
            .filter(reviews::side.eq("client"))
            .select((diesel::dsl::count_star(), diesel::dsl::sum(reviews::stars)))
            .into_boxed();
        let of = match rated {
            Rated::Listing(id) => shown.filter(reviews::listing_id.eq(id.as_uuid())),
            Rated::Provider(id) => shown.filter(reviews::provider_id.eq(id.as_uuid())),
        };
        let (count, stars): (i64, Option<i64>) =
            of.first(self.conn()).await.map_err(storage("add reviews up"))?;
        rating(count, stars.unwrap_or_default())
    }
}

#[derive(QueryableByName)]
struct DriftRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Integer)]
    stored_count: i32,
    #[diesel(sql_type = Integer)]
    stored_stars: i32,
    #[diesel(sql_type = Integer)]
    counted_count: i32,
    #[diesel(sql_type = Integer)]
    counted_stars: i32,
}

/// Reads all reviews, and all that is rated: what is kept apart and what is shown must both agree.
const DRIFT: &str = "
    WITH shown AS (
        SELECT listing_id, provider_id, stars FROM reviews
        WHERE status = 'published' AND side = 'client'
    ), counted AS (
        SELECT 'listing' AS kind, listing_id AS subject_id,
               count(*)::integer AS count, sum(stars)::integer AS stars
        FROM shown GROUP BY listing_id
        UNION ALL
        SELECT 'provider', provider_id, count(*)::integer, sum(stars)::integer
        FROM shown GROUP BY provider_id
    ), kept AS (
        SELECT 'listing' AS kind, l.id AS subject_id, coalesce(r.stars, 0) AS stars,
               l.rating_count AS count, coalesce(r.count, 0) = l.rating_count AS agree
        FROM listings l
        LEFT JOIN review_ratings r ON r.kind = 'listing' AND r.subject_id = l.id
        WHERE l.rating_count > 0 OR r.count > 0
        UNION ALL
        SELECT 'provider', p.id, coalesce(r.stars, 0),
               p.rating_count, coalesce(r.count, 0) = p.rating_count
        FROM providers p
        LEFT JOIN review_ratings r ON r.kind = 'provider' AND r.subject_id = p.id
        WHERE p.rating_count > 0 OR r.count > 0
    )
    SELECT kind, subject_id,
           coalesce(kept.count, 0) AS stored_count, coalesce(kept.stars, 0) AS stored_stars,
           coalesce(counted.count, 0) AS counted_count, coalesce(counted.stars, 0) AS counted_stars
    FROM kept FULL JOIN counted USING (kind, subject_id)
    WHERE (coalesce(kept.count, 0), coalesce(kept.stars, 0), coalesce(kept.agree, true))
          <> (coalesce(counted.count, 0), coalesce(counted.stars, 0), true)
    ORDER BY kind, subject_id";

impl PgStore {
    /// Whose it is, and whether everyone sees it.
    pub(super) async fn facts_of_rated(
        &self,
        rated: Rated,
    ) -> Result<Option<RatedFacts>, StorageError> {
        let mut conn = self.conn().await?;
        let row: Option<(Uuid, bool)> = match rated {
            Rated::Listing(id) => {
                let shown = listings::status.eq("published").and(listings::provider_active);
                let one = listings::table.find(id.as_uuid());
                one.select((listings::provider_id, shown)).first(&mut *conn).await
            }
            Rated::Provider(id) => {
                let one = providers::table.find(id.as_uuid());
                one.select((providers::id, providers::status.eq("active"))).first(&mut *conn).await
            }
        }
        .optional()
        .map_err(storage("load what is rated"))?;
        Ok(row.map(|(id, public)| RatedFacts { provider: ProviderId::from_uuid(id), public }))
    }

    /// The stored rating, as everyone reads it.
    pub(super) async fn stored_rating(&self, rated: Rated) -> Result<Rating, StorageError> {
        let row: Option<(i32, i32)> = table::table
            .find(key(rated))
            .select((table::count, table::stars))
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a rating"))?;
        let (count, stars) = row.unwrap_or_default();
        rating(i64::from(count), i64::from(stars))
    }

    pub(super) async fn drifted_ratings(&self) -> Result<Vec<RatingDrift>, StorageError> {
        let mut tx = self.open().await?;
        // An operator's question may take as long as it takes.
        tx.conn()
            .batch_execute("SET LOCAL statement_timeout = 0")
            .await
            .map_err(storage("compare ratings"))?;
        let rows: Vec<DriftRow> =
            diesel::sql_query(DRIFT).load(tx.conn()).await.map_err(storage("compare ratings"))?;
        rows.into_iter()
            .map(|row| {
                let rated = match row.kind.as_str() {
                    "listing" => Rated::Listing(ListingId::from_uuid(row.subject_id)),
                    _ => Rated::Provider(ProviderId::from_uuid(row.subject_id)),
                };
                Ok(RatingDrift {
                    rated,
                    stored: rating(row.stored_count.into(), row.stored_stars.into())?,
                    counted: rating(row.counted_count.into(), row.counted_stars.into())?,
                })
            })
            .collect()
    }
}
