use chrono::TimeDelta;

use crate::{ReviewError, Side};

/// What differs between marketplaces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// How long after the completion of a booking it may be reviewed.
    pub window: TimeDelta,
    /// How long a submitted review waits for its author's confirmation.
    pub confirmation: TimeDelta,
    /// How long after its confirmation the author may still change it.
    pub edit: TimeDelta,
    /// Whether providers review their clients, too.
    pub two_sided: bool,
    /// Whether, with two sides, neither is shown before both are in or the window is over.
    pub double_blind: bool,
    /// Whether a moderator looks at every review before it is shown.
    pub moderation: bool,
    /// What a listing or provider is taken for before its reviews weigh in, when it is sorted: 1 to 5.
    pub prior_mean: f64,
    /// How many reviews that assumption weighs as much as.
    pub prior_weight: f64,
}

impl Default for Policy {
    /// Clients review what they bought, within 14 days; shown once they confirm it.
    fn default() -> Self {
        Self {
            window: TimeDelta::days(14),
            confirmation: TimeDelta::days(7),
            edit: TimeDelta::hours(48),
            two_sided: false,
            double_blind: true,
            moderation: false,
            prior_mean: 3.5,
            prior_weight: 5.0,
        }
    }
}

impl Policy {
    /// Passes if this side reviews at all.
    ///
    /// # Errors
    ///
    /// [`ReviewError::OneSided`].
    pub const fn admits(&self, side: Side) -> Result<(), ReviewError> {
        match side {
            Side::Provider if !self.two_sided => Err(ReviewError::OneSided),
            Side::Client | Side::Provider => Ok(()),
        }
    }

    /// Whether a review waits for the other side's.
    pub const fn is_blind(&self) -> bool {
        self.two_sided && self.double_blind
    }
}
