//! The binary itself, as a process of its own, on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod caller;
mod clock;
mod commands;
mod faults;
mod jobs;
mod process;
mod rotation;
mod torture;
mod tour;
mod traces;
