//! The adapter on a real PostgreSQL, a module per domain.
#![expect(clippy::unwrap_used, reason = "a test that cannot arrange its world fails right there")]
mod billing;
mod bookings;
mod catalog;
mod copies;
mod discovery;
mod identity;
mod jobs;
mod media;
mod notifications;
mod partitions;
mod platform;
mod promotions;
mod reviews;
mod tls;
