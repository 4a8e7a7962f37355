//! Periods are anchored, and what is charged for their parts adds up.

use billing::testing::{a_plan, euros, plan_details};
use billing::{Dunning, DunningError, Interval, IntervalUnit, Period, PlanChange, classify};
use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use proptest::prelude::*;

use crate::world::NOW;

fn day(text: &str) -> DateTime<Utc> {
    format!("{text}T10:00:00Z").parse().unwrap()
}

#[test]
fn the_last_day_of_january_comes_back_after_february() {
    let mut period = Period::first(day("2026-01-31"), Interval::MONTHLY);
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(period.start.format("%m-%d").to_string());
        period = period.next(Interval::MONTHLY);
    }
    assert_eq!(starts, ["01-31", "02-28", "03-31", "04-30", "05-31"]);

    let leap = Period::first(day("2028-02-29"), Interval::YEARLY);
    assert_eq!(leap.next(Interval::YEARLY).start, day("2029-02-28"));
    assert_eq!(Period::numbered(leap.anchor, Interval::YEARLY, 4).start, day("2032-02-29"));
}

fn any_interval() -> impl Strategy<Value = Interval> {
    let unit = prop::sample::select(IntervalUnit::ALL.to_vec());
    (unit, 1u16..=3).prop_map(|(unit, count)| Interval::new(unit, count).unwrap())
}

proptest! {
    #[test]
    fn periods_follow_one_another_without_gap_and_keep_their_day(
        seconds in 0i64..2_000_000_000,
        interval in any_interval(),
        steps in 1u32..40,
    ) {
        let anchor = DateTime::from_timestamp(seconds, 0).unwrap();
        let mut period = Period::first(anchor, interval);
        for index in 0..steps {
            prop_assert_eq!(period, Period::numbered(anchor, interval, index));
            prop_assert!(period.start < period.end);
            prop_assert_eq!(period.start.num_seconds_from_midnight(), anchor.num_seconds_from_midnight());
            if matches!(interval.unit(), IntervalUnit::Month | IntervalUnit::Year) {
                let longest = u32::from(period.start.num_days_in_month());
                prop_assert_eq!(period.start.day(), anchor.day().min(longest));
            }
            let next = period.next(interval);
            prop_assert_eq!(next.start, period.end);
            period = next;
        }
    }

    #[test]
    fn a_price_is_parted_without_loss(price in 0i64..1_000_000_000, share in 0i64..=2_678_400) {
        let period = Period::first(NOW, Interval::MONTHLY);
        let now = NOW + TimeDelta::seconds(share);

        let unused = period.unused(price, now);

        prop_assert!((0..=price).contains(&unused));
        prop_assert_eq!(period.unused(price, period.start), price);
        prop_assert_eq!(period.unused(price, period.end), 0);
    }

    #[test]
    fn an_upgrade_costs_no_more_than_the_difference_of_the_prices(
        cheap in 1i64..100_000,
        more in 1i64..100_000,
        seconds in 0i64..2_592_000,
    ) {
        let terms = |price| {
            let mut details = plan_details();
            details.price = euros(price);
            a_plan(NOW, details).terms()
        };
        let period = Period::first(NOW, Interval::MONTHLY);
        let now = NOW + TimeDelta::seconds(seconds);

        let change = classify(&terms(cheap), &terms(cheap + more), &period, now).unwrap();
        if let PlanChange::Upgrade { difference } = change {
            prop_assert!((1..=more + 1).contains(&difference.minor()));
        }
        let down = classify(&terms(cheap + more), &terms(cheap), &period, now).unwrap();
        prop_assert_eq!(down, PlanChange::AtPeriodEnd);
    }
}

#[test]
fn retries_grace_and_suspension_cannot_disagree() {
    assert_eq!(Dunning::new(vec![1, 9], 7, 21), Err(DunningError::AfterGrace));
    assert_eq!(Dunning::new(vec![3, 1], 7, 21), Err(DunningError::NotRising));
    assert_eq!(Dunning::new(vec![0], 7, 21), Err(DunningError::NotRising));

    let dunning = Dunning::default();
    let mut last = NOW;
    let mut hours = Vec::new();
    while let Some(next) = dunning.next_retry(NOW, last) {
        hours.push((next - NOW).num_hours());
        last = next;
    }
    assert_eq!(hours, [23, 71, 119, 167], "just before each day is over");
    assert!(last < dunning.grace_ends(NOW));
}
