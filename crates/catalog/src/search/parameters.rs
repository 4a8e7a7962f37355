use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use kernel::{Currency, Distance, FieldErrors, Limit, Money, Place};

use super::attributes;
use super::query::{
    Categories, LeastRating, ListingQuery, Near, Period, PriceFilter, ProviderQuery, Sort,
};
use super::range::Range;
use super::vocabulary::Vocabulary;
use super::words::Words;

/// A query as it came in, understood, with the opaque cursor that it named.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<Q> {
    /// What is wanted; its page is still the first one.
    pub query: Q,
    /// The cursor, if one was given. Whoever made it opens it.
    pub cursor: Option<String>,
}

/// The most values that one parameter may list.
const MOST_VALUES: usize = 50;

impl ListingQuery {
    /// Understands the query parameters of a list of listings, against what this marketplace
    /// declares.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once, each by the name of its parameter.
    pub fn parse(
        pairs: Vec<(String, String)>,
        vocabulary: &Vocabulary,
    ) -> Result<Parsed<Self>, FieldErrors> {
        let mut given = Parameters::new(pairs);
        let types = given.types(vocabulary);
        let attributes = attributes::parse(&mut given, &types, vocabulary);
        let providers = given.list("provider");
        let price = given.price();
        let common = given.common(Sort::OF_LISTINGS, vocabulary);
        let currency = given.parsed::<Currency>("currency", "unknown_currency");
        let by_price = matches!(common.sort, Sort::Cheapest | Sort::Dearest);
        let price = (price.is_some() || currency.is_some() || by_price).then(|| PriceFilter {
            currency: currency.unwrap_or(vocabulary.currency()),
            minor: price,
        });
        let cursor = given.finish()?;
        let Common { words, categories, rating, near, created, favorites, sort, limit } = common;
        let query = Self {
            words,
            types,
            categories,
            providers,
            price,
            rating,
            near,
            attributes,
            created,
            favorites,
            sort,
            limit,
            after: None,
        };
        Ok(Parsed { query, cursor })
    }
}

impl ProviderQuery {
    /// Understands the query parameters of a list of providers.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once, each by the name of its parameter.
    pub fn parse(
        pairs: Vec<(String, String)>,
        vocabulary: &Vocabulary,
    ) -> Result<Parsed<Self>, FieldErrors> {
        let mut given = Parameters::new(pairs);
        let common = given.common(Sort::OF_PROVIDERS, vocabulary);
        let cursor = given.finish()?;
        let Common { words, categories, rating, near, created, favorites, sort, limit } = common;
        let query =
            Self { words, categories, rating, near, created, favorites, sort, limit, after: None };
        Ok(Parsed { query, cursor })
    }
}

/// What both lists understand.
struct Common {
    words: Option<Words>,
    categories: Categories,
    rating: Option<LeastRating>,
    near: Option<Near>,
    created: Period,
    favorites: bool,
    sort: Sort,
    limit: Limit,
}

/// Parameters that nobody has asked for yet, and what was wrong with the others.
pub(super) struct Parameters {
    left: Vec<(String, String)>,
    pub(super) errors: FieldErrors,
}

impl Parameters {
    fn new(pairs: Vec<(String, String)>) -> Self {
        let mut errors = FieldErrors::new();
        let mut left: Vec<(String, String)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            if left.iter().any(|(other, _)| *other == name) {
                errors.add(name, "repeated_parameter", "may be given only once");
            } else {
                left.push((name, value));
            }
        }
        Self { left, errors }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(given, _)| given == name)?;
        Some(self.left.swap_remove(at).1)
    }

    /// Takes every parameter whose name begins so, ordered by name.
    pub(super) fn take_all(&mut self, prefix: &str) -> Vec<(String, String)> {
        let mut taken: Vec<_> =
            self.left.extract_if(.., |(name, _)| name.starts_with(prefix)).collect();
        taken.sort_unstable();
        taken
    }

    fn parsed<T: FromStr<Err: ToString>>(&mut self, name: &str, code: &'static str) -> Option<T> {
        let value = self.take(name)?;
        self.errors.check(name, code, value.parse())
    }

    fn list<T: FromStr<Err: ToString> + Ord>(&mut self, name: &str) -> BTreeSet<T> {
        let value = self.take(name);
        let parts = value.map(|value| self.parts(name, &value)).unwrap_or_default();
        parts
            .into_iter()
            .filter_map(|part| self.errors.check(name, "invalid_id", part.parse()))
            .collect()
    }

    /// The values of a list parted by commas.
    pub(super) fn parts(&mut self, name: &str, value: &str) -> BTreeSet<String> {
        let parts: BTreeSet<String> = value.split(',').map(|part| part.trim().to_owned()).collect();
        if parts.contains("") {
            self.errors.add(name, "too_short", "must list values parted by commas, none empty");
            return BTreeSet::new();
        }
        if parts.len() > MOST_VALUES {
            self.errors.add(name, "too_many", format!("must list at most {MOST_VALUES} values"));
            return BTreeSet::new();
        }
        parts
    }

    fn types(&mut self, vocabulary: &Vocabulary) -> BTreeSet<String> {
        let value = self.take("type");
        let types = value.map(|value| self.parts("type", &value)).unwrap_or_default();
        let (known, unknown): (BTreeSet<_>, BTreeSet<_>) =
            types.into_iter().partition(|key| vocabulary.knows(key));
        if !unknown.is_empty() {
            let all: Vec<_> = vocabulary.type_keys().collect();
            let detail = format!("must be of {}", all.join(", "));
            self.errors.add("type", "unknown_listing_type", detail);
        }
        known
    }

    fn categories(&mut self, vocabulary: &Vocabulary) -> Categories {
        let value = self.take("category");
        let given = value.map(|value| self.parts("category", &value)).unwrap_or_default();
        let mut named = BTreeSet::new();
        for name in given {
            if let Some(id) = vocabulary.category(&name) {
                named.insert(id);
            } else {
                let name: String = name.chars().take(64).collect();
                let detail = format!("there is no category `{name}`");
                self.errors.add("category", "unknown_category", detail);
            }
        }
        vocabulary.with_descendants(named)
    }

    fn price(&mut self) -> Option<Range<i64>> {
        let amount = |given: &mut Self, name: &str| {
            let minor: i64 = given.parsed(name, "invalid_amount")?;
            let price = (0..=Money::MAX_PRICE).contains(&minor).then_some(minor);
            let detail = format!("must be 0 to {} minor units", Money::MAX_PRICE);
            given.errors.check(name, "out_of_range", price.ok_or(detail))
        };
        let least = amount(self, "price[gte]");
        let greatest = amount(self, "price[lte]");
        self.range("price", least, greatest)
    }

    /// A range from its two ends; notes one that nothing can lie in.
    pub(super) fn range<T: Copy + PartialOrd>(
        &mut self,
        name: &str,
        least: Option<T>,
        greatest: Option<T>,
    ) -> Option<Range<T>> {
        let range = Range::new(least, greatest);
        if range.is_none() && least.is_some() {
            let detail = format!("must not be below {name}[gte]");
            self.errors.add(format!("{name}[lte]"), "empty_range", detail);
        }
        range
    }

    fn common(&mut self, sorts: &[Sort], vocabulary: &Vocabulary) -> Common {
        let text = self.take("q");
        let has_words = text.is_some();
        let words = text.and_then(|text| match Words::new(&text) {
            Ok(words) => Some(words),
            Err(error) => {
                self.errors.add("q", error.code(), error.to_string());
                None
            }
        });
        let categories = self.categories(vocabulary);
        let rating = self.rating();
        let has_place = self.left.iter().any(|(name, _)| name == "near");
        let near = self.near();
        let created = self.created();
        let favorites = self.favorites();
        let sort = self.sort(sorts, has_words, has_place);
        let limit = self.limit();
        Common { words, categories, rating, near, created, favorites, sort, limit }
    }

    fn rating(&mut self) -> Option<LeastRating> {
        let value = self.take("rating[gte]")?;
        let stars = hundredths(&value).and_then(LeastRating::from_hundredths);
        let detail = "must be 0 to 5 stars with at most two decimals, such as 4.5";
        self.errors.check("rating[gte]", "out_of_range", stars.ok_or(detail))
    }

    fn near(&mut self) -> Option<Near> {
        let place = self.take("near").and_then(|value| {
            let parsed = place(&value);
            self.errors.check("near", "invalid_place", parsed)
        });
        let kilometres = self.within("within_km", Distance::from_kilometres);
        let miles = self.within("within_mi", Distance::from_miles);
        if kilometres.is_some() && miles.is_some() {
            self.errors.add("within_mi", "conflicting", "give within_km or within_mi, not both");
        }
        let within = kilometres.or(miles);
        if within.is_some() && place.is_none() && !self.noted("near") {
            self.errors.add("near", "required", "a distance needs a place: near=lat,lon");
        }
        place.map(|place| Near { place, within })
    }

    fn within<E: ToString>(
        &mut self,
        name: &str,
        distance: impl Fn(f64) -> Result<Distance, E>,
    ) -> Option<Distance> {
        let number: f64 = self.parsed(name, "invalid_number")?;
        self.errors.check(name, "out_of_range", distance(number))
    }

    fn created(&mut self) -> Period {
        let mut moment = |name| -> Option<DateTime<Utc>> {
            let value = self.take(name)?;
            let parsed = DateTime::parse_from_rfc3339(&value).map(|at| at.to_utc());
            let detail = "must be a moment such as 2026-05-01T08:00:00Z";
            self.errors.check(name, "invalid_time", parsed.map_err(|_| detail))
        };
        let from = moment("created_at[gte]");
        let before = moment("created_at[lt]");
        if from.zip(before).is_some_and(|(from, before)| from >= before) {
            let detail = "must be after created_at[gte]";
            self.errors.add("created_at[lt]", "empty_range", detail);
        }
        Period { from, before }
    }

    fn favorites(&mut self) -> bool {
        let Some(value) = self.take("is_favorite") else { return false };
        if value != "true" {
            self.errors.add("is_favorite", "invalid_value", "must be true, or be left out");
        }
        true
    }

    fn sort(&mut self, sorts: &[Sort], has_words: bool, has_place: bool) -> Sort {
        let default = if has_words { Sort::Relevance } else { Sort::Newest };
        let Some(name) = self.take("sort") else { return default };
        let Some(sort) = sorts.iter().copied().find(|sort| sort.name() == name) else {
            let names: Vec<_> = sorts.iter().map(|sort| sort.name()).collect();
            let detail = format!("must be one of {}", names.join(", "));
            self.errors.add("sort", "invalid_value", detail);
            return default;
        };
        if sort == Sort::Relevance && !has_words {
            self.errors.add("sort", "needs_q", "relevance needs words to look for: q=");
        }
        if sort == Sort::Nearest && !has_place {
            self.errors.add("sort", "needs_near", "distance needs a place: near=lat,lon");
        }
        sort
    }

    fn limit(&mut self) -> Limit {
        let number: Option<i64> = self.parsed("limit", "invalid_number");
        number
            .and_then(|number| self.errors.check("limit", "out_of_range", Limit::new(number)))
            .unwrap_or_default()
    }

    fn noted(&self, name: &str) -> bool {
        self.errors.0.iter().any(|error| error.pointer == name)
    }

    /// The cursor, if all is well and nothing is left.
    fn finish(mut self) -> Result<Option<String>, FieldErrors> {
        let cursor = self.take("cursor");
        for (name, _) in std::mem::take(&mut self.left) {
            let name: String = name.chars().take(64).collect();
            self.errors.add(name, "unknown_parameter", "there is no such parameter");
        }
        self.errors.into_result()?;
        Ok(cursor)
    }
}

/// A decimal number of at most two decimals, in hundredths.
fn hundredths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<2}").parse().ok()?;
    Some(whole.parse::<u16>().ok()? * 100 + decimals)
}

fn place(text: &str) -> Result<Place, String> {
    let detail = "must be a latitude and a longitude in degrees, such as 52.52,13.40";
    let (lat, lon) = text.split_once(',').ok_or(detail)?;
    let degrees = |text: &str| text.trim().parse::<f64>().map_err(|_| detail);
    Place::new(degrees(lat)?, degrees(lon)?).map_err(|error| error.to_string())
}
