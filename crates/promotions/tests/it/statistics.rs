//! Figures of a promotion and of the time before.

use chrono::{NaiveDate, TimeDelta};
use promotions::testing::{a_paid_promotion, a_promotion};
use promotions::{Figures, Promotion, Statistics, Window};

use crate::lifecycle::{NOW, days};

fn views(views: i64) -> Figures {
    Figures { views, ..Figures::default() }
}

#[test]
fn days_without_activity_are_zeros_and_the_time_before_is_as_long() {
    let promotion = Promotion::restore(a_promotion(NOW));
    let today = NOW.date_naive();
    let ago = |n: i64| today - days(n);
    for (window, length) in [(Window::Week, 7), (Window::Month, 30)] {
        let span = Statistics::days(&promotion, window, NOW);
        let stored = vec![
            (today, views(5)),
            (ago(length - 1), views(3)),
            (ago(length), views(2)),
            (ago(2 * length - 1), Figures { favorites: 1, requests: 4, views: 1 }),
            (ago(2 * length), views(100)),
        ];

        let statistics = Statistics::new(promotion.id(), window, span, stored);

        let (current, previous) = (&statistics.current, &statistics.previous);
        let dates = |days: &[promotions::DayFigures]| -> Vec<NaiveDate> {
            days.iter().map(|day| day.day).collect()
        };
        let expected: Vec<_> = (0..2 * length).rev().map(ago).collect();
        assert_eq!([dates(&previous.days), dates(&current.days)].concat(), expected);
        assert_eq!(current.days.len(), previous.days.len());
        assert_eq!(current.total, views(8));
        assert_eq!(previous.total, Figures { views: 3, favorites: 1, requests: 4 });
        assert_eq!(current.days[1].figures, Figures::default());
    }
}

#[test]
fn what_is_over_is_looked_at_up_to_its_last_day() {
    let midnight = NOW.date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let start = midnight - days(30);
    let over = Promotion::restore(a_paid_promotion(start, start));
    let running = Promotion::restore(a_paid_promotion(NOW, NOW - days(1)));

    let last = |promotion: &Promotion| Statistics::days(promotion, Window::Week, NOW).to;

    assert_eq!(last(&over), (start + days(7) - TimeDelta::seconds(1)).date_naive());
    assert_eq!(last(&running), NOW.date_naive());
    assert_eq!(Window::from_days(30), Some(Window::Month));
    assert_eq!(Window::from_days(8), None);
}
