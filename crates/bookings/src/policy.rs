use chrono::TimeDelta;
use serde::Deserialize;

use crate::CancellationPolicy;

/// What differs between marketplaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Hours to answer a request or an offer.
    pub answer_hours: u32,
    /// Days for the client to confirm, ask for changes or dispute.
    pub confirm_days: u32,
    /// Days for a moderator to decide a dispute.
    pub dispute_days: u32,
    /// Days after which an accepted booking that nobody reports done is cancelled: below the
    /// gateway's limit for money it holds.
    pub stale_days: u32,
    /// Minutes a slot is held while the client pays.
    pub hold_minutes: u32,
    /// How often the client may ask for changes.
    pub changes_at_most: u8,
    /// Percent of the price that a client gets back who did not come, 0 to 100.
    pub no_show_refund_percent: u8,
    /// What a client gets back who cancels, where the listing does not say.
    pub cancellation: CancellationPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            answer_hours: 72,
            confirm_days: 7,
            dispute_days: 60,
            stale_days: 75,
            hold_minutes: 15,
            changes_at_most: 2,
            no_show_refund_percent: 0,
            cancellation: CancellationPolicy::default(),
        }
    }
}

impl Policy {
    pub(crate) fn answer(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.answer_hours))
    }

    pub(crate) fn confirm(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.confirm_days))
    }

    pub(crate) fn dispute(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.dispute_days))
    }

    pub(crate) fn stale(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.stale_days))
    }

    pub(crate) fn hold(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.hold_minutes))
    }
}
