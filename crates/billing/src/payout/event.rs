use kernel::{AccountId, Money, PayoutId, ProviderId};
use serde_json::{Value, json};

use super::Payout;

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened to a payout.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum PayoutHappening {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl PayoutHappening {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of its event.
            pub const fn event_name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("payout.", $name, ".v1"),)+
                }
            }
        }
    };
}

happenings! {
    /// Money is on its way.
    Created = "created",
    /// It arrived.
    Paid = "paid",
    /// It was refused; the money is the provider's again.
    Failed = "failed",
    /// It was called off; the money is the provider's again.
    Cancelled = "cancelled",
}

/// Something that happened to a payout, for the rest of the system. Ids and facts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutEvent {
    /// What.
    pub happening: PayoutHappening,
    /// To which.
    pub payout: PayoutId,
    /// Whose.
    pub provider: ProviderId,
    /// The provider's account.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// The state since.
    pub status: &'static str,
}

impl PayoutEvent {
    pub(crate) fn of(payout: &Payout, happening: PayoutHappening) -> Self {
        Self {
            happening,
            payout: payout.id,
            provider: payout.provider,
            account: payout.account,
            amount: payout.amount,
            status: payout.state.name(),
        }
    }

    pub(crate) fn payload(&self) -> Value {
        json!({
            "payout_id": self.payout,
            "provider_id": self.provider,
            "provider_account_id": self.account,
            "amount": {"amount": self.amount.minor(), "currency": self.amount.currency()},
            "status": self.status,
        })
    }
}
