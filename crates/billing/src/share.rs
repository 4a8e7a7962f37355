//! Parts of amounts that always add up to the whole, to the minor unit.

/// `part × of ÷ whole`, rounded towards zero; nothing of nothing. With `0 ≤ of ≤ whole` it never
/// falls when `of` grows and never grows faster than `of × part ÷ whole` does, so that
/// differences of it, however often taken, add up to `part`.
pub(crate) fn proportion(part: i64, of: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let of = of.clamp(0, whole);
    let share = i128::from(part) * i128::from(of) / i128::from(whole);
    i64::try_from(share).expect("a share is not larger than the whole")
}

/// A whole is so many basis points.
pub(crate) const BASIS: i64 = 10_000;

/// So many basis points of an amount that is not negative, rounded towards zero and never more
/// than [`i64::MAX`].
pub(crate) fn basis_points(amount: i64, points: u32) -> i64 {
    let share = i128::from(amount) * i128::from(points) / i128::from(BASIS);
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// What an amount with tax on top holds without the tax: the smallest net that the rate takes to
/// no more than `gross`, from below.
pub(crate) fn net_of(gross: i64, tax_basis_points: u32) -> i64 {
    proportion(gross, BASIS, BASIS + i64::from(tax_basis_points))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_taken_in_any_steps_add_up(
            part in 0i64..1_000_000_000_000,
            whole in 1i64..1_000_000_000_000,
            steps in prop::collection::vec(0i64..1_000_000_000_000, 0..20),
        ) {
            let mut steps: Vec<i64> = steps.into_iter().map(|step| step % (whole + 1)).collect();
            steps.push(whole);
            steps.sort_unstable();

            let mut before = 0;
            let mut sum = 0;
            for step in steps {
                let share = proportion(part, step, whole) - proportion(part, before, whole);
                prop_assert!(share >= 0);
                sum += share;
                before = step;
            }
            prop_assert_eq!(sum, part);
        }

        #[test]
        fn net_and_tax_are_the_gross(gross in 0i64..1_000_000_000_000, rate in 0u32..10_000) {
            let net = net_of(gross, rate);
            prop_assert!((0..=gross).contains(&net));
        }
    }
}
