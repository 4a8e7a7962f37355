//! Payments and their refunds.

mod document;
mod reads;
mod refund;
mod repository;
mod row;

pub(super) use reads::{payment, payments};
