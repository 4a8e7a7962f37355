//! What is done with a payment within a transaction, whoever has it open.

use chrono::{DateTime, Utc};
use kernel::{AccountId, Ids, InvoiceId, Money, PaymentId, Timer};

use crate::payment::{Change, PaymentHappening};
use crate::{
    BillingError, BillingEvent, BillingTx, ChargeKind, Entitlement, EntitlementSource, Entry,
    Hardness, Initiator, Invoice, Journal, NewInvoice, Payment, PayoutTerms, Policy, Purpose,
    Reason, RefundId, SaleTerms, Seller, Stage, Status, Subscription, SubscriptionEvent, Wanted,
};

/// What has to happen to the money of something that was sold, because of what happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// Take what is reserved, or a part of it.
    Capture {
        /// How much.
        amount: Money,
    },
    /// Let go of what is or might be reserved; give back what was or might be taken.
    GiveBack,
    /// Give back and pay out: together it is what was taken.
    Settle {
        /// To the payer.
        refund: Money,
        /// When it was delivered: the holding time begins. Unset if nothing was.
        delivered_at: Option<DateTime<Utc>>,
    },
    /// A dispute: the provider gets nothing for now.
    Freeze,
    /// The dispute is over.
    Unfreeze,
}

/// What decisions within a transaction need. Another domain's adapter uses it within a
/// transaction of that domain, so that what happens to a booking and what has to happen to its
/// money stand or fall together.
#[derive(Debug, Clone, Copy)]
pub struct Books<'a> {
    /// Makes ids.
    pub ids: &'a dyn Ids,
    /// What differs between marketplaces.
    pub policy: &'a Policy,
}

/// A payment that is locked, with its subscription if it is for one, and the timers it had.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) payment: Payment,
    pub(crate) subscription: Option<Subscription>,
    timers: Vec<Timer>,
}

impl Books<'_> {
    /// Does what an instruction asks of the payment for `purpose`: the intent is stored, its timer
    /// set, and a job does it after the commit. Without a payment nothing has to happen; what was
    /// done before, or has come true by itself, is not done again.
    ///
    /// # Errors
    ///
    /// [`BillingError::NotFound`] if there is nothing to capture: what was agreed is not paid for.
    /// [`BillingError::AmountTooHigh`], [`BillingError::NotAllowed`].
    pub async fn instruct(
        &self,
        tx: &mut dyn BillingTx,
        purpose: Purpose,
        instruction: Instruction,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let Some(payment) = tx.live_payment_for_update(purpose).await? else {
            return match instruction {
                Instruction::Capture { .. } => Err(BillingError::not_found(&purpose)),
                Instruction::GiveBack
                | Instruction::Settle { .. }
                | Instruction::Freeze
                | Instruction::Unfreeze => Ok(()),
            };
        };
        let mut locked = Locked::new(payment, None, now);
        let payment = &mut locked.payment;
        match instruction {
            Instruction::Capture { .. }
                if payment.wants_capture() || payment.sums().captured > 0 => {}
            Instruction::Capture { amount } => payment.capture(amount)?,
            Instruction::GiveBack => self.give_back(payment, now)?,
            Instruction::Settle { refund, delivered_at } => {
                // What went back before, by an admin or by the payer's bank, cannot go back again.
                let left = payment.refundable();
                let refund = if refund.minor() > left.minor() { left } else { refund };
                if refund.minor() > 0 && payment.may(crate::Command::Refund) {
                    let id = RefundId::next(self.ids);
                    payment.request_refund(id, refund, by_the_rules(), None, now)?;
                }
                if let Some(at) = delivered_at
                    && matches!(payment.seller(), Seller::Provider { .. })
                {
                    let terms = self.terms_of(tx, payment.seller()).await?;
                    payment.release(at, &terms)?;
                }
            }
            Instruction::Freeze => payment.freeze()?,
            Instruction::Unfreeze => payment.unfreeze()?,
        }
        self.store(tx, locked, Change::default(), None, now).await.map(|_| ())
    }

    /// Gives back money of one payment, at most what is left of it: the intent is stored, and a job
    /// does it after the commit. Nothing is left of a payment that has gone back, or is about to.
    pub async fn refund(
        &self,
        tx: &mut dyn BillingTx,
        payment: PaymentId,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let Some(mut locked) = self.lock(tx, payment, now).await? else { return Ok(()) };
        let left = locked.payment.refundable();
        if amount.currency() != left.currency() {
            return Err(BillingError::AmountTooHigh { most: left });
        }
        let back = Money::new(amount.minor().min(left.minor()), left.currency());
        if back.minor() <= 0 {
            return Ok(());
        }
        let id = RefundId::next(self.ids);
        locked.payment.request_refund(id, back, by_the_rules(), None, now)?;
        self.store(tx, locked, Change::default(), None, now).await.map(|_| ())
    }

    /// Lets go of what is reserved or on its way, or gives back what was taken.
    pub(crate) fn give_back(
        &self,
        payment: &mut Payment,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let id = RefundId::next(self.ids);
        if matches!(payment.record().wanted, Some(Wanted::Void { .. })) {
            return Ok(());
        }
        match payment.status() {
            Status::Authorized if payment.wants_capture() && payment.is_in_flight() => {
                let all = payment.refundable();
                if all.minor() == 0 {
                    return Ok(());
                }
                payment.request_refund(id, all, by_the_rules(), None, now)
            }
            Status::Created | Status::RequiresAction | Status::Processing | Status::Authorized => {
                payment.void(id)
            }
            // Of what a bank took a part of the rest goes back.
            Status::Captured | Status::PartiallyRefunded | Status::ChargedBack => {
                let all = payment.refundable();
                if all.minor() == 0 {
                    return Ok(());
                }
                payment.request_refund(id, all, by_the_rules(), None, now)
            }
            Status::Failed | Status::Voided | Status::Refunded => Ok(()),
        }
    }

    /// Locks a payment: its subscription first, if it is for one.
    pub(crate) async fn lock(
        &self,
        tx: &mut dyn BillingTx,
        id: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Option<Locked>, BillingError> {
        let Some(purpose) = tx.purpose_of_payment(id).await? else { return Ok(None) };
        let subscription = match purpose {
            Purpose::Subscription(id) => tx.subscription_for_update(id).await?,
            Purpose::Booking(_)
            | Purpose::Order(_)
            | Purpose::Promotion(_)
            | Purpose::Purchase(_)
            | Purpose::Auction(_) => None,
        };
        let payment = tx.payment_for_update(id).await?;
        Ok(payment.map(|payment| Locked::new(payment, subscription, now)))
    }

    /// Stores a payment and all that follows from a change: the subscription, rights, invoice,
    /// journals, events and timers.
    pub(crate) async fn store(
        &self,
        tx: &mut dyn BillingTx,
        locked: Locked,
        change: Change,
        actor: Option<AccountId>,
        now: DateTime<Utc>,
    ) -> Result<Payment, BillingError> {
        let Locked { mut payment, subscription, timers } = locked;
        let happened = |what| change.events.iter().any(|event| event.happening == what);
        let kind = match &subscription {
            Some(subscription) => pending_kind(subscription, payment.id()),
            None => None,
        };
        if let Some(subscription) = subscription {
            self.follow_subscription(tx, subscription, &mut payment, &change, now).await?;
        }
        if happened(PaymentHappening::Captured) {
            self.follow_capture(tx, &mut payment, kind.as_ref(), now).await?;
        }
        if payment.record().grants.is_some() && is_gone(&payment) {
            tx.remove_entitlement(EntitlementSource::Purchase(payment.id())).await?;
        }
        self.post(tx, change.entries, now).await?;
        if payment.is_changed() {
            tx.update_payment(&payment).await?;
        }
        sync_timers(tx, &timers, &payment.timers(now)).await?;
        for event in change.events {
            tx.publish(&BillingEvent::Payment(event), actor, now).await?;
        }
        Ok(payment)
    }

    /// Stores a new payment with its timers and its event.
    pub(crate) async fn open(
        &self,
        tx: &mut dyn BillingTx,
        payment: &Payment,
        event: crate::PaymentEvent,
        actor: Option<AccountId>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        tx.insert_payment(payment).await?;
        sync_timers(tx, &[], &payment.timers(now)).await?;
        tx.publish(&BillingEvent::Payment(event), actor, now).await?;
        Ok(())
    }

    async fn follow_capture(
        &self,
        tx: &mut dyn BillingTx,
        payment: &mut Payment,
        kind: Option<&ChargeKind>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let delivered = payment.purpose().kind().releases_itself();
        if delivered && payment.may(crate::Command::Release) {
            let terms = self.terms_of(tx, payment.seller()).await?;
            payment.release(payment.captured_at().unwrap_or(now), &terms)?;
        }
        if let Some(right) = payment.record().grants {
            let (source, account) = (EntitlementSource::Purchase(payment.id()), payment.payer());
            let entitlement = Entitlement { source, account, right, tier: 1, until: None };
            tx.store_entitlement(&entitlement).await?;
        }
        // What goes straight back is not sold.
        let kept = payment.refunds().is_empty() && payment.sums().returned() == 0;
        if kept && self.policy.invoiced.contains(&payment.purpose().kind()) {
            self.invoice(tx, payment, kind, now).await?;
        }
        Ok(())
    }

    async fn invoice(
        &self,
        tx: &mut dyn BillingTx,
        payment: &Payment,
        kind: Option<&ChargeKind>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        let (seller, payer) = (payment.seller(), payment.payer());
        let period = match (payment.purpose(), kind) {
            (Purpose::Subscription(_), Some(ChargeKind::Upgrade(_)) | None) => None,
            (Purpose::Subscription(id), Some(_)) => {
                let subscription = tx.subscription_for_update(id).await?;
                subscription.and_then(|it| match it.state() {
                    crate::SubscriptionState::Active { period, .. } => Some(*period),
                    _ => None,
                })
            }
            _ => None,
        };
        let (seller_party, payer_party) = tx.invoice_parties(seller, payer).await?;
        let year = chrono::Datelike::year(&now);
        let sequence = tx.next_invoice_number(&seller.key(), year).await?;
        let tax_basis_points = match payment.record().terms {
            SaleTerms::OwnSale { vat_basis_points } => vat_basis_points,
            // What tax a provider owes for its own sale is the provider's to say.
            SaleTerms::Commission { .. } => 0,
        };
        let currency = payment.amount().currency();
        let new = NewInvoice {
            id: InvoiceId::next(self.ids),
            sequence,
            seller,
            seller_party,
            payer,
            payer_party,
            payment: payment.id(),
            purpose: payment.purpose(),
            description: payment.record().description.to_string(),
            period,
            total: Money::new(payment.sums().captured, currency),
            tax_basis_points,
        };
        let invoice = Invoice::issue(new, now);
        tx.insert_invoice(&invoice).await?;
        let (invoice, payment) = (invoice.id, payment.id());
        let event = BillingEvent::InvoiceIssued { invoice, payment, payer, seller };
        Ok(tx.publish(&event, None, now).await?)
    }

    async fn follow_subscription(
        &self,
        tx: &mut dyn BillingTx,
        mut subscription: Subscription,
        payment: &mut Payment,
        change: &Change,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        if payment.record().initiator == Initiator::Gateway {
            return Ok(());
        }
        let gone = is_gone(payment);
        let mut events = Vec::new();
        for event in &change.events {
            match event.happening {
                PaymentHappening::Captured => {
                    match subscription.charge_captured(payment.id(), now) {
                        Ok(news) => events.extend(news),
                        // Nobody waits for this money any more.
                        Err(BillingError::NotAllowed { .. }) => self.give_back(payment, now)?,
                        Err(error) => return Err(error),
                    }
                }
                PaymentHappening::Failed | PaymentHappening::Voided => {
                    let hardness = match payment.stage() {
                        Stage::Failed { decline, .. } => decline.hardness,
                        _ => Hardness::Soft,
                    };
                    events.extend(subscription.charge_failed(payment.id(), hardness, now)?);
                }
                PaymentHappening::Refunded | PaymentHappening::ChargedBack if gone => {
                    events.extend(subscription.charge_returned(payment.id(), now)?);
                }
                // What comes back later does not bring back what is over: its payer may have
                // subscribed anew.
                PaymentHappening::Created
                | PaymentHappening::ActionRequired
                | PaymentHappening::Authorized
                | PaymentHappening::Refunded
                | PaymentHappening::RefundFailed
                | PaymentHappening::ChargedBack
                | PaymentHappening::Reinstated
                | PaymentHappening::Released
                | PaymentHappening::Parked => {}
            }
        }
        self.store_subscription(tx, &subscription, events, None, now).await
    }

    /// Stores a subscription with its right, its timer and its events.
    pub(crate) async fn store_subscription(
        &self,
        tx: &mut dyn BillingTx,
        subscription: &Subscription,
        events: Vec<SubscriptionEvent>,
        actor: Option<AccountId>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        if subscription.loaded_version() == 0 {
            tx.insert_subscription(subscription).await?;
        } else if subscription.is_changed() {
            tx.update_subscription(subscription).await?;
        }
        if let Some(entitlement) = Entitlement::of_subscription(subscription) {
            tx.store_entitlement(&entitlement).await?;
        } else {
            let source = EntitlementSource::Subscription(subscription.id());
            tx.remove_entitlement(source).await?;
        }
        if let Some(timer) = subscription.timer() {
            tx.set_timer(&timer).await?;
        } else {
            let subject = subscription.id().to_string();
            tx.clear_timer(crate::timer::SUBSCRIPTION_DUE, &subject).await?;
        }
        for event in events {
            tx.publish(&BillingEvent::Subscription(event), actor, now).await?;
        }
        Ok(())
    }

    /// Posts entries to the ledger.
    pub(crate) async fn post(
        &self,
        tx: &mut dyn BillingTx,
        entries: Vec<Entry>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        for entry in entries {
            tx.post_journal(&Journal::post(entry, now, self.ids)).await?;
        }
        Ok(())
    }

    /// The terms of who sells: those of an admin, or the marketplace's.
    pub(crate) async fn terms_of(
        &self,
        tx: &mut dyn BillingTx,
        seller: Seller,
    ) -> Result<PayoutTerms, BillingError> {
        let own = match seller.provider() {
            Some(provider) => tx.payout_terms(provider).await?,
            None => None,
        };
        Ok(own.unwrap_or_else(|| self.policy.payouts.clone()))
    }
}

impl Locked {
    pub(crate) fn new(
        payment: Payment,
        subscription: Option<Subscription>,
        now: DateTime<Utc>,
    ) -> Self {
        let timers = payment.timers(now);
        Self { payment, subscription, timers }
    }
}

fn pending_kind(subscription: &Subscription, payment: PaymentId) -> Option<ChargeKind> {
    let pending = subscription.record().pending.as_ref()?;
    (pending.payment == payment).then(|| pending.kind.clone())
}

/// Whether nothing of it is left: all went back, or the payer's bank took it.
const fn is_gone(payment: &Payment) -> bool {
    matches!(payment.status(), Status::Refunded | Status::ChargedBack)
}

fn by_the_rules() -> Reason {
    Reason::from_stored("By the rules of what was sold.".to_owned())
}

/// Sets what is new or moved, clears what is gone.
async fn sync_timers(
    tx: &mut dyn BillingTx,
    before: &[Timer],
    after: &[Timer],
) -> Result<(), BillingError> {
    for old in before {
        if after.iter().all(|timer| timer.kind != old.kind) {
            tx.clear_timer(old.kind, &old.subject).await?;
        }
    }
    for timer in after.iter().filter(|timer| !before.contains(timer)) {
        tx.set_timer(timer).await?;
    }
    Ok(())
}
