//! What holds whatever is bought, in whatever order it is paid.

use chrono::TimeDelta;
use kernel::{PaymentId, PromotionId};
use promotions::testing::{a_promotion, an_id, euros};
use promotions::{
    Bought, Capture, Effect, Flags, PaidPeriod, PaymentReaction, Period, Policy, Promotion,
    PromotionRecord, Status, Term,
};
use proptest::prelude::*;

use crate::lifecycle::NOW;

fn any_term() -> impl Strategy<Value = Term> {
    prop::sample::select(Term::ALL.to_vec())
}

/// A purchase: its term, its wanted start in hours from now if any, and when it is paid.
fn purchases() -> impl Strategy<Value = Vec<(Term, Option<i64>, i64)>> {
    let one = (any_term(), prop::option::of(0i64..2_000), 0i64..1_500);
    prop::collection::vec(one, 1..8)
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

proptest! {
    #[test]
    fn nobody_pays_twice_for_a_moment_and_everybody_gets_what_they_paid_for(
        mut bought in purchases(),
    ) {
        bought.sort_by_key(|(_, _, paid_at)| *paid_at);
        let mut paid: Vec<Promotion> = Vec::new();
        for (n, (term, wanted, paid_at)) in bought.into_iter().enumerate() {
            let record = a_promotion(NOW);
            let mut promotion = Promotion::restore(PromotionRecord {
                id: PromotionId::from_uuid(an_id(500 + number(n))),
                wanted_start: wanted.map(|hours| NOW + TimeDelta::hours(hours)),
                bought: Bought { term, ..record.bought.clone() },
                ..record
            });
            let now = NOW + TimeDelta::hours(paid_at);
            let taken: Vec<Period> = paid.iter().filter_map(Promotion::period).collect();
            let payment = PaymentId::from_uuid(an_id(900 + number(n)));
            let capture = Capture { payment, amount: euros(1_000), returned: euros(0) };

            let reaction = promotion.captured(capture, &taken, now).unwrap();

            prop_assert!(matches!(reaction, PaymentReaction::Moved(_)));
            let again = promotion.captured(capture, &taken, now).unwrap();
            prop_assert_eq!(again, PaymentReaction::Nothing);
            let period = promotion.period().unwrap();
            prop_assert_eq!(period.length(), term.length());
            prop_assert!(period.start() >= now);
            prop_assert!(taken.iter().all(|other| !other.overlaps(period)));
            paid.push(promotion);
        }
    }

    #[test]
    fn a_flag_stands_exactly_while_a_promotion_is_active(
        starts in prop::collection::vec((0i64..100, 1i64..40, 0usize..3), 0..8), hour in 0i64..160,
    ) {
        let at = |hours: i64| NOW + TimeDelta::hours(hours);
        let periods: Vec<_> = starts
            .iter()
            .map(|(start, length, effect)| PaidPeriod {
                effect: Effect::ALL[*effect],
                period: Period::new(at(*start), at(start + length)).unwrap(),
            })
            .collect();

        let flags = Flags::at(&periods, at(hour));

        let has = |effect: usize| {
            starts.iter().any(|(start, length, e)| *e == effect && (*start..start + length).contains(&hour))
        };
        let expected = Flags { is_top: has(0), is_detailed: has(1), is_pro: has(2) };
        prop_assert_eq!(flags, expected);
    }

    #[test]
    fn a_status_follows_from_the_period_and_the_clock(hour in -50i64..300) {
        let record = promotions::testing::a_paid_promotion(NOW, NOW + TimeDelta::hours(24));
        let promotion = Promotion::restore(record);
        let now = NOW + TimeDelta::hours(hour);

        let expected = match hour {
            ..24 => Status::Scheduled,
            24..192 => Status::Active,
            _ => Status::Expired,
        };
        prop_assert_eq!(promotion.status(now), expected);
        let flags = Flags::at(&[promotion.paid_period().unwrap()], now);
        prop_assert_eq!(flags.is_top, expected == Status::Active);
    }

    #[test]
    fn a_refund_is_never_more_than_was_paid(
        minutes in 0i64..20_000, percent in any::<u8>(), returned in 0i64..2_000,
    ) {
        let policy = Policy { refund_percent: percent, ..Policy::default() };
        let mut promotion =
            Promotion::restore(promotions::testing::a_paid_promotion(NOW, NOW + TimeDelta::days(1)));
        let payment = promotions::testing::payment();
        promotion.payment_returned(payment, euros(returned), false, false, NOW).unwrap();

        let refund = promotion.refund_now(&policy, NOW + TimeDelta::minutes(minutes)).unwrap();

        prop_assert!((0..=1_000).contains(&refund.minor()));
        prop_assert!(refund.minor() + returned <= 1_000.max(returned));
    }
}
