//! What a gateway says becomes what is true of a payment, in whatever order it comes.

use chrono::{DateTime, Utc};
use kernel::Money;

use super::{
    ABANDONED_AFTER, Command, Concern, Flight, Holding, INQUIRY_STEPS, Initiator, Inquiry, Payment,
    PaymentEvent, PaymentHappening, RefundState, SETTLING_TIME, Stage, Wanted,
};
use crate::{
    BillingError, ChargeOutcome, Decline, Entry, FactState, PaymentFact, SaleSums, Seller,
    TransactionId,
};

/// What follows from something that was done to a payment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// What the rest of the system hears.
    pub events: Vec<PaymentEvent>,
    /// What is posted to the ledger.
    pub entries: Vec<Entry>,
}

impl Change {
    /// Whether nothing follows.
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.entries.is_empty()
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.events.extend(other.events);
        self.entries.extend(other.entries);
        self
    }
}

impl Payment {
    /// Takes from a fact what is news. A fact may come late, twice and in any order: stage and
    /// sums only move one way, so that all facts together lead to the same end.
    ///
    /// A fact about another payment changes nothing. A fact that cannot be true of this one (its
    /// currency, its amounts) only raises a [`Concern`].
    pub fn apply(&mut self, fact: &PaymentFact) -> Result<Change, BillingError> {
        if fact.payment != self.record.id {
            return Ok(Change::default());
        }
        if fact.captured.currency() != self.record.amount.currency() {
            return Ok(self.concern(Concern::Currency));
        }
        if !fact.is_coherent() || fact.captured.minor() > self.record.amount.minor() {
            return Ok(self.concern(Concern::Amount));
        }
        let mut change = Change::default();
        let taken_twice = fact.captured.minor() > 0
            && self.record.sums.captured > 0
            && self.record.transaction.as_ref().is_some_and(|known| *known != fact.transaction);
        if taken_twice {
            change = self.concern(Concern::SecondTransaction);
        }
        if self.may_still_try(fact) {
            return Ok(change);
        }
        let unknown = self.record.stage == Stage::Processing { unknown: true };
        if unknown && fact.state == FactState::RequiresAction {
            // What was unknown is known: the payer is waited for, and may start again.
            self.record.stage = Stage::RequiresAction;
            self.touch();
        }
        let stage = match &fact.state {
            FactState::RequiresAction => Stage::RequiresAction,
            FactState::Processing => Stage::Processing { unknown: false },
            FactState::Failed(decline) => Stage::Failed { decline: decline.clone(), at: fact.at },
            FactState::Authorized { until } => Stage::Authorized { until: *until },
            FactState::Voided => Stage::Voided { at: fact.at },
            FactState::Captured => Stage::Captured { at: fact.at },
        };
        let sums = SaleSums {
            captured: fact.captured.minor(),
            refunded: fact.refunded.minor(),
            charged_back: fact.charged_back.minor(),
            reinstated: fact.reinstated.minor(),
        };
        Ok(change.and(self.advance(Some(&fact.transaction), stage, sums)?))
    }

    /// Whether a refusal is not the end: on the gateway's own page the payer may try another card
    /// until the page ends, and money that comes then must find somebody who waits for it.
    fn may_still_try(&self, fact: &PaymentFact) -> bool {
        match (&fact.state, self.record.initiator) {
            (FactState::Failed(_), Initiator::Checkout { until }) => fact.at < until,
            _ => false,
        }
    }

    /// Takes what a charge was answered.
    pub fn charge_answered(
        &mut self,
        outcome: &ChargeOutcome,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        if self.record.in_flight.is_some_and(|flight| flight.what == Flight::Charge) {
            self.record.in_flight = None;
            self.record.tries = 0;
            self.record.retry_at = None;
        }
        self.touch();
        match outcome {
            ChargeOutcome::Approved { fact, .. } => self.apply(fact),
            ChargeOutcome::RequiresAction { transaction, challenge } => {
                if matches!(self.record.initiator, Initiator::Engine { .. }) {
                    // Nobody is there to act. The payer has to come with the card.
                    let decline = Decline::hard("authentication_required");
                    return self.refused(Some(transaction), decline, now);
                }
                if let Some(way) = &mut self.record.challenge {
                    way.kind = Some(challenge.clone());
                }
                self.advance(Some(transaction), Stage::RequiresAction, SaleSums::default())
            }
            ChargeOutcome::Declined { transaction, decline } => {
                self.refused(transaction.as_ref(), decline.clone(), now)
            }
            ChargeOutcome::Pending { transaction } => {
                let stage = Stage::Processing { unknown: false };
                self.advance(transaction.as_ref(), stage, SaleSums::default())
            }
        }
    }

    /// A call brought no answer. Nothing is known, nothing is given up: the gateway is asked.
    pub fn lose_answer(&mut self, now: DateTime<Utc>) -> Result<(), BillingError> {
        self.require(Command::LoseAnswer)?;
        let stage = self.record.stage.clone();
        self.record.stage = stage.joined(Stage::Processing { unknown: true });
        self.record.inquiry = Inquiry::from(now);
        self.touch();
        Ok(())
    }

    /// The gateway surely executed nothing.
    pub fn fail(&mut self, decline: Decline, now: DateTime<Utc>) -> Result<Change, BillingError> {
        self.require(Command::Fail)?;
        self.record.in_flight = None;
        self.refused(None, decline, now)
    }

    /// Takes the answer to a question about how it stands; `None` if the gateway never heard of
    /// it. What is not known by the last question is shown to people.
    pub fn inquiry_answered(
        &mut self,
        fact: Option<&PaymentFact>,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        self.count_from_the_end_of_the_reservation();
        self.record.inquiry = self.record.inquiry.asked_at(now);
        self.touch();
        let mut change = self.heard(fact, now)?;
        if self.inquiry_is_open() && self.record.inquiry.due_at().is_none() {
            change = change.and(self.concern(Concern::Unresolved));
        }
        Ok(change)
    }

    /// Takes what the gateway says when it is asked, in turn or out of turn; `None` if it never
    /// heard of it. Silence, a refusal or a payer who is away ends a payment once there is no hope.
    pub fn heard(
        &mut self,
        fact: Option<&PaymentFact>,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        let mut change = match fact {
            Some(fact) => self.apply(fact)?,
            None => Change::default(),
        };
        if self.record.stage.is_pending()
            && let Some(decline) = self.given_up(fact, now)
        {
            change = change.and(self.fail(decline, now)?);
        }
        if fact.is_some() {
            self.land(now);
        }
        Ok(change)
    }

    /// Why a payment that is pending has failed for good, if it has.
    fn given_up(&self, fact: Option<&PaymentFact>, now: DateTime<Utc>) -> Option<Decline> {
        let hopeless = now >= self.patience_ends();
        // Our request may have been on its way for long: the gateway knows since when it waits.
        let waits_since = fact.map_or(self.record.created_at, |fact| fact.at);
        let waits_since = waits_since.max(self.record.created_at).max(self.page_ends());
        let abandoned = now >= waits_since + ABANDONED_AFTER;
        match fact.map(|fact| &fact.state) {
            None => hopeless.then(|| Decline::soft("not_executed")),
            // The page is gone, and the last try on it was refused.
            Some(FactState::Failed(decline)) => hopeless.then(|| decline.clone()),
            Some(FactState::RequiresAction) => {
                abandoned.then(|| Decline::soft("authentication_abandoned"))
            }
            Some(
                FactState::Processing
                | FactState::Authorized { .. }
                | FactState::Voided
                | FactState::Captured,
            ) => None,
        }
    }

    /// The gateway could not be asked: it is asked again and again, and people have to look after as
    /// many days as it would have been asked in.
    pub fn inquiry_failed(&mut self, now: DateTime<Utc>) -> Change {
        self.count_from_the_end_of_the_reservation();
        self.record.inquiry = self.record.inquiry.put_off(now);
        self.touch();
        let since = match (self.record.in_flight, &self.record.stage) {
            (Some(flight), _) => flight.since,
            (None, Stage::Authorized { until: Some(until) }) => *until,
            (None, _) => self.record.created_at,
        };
        if self.inquiry_is_open() && now >= since + INQUIRY_STEPS[INQUIRY_STEPS.len() - 1] {
            return self.concern(Concern::Unresolved);
        }
        Change::default()
    }

    /// What is asked for of a reservation is how it ended: the steps count from there.
    fn count_from_the_end_of_the_reservation(&mut self) {
        if let Stage::Authorized { until: Some(until) } = self.record.stage
            && self.record.in_flight.is_none()
        {
            self.record.inquiry.since = self.record.inquiry.since.max(until);
        }
    }

    /// When the gateway is asked next, if there is something to ask for.
    pub fn inquiry_due(&self) -> Option<DateTime<Utc>> {
        if self.record.stage.is_pending() || self.record.in_flight.is_some() {
            return self.record.inquiry.due_at();
        }
        // A reservation that nobody took or let go: it ends by itself, and the gateway says so.
        match self.record.stage {
            Stage::Authorized { until: Some(until) } => {
                let due = Inquiry { since: until, ..self.record.inquiry };
                due.due_at()
            }
            Stage::Created
            | Stage::RequiresAction
            | Stage::Processing { .. }
            | Stage::Failed { .. }
            | Stage::Authorized { until: None }
            | Stage::Voided { .. }
            | Stage::Captured { .. } => None,
        }
    }

    const fn inquiry_is_open(&self) -> bool {
        self.record.stage.is_pending()
            || self.record.in_flight.is_some()
            || matches!(self.record.stage, Stage::Authorized { until: Some(_) })
    }

    /// Before that, "never heard of it" proves nothing.
    fn patience_ends(&self) -> DateTime<Utc> {
        self.record.inquiry.since.max(self.page_ends()) + SETTLING_TIME
    }

    /// When the gateway's own page ends, if that is how it is paid; when it began otherwise.
    const fn page_ends(&self) -> DateTime<Utc> {
        match self.record.initiator {
            Initiator::Checkout { until } => until,
            Initiator::Payer | Initiator::Engine { .. } | Initiator::Gateway => {
                self.record.created_at
            }
        }
    }

    /// The gateway's transaction by which it is asked how this stands. On a page of its own a payer
    /// may try several cards, each of which is a transaction: until one of them brings money it is
    /// asked by our reference, under which it finds the last.
    pub fn asked_by(&self) -> Option<&TransactionId> {
        let tries = matches!(self.record.initiator, Initiator::Checkout { .. });
        let pending = self.record.stage.is_pending();
        self.record.transaction.as_ref().filter(|_| !(tries && pending))
    }

    /// What was with the gateway and is not done long after it was sent was not done.
    fn land(&mut self, now: DateTime<Utc>) {
        let Some(flight) = self.record.in_flight else { return };
        self.touch();
        if flight.what == Flight::Charge {
            self.record.in_flight = None;
        } else if now >= flight.since + SETTLING_TIME {
            self.record.in_flight = None;
            self.record.attempt = self.record.attempt.saturating_add(1);
            if let Flight::Refund(id) = flight.what
                && let Some(refund) = self.record.refunds.iter_mut().find(|known| known.id == id)
            {
                refund.state = RefundState::Requested;
            }
        }
    }

    pub(super) fn refused(
        &mut self,
        transaction: Option<&TransactionId>,
        decline: Decline,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        self.advance(transaction, Stage::Failed { decline, at: now }, SaleSums::default())
    }

    /// People have looked, and seen to it.
    pub fn acknowledge(&mut self) {
        if !self.record.concerns.is_empty() {
            self.record.concerns.clear();
            self.touch();
        }
    }

    pub(super) fn concern(&mut self, concern: Concern) -> Change {
        if !self.record.concerns.insert(concern) {
            return Change::default();
        }
        self.touch();
        let event = PaymentEvent::of(self, PaymentHappening::Parked);
        Change { events: vec![event], entries: Vec::new() }
    }

    /// Joins stage and sums with news, and derives all that follows.
    pub(super) fn advance(
        &mut self,
        transaction: Option<&TransactionId>,
        stage: Stage,
        sums: SaleSums,
    ) -> Result<Change, BillingError> {
        let before = self.record.clone();
        let further = stage.rank() > before.stage.rank();
        let same = stage.rank() == before.stage.rank();
        if let Some(transaction) = transaction {
            let known = self.record.transaction.as_ref();
            if known.is_none_or(|known| further || (same && transaction < known)) {
                self.record.transaction = Some(transaction.clone());
            }
        }
        self.record.stage = before.stage.clone().joined(stage);
        self.record.sums = before.sums.joined(sums);
        let accounts = self.sale_accounts();
        let entries = accounts.entries(before.sums, self.record.sums)?;
        if further {
            self.record.inquiry = Inquiry::from(self.record.inquiry.since);
        }
        self.follow();
        self.hold();
        self.reassure();
        if self.record != before {
            self.touch();
        }
        let change = Change { events: self.news(&before.stage, before.sums), entries };
        let ran_out = matches!(self.record.stage, Stage::Voided { .. })
            && matches!(before.wanted, Some(Wanted::Capture { .. }));
        Ok(if ran_out { change.and(self.concern(Concern::RanOut)) } else { change })
    }

    /// What was asked for and has come true, or never will, is not asked for any more.
    fn follow(&mut self) {
        let done = match (&self.record.stage, self.record.wanted) {
            (_, None) => false,
            (Stage::Failed { .. } | Stage::Voided { .. }, Some(_)) => true,
            (Stage::Captured { .. }, Some(Wanted::Capture { .. })) => true,
            (Stage::Captured { at }, Some(Wanted::Void { refund })) => {
                // It was to be let go and came all the same: it goes back.
                let (amount, at) = (self.refundable(), *at);
                self.queue_refund(refund, amount.minor(), super::operation::too_late(), None, at);
                true
            }
            (
                Stage::Created
                | Stage::RequiresAction
                | Stage::Processing { .. }
                | Stage::Authorized { .. },
                Some(_),
            ) => false,
        };
        if done {
            self.record.wanted = None;
        }
        if let Stage::Failed { at, .. } | Stage::Voided { at } = self.record.stage {
            // Nothing was taken that could go back.
            for refund in self.record.refunds.iter_mut().filter(|it| it.state.is_open()) {
                let decline = Decline::hard("nothing_taken");
                refund.state = RefundState::Failed { at, decline };
            }
        }
        if let Some(flight) = self.record.in_flight {
            let landed = match flight.what {
                Flight::Charge => !matches!(self.record.stage, Stage::Created),
                Flight::Capture => matches!(self.record.stage, Stage::Captured { .. }),
                Flight::Void => {
                    matches!(self.record.stage, Stage::Voided { .. } | Stage::Captured { .. })
                }
                Flight::Refund(id) => {
                    let amount = self.refund(id).map_or(0, |refund| refund.amount);
                    self.record.sums.refunded >= flight.refunded_before + amount
                }
            };
            if landed {
                self.record.in_flight = None;
                self.record.tries = 0;
                if let Flight::Refund(id) = flight.what {
                    let at = flight.since;
                    if let Some(refund) = self.refund_mut(id) {
                        refund.state = RefundState::Succeeded { at };
                    }
                }
            }
        }
    }

    /// Money that was taken for a provider is held from then on.
    fn hold(&mut self) {
        let sold = matches!(self.record.seller, Seller::Provider { .. });
        if sold && self.record.sums.captured > 0 && self.record.holding == Holding::Nothing {
            self.record.holding = Holding::Held;
        }
    }

    /// That the gateway was silent or not reached is nobody's worry any more once it has said how
    /// all of it ended.
    fn reassure(&mut self) {
        let waits = self.inquiry_is_open()
            || self.record.wanted.is_some()
            || self.record.refunds.iter().any(|refund| refund.state.is_open());
        if !waits {
            self.record.concerns.remove(&Concern::Unresolved);
            self.record.concerns.remove(&Concern::Stuck);
        }
    }

    fn news(&self, stage: &Stage, sums: SaleSums) -> Vec<PaymentEvent> {
        let now = self.record.sums;
        let mut happenings = Vec::new();
        if self.record.stage.rank() > stage.rank() {
            match self.record.stage {
                Stage::RequiresAction => happenings.push(PaymentHappening::ActionRequired),
                Stage::Failed { .. } => happenings.push(PaymentHappening::Failed),
                // Money that is to be let go is nobody's to wait for: whoever sells would go on with
                // it beside the payment that took its place.
                Stage::Authorized { .. }
                    if matches!(self.record.wanted, Some(Wanted::Void { .. })) => {}
                Stage::Authorized { .. } => happenings.push(PaymentHappening::Authorized),
                Stage::Voided { .. } => happenings.push(PaymentHappening::Voided),
                Stage::Created | Stage::Processing { .. } | Stage::Captured { .. } => {}
            }
        }
        let grown = [
            (now.captured > sums.captured, PaymentHappening::Captured),
            (now.refunded > sums.refunded, PaymentHappening::Refunded),
            (now.charged_back > sums.charged_back, PaymentHappening::ChargedBack),
            (now.reinstated > sums.reinstated, PaymentHappening::Reinstated),
        ];
        happenings.extend(grown.into_iter().filter(|(grew, _)| *grew).map(|(_, what)| what));
        happenings.into_iter().map(|happening| PaymentEvent::of(self, happening)).collect()
    }

    /// What went back since the beginning, in whatever way.
    pub fn returned(&self) -> Money {
        Money::new(self.record.sums.returned(), self.record.amount.currency())
    }
}
