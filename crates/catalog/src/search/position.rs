use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::query::Sort;
use super::words::Words;

/// A floating-point sort key, kept bit by bit: a page starts exactly where the last one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Exact(u64);

impl Exact {
    /// Of a number.
    pub const fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    /// The number.
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Where in a list a page ended: the sort key of its last item, without the id that parts equals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// By relevance: how well it matched.
    Relevance {
        /// Its rank.
        rank: Exact,
        /// The newest match when the first page was read. What came later does not disturb the
        /// pages that follow.
        newest: DateTime<Utc>,
    },
    /// By time.
    Created(DateTime<Utc>),
    /// By price, in minor units.
    Price(i64),
    /// By the score of its reviews.
    Rating(Exact),
    /// By distance, as a straight line through the earth in metres.
    Distance(Exact),
    /// By popularity.
    Popularity(i32),
}

/// Where a page of a list ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position<I> {
    /// The sort key of the last item.
    pub key: SortKey,
    /// The last item.
    pub id: I,
    /// The words that were looked for in place of those given, because nothing matched these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<String>,
    /// What stood in front of the first page because somebody paid for it. It was shown: the pages
    /// that follow leave it out where the order has it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub sponsored: Vec<I>,
}

/// A position that belongs to another list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this position belongs to another list")]
pub struct NotOfThisList;

impl<I> Position<I> {
    /// Passes if it is a position in a list of this order.
    pub(super) fn checked(self, sort: Sort, has_words: bool) -> Result<Self, NotOfThisList> {
        let words_fit =
            self.corrected.as_ref().is_none_or(|words| has_words && Words::new(words).is_ok());
        if words_fit && self.key.is_of(sort) { Ok(self) } else { Err(NotOfThisList) }
    }
}

impl SortKey {
    const fn is_of(&self, sort: Sort) -> bool {
        match self {
            Self::Relevance { .. } => matches!(sort, Sort::Relevance),
            Self::Created(_) => matches!(sort, Sort::Newest),
            Self::Price(_) => matches!(sort, Sort::Cheapest | Sort::Dearest),
            Self::Rating(_) => matches!(sort, Sort::BestRated),
            Self::Distance(_) => matches!(sort, Sort::Nearest),
            Self::Popularity(_) => matches!(sort, Sort::Popular),
        }
    }
}
