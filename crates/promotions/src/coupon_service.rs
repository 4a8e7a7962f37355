use std::sync::Arc;

use access::{Action, Actor, AuditEntry};
use chrono::{DateTime, Utc};
use kernel::{Clock, EventMessage, FieldErrors, Ids, Limit, Money, Page};
use serde_json::{Value, json};

use crate::coupon::check_terms;
use crate::coupon_use::RELEASE;
use crate::payment::{CAPTURED, FAILED, PaymentFact, PaymentNews, VOIDED};
use crate::service::permit;
use crate::{
    Coupon, CouponCode, CouponId, CouponPosition, CouponRepository, CouponRequest, CouponTerms,
    CouponUse, CouponUseId, Discount, NewCoupon, PromotionError, PromotionReads, PromotionStore,
    Purpose,
};

/// A discount as an admin writes it down, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenDiscount {
    /// So many hundredths, 1 to 100.
    Percent(i64),
    /// So much.
    Amount(Money),
}

/// What an admin sends to make a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeCoupon {
    /// See [`CouponCode`].
    pub code: String,
    /// What it takes off.
    pub discount: GivenDiscount,
    /// For what.
    pub purpose: Purpose,
    /// From which price on.
    pub minimum: Option<Money>,
    /// How often and when.
    pub terms: CouponTerms,
}

/// The use cases around coupons.
#[derive(Clone)]
pub struct CouponService {
    store: Arc<dyn PromotionStore>,
    reads: Arc<dyn PromotionReads>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl std::fmt::Debug for CouponService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CouponService").finish_non_exhaustive()
    }
}

impl CouponService {
    /// The name of the handler of events.
    pub const HANDLER: &'static str = "coupons.on_event";
    /// The events that it handles: of payments for whatever but promotions, whose coupons change
    /// together with them.
    pub const EVENTS: &'static [&'static str] = &[CAPTURED, FAILED, VOIDED];

    /// The service over its ports.
    pub fn new(
        store: Arc<dyn PromotionStore>,
        reads: Arc<dyn PromotionReads>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { store, reads, clock, ids }
    }

    /// Makes a coupon.
    ///
    /// # Errors
    ///
    /// [`PromotionError::CodeTaken`] or [`PromotionError::Invalid`].
    pub async fn create(
        &self,
        actor: &Actor,
        command: MakeCoupon,
    ) -> Result<Coupon, PromotionError> {
        let action = Action::CouponAdminister;
        permit(actor, action)?;
        let now = self.clock.now();
        let coupon = self.check(command, now)?;
        let mut tx = self.store.begin().await?;
        tx.insert_coupon(&coupon).await?;
        let entry = AuditEntry::new(actor, action, "create", &coupon.record().id, now);
        tx.record_audit(&entry.changed(Value::Null, shown(&coupon))).await?;
        tx.commit().await?;
        Ok(coupon)
    }

    fn check(&self, command: MakeCoupon, now: DateTime<Utc>) -> Result<Coupon, PromotionError> {
        let MakeCoupon { code, discount, purpose, minimum, terms } = command;
        let mut errors = FieldErrors::new();
        let code = errors.check("/code", "invalid_code", CouponCode::new(&code));
        let discount = match discount {
            GivenDiscount::Percent(percent) => {
                errors.check("/percent", "out_of_range", Discount::percent(percent))
            }
            GivenDiscount::Amount(amount) => {
                errors.check("/amount/amount", "out_of_range", Discount::amount(amount))
            }
        };
        let (Some(code), Some(discount)) = (code, discount) else {
            check_terms(&terms, &mut errors);
            return Err(PromotionError::Invalid(errors));
        };
        let id = CouponId::next(&*self.ids);
        let new = NewCoupon { id, code, discount, purpose, minimum, terms };
        Coupon::create(new, now).map_err(PromotionError::Invalid)
    }

    /// Sets how often and when a coupon may be used from now on.
    ///
    /// # Errors
    ///
    /// [`PromotionError::LimitBelowUses`], [`PromotionError::Stale`],
    /// [`PromotionError::CouponNotFound`] or [`PromotionError::Invalid`].
    pub async fn change_terms(
        &self,
        actor: &Actor,
        id: CouponId,
        expected_version: i32,
        terms: CouponTerms,
    ) -> Result<Coupon, PromotionError> {
        self.change(actor, id, "change_terms", Some(expected_version), |coupon, used, _| {
            coupon.change_terms(terms, used).map(|()| true)
        })
        .await
    }

    /// Takes a coupon back: nobody can use it from now on. What was reserved or redeemed stays.
    pub async fn close(&self, actor: &Actor, id: CouponId) -> Result<Coupon, PromotionError> {
        self.change(actor, id, "close", None, |coupon, _, now| Ok(coupon.close(now))).await
    }

    /// A coupon and how often it was used, for admins.
    pub async fn coupon(
        &self,
        actor: &Actor,
        id: CouponId,
    ) -> Result<(Coupon, u32), PromotionError> {
        permit(actor, Action::CouponAdminister)?;
        let found = self.reads.coupon(id).await?;
        found.ok_or_else(|| PromotionError::no_coupon(&id.to_string()))
    }

    /// A page of coupons and how often each was used, newest first, for admins.
    pub async fn coupons(
        &self,
        actor: &Actor,
        limit: Limit,
        after: Option<CouponPosition>,
    ) -> Result<Page<(Coupon, u32), CouponPosition>, PromotionError> {
        permit(actor, Action::CouponAdminister)?;
        Ok(self.reads.coupons(limit, after).await?)
    }

    /// News of a payment for something that a coupon was used for: its use is redeemed or
    /// released. Handling it twice changes nothing.
    pub async fn on_event(&self, event: &EventMessage) -> Result<(), PromotionError> {
        let Some(fact) = PaymentFact::read(event)? else { return Ok(()) };
        if fact.purpose == Purpose::Promotion {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !tx.first_time(Self::HANDLER, event.id).await? {
            return Ok(());
        }
        if let Some(mut coupon_use) = tx.coupon_use_for(fact.purpose, &fact.reference).await? {
            let timer = coupon_use.timer();
            let changed = match fact.news {
                PaymentNews::Captured { .. } => coupon_use.redeem(now),
                PaymentNews::Failed(_) => coupon_use.release(now),
                PaymentNews::Returned { .. } => false,
            };
            if changed {
                tx.update_coupon_use(&coupon_use).await?;
                if let Some(timer) = timer {
                    tx.clear_timer(timer.kind, &timer.subject).await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }

    /// A timer of one of [`COUPON_TIMER_KINDS`](crate::COUPON_TIMER_KINDS) is due for the use of a
    /// coupon.
    /// Handling it twice, early, late or for nothing changes nothing.
    pub async fn on_timer(&self, kind: &str, subject: &str) -> Result<(), PromotionError> {
        let (RELEASE, Ok(id)) = (kind, subject.parse::<CouponUseId>()) else { return Ok(()) };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(mut coupon_use) = tx.coupon_use_for_update(id).await? else { return Ok(()) };
        if coupon_use.lapse(now) {
            tx.update_coupon_use(&coupon_use).await?;
        } else if let Some(timer) = coupon_use.timer() {
            tx.set_timer(&timer).await?;
        } else {
            return Ok(());
        }
        Ok(tx.commit().await?)
    }

    async fn change(
        &self,
        actor: &Actor,
        id: CouponId,
        command: &'static str,
        expected_version: Option<i32>,
        change: impl FnOnce(&mut Coupon, u32, DateTime<Utc>) -> Result<bool, PromotionError> + Send,
    ) -> Result<Coupon, PromotionError> {
        let action = Action::CouponAdminister;
        permit(actor, action)?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let (mut coupon, used) = tx
            .coupon_for_update(id)
            .await?
            .ok_or_else(|| PromotionError::no_coupon(&id.to_string()))?;
        if expected_version.is_some_and(|version| version != coupon.record().version) {
            return Err(PromotionError::Stale);
        }
        let before = shown(&coupon);
        if !change(&mut coupon, used, now)? {
            return Ok(coupon);
        }
        tx.update_coupon(&coupon).await?;
        let entry = AuditEntry::new(actor, action, command, &id, now);
        tx.record_audit(&entry.changed(before, shown(&coupon))).await?;
        tx.commit().await?;
        Ok(coupon)
    }
}

/// Reserves the use of a coupon inside the transaction that makes the thing it is used for: either
/// both are stored or neither is. For whoever implements the coupon ports of other domains; they
/// also set [`CouponUse::timer`], unless the thing has a deadline of its own that releases the use.
///
/// # Errors
///
/// [`PromotionError::CouponNotFound`], [`PromotionError::CouponRefused`].
pub async fn reserve_coupon<T: CouponRepository + ?Sized>(
    tx: &mut T,
    code: &CouponCode,
    request: CouponRequest,
    now: DateTime<Utc>,
) -> Result<CouponUse, PromotionError> {
    let found = tx.coupon_for_use(code, request.account).await?;
    let (coupon, uses) = found.ok_or_else(|| PromotionError::no_coupon(code.as_str()))?;
    let coupon_use = coupon.reserve(request, uses, now)?;
    tx.insert_coupon_use(&coupon_use).await?;
    Ok(coupon_use)
}

fn shown(coupon: &Coupon) -> Value {
    let record = coupon.record();
    let money = |money: Money| json!({"amount": money.minor(), "currency": money.currency()});
    json!({
        "code": record.code.as_str(),
        "discount": match record.discount {
            Discount::Percent(percent) => json!({"percent": percent}),
            Discount::Amount(amount) => money(amount),
        },
        "purpose": record.purpose.name(),
        "minimum": record.minimum.map(money),
        "from": record.terms.from,
        "until": record.terms.until,
        "total_limit": record.terms.total_limit,
        "per_account_limit": record.terms.per_account_limit,
        "closed_at": record.closed_at,
        "version": record.version,
    })
}
