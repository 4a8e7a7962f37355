//! The way of a provider's part to the provider.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Money;

use super::{Change, Command, Holding, Payment, PaymentEvent, PaymentHappening, Reserve};
use crate::ledger::{reserve_hold, reserve_release};
use crate::share::basis_points;
use crate::{BillingError, PayoutTerms};

impl Payment {
    /// What was sold is delivered: the holding time begins. A frozen payment keeps its time for
    /// when the dispute is over.
    pub fn release(
        &mut self,
        delivered_at: DateTime<Utc>,
        terms: &PayoutTerms,
    ) -> Result<(), BillingError> {
        self.require(Command::Release)?;
        let due = delivered_at + TimeDelta::days(i64::from(terms.hold_days));
        self.record.holding = match self.record.holding {
            Holding::Frozen { .. } => Holding::Frozen { due: Some(due) },
            Holding::Nothing
            | Holding::Held
            | Holding::Releasing { .. }
            | Holding::Released { .. } => Holding::Releasing { due },
        };
        self.touch();
        Ok(())
    }

    /// A dispute: the provider gets nothing for now.
    pub fn freeze(&mut self) -> Result<(), BillingError> {
        self.require(Command::Freeze)?;
        let due = match self.record.holding {
            Holding::Releasing { due } => Some(due),
            Holding::Nothing
            | Holding::Held
            | Holding::Frozen { .. }
            | Holding::Released { .. } => None,
        };
        self.record.holding = Holding::Frozen { due };
        self.touch();
        Ok(())
    }

    /// The dispute is over.
    pub fn unfreeze(&mut self) -> Result<(), BillingError> {
        self.require(Command::Unfreeze)?;
        self.record.holding = match self.record.holding {
            Holding::Frozen { due: Some(due) } => Holding::Releasing { due },
            Holding::Nothing
            | Holding::Held
            | Holding::Releasing { .. }
            | Holding::Frozen { due: None }
            | Holding::Released { .. } => Holding::Held,
        };
        self.touch();
        Ok(())
    }

    /// When its release is due, if the time runs and there is money.
    pub const fn release_due(&self) -> Option<DateTime<Utc>> {
        match self.record.holding {
            Holding::Releasing { due } if self.record.sums.captured > 0 => Some(due),
            Holding::Nothing
            | Holding::Held
            | Holding::Releasing { .. }
            | Holding::Frozen { .. }
            | Holding::Released { .. } => None,
        }
    }

    /// Gives the provider its part if the holding time is over, less what is kept back by its
    /// terms. Too early, twice or for nothing changes nothing.
    pub fn mature(
        &mut self,
        now: DateTime<Utc>,
        terms: &PayoutTerms,
    ) -> Result<Change, BillingError> {
        if self.release_due().is_none_or(|due| now < due) {
            return Ok(Change::default());
        }
        let accounts = self.sale_accounts();
        let left = accounts.releasable(self.record.sums);
        let mut entries = Vec::from_iter(accounts.release(self.record.sums)?);
        self.record.holding = Holding::Released { at: now };
        let kept = basis_points(left.minor().max(0), terms.reserve_basis_points);
        if let Some(provider) = self.record.seller.provider()
            && kept > 0
            && terms.reserve_days > 0
        {
            let amount = Money::new(kept, left.currency());
            entries.extend(reserve_hold(self.record.id, provider, amount)?);
            let until = now + TimeDelta::days(i64::from(terms.reserve_days));
            self.record.reserve = Some(Reserve { amount: kept, until, released_at: None });
        }
        self.touch();
        let event = PaymentEvent::of(self, PaymentHappening::Released);
        Ok(Change { events: vec![event], entries })
    }

    /// When what is kept back is due, if something is.
    pub fn reserve_due(&self) -> Option<DateTime<Utc>> {
        self.record.reserve.filter(|kept| kept.released_at.is_none()).map(|kept| kept.until)
    }

    /// Gives the provider what was kept back, at most what is left of all that is kept back of
    /// theirs (`reserved`): the rest has covered what they owed.
    pub fn release_reserve(
        &mut self,
        reserved: Money,
        now: DateTime<Utc>,
    ) -> Result<Change, BillingError> {
        if self.reserve_due().is_none_or(|due| now < due) {
            return Ok(Change::default());
        }
        let (Some(kept), Some(provider)) =
            (self.record.reserve.as_mut(), self.record.seller.provider())
        else {
            return Ok(Change::default());
        };
        kept.released_at = Some(now);
        let amount = Money::new(kept.amount.min(reserved.minor()).max(0), reserved.currency());
        let entries = Vec::from_iter(reserve_release(self.record.id, provider, amount)?);
        self.touch();
        Ok(Change { events: Vec::new(), entries })
    }
}
