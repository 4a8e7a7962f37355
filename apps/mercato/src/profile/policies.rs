use chrono::TimeDelta;
use serde::Deserialize;

/// The rules of reviews, as a profile writes them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewRules {
    /// Days after the completion of a booking in which it may be reviewed.
    pub window_days: u32,
    /// Days in which the author must confirm a review.
    pub confirmation_days: u32,
    /// Hours after its confirmation in which the author may still change a review.
    pub edit_hours: u32,
    /// Whether providers review their clients, too.
    pub two_sided: bool,
    /// Whether neither side sees the other's words before both are in.
    pub double_blind: bool,
    /// Whether a moderator looks at every review before it is shown.
    pub moderation: bool,
    /// What a listing without reviews is taken for when it is sorted, 1 to 5.
    pub prior_mean: f64,
    /// How many reviews that weighs as much as.
    pub prior_weight: f64,
}

impl Default for ReviewRules {
    fn default() -> Self {
        let policy = reviews::Policy::default();
        let whole = |amount: i64| u32::try_from(amount).unwrap_or(u32::MAX);
        Self {
            window_days: whole(policy.window.num_days()),
            confirmation_days: whole(policy.confirmation.num_days()),
            edit_hours: whole(policy.edit.num_hours()),
            two_sided: policy.two_sided,
            double_blind: policy.double_blind,
            moderation: policy.moderation,
            prior_mean: policy.prior_mean,
            prior_weight: policy.prior_weight,
        }
    }
}

impl ReviewRules {
    /// The policy they stand for.
    pub(super) fn policy(&self) -> Result<reviews::Policy, String> {
        if !(1.0..=5.0).contains(&self.prior_mean) {
            return Err(format!("reviews.prior_mean must be 1 to 5, not {}", self.prior_mean));
        }
        if !(self.prior_weight > 0.0 && self.prior_weight <= 1_000.0) {
            return Err(format!(
                "reviews.prior_weight must be above 0 and at most 1000, not {}",
                self.prior_weight
            ));
        }
        Ok(reviews::Policy {
            window: TimeDelta::days(i64::from(self.window_days)),
            confirmation: TimeDelta::days(i64::from(self.confirmation_days)),
            edit: TimeDelta::hours(i64::from(self.edit_hours)),
            two_sided: self.two_sided,
            double_blind: self.double_blind,
            moderation: self.moderation,
            prior_mean: self.prior_mean,
            prior_weight: self.prior_weight,
        })
    }
}
