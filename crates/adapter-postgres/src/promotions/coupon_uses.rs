//! The uses of coupons.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Currency, Money, StorageError};
use promotions::{
    CouponCode, CouponId, CouponRefusal, CouponUse, CouponUseId, CouponUseRecord, PromotionError,
    Purpose, UseState,
};
use uuid::Uuid;

use super::{Source, named};
use crate::PgTx;
use crate::failure::{storage, violates};
use crate::schema::promotions::{coupon_counts, coupon_uses as table};
use crate::statement::Statement;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct UseRow {
    id: Uuid,
    coupon_id: Uuid,
    code: String,
    purpose: String,
    reference: String,
    account_id: Uuid,
    discount_minor: i64,
    currency: String,
    state: String,
    reserved_until: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<&CouponUse> for UseRow {
    fn from(coupon_use: &CouponUse) -> Self {
        let CouponUseRecord {
            id,
            coupon,
            code,
            purpose,
            reference,
            account,
            discount,
            state,
            created_at,
        } = coupon_use.record();
        let (reserved_until, ended_at) = match *state {
            UseState::Reserved { until } => (Some(until), None),
            UseState::Redeemed { at } | UseState::Released { at } => (None, Some(at)),
        };
        Self {
            id: id.as_uuid(),
            coupon_id: coupon.as_uuid(),
            code: code.to_string(),
            purpose: purpose.name().to_owned(),
            reference: reference.clone(),
            account_id: account.as_uuid(),
            discount_minor: discount.minor(),
            currency: discount.currency().to_string(),
            state: state.name().to_owned(),
            reserved_until,
            ended_at,
            created_at: *created_at,
        }
    }
}

impl TryFrom<UseRow> for CouponUse {
    type Error = StorageError;

    fn try_from(row: UseRow) -> Result<Self, StorageError> {
        let id = row.id;
        record(row).map(Self::restore).map_err(|source| {
            let what = format!("row {id} makes no sense: {source}");
            StorageError::corrupt("read the use of a coupon", what)
        })
    }
}

fn record(row: UseRow) -> Result<CouponUseRecord, Source> {
    let state = match (row.state.as_str(), row.reserved_until, row.ended_at) {
        ("reserved", Some(until), _) => UseState::Reserved { until },
        ("redeemed", _, Some(at)) => UseState::Redeemed { at },
        ("released", _, Some(at)) => UseState::Released { at },
        (other, _, _) => return Err(format!("`{other}` is no state, or lacks its time").into()),
    };
    Ok(CouponUseRecord {
        id: CouponUseId::from_uuid(row.id),
        coupon: CouponId::from_uuid(row.coupon_id),
        code: CouponCode::from_stored(row.code),
        purpose: named(&Purpose::ALL, Purpose::name, &row.purpose)?,
        reference: row.reference,
        account: AccountId::from_uuid(row.account_id),
        discount: Money::new(row.discount_minor, Currency::from_stored(&row.currency)?),
        state,
        created_at: row.created_at,
    })
}

impl PgTx {
    /// Stores a new use and counts it; the CHECKs of the counts have the last word.
    pub(super) async fn store_coupon_use(
        &mut self,
        coupon_use: &CouponUse,
    ) -> Result<(), PromotionError> {
        let row = UseRow::from(coupon_use);
        let (coupon, account) = (row.coupon_id, row.account_id);
        diesel::insert_into(table::table).values(row).execute(self.conn()).await.map_err(
            |error| -> PromotionError {
                if violates(&error, "coupon_uses_one_per_thing") {
                    StorageError::Conflict.into()
                } else {
                    storage("store the use of a coupon")(error).into()
                }
            },
        )?;
        diesel::update(coupon_counts::table.find(coupon))
            .set(coupon_counts::used.eq(coupon_counts::used + 1))
            .execute(self.conn())
            .await
            .map_err(|error| -> PromotionError {
                if violates(&error, "coupon_counts_limit") {
                    CouponRefusal::UsedUp.into()
                } else {
                    storage("count the use of a coupon")(error).into()
                }
            })?;
        let mut st = Statement::<()>::new();
        st.sql(
            "INSERT INTO coupon_account_counts AS c \
                 (coupon_id, account_id, used, per_account_limit) SELECT id, ",
        );
        st.bind(account).sql(", 1, per_account_limit FROM coupons WHERE id = ").bind(coupon);
        st.sql(
            " ON CONFLICT (coupon_id, account_id) DO UPDATE \
             SET used = c.used + 1, per_account_limit = excluded.per_account_limit",
        );
        st.execute(self.conn()).await.map_err(|error| -> PromotionError {
            if violates(&error, "coupon_account_counts_limit") {
                CouponRefusal::UsedByAccount.into()
            } else {
                storage("count the use of a coupon by an account")(error).into()
            }
        })?;
        Ok(())
    }

    /// A use, after the count of its coupon.
    pub(super) async fn locked_coupon_use(
        &mut self,
        id: Uuid,
    ) -> Result<Option<CouponUse>, StorageError> {
        let coupon: Option<Uuid> = table::table
            .find(id)
            .select(table::coupon_id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look up what coupon is used"))?;
        let Some(coupon) = coupon else { return Ok(None) };
        self.lock_coupon(coupon).await?;
        let row: Option<UseRow> = table::table
            .find(id)
            .for_update()
            .select(UseRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load the use of a coupon"))?;
        row.map(CouponUse::try_from).transpose()
    }

    /// Stores a changed use. One that is released now counts no more.
    pub(super) async fn change_coupon_use(
        &mut self,
        coupon_use: &CouponUse,
    ) -> Result<(), StorageError> {
        let row = UseRow::from(coupon_use);
        let (id, coupon, account) = (row.id, row.coupon_id, row.account_id);
        // Only a reserved use changes, and once.
        let reserved = table::table.find(id).filter(table::state.eq("reserved"));
        let changed = diesel::update(reserved)
            .set(row)
            .execute(self.conn())
            .await
            .map_err(storage("change the use of a coupon"))?;
        if changed != 1 {
            return Err(StorageError::Conflict);
        }
        if coupon_use.record().state.counts() {
            return Ok(());
        }
        diesel::update(coupon_counts::table.find(coupon))
            .set(coupon_counts::used.eq(coupon_counts::used - 1))
            .execute(self.conn())
            .await
            .map_err(storage("give back the use of a coupon"))?;
        let mut st = Statement::<()>::new();
        st.sql("UPDATE coupon_account_counts SET used = used - 1 WHERE coupon_id = ").bind(coupon);
        st.sql(" AND account_id = ").bind(account);
        st.execute(self.conn()).await.map_err(storage("give an account back its use"))?;
        Ok(())
    }
}
