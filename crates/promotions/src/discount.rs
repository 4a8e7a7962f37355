use kernel::{Money, MoneyError};

use crate::CouponRefusal;

/// What a coupon takes off a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Discount {
    /// So many hundredths of it, 1 to 100; parts of a minor unit are not taken off.
    Percent(u8),
    /// So much of it, but never more than it is: more than nothing, in one currency.
    Amount(Money),
}

impl Discount {
    /// A share of the price.
    ///
    /// # Errors
    ///
    /// A sentence if it is not 1 to 100.
    pub fn percent(given: i64) -> Result<Self, String> {
        u8::try_from(given)
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .map(Self::Percent)
            .ok_or_else(|| format!("must be 1 to 100, not {given}"))
    }

    /// A fixed amount.
    ///
    /// # Errors
    ///
    /// A sentence if it is nothing, negative, or more than any price.
    pub fn amount(given: Money) -> Result<Self, String> {
        if given.minor() > 0 && given.is_price() {
            Ok(Self::Amount(given))
        } else {
            Err(format!("must be 1 to {}, not {}", Money::MAX_PRICE, given.minor()))
        }
    }

    /// Its kind on the wire and in the database.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Percent(_) => "percent",
            Self::Amount(_) => "amount",
        }
    }

    /// Takes it off a price.
    ///
    /// # Errors
    ///
    /// [`CouponRefusal::OtherCurrency`] if it is an amount in another currency.
    pub fn take_off(self, price: Money) -> Result<Discounted, CouponRefusal> {
        let most = price.minor().max(0);
        let discount = match self {
            Self::Percent(percent) => {
                let share = i128::from(most) * i128::from(percent) / 100;
                i64::try_from(share).unwrap_or(most)
            }
            Self::Amount(amount) if amount.currency() == price.currency() => amount.minor().max(0),
            Self::Amount(amount) => {
                return Err(CouponRefusal::OtherCurrency { currency: amount.currency() });
            }
        };
        Ok(Discounted { price, discount: Money::new(discount.min(most), price.currency()) })
    }
}

/// A price with something taken off. What is taken off is never negative and never more than the
/// price, and together with what is left it is the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Discounted {
    price: Money,
    discount: Money,
}

impl Discounted {
    /// The price before.
    pub const fn price(self) -> Money {
        self.price
    }

    /// What is taken off.
    pub const fn discount(self) -> Money {
        self.discount
    }

    /// What is left to pay.
    pub fn to_pay(self) -> Money {
        Money::new(self.price.minor() - self.discount.minor(), self.price.currency())
    }
}

/// Divides a discount over the lines of what it was granted for, by their prices: in whole minor
/// units, for none more than its price, together exactly the discount. What rounding leaves over
/// goes to the lines that lost most by it, the first first.
///
/// # Errors
///
/// [`MoneyError`] if the lines are not of the currency of the discount, one of them is negative,
/// or together they are less than the discount.
pub fn divide(discount: Money, lines: &[Money]) -> Result<Vec<Money>, MoneyError> {
    let currency = discount.currency();
    let mut whole: i128 = 0;
    for line in lines {
        if line.currency() != currency {
            return Err(MoneyError::CurrencyMismatch { left: currency, right: line.currency() });
        }
        if line.minor() < 0 {
            return Err(MoneyError::Overflow);
        }
        whole += i128::from(line.minor());
    }
    let wanted = i128::from(discount.minor());
    if !(0..=whole).contains(&wanted) {
        return Err(MoneyError::Overflow);
    }
    // Each line's share, and what was cut off of it.
    let mut shares: Vec<(i128, i128)> = lines
        .iter()
        .map(|line| {
            let weighted = i128::from(line.minor()) * wanted;
            (weighted.checked_div(whole).unwrap_or(0), weighted.checked_rem(whole).unwrap_or(0))
        })
        .collect();
    let mut left = wanted - shares.iter().map(|(share, _)| share).sum::<i128>();
    let mut by_loss: Vec<usize> = (0..shares.len()).collect();
    by_loss.sort_by_key(|i| std::cmp::Reverse(shares[*i].1));
    for i in by_loss {
        if left == 0 {
            break;
        }
        // Less is left than lines that lost something, and who lost something is below its price.
        shares[i].0 += 1;
        left -= 1;
    }
    shares
        .into_iter()
        .map(|(share, _)| i64::try_from(share).map(|minor| Money::new(minor, currency)))
        .collect::<Result<_, _>>()
        .map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use kernel::Currency;
    use proptest::prelude::*;

    use super::*;

    fn euros(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn any_discount() -> impl Strategy<Value = Discount> {
        prop_oneof![
            (1u8..=100).prop_map(Discount::Percent),
            (1..=Money::MAX_PRICE).prop_map(|minor| Discount::Amount(euros(minor))),
        ]
    }

    proptest! {
        #[test]
        fn a_discount_is_never_negative_and_never_above_the_price(
            discount in any_discount(), price in 0..=Money::MAX_PRICE,
        ) {
            let done = discount.take_off(euros(price)).unwrap();

            prop_assert!((0..=price).contains(&done.discount().minor()));
            prop_assert!((0..=price).contains(&done.to_pay().minor()));
            prop_assert_eq!(done.discount().checked_add(done.to_pay()).unwrap(), euros(price));
            prop_assert_eq!(done.price(), euros(price));
        }

        #[test]
        fn a_dearer_thing_is_never_discounted_less(
            discount in any_discount(), price in 0..=Money::MAX_PRICE / 2, more in 0..=Money::MAX_PRICE / 2,
        ) {
            let off = |price| discount.take_off(euros(price)).unwrap();

            prop_assert!(off(price).discount().minor() <= off(price + more).discount().minor());
            prop_assert!(off(price).to_pay().minor() <= off(price + more).to_pay().minor());
        }

        #[test]
        fn parts_of_a_discount_add_up_to_it(
            lines in prop::collection::vec(0..=Money::MAX_PRICE, 0..20), part in 0u32..=10_000,
        ) {
            let whole: i64 = lines.iter().sum();
            let discount = euros(whole).share(part).unwrap();
            let lines: Vec<_> = lines.into_iter().map(euros).collect();

            let parts = divide(discount, &lines).unwrap();

            prop_assert_eq!(parts.len(), lines.len());
            prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i64>(), discount.minor());
            for (part, line) in parts.iter().zip(&lines) {
                prop_assert!((0..=line.minor()).contains(&part.minor()), "{part} of {line}");
            }
        }

        #[test]
        fn no_amount_makes_the_arithmetic_panic(
            price in any::<i64>(), amount in any::<i64>(), percent in any::<u8>(),
            lines in prop::collection::vec(any::<i64>(), 0..5),
        ) {
            for discount in [Discount::Percent(percent), Discount::Amount(euros(amount))] {
                let done = discount.take_off(euros(price)).unwrap();
                prop_assert!(done.discount().minor() >= 0);
                prop_assert!(done.to_pay().minor() <= price);
            }
            let lines: Vec<_> = lines.into_iter().map(euros).collect();
            let _ = divide(euros(amount), &lines);
        }
    }

    #[test]
    fn discounts_read_as_people_expect() {
        let off = |discount: Discount, price| {
            let done = discount.take_off(euros(price)).unwrap();
            (done.discount().minor(), done.to_pay().minor())
        };

        assert_eq!(off(Discount::Percent(15), 1_999), (299, 1_700));
        assert_eq!(off(Discount::Percent(100), 1_999), (1_999, 0));
        assert_eq!(off(Discount::Amount(euros(500)), 1_999), (500, 1_499));
        assert_eq!(off(Discount::Amount(euros(5_000)), 1_999), (1_999, 0));
        let parts = divide(euros(100), &[euros(333), euros(333), euros(334)]).unwrap();
        assert_eq!(parts.iter().map(|part| part.minor()).collect::<Vec<_>>(), [33, 33, 34]);
    }

    #[test]
    fn an_amount_is_of_one_currency() {
        let dollars = Discount::Amount(Money::new(500, Currency::USD));

        let refused = dollars.take_off(euros(1_999)).unwrap_err();

        assert_eq!(refused, CouponRefusal::OtherCurrency { currency: Currency::USD });
        assert!(divide(euros(1), &[Money::new(5, Currency::USD)]).is_err());
        assert!(divide(euros(2), &[euros(1)]).is_err());
    }
}
