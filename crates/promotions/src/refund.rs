//! What goes back to whoever bought a promotion that is given up.

use chrono::{DateTime, Utc};
use kernel::Money;

use crate::{Policy, Promotion, PromotionError, Stage, Status};

/// How much an admin gives back who cancels a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RefundChoice {
    /// The price of the time that is left.
    #[default]
    Unused,
    /// All that was paid.
    Everything,
    /// Nothing.
    Nothing,
}

impl RefundChoice {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 3] = [Self::Unused, Self::Everything, Self::Nothing];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Everything => "everything",
            Self::Nothing => "nothing",
        }
    }
}

impl std::str::FromStr for RefundChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        crate::product::named(&Self::ALL, Self::name, name)
    }
}

impl Promotion {
    /// What its owner gets back who cancels it now: everything before the start, then the part of
    /// what is unused that the marketplace gives back; never more than was paid and is not back
    /// already.
    pub fn refund_now(&self, policy: &Policy, now: DateTime<Utc>) -> Result<Money, PromotionError> {
        let unused = self.unused(now)?;
        match self.status(now) {
            Status::Active => {
                unused.share(policy.refund_basis_points()).map_err(|_| PromotionError::OutOfRange)
            }
            Status::PendingPayment | Status::Scheduled | Status::Expired | Status::Cancelled => {
                Ok(unused)
            }
        }
    }

    /// The price of the time that is left, as far as it was paid and is not back already.
    pub(crate) fn unused(&self, now: DateTime<Utc>) -> Result<Money, PromotionError> {
        match self.stage() {
            Stage::Paid { period, .. } => {
                let share = period.unused_share(self.to_pay(), now);
                let share = share.map_err(|_| PromotionError::OutOfRange)?;
                let most = self.refundable()?;
                Ok(if share.minor() < most.minor() { share } else { most })
            }
            Stage::PendingPayment { .. } | Stage::Cancelled { .. } => Ok(self.nothing()),
        }
    }

    /// What was paid and is not back already.
    pub(crate) fn refundable(&self) -> Result<Money, PromotionError> {
        match self.stage() {
            Stage::Paid { receipt: Some(receipt), .. } => {
                let left = self.to_pay().checked_sub(receipt.returned);
                let left = left.map_err(|_| PromotionError::OutOfRange)?;
                Ok(Money::new(left.minor().max(0), left.currency()))
            }
            Stage::PendingPayment { .. }
            | Stage::Paid { receipt: None, .. }
            | Stage::Cancelled { .. } => Ok(self.nothing()),
        }
    }
}
