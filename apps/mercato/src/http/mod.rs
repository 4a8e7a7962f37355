//! REST: extract, call, present. What the routes share lives in the modules listed first; every
//! other module is the face of one domain.

mod body;
mod caller;
mod cursor;
mod errors_page;
mod etag;
mod headers;
mod idempotency;
mod limits;
mod openapi;
mod page;
mod problem;
mod query;
mod request;
mod routes;
mod server;

pub use caller::{Authenticator, Unauthenticated};
pub use cursor::CursorKey;
pub use limits::RateLimits;
pub use openapi::openapi;
pub use problem::Problem;
pub use server::{Running, ServerError, Settings, State, start};
