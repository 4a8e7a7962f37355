//! The one function that moves a subscription, whoever drives it.

use chrono::{DateTime, TimeDelta, Utc};

use super::state::{Interrupted, SubscriptionState};
use crate::{Hardness, ObservedState, Period, PlanTerms};

/// What happens to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What was due was paid.
    Paid,
    /// A charge was refused.
    PaymentFailed(Hardness),
    /// There is a card to charge, or another one.
    CardAdded,
    /// There is none any more.
    CardRemoved,
    /// It ends with its period.
    CancelAtPeriodEnd,
    /// It is called off; what is paid goes on to its end.
    CancelNow,
    /// It goes on after all.
    Resume,
    /// What was paid for the running period went back in full: by a refund, or by the payer's
    /// bank.
    Returned,
    /// Time has passed.
    Due,
    /// The gateway that runs it says how it stands.
    Observed(ObservedState),
}

impl Input {
    /// The names of all inputs, in the order of the docs.
    pub const NAMES: [&'static str; 10] = [
        "paid",
        "payment_failed",
        "card_added",
        "card_removed",
        "cancel_at_period_end",
        "cancel_now",
        "resume",
        "returned",
        "due",
        "observed",
    ];

    /// Its name in refusals and in the docs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::PaymentFailed(_) => "payment_failed",
            Self::CardAdded => "card_added",
            Self::CardRemoved => "card_removed",
            Self::CancelAtPeriodEnd => "cancel_at_period_end",
            Self::CancelNow => "cancel_now",
            Self::Resume => "resume",
            Self::Returned => "returned",
            Self::Due => "due",
            Self::Observed(_) => "observed",
        }
    }
}

/// Where an input leads from a state; `None` if it is refused there. `terms` are those that hold
/// from the next period on: a change of plan is a change of terms.
pub fn transition(
    state: &SubscriptionState,
    terms: &PlanTerms,
    input: &Input,
    now: DateTime<Utc>,
) -> Option<SubscriptionState> {
    match input {
        Input::Paid => paid(state, terms, now),
        Input::PaymentFailed(hardness) => failed(state, terms, *hardness, now),
        Input::CardAdded => card_added(state, now),
        Input::CardRemoved => card_removed(state),
        Input::CancelAtPeriodEnd | Input::CancelNow => {
            canceled(state, *input == Input::CancelNow, now)
        }
        Input::Resume => resumed(state, now),
        Input::Returned => returned(state, now),
        Input::Due => Some(due(state.clone(), terms, now)),
        Input::Observed(observed) => Some(seen(state, observed, now)),
    }
}

fn paid(
    state: &SubscriptionState,
    terms: &PlanTerms,
    now: DateTime<Utc>,
) -> Option<SubscriptionState> {
    let active = |period| Some(SubscriptionState::Active { period, cancel_at_period_end: false });
    match state {
        // There was no access: what is bought begins now.
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::Suspended { .. } => active(Period::first(now, terms.interval)),
        SubscriptionState::Trialing { until, .. } => active(Period::first(*until, terms.interval)),
        SubscriptionState::Active { period, cancel_at_period_end } => {
            Some(SubscriptionState::Active {
                period: period.next(terms.interval),
                cancel_at_period_end: *cancel_at_period_end,
            })
        }
        SubscriptionState::PastDue { period, .. } => active(*period),
        // Nobody waits for this money any more: it goes back.
        SubscriptionState::Canceled { .. } | SubscriptionState::Expired { .. } => None,
    }
}

fn failed(
    state: &SubscriptionState,
    terms: &PlanTerms,
    hardness: Hardness,
    now: DateTime<Utc>,
) -> Option<SubscriptionState> {
    let hard = hardness == Hardness::Hard;
    let past_due = |period| Some(SubscriptionState::PastDue { period, last_try: now, hard });
    match state {
        SubscriptionState::Trialing { until, .. } => {
            past_due(Period::first(*until, terms.interval))
        }
        SubscriptionState::Active { period, .. } => past_due(period.next(terms.interval)),
        SubscriptionState::PastDue { period, .. } => past_due(*period),
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::Suspended { .. }
        | SubscriptionState::Canceled { .. } => Some(state.clone()),
        SubscriptionState::Expired { .. } => None,
    }
}

fn card_added(state: &SubscriptionState, now: DateTime<Utc>) -> Option<SubscriptionState> {
    match state {
        SubscriptionState::Incomplete { trial_days: 1.., .. } => {
            let SubscriptionState::Incomplete { trial_days, .. } = state else { return None };
            let until = now + TimeDelta::days(i64::from(*trial_days));
            Some(SubscriptionState::Trialing { until, card: true })
        }
        SubscriptionState::Trialing { until, .. } => {
            Some(SubscriptionState::Trialing { until: *until, card: true })
        }
        SubscriptionState::PastDue { period, last_try, .. } => {
            Some(SubscriptionState::PastDue { period: *period, last_try: *last_try, hard: false })
        }
        SubscriptionState::Canceled { until, before: Interrupted::Trial { .. } } => {
            let before = Interrupted::Trial { card: true };
            Some(SubscriptionState::Canceled { until: *until, before })
        }
        SubscriptionState::Incomplete { trial_days: 0, .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::Active { .. }
        | SubscriptionState::Suspended { .. }
        | SubscriptionState::Canceled { before: Interrupted::Paid(_), .. } => Some(state.clone()),
        SubscriptionState::Expired { .. } => None,
    }
}

fn card_removed(state: &SubscriptionState) -> Option<SubscriptionState> {
    match state {
        SubscriptionState::Trialing { until, .. } => {
            Some(SubscriptionState::Trialing { until: *until, card: false })
        }
        SubscriptionState::Canceled { until, before: Interrupted::Trial { .. } } => {
            let before = Interrupted::Trial { card: false };
            Some(SubscriptionState::Canceled { until: *until, before })
        }
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::Active { .. }
        | SubscriptionState::PastDue { .. }
        | SubscriptionState::Suspended { .. }
        | SubscriptionState::Canceled { before: Interrupted::Paid(_), .. } => Some(state.clone()),
        SubscriptionState::Expired { .. } => None,
    }
}

fn canceled(
    state: &SubscriptionState,
    at_once: bool,
    now: DateTime<Utc>,
) -> Option<SubscriptionState> {
    match state {
        SubscriptionState::Trialing { until, card } => Some(SubscriptionState::Canceled {
            until: *until,
            before: Interrupted::Trial { card: *card },
        }),
        SubscriptionState::Active { period, .. } if at_once => {
            let before = Interrupted::Paid(*period);
            Some(SubscriptionState::Canceled { until: period.end, before })
        }
        SubscriptionState::Active { period, .. } => {
            Some(SubscriptionState::Active { period: *period, cancel_at_period_end: true })
        }
        // Nothing is paid that could go on.
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::PastDue { .. }
        | SubscriptionState::Suspended { .. } => Some(SubscriptionState::Expired { at: now }),
        SubscriptionState::Canceled { .. } | SubscriptionState::Expired { .. } => None,
    }
}

fn resumed(state: &SubscriptionState, now: DateTime<Utc>) -> Option<SubscriptionState> {
    match state {
        SubscriptionState::Active { period, cancel_at_period_end: true } => {
            Some(SubscriptionState::Active { period: *period, cancel_at_period_end: false })
        }
        SubscriptionState::Canceled { until, before } if now < *until => Some(match before {
            Interrupted::Trial { card } => {
                SubscriptionState::Trialing { until: *until, card: *card }
            }
            Interrupted::Paid(period) => {
                SubscriptionState::Active { period: *period, cancel_at_period_end: false }
            }
        }),
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Trialing { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::Active { .. }
        | SubscriptionState::PastDue { .. }
        | SubscriptionState::Suspended { .. }
        | SubscriptionState::Canceled { .. }
        | SubscriptionState::Expired { .. } => None,
    }
}

/// What rests on money that went back ends with it, at once. It is over and not past due: whoever
/// asked for their money back is not charged again.
fn returned(state: &SubscriptionState, now: DateTime<Utc>) -> Option<SubscriptionState> {
    match state {
        SubscriptionState::Active { .. }
        | SubscriptionState::Canceled { before: Interrupted::Paid(_), .. } => {
            Some(SubscriptionState::Expired { at: now })
        }
        // No paid period runs.
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Trialing { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::PastDue { .. }
        | SubscriptionState::Suspended { .. }
        | SubscriptionState::Canceled { before: Interrupted::Trial { .. }, .. }
        | SubscriptionState::Expired { .. } => None,
    }
}

/// Where time alone has led, over as many boundaries as it passed.
fn due(state: SubscriptionState, terms: &PlanTerms, now: DateTime<Utc>) -> SubscriptionState {
    let Some(at) = state.boundary(terms).filter(|at| *at <= now) else { return state };
    let next = match &state {
        SubscriptionState::Trialing { card: false, until } => {
            SubscriptionState::Paused { since: *until }
        }
        SubscriptionState::PastDue { .. } => SubscriptionState::Suspended { since: at },
        SubscriptionState::Incomplete { .. }
        | SubscriptionState::Paused { .. }
        | SubscriptionState::Active { cancel_at_period_end: true, .. }
        | SubscriptionState::Suspended { .. }
        | SubscriptionState::Canceled { .. } => SubscriptionState::Expired { at },
        // These wait for the answer to a charge.
        SubscriptionState::Trialing { card: true, .. }
        | SubscriptionState::Active { cancel_at_period_end: false, .. }
        | SubscriptionState::Expired { .. } => return state,
    };
    due(next, terms, now)
}

/// What the gateway says, in our words: its grace and its end of retries are not ours, so that a
/// renewal that failed there begins our grace.
fn seen(
    state: &SubscriptionState,
    observed: &ObservedState,
    now: DateTime<Utc>,
) -> SubscriptionState {
    match observed {
        ObservedState::Incomplete => match state {
            SubscriptionState::Incomplete { .. } => state.clone(),
            _ => SubscriptionState::Incomplete {
                expires_at: now + super::state::FIRST_PAYMENT,
                trial_days: 0,
            },
        },
        ObservedState::Trialing { until } => {
            SubscriptionState::Trialing { until: *until, card: true }
        }
        ObservedState::Active { period, ends } => {
            SubscriptionState::Active { period: *period, cancel_at_period_end: *ends }
        }
        ObservedState::PastDue { period } => match state {
            SubscriptionState::Suspended { .. } => state.clone(),
            _ => SubscriptionState::PastDue { period: *period, last_try: now, hard: true },
        },
        ObservedState::Paused => match state {
            SubscriptionState::Paused { .. } => state.clone(),
            _ => SubscriptionState::Paused { since: now },
        },
        ObservedState::Canceled { until } if *until > now => {
            let before = match state {
                SubscriptionState::Active { period, .. } => Interrupted::Paid(*period),
                SubscriptionState::Canceled { before, .. } => *before,
                _ => Interrupted::Trial { card: false },
            };
            SubscriptionState::Canceled { until: *until, before }
        }
        ObservedState::Canceled { .. } | ObservedState::Expired => match state {
            SubscriptionState::Expired { .. } => state.clone(),
            _ => SubscriptionState::Expired { at: now },
        },
    }
}
