use kernel::{Currency, Money};
use serde::Deserialize;

/// The least that is paid out in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinimumPayout {
    /// In minor units.
    pub amount: u32,
    /// In which currency.
    pub currency: Currency,
}

/// When a provider gets its money, and how much of it at once: the marketplace's terms, or those
/// that an admin set for one provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PayoutTerms {
    /// Days from the delivery until the money is the provider's.
    pub hold_days: u16,
    /// What is kept back of it then, in ten-thousandths; at most 10000.
    pub reserve_basis_points: u32,
    /// For how many days.
    pub reserve_days: u16,
    /// The least that is paid out, by currency; 10.00 where nothing is said.
    pub minimum: Vec<MinimumPayout>,
    /// From which amount an admin has to approve a payout, by currency; never where nothing is
    /// said.
    pub approval_from: Vec<MinimumPayout>,
    /// Whether nothing is paid out to this provider for now.
    pub stopped: bool,
}

impl Default for PayoutTerms {
    fn default() -> Self {
        Self {
            hold_days: 7,
            reserve_basis_points: 0,
            reserve_days: 0,
            minimum: Vec::new(),
            approval_from: Vec::new(),
            stopped: false,
        }
    }
}

impl PayoutTerms {
    /// The least that is paid out in a currency.
    pub fn minimum_in(&self, currency: Currency) -> Money {
        let said = self.minimum.iter().find(|minimum| minimum.currency == currency);
        let ten = 10 * 10_i64.pow(u32::from(currency.exponent()));
        Money::new(said.map_or(ten, |minimum| i64::from(minimum.amount)), currency)
    }

    /// Whether an admin has to approve a payout of this amount.
    pub fn needs_approval(&self, amount: Money) -> bool {
        self.approval_from.iter().any(|from| {
            from.currency == amount.currency() && amount.minor() >= i64::from(from.amount)
        })
    }
}
