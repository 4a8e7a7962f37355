//! The lifecycle as one table, its docs, its properties; the slots; the use cases; the mocks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod docs;
mod lifecycle;
mod mocks;
mod properties;
mod service;
mod slots;
