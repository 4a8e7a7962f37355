//! Finding listings and providers.
