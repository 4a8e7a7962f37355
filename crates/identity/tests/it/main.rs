//! The domain as its users see it, with everything in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot arrange its world fails")]

mod administration;
mod effort;
mod lifecycle;
mod people;
mod session;
mod world;
