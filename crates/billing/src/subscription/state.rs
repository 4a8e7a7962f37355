use chrono::{DateTime, TimeDelta, Utc};

use crate::{Period, PlanTerms};

/// How long a first payment may take: 23 hours.
pub const FIRST_PAYMENT: TimeDelta = TimeDelta::hours(23);

/// How long a subscription waits for a card after its trial: 30 days.
pub const PAUSE: TimeDelta = TimeDelta::days(30);

/// Where a subscription stands. Data that only exists in one state lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionState {
    /// Its first payment, or the card for its trial, has not arrived.
    Incomplete {
        /// From then on it expires.
        expires_at: DateTime<Utc>,
        /// The trial that begins when a card is there, in days; nothing without a trial.
        trial_days: u16,
    },
    /// Free for a while.
    Trialing {
        /// Until then.
        until: DateTime<Utc>,
        /// Whether there is a card to charge then.
        card: bool,
    },
    /// The trial ended and there was nothing to charge.
    Paused {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Paid.
    Active {
        /// The paid period.
        period: Period,
        /// Whether it ends with it.
        cancel_at_period_end: bool,
    },
    /// A renewal failed; access stays for the grace.
    PastDue {
        /// The period that is not paid. Its start is when the grace began.
        period: Period,
        /// When a charge was last tried.
        last_try: DateTime<Utc>,
        /// Whether the card was refused for good: nothing is tried before there is another.
        hard: bool,
    },
    /// The grace is over; paying brings it back.
    Suspended {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Called off; what was paid, or the trial, goes on to its end.
    Canceled {
        /// Until then.
        until: DateTime<Utc>,
        /// What it goes back to if it is resumed before.
        before: Interrupted,
    },
    /// Over.
    Expired {
        /// Since when.
        at: DateTime<Utc>,
    },
}

/// What a cancellation interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// A trial.
    Trial {
        /// Whether there was a card.
        card: bool,
    },
    /// A paid period.
    Paid(Period),
}

impl SubscriptionState {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 8] = [
        "incomplete",
        "trialing",
        "paused",
        "active",
        "past_due",
        "suspended",
        "canceled",
        "expired",
    ];

    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "incomplete",
            Self::Trialing { .. } => "trialing",
            Self::Paused { .. } => "paused",
            Self::Active { .. } => "active",
            Self::PastDue { .. } => "past_due",
            Self::Suspended { .. } => "suspended",
            Self::Canceled { .. } => "canceled",
            Self::Expired { .. } => "expired",
        }
    }

    /// Whether nothing can follow.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Incomplete { .. }
            | Self::Trialing { .. }
            | Self::Paused { .. }
            | Self::Active { .. }
            | Self::PastDue { .. }
            | Self::Suspended { .. }
            | Self::Canceled { .. } => false,
            Self::Expired { .. } => true,
        }
    }

    /// Until when it gives access, by what is known now; `None` if it gives none. A renewal whose
    /// job is late costs nobody their access before the grace is over, and nobody has access
    /// longer than that, whatever runs or does not.
    pub fn access_until(&self, terms: &PlanTerms) -> Option<DateTime<Utc>> {
        match self {
            Self::Incomplete { .. }
            | Self::Paused { .. }
            | Self::Suspended { .. }
            | Self::Expired { .. } => None,
            Self::Trialing { until, card: true } => Some(terms.dunning.grace_ends(*until)),
            Self::Trialing { until, card: false } | Self::Canceled { until, .. } => Some(*until),
            Self::Active { period, cancel_at_period_end: true } => Some(period.end),
            Self::Active { period, cancel_at_period_end: false } => {
                Some(terms.dunning.grace_ends(period.end))
            }
            Self::PastDue { period, .. } => Some(terms.dunning.grace_ends(period.start)),
        }
    }

    /// Whether it gives access now: a pure function of state, plan and time.
    pub fn gives_access(&self, terms: &PlanTerms, now: DateTime<Utc>) -> bool {
        self.access_until(terms).is_some_and(|until| now < until)
    }

    /// When time changes it next, charges apart.
    pub fn boundary(&self, terms: &PlanTerms) -> Option<DateTime<Utc>> {
        match self {
            Self::Incomplete { expires_at, .. } => Some(*expires_at),
            Self::Trialing { until, .. } | Self::Canceled { until, .. } => Some(*until),
            Self::Paused { since } => Some(*since + PAUSE),
            Self::Active { period, .. } => Some(period.end),
            Self::PastDue { period, .. } => Some(terms.dunning.grace_ends(period.start)),
            Self::Suspended { since } => Some(terms.dunning.suspension_ends(*since)),
            Self::Expired { .. } => None,
        }
    }

    /// When a charge is tried next, if there is a card.
    pub fn next_charge(&self, terms: &PlanTerms) -> Option<DateTime<Utc>> {
        match self {
            Self::Trialing { until, .. } => Some(*until),
            Self::Active { period, cancel_at_period_end: false } => Some(period.end),
            Self::PastDue { period, last_try, hard: false } => {
                terms.dunning.next_retry(period.start, *last_try)
            }
            Self::Incomplete { .. }
            | Self::Paused { .. }
            | Self::Active { cancel_at_period_end: true, .. }
            | Self::PastDue { hard: true, .. }
            | Self::Suspended { .. }
            | Self::Canceled { .. }
            | Self::Expired { .. } => None,
        }
    }
}
