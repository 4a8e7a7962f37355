use std::fmt;
use std::sync::Arc;

use access::Actor;
use kernel::{AccountId, ListingId, Page, ProviderId};

use super::card::{ListingCard, ProviderCard};
use super::error::SearchError;
use super::port::SearchStore;
use super::position::Position;
use super::query::{ListingQuery, ProviderQuery};
use super::spelling::meant;
use super::words::Words;

/// Finds listings and providers.
#[derive(Clone)]
pub struct SearchService {
    store: Arc<dyn SearchStore>,
}

impl fmt::Debug for SearchService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchService").finish_non_exhaustive()
    }
}

impl SearchService {
    /// The most titles that a beginning is completed to.
    pub const MOST_TITLES: u8 = 8;

    /// A service over its port.
    pub const fn new(store: Arc<dyn SearchStore>) -> Self {
        Self { store }
    }

    /// A page of listings. Where nothing matches the words, words that are spelled like them are
    /// looked for in their place.
    pub async fn listings(
        &self,
        actor: &Actor,
        query: &ListingQuery,
    ) -> Result<Page<ListingCard, Position<ListingId>>, SearchError> {
        let caller = caller(actor, query.favorites)?;
        let (words, mut corrected) = continued(query.words.as_ref(), query.after.as_ref())?;
        let mut page = self.store.find_listings(query, words.clone(), caller).await?;
        if page.items.is_empty()
            && query.after.is_none()
            && let Some(words) = words
            && let Some(better) = self.corrected(&words).await?
        {
            page = self.store.find_listings(query, Some(better.clone()), caller).await?;
            corrected = Some(better.as_str().to_owned());
        }
        let sponsored = match &query.after {
            Some(position) => position.sponsored.clone(),
            None => page.items.iter().filter(|it| it.sponsored).map(|it| it.id).collect(),
        };
        Ok(positioned(page, corrected, sponsored))
    }

    /// A page of providers, in the same way.
    pub async fn providers(
        &self,
        actor: &Actor,
        query: &ProviderQuery,
    ) -> Result<Page<ProviderCard, Position<ProviderId>>, SearchError> {
        let caller = caller(actor, query.favorites)?;
        let (words, mut corrected) = continued(query.words.as_ref(), query.after.as_ref())?;
        let mut page = self.store.find_providers(query, words.clone(), caller).await?;
        if page.items.is_empty()
            && query.after.is_none()
            && let Some(words) = words
            && let Some(better) = self.corrected(&words).await?
        {
            page = self.store.find_providers(query, Some(better.clone()), caller).await?;
            corrected = Some(better.as_str().to_owned());
        }
        Ok(positioned(page, corrected, Vec::new()))
    }

    /// Titles of public listings that a word of begins like this, with what follows it.
    pub async fn titles(&self, beginning: &str) -> Result<Vec<String>, SearchError> {
        let words: Vec<_> = beginning.split_whitespace().collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store.titles_with(words.join(" "), Self::MOST_TITLES).await?)
    }

    async fn corrected(&self, words: &Words) -> Result<Option<Words>, SearchError> {
        let wanted = words.wanted().into_iter().map(str::to_lowercase).collect();
        let known = self.store.words_like(wanted).await?;
        let correction =
            |typed: &str| known.get(&typed.to_lowercase()).and_then(|known| meant(typed, known));
        Ok(words.corrected(correction))
    }
}

/// The account whose favourites count; needed to search among them.
fn caller(actor: &Actor, favorites: bool) -> Result<Option<AccountId>, SearchError> {
    match actor.account() {
        None if favorites => Err(SearchError::Unauthenticated),
        account => Ok(account),
    }
}

/// The words to look for on this page, and the correction that the pages before it made.
fn continued<I>(
    words: Option<&Words>,
    after: Option<&Position<I>>,
) -> Result<(Option<Words>, Option<String>), SearchError> {
    let Some(corrected) = after.and_then(|position| position.corrected.as_deref()) else {
        return Ok((words.cloned(), None));
    };
    let words = Words::new(corrected).map_err(|_| SearchError::InvalidCursor)?;
    Ok((Some(words), Some(corrected.to_owned())))
}

fn positioned<T, I>(
    page: Page<T, (super::SortKey, I)>,
    corrected: Option<String>,
    sponsored: Vec<I>,
) -> Page<T, Position<I>> {
    let Page { items, next } = page;
    Page { items, next: next.map(|(key, id)| Position { key, id, corrected, sponsored }) }
}
