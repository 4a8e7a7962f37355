//! From one plan to another.

use chrono::{DateTime, Utc};
use kernel::Money;

use super::{
    ChargeKind, Subscription, SubscriptionEvent, SubscriptionHappening, SubscriptionState,
};
use crate::{BillingError, Period, PlanTerms};

/// How a change of plan happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanChange {
    /// At once, when the difference for the rest of the period is paid.
    Upgrade {
        /// The difference.
        difference: Money,
    },
    /// At the end of the period.
    AtPeriodEnd,
}

/// What a change of plan brought about: what is told, and what is to be paid before it holds.
pub type Changed = (Vec<SubscriptionEvent>, Option<(ChargeKind, Money)>);

/// How a change from one plan to another happens within a paid period. With the same interval the
/// dearer plan is an upgrade, and costs what its price for the rest of the period exceeds what is
/// left of the old one. With another interval a new period begins at once if its price exceeds
/// what is left. Everything else waits for the end of the period: nothing is ever given back.
pub fn classify(
    current: &PlanTerms,
    next: &PlanTerms,
    period: &Period,
    now: DateTime<Utc>,
) -> Result<PlanChange, BillingError> {
    if current.price.currency() != next.price.currency() {
        return Err(BillingError::PlanMismatch);
    }
    let unused = period.unused(current.price.minor(), now);
    let cost = if current.interval == next.interval {
        period.unused(next.price.minor(), now)
    } else {
        next.price.minor()
    };
    let difference = Money::new(cost - unused, next.price.currency());
    let dearer = current.interval != next.interval || next.price.minor() > current.price.minor();
    Ok(if dearer && difference.minor() > 0 {
        PlanChange::Upgrade { difference }
    } else {
        PlanChange::AtPeriodEnd
    })
}

impl Subscription {
    /// Asks for another plan of the same right. On trial it holds at once, as nothing is paid;
    /// a cheaper one waits for the period's end; a dearer one answers what is to be paid first.
    pub fn change_plan(
        &mut self,
        next: PlanTerms,
        now: DateTime<Utc>,
    ) -> Result<Changed, BillingError> {
        let current = &self.record.terms;
        if next.right != current.right
            || next.seller != current.seller
            || next.price.currency() != current.price.currency()
        {
            return Err(BillingError::PlanMismatch);
        }
        if self.record.pending.is_some() {
            return Err(BillingError::ChargePending);
        }
        if next.plan == current.plan {
            // Back to what holds: whatever was to come is called off.
            let waited = self.record.next_terms.take().is_some();
            self.touch();
            let happening = waited.then_some(SubscriptionHappening::Changed);
            let events = happening.map(|it| SubscriptionEvent::of(self, it));
            return Ok((events.into_iter().collect(), None));
        }
        match &self.record.state {
            SubscriptionState::Trialing { .. } => {
                self.record.terms = next;
                self.record.next_terms = None;
            }
            SubscriptionState::Active { period, .. } => {
                match classify(current, &next, period, now)? {
                    PlanChange::Upgrade { difference } => {
                        return Ok((
                            Vec::new(),
                            Some((ChargeKind::Upgrade(Box::new(next)), difference)),
                        ));
                    }
                    PlanChange::AtPeriodEnd => self.record.next_terms = Some(next),
                }
            }
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::PastDue { .. }
            | SubscriptionState::Suspended { .. }
            | SubscriptionState::Canceled { .. }
            | SubscriptionState::Expired { .. } => {
                return Err(BillingError::NotAllowed {
                    object: self.record.id.to_string(),
                    command: "change",
                    status: self.record.state.name(),
                    allowed: self.allowed(now),
                });
            }
        }
        self.touch();
        Ok((vec![SubscriptionEvent::of(self, SubscriptionHappening::Changed)], None))
    }
}
