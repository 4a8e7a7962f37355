use std::collections::HashMap;
use std::sync::Arc;

use access::{Action, Actor, AuditEntry, Denial, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, Claim, Clock, Idempotency, Ids, Limit, ListingId, Money, Once, Page, PromotionId,
    ProviderId, Timer,
};
use serde_json::{Value, json};

use crate::coupon_service::reserve_coupon;
use crate::purchase::{Order, admit_unpaid, taken};
use crate::{
    BuyPromotion, Command, CouponRequest, CouponStep, CouponUse, CouponUseId, Flags,
    GrantedDiscount, NewPromotion, Policy, Product, ProductKey, PromotableListing, Promotion,
    PromotionError, PromotionPosition, PromotionQuery, PromotionReads, PromotionStore, PromotionTx,
    Purchase, Purpose, Reason, RefundChoice, Side, Stage, Statistics, Status, Target, Transition,
    Window,
};

/// The use cases around promotions.
#[derive(Clone)]
pub struct PromotionService {
    pub(crate) store: Arc<dyn PromotionStore>,
    reads: Arc<dyn PromotionReads>,
    pub(crate) clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    policy: Policy,
}

/// A promotion as its owner or an admin sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The promotion.
    pub promotion: Promotion,
    /// Where it stands now.
    pub status: Status,
    /// What they may do now.
    pub allowed: Vec<Command>,
    /// What its owner would get back who cancelled it now; `None` if it cannot be cancelled.
    pub refund_now: Option<Money>,
}

impl std::fmt::Debug for PromotionService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PromotionService").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl PromotionService {
    /// The service over its ports.
    pub fn new(
        store: Arc<dyn PromotionStore>,
        reads: Arc<dyn PromotionReads>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        policy: Policy,
    ) -> Self {
        Self { store, reads, clock, ids, policy }
    }

    /// The products that can be bought, by key; for everyone.
    pub async fn products(&self, actor: &Actor) -> Result<Vec<Product>, PromotionError> {
        permit(actor, Action::PromotionProductRead)?;
        Ok(self.reads.products(false).await?)
    }

    /// Buys a promotion for one of the actor's listings or for their profile. It has its effect
    /// once it is paid for; the answer says what to pay.
    ///
    /// # Errors
    ///
    /// [`PromotionError::ProductNotFound`], [`PromotionError::ListingNotFound`],
    /// [`PromotionError::NotPublic`], [`PromotionError::LimitReached`],
    /// [`PromotionError::BookedAhead`], [`PromotionError::TooManyUnpaid`],
    /// [`PromotionError::CouponNotFound`], [`PromotionError::CouponRefused`].
    pub async fn buy(
        &self,
        actor: &Actor,
        command: BuyPromotion,
        idempotency: Option<Idempotency<'_, Purchase>>,
    ) -> Result<Once<Purchase>, PromotionError> {
        let account = actor.account().ok_or(PromotionError::Unauthenticated)?;
        let now = self.clock.now();

        let mut tx = self.store.begin().await?;
        if let Some(idempotency) = &idempotency
            && let Claim::Replay(answer) = tx.claim(&idempotency.scope).await?
        {
            return Ok(Once::Replayed(answer));
        }
        let product = buyable(&mut *tx, &command.product).await?;
        let order = Order::check(&command, &product, now)?;
        let (provider, target) = own_target(&mut *tx, actor, &order).await?;
        tx.lock_promotions_of(provider).await?;
        let open = tx.open_promotions(provider, order.effect(), now).await?;
        order.admit(target, &open, now)?;
        admit_unpaid(tx.count_unpaid_promotions(provider).await?, &self.policy)?;

        let id = PromotionId::next(&*self.ids);
        let coupon_use = self.reserve(&mut *tx, id, account, &order, now).await?;
        let new = NewPromotion {
            id,
            account,
            provider,
            target,
            bought: order.bought,
            discount: coupon_use.as_ref().map(granted),
            wanted_start: order.wanted_start,
        };
        let taken = taken(&open, target);
        let (promotion, transition) = Promotion::buy(new, &self.policy, &taken, now)?;

        tx.insert_promotion(&promotion).await?;
        record(&mut *tx, &promotion, &transition, &[], Some(account), now).await?;
        let planned = promotion.planned(&taken, now)?;
        let purchase = Purchase { due: promotion.payment_due(now), planned, promotion };
        if let Some(idempotency) = &idempotency {
            tx.remember(&idempotency.scope, &(idempotency.answer)(&purchase)).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(purchase))
    }

    /// The coupon's use, reserved for as long as there is time to pay. The promotion's own deadline
    /// releases it, so it needs no timer.
    async fn reserve(
        &self,
        tx: &mut dyn PromotionTx,
        id: PromotionId,
        account: AccountId,
        order: &Order,
        now: DateTime<Utc>,
    ) -> Result<Option<CouponUse>, PromotionError> {
        let Some(code) = &order.coupon else { return Ok(None) };
        let request = CouponRequest {
            id: CouponUseId::next(&*self.ids),
            purpose: Purpose::Promotion,
            reference: id.to_string(),
            account,
            price: order.bought.price,
            until: now + self.policy.payment(),
        };
        reserve_coupon(tx, code, request, now).await.map(Some)
    }

    /// Gives up a promotion. See [`Seen::refund_now`] for what the owner gets back.
    ///
    /// # Errors
    ///
    /// [`PromotionError::NotAllowed`] if it is over, [`PromotionError::NotFound`] for a stranger.
    pub async fn cancel(&self, actor: &Actor, id: PromotionId) -> Result<Seen, PromotionError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut promotion = load(&mut *tx, id).await?;
        promotion.authorize(actor, Action::PromotionCancel)?;

        let timers = promotion.timers();
        let transition = promotion.cancel(&self.policy, now)?;

        tx.update_promotion(&promotion).await?;
        record(&mut *tx, &promotion, &transition, &timers, actor.account(), now).await?;
        tx.commit().await?;
        self.seen(promotion, Side::Owner, now)
    }

    /// An admin takes a promotion back. The decision stands in the audit log.
    pub async fn revoke(
        &self,
        actor: &Actor,
        id: PromotionId,
        reason: Reason,
        choice: RefundChoice,
    ) -> Result<Seen, PromotionError> {
        let action = Action::PromotionAdminister;
        permit(actor, action)?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut promotion = load(&mut *tx, id).await?;

        let timers = promotion.timers();
        let before = promotion.status(now);
        let entry = AuditEntry::new(actor, action, "revoke", &id, now).because(&*reason);
        let transition = promotion.revoke(reason, choice, now)?;

        tx.update_promotion(&promotion).await?;
        record(&mut *tx, &promotion, &transition, &timers, actor.account(), now).await?;
        let after = json!({
            "status": transition.to.name(),
            "refund_choice": choice.name(),
            "refund": refund_of(&promotion),
        });
        tx.record_audit(&entry.changed(json!({"status": before.name()}), after)).await?;
        tx.commit().await?;
        self.seen(promotion, Side::Admin, now)
    }

    /// A promotion, for its owner.
    pub async fn promotion(&self, actor: &Actor, id: PromotionId) -> Result<Seen, PromotionError> {
        let promotion = self.own(actor, id).await?;
        self.seen(promotion, Side::Owner, self.clock.now())
    }

    /// Anybody's promotion, for admins.
    pub async fn any_promotion(
        &self,
        actor: &Actor,
        id: PromotionId,
    ) -> Result<Seen, PromotionError> {
        permit(actor, Action::PromotionAdminister)?;
        let promotion = self.reads.promotion(id).await?.ok_or(PromotionError::NotFound { id })?;
        self.seen(promotion, Side::Admin, self.clock.now())
    }

    /// A page of the actor's promotions, newest first.
    pub async fn promotions(
        &self,
        actor: &Actor,
        status: Option<Status>,
        limit: Limit,
        after: Option<PromotionPosition>,
    ) -> Result<Page<Seen, PromotionPosition>, PromotionError> {
        let action = Action::PromotionRead;
        decide(actor, action, Relation::Owner, true)
            .map_err(|denial| PromotionError::denied_openly(denial, action))?;
        let provider = actor.provider().ok_or(PromotionError::NotAProvider)?;
        self.page(Some(provider), status, Side::Owner, limit, after).await
    }

    /// A page of all promotions, newest first, for admins.
    pub async fn all_promotions(
        &self,
        actor: &Actor,
        provider: Option<ProviderId>,
        status: Option<Status>,
        limit: Limit,
        after: Option<PromotionPosition>,
    ) -> Result<Page<Seen, PromotionPosition>, PromotionError> {
        permit(actor, Action::PromotionAdminister)?;
        self.page(provider, status, Side::Admin, limit, after).await
    }

    /// The figures of what a promotion is for, over seven or thirty days and the equally long time
    /// before, for its owner.
    pub async fn statistics(
        &self,
        actor: &Actor,
        id: PromotionId,
        window: Window,
    ) -> Result<Statistics, PromotionError> {
        let promotion = self.own(actor, id).await?;
        let days = Statistics::days(&promotion, window, self.clock.now());
        let stored = self.reads.daily_figures(promotion.target(), days).await?;
        Ok(Statistics::new(id, window, days, stored))
    }

    /// What listings and providers have now because somebody paid for it.
    pub async fn flags(
        &self,
        targets: Vec<Target>,
    ) -> Result<HashMap<Target, Flags>, PromotionError> {
        Ok(self.reads.flags(targets, self.clock.now()).await?)
    }

    async fn own(&self, actor: &Actor, id: PromotionId) -> Result<Promotion, PromotionError> {
        let promotion = self.reads.promotion(id).await?.ok_or(PromotionError::NotFound { id })?;
        promotion.authorize(actor, Action::PromotionRead)?;
        Ok(promotion)
    }

    async fn page(
        &self,
        provider: Option<ProviderId>,
        status: Option<Status>,
        side: Side,
        limit: Limit,
        after: Option<PromotionPosition>,
    ) -> Result<Page<Seen, PromotionPosition>, PromotionError> {
        let now = self.clock.now();
        let query = PromotionQuery { provider, status, now, limit, after };
        let Page { items, next } = self.reads.promotions(&query).await?;
        let items = items.into_iter().map(|promotion| self.seen(promotion, side, now));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    fn seen(
        &self,
        promotion: Promotion,
        side: Side,
        now: DateTime<Utc>,
    ) -> Result<Seen, PromotionError> {
        let refund_now = promotion
            .may(Command::Cancel, now)
            .then(|| promotion.refund_now(&self.policy, now))
            .transpose()?;
        let (status, allowed) = (promotion.status(now), promotion.allowed(side, now));
        Ok(Seen { promotion, status, allowed, refund_now })
    }
}

/// Passes if the matrix lets the actor do this to anything.
pub(crate) fn permit(actor: &Actor, action: Action) -> Result<(), PromotionError> {
    decide(actor, action, Relation::Stranger, true)
        .map_err(|denial| PromotionError::denied_openly(denial, action))
}

/// A product that can be bought, by the key that somebody gave.
async fn buyable(tx: &mut dyn PromotionTx, given: &str) -> Result<Product, PromotionError> {
    let missing = || PromotionError::no_product(given);
    let key = ProductKey::new(given).map_err(|_| missing())?;
    let product = tx.product(&key).await?;
    product.filter(|product| !product.record().closed).ok_or_else(missing)
}

/// What the actor wants promoted, if it is theirs to promote and everyone can see it.
async fn own_target(
    tx: &mut dyn PromotionTx,
    actor: &Actor,
    order: &Order,
) -> Result<(ProviderId, Target), PromotionError> {
    let (provider, target, public) = if let Some(id) = order.listing {
        let listing = own_listing(tx, actor, id).await?;
        (listing.provider, Target::Listing(id), listing.public)
    } else {
        let action = Action::PromotionBuy;
        decide(actor, action, Relation::Owner, true)
            .map_err(|denial| PromotionError::denied_openly(denial, action))?;
        let provider = actor.provider().ok_or(PromotionError::NotAProvider)?;
        (provider, Target::Provider(provider), tx.is_provider_public(provider).await?)
    };
    if public { Ok((provider, target)) } else { Err(PromotionError::NotPublic) }
}

/// A listing of the actor; who cannot see a listing does not learn that it exists.
async fn own_listing(
    tx: &mut dyn PromotionTx,
    actor: &Actor,
    id: ListingId,
) -> Result<PromotableListing, PromotionError> {
    let missing = || PromotionError::ListingNotFound { id };
    let listing = tx.promotable_listing(id).await?.ok_or_else(missing)?;
    let own = actor.provider() == Some(listing.provider);
    let relation = if own { Relation::Owner } else { Relation::Stranger };
    let action = Action::PromotionBuy;
    match decide(actor, action, relation, own || listing.public) {
        Ok(()) => Ok(listing),
        Err(Denial::Hidden) => Err(missing()),
        Err(denial) => Err(PromotionError::denied_openly(denial, action)),
    }
}

fn granted(coupon_use: &CouponUse) -> GrantedDiscount {
    let record = coupon_use.record();
    GrantedDiscount { coupon_use: record.id, code: record.code.clone(), amount: record.discount }
}

pub(crate) async fn load(
    tx: &mut dyn PromotionTx,
    id: PromotionId,
) -> Result<Promotion, PromotionError> {
    tx.promotion_for_update(id).await?.ok_or(PromotionError::NotFound { id })
}

/// Stores all that follows from a transition: timers, coupon, money and events.
pub(crate) async fn record(
    tx: &mut dyn PromotionTx,
    promotion: &Promotion,
    transition: &Transition,
    timers_before: &[Timer],
    account: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<(), PromotionError> {
    let timers = promotion.timers();
    for old in timers_before {
        if timers.iter().all(|timer| timer.kind != old.kind) {
            tx.clear_timer(old.kind, &old.subject).await?;
        }
    }
    for timer in timers.iter().filter(|timer| !timers_before.contains(timer)) {
        tx.set_timer(timer).await?;
    }
    if let Some(discount) = &promotion.record().discount {
        settle_coupon(tx, discount.coupon_use, transition.coupon, now).await?;
    }
    if let Some(settlement) = &transition.settlement {
        tx.settle_promotion(promotion.id(), settlement).await?;
    }
    for event in &transition.events {
        tx.publish(event, account, now).await?;
    }
    Ok(())
}

async fn settle_coupon(
    tx: &mut dyn PromotionTx,
    id: CouponUseId,
    step: CouponStep,
    now: DateTime<Utc>,
) -> Result<(), PromotionError> {
    if step == CouponStep::Keep {
        return Ok(());
    }
    let Some(mut coupon_use) = tx.coupon_use_for_update(id).await? else { return Ok(()) };
    let changed = match step {
        CouponStep::Keep => false,
        CouponStep::Redeem => coupon_use.redeem(now),
        CouponStep::Release => coupon_use.release(now),
    };
    if changed {
        tx.update_coupon_use(&coupon_use).await?;
    }
    Ok(())
}

fn refund_of(promotion: &Promotion) -> Value {
    match promotion.stage() {
        Stage::Cancelled { refund, .. } => {
            json!({"amount": refund.minor(), "currency": refund.currency()})
        }
        Stage::PendingPayment { .. } | Stage::Paid { .. } => Value::Null,
    }
}
