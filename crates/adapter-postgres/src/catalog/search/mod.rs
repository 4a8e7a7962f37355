//! Finding listings and providers.
//!
//! A page takes two queries: one finds ids in the order of the list, planned for its values; one
//! loads all that is shown of them. Words that match nothing take two more, to mend the spelling.
//! While listings are on top, a first page takes one more, to find those that match.

mod cards;
mod grid;
mod page;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use catalog::search::{
    ListingCard, ListingQuery, ProviderCard, ProviderQuery, SearchStore, SortKey, Words,
};
use chrono::{DateTime, Utc};
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ListingId, Page, ProviderId, StorageError};
use promotions::{FirstPage, Placed, Turn};
use uuid::Uuid;

pub(crate) use self::cards::{listing_cards, provider_cards};
use self::page::{Asked, Found};
use crate::PgStore;
use crate::failure::storage;
use crate::statement::Statement;

#[async_trait]
impl SearchStore for PgStore {
    async fn find_listings(
        &self,
        query: &ListingQuery,
        words: Option<Words>,
        caller: Option<AccountId>,
    ) -> Result<Page<ListingCard, (SortKey, ListingId)>, StorageError> {
        let now = self.now();
        let account = caller.map(AccountId::as_uuid);
        let asked = Asked::listings(query, words.as_ref(), account);
        let usual = query.after.is_none() && query.is_usual();
        let (found, on_top) = self.found_with_top(&asked, usual.then_some(now)).await?;
        let listing = |found: &Found| ListingId::from_uuid(found.id);
        let page = FirstPage::arrange(found, on_top, query.limit, Turn::of(now), listing);
        let last = page.last_in_order().filter(|_| page.more);
        let next = last.and_then(|last| Some((last.key(query.sort)?, listing(last))));
        let ids: Vec<Uuid> = page.items.iter().map(|placed| placed.item.id).collect();
        let mut cards = if ids.is_empty() {
            HashMap::new()
        } else {
            listing_cards(&mut *self.conn().await?, ids, caller, now).await?
        };
        let card = |Placed { item: found, sponsored }: Placed<Found>| {
            let distance = found.chord.map(grid::ground);
            Some(ListingCard { distance, sponsored, ..cards.remove(&found.id)? })
        };
        let items = page.items.into_iter().filter_map(card).collect();
        Ok(Page { items, next })
    }

    async fn find_providers(
        &self,
        query: &ProviderQuery,
        words: Option<Words>,
        caller: Option<AccountId>,
    ) -> Result<Page<ProviderCard, (SortKey, ProviderId)>, StorageError> {
        let account = caller.map(AccountId::as_uuid);
        let asked = Asked::providers(query, words.as_ref(), account);
        let found = self.found(&asked).await?;
        let page = Page::from_rows(found, query.limit, |last| {
            last.key(query.sort).map(|key| (key, ProviderId::from_uuid(last.id)))
        });
        let ids: Vec<Uuid> = page.items.iter().map(|found| found.id).collect();
        let mut cards = if ids.is_empty() {
            HashMap::new()
        } else {
            provider_cards(&mut *self.conn().await?, ids, caller, self.now()).await?
        };
        let card = |found: Found| {
            let distance = found.chord.map(grid::ground);
            Some(ProviderCard { distance, ..cards.remove(&found.id)? })
        };
        let items = page.items.into_iter().filter_map(card).collect();
        Ok(Page { items, next: page.next.flatten() })
    }

    async fn words_like(
        &self,
        words: Vec<String>,
    ) -> Result<BTreeMap<String, Vec<String>>, StorageError> {
        let mut st = Statement::<(Text, Text)>::new();
        st.sql("SELECT typed, near FROM unnest(").bind(words).sql(") typed, ");
        st.sql("LATERAL search_words_near(typed) WITH ORDINALITY AS found (near, position) ");
        st.sql("ORDER BY typed, position");
        let rows: Vec<(String, String)> = st
            .load(&mut self.search_conn().await?)
            .await
            .map_err(storage("look for words that are spelled alike"))?;
        let mut near: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (typed, word) in rows {
            near.entry(typed).or_default().push(word);
        }
        Ok(near)
    }

    async fn titles_with(&self, beginning: String, limit: u8) -> Result<Vec<String>, StorageError> {
        let mut st = Statement::<Text>::new();
        // From each title the index is entered anew behind it: titles that many listings share
        // cost no more than others.
        st.sql("WITH RECURSIVE bounds AS (SELECT search_fold(").bind(beginning);
        st.sql(
            ") AS low), found AS ((SELECT t.start, t.title, 1 AS nth FROM bounds, LATERAL (\
             SELECT start, title FROM listing_title_starts \
             WHERE start >= low AND start < low || U&'\\+10FFFF' ORDER BY start, title LIMIT 1) t) \
             UNION ALL SELECT t.start, t.title, found.nth + 1 FROM found, bounds, LATERAL (\
             SELECT start, title FROM listing_title_starts \
             WHERE (start, title) > (found.start, found.title) \
             AND start < low || U&'\\+10FFFF' ORDER BY start, title LIMIT 1) t WHERE found.nth < ",
        );
        st.bind(i64::from(limit)).sql(") SELECT title FROM found ORDER BY nth");
        let mut titles: Vec<String> = st
            .load(&mut self.search_conn().await?)
            .await
            .map_err(storage("complete a beginning"))?;
        // A title may begin so at two of its words.
        let mut seen = std::collections::HashSet::new();
        titles.retain(|title| seen.insert(title.clone()));
        Ok(titles)
    }
}

impl PgStore {
    async fn found(&self, asked: &Asked<'_>) -> Result<Vec<Found>, StorageError> {
        let mut conn =
            if asked.is_simple() { self.conn().await? } else { self.search_conn().await? };
        asked.statement().load(&mut conn).await.map_err(storage("search"))
    }

    /// What a search finds, and what matches it and is on top at a moment, if one is given. Whether
    /// anything is on top comes with the search: mostly nothing is, and then it costs a look at an
    /// empty index.
    async fn found_with_top(
        &self,
        asked: &Asked<'_>,
        on_top_at: Option<DateTime<Utc>>,
    ) -> Result<(Vec<Found>, Vec<Found>), StorageError> {
        let Some(now) = on_top_at else { return Ok((self.found(asked).await?, Vec::new())) };
        let mut conn =
            if asked.is_simple() { self.conn().await? } else { self.search_conn().await? };
        let rows: Vec<(Found, bool)> =
            asked.statement_with_top(now).load(&mut conn).await.map_err(storage("search"))?;
        let any = rows.as_slice().first().is_some_and(|(_, any)| *any);
        let found = rows.into_iter().map(|(found, _)| found).collect();
        if !any {
            return Ok((found, Vec::new()));
        }
        let on_top = asked.on_top(now).load(&mut conn).await.map_err(storage("search on top"))?;
        Ok((found, on_top))
    }
}
