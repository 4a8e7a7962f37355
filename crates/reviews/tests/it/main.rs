//! Reviews, with mocked ports.

mod lifecycle;
mod ratings;
mod service;
