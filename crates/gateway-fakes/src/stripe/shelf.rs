use std::collections::HashMap;

use serde_json::{Value, json};

use super::error::{Refusal, Result};
use super::form::Params;

/// Something that the API keeps.
pub(crate) trait Stored {
    /// What the API calls its kind in errors.
    const KIND: &'static str;
    /// The name of the parameter that names one.
    const PARAM: &'static str = "id";

    fn id(&self) -> &str;
    fn created(&self) -> i64;
    fn metadata(&self) -> Option<&Metadata> {
        None
    }
    fn json(&self) -> Value;
}

pub(crate) type Metadata = std::collections::BTreeMap<String, String>;

/// All of a kind, in the order of their creation.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    all: Vec<T>,
    index: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { all: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Stored> Shelf<T> {
    pub(crate) fn put(&mut self, item: T) {
        self.index.insert(item.id().to_owned(), self.all.len());
        self.all.push(item);
    }

    pub(crate) fn find(&self, id: &str) -> Option<&T> {
        self.index.get(id).map(|index| &self.all[*index])
    }

    pub(crate) fn get(&self, id: &str) -> Result<&T> {
        self.find(id).ok_or_else(|| Refusal::not_found(T::KIND, T::PARAM, id))
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Result<&mut T> {
        let index = self.index.get(id).copied();
        let index = index.ok_or_else(|| Refusal::not_found(T::KIND, T::PARAM, id))?;
        Ok(&mut self.all[index])
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.all.iter()
    }

    /// A page of those that fit, the newest first: `limit`, `starting_after`, `ending_before`,
    /// `created[gte]` and its like.
    pub(crate) fn page(
        &self,
        mut params: Params,
        url: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Value> {
        let limit = params.integer("limit")?.unwrap_or(10);
        if !(1..=100).contains(&limit) {
            return Err(Refusal::invalid(
                "limit",
                "Invalid integer: limit must be between 1 and 100",
            ));
        }
        let bound = |params: &mut Params, name| params.integer(&format!("created[{name}]"));
        let (gte, gt) = (bound(&mut params, "gte")?, bound(&mut params, "gt")?);
        let (lte, lt) = (bound(&mut params, "lte")?, bound(&mut params, "lt")?);
        let (after, before) = (params.text("starting_after"), params.text("ending_before"));
        params.finish()?;
        let position = |id: Option<String>| {
            let position = |id: String| {
                self.index
                    .get(&id)
                    .copied()
                    .ok_or_else(|| Refusal::not_found(T::KIND, T::PARAM, &id))
            };
            id.map(position).transpose()
        };
        let (after, before) = (position(after)?, position(before)?);
        let in_time = |item: &T| {
            let at = item.created();
            gte.is_none_or(|from| at >= from)
                && gt.is_none_or(|from| at > from)
                && lte.is_none_or(|to| at <= to)
                && lt.is_none_or(|to| at < to)
        };
        let chosen = |(position, item): &(usize, &T)| {
            after.is_none_or(|after| *position < after)
                && before.is_none_or(|before| *position > before)
                && in_time(item)
                && fits(item)
        };
        let limit = usize::try_from(limit).unwrap_or(100);
        let newest_first = self.all.iter().enumerate().rev().filter(chosen);
        let mut page: Vec<&T> = newest_first.map(|(_, item)| item).collect();
        let has_more = page.len() > limit;
        if before.is_some() {
            page.drain(..page.len().saturating_sub(limit)); // those next to the one named
        } else {
            page.truncate(limit);
        }
        let data: Vec<_> = page.into_iter().map(T::json).collect();
        Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
    }

    /// The search by metadata: `metadata['key']:'value'`.
    pub(crate) fn search(&self, mut params: Params, url: &str, seen_until: i64) -> Result<Value> {
        let query = params.required("query")?;
        let limit = params.integer("limit")?.unwrap_or(10);
        params.finish()?;
        let (key, value) = parse_query(&query).ok_or_else(|| {
            Refusal::invalid("query", "We were unable to parse your search query.")
        })?;
        let fits = |item: &&T| {
            let metadata = item.metadata().and_then(|metadata| metadata.get(key));
            metadata.is_some_and(|known| known == value) && item.created() <= seen_until
        };
        let found = self.all.iter().rev().filter(fits).take(usize::try_from(limit).unwrap_or(10));
        let data: Vec<_> = found.map(T::json).collect();
        Ok(
            json!({ "object": "search_result", "url": url, "has_more": false, "next_page": null, "data": data }),
        )
    }
}

/// Key and value of `metadata['key']:'value'`, with either kind of quotes.
fn parse_query(query: &str) -> Option<(&str, &str)> {
    let rest = query.trim().strip_prefix("metadata[")?;
    let (key, value) = rest.split_once("]:")?;
    let bare = |text: &'_ str| -> Option<(usize, usize)> {
        let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        (text.len() >= 2 && text.ends_with(quote)).then_some((1, text.len() - 1))
    };
    let ((a, b), (c, d)) = (bare(key)?, bare(value)?);
    Some((&key[a..b], &value[c..d]))
}
