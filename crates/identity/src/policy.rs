use chrono::TimeDelta;

use crate::Allowance;

/// What differs between marketplaces and deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether an account signs in only after its address was verified. With it, signing up tells
    /// nobody whether an address is known; without it (demo, tests) it does.
    pub require_verified_email: bool,
    /// How long an access token counts; at most 15 minutes is sensible.
    pub access_token_lifetime: TimeDelta,
    /// How long a refresh token counts from its issue.
    pub refresh_token_lifetime: TimeDelta,
    /// How long an exchanged refresh token gives its successor again, to the same client.
    pub refresh_grace: TimeDelta,
    /// How long a link that verifies an address counts.
    pub verification_link_lifetime: TimeDelta,
    /// How long a link that resets a password counts.
    pub reset_link_lifetime: TimeDelta,
    /// Passwords tried for one address.
    pub sign_in_per_address: Allowance,
    /// Passwords tried from one network; those that were right do not count.
    pub sign_in_per_network: Allowance,
    /// Mails asked for to one address.
    pub mails_per_address: Allowance,
    /// Mails asked for, and accounts created, from one network.
    pub mails_per_network: Allowance,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_verified_email: true,
            access_token_lifetime: TimeDelta::minutes(10),
            refresh_token_lifetime: TimeDelta::days(30),
            refresh_grace: TimeDelta::seconds(10),
            verification_link_lifetime: TimeDelta::hours(24),
            reset_link_lifetime: TimeDelta::hours(1),
            sign_in_per_address: Allowance::per_minutes(10, 15),
            sign_in_per_network: Allowance::per_minutes(50, 15),
            mails_per_address: Allowance::per_minutes(10, 15),
            mails_per_network: Allowance::per_minutes(50, 15),
        }
    }
}
