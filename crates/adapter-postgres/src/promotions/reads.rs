//! Reading without changing.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Limit, Page, PromotionId, StorageError};
use promotions::{
    Coupon, CouponId, CouponPosition, Effect, FigureDays, Figures, Flags, Product, Promotion,
    PromotionPosition, PromotionQuery, PromotionReads, Status, Target,
};
use uuid::Uuid;

use super::coupons::{CouponRow, count};
use super::named;
use super::products::all_products;
use super::row::PromotionRow;
use crate::PgStore;
use crate::failure::storage;
use crate::schema::promotions::{coupon_counts, coupons, promotions as table};
use crate::statement::Statement;

const fn uuid_of(target: Target) -> Uuid {
    match target {
        Target::Listing(id) => id.as_uuid(),
        Target::Provider(id) => id.as_uuid(),
    }
}

fn read_coupon((row, used): (CouponRow, i32)) -> Result<(Coupon, u32), StorageError> {
    Ok((row.try_into()?, count(used)))
}

#[async_trait]
impl PromotionReads for PgStore {
    async fn products(&self, closed_too: bool) -> Result<Vec<Product>, StorageError> {
        all_products(&mut *self.conn().await?, closed_too).await
    }

    async fn promotion(&self, id: PromotionId) -> Result<Option<Promotion>, StorageError> {
        let row: Option<PromotionRow> = table::table
            .find(id.as_uuid())
            .select(PromotionRow::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a promotion"))?;
        row.map(Promotion::try_from).transpose()
    }

    async fn promotions(
        &self,
        query: &PromotionQuery,
    ) -> Result<Page<Promotion, PromotionPosition>, StorageError> {
        let PromotionQuery { provider, status, now, limit, after } = *query;
        let mut rows = table::table.select(PromotionRow::as_select()).into_boxed();
        if let Some(provider) = provider {
            rows = rows.filter(table::provider_id.eq(provider.as_uuid()));
        }
        if let Some(status) = status {
            rows = match status {
                Status::PendingPayment => rows.filter(sql::<Bool>("stage = 'pending_payment'")),
                Status::Scheduled | Status::Active | Status::Expired => {
                    rows.filter(sql::<Bool>("stage = 'paid'"))
                }
                Status::Cancelled => rows.filter(sql::<Bool>("stage = 'cancelled'")),
            };
            rows = match status {
                Status::Scheduled => rows.filter(table::starts_at.gt(now)),
                Status::Active => {
                    rows.filter(table::starts_at.le(now)).filter(table::ends_at.gt(now))
                }
                Status::Expired => rows.filter(table::ends_at.le(now)),
                Status::PendingPayment | Status::Cancelled => rows,
            };
        }
        if let Some(PromotionPosition { created_at: at, id }) = after {
            let id = id.as_uuid();
            rows = rows.filter(
                table::created_at.le(at).and(table::created_at.lt(at).or(table::id.lt(id))),
            );
        }
        let rows: Vec<PromotionRow> = rows
            .order((table::created_at.desc(), table::id.desc()))
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list promotions"))?;
        let promotions: Vec<Promotion> =
            rows.into_iter().map(Promotion::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_rows(promotions, limit, |promotion| PromotionPosition {
            created_at: promotion.record().created_at,
            id: promotion.id(),
        }))
    }

    async fn flags(
        &self,
        targets: Vec<Target>,
        now: DateTime<Utc>,
    ) -> Result<HashMap<Target, Flags>, StorageError> {
        let by_uuid: HashMap<Uuid, Target> =
            targets.into_iter().map(|target| (uuid_of(target), target)).collect();
        let mut st = Statement::<(SqlUuid, Text)>::new();
        st.sql("SELECT target_id, effect FROM promotions WHERE stage = 'paid'");
        st.sql(" AND target_id = ANY (").bind(by_uuid.keys().copied().collect::<Vec<Uuid>>());
        st.sql(") AND starts_at <= ").bind(now).sql(" AND ends_at > ").bind(now);
        let rows: Vec<(Uuid, String)> =
            st.load(&mut *self.conn().await?).await.map_err(storage("look up what is promoted"))?;
        let mut flags: HashMap<Target, Flags> = HashMap::new();
        for (target, effect) in rows {
            let Some(target) = by_uuid.get(&target) else { continue };
            let effect = named(&Effect::ALL, Effect::name, &effect)
                .map_err(|source| StorageError::corrupt("read what is promoted", source))?;
            let of_target = flags.entry(*target).or_default();
            match effect {
                Effect::Top => of_target.is_top = true,
                Effect::Detailed => of_target.is_detailed = true,
                Effect::Pro => of_target.is_pro = true,
            }
        }
        Ok(flags)
    }

    async fn daily_figures(
        &self,
        target: Target,
        days: FigureDays,
    ) -> Result<Vec<(NaiveDate, Figures)>, StorageError> {
        let mut st = Statement::<(Date, BigInt, BigInt, BigInt)>::new();
        match target {
            Target::Listing(id) => st
                .sql(
                    "SELECT day, views::bigint, favorites::bigint, requests::bigint \
                     FROM listing_days WHERE listing_id = ",
                )
                .bind(id.as_uuid()),
            Target::Provider(id) => st
                .sql(
                    "SELECT day, views::bigint, listing_favorites::bigint, requests::bigint \
                     FROM provider_days WHERE provider_id = ",
                )
                .bind(id.as_uuid()),
        };
        st.sql(" AND day BETWEEN ").bind(days.from).sql(" AND ").bind(days.to);
        let rows: Vec<(NaiveDate, i64, i64, i64)> = st
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load the figures of what is promoted"))?;
        let figures =
            |(day, views, favorites, requests)| (day, Figures { views, favorites, requests });
        Ok(rows.into_iter().map(figures).collect())
    }

    async fn coupon(&self, id: CouponId) -> Result<Option<(Coupon, u32)>, StorageError> {
        let row: Option<(CouponRow, i32)> = coupons::table
            .inner_join(coupon_counts::table)
            .filter(coupons::id.eq(id.as_uuid()))
            .select((CouponRow::as_select(), coupon_counts::used))
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a coupon"))?;
        row.map(read_coupon).transpose()
    }

    async fn coupons(
        &self,
        limit: Limit,
        after: Option<CouponPosition>,
    ) -> Result<Page<(Coupon, u32), CouponPosition>, StorageError> {
        let mut rows = coupons::table
            .inner_join(coupon_counts::table)
            .select((CouponRow::as_select(), coupon_counts::used))
            .into_boxed();
        if let Some(CouponPosition { created_at: at, id }) = after {
            let id = id.as_uuid();
            rows = rows.filter(
                coupons::created_at.le(at).and(coupons::created_at.lt(at).or(coupons::id.lt(id))),
            );
        }
        let rows: Vec<(CouponRow, i32)> = rows
            .order((coupons::created_at.desc(), coupons::id.desc()))
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list coupons"))?;
        let found: Vec<(Coupon, u32)> =
            rows.into_iter().map(read_coupon).collect::<Result<_, _>>()?;
        Ok(Page::from_rows(found, limit, |(coupon, _)| CouponPosition {
            created_at: coupon.record().created_at,
            id: coupon.record().id,
        }))
    }
}
