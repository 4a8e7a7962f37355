use chrono::TimeDelta;
use serde::Deserialize;

/// What differs between marketplaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Minutes to pay for a promotion.
    pub payment_minutes: u32,
    /// Percent of the price of the unused time that a provider gets back who cancels an active
    /// promotion, 0 to 100; more counts as 100. Before the start they get everything back.
    pub refund_percent: u8,
    /// How many promotions of one provider may wait for their payment at a time.
    pub unpaid_at_most: u8,
}

impl Default for Policy {
    fn default() -> Self {
        Self { payment_minutes: 60, refund_percent: 100, unpaid_at_most: 10 }
    }
}

impl Policy {
    pub(crate) fn payment(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.payment_minutes))
    }

    pub(crate) fn refund_basis_points(&self) -> u32 {
        u32::from(self.refund_percent.min(100)) * 100
    }
}
