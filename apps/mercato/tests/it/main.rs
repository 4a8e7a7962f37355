//! The binary itself, as a process of its own, on a real PostgreSQL.

mod commands;
mod jobs;
mod process;
