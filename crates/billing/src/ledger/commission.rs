use kernel::{CategoryId, Currency, Money, ProviderId};
use serde::Deserialize;

use crate::share::{basis_points, net_of, proportion};
use crate::{PurposeKind, SaleContext, Seller};

/// A part of a commission that does not depend on the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedPart {
    /// In minor units, not negative.
    pub amount: u32,
    /// In which currency; the rule is for sales in it only.
    pub currency: Currency,
}

/// One rule of the commission. The first rule of the list that fits a sale is its rule; a sale
/// that none fits is free of commission.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommissionRule {
    /// Only for this provider.
    pub provider: Option<ProviderId>,
    /// Only for listings in this category or below it.
    pub category: Option<CategoryId>,
    /// Only for listings of the type with this key.
    pub listing_type: Option<String>,
    /// Only for payments of this kind.
    pub purpose: Option<PurposeKind>,
    /// Of the price, in ten-thousandths: 1000 are 10 %. At most 10000.
    pub basis_points: u32,
    /// On top of that.
    pub fixed: Option<FixedPart>,
    /// Value-added tax on the commission, in ten-thousandths, which the provider pays on top of
    /// it. At most 10000.
    pub vat_basis_points: u32,
}

impl CommissionRule {
    fn fits(&self, sale: &SaleContext, currency: Currency) -> bool {
        self.provider.is_none_or(|provider| sale.seller.provider() == Some(provider))
            && self.category.is_none_or(|category| sale.categories.contains(&category))
            && self.listing_type.as_ref().is_none_or(|key| sale.listing_type.as_ref() == Some(key))
            && self.purpose.is_none_or(|purpose| sale.purpose == purpose)
            && self.fixed.is_none_or(|fixed| fixed.currency == currency)
    }
}

/// How a sale is divided: found once when it is made, kept with it, and never looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleTerms {
    /// A provider sells; the marketplace takes a commission and the tax on it.
    Commission {
        /// Of the price, in ten-thousandths.
        basis_points: u32,
        /// On top of that, in minor units of the sale's currency.
        fixed: u32,
        /// Tax on the commission, in ten-thousandths.
        vat_basis_points: u32,
    },
    /// The marketplace sells; its price holds the tax.
    OwnSale {
        /// Tax in the price, in ten-thousandths of the net price.
        vat_basis_points: u32,
    },
}

/// The parts of an amount. Together they are the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// The provider's, in minor units.
    pub provider: i64,
    /// The marketplace's.
    pub platform: i64,
    /// The tax office's.
    pub tax: i64,
}

impl Split {
    /// All of it.
    pub const fn whole(self) -> i64 {
        self.provider + self.platform + self.tax
    }

    /// What of each part goes back when `returned` of the whole went back, counted from the first
    /// minor unit: in proportion, never recomputed. What steps give back adds up to what one step
    /// would, to the minor unit, and no part ever grows again. What is returned beyond the whole
    /// (a bank takes back what was refunded already) is the provider's to bear, or the
    /// marketplace's where it sells itself.
    #[must_use]
    pub fn reversed(self, returned: i64) -> Self {
        let whole = self.whole();
        // Nested, so that each part moves one way whatever the rounding.
        let fees = proportion(self.platform + self.tax, returned, whole);
        let platform = proportion(self.platform, fees, self.platform + self.tax);
        let tax = fees - platform;
        let rest = returned - fees;
        if self.provider == 0 && self.platform > 0 {
            return Self { provider: 0, platform: platform + rest, tax };
        }
        Self { provider: rest, platform, tax }
    }

    /// What is left of each part when `returned` went back.
    #[must_use]
    pub fn left(self, returned: i64) -> Self {
        let gone = self.reversed(returned);
        Self {
            provider: self.provider - gone.provider,
            platform: self.platform - gone.platform,
            tax: self.tax - gone.tax,
        }
    }
}

impl SaleTerms {
    /// The parts of a price. Commission and its tax never exceed it.
    pub fn split(self, price: Money) -> Split {
        let gross = price.minor();
        match self {
            Self::Commission { basis_points: points, fixed, vat_basis_points } => {
                let wanted = basis_points(gross, points).saturating_add(i64::from(fixed));
                let platform = wanted.min(gross);
                let tax = basis_points(platform, vat_basis_points);
                if platform.saturating_add(tax) > gross {
                    let platform = net_of(gross, vat_basis_points);
                    return Split { provider: 0, platform, tax: gross - platform };
                }
                Split { provider: gross - platform - tax, platform, tax }
            }
            Self::OwnSale { vat_basis_points } => {
                let platform = net_of(gross, vat_basis_points);
                Split { provider: 0, platform, tax: gross - platform }
            }
        }
    }
}

/// The terms of a sale by the first rule that fits.
pub fn terms_for(
    rules: &[CommissionRule],
    own_vat_basis_points: u32,
    sale: &SaleContext,
    price: Money,
) -> SaleTerms {
    match sale.seller {
        Seller::Platform => SaleTerms::OwnSale { vat_basis_points: own_vat_basis_points },
        Seller::Provider { .. } => {
            let rule = rules.iter().find(|rule| rule.fits(sale, price.currency()));
            rule.map_or(
                SaleTerms::Commission { basis_points: 0, fixed: 0, vat_basis_points: 0 },
                |rule| SaleTerms::Commission {
                    basis_points: rule.basis_points,
                    fixed: rule.fixed.map_or(0, |fixed| fixed.amount),
                    vat_basis_points: rule.vat_basis_points,
                },
            )
        }
    }
}
