use kernel::Currency;
use serde::Deserialize;

use crate::{CommissionRule, Dunning, GatewayName, PayoutTerms, PurposeKind};

/// Which gateway takes money in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayChoice {
    /// In which currency; in all others if unset.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Through which gateway.
    pub gateway: GatewayName,
}

/// What differs between marketplaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The gateway for a payment that names none: the first that fits.
    pub gateways: Vec<GatewayChoice>,
    /// The commission of a sale: the first rule that fits.
    pub commission: Vec<CommissionRule>,
    /// Tax in what the marketplace itself sells, in ten-thousandths of the net price.
    pub own_vat_basis_points: u32,
    /// When providers get their money.
    pub payouts: PayoutTerms,
    /// What happens when a renewal fails, where a plan does not say.
    pub dunning: Dunning,
    /// For what invoices are issued.
    pub invoiced: Vec<PurposeKind>,
    /// Where apps may have payers sent back to: what their addresses begin with.
    pub return_to: Vec<String>,
    /// Minutes for which a gateway's own page is open.
    pub checkout_minutes: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            gateways: Vec::new(),
            commission: Vec::new(),
            own_vat_basis_points: 0,
            payouts: PayoutTerms::default(),
            dunning: Dunning::default(),
            invoiced: vec![
                PurposeKind::Subscription,
                PurposeKind::Promotion,
                PurposeKind::Purchase,
            ],
            return_to: Vec::new(),
            checkout_minutes: 60,
        }
    }
}

impl Policy {
    /// The gateway for a payment in this currency that names none.
    pub fn gateway_for(&self, currency: Currency) -> Option<GatewayName> {
        let fits = |choice: &&GatewayChoice| choice.currency.is_none_or(|it| it == currency);
        self.gateways.iter().find(fits).map(|choice| choice.gateway)
    }

    /// Whether a payer may be sent there. What an address begins with has to end where a part of
    /// it ends, so that `https://app.example` does not admit `https://app.example.evil`.
    pub fn admits_return(&self, address: &str) -> bool {
        let clean = address.len() <= 2000 && address.chars().all(|c| c.is_ascii_graphic());
        clean
            && self.return_to.iter().any(|start| {
                address.strip_prefix(start.as_str()).is_some_and(|rest| {
                    start.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?', '#'])
                })
            })
    }
}
