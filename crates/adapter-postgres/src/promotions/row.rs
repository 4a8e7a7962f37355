//! A promotion as a row.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use kernel::{
    AccountId, Currency, ListingId, Money, PaymentId, PromotionId, ProviderId, StorageError,
};
use promotions::{
    Bought, CancelCause, CouponCode, CouponUseId, Effect, GrantedDiscount, Notice, Period,
    ProductKey, Promotion, PromotionRecord, Reason, Receipt, Stage, Target, Term,
};
use uuid::Uuid;

use super::{Source, named};
use crate::schema::promotions::promotions as table;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct PromotionRow {
    pub(super) id: Uuid,
    account_id: Uuid,
    provider_id: Uuid,
    listing_id: Option<Uuid>,
    product: String,
    product_version: i32,
    title: String,
    effect: String,
    term_days: i16,
    price_minor: i64,
    currency: String,
    coupon_use_id: Option<Uuid>,
    coupon_code: Option<String>,
    discount_minor: Option<i64>,
    wanted_start: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    stage: String,
    pay_by: Option<DateTime<Utc>>,
    paid_at: Option<DateTime<Utc>>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    payment_id: Option<Uuid>,
    returned_minor: Option<i64>,
    told: Option<String>,
    cancelled_at: Option<DateTime<Utc>>,
    cause: Option<String>,
    reason: Option<String>,
    refund_minor: Option<i64>,
    pub(super) version: i32,
}

/// The columns of a stage.
#[derive(Default)]
struct StageColumns {
    pay_by: Option<DateTime<Utc>>,
    paid_at: Option<DateTime<Utc>>,
    period: Option<Period>,
    payment: Option<PaymentId>,
    returned: Option<Money>,
    told: Option<Notice>,
    cancelled_at: Option<DateTime<Utc>>,
    cause: Option<CancelCause>,
    reason: Option<String>,
    refund: Option<Money>,
}

impl From<&Stage> for StageColumns {
    fn from(stage: &Stage) -> Self {
        match stage {
            Stage::PendingPayment { pay_by } => Self { pay_by: Some(*pay_by), ..Self::default() },
            Stage::Paid { at, period, receipt, told } => Self {
                paid_at: Some(*at),
                period: Some(*period),
                payment: receipt.map(|receipt| receipt.payment),
                returned: receipt.map(|receipt| receipt.returned),
                told: *told,
                ..Self::default()
            },
            Stage::Cancelled { at, cause, reason, refund, ran, payment } => Self {
                period: *ran,
                payment: *payment,
                cancelled_at: Some(*at),
                cause: Some(*cause),
                reason: reason.as_ref().map(ToString::to_string),
                refund: Some(*refund),
                ..Self::default()
            },
        }
    }
}

impl From<&Promotion> for PromotionRow {
    fn from(promotion: &Promotion) -> Self {
        let PromotionRecord {
            id,
            account,
            provider,
            target,
            bought,
            discount,
            wanted_start,
            created_at,
            stage,
            version,
        } = promotion.record();
        let Bought { product, version: product_version, title, effect, term, price } = bought;
        let columns = StageColumns::from(stage);
        let name = |name: &str| name.to_owned();
        Self {
            id: id.as_uuid(),
            account_id: account.as_uuid(),
            provider_id: provider.as_uuid(),
            listing_id: target.listing().map(ListingId::as_uuid),
            product: product.to_string(),
            product_version: *product_version,
            title: title.clone(),
            effect: name(effect.name()),
            term_days: i16::from(term.days()),
            price_minor: price.minor(),
            currency: price.currency().to_string(),
            coupon_use_id: discount.as_ref().map(|discount| discount.coupon_use.as_uuid()),
            coupon_code: discount.as_ref().map(|discount| discount.code.to_string()),
            discount_minor: discount.as_ref().map(|discount| discount.amount.minor()),
            wanted_start: *wanted_start,
            created_at: *created_at,
            stage: name(stage.name()),
            pay_by: columns.pay_by,
            paid_at: columns.paid_at,
            starts_at: columns.period.map(Period::start),
            ends_at: columns.period.map(Period::end),
            payment_id: columns.payment.map(PaymentId::as_uuid),
            returned_minor: columns.returned.map(Money::minor),
            told: columns.told.map(|notice| name(notice.name())),
            cancelled_at: columns.cancelled_at,
            cause: columns.cause.map(|cause| name(cause.name())),
            reason: columns.reason,
            refund_minor: columns.refund.map(Money::minor),
            version: *version,
        }
    }
}

impl TryFrom<PromotionRow> for Promotion {
    type Error = StorageError;

    fn try_from(row: PromotionRow) -> Result<Self, StorageError> {
        let id = row.id;
        record(row).map(Self::restore).map_err(|source| {
            let what = format!("row {id} makes no sense: {source}");
            StorageError::corrupt("read a promotion", what)
        })
    }
}

fn record(row: PromotionRow) -> Result<PromotionRecord, Source> {
    let currency = Currency::from_stored(&row.currency)?;
    let provider = ProviderId::from_uuid(row.provider_id);
    let discount = match (row.coupon_use_id, &row.coupon_code, row.discount_minor) {
        (Some(coupon_use), Some(code), Some(minor)) => Some(GrantedDiscount {
            coupon_use: CouponUseId::from_uuid(coupon_use),
            code: CouponCode::from_stored(code.clone()),
            amount: Money::new(minor, currency),
        }),
        (_, _, _) => None,
    };
    Ok(PromotionRecord {
        id: PromotionId::from_uuid(row.id),
        account: AccountId::from_uuid(row.account_id),
        provider,
        target: row.listing_id.map_or(Target::Provider(provider), |listing| {
            Target::Listing(ListingId::from_uuid(listing))
        }),
        bought: Bought {
            product: ProductKey::from_stored(row.product.clone()),
            version: row.product_version,
            title: row.title.clone(),
            effect: named(&Effect::ALL, Effect::name, &row.effect)?,
            term: Term::from_days(i64::from(row.term_days)).ok_or("no such term")?,
            price: Money::new(row.price_minor, currency),
        },
        discount,
        wanted_start: row.wanted_start,
        created_at: row.created_at,
        version: row.version,
        stage: stage(row, currency)?,
    })
}

fn stage(row: PromotionRow, currency: Currency) -> Result<Stage, Source> {
    let period = row.starts_at.zip(row.ends_at).and_then(|(start, end)| Period::new(start, end));
    let payment = row.payment_id.map(PaymentId::from_uuid);
    let money = |minor| Money::new(minor, currency);
    Ok(match row.stage.as_str() {
        "pending_payment" => Stage::PendingPayment { pay_by: row.pay_by.ok_or("pay_by is empty")? },
        "paid" => Stage::Paid {
            at: row.paid_at.ok_or("paid_at is empty")?,
            period: period.ok_or("its time is empty")?,
            receipt: payment
                .zip(row.returned_minor)
                .map(|(payment, returned)| Receipt { payment, returned: money(returned) }),
            told: row.told.map(|name| named(&Notice::ALL, Notice::name, &name)).transpose()?,
        },
        "cancelled" => {
            let cause = row.cause.ok_or("cause is empty")?;
            Stage::Cancelled {
                at: row.cancelled_at.ok_or("cancelled_at is empty")?,
                cause: named(&CancelCause::ALL, CancelCause::name, &cause)?,
                reason: row.reason.map(Reason::from_stored),
                refund: money(row.refund_minor.ok_or("refund_minor is empty")?),
                ran: period,
                payment,
            }
        }
        other => return Err(format!("`{other}` is no stage").into()),
    })
}
