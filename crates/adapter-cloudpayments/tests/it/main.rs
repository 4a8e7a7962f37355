//! The adapter against a gateway that speaks CloudPayments' protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bench;
mod demands;
