use catalog::GivenMoney;
use kernel::{Currency, FieldErrors, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount of money.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoneyView {
    /// In the minor unit of the currency: 1999 is 19.99 €.
    #[schema(example = 1999)]
    amount: i64,
    /// The code of ISO 4217.
    #[schema(example = "EUR", min_length = 3, max_length = 3)]
    currency: String,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount: money.minor(), currency: money.currency().code().to_owned() }
    }
}

impl MoneyView {
    /// The number of minor units, not yet checked.
    pub(crate) const fn minor(&self) -> i64 {
        self.amount
    }

    /// The code of the currency, not yet checked.
    pub(crate) fn currency(&self) -> &str {
        &self.currency
    }

    /// The amount, if the currency is one; else notes the field.
    pub(crate) fn read(&self, errors: &mut FieldErrors, pointer: &str) -> Option<Money> {
        let currency = self.currency.parse::<Currency>();
        let pointer = format!("{pointer}/currency");
        errors
            .check(&pointer, "unknown_currency", currency)
            .map(|currency| Money::new(self.amount, currency))
    }
}

impl From<MoneyView> for GivenMoney {
    fn from(money: MoneyView) -> Self {
        let MoneyView { amount, currency } = money;
        Self { amount, currency }
    }
}
