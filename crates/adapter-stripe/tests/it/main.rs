//! The adapter against a gateway that speaks Stripe's protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bench;
mod demands;
mod subscriptions;
