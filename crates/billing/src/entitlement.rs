use chrono::{DateTime, Utc};
use kernel::{AccountId, PaymentId, SubscriptionId};

use crate::{Right, Subscription};

/// Where an entitlement comes from. An account may have the same right from several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntitlementSource {
    /// A subscription: until it ends.
    Subscription(SubscriptionId),
    /// A purchase: for good, unless it is given back.
    Purchase(PaymentId),
}

/// The right of an account to premium content. What is stored says until when, so that the answer
/// is right at its instant whatever job runs or does not: `(account, right)` is one indexed
/// look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entitlement {
    /// From what.
    pub source: EntitlementSource,
    /// Whose.
    pub account: AccountId,
    /// To what.
    pub right: Right,
    /// How much of it, from 1.
    pub tier: u8,
    /// Until when; `None` for good.
    pub until: Option<DateTime<Utc>>,
}

impl Entitlement {
    /// What a subscription gives now; `None` if it gives nothing.
    pub fn of_subscription(subscription: &Subscription) -> Option<Self> {
        let until = subscription.access_until()?;
        let terms = subscription.terms();
        Some(Self {
            source: EntitlementSource::Subscription(subscription.id()),
            account: subscription.subscriber(),
            right: terms.right,
            tier: terms.tier,
            until: Some(until),
        })
    }

    /// Whether it holds now.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The highest tier that any of these gives now; `None` without a right.
pub fn tier_of(entitlements: &[Entitlement], now: DateTime<Utc>) -> Option<u8> {
    entitlements.iter().filter(|it| it.holds(now)).map(|it| it.tier).max()
}
