//! The lifecycle as one table, its docs, its properties; the slots; the use cases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod docs;
mod lifecycle;
mod properties;
mod service;
mod slots;
