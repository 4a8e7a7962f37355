//! The lifecycles as tables, their docs and properties; products, coupons; the use cases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod coupons;
mod docs;
mod events;
mod lifecycle;
mod products;
mod properties;
mod service;
mod statistics;
