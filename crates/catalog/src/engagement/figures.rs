use chrono::{Datelike, Days, Months, NaiveDate};
use kernel::{FieldErrors, ListingId, ProviderId};

use crate::Title;

/// What happened around a provider and its listings: on a day, or over more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Views of its listings.
    pub views: i64,
    /// Favourites of its listings made then that still stand.
    pub favorites: i64,
    /// Visits to its profile.
    pub profile_visits: i64,
    /// Visits to its profile that came from one of its listings.
    pub to_profile: i64,
    /// Favourites of its profile made then that still stand.
    pub profile_favorites: i64,
    /// Requests that clients sent.
    pub requests: i64,
    /// Requests and offers that were accepted.
    pub bookings: i64,
}

impl Figures {
    /// Requests per view, in ten-thousandths; 0 without views.
    pub fn conversion(&self) -> i64 {
        if self.views > 0 { self.requests.saturating_mul(10_000) / self.views } else { 0 }
    }

    fn add(&mut self, other: &Self) {
        let Self {
            views,
            favorites,
            profile_visits,
            to_profile,
            profile_favorites,
            requests,
            bookings,
        } = other;
        self.views += views;
        self.favorites += favorites;
        self.profile_visits += profile_visits;
        self.to_profile += to_profile;
        self.profile_favorites += profile_favorites;
        self.requests += requests;
        self.bookings += bookings;
    }
}

/// How long a point of a series lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interval {
    /// A day in UTC.
    #[default]
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Interval {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day after the interval that holds `day`.
    fn end_of(self, day: NaiveDate) -> NaiveDate {
        let end = match self {
            Self::Day => day.checked_add_days(Days::new(1)),
            Self::Week => {
                day.checked_add_days(Days::new(7 - u64::from(day.weekday().num_days_from_monday())))
            }
            Self::Month => day.with_day(1).and_then(|day| day.checked_add_months(Months::new(1))),
        };
        end.unwrap_or(NaiveDate::MAX)
    }
}

/// The days that figures are wanted of, both included, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: NaiveDate,
    to: NaiveDate,
}

impl Span {
    /// The most days: two years.
    pub const MOST_DAYS: i64 = 731;
    /// The days if none are named: these and today.
    const USUAL_DAYS: u64 = 29;

    /// From the first to the last day; up to today, and 30 days, where they are not named.
    ///
    /// # Errors
    ///
    /// All that is wrong with the parameters `from` and `to`.
    pub fn new(
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        today: NaiveDate,
    ) -> Result<Self, FieldErrors> {
        let to = to.unwrap_or(today);
        let usual = to.checked_sub_days(Days::new(Self::USUAL_DAYS)).unwrap_or(to);
        let from = from.unwrap_or(usual);
        let mut errors = FieldErrors::new();
        if from > to {
            errors.add("to", "empty_range", "must not be before `from`");
        } else if (to - from).num_days() >= Self::MOST_DAYS {
            errors.add("from", "out_of_range", format!("at most {} days", Self::MOST_DAYS));
        }
        errors.into_result()?;
        Ok(Self { from, to })
    }

    /// The first day.
    pub const fn from(&self) -> NaiveDate {
        self.from
    }

    /// The last day.
    pub const fn to(&self) -> NaiveDate {
        self.to
    }
}

/// A point of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Its first day.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    /// What happened.
    pub figures: Figures,
}

/// A listing among those that were looked at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopListing {
    /// Which.
    pub id: ListingId,
    /// Its headline.
    pub title: Title,
    /// Its views.
    pub views: i64,
    /// Favourites of it made then that still stand.
    pub favorites: i64,
    /// Visits to the profile that came from it.
    pub to_profile: i64,
    /// Requests for it.
    pub requests: i64,
    /// Requests for it that were accepted.
    pub bookings: i64,
}

/// The figures of a provider as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DailyFigures {
    /// By day; days on which nothing happened are missing.
    pub days: Vec<(NaiveDate, Figures)>,
    /// The ten listings with the most views, the most first.
    pub top: Vec<TopListing>,
    /// Listings that are public now.
    pub listings: i64,
}

/// The figures of a provider over a span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Whose.
    pub provider: ProviderId,
    /// Which days.
    pub span: Span,
    /// How long a point of the series lasts.
    pub interval: Interval,
    /// What happened, point by point, those at which nothing did among them. The first and the
    /// last point end with the span.
    pub series: Vec<Point>,
    /// What happened over all days.
    pub totals: Figures,
    /// Listings that are public now.
    pub listings: i64,
    /// Views of a listing on average, in hundredths; 0 without listings.
    pub average_views: i64,
    /// The ten listings with the most views, the most first.
    pub top: Vec<TopListing>,
}

impl Statistics {
    /// Of daily figures.
    pub fn new(
        provider: ProviderId,
        span: Span,
        interval: Interval,
        DailyFigures { days, top, listings }: DailyFigures,
    ) -> Self {
        let mut series = Vec::new();
        let mut totals = Figures::default();
        let mut start = span.from;
        while start <= span.to {
            let end = interval.end_of(start);
            let mut figures = Figures::default();
            for (_, of_day) in days.iter().filter(|(day, _)| (start..end).contains(day)) {
                figures.add(of_day);
            }
            totals.add(&figures);
            let last = end.pred_opt().unwrap_or(end).min(span.to);
            series.push(Point { from: start, to: last, figures });
            start = end;
        }
        let average_views =
            if listings > 0 { totals.views.saturating_mul(100) / listings } else { 0 };
        Self { provider, span, interval, series, totals, listings, average_views, top }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn span(from: &str, to: &str) -> Span {
        Span::new(Some(day(from)), Some(day(to)), day("2026-05-20")).unwrap()
    }

    fn statistics(span: Span, interval: Interval) -> Statistics {
        let views = |views| Figures { views, requests: 1, ..Figures::default() };
        let days = vec![(day("2026-04-30"), views(5)), (day("2026-05-05"), views(20))];
        let stored = DailyFigures { days, listings: 10, ..DailyFigures::default() };
        Statistics::new(ProviderId::from_uuid(uuid::Uuid::nil()), span, interval, stored)
    }

    #[test]
    fn days_without_anything_are_in_the_series() {
        let statistics = statistics(span("2026-04-29", "2026-05-06"), Interval::Day);

        let views: Vec<_> = statistics.series.iter().map(|point| point.figures.views).collect();
        assert_eq!(views, [0, 5, 0, 0, 0, 0, 20, 0]);
        assert_eq!(statistics.totals.views, 25);
        assert_eq!(statistics.totals.conversion(), 800);
        assert_eq!(statistics.average_views, 250);
    }

    #[test]
    fn weeks_begin_on_monday_and_end_with_the_span() {
        let statistics = statistics(span("2026-04-29", "2026-05-12"), Interval::Week);

        let points: Vec<_> = statistics
            .series
            .iter()
            .map(|point| format!("{} {} {}", point.from, point.to, point.figures.views))
            .collect();
        assert_eq!(
            points,
            ["2026-04-29 2026-05-03 5", "2026-05-04 2026-05-10 20", "2026-05-11 2026-05-12 0"]
        );
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let statistics = statistics(span("2026-01-31", "2026-05-31"), Interval::Month);

        let months: Vec<_> = statistics.series.iter().map(|p| p.figures.views).collect();
        assert_eq!(months, [0, 0, 0, 5, 20]);
    }

    #[test]
    fn a_span_has_a_beginning_and_an_end() {
        let today = day("2026-05-20");
        let usual = Span::new(None, None, today).unwrap();
        assert_eq!((usual.from(), usual.to()), (day("2026-04-21"), today));

        assert!(Span::new(Some(day("2026-05-21")), None, today).is_err());
        assert!(Span::new(Some(day("2024-05-19")), None, today).is_err());
        assert!(Span::new(Some(day("2024-05-20")), None, today).is_ok());
    }
}
