//! What the catalogue promises, without a database.

#[path = "it/attributes.rs"]
mod attributes;
#[path = "it/lifecycles.rs"]
mod lifecycles;
#[path = "it/services.rs"]
mod services;
