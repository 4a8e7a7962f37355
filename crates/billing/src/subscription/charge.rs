//! What a subscription is charged, and what comes of it.

use chrono::{DateTime, Utc};
use kernel::{Money, PaymentId};

use super::{
    Driver, Input, Interrupted, Subscription, SubscriptionEvent, SubscriptionHappening,
    SubscriptionState,
};
use crate::{BillingError, CardId, Hardness, PlanTerms};

/// What a charge is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeKind {
    /// The first period, or the first after a pause or suspension.
    First,
    /// The next period, the first after a trial among them.
    Renewal,
    /// The same once more, after it was refused.
    Retry,
    /// The difference to a dearer plan, for the rest of the period.
    Upgrade(Box<PlanTerms>),
}

impl ChargeKind {
    /// Its name in the database and on invoices.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Renewal => "renewal",
            Self::Retry => "retry",
            Self::Upgrade(_) => "upgrade",
        }
    }
}

/// A charge whose outcome is awaited. There is at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCharge {
    /// The payment.
    pub payment: PaymentId,
    /// What it is for.
    pub kind: ChargeKind,
}

/// A payment on which the running period rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidPart {
    /// The payment.
    pub payment: PaymentId,
    /// The plan that held before, if this paid the difference to a dearer one of the same
    /// interval: it holds again if the difference goes back.
    pub before: Option<Box<PlanTerms>>,
}

/// A charge that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCharge {
    /// What it is for.
    pub kind: ChargeKind,
    /// How much.
    pub amount: Money,
    /// By which card.
    pub card: CardId,
}

impl Subscription {
    /// When time asks for it next: a boundary or a charge, whichever comes first. Nothing is
    /// charged twice: while an outcome is awaited only boundaries count.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        let boundary = self.record.state.boundary(self.next_or_current());
        if self.record.pending.is_some() {
            // A period whose charge is on its way is nobody's boundary.
            return match self.record.state {
                SubscriptionState::Active { cancel_at_period_end: false, .. }
                | SubscriptionState::Trialing { card: true, .. } => None,
                SubscriptionState::Incomplete { .. }
                | SubscriptionState::Trialing { .. }
                | SubscriptionState::Paused { .. }
                | SubscriptionState::Active { .. }
                | SubscriptionState::PastDue { .. }
                | SubscriptionState::Suspended { .. }
                | SubscriptionState::Canceled { .. }
                | SubscriptionState::Expired { .. } => boundary,
            };
        }
        let charge = match self.record.driver {
            Driver::Engine { .. } => self.record.state.next_charge(self.next_or_current()),
            Driver::Gateway { .. } => None,
        };
        boundary.into_iter().chain(charge).min()
    }

    /// What time leads to: boundaries that passed, and the charge that is due, if one is.
    pub fn pass_time(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<(Vec<SubscriptionEvent>, Option<DueCharge>), BillingError> {
        let mut events = Vec::new();
        // A retry comes before the boundary of the same moment.
        if !self.charge_is_due(now) {
            events = self.give(&Input::Due, now)?;
        }
        if !self.charge_is_due(now) {
            return Ok((events, None));
        }
        let Some(card) = self.record.card else {
            // There is nothing to charge: as good as refused for good.
            events.extend(self.give(&Input::PaymentFailed(Hardness::Hard), now)?);
            events.extend(self.give(&Input::Due, now)?);
            return Ok((events, None));
        };
        let kind = match self.record.state {
            SubscriptionState::PastDue { .. } => ChargeKind::Retry,
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Trialing { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::Active { .. }
            | SubscriptionState::Suspended { .. }
            | SubscriptionState::Canceled { .. }
            | SubscriptionState::Expired { .. } => ChargeKind::Renewal,
        };
        let amount = self.next_or_current().price;
        Ok((events, Some(DueCharge { kind, amount, card })))
    }

    fn charge_is_due(&self, now: DateTime<Utc>) -> bool {
        let engine = matches!(self.record.driver, Driver::Engine { .. });
        let terms = self.next_or_current();
        let chargeable = match &self.record.state {
            SubscriptionState::Trialing { card, .. } => *card,
            // Days after the grace nobody is surprised by a charge.
            SubscriptionState::PastDue { period, .. } => {
                now < terms.dunning.grace_ends(period.start)
            }
            SubscriptionState::Active { .. } => true,
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::Suspended { .. }
            | SubscriptionState::Canceled { .. }
            | SubscriptionState::Expired { .. } => false,
        };
        engine
            && chargeable
            && self.record.pending.is_none()
            && self.record.state.next_charge(terms).is_some_and(|at| at <= now)
    }

    /// What somebody who wants access again, or at last, has to pay now; `None` if nothing is
    /// open. Anybody past due, suspended or paused may pay at once.
    pub fn owed(&self) -> Option<(ChargeKind, Money)> {
        if self.record.pending.is_some() {
            return None;
        }
        let kind = match self.record.state {
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::Suspended { .. } => ChargeKind::First,
            SubscriptionState::PastDue { .. } => ChargeKind::Retry,
            SubscriptionState::Trialing { .. }
            | SubscriptionState::Active { .. }
            | SubscriptionState::Canceled { .. }
            | SubscriptionState::Expired { .. } => return None,
        };
        Some((kind, self.next_or_current().price))
    }

    /// A payment for it is on its way.
    pub fn await_charge(&mut self, payment: PaymentId, kind: ChargeKind) {
        self.record.pending = Some(PendingCharge { payment, kind });
        self.touch();
    }

    /// Nobody waits for the payment that is on its way any more: its payer starts again. If it
    /// arrives all the same it goes back.
    pub(crate) fn abandon_charge(&mut self) {
        self.record.pending = None;
        self.touch();
    }

    /// The payment arrived.
    ///
    /// # Errors
    ///
    /// [`BillingError::NotAllowed`] if nobody waits for this money any more: it is to be given
    /// back.
    pub fn charge_captured(
        &mut self,
        payment: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let pending = self.record.pending.take_if(|pending| pending.payment == payment);
        let Some(pending) = pending else {
            return Err(self.refusal(&Input::Paid, now));
        };
        self.touch();
        match pending.kind {
            ChargeKind::First | ChargeKind::Renewal | ChargeKind::Retry => {
                let events = self.give(&Input::Paid, now)?;
                self.record.paid = vec![PaidPart { payment, before: None }];
                Ok(events)
            }
            ChargeKind::Upgrade(terms) => self.upgraded(payment, *terms, now),
        }
    }

    /// A payment went back in full. If the running period rests on it, it is over at once; if it
    /// was the difference to a dearer plan, the plan before it holds again. What paid for an
    /// earlier period changes nothing.
    pub fn charge_returned(
        &mut self,
        payment: PaymentId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let place = self.record.paid.iter().position(|part| part.payment == payment);
        let Some(place) = place.filter(|_| self.is_paid()) else { return Ok(Vec::new()) };
        let last = place + 1 == self.record.paid.len();
        if let Some(before) = self.record.paid[place].before.clone().filter(|_| last) {
            self.record.paid.pop();
            self.record.terms = *before;
            let terms = &self.record.terms;
            self.record.next_terms.take_if(|next| next.plan == terms.plan);
            self.touch();
            return Ok(vec![SubscriptionEvent::of(self, SubscriptionHappening::Changed)]);
        }
        self.give(&Input::Returned, now)
    }

    /// Whether the period that runs is paid.
    pub(crate) const fn is_paid(&self) -> bool {
        match &self.record.state {
            SubscriptionState::Active { .. }
            | SubscriptionState::Canceled { before: Interrupted::Paid(_), .. } => true,
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Trialing { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::PastDue { .. }
            | SubscriptionState::Suspended { .. }
            | SubscriptionState::Canceled { before: Interrupted::Trial { .. }, .. }
            | SubscriptionState::Expired { .. } => false,
        }
    }

    /// The payment was refused. A difference that was refused changes nothing.
    pub fn charge_failed(
        &mut self,
        payment: PaymentId,
        hardness: Hardness,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let pending = self.record.pending.take_if(|pending| pending.payment == payment);
        let Some(pending) = pending else { return Ok(Vec::new()) };
        self.touch();
        match pending.kind {
            ChargeKind::First | ChargeKind::Upgrade(_) => Ok(Vec::new()),
            ChargeKind::Renewal | ChargeKind::Retry => {
                if matches!(self.record.state, SubscriptionState::Expired { .. }) {
                    return Ok(Vec::new());
                }
                let mut events = self.give(&Input::PaymentFailed(hardness), now)?;
                events.extend(self.give(&Input::Due, now)?);
                Ok(events)
            }
        }
    }

    /// Sets the card that is charged, or none. Another card is tried at the next retry, or at
    /// once by whoever pays at once.
    pub fn set_card(
        &mut self,
        card: Option<CardId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let input = if card.is_some() { Input::CardAdded } else { Input::CardRemoved };
        let events = self.give(&input, now)?;
        self.record.card = card;
        self.touch();
        Ok(events)
    }

    /// The card that paid is charged from now on.
    pub(crate) fn use_card(&mut self, card: CardId) {
        self.record.card = Some(card);
        self.touch();
    }

    pub(super) fn next_or_current(&self) -> &PlanTerms {
        self.record.next_terms.as_ref().unwrap_or(&self.record.terms)
    }

    fn upgraded(
        &mut self,
        payment: PaymentId,
        terms: PlanTerms,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let SubscriptionState::Active { period, .. } = &mut self.record.state else {
            return Err(self.refusal(&Input::Paid, now));
        };
        let same = period.interval == terms.interval;
        if !same {
            *period = crate::Period::first(now, terms.interval);
        }
        let before = std::mem::replace(&mut self.record.terms, terms);
        let before = same.then(|| Box::new(before));
        self.record.paid.push(PaidPart { payment, before });
        self.record.next_terms = None;
        Ok(vec![SubscriptionEvent::of(self, SubscriptionHappening::Changed)])
    }
}
