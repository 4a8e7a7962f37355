//! The ledger: journals are added, balances follow, nothing changes.

mod audit;
mod reads;
mod repository;
mod row;

pub(super) use reads::{
    journals, payout_candidates, provider_balances, settlement_lines, statement,
};
