//! What has to be done at the gateway, one operation at a time.

use chrono::{DateTime, Utc};
use kernel::{AccountId, Money};

use super::inquiry::retry_after;
use super::{
    Change, Command, Concern, Initiator, Inquiry, Payment, PaymentEvent, PaymentHappening, Reason,
    Refund, RefundId, RefundState, ReturnToken, Stage,
};
use crate::{BillingError, CardId, Decline, OperationKey, OperationOutcome, TransactionId};

/// After so many tries of a charge without its payer that never reached the gateway it fails;
/// after so many tries of anything else people have to look.
const TRIES: u8 = 6;

/// What is to be done with a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Take it.
    Capture {
        /// How much, in minor units of the payment's currency.
        amount: i64,
    },
    /// Let it go.
    Void {
        /// The refund that gives the money back if it was taken all the same.
        refund: RefundId,
    },
}

/// What was told to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flight {
    /// To charge a kept card.
    Charge,
    /// To take what is reserved.
    Capture,
    /// To let go of it.
    Void,
    /// To give back.
    Refund(RefundId),
}

impl Flight {
    /// Its name in keys and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund(_) => "refund",
        }
    }
}

/// An operation that is with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// What.
    pub what: Flight,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What the payer had back before, in minor units: what the gateway says later tells by it
    /// whether a refund was done.
    pub refunded_before: i64,
}

/// What has to be done at the gateway now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Charge a kept card.
    Charge {
        /// Which.
        card: CardId,
    },
    /// Take what is reserved.
    Capture {
        /// The gateway's transaction.
        transaction: TransactionId,
        /// How much.
        amount: Money,
    },
    /// Let go of it.
    Void {
        /// The gateway's transaction.
        transaction: TransactionId,
    },
    /// Give back.
    Refund {
        /// The gateway's transaction.
        transaction: TransactionId,
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
    },
}

impl Operation {
    const fn flight(&self) -> Flight {
        match self {
            Self::Charge { .. } => Flight::Charge,
            Self::Capture { .. } => Flight::Capture,
            Self::Void { .. } => Flight::Void,
            Self::Refund { refund, .. } => Flight::Refund(*refund),
        }
    }
}

/// Why money goes back that nobody waited for any more.
pub(super) fn too_late() -> Reason {
    Reason::from_stored("The payment arrived after it was called off.".to_owned())
}

impl Payment {
    /// What is reserved is to be taken, all or a part.
    pub fn capture(&mut self, amount: Money) -> Result<(), BillingError> {
        self.require(Command::Capture)?;
        let asked = self.record.amount;
        if amount.currency() != asked.currency() || !(1..=asked.minor()).contains(&amount.minor()) {
            return Err(BillingError::AmountTooHigh { most: asked });
        }
        self.record.wanted = Some(Wanted::Capture { amount: amount.minor() });
        self.touch();
        Ok(())
    }

    /// What is reserved, or will be, is to be let go. Money that is taken all the same is given
    /// back by `refund`.
    pub fn void(&mut self, refund: RefundId) -> Result<(), BillingError> {
        self.require(Command::Void)?;
        self.record.wanted = Some(Wanted::Void { refund });
        self.touch();
        Ok(())
    }

    /// Money is to be given back: never more than is left.
    pub fn request_refund(
        &mut self,
        id: RefundId,
        amount: Money,
        reason: Reason,
        by: Option<AccountId>,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        self.require(Command::Refund)?;
        let most = self.refundable();
        if amount.currency() != most.currency() || !(1..=most.minor()).contains(&amount.minor()) {
            return Err(BillingError::AmountTooHigh { most });
        }
        self.queue_refund(id, amount.minor(), reason, by, now);
        self.touch();
        Ok(())
    }

    pub(super) fn queue_refund(
        &mut self,
        id: RefundId,
        amount: i64,
        reason: Reason,
        by: Option<AccountId>,
        at: DateTime<Utc>,
    ) {
        if amount > 0 && self.refund(id).is_none() {
            let state = RefundState::Requested;
            self.record.refunds.push(Refund { id, amount, reason, by, at, state });
        }
    }

    /// What has to be done at the gateway now; nothing while something is with it.
    pub fn next_operation(&self) -> Option<Operation> {
        if self.record.in_flight.is_some() {
            return None;
        }
        let currency = self.record.amount.currency();
        let transaction = self.record.transaction.clone();
        match (&self.record.stage, self.record.wanted, transaction) {
            // What nobody wants any more is not charged at all: see `begin`.
            (Stage::Created, None, _) => match self.record.initiator {
                Initiator::Engine { card } => Some(Operation::Charge { card }),
                Initiator::Payer | Initiator::Checkout { .. } | Initiator::Gateway => None,
            },
            (Stage::Authorized { .. }, Some(Wanted::Capture { amount }), Some(transaction)) => {
                Some(Operation::Capture { transaction, amount: Money::new(amount, currency) })
            }
            (Stage::Authorized { .. }, Some(Wanted::Void { .. }), Some(transaction)) => {
                Some(Operation::Void { transaction })
            }
            (Stage::Captured { .. }, _, Some(transaction)) => {
                let waits = |refund: &&Refund| refund.state == RefundState::Requested;
                self.record.refunds.iter().find(waits).map(|refund| Operation::Refund {
                    transaction,
                    refund: refund.id,
                    amount: Money::new(refund.amount, currency),
                })
            }
            (
                Stage::Created
                | Stage::RequiresAction
                | Stage::Processing { .. }
                | Stage::Failed { .. }
                | Stage::Authorized { .. }
                | Stage::Voided { .. }
                | Stage::Captured { .. },
                _,
                _,
            ) => None,
        }
    }

    /// When it has to be done: at once, or after the gateway was not reached a little later.
    pub fn operation_due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_operation().map(|_| self.record.retry_at.unwrap_or(now))
    }

    /// Takes the next operation on its way: stored before the gateway is called, so that a crash
    /// in between is noticed and asked for, never repeated blindly.
    pub fn begin(&mut self, now: DateTime<Utc>) -> Option<(Operation, OperationKey)> {
        let operation = self.next_operation()?;
        let what = operation.flight();
        let key = match what {
            Flight::Refund(id) => OperationKey::of_refund(self.record.id, id, self.record.attempt),
            Flight::Charge | Flight::Capture | Flight::Void => {
                OperationKey::of_payment(self.record.id, self.record.attempt, what.name())
            }
        };
        let refunded_before = self.record.sums.refunded;
        self.record.in_flight = Some(InFlight { what, since: now, refunded_before });
        self.record.inquiry = Inquiry::from(now);
        if let Flight::Refund(id) = what
            && let Some(refund) = self.refund_mut(id)
        {
            refund.state = RefundState::Sent;
        }
        self.touch();
        Some((operation, key))
    }

    /// Takes what a capture, a void or a refund was answered.
    pub fn operation_answered(
        &mut self,
        flight: Flight,
        outcome: &OperationOutcome,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        match outcome {
            OperationOutcome::Done(fact) => {
                let change = self.apply(fact)?;
                // The gateway said that it did it. What its fact does not show yet comes later.
                self.finish_refund(flight, change, now)
            }
            OperationOutcome::Pending => Ok(Change::default()),
            OperationOutcome::Declined(decline) => Ok(self.operation_refused(flight, decline, now)),
        }
    }

    fn finish_refund(
        &mut self,
        flight: Flight,
        change: Change,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        let (Flight::Refund(id), Some(in_flight)) = (flight, self.record.in_flight) else {
            return Ok(change);
        };
        if in_flight.what != flight {
            return Ok(change);
        }
        let amount = self.refund(id).map_or(0, |refund| refund.amount);
        let mut sums = self.record.sums;
        sums.refunded = sums.refunded.max(in_flight.refunded_before + amount).min(sums.captured);
        let at = self.captured_at().unwrap_or(now);
        Ok(change.and(self.advance(None, Stage::Captured { at }, sums)?))
    }

    fn operation_refused(
        &mut self,
        flight: Flight,
        decline: &Decline,
        now: DateTime<Utc>,
    ) -> Change {
        if self.record.in_flight.is_none_or(|known| known.what != flight) {
            return Change::default();
        }
        self.record.in_flight = None;
        self.record.attempt = self.record.attempt.saturating_add(1);
        self.touch();
        let Flight::Refund(id) = flight else {
            // A reservation that can neither be taken nor let go: people have to look.
            self.record.retry_at = Some(now + retry_after(self.record.tries));
            self.record.tries = self.record.tries.saturating_add(1);
            return self.concern(Concern::Stuck);
        };
        let (decline, left) = (decline.clone(), self.refundable_but_for(Some(id)).minor());
        if let Some(refund) = self.refund_mut(id) {
            if (1..refund.amount).contains(&left) {
                // The payer's bank was faster with a part of it. The rest still goes back.
                refund.amount = left;
                refund.state = RefundState::Requested;
                return Change::default();
            }
            refund.state = RefundState::Failed { at: now, decline };
        }
        let event = PaymentEvent::of(self, PaymentHappening::RefundFailed);
        Change { events: vec![event], entries: Vec::new() }
    }

    /// The gateway surely did nothing: the operation waits and is tried again under the same key.
    pub fn operation_not_done(
        &mut self,
        flight: Flight,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        if self.record.in_flight.is_none_or(|known| known.what != flight) {
            return Ok(Change::default());
        }
        self.record.in_flight = None;
        self.record.retry_at = Some(now + retry_after(self.record.tries));
        self.record.tries = self.record.tries.saturating_add(1);
        self.touch();
        if let Flight::Refund(id) = flight
            && let Some(refund) = self.refund_mut(id)
        {
            refund.state = RefundState::Requested;
        }
        if self.record.tries < TRIES {
            return Ok(Change::default());
        }
        if flight == Flight::Charge {
            return self.fail(Decline::soft("gateway_unavailable"), now);
        }
        Ok(self.concern(Concern::Stuck))
    }

    /// The payer comes back from the bank. Passes once, in time, with the right token, for the
    /// right transaction; everything else changes nothing and hears the same.
    pub fn continue_challenge(
        &mut self,
        token: &ReturnToken,
        transaction: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<TransactionId, BillingError> {
        let refused = || BillingError::ReturnRefused;
        let known = self.record.transaction.clone().ok_or_else(refused)?;
        if !self.may(Command::Continue) || transaction.is_some_and(|given| given != known.as_str())
        {
            return Err(refused());
        }
        let way = self.record.challenge.as_mut().ok_or_else(refused)?;
        if !way.admits(token, now) {
            return Err(refused());
        }
        way.used_at = Some(now);
        self.record.inquiry = Inquiry::from(now);
        self.touch();
        Ok(known)
    }

    /// A new way back in place of the one before, for a payer who lost theirs.
    pub fn renew_challenge(
        &mut self,
        token: &ReturnToken,
        now: DateTime<Utc>,
    ) -> Result<(), BillingError> {
        self.require(Command::Continue)?;
        let kind = self.record.challenge.take().and_then(|way| way.kind);
        self.record.challenge =
            Some(super::Challenge { kind, ..super::Challenge::new(token, now) });
        self.touch();
        Ok(())
    }

    pub(super) fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.record.refunds.iter().find(|refund| refund.id == id)
    }

    pub(super) fn refund_mut(&mut self, id: RefundId) -> Option<&mut Refund> {
        self.record.refunds.iter_mut().find(|refund| refund.id == id)
    }

    /// When the money was taken, if it was.
    pub const fn captured_at(&self) -> Option<DateTime<Utc>> {
        match self.record.stage {
            Stage::Captured { at } => Some(at),
            Stage::Created
            | Stage::RequiresAction
            | Stage::Processing { .. }
            | Stage::Failed { .. }
            | Stage::Authorized { .. }
            | Stage::Voided { .. } => None,
        }
    }
}
