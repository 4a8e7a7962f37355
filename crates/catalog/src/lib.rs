//! The catalogue: listing types, listings, providers, categories and media.

pub mod media;
