//! The ports of `catalog`.

mod engagement;
mod media;
mod search;
