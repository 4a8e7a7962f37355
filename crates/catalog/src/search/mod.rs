//! What people look for: the query language of lists, and the port that answers it.

mod attributes;
mod card;
mod error;
mod parameters;
mod port;
mod position;
mod query;
mod range;
mod service;
mod spelling;
#[cfg(test)]
mod tests;
mod vocabulary;
mod words;

pub use card::{CategorySummary, ListingCard, ProviderCard, ProviderSummary};
pub use error::SearchError;
pub use parameters::Parsed;
#[cfg(feature = "testing")]
pub use port::MockSearchStore;
pub use port::SearchStore;
pub use position::{Exact, NotOfThisList, Position, SortKey};
pub use query::{
    AttributeCondition, AttributeFilter, Categories, LeastRating, ListingQuery, Near, Period,
    PriceFilter, ProviderQuery, Sort,
};
pub use range::Range;
pub use service::SearchService;
pub use vocabulary::{AttributeValues, Vocabulary};
pub use words::{Words, WordsError};
