use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use kernel::PromotionId;

use crate::{FigureDays, Promotion, Stage};

/// What happened around a listing or provider, on a day or over more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Views of the listing, or of all listings of the provider.
    pub views: i64,
    /// Favourites of them made then that still stand.
    pub favorites: i64,
    /// Requests that clients sent.
    pub requests: i64,
}

impl Figures {
    fn plus(self, other: Self) -> Self {
        Self {
            views: self.views.saturating_add(other.views),
            favorites: self.favorites.saturating_add(other.favorites),
            requests: self.requests.saturating_add(other.requests),
        }
    }
}

/// How many days figures are wanted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Window {
    /// Seven.
    #[default]
    Week,
    /// Thirty.
    Month,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Self; 2] = [Self::Week, Self::Month];

    /// The window of so many days, if there is one.
    pub fn from_days(days: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|window| i64::from(window.days()) == days)
    }

    /// Its days.
    pub const fn days(self) -> u8 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
        }
    }
}

/// A day and what happened on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayFigures {
    /// The day in UTC.
    pub day: NaiveDate,
    /// What happened.
    pub figures: Figures,
}

/// Days in a row and what happened on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Every day in order; zeros where nothing happened.
    pub days: Vec<DayFigures>,
    /// What happened over all of them.
    pub total: Figures,
}

/// The figures of what a promotion is for, and those of the equally long time before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Which promotion.
    pub promotion: PromotionId,
    /// How many days each series has.
    pub window: Window,
    /// The days up to today, or up to the last day of the promotion if that is over.
    pub current: Series,
    /// As many days right before.
    pub previous: Series,
}

impl Statistics {
    /// The days that the figures of a promotion are made of: twice the window, up to today or up to
    /// its last day.
    pub fn days(promotion: &Promotion, window: Window, now: DateTime<Utc>) -> FigureDays {
        let over = match promotion.stage() {
            Stage::Paid { period, .. } => Some(period.end()),
            Stage::Cancelled { ran: Some(ran), .. } => Some(ran.end()),
            Stage::PendingPayment { .. } | Stage::Cancelled { ran: None, .. } => None,
        };
        // The end no longer belongs to the time that was paid for: at midnight it is the day before.
        let last = over.map(|end| end - TimeDelta::microseconds(1)).filter(|last| *last < now);
        let to = last.unwrap_or(now).date_naive();
        let back = 2 * u64::from(window.days()) - 1;
        FigureDays { from: to.checked_sub_days(Days::new(back)).unwrap_or(to), to }
    }

    /// Of daily figures over those days, in any order and with gaps.
    pub fn new(
        promotion: PromotionId,
        window: Window,
        days: FigureDays,
        stored: Vec<(NaiveDate, Figures)>,
    ) -> Self {
        let mut by_day: HashMap<NaiveDate, Figures> = HashMap::new();
        for (day, figures) in stored {
            let of_day = by_day.entry(day).or_default();
            *of_day = of_day.plus(figures);
        }
        let all = days
            .from
            .iter_days()
            .take_while(|day| *day <= days.to)
            .map(|day| DayFigures { day, figures: by_day.get(&day).copied().unwrap_or_default() });
        let mut previous: Vec<_> = all.collect();
        let half = previous.len().saturating_sub(usize::from(window.days()));
        let current = previous.split_off(half);
        Self { promotion, window, current: Series::of(current), previous: Series::of(previous) }
    }
}

impl Series {
    fn of(days: Vec<DayFigures>) -> Self {
        let total = days.iter().fold(Figures::default(), |sum, day| sum.plus(day.figures));
        Self { days, total }
    }
}
