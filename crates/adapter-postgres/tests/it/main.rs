//! The adapter on a real PostgreSQL, a module per domain.

mod bookings;
mod catalog;
mod discovery;
mod identity;
mod jobs;
mod media;
mod notifications;
mod platform;
mod reviews;
