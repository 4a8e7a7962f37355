//! Which listings or providers stand on a page: their ids and sort keys, in order.

use std::collections::BTreeSet;

use catalog::search::{
    AttributeCondition, AttributeFilter, Categories, Exact, LeastRating, ListingQuery, Near,
    Period, ProviderQuery, Range, Sort, SortKey, Words,
};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Timestamptz, Uuid as SqlUuid};
use kernel::{CategoryId, Limit};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::grid;
use crate::statement::Statement;

/// The id, the straight line to it, and the sort key: as a number, a count, or a time.
pub(super) type Keys =
    (SqlUuid, Nullable<Double>, Nullable<Double>, Nullable<BigInt>, Nullable<Timestamptz>);

/// Something found, with what sorts it.
#[derive(Debug, Clone, diesel::Queryable)]
pub(super) struct Found {
    pub(super) id: Uuid,
    pub(super) chord: Option<f64>,
    number: Option<f64>,
    count: Option<i64>,
    at: Option<DateTime<Utc>>,
}

impl Found {
    /// Its place in a list of this order.
    pub(super) fn key(&self, sort: Sort) -> Option<SortKey> {
        match sort {
            Sort::Relevance => {
                Some(SortKey::Relevance { rank: Exact::new(self.number?), newest: self.at? })
            }
            Sort::Newest => self.at.map(SortKey::Created),
            Sort::Cheapest | Sort::Dearest => self.count.map(SortKey::Price),
            Sort::BestRated => self.number.map(|score| SortKey::Rating(Exact::new(score))),
            Sort::Nearest => self.chord.map(|chord| SortKey::Distance(Exact::new(chord))),
            Sort::Popular => {
                self.count.and_then(|count| i32::try_from(count).ok()).map(SortKey::Popularity)
            }
        }
    }
}

/// Only so many matches are ranked, the newest ones: ranking reads every match, and a common word
/// has them by the hundred thousand.
const RANKED: i64 = 200;

/// Up to this distance in metres what lies around a place is read whole, whatever the order.
const BOXED: f64 = 5_000.0;

/// Up to so many fields are read one by one: those of some thirty kilometres around a place.
const WALKED: usize = 6;

/// Which index leads to what lies within a distance.
enum Reach {
    /// That of places: the circle is small.
    Box,
    /// That of the fields of the grid, one after the other, each in the order of the list.
    Fields(Vec<i32>),
    /// That of the fields, together, or that of the order; `None` if the fields are too many.
    Wide(Option<Vec<i32>>),
}

/// What both lists ask for.
#[derive(Clone)]
pub(super) struct Asked<'q> {
    /// `listing_search s` or `provider_search s`.
    table: &'static str,
    /// The same, of the account that follows.
    favorites: &'static str,
    words: Option<&'q Words>,
    categories: &'q Categories,
    rating: Option<LeastRating>,
    near: Option<Near>,
    created: Period,
    sort: Sort,
    limit: Limit,
    after: Option<(&'q SortKey, Uuid)>,
    /// Whose favourites alone count.
    among_favorites_of: Option<Uuid>,
    /// What only listings have.
    listings: Option<&'q ListingQuery>,
    /// What stood in front of the first page: left out.
    sponsored: Vec<Uuid>,
    /// Only what is on top at this moment.
    on_top_at: Option<DateTime<Utc>>,
}

/// Of so many listings that are on top it is asked whether they match: those whose time ends
/// first. Others take their turn when these have had their time.
const ON_TOP: i64 = 1_000;

impl<'q> Asked<'q> {
    pub(super) fn listings(
        query: &'q ListingQuery,
        words: Option<&'q Words>,
        caller: Option<Uuid>,
    ) -> Self {
        Self {
            table: " FROM listing_search s",
            favorites: " FROM (SELECT s.* FROM listing_favorites f \
                        JOIN listing_search s ON s.id = f.listing_id WHERE f.account_id = ",
            words,
            categories: &query.categories,
            rating: query.rating,
            near: query.near,
            created: query.created,
            sort: query.sort,
            limit: query.limit,
            after: query.after.as_ref().map(|after| (&after.key, after.id.as_uuid())),
            among_favorites_of: caller.filter(|_| query.favorites),
            listings: Some(query),
            sponsored: query
                .after
                .iter()
                .flat_map(|after| &after.sponsored)
                .map(|id| id.as_uuid())
                .collect(),
            on_top_at: None,
        }
    }

    pub(super) fn providers(
        query: &'q ProviderQuery,
        words: Option<&'q Words>,
        caller: Option<Uuid>,
    ) -> Self {
        Self {
            table: " FROM provider_search s",
            favorites: " FROM (SELECT s.* FROM provider_favorites f \
                        JOIN provider_search s ON s.id = f.provider_id WHERE f.account_id = ",
            words,
            categories: &query.categories,
            rating: query.rating,
            near: query.near,
            created: query.created,
            sort: query.sort,
            limit: query.limit,
            after: query.after.as_ref().map(|after| (&after.key, after.id.as_uuid())),
            among_favorites_of: caller.filter(|_| query.favorites),
            listings: None,
            sponsored: Vec::new(),
            on_top_at: None,
        }
    }

    /// The same statement, and with each row whether anything at all is on top at a moment.
    pub(super) fn statement_with_top(&self, now: DateTime<Utc>) -> Statement<(Keys, Bool)> {
        let mut st = Statement::new();
        st.sql(
            "SELECT f.*, EXISTS (SELECT FROM promotions o \
             WHERE o.stage = 'paid' AND o.effect = 'top' AND o.starts_at <= ",
        );
        st.bind(now).sql(" AND o.ends_at > ").bind(now).sql(") FROM (");
        st.append(self.statement()).sql(") f");
        st
    }

    /// What matches and is on top at a moment, in no order.
    pub(super) fn on_top(&self, now: DateTime<Utc>) -> Statement<Keys> {
        let on_top = Self { on_top_at: Some(now), after: None, ..self.clone() };
        let mut st = Statement::new();
        on_top.ordered(&mut st, ", NULL::float8, NULL::bigint, s.created_at");
        st
    }

    /// Whether any plan does: nothing is asked that the plan should depend on.
    pub(super) fn is_simple(&self) -> bool {
        let filtered = self.words.is_some()
            || self.rating.is_some()
            || self.near.is_some()
            || self.created != Period::default()
            || self.among_favorites_of.is_some()
            || self.categories.wanted.len() > 1;
        let listings = self.listings.is_some_and(|query| {
            query.price.is_some_and(|price| price.minor.is_some())
                || !query.attributes.is_empty()
                || query.types.len() + query.providers.len() + self.categories.wanted.len() > 1
        });
        !filtered && !listings
    }

    /// The statement that finds the page and one more.
    pub(super) fn statement(&self) -> Statement<Keys> {
        let mut st = Statement::new();
        match (self.sort, self.words) {
            (Sort::Relevance, Some(words)) => self.most_relevant(&mut st, words),
            (Sort::Relevance | Sort::Newest, _) => {
                self.newest_first(&mut st, self.limit.rows(), |st| {
                    self.ordered(st, ", NULL::float8, NULL::bigint, s.created_at");
                    if let Some((SortKey::Created(at), id)) = self.after {
                        st.sql(" AND (s.created_at, s.id) < (").bind(*at).sql(", ").bind(id);
                        st.sql(")");
                    }
                });
                return st;
            }
            (Sort::Cheapest, _) => {
                self.ordered(&mut st, ", NULL::float8, s.price_minor, NULL::timestamptz");
                if let Some((SortKey::Price(minor), id)) = self.after {
                    st.sql(" AND (s.price_minor, s.id) > (").bind(*minor).sql(", ");
                    st.bind(id).sql(")");
                }
                st.sql(" ORDER BY s.price_minor, s.id");
            }
            (Sort::Dearest, _) => {
                self.ordered(&mut st, ", NULL::float8, s.price_minor, NULL::timestamptz");
                if let Some((SortKey::Price(minor), id)) = self.after {
                    st.sql(" AND (s.price_minor, s.id) < (").bind(*minor).sql(", ");
                    st.bind(id).sql(")");
                }
                st.sql(" ORDER BY s.price_minor DESC, s.id DESC");
            }
            (Sort::BestRated, _) => {
                self.ordered(&mut st, ", s.rating_score, NULL::bigint, NULL::timestamptz");
                if let Some((SortKey::Rating(score), id)) = self.after {
                    st.sql(" AND (s.rating_score, s.id) < (").bind(score.get()).sql(", ");
                    st.bind(id).sql(")");
                }
                st.sql(" ORDER BY s.rating_score DESC, s.id DESC");
            }
            (Sort::Popular, _) => {
                self.ordered(&mut st, ", NULL::float8, s.popularity::bigint, NULL::timestamptz");
                if let Some((SortKey::Popularity(steps), id)) = self.after {
                    st.sql(" AND (s.popularity, s.id) < (").bind(i64::from(*steps)).sql(", ");
                    st.bind(id).sql(")");
                }
                st.sql(" ORDER BY s.popularity DESC, s.id DESC");
            }
            (Sort::Nearest, _) => self.nearest(&mut st),
        }
        st.sql(" LIMIT ").bind(self.limit.rows());
        st
    }

    fn ordered(&self, st: &mut Statement<Keys>, keys: &'static str) {
        st.sql("SELECT s.id, ");
        self.chord(st);
        st.sql(keys);
        self.source(st);
        self.conditions(st);
    }

    /// The newest of what is selected. The fields of a circle are read one by one, each in the order of
    /// the list and no further than the limit: to find all that lies in a city takes longer than
    /// to look at what is new there.
    fn newest_first(
        &self,
        st: &mut Statement<Keys>,
        limit: i64,
        select: impl FnOnce(&mut Statement<Keys>),
    ) {
        const ORDER: &str = " ORDER BY s.created_at DESC, s.id DESC LIMIT ";
        match self.reach() {
            Some(Reach::Fields(fields)) => {
                st.sql("SELECT s.* FROM unnest(").bind(fields);
                st.sql("::integer[]) AS field (cell), LATERAL (");
                select(st);
                st.sql(ORDER).bind(limit).sql(") s");
            }
            Some(Reach::Box | Reach::Wide(_)) | None => select(st),
        }
        st.sql(ORDER).bind(limit);
    }

    /// How the index finds what lies within the distance.
    fn reach(&self) -> Option<Reach> {
        let near = self.near.as_ref()?;
        let within = near.within?;
        if within.metres() <= BOXED {
            return Some(Reach::Box);
        }
        let newest = matches!(self.sort, Sort::Relevance | Sort::Newest);
        match grid::cells(near) {
            Some(fields)
                if newest
                    && fields.len() <= WALKED
                    && self.among_favorites_of.is_none()
                    && self.on_top_at.is_none() =>
            {
                Some(Reach::Fields(fields))
            }
            fields => Some(Reach::Wide(fields)),
        }
    }

    /// Ranks the newest matches. What came after the first page was read stays out of the pages
    /// that follow.
    fn most_relevant(&self, st: &mut Statement<Keys>, words: &Words) {
        let after = match self.after {
            Some((SortKey::Relevance { rank, newest }, id)) => Some((rank, newest, id)),
            _ => None,
        };
        st.sql("WITH candidates AS MATERIALIZED (");
        self.newest_first(st, RANKED, |st| {
            st.sql("SELECT s.id, s.created_at, s.document, ");
            self.chord(st);
            st.sql(" AS chord");
            self.source(st);
            self.conditions(st);
            if let Some((_, newest, _)) = after {
                st.sql(" AND s.created_at <= ").bind(*newest);
            }
        });
        st.sql(
            "), ranked AS (SELECT id, chord, ts_rank(document, to_tsquery('simple', search_fold(",
        );
        st.bind(words.to_tsquery());
        st.sql(")))::float8 AS rank, max(created_at) OVER () AS newest FROM candidates)");
        st.sql(" SELECT id, chord, rank, NULL::bigint, newest FROM ranked");
        if let Some((rank, _, id)) = after {
            st.sql(" WHERE (rank, id) < (").bind(rank.get()).sql(", ").bind(id).sql(")");
            if !self.sponsored.is_empty() {
                st.sql(" AND id <> ALL (").bind(self.sponsored.clone()).sql(")");
            }
        }
        st.sql(" ORDER BY rank DESC, id DESC");
    }

    /// Walks outwards from the place. The index knows no ids, so all that are equally far come
    /// along and are parted afterwards.
    fn nearest(&self, st: &mut Statement<Keys>) {
        st.sql(
            "SELECT id, chord, NULL::float8, NULL::bigint, NULL::timestamptz FROM (SELECT s.id, ",
        );
        self.chord(st);
        st.sql(" AS chord");
        self.source(st);
        self.conditions(st);
        st.sql(" AND s.point IS NOT NULL");
        if let Some((SortKey::Distance(chord), id)) = self.after {
            st.sql(" AND (");
            self.chord(st);
            st.sql(", s.id) > (").bind(chord.get()).sql(", ").bind(id).sql(")");
        }
        st.sql(" ORDER BY ");
        self.chord(st);
        st.sql(" FETCH FIRST (").bind(self.limit.rows()).sql(") ROWS WITH TIES) near");
        st.sql(" ORDER BY chord, id");
    }

    /// The straight line to the place that the search names.
    fn chord(&self, st: &mut Statement<Keys>) {
        match &self.near {
            None => st.sql("NULL::float8"),
            Some(Near { place, .. }) => st
                .sql("s.point <-> earth_point(")
                .bind(place.lat())
                .sql(", ")
                .bind(place.lon())
                .sql(")"),
        };
    }

    fn source(&self, st: &mut Statement<Keys>) {
        match (self.among_favorites_of, self.on_top_at) {
            // Favourites are few: they are read first, all of them, whatever the order.
            (Some(account), _) => st.sql(self.favorites).bind(account).sql(" OFFSET 0) s"),
            // So is what is on top.
            (None, Some(now)) => st
                .sql(
                    " FROM (SELECT s.* FROM (SELECT o.listing_id FROM promotions o \
                     WHERE o.stage = 'paid' AND o.effect = 'top' AND o.starts_at <= ",
                )
                .bind(now)
                .sql(" AND o.ends_at > ")
                .bind(now)
                .sql(" ORDER BY o.ends_at LIMIT ")
                .bind(ON_TOP)
                .sql(") o JOIN listing_search s ON s.id = o.listing_id OFFSET 0) s"),
            (None, None) => st.sql(self.table),
        };
        let filters = self.listings.map_or(&[][..], |query| &query.attributes);
        let ranges = filters.iter().filter_map(|filter| Some((&filter.key, range(filter)?)));
        for (i, (key, range)) in ranges.enumerate() {
            st.name(format!(" JOIN listing_numbers n{i} ON n{i}.listing_id = s.id"));
            st.and("").name(format!("n{i}.key = ")).bind(key.clone());
            if let Some(least) = range.least() {
                st.name(format!(" AND n{i}.number >= ")).bind(least);
            }
            if let Some(greatest) = range.greatest() {
                st.name(format!(" AND n{i}.number <= ")).bind(greatest);
            }
        }
        st.sql(" WHERE true");
    }

    fn conditions(&self, st: &mut Statement<Keys>) {
        // What is ranked leaves them out when it is ranked: that moves nothing else.
        if !self.sponsored.is_empty() && self.sort != Sort::Relevance {
            st.and("s.id <> ALL (").bind(self.sponsored.clone()).sql(")");
        }
        if let Some(words) = self.words {
            st.and("s.document @@ to_tsquery('simple', search_fold(");
            st.bind(words.to_tsquery()).sql("))");
        }
        if let Some(rating) = self.rating {
            st.and("s.rating_mean >= ").bind(f64::from(rating.hundredths()) / 100.0);
        }
        if let (Some(reach), Some(near)) = (self.reach(), self.near) {
            self.within(st, &reach, near);
        }
        if let Some(from) = self.created.from {
            st.and("s.created_at >= ").bind(from);
        }
        if let Some(before) = self.created.before {
            st.and("s.created_at < ").bind(before);
        }
        let categories = ids(&self.categories.wanted);
        match self.listings {
            Some(query) => self.listing_conditions(st, query),
            None if categories.is_empty() => {}
            None => {
                st.and("s.category_ids && ").bind(categories);
            }
        }
    }

    fn within(&self, st: &mut Statement<Keys>, reach: &Reach, near: Near) {
        let Some(chord) = near.within.map(grid::chord) else { return };
        match reach {
            Reach::Box => {
                st.and("s.point <@ cube_enlarge(earth_point(").bind(near.place.lat()).sql(", ");
                st.bind(near.place.lon()).sql("), ").bind(chord).sql(", 3)");
            }
            Reach::Fields(_) => {
                st.and("s.cell = field.cell");
            }
            Reach::Wide(Some(fields)) => {
                st.and("s.cell = ANY (").bind(fields.clone()).sql(")");
            }
            Reach::Wide(None) => {}
        }
        // The planner assumes that an inequality holds for a third of the rows and `coalesce` for half of
        // them, which is nearer to what a circle covers of its fields: then it sees that walking ends soon.
        let walked = matches!(reach, Reach::Fields(_));
        st.and(if walked { "coalesce((" } else { "((" });
        self.chord(st);
        st.sql(") <= ").bind(chord).sql(if walked { ", false)" } else { ")" });
    }

    fn listing_conditions(&self, st: &mut Statement<Keys>, query: &ListingQuery) {
        any_of(st, "s.listing_type = ", query.types.iter().cloned().collect());
        let providers = query.providers.iter().map(|id| id.as_uuid()).collect();
        any_of(st, "s.provider_id = ", providers);
        any_of(st, "s.category_id = ", ids(&self.categories.wanted));
        if let Some(price) = query.price {
            st.and("s.currency = ").bind(price.currency.code().to_owned());
            st.sql(" AND s.price_minor IS NOT NULL");
            if let Some(least) = price.minor.and_then(|range| range.least()) {
                st.and("s.price_minor >= ").bind(least);
            }
            if let Some(greatest) = price.minor.and_then(|range| range.greatest()) {
                st.and("s.price_minor <= ").bind(greatest);
            }
        }
        let combinations = combinations(&query.attributes);
        match <[Value; 1]>::try_from(combinations) {
            Ok([Value::Object(wanted)]) if wanted.is_empty() => {}
            Ok([wanted]) => {
                st.and("s.attributes @> ").bind(wanted);
            }
            Err(combinations) => {
                st.and("s.attributes @> ANY (").bind(combinations).sql(")");
            }
        }
    }
}

/// Equality with one value or with any of several; nothing for none.
fn any_of<T>(st: &mut Statement<Keys>, column: &'static str, mut values: Vec<T>)
where
    crate::statement::Bound: From<T> + From<Vec<T>>,
{
    if values.len() > 1 {
        st.and(column).sql("ANY (").bind(values).sql(")");
    } else if let Some(value) = values.pop() {
        st.and(column).bind(value);
    }
}

/// The range of numbers that a filter asks for; days are counted from 1970-01-01.
fn range(filter: &AttributeFilter) -> Option<Range<f64>> {
    let number = |day: NaiveDate| {
        let days = day.signed_duration_since(NaiveDate::default()).num_days();
        i32::try_from(days).map(f64::from).ok()
    };
    match &filter.condition {
        AttributeCondition::Number(range) => Some(*range),
        AttributeCondition::Day(range) => {
            Range::new(range.least().and_then(number), range.greatest().and_then(number))
        }
        AttributeCondition::AnyOf(_)
        | AttributeCondition::AllOf(_)
        | AttributeCondition::Is(_)
        | AttributeCondition::Text(_) => None,
    }
}

/// The attributes that a listing must contain: one object, or one for every way to choose where
/// several choices will do. One look-up in the index answers each.
fn combinations(filters: &[AttributeFilter]) -> Vec<Value> {
    let mut all = vec![Map::new()];
    for AttributeFilter { key, condition } in filters {
        let values: Vec<Value> = match condition {
            AttributeCondition::AnyOf(choices) => {
                choices.iter().map(|choice| Value::from(choice.as_str())).collect()
            }
            AttributeCondition::AllOf(choices) => {
                vec![choices.iter().map(String::as_str).collect()]
            }
            AttributeCondition::Is(value) => vec![Value::from(*value)],
            AttributeCondition::Text(text) => vec![Value::from(text.as_str())],
            AttributeCondition::Number(_) | AttributeCondition::Day(_) => continue,
        };
        let with = |object: &Map<String, Value>, value: &Value| {
            let mut object = object.clone();
            object.insert(key.clone(), value.clone());
            object
        };
        all = all.iter().flat_map(|object| values.iter().map(|v| with(object, v))).collect();
    }
    all.into_iter().map(Value::Object).collect()
}

/// The ids of categories, as the search takes them.
fn ids(categories: &BTreeSet<CategoryId>) -> Vec<Uuid> {
    categories.iter().map(|id| id.as_uuid()).collect()
}
