//! The gateway port over Stripe.
//!
//! What to know of it:
//!
//! - One attempt is one `PaymentIntent`. It carries the payment and the reference of the attempt as
//!   metadata (`payment`, `attempt`); a lost answer is found by the second.
//! - The search by metadata lags behind by up to a minute; that is why billing believes "never heard
//!   of it" only after [`billing::SETTLING_TIME`].
//! - A kept card belongs to a customer of Stripe's, so that its token here is `customer:method`.
//! - Providers are paid by transfers to their connected accounts.
//! - Requests and answers are few and small; they are read as JSON, field by field, so that an answer
//!   of a later version of the API stays readable. The version is pinned by a header.

mod answer;
mod call;
mod gateway;
mod message;
mod subscription;

pub use gateway::StripeGateway;
