use kernel::{Currency, Money, PaymentId};

use super::Account;
use super::commission::{SaleTerms, Split};
use super::journal::{Entry, LedgerError, LedgerFact};
use crate::{GatewayName, Seller};

/// What a gateway says of a payment's money, all since the beginning, in minor units. None of
/// them ever falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SaleSums {
    /// Taken.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Taken back by the payer's bank.
    pub charged_back: i64,
    /// What of that came back.
    pub reinstated: i64,
}

impl SaleSums {
    /// What the payer has back, in whatever way.
    pub const fn returned(self) -> i64 {
        self.refunded + self.charged_back - self.reinstated
    }

    /// The larger of each sum: what two facts together say, in whatever order they came.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            captured: self.captured.max(other.captured),
            refunded: self.refunded.max(other.refunded),
            charged_back: self.charged_back.max(other.charged_back),
            reinstated: self.reinstated.max(other.reinstated),
        }
    }
}

/// The accounts that a payment's money moves between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaleAccounts {
    /// The payment.
    pub payment: PaymentId,
    /// Through which gateway.
    pub gateway: GatewayName,
    /// Who sells.
    pub seller: Seller,
    /// How it is divided.
    pub terms: SaleTerms,
    /// In which currency.
    pub currency: Currency,
    /// Whether it was released to the provider.
    pub released: bool,
}

impl SaleAccounts {
    /// The entries for what changed between two sums: at most one for each of capture, refund,
    /// chargeback and reinstatement. What any steps between two sums post adds up to what one
    /// step would: each is the difference of what is left before and after.
    pub fn entries(self, before: SaleSums, after: SaleSums) -> Result<Vec<Entry>, LedgerError> {
        let after = before.joined(after);
        let captured = SaleSums { captured: after.captured, ..before };
        let refunded = SaleSums { refunded: after.refunded, ..captured };
        let charged_back = SaleSums { charged_back: after.charged_back, ..refunded };
        let gateway = self.gateway;
        let steps = [
            self.entry(
                LedgerFact::Capture,
                (before, captured),
                Account::GatewayClearing(gateway),
                after.captured,
            )?,
            self.entry(
                LedgerFact::Refund,
                (captured, refunded),
                Account::Refunds(gateway),
                after.refunded,
            )?,
            self.entry(
                LedgerFact::Chargeback,
                (refunded, charged_back),
                Account::Chargebacks(gateway),
                after.charged_back,
            )?,
            self.entry(
                LedgerFact::Reinstatement,
                (charged_back, after),
                Account::Chargebacks(gateway),
                after.reinstated,
            )?,
        ];
        Ok(steps.into_iter().flatten().collect())
    }

    fn entry(
        self,
        fact: LedgerFact,
        (from, to): (SaleSums, SaleSums),
        side: Account,
        total: i64,
    ) -> Result<Option<Entry>, LedgerError> {
        let (old, new) = (self.left(from), self.left(to));
        let kept = |sums: SaleSums| sums.captured - sums.returned();
        let money = |minor| Money::new(minor, self.currency);
        let mut postings = vec![
            (side, money(kept(to) - kept(from))),
            (Account::PlatformRevenue, money(old.platform - new.platform)),
            (Account::Tax, money(old.tax - new.tax)),
        ];
        if let Some(account) = self.provider_account() {
            postings.push((account, money(old.provider - new.provider)));
        }
        // The sum since the beginning names the fact: nothing can reach it twice.
        let reference = format!("{}:{}:{total}", self.payment, fact.name());
        let entry = Entry::balanced(fact, reference, postings)?;
        Ok(entry.map(|entry| entry.about_payment(self.payment)))
    }

    /// What a release moves to the provider: what is left of its part.
    pub fn releasable(self, sums: SaleSums) -> Money {
        Money::new(self.left(sums).provider, self.currency)
    }

    /// The entry for the release of what is left of the provider's part; `None` if there is
    /// nothing left, or the marketplace sold.
    pub fn release(self, sums: SaleSums) -> Result<Option<Entry>, LedgerError> {
        let Some(provider) = self.seller.provider() else { return Ok(None) };
        let left = self.releasable(sums);
        let owed = super::journal::negated(left)?;
        let postings = [
            (Account::ProviderPending(provider), left),
            (Account::ProviderPayable(provider), owed),
        ];
        let reference = format!("{}:release", self.payment);
        let entry = Entry::balanced(LedgerFact::Release, reference, postings)?;
        Ok(entry.map(|entry| entry.about_payment(self.payment)))
    }

    /// What is left of each part.
    pub fn left(self, sums: SaleSums) -> Split {
        self.terms.split(Money::new(sums.captured, self.currency)).left(sums.returned())
    }

    fn provider_account(self) -> Option<Account> {
        let provider = self.seller.provider()?;
        Some(if self.released {
            Account::ProviderPayable(provider)
        } else {
            Account::ProviderPending(provider)
        })
    }
}
