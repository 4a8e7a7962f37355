use std::sync::Arc;

use billing::{InvoiceParty, Policy};
use kernel::{Clock, SystemClock};

use super::SecretKeys;

/// What the store has to be told for billing.
#[derive(Debug, Clone)]
pub struct Billing {
    /// What card tokens and payout destinations are encrypted with.
    pub keys: SecretKeys,
    /// How the marketplace itself is named on its invoices.
    pub issuer: InvoiceParty,
    /// What happens to a booking has to happen to its money by this policy, in one transaction.
    pub policy: Policy,
    /// The time by which it happens, and by which what somebody paid for begins and ends.
    pub clock: Arc<dyn Clock>,
}

/// The same, shared by all transactions of a store.
#[derive(Debug, Clone)]
pub(crate) struct BillingParts(Arc<Billing>);

impl From<Billing> for BillingParts {
    fn from(billing: Billing) -> Self {
        Self(Arc::new(billing))
    }
}

impl Default for BillingParts {
    /// A marketplace that takes no money and keeps no cards.
    fn default() -> Self {
        Self::from(Billing {
            keys: SecretKeys::default(),
            issuer: InvoiceParty { name: String::new(), details: Vec::new() },
            policy: Policy::default(),
            clock: Arc::new(SystemClock),
        })
    }
}

impl std::ops::Deref for BillingParts {
    type Target = Billing;

    fn deref(&self) -> &Billing {
        &self.0
    }
}
