//! Mercato, the marketplace backend: HTTP, jobs, commands and the wiring between the domains and
//! their adapters. The binary is a thin `main` over this library, so that tests start the same
//! server that ships.

pub mod config;
pub mod http;
pub mod wiring;
