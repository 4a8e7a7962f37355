use std::collections::{BTreeMap, BTreeSet};

use kernel::{Money, MoneyError};

use super::journal::imbalance;
use super::{Account, Journal, JournalId};

/// What stands on an account in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// Its postings added up: what is owed to us is positive, what we owe negative.
    pub balance: Money,
}

/// Something that is wrong with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// A journal does not add up to nothing.
    #[error("journal {journal} is off by {off}")]
    Unbalanced {
        /// Which.
        journal: JournalId,
        /// By how much.
        off: Money,
    },
    /// Two journals stand for the same fact.
    #[error("`{reference}` is posted twice, the second time as {journal}")]
    PostedTwice {
        /// The fact.
        reference: String,
        /// The second one.
        journal: JournalId,
    },
    /// A stored balance is not the sum of its postings.
    #[error("{account} holds {stored}, but its postings add up to {counted}")]
    WrongBalance {
        /// Which account.
        account: Account,
        /// What is stored.
        stored: Money,
        /// What the postings add up to.
        counted: Money,
    },
    /// Amounts that cannot be added.
    #[error("the ledger cannot be added up: {0}")]
    Money(MoneyError),
}

/// Adds everything up again and compares it with the stored balances. Empty if all is well.
pub fn recount<'a>(
    journals: impl IntoIterator<Item = &'a Journal>,
    stored: &[AccountBalance],
) -> Vec<LedgerFault> {
    let mut faults = Vec::new();
    let mut references = BTreeSet::new();
    let mut sums: BTreeMap<(Account, &'static str), Money> = BTreeMap::new();
    for journal in journals {
        let entry = journal.entry();
        match imbalance(entry.postings()) {
            Ok(Some(off)) => faults.push(LedgerFault::Unbalanced { journal: journal.id(), off }),
            Ok(None) => {}
            Err(error) => faults.push(LedgerFault::Money(error)),
        }
        if !references.insert(entry.reference().to_owned()) {
            let reference = entry.reference().to_owned();
            faults.push(LedgerFault::PostedTwice { reference, journal: journal.id() });
        }
        for posting in entry.postings() {
            let currency = posting.amount.currency();
            let sum =
                sums.entry((posting.account, currency.code())).or_insert(Money::zero(currency));
            match sum.checked_add(posting.amount) {
                Ok(more) => *sum = more,
                Err(error) => faults.push(LedgerFault::Money(error)),
            }
        }
    }
    for AccountBalance { account, balance } in stored {
        let counted = sums
            .remove(&(*account, balance.currency().code()))
            .unwrap_or(Money::zero(balance.currency()));
        if counted != *balance {
            let (account, stored) = (*account, *balance);
            faults.push(LedgerFault::WrongBalance { account, stored, counted });
        }
    }
    for ((account, _), counted) in sums {
        if counted.minor() != 0 {
            let stored = Money::zero(counted.currency());
            faults.push(LedgerFault::WrongBalance { account, stored, counted });
        }
    }
    faults
}
