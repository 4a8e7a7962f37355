use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{AccountId, ListingId, Money, PaymentId, PromotionId, ProviderId};

use crate::{
    CancelCause, Capture, Command, CouponCode, CouponStep, CouponUseId, Effect, Happening, Notice,
    PaidPeriod, PaymentDue, PaymentReaction, Period, Policy, ProductKey, PromotionError,
    PromotionEvent, Reason, Receipt, RefundChoice, Settlement, Side, Stage, Status, Target, Term,
    Transition,
};

/// What of which product was bought, frozen: a later version changes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bought {
    /// Which product.
    pub product: ProductKey,
    /// Which version of it.
    pub version: i32,
    /// What it was called.
    pub title: String,
    /// What it does.
    pub effect: Effect,
    /// For how long.
    pub term: Term,
    /// What that cost, before a coupon.
    pub price: Money,
}

/// What a coupon took off the price of a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedDiscount {
    /// The use of the coupon, reserved for this promotion.
    pub coupon_use: CouponUseId,
    /// The coupon's code.
    pub code: CouponCode,
    /// How much: at most the price.
    pub amount: Money,
}

/// What a provider buys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPromotion {
    /// Its id.
    pub id: PromotionId,
    /// Who buys.
    pub account: AccountId,
    /// The account's provider profile.
    pub provider: ProviderId,
    /// What is promoted: the provider, or one of its listings.
    pub target: Target,
    /// What of which product.
    pub bought: Bought,
    /// What a coupon takes off.
    pub discount: Option<GrantedDiscount>,
    /// When it is to start; as soon as it is paid if unset.
    pub wanted_start: Option<DateTime<Utc>>,
}

/// The fields of a [`Promotion`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRecord {
    /// Its id.
    pub id: PromotionId,
    /// Who bought it.
    pub account: AccountId,
    /// The account's provider profile.
    pub provider: ProviderId,
    /// What is promoted.
    pub target: Target,
    /// What of which product.
    pub bought: Bought,
    /// What a coupon took off.
    pub discount: Option<GrantedDiscount>,
    /// When it is to start; as soon as it is paid if unset.
    pub wanted_start: Option<DateTime<Utc>>,
    /// When it was bought.
    pub created_at: DateTime<Utc>,
    /// What happened so far.
    pub stage: Stage,
    /// Counts its changes, from 1.
    pub version: i32,
}

/// Paid visibility of a listing or provider for a period, from the purchase to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    record: PromotionRecord,
}

impl Promotion {
    /// A new promotion. It waits for its payment, unless a coupon took off the whole price: then
    /// there is nothing to pay, and it has its time at once. `taken` are the paid periods of the
    /// same target with the same effect.
    ///
    /// # Errors
    ///
    /// [`PromotionError::OutOfRange`] if the period is beyond the calendar.
    pub fn buy(
        new: NewPromotion,
        policy: &Policy,
        taken: &[Period],
        now: DateTime<Utc>,
    ) -> Result<(Self, Transition), PromotionError> {
        let NewPromotion { id, account, provider, target, bought, discount, wanted_start } = new;
        let record = PromotionRecord {
            id,
            account,
            provider,
            target,
            bought,
            discount,
            wanted_start,
            created_at: now,
            stage: Stage::PendingPayment { pay_by: now + policy.payment() },
            version: 1,
        };
        let mut promotion = Self { record };
        let mut transition = Transition {
            command: "buy",
            by: Side::Owner,
            from: None,
            to: Status::PendingPayment,
            events: Vec::new(),
            settlement: None,
            coupon: CouponStep::Keep,
        };
        let happened = if promotion.to_pay().minor() > 0 {
            vec![Happening::PaymentAwaited]
        } else {
            transition.coupon = CouponStep::Redeem;
            promotion.begin(None, taken, now)?
        };
        transition.to = promotion.status(now);
        transition.events = promotion.events(&happened, Side::Owner, now);
        Ok((promotion, transition))
    }

    /// A gateway took money for it. Answers what follows: it gets its time, at the wanted start or
    /// after what is paid already (`taken`); or the money goes back, because it is not the price,
    /// or is not asked for any more.
    pub fn captured(
        &mut self,
        capture: Capture,
        taken: &[Period],
        now: DateTime<Utc>,
    ) -> Result<PaymentReaction, PromotionError> {
        let give_back = PaymentReaction::GiveBack(Settlement::Refund {
            payment: capture.payment,
            amount: capture.amount,
        });
        match &self.record.stage {
            Stage::PendingPayment { .. } if capture.amount == self.to_pay() => self
                .move_on(Command::Capture, now, |promotion| {
                    let Capture { payment, returned, .. } = capture;
                    let receipt = Receipt { payment, returned };
                    let happened = promotion.begin(Some(receipt), taken, now)?;
                    Ok((happened, None, CouponStep::Redeem))
                })
                .map(moved),
            Stage::PendingPayment { .. } => Ok(give_back),
            Stage::Paid { receipt, .. }
                if receipt.is_some_and(|receipt| receipt.payment == capture.payment) =>
            {
                Ok(PaymentReaction::Nothing)
            }
            Stage::Cancelled { payment, .. } if *payment == Some(capture.payment) => {
                Ok(PaymentReaction::Nothing)
            }
            Stage::Paid { .. } | Stage::Cancelled { .. } => Ok(give_back),
        }
    }

    /// A payment for it was refused or let go: it is cancelled if it still waits for one, together
    /// with whatever else is under way.
    pub fn payment_failed(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<PaymentReaction, PromotionError> {
        if !self.may(Command::Fail, now) {
            return Ok(PaymentReaction::Nothing);
        }
        self.move_on(Command::Fail, now, |promotion| {
            promotion.end(CancelCause::PaymentFailed, None, promotion.nothing(), None, now);
            Ok((vec![Happening::Cancelled], Some(Settlement::Void), CouponStep::Release))
        })
        .map(moved)
    }

    /// Money of a payment went back elsewhere, or came again from a bank that had taken it back:
    /// `returned` is back now. If that is the whole payment, the promotion ends; a part is
    /// remembered, and not given back again. What is over stays as it is.
    pub fn payment_returned(
        &mut self,
        payment: PaymentId,
        returned: Money,
        whole: bool,
        by_bank: bool,
        now: DateTime<Utc>,
    ) -> Result<PaymentReaction, PromotionError> {
        let cause = if by_bank { CancelCause::ChargedBack } else { CancelCause::Refunded };
        let (coupon, is_ours) = match &self.record.stage {
            // The news that the money was taken comes after this one.
            Stage::PendingPayment { .. } => (CouponStep::Release, whole),
            Stage::Paid { receipt, .. } => {
                let ours = receipt.is_some_and(|receipt| receipt.payment == payment);
                (CouponStep::Keep, ours)
            }
            Stage::Cancelled { .. } => (CouponStep::Keep, false),
        };
        if !is_ours || !self.may(Command::Reverse, now) {
            return Ok(PaymentReaction::Nothing);
        }
        if whole {
            return self
                .move_on(Command::Reverse, now, |promotion| {
                    promotion.end(cause, None, returned, Some(payment), now);
                    Ok((vec![Happening::Cancelled], None, coupon))
                })
                .map(moved);
        }
        match &mut self.record.stage {
            Stage::Paid { receipt: Some(receipt), .. }
                if receipt.returned.currency() == returned.currency()
                    && receipt.returned != returned =>
            {
                receipt.returned = returned;
                self.record.version += 1;
                Ok(PaymentReaction::Noted)
            }
            Stage::PendingPayment { .. } | Stage::Paid { .. } | Stage::Cancelled { .. } => {
                Ok(PaymentReaction::Nothing)
            }
        }
    }

    /// No payment arrived in time.
    ///
    /// # Errors
    ///
    /// [`PromotionError::NotAllowed`] if it is paid, or its time to be paid is not over.
    pub fn time_out(&mut self, now: DateTime<Utc>) -> Result<Transition, PromotionError> {
        self.move_on(Command::TimeOut, now, |promotion| {
            promotion.end(CancelCause::Unpaid, None, promotion.nothing(), None, now);
            Ok((vec![Happening::Cancelled], Some(Settlement::Void), CouponStep::Release))
        })
    }

    /// Its owner gives it up. See [`refund_now`](Self::refund_now) for what they get back.
    ///
    /// # Errors
    ///
    /// [`PromotionError::NotAllowed`] if it is over.
    pub fn cancel(
        &mut self,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Transition, PromotionError> {
        self.move_on(Command::Cancel, now, |promotion| {
            let refund = promotion.refund_now(policy, now)?;
            Ok(promotion.give_up(CancelCause::Owner, None, refund, now))
        })
    }

    /// An admin takes it back.
    ///
    /// # Errors
    ///
    /// [`PromotionError::NotAllowed`] if it is over.
    pub fn revoke(
        &mut self,
        reason: Reason,
        choice: RefundChoice,
        now: DateTime<Utc>,
    ) -> Result<Transition, PromotionError> {
        self.move_on(Command::Revoke, now, |promotion| {
            let refund = match choice {
                RefundChoice::Unused => promotion.unused(now)?,
                RefundChoice::Everything => promotion.refundable()?,
                RefundChoice::Nothing => promotion.nothing(),
            };
            Ok(promotion.give_up(CancelCause::Admin, Some(reason), refund, now))
        })
    }

    /// It gets its time.
    fn begin(
        &mut self,
        receipt: Option<Receipt>,
        taken: &[Period],
        now: DateTime<Utc>,
    ) -> Result<Vec<Happening>, PromotionError> {
        let period = self.planned(taken, now)?;
        let started = period.covers(now);
        let told = started.then_some(Notice::Started);
        self.record.stage = Stage::Paid { at: now, period, receipt, told };
        Ok(if started { vec![Happening::Paid, Happening::Started] } else { vec![Happening::Paid] })
    }

    fn give_up(
        &mut self,
        cause: CancelCause,
        reason: Option<Reason>,
        refund: Money,
        now: DateTime<Utc>,
    ) -> Step {
        let (settlement, payment, coupon) = match &self.record.stage {
            Stage::PendingPayment { .. } => (Some(Settlement::Void), None, CouponStep::Release),
            Stage::Paid { receipt, .. } => {
                let payment = receipt.map(|receipt| receipt.payment);
                let back = payment.filter(|_| refund.minor() > 0);
                let settlement = back.map(|payment| Settlement::Refund { payment, amount: refund });
                (settlement, payment, CouponStep::Keep)
            }
            Stage::Cancelled { payment, .. } => (None, *payment, CouponStep::Keep),
        };
        self.end(cause, reason, refund, payment, now);
        (vec![Happening::Cancelled], settlement, coupon)
    }

    fn end(
        &mut self,
        cause: CancelCause,
        reason: Option<Reason>,
        refund: Money,
        payment: Option<PaymentId>,
        now: DateTime<Utc>,
    ) {
        let ran = self.period().and_then(|period| period.until(now));
        self.record.stage = Stage::Cancelled { at: now, cause, reason, refund, ran, payment };
    }

    /// Carries out a command: asks the table, changes, and tells what happened.
    fn move_on(
        &mut self,
        command: Command,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Self) -> Result<Step, PromotionError>,
    ) -> Result<Transition, PromotionError> {
        let (from, by) = (self.status(now), command.side());
        if !self.may(command, now) {
            let allowed = self.allowed(by, now).into_iter().map(Command::name).collect();
            return Err(PromotionError::NotAllowed {
                id: self.id(),
                command: command.name(),
                status: from.name(),
                allowed,
            });
        }
        let (happened, settlement, coupon) = change(self)?;
        let coupon = if self.record.discount.is_some() { coupon } else { CouponStep::Keep };
        self.record.version += 1;
        let events = self.events(&happened, by, now);
        let to = self.status(now);
        let command = command.name();
        Ok(Transition { command, by, from: Some(from), to, events, settlement, coupon })
    }

    fn events(&self, happened: &[Happening], by: Side, now: DateTime<Utc>) -> Vec<PromotionEvent> {
        happened.iter().map(|what| PromotionEvent::of(self, *what, by, now)).collect()
    }

    /// The time that it has, or would get if it were paid now.
    ///
    /// # Errors
    ///
    /// [`PromotionError::OutOfRange`] if that is beyond the calendar.
    pub fn planned(&self, taken: &[Period], now: DateTime<Utc>) -> Result<Period, PromotionError> {
        if let Some(period) = self.period() {
            return Ok(period);
        }
        let wanted = self.record.wanted_start.map_or(now, |start| start.max(now));
        Period::first_free(wanted, self.record.bought.term.length(), taken)
            .ok_or(PromotionError::OutOfRange)
    }

    /// Where it stands at a moment.
    pub fn status(&self, now: DateTime<Utc>) -> Status {
        match &self.record.stage {
            Stage::PendingPayment { .. } => Status::PendingPayment,
            Stage::Paid { period, .. } if now < period.start() => Status::Scheduled,
            Stage::Paid { period, .. } if period.covers(now) => Status::Active,
            Stage::Paid { .. } => Status::Expired,
            Stage::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// What has to be paid for it now; `None` if it is paid, over, or too late.
    pub fn payment_due(&self, now: DateTime<Utc>) -> Option<PaymentDue> {
        match &self.record.stage {
            Stage::PendingPayment { pay_by } if now < *pay_by => Some(PaymentDue {
                promotion: self.id(),
                payer: self.record.account,
                amount: self.to_pay(),
                pay_by: *pay_by,
                description: self.record.bought.title.clone(),
            }),
            Stage::PendingPayment { .. } | Stage::Paid { .. } | Stage::Cancelled { .. } => None,
        }
    }

    /// Passes if the actor may do this to this promotion. A stranger learns nothing, not even that
    /// it exists.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), PromotionError> {
        let own = actor.provider() == Some(self.record.provider);
        let relation = if own { Relation::Owner } else { Relation::Stranger };
        decide(actor, action, relation, own)
            .map_err(|denial| PromotionError::denied(denial, self.id()))
    }

    /// The promotion of a record that was valid when it was written.
    pub const fn restore(record: PromotionRecord) -> Self {
        Self { record }
    }

    /// Its fields, for storage.
    pub const fn record(&self) -> &PromotionRecord {
        &self.record
    }

    pub(crate) const fn record_mut(&mut self) -> &mut PromotionRecord {
        &mut self.record
    }

    /// Its id.
    pub const fn id(&self) -> PromotionId {
        self.record.id
    }

    /// What happened so far.
    pub const fn stage(&self) -> &Stage {
        &self.record.stage
    }

    /// What is promoted.
    pub const fn target(&self) -> Target {
        self.record.target
    }

    /// The listing that is promoted, if it is one.
    pub const fn listing(&self) -> Option<ListingId> {
        self.record.target.listing()
    }

    /// What it does.
    pub const fn effect(&self) -> Effect {
        self.record.bought.effect
    }

    /// Its time, if it is paid and not cancelled.
    pub const fn period(&self) -> Option<Period> {
        match &self.record.stage {
            Stage::Paid { period, .. } => Some(*period),
            Stage::PendingPayment { .. } | Stage::Cancelled { .. } => None,
        }
    }

    /// Its effect and time, for [`Flags::at`](crate::Flags::at).
    pub fn paid_period(&self) -> Option<PaidPeriod> {
        self.period().map(|period| PaidPeriod { effect: self.effect(), period })
    }

    /// What it costs: the price less the discount.
    pub fn to_pay(&self) -> Money {
        let price = self.record.bought.price;
        let off = self.record.discount.as_ref().map_or(0, |discount| discount.amount.minor());
        Money::new((price.minor() - off).max(0), price.currency())
    }

    pub(crate) const fn nothing(&self) -> Money {
        Money::zero(self.record.bought.price.currency())
    }
}

/// What a change came to: what happened, what is to be done with the money and the coupon.
type Step = (Vec<Happening>, Option<Settlement>, CouponStep);

fn moved(transition: Transition) -> PaymentReaction {
    PaymentReaction::Moved(Box::new(transition))
}
