//! The lifecycles as tables and pages, the properties of money, and the use cases over a store in
//! memory and a gateway of tricks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod banks;
mod docs;
mod facts;
mod ledger;
mod lifecycles;
mod money_out;
mod paper;
mod payments;
mod periods;
mod subscriptions;
mod webhooks;
mod world;
