use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use thiserror::Error;

/// A retry comes so long before its day is over, so that it is answered before what the day
/// brings.
const LEAD: TimeDelta = TimeDelta::hours(1);

/// What happens when a renewal fails: when it is retried, how long access stays, and how long a
/// subscription then waits. One object, checked as a whole, so that the three cannot disagree.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Draft")]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub struct Dunning {
    retry_days: Vec<u8>,
    grace_days: u8,
    suspension_days: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
struct Draft {
    retry_days: Vec<u8>,
    grace_days: u8,
    suspension_days: u8,
}

impl TryFrom<Draft> for Dunning {
    type Error = DunningError;

    fn try_from(draft: Draft) -> Result<Self, DunningError> {
        Self::new(draft.retry_days, draft.grace_days, draft.suspension_days)
    }
}

/// Why days do not make a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DunningError {
    /// The days of the retries do not rise.
    #[error("the days of the retries must rise, from day 1")]
    NotRising,
    /// A retry comes after the grace.
    #[error("the last retry must come within the grace")]
    AfterGrace,
    /// More days than anybody waits for money.
    #[error("grace and suspension are at most 60 and 90 days")]
    TooLong,
}

impl Dunning {
    /// Retries on these days after the renewal was due (each just before the day is over), access
    /// for `grace_days`, and then `suspension_days` until it expires.
    pub fn new(
        retry_days: Vec<u8>,
        grace_days: u8,
        suspension_days: u8,
    ) -> Result<Self, DunningError> {
        let rising = retry_days.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || retry_days.first() == Some(&0) {
            return Err(DunningError::NotRising);
        }
        if retry_days.last().is_some_and(|last| *last > grace_days) {
            return Err(DunningError::AfterGrace);
        }
        if grace_days > 60 || suspension_days > 90 {
            return Err(DunningError::TooLong);
        }
        Ok(Self { retry_days, grace_days, suspension_days })
    }

    /// The days of the retries.
    pub fn retry_days(&self) -> &[u8] {
        &self.retry_days
    }

    /// Days of access after a renewal was due and failed.
    pub const fn grace_days(&self) -> u8 {
        self.grace_days
    }

    /// Days without access in which paying brings it back.
    pub const fn suspension_days(&self) -> u8 {
        self.suspension_days
    }

    /// When the grace of a renewal that was due at `due` is over.
    pub fn grace_ends(&self, due: DateTime<Utc>) -> DateTime<Utc> {
        due + TimeDelta::days(i64::from(self.grace_days))
    }

    /// When a suspension that began at `since` is over.
    pub fn suspension_ends(&self, since: DateTime<Utc>) -> DateTime<Utc> {
        since + TimeDelta::days(i64::from(self.suspension_days))
    }

    /// The first retry after the last try, of a renewal that was due at `due`.
    pub fn next_retry(&self, due: DateTime<Utc>, last_try: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = self.retry_days.iter();
        days.map(|day| due + TimeDelta::days(i64::from(*day)) - LEAD).find(|at| *at > last_try)
    }
}

impl Default for Dunning {
    /// Retries on days 1, 3, 5 and 7; a week of grace; three weeks of suspension.
    fn default() -> Self {
        Self { retry_days: vec![1, 3, 5, 7], grace_days: 7, suspension_days: 21 }
    }
}
