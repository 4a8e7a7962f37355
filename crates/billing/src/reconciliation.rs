//! What a gateway says it settled, beside what the ledger says: a list of differences. Nothing is
//! ever corrected by itself.

use std::collections::BTreeMap;

use kernel::{Currency, Money};
use thiserror::Error;

/// What a line of a settlement file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SettlementKind {
    /// Money was taken.
    Capture,
    /// Money went back.
    Refund,
    /// A bank took money back.
    Chargeback,
    /// What a bank took came back.
    Reinstatement,
}

impl SettlementKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Capture, Self::Refund, Self::Chargeback, Self::Reinstatement];

    /// Its name in files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Reinstatement => "reinstatement",
        }
    }
}

/// One line: of the gateway's file, or of the ledger. Several lines of one kind and transaction
/// (partial refunds) count together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementLine {
    /// What.
    pub kind: SettlementKind,
    /// The gateway's transaction.
    pub transaction: String,
    /// How much; never negative.
    pub amount: Money,
}

/// Where the two do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Difference {
    /// The ledger has nothing of it.
    #[error("{} of {transaction}: the gateway says {theirs}, the ledger has nothing", kind.name())]
    MissingHere {
        /// What.
        kind: SettlementKind,
        /// The gateway's transaction.
        transaction: String,
        /// What the gateway says.
        theirs: Money,
    },
    /// The gateway has nothing of it.
    #[error("{} of {transaction}: the ledger says {ours}, the gateway has nothing", kind.name())]
    MissingThere {
        /// What.
        kind: SettlementKind,
        /// The gateway's transaction.
        transaction: String,
        /// What the ledger says.
        ours: Money,
    },
    /// They say different amounts.
    #[error("{} of {transaction}: the gateway says {theirs}, the ledger {ours}", kind.name())]
    Amount {
        /// What.
        kind: SettlementKind,
        /// The gateway's transaction.
        transaction: String,
        /// What the ledger says.
        ours: Money,
        /// What the gateway says.
        theirs: Money,
    },
}

/// Compares the ledger with the gateway's file, transaction by transaction. Empty if they agree;
/// else in the order of transactions.
pub fn reconcile(ours: &[SettlementLine], theirs: &[SettlementLine]) -> Vec<Difference> {
    let (ours, mut theirs) = (added_up(ours), added_up(theirs));
    let mut differences = Vec::new();
    for ((transaction, kind, currency), ours) in ours {
        let key = (transaction.clone(), kind, currency);
        match theirs.remove(&key) {
            Some(theirs) if theirs == ours => {}
            Some(theirs) => {
                differences.push(Difference::Amount { kind, transaction, ours, theirs });
            }
            None if ours.minor() == 0 => {}
            None => differences.push(Difference::MissingThere { kind, transaction, ours }),
        }
    }
    for ((transaction, kind, _), theirs) in theirs {
        if theirs.minor() != 0 {
            differences.push(Difference::MissingHere { kind, transaction, theirs });
        }
    }
    differences.sort_by(|a, b| a.key().cmp(&b.key()));
    differences
}

impl Difference {
    fn key(&self) -> (&str, SettlementKind) {
        match self {
            Self::MissingHere { kind, transaction, .. }
            | Self::MissingThere { kind, transaction, .. }
            | Self::Amount { kind, transaction, .. } => (transaction, *kind),
        }
    }
}

type Key = (String, SettlementKind, &'static str);

fn added_up(lines: &[SettlementLine]) -> BTreeMap<Key, Money> {
    let mut sums: BTreeMap<Key, Money> = BTreeMap::new();
    for line in lines {
        let currency = line.amount.currency();
        let key = (line.transaction.clone(), line.kind, currency.code());
        let sum = sums.entry(key).or_insert(Money::zero(currency));
        let more = sum.minor().saturating_add(line.amount.minor());
        *sum = Money::new(more, currency);
    }
    sums
}

/// Why a settlement file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} is not `kind,transaction,amount in minor units,currency`: {problem}")]
pub struct SettlementFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Reads a settlement file: CSV with the columns kind, transaction, amount in minor units and
/// currency, after one line of headings. An adapter turns its gateway's own format into this one.
pub fn parse_settlement(file: &str) -> Result<Vec<SettlementLine>, SettlementFileError> {
    let mut lines = Vec::new();
    for (index, text) in file.lines().enumerate().skip(1) {
        if text.trim().is_empty() {
            continue;
        }
        let wrong = |problem| SettlementFileError { line: index + 1, problem };
        let mut columns = text.split(',').map(str::trim);
        let mut column = || columns.next().ok_or_else(|| wrong("a column is missing"));
        let (kind, transaction, amount, currency) = (column()?, column()?, column()?, column()?);
        let kind = SettlementKind::ALL.into_iter().find(|known| known.name() == kind);
        let amount: i64 = amount.parse().map_err(|_| wrong("the amount is not a whole number"))?;
        if amount < 0 || transaction.is_empty() {
            return Err(wrong("the amount is negative, or the transaction missing"));
        }
        let currency = Currency::from_stored(currency).map_err(|_| wrong("no such currency"))?;
        lines.push(SettlementLine {
            kind: kind.ok_or_else(|| wrong("no such kind"))?,
            transaction: transaction.to_owned(),
            amount: Money::new(amount, currency),
        });
    }
    Ok(lines)
}
