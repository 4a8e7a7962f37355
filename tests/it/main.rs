//! The marketplace over HTTP, as it ships.

mod bookings;
mod catalog;
mod discovery;
mod errors;
mod identity;
mod jobs;
mod media;
mod notifications;
mod protocol;
mod reviews;
