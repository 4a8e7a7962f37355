//! The marketplace over HTTP, as it ships.

mod bookings;
mod catalog;
mod contract;
mod discovery;
mod errors;
mod features;
mod hostile;
mod identity;
mod idleness;
mod jobs;
mod media;
mod notifications;
mod permissions;
mod pictures;
mod protocol;
mod quota;
mod readme;
mod reviews;
mod scenario_h;
mod scenario_s;
mod secrets;
mod security;
