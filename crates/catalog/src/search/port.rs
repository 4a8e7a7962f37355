use std::collections::BTreeMap;

use async_trait::async_trait;
use kernel::{AccountId, ListingId, Page, ProviderId, StorageError};

use super::card::{ListingCard, ProviderCard};
use super::position::SortKey;
use super::query::{ListingQuery, ProviderQuery};
use super::words::Words;

/// Finds what is public. Every answer takes a bounded number of queries, whatever its size.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait SearchStore: Send + Sync {
    /// A page of listings, and where it ends: the sort key of the last listing in order if another
    /// page follows. `words` are looked for in place of the query's own.
    ///
    /// In front of the first page of a list in its usual order ([`ListingQuery::is_usual`]) stand
    /// some that match and that somebody paid for, on their turn and marked as sponsored; where the
    /// order has them, on this page and on those that follow, they are left out.
    async fn find_listings(
        &self,
        query: &ListingQuery,
        words: Option<Words>,
        caller: Option<AccountId>,
    ) -> Result<Page<ListingCard, (SortKey, ListingId)>, StorageError>;

    /// A page of providers, in the same way.
    async fn find_providers(
        &self,
        query: &ProviderQuery,
        words: Option<Words>,
        caller: Option<AccountId>,
    ) -> Result<Page<ProviderCard, (SortKey, ProviderId)>, StorageError>;

    /// The words of public listings and providers that are spelled like each of these, the most
    /// similar first; among them the word itself, if it is in use.
    async fn words_like(
        &self,
        words: Vec<String>,
    ) -> Result<BTreeMap<String, Vec<String>>, StorageError>;

    /// Titles of public listings with a word from which on they begin so; at most `limit`, each
    /// once.
    async fn titles_with(&self, beginning: String, limit: u8) -> Result<Vec<String>, StorageError>;
}
