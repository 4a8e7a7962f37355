//! The binary itself, as a process of its own, on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod clock;
mod commands;
mod jobs;
mod process;
