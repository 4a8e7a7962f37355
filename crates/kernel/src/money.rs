use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A currency of ISO 4217.
///
/// Whoever names one ([`FromStr`]) has to name one that is paid in: the standard also has codes for
/// precious metals, units of account, funds, tests and no currency at all. What was stored under one
/// of those stays readable ([`Currency::from_stored`], and by `serde`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The euro, which tests and examples pay in.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    /// The dollar of the United States.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// The three capital letters of ISO 4217.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The currency of a code that was valid when it was stored.
    ///
    /// # Errors
    ///
    /// [`MoneyError::UnknownCurrency`] if the standard does not have the code.
    pub fn from_stored(code: &str) -> Result<Self, MoneyError> {
        let known = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
        known
            .then(|| iso_currency::Currency::from_code(code))
            .flatten()
            .map(Self)
            .ok_or_else(|| MoneyError::UnknownCurrency { code: code.chars().take(16).collect() })
    }

    /// Whether people pay in it: not in gold, in units of account, in nothing.
    pub fn is_paid_in(self) -> bool {
        !self.0.has_flag(iso_currency::Flag::Special) && !self.0.has_flag(iso_currency::Flag::Fund)
    }

    /// Digits after the decimal point: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u16 {
        self.0.exponent().unwrap_or(0)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let currency = Self::from_stored(code)?;
        if currency.is_paid_in() {
            Ok(currency)
        } else {
            Err(MoneyError::UnknownCurrency { code: code.to_owned() })
        }
    }
}

/// An amount in the minor unit of its currency: 1999 EUR is 19.99 €. May be negative, as a
/// difference is; what must not be negative says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Amounts of two currencies met.
    #[error("cannot combine {left} with {right}")]
    CurrencyMismatch {
        /// The currency on the left.
        left: Currency,
        /// The currency on the right.
        right: Currency,
    },
    /// The result does not fit into 64 bits.
    #[error("the amount is out of range")]
    Overflow,
    /// No such ISO 4217 code, or none that is paid in.
    #[error("`{code}` is not the ISO 4217 code of a currency to pay in, in capital letters")]
    UnknownCurrency {
        /// What was given.
        code: String,
    },
}

/// A share in ten-thousandths: 250 basis points are 2.5 %.
const BASIS: i128 = 10_000;

impl Money {
    /// The largest amount a price may have: far above any price, far below an overflow.
    pub const MAX_PRICE: i64 = 1_000_000_000_000;

    /// So many minor units of a currency.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this may be asked as a price: 0 to [`Self::MAX_PRICE`].
    pub const fn is_price(self) -> bool {
        self.minor >= 0 && self.minor <= Self::MAX_PRICE
    }

    /// The sum.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The difference.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount so many times.
    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(times).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// A share of the amount in basis points, rounded towards zero, so that a share and its rest
    /// always add up to the whole.
    pub fn share(self, basis_points: u32) -> Result<Self, MoneyError> {
        let minor = i128::from(self.minor) * i128::from(basis_points) / BASIS;
        let minor = i64::try_from(minor).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
        }
    }
}

impl fmt::Display for Money {
    /// `19.99 EUR`, with as many decimals as the currency has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let point = if exponent == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_reads_as_people_write_it() {
        let shown = |minor, code: &str| Money::new(minor, code.parse().unwrap()).to_string();

        assert_eq!(shown(1999, "EUR"), "19.99 EUR");
        assert_eq!(shown(-5, "EUR"), "-0.05 EUR");
        assert_eq!(shown(1200, "JPY"), "1200 JPY");
        assert_eq!(shown(1, "KWD"), "0.001 KWD");
    }

    #[test]
    fn only_iso_4217_is_a_currency() {
        for code in ["", "eur", "EU", "EURO", "ZZZ", "E\0R"] {
            assert!(code.parse::<Currency>().is_err(), "{code:?}");
        }
    }

    #[test]
    fn what_nobody_pays_in_is_no_currency_to_name_but_stays_readable() {
        let nothing = ["XXX", "XTS"];
        let metals = ["XAU", "XAG", "XPT", "XPD"];
        let units = ["XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD"];
        let funds = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"];
        for code in nothing.into_iter().chain(metals).chain(units).chain(funds) {
            assert!(code.parse::<Currency>().is_err(), "{code}");
            assert_eq!(Currency::from_stored(code).unwrap().code(), code);
        }
        for code in ["EUR", "CHF", "JPY", "KWD", "XAF", "XOF", "XPF", "XCD", "XCG"] {
            assert!(code.parse::<Currency>().is_ok(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn a_share_and_its_rest_are_the_whole(minor in any::<i64>(), points in 0u32..=10_000) {
            let whole = Money::new(minor, Currency::EUR);

            let share = whole.share(points).unwrap();
            let rest = whole.checked_sub(share).unwrap();

            prop_assert_eq!(share.checked_add(rest).unwrap(), whole);
            prop_assert!(share.minor().unsigned_abs() <= minor.unsigned_abs());
        }

        #[test]
        fn arithmetic_refuses_instead_of_panicking(a in any::<i64>(), b in any::<i64>()) {
            let (x, y) = (Money::new(a, Currency::EUR), Money::new(b, Currency::EUR));

            prop_assert_eq!(x.checked_add(y).ok().map(Money::minor), a.checked_add(b));
            prop_assert_eq!(x.checked_sub(y).ok().map(Money::minor), a.checked_sub(b));
            prop_assert_eq!(x.checked_mul(b).ok().map(Money::minor), a.checked_mul(b));
            prop_assert!(x.checked_add(Money::new(b, Currency::USD)).is_err());
        }
    }
}
