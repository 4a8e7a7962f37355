//! The parts do what tests rely on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod database;
mod mail;
mod s3;
