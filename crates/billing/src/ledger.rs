//! Double entry: every movement of money is one [`Journal`] whose postings add up to nothing, in
//! each currency. A journal is made by a function for the business fact that it stands for, and
//! cannot be made unbalanced; its reference is unique, so that a fact is posted once.
//!
//! Debits are positive, credits negative. What the marketplace owes to providers and to the tax
//! office is therefore a negative balance, what gateways and banks hold for it a positive one.

mod account;
mod audit;
mod commission;
mod journal;
mod money_out;
mod sale;

pub use account::{Account, AccountKind, UnknownAccount};
pub use audit::{AccountBalance, LedgerFault, recount};
pub use commission::{CommissionRule, FixedPart, SaleTerms, Split, terms_for};
pub use journal::{Entry, Journal, JournalId, LedgerError, LedgerFact, Posting};
pub use money_out::{
    clawback, gateway_settlement, payout_paid, payout_returned, payout_sent, reserve_hold,
    reserve_release,
};
pub use sale::{SaleAccounts, SaleSums};
