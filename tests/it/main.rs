//! The marketplace over HTTP, as it ships.

mod bookings;
mod catalog;
mod discovery;
mod errors;
mod hostile;
mod identity;
mod idleness;
mod jobs;
mod media;
mod notifications;
mod permissions;
mod protocol;
mod reviews;
mod scenario_h;
mod scenario_s;
mod secrets;
mod security;
