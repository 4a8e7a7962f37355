use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::{Currency, Ids, Money, MoneyError, PaymentId, PayoutId};
use thiserror::Error;

use super::Account;

kernel::id! {
    /// One balanced transaction of the ledger.
    pub struct JournalId("jrn");
}

/// One line of a journal: so much onto one account. A debit is positive, a credit negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Onto which account.
    pub account: Account,
    /// How much; never nothing.
    pub amount: Money,
}

/// Which business fact a journal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LedgerFact {
    /// A payer's money was taken.
    Capture,
    /// What was sold is delivered and the holding time over: the money is the provider's.
    Release,
    /// A payer got money back.
    Refund,
    /// A payer's bank took money back.
    Chargeback,
    /// What a bank took came back.
    Reinstatement,
    /// A part of a provider's money is kept back.
    ReserveHold,
    /// What was kept back is the provider's again.
    ReserveRelease,
    /// What was kept back covers what a provider owes.
    Clawback,
    /// Money is on its way to a provider.
    PayoutSent,
    /// It arrived.
    PayoutPaid,
    /// It did not, and is the provider's again.
    PayoutReturned,
    /// A gateway paid us what it held.
    Settlement,
}

impl LedgerFact {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 12] = [
        Self::Capture,
        Self::Release,
        Self::Refund,
        Self::Chargeback,
        Self::Reinstatement,
        Self::ReserveHold,
        Self::ReserveRelease,
        Self::Clawback,
        Self::PayoutSent,
        Self::PayoutPaid,
        Self::PayoutReturned,
        Self::Settlement,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Reinstatement => "reinstatement",
            Self::ReserveHold => "reserve_hold",
            Self::ReserveRelease => "reserve_release",
            Self::Clawback => "clawback",
            Self::PayoutSent => "payout_sent",
            Self::PayoutPaid => "payout_paid",
            Self::PayoutReturned => "payout_returned",
            Self::Settlement => "settlement",
        }
    }
}

/// Why a journal cannot be made: a defect, or an amount beyond 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// Its postings do not add up to nothing.
    #[error("the postings of `{reference}` are off by {off}")]
    Unbalanced {
        /// The journal's reference.
        reference: String,
        /// What is missing or too much.
        off: Money,
    },
    /// An amount that must not be negative is.
    #[error("`{reference}` is about a negative amount")]
    Negative {
        /// The journal's reference.
        reference: String,
    },
    /// Amounts that cannot be added.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// A balanced transaction that waits to be posted. Only the functions of this module for the
/// business facts make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    fact: LedgerFact,
    reference: String,
    payment: Option<PaymentId>,
    payout: Option<PayoutId>,
    postings: Vec<Posting>,
}

impl Entry {
    /// Checks and keeps postings; those of nothing are left out. `None` if nothing is left.
    pub(super) fn balanced(
        fact: LedgerFact,
        reference: String,
        postings: impl IntoIterator<Item = (Account, Money)>,
    ) -> Result<Option<Self>, LedgerError> {
        let postings: Vec<Posting> = postings
            .into_iter()
            .filter(|(_, amount)| amount.minor() != 0)
            .map(|(account, amount)| Posting { account, amount })
            .collect();
        let entry = Self { fact, reference, payment: None, payout: None, postings };
        match imbalance(&entry.postings)? {
            Some(off) => Err(LedgerError::Unbalanced { reference: entry.reference, off }),
            None if entry.postings.is_empty() => Ok(None),
            None => Ok(Some(entry)),
        }
    }

    pub(super) fn about_payment(self, payment: PaymentId) -> Self {
        Self { payment: Some(payment), ..self }
    }

    pub(super) fn about_payout(self, payout: PayoutId) -> Self {
        Self { payout: Some(payout), ..self }
    }

    /// What it stands for.
    pub const fn fact(&self) -> LedgerFact {
        self.fact
    }

    /// Unique over the ledger, so that a fact is posted once.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The payment it is about, if it is about one.
    pub const fn payment(&self) -> Option<PaymentId> {
        self.payment
    }

    /// The payout it is about, if it is about one.
    pub const fn payout(&self) -> Option<PayoutId> {
        self.payout
    }

    /// Its lines; never empty, and nothing when added up.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// A posted transaction. It is never changed: what was wrong is corrected by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    id: JournalId,
    entry: Entry,
    at: DateTime<Utc>,
}

impl Journal {
    /// Posts an entry.
    pub fn post(entry: Entry, at: DateTime<Utc>, ids: &dyn Ids) -> Self {
        Self { id: JournalId::next(ids), entry, at }
    }

    /// The journal of a record. It is checked again: what does not add up is corrupt.
    pub fn restore(
        id: JournalId,
        fact: LedgerFact,
        reference: String,
        payment: Option<PaymentId>,
        payout: Option<PayoutId>,
        postings: Vec<Posting>,
        at: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        if let Some(off) = imbalance(&postings)? {
            return Err(LedgerError::Unbalanced { reference, off });
        }
        Ok(Self { id, entry: Entry { fact, reference, payment, payout, postings }, at })
    }

    /// Its id.
    pub const fn id(&self) -> JournalId {
        self.id
    }

    /// What was posted.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// When.
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

/// What postings are off by in one of their currencies; `None` if they add up to nothing in each.
pub(super) fn imbalance(postings: &[Posting]) -> Result<Option<Money>, MoneyError> {
    let mut sums: BTreeMap<&'static str, Money> = BTreeMap::new();
    for Posting { amount, .. } in postings {
        let currency: Currency = amount.currency();
        let sum = sums.entry(currency.code()).or_insert(Money::zero(currency));
        *sum = sum.checked_add(*amount)?;
    }
    Ok(sums.into_values().find(|sum| sum.minor() != 0))
}

/// The same amount on the other side.
pub(super) fn negated(amount: Money) -> Result<Money, MoneyError> {
    Money::zero(amount.currency()).checked_sub(amount)
}
