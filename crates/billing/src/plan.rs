//! Plans: what can be subscribed to, for how much, how often.

mod dunning;
mod interval;

use chrono::{DateTime, Utc};
use kernel::{FieldErrors, ListingId, Money, PlanId, ProviderId, Text};

pub use dunning::{Dunning, DunningError};
pub use interval::{Interval, IntervalError, IntervalUnit, Period};

use crate::{BillingError, Seller};

/// What people read: 1 to 120 characters.
pub type PlanName = Text<1, 120>;
/// What it includes, in words: up to 2000 characters.
pub type PlanDescription = Text<0, 2000>;

/// What a subscription gives the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// All premium content of a provider.
    Provider(ProviderId),
    /// One listing.
    Listing(ListingId),
    /// To sell here: a plan of the marketplace for providers.
    Selling,
}

impl Right {
    /// Its kind's name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider(_) => "provider",
            Self::Listing(_) => "listing",
            Self::Selling => "selling",
        }
    }
}

/// What is frozen of a plan when somebody subscribes: a later change of the plan concerns only
/// those who subscribe later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanTerms {
    /// The plan.
    pub plan: PlanId,
    /// Its name.
    pub name: PlanName,
    /// Who sells.
    pub seller: Seller,
    /// What it gives the right to.
    pub right: Right,
    /// How much of it: content may ask for at least a tier. From 1.
    pub tier: u8,
    /// What a period costs.
    pub price: Money,
    /// How long a period is.
    pub interval: Interval,
    /// What happens when a renewal fails.
    pub dunning: Dunning,
}

/// What a plan says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDetails {
    /// Its name.
    pub name: PlanName,
    /// What it includes.
    pub description: PlanDescription,
    /// How much of the right, from 1.
    pub tier: u8,
    /// What a period costs; more than nothing.
    pub price: Money,
    /// How long a period is.
    pub interval: Interval,
    /// Days for free at first, at most 365.
    pub trial_days: u16,
    /// Whether a trial begins only with a card.
    pub trial_needs_card: bool,
    /// What happens when a renewal fails.
    pub dunning: Dunning,
}

/// A recurring price, of a provider or of the marketplace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Whose.
    pub seller: Seller,
    /// What it gives the right to.
    pub right: Right,
    /// What it says.
    pub details: PlanDetails,
    /// Whether it can be subscribed to. Those who have subscribed keep it.
    pub open: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: i32,
}

impl Plan {
    /// The longest trial, in days.
    pub const MAX_TRIAL_DAYS: u16 = 365;

    /// A new plan.
    pub fn create(
        id: PlanId,
        seller: Seller,
        right: Right,
        details: PlanDetails,
        now: DateTime<Utc>,
    ) -> Result<Self, BillingError> {
        check(&details)?;
        Ok(Self { id, seller, right, details, open: true, created_at: now, version: 1 })
    }

    /// Says something else from now on, to those who subscribe from now on. The currency stays.
    pub fn change(&mut self, details: PlanDetails, open: bool) -> Result<(), BillingError> {
        check(&details)?;
        if details.price.currency() != self.details.price.currency() {
            let mut errors = FieldErrors::new();
            errors.add("/price/currency", "fixed", "a plan keeps its currency; make another plan");
            return Err(BillingError::Invalid(errors));
        }
        self.details = details;
        self.open = open;
        self.version += 1;
        Ok(())
    }

    /// What is frozen of it when somebody subscribes.
    pub fn terms(&self) -> PlanTerms {
        let PlanDetails { name, tier, price, interval, dunning, .. } = self.details.clone();
        let (plan, seller, right) = (self.id, self.seller, self.right);
        PlanTerms { plan, name, seller, right, tier, price, interval, dunning }
    }
}

fn check(details: &PlanDetails) -> Result<(), BillingError> {
    let mut errors = FieldErrors::new();
    if !details.price.is_price() || details.price.minor() == 0 {
        let detail = format!("must be 1 to {}", Money::MAX_PRICE);
        errors.add("/price/amount", "out_of_range", detail);
    }
    if details.tier == 0 {
        errors.add("/tier", "out_of_range", "tiers count from 1");
    }
    if details.trial_days > Plan::MAX_TRIAL_DAYS {
        errors.add("/trial_days", "out_of_range", "a trial lasts at most 365 days");
    }
    errors.into_result().map_err(BillingError::Invalid)
}
