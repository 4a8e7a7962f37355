//! The fakes speak as the manuals say, and misbehave only when told to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod cloudpayments;
mod cloudpayments_more;
mod receiver;
mod stripe;
mod stripe_billing;
mod stripe_events;
mod wire;
