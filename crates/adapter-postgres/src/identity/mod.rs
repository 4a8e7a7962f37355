//! The ports of `identity`.

mod accounts;
mod audit;
mod links;
mod sessions;
mod store;
mod throttle;
