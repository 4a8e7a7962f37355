//! What people look for: the query language of lists, and the port that answers it.

mod attributes;
mod parameters;
mod position;
mod query;
mod range;
#[cfg(test)]
mod tests;
mod vocabulary;
mod words;

pub use parameters::Parsed;
pub use position::{Exact, NotOfThisList, Position, SortKey};
pub use query::{
    AttributeCondition, AttributeFilter, LeastRating, ListingQuery, Near, Period, PriceFilter,
    ProviderQuery, Sort,
};
pub use range::Range;
pub use vocabulary::{AttributeValues, SearchableAttribute, SearchableType, Vocabulary};
pub use words::{Words, WordsError};
