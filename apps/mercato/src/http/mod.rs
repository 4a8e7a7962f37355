//! REST: extract, call, present. What the routes share lives in the modules listed first; every
//! other module is the face of one domain.

mod accounts;
mod audit;
mod auth;
mod availability;
mod body;
mod bookings;
mod calendar;
mod caller;
mod clock;
mod cursor;
mod errors_page;
mod etag;
mod headers;
mod health;
mod idempotency;
mod jobs;
mod limits;
mod me;
mod media;
mod money;
mod notifications;
mod openapi;
mod page;
mod permission;
mod permissions;
mod problem;
mod query;
mod request;
mod reviews;
mod routes;
mod server;
mod strict;
mod uploads;

pub use caller::{Authenticator, Unauthenticated};
pub use cursor::CursorKey;
pub use health::Readiness;
pub use limits::RateLimits;
pub use openapi::openapi;
pub use permissions::{Object, PERMISSIONS, Permission, permission_of};
pub use problem::Problem;
pub use server::{Running, ServerError, Settings, State, start};
