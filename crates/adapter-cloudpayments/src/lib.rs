//! The gateway port over CloudPayments.
//!
//! What to know of it:
//!
//! - Its amounts are decimal numbers of at most two digits; a currency with other decimals is refused.
//! - The answer to a charge is told apart by its model: an `AcsUrl` means 3-D Secure, `Status` the
//!   rest. `Success` means little.
//! - An `X-Request-ID` makes a repeated call one call for an hour. Later only the reference of the
//!   attempt (`InvoiceId`) tells what happened.
//! - Keeping a card without a payment is beyond it, and so is running subscriptions our way: cards
//!   are kept with a payment, and charged by their token.
//! - A payment does not say how much of it was given back in parts; it is added up from the list of
//!   transactions. What banks took back ([`billing::SettlementKind::Chargeback`]) comes with the
//!   settlement file only.

mod amount;
mod decline;
mod gateway;
mod message;
mod transaction;

pub use gateway::CloudPaymentsGateway;
