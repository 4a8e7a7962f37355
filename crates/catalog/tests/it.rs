//! What the catalogue promises, without a database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "it/attributes.rs"]
mod attributes;
#[path = "it/lifecycles.rs"]
mod lifecycles;
#[path = "it/services.rs"]
mod services;
