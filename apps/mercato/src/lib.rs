//! Mercato, the marketplace backend: HTTP, jobs, commands and the wiring between the domains and
//! their adapters. The binary is a thin `main` over this library, so that tests start the same
//! server that ships.

pub mod clock;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod http;
pub mod jobs;
mod mail;
pub mod profile;
mod seed;
pub mod sessions;
pub mod telemetry;
pub mod traces;
pub mod wiring;
