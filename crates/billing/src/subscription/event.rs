use chrono::{DateTime, Utc};
use kernel::{AccountId, PlanId, SubscriptionId};
use serde_json::{Value, json};

use super::Subscription;
use crate::{Right, Seller};

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened to a subscription.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SubscriptionHappening {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl SubscriptionHappening {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of its event.
            pub const fn event_name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("subscription.", $name, ".v1"),)+
                }
            }
        }
    };
}

happenings! {
    /// Somebody subscribed; nothing is paid yet.
    Created = "created",
    /// A trial began.
    TrialStarted = "trial_started",
    /// The first period is paid.
    Activated = "activated",
    /// A further period is paid.
    Renewed = "renewed",
    /// A charge was refused.
    PaymentFailed = "payment_failed",
    /// The trial ended and there was nothing to charge.
    Paused = "paused",
    /// The grace is over.
    Suspended = "suspended",
    /// It was called off, or will end with its period.
    Canceled = "canceled",
    /// It goes on after all.
    Resumed = "resumed",
    /// Another plan holds, or will from the next period.
    Changed = "changed",
    /// It is over.
    Expired = "expired",
}

/// Something that happened to a subscription, for the rest of the system. Ids and facts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// What.
    pub happening: SubscriptionHappening,
    /// To which.
    pub subscription: SubscriptionId,
    /// Whose.
    pub subscriber: AccountId,
    /// Who sells.
    pub seller: Seller,
    /// Its plan.
    pub plan: PlanId,
    /// What it gives the right to.
    pub right: Right,
    /// The state since.
    pub status: &'static str,
    /// Until when it gives access, if it does.
    pub access_until: Option<DateTime<Utc>>,
}

impl SubscriptionEvent {
    pub(crate) fn of(subscription: &Subscription, happening: SubscriptionHappening) -> Self {
        let record = subscription.record();
        Self {
            happening,
            subscription: record.id,
            subscriber: record.subscriber,
            seller: record.terms.seller,
            plan: record.terms.plan,
            right: record.terms.right,
            status: record.state.name(),
            access_until: record.state.access_until(&record.terms),
        }
    }

    pub(crate) fn payload(&self) -> Value {
        let (provider, listing) = match self.right {
            Right::Provider(provider) => (Some(provider), None),
            Right::Listing(listing) => (None, Some(listing)),
            Right::Selling => (None, None),
        };
        json!({
            "subscription_id": self.subscription,
            "subscriber_account_id": self.subscriber,
            "seller_provider_id": self.seller.provider(),
            "seller_account_id": match self.seller {
                Seller::Provider { account, .. } => Some(account),
                Seller::Platform => None,
            },
            "plan_id": self.plan,
            "right": self.right.name(),
            "provider_id": provider,
            "listing_id": listing,
            "status": self.status,
            "access_until": self.access_until.map(crate::error::shown),
        })
    }
}
