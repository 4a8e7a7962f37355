//! The ports of `catalog`.

mod change_requests;
mod engagement;
mod listings;
mod media;
mod providers;
mod reads;
mod rows;
mod search;
mod shelf;
mod taxonomy;

pub(crate) use taxonomy::TaxonomyCache;
