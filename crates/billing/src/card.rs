use chrono::{DateTime, Utc};
use kernel::AccountId;

use crate::{BillingError, GatewayName, KeptCard, Secret};

kernel::id! {
    /// A card that a payer lets a gateway keep.
    pub struct CardId("crd");
}

/// A card that a payer lets a gateway keep for them. The token works at that gateway only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCard {
    /// Its id.
    pub id: CardId,
    /// Whose.
    pub account: AccountId,
    /// Where it is kept.
    pub gateway: GatewayName,
    /// What charges it.
    pub token: Secret,
    /// `visa`, `mir`, …
    pub brand: String,
    /// The last four digits, as text: zeros lead.
    pub last_four: String,
    /// Month and year of its end: `12/29`.
    pub expires: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When its owner took it back, if they did. It is kept for the history and never charged.
    pub removed_at: Option<DateTime<Utc>>,
}

impl SavedCard {
    /// A card that a gateway has kept.
    pub fn keep(
        id: CardId,
        account: AccountId,
        gateway: GatewayName,
        kept: KeptCard,
        now: DateTime<Utc>,
    ) -> Self {
        let KeptCard { token, brand, last_four, expires } = kept;
        let (created_at, removed_at) = (now, None);
        Self { id, account, gateway, token, brand, last_four, expires, created_at, removed_at }
    }

    /// Passes for a card that this account can be charged by at this gateway.
    pub(crate) fn usable(
        self,
        account: AccountId,
        gateway: GatewayName,
    ) -> Result<Self, BillingError> {
        if self.account == account && self.gateway == gateway && self.removed_at.is_none() {
            Ok(self)
        } else {
            Err(BillingError::CardNotFound { id: self.id })
        }
    }
}
