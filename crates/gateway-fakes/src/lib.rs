//! Gateways for tests: Stripe and CloudPayments, in the test's own process, on a free port, gone with
//! it. They speak the true protocols, and strictly: what the real one would refuse is refused here,
//! in the same words as far as the manuals give them.
//!
//! Each keeps state, is hostile on command ([`hostile_http::Faults`], [`hostile_http::Weather`]), and
//! knows what really happened to the money: [`Charged`].
//!
//! No card number of a person ever comes here: the numbers are those of the gateways' test cards.

#![recursion_limit = "256"] // an answer of CloudPayments has seventy fields

mod charged;
mod cloudpayments;
pub mod conformance;
mod signature;
mod stripe;

pub use charged::Charged;
pub use cloudpayments::{CloudPaymentsFake, Notification, sealed_card};
pub use hostile_http::{Courier, Delivered, Fault, Faults, Request, Weather};
pub use stripe::{StripeFake, stripe_signature};
