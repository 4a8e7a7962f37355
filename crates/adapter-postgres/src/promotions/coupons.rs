//! Coupons and how often they were used.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Currency, Money, StorageError};
use promotions::{
    Coupon, CouponCode, CouponId, CouponRecord, CouponRepository, CouponTerms, CouponUse,
    CouponUseId, Discount, PromotionError, Purpose, Uses,
};
use uuid::Uuid;

use super::{Source, named};
use crate::PgTx;
use crate::failure::{storage, violates};
use crate::schema::promotions::{coupon_counts, coupons as table};
use crate::statement::Statement;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct CouponRow {
    pub(super) id: Uuid,
    code: String,
    percent: Option<i16>,
    amount_minor: Option<i64>,
    amount_currency: Option<String>,
    purpose: String,
    minimum_minor: Option<i64>,
    minimum_currency: Option<String>,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    total_limit: Option<i32>,
    per_account_limit: Option<i32>,
    closed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    version: i32,
}

/// A limit as a column; the domain keeps limits within it.
fn column(limit: Option<u32>) -> Option<i32> {
    limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX))
}

/// A count of a column, which is never negative.
pub(super) fn count(used: i32) -> u32 {
    u32::try_from(used).unwrap_or_default()
}

impl From<&Coupon> for CouponRow {
    fn from(coupon: &Coupon) -> Self {
        let CouponRecord {
            id,
            code,
            discount,
            purpose,
            minimum,
            terms,
            closed_at,
            created_at,
            version,
        } = coupon.record();
        let (percent, amount) = match *discount {
            Discount::Percent(percent) => (Some(i16::from(percent)), None),
            Discount::Amount(amount) => (None, Some(amount)),
        };
        let currency = |money: Money| money.currency().to_string();
        Self {
            id: id.as_uuid(),
            code: code.to_string(),
            percent,
            amount_minor: amount.map(Money::minor),
            amount_currency: amount.map(currency),
            purpose: purpose.name().to_owned(),
            minimum_minor: minimum.map(Money::minor),
            minimum_currency: minimum.map(currency),
            starts_at: terms.from,
            ends_at: terms.until,
            total_limit: column(terms.total_limit),
            per_account_limit: column(terms.per_account_limit),
            closed_at: *closed_at,
            created_at: *created_at,
            version: *version,
        }
    }
}

impl TryFrom<CouponRow> for Coupon {
    type Error = StorageError;

    fn try_from(row: CouponRow) -> Result<Self, StorageError> {
        let id = row.id;
        record(row).map(Self::restore).map_err(|source| {
            let what = format!("row {id} makes no sense: {source}");
            StorageError::corrupt("read a coupon", what)
        })
    }
}

fn record(row: CouponRow) -> Result<CouponRecord, Source> {
    let money = |minor: Option<i64>, currency: Option<String>| -> Result<_, Source> {
        Ok(match minor.zip(currency) {
            Some((minor, currency)) => Some(Money::new(minor, Currency::from_stored(&currency)?)),
            None => None,
        })
    };
    let amount = money(row.amount_minor, row.amount_currency)?;
    let discount = match (row.percent, amount) {
        (Some(percent), None) => Discount::Percent(percent.try_into()?),
        (None, Some(amount)) => Discount::Amount(amount),
        (_, _) => return Err("it takes nothing off".into()),
    };
    let limit = |limit: Option<i32>| limit.map(u32::try_from).transpose();
    Ok(CouponRecord {
        id: CouponId::from_uuid(row.id),
        code: CouponCode::from_stored(row.code),
        discount,
        purpose: named(&Purpose::ALL, Purpose::name, &row.purpose)?,
        minimum: money(row.minimum_minor, row.minimum_currency)?,
        terms: CouponTerms {
            from: row.starts_at,
            until: row.ends_at,
            total_limit: limit(row.total_limit)?,
            per_account_limit: limit(row.per_account_limit)?,
        },
        closed_at: row.closed_at,
        created_at: row.created_at,
        version: row.version,
    })
}

impl PgTx {
    /// Locks the count of a coupon; uses of it happen one after the other. `None` if there is no
    /// such coupon.
    pub(super) async fn lock_coupon(&mut self, id: Uuid) -> Result<Option<i32>, StorageError> {
        coupon_counts::table
            .find(id)
            .for_update()
            .select(coupon_counts::used)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("lock the count of a coupon"))
    }

    async fn locked_coupon(&mut self, id: Uuid) -> Result<Option<(Coupon, u32)>, StorageError> {
        let Some(used) = self.lock_coupon(id).await? else { return Ok(None) };
        let row: CouponRow = table::table
            .find(id)
            .select(CouponRow::as_select())
            .first(self.conn())
            .await
            .map_err(storage("load a coupon"))?;
        Ok(Some((row.try_into()?, count(used))))
    }
}

#[async_trait]
impl CouponRepository for PgTx {
    async fn coupon_for_use(
        &mut self,
        code: &CouponCode,
        account: AccountId,
    ) -> Result<Option<(Coupon, Uses)>, StorageError> {
        // A code is never another coupon's.
        let id: Option<Uuid> = table::table
            .filter(table::code.eq(code.as_str()))
            .select(table::id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find a coupon"))?;
        let Some(id) = id else { return Ok(None) };
        let Some((coupon, total)) = self.locked_coupon(id).await? else { return Ok(None) };
        let mut st = Statement::<Integer>::new();
        st.sql("SELECT used FROM coupon_account_counts WHERE coupon_id = ").bind(id);
        st.sql(" AND account_id = ").bind(account.as_uuid());
        let used: Option<i32> = st
            .get_result(self.conn())
            .await
            .optional()
            .map_err(storage("look up how often an account used a coupon"))?;
        let by_account = count(used.unwrap_or_default());
        Ok(Some((coupon, Uses { total, by_account })))
    }

    async fn coupon_for_update(
        &mut self,
        id: CouponId,
    ) -> Result<Option<(Coupon, u32)>, StorageError> {
        self.locked_coupon(id.as_uuid()).await
    }

    async fn insert_coupon(&mut self, coupon: &Coupon) -> Result<(), PromotionError> {
        let row = CouponRow::from(coupon);
        let (id, total_limit) = (row.id, row.total_limit);
        diesel::insert_into(table::table).values(row).execute(self.conn()).await.map_err(
            |error| {
                if violates(&error, "coupons_code_taken") {
                    PromotionError::CodeTaken { code: coupon.record().code.to_string() }
                } else {
                    storage("store a coupon")(error).into()
                }
            },
        )?;
        diesel::insert_into(coupon_counts::table)
            .values((
                coupon_counts::coupon_id.eq(id),
                coupon_counts::used.eq(0),
                coupon_counts::total_limit.eq(total_limit),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store the count of a coupon"))?;
        Ok(())
    }

    async fn update_coupon(&mut self, coupon: &Coupon) -> Result<(), StorageError> {
        let row = CouponRow::from(coupon);
        let (id, total_limit, version) = (row.id, row.total_limit, row.version);
        let stored = table::table.find(id).filter(table::version.eq(version - 1));
        let updated = diesel::update(stored)
            .set(row)
            .execute(self.conn())
            .await
            .map_err(storage("change a coupon"))?;
        if updated != 1 {
            return Err(StorageError::Conflict);
        }
        // The limit per account reaches the count of an account with its next use: until then
        // nothing counts against it.
        diesel::update(coupon_counts::table.find(id))
            .set(coupon_counts::total_limit.eq(total_limit))
            .execute(self.conn())
            .await
            .map_err(storage("change the limit of a coupon"))?;
        Ok(())
    }

    async fn insert_coupon_use(&mut self, coupon_use: &CouponUse) -> Result<(), PromotionError> {
        self.store_coupon_use(coupon_use).await
    }

    async fn coupon_use_for_update(
        &mut self,
        id: CouponUseId,
    ) -> Result<Option<CouponUse>, StorageError> {
        self.locked_coupon_use(id.as_uuid()).await
    }

    async fn coupon_use_for(
        &mut self,
        purpose: Purpose,
        reference: &str,
    ) -> Result<Option<CouponUse>, StorageError> {
        let mut st = Statement::<SqlUuid>::new();
        st.sql("SELECT id FROM coupon_uses WHERE state <> 'released' AND purpose = ");
        st.bind(purpose.name().to_owned()).sql(" AND reference = ").bind(reference.to_owned());
        let id: Option<Uuid> = st
            .get_result(self.conn())
            .await
            .optional()
            .map_err(storage("find the use of a coupon"))?;
        let Some(id) = id else { return Ok(None) };
        let found = self.locked_coupon_use(id).await?;
        // It may have been released while we waited.
        Ok(found.filter(|found| found.record().state.counts()))
    }

    async fn update_coupon_use(&mut self, coupon_use: &CouponUse) -> Result<(), StorageError> {
        self.change_coupon_use(coupon_use).await
    }
}
