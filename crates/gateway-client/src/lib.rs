//! What the clients of payment gateways share: one HTTP call, and how sure we are of what it did.
//!
//! A call ends within [`DEADLINE`]. If it brings no answer that can be read, the error says whether
//! the gateway surely did not act ([`GatewayError::NotDone`]) or may have
//! ([`GatewayError::Unknown`]). A call that moves money is repeated only if no connection came to be;
//! one that only reads is repeated once. After [`Breaker::LIMIT`] failures in a row nothing is sent
//! for half a minute.

mod breaker;
mod client;
mod signature;

pub use breaker::Breaker;
pub use client::{Address, AddressError, DEADLINE, GatewayClient, Reply, senseless};
pub use signature::{hmac_holds, hmac_sha256};

#[cfg(doc)]
use billing::GatewayError;
