use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use kernel::{CategoryId, Currency, Distance, Limit, ListingId, Place, ProviderId};

use super::position::{NotOfThisList, Position};
use super::range::Range;
use super::words::Words;

/// The order of a list. Each ends with the id, so that no two items are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// How well the words match, best first. Needs words.
    Relevance,
    /// Newest first.
    Newest,
    /// Cheapest first; listings without a price in the currency are left out. Listings only.
    Cheapest,
    /// Dearest first; listings without a price in the currency are left out. Listings only.
    Dearest,
    /// Best rated first, unrated last.
    BestRated,
    /// Nearest first; what has no place is left out. Needs a place.
    Nearest,
    /// What most people looked at and kept first.
    Popular,
}

impl Sort {
    /// The orders of listings, as the docs list them.
    pub const OF_LISTINGS: &'static [Self] = &[
        Self::Relevance,
        Self::Newest,
        Self::Cheapest,
        Self::Dearest,
        Self::BestRated,
        Self::Nearest,
        Self::Popular,
    ];

    /// The orders of providers, as the docs list them.
    pub const OF_PROVIDERS: &'static [Self] =
        &[Self::Relevance, Self::Newest, Self::BestRated, Self::Nearest, Self::Popular];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Newest => "-created_at",
            Self::Cheapest => "price",
            Self::Dearest => "-price",
            Self::BestRated => "-rating",
            Self::Nearest => "distance",
            Self::Popular => "popular",
        }
    }
}

/// The categories that are wanted; none for any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Categories {
    /// Those that the search names.
    pub named: BTreeSet<CategoryId>,
    /// Those and all below them.
    pub wanted: BTreeSet<CategoryId>,
}

/// A place to look around.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// The centre.
    pub place: Place,
    /// How far around it; `None` to measure distances only.
    pub within: Option<Distance>,
}

/// A moment in time, from and to: the start is included, the end is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub before: Option<DateTime<Utc>>,
}

/// The prices that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceFilter {
    /// In this currency; others do not match.
    pub currency: Currency,
    /// In minor units; `None` for any price.
    pub minor: Option<Range<i64>>,
}

/// The least average rating that is wanted, in hundredths of a star: 0 to 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeastRating(u16);

impl LeastRating {
    /// From hundredths of a star; `None` above five stars.
    pub const fn from_hundredths(hundredths: u16) -> Option<Self> {
        if hundredths <= 500 { Some(Self(hundredths)) } else { None }
    }

    /// In hundredths of a star.
    pub const fn hundredths(self) -> u16 {
        self.0
    }
}

/// A condition on one declared attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeFilter {
    /// The key of the attribute.
    pub key: String,
    /// What its value must be.
    pub condition: AttributeCondition,
}

/// What the value of an attribute must be.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeCondition {
    /// One of these choices.
    AnyOf(BTreeSet<String>),
    /// All of these choices among others.
    AllOf(BTreeSet<String>),
    /// A number in the range.
    Number(Range<f64>),
    /// A day in the range.
    Day(Range<NaiveDate>),
    /// Yes or no.
    Is(bool),
    /// Exactly this text.
    Text(String),
}

/// What listings are wanted, in which order, and which page of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingQuery {
    /// Words to look for.
    pub words: Option<Words>,
    /// Of one of these listing types; empty for any.
    pub types: BTreeSet<String>,
    /// In one of these categories or below.
    pub categories: Categories,
    /// Of one of these providers; empty for any.
    pub providers: BTreeSet<ProviderId>,
    /// At such a price.
    pub price: Option<PriceFilter>,
    /// Rated so well, or better.
    pub rating: Option<LeastRating>,
    /// Around a place.
    pub near: Option<Near>,
    /// With such attributes, all of them; ordered by key, each once.
    pub attributes: Vec<AttributeFilter>,
    /// Created then.
    pub created: Period,
    /// Only what the caller marked as a favourite.
    pub favorites: bool,
    /// In this order.
    pub sort: Sort,
    /// So many.
    pub limit: Limit,
    /// After this place in the list; `None` for its first page.
    pub after: Option<Position<ListingId>>,
}

/// What providers are wanted, in which order, and which page of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderQuery {
    /// Words to look for.
    pub words: Option<Words>,
    /// In one of these categories or below.
    pub categories: Categories,
    /// Rated so well, or better.
    pub rating: Option<LeastRating>,
    /// Around a place.
    pub near: Option<Near>,
    /// Registered then.
    pub created: Period,
    /// Only what the caller marked as a favourite.
    pub favorites: bool,
    /// In this order.
    pub sort: Sort,
    /// So many.
    pub limit: Limit,
    /// After this place in the list; `None` for its first page.
    pub after: Option<Position<ProviderId>>,
}

impl ListingQuery {
    /// Whether it asks for the usual order, of what everybody finds.
    pub const fn is_usual(&self) -> bool {
        !self.favorites
            && matches!((self.sort, &self.words), (Sort::Relevance, Some(_)) | (Sort::Newest, None))
    }

    /// The page after a position. Refuses a position of another list.
    pub fn continue_after(&mut self, position: Position<ListingId>) -> Result<(), NotOfThisList> {
        self.after = Some(position.checked(self.sort, self.words.is_some())?);
        Ok(())
    }

    /// A text that is the same for two queries exactly if they are pages of the same list. A
    /// cursor is bound to it.
    pub fn fingerprint(&self) -> String {
        let mut print = Fingerprint::new("listings", self.sort.name());
        print.add("q", self.words.as_ref().map(Words::to_tsquery));
        print.add_all("type", &self.types);
        print.add_all("category", &self.categories.named);
        print.add_all("provider", &self.providers);
        print.add("currency", self.price.map(|price| price.currency));
        print.add("price", self.price.and_then(|price| price.minor));
        print.add("rating", self.rating.map(LeastRating::hundredths));
        print.add_near(self.near);
        for AttributeFilter { key, condition } in &self.attributes {
            let name = format!("attr.{key}");
            match condition {
                AttributeCondition::AnyOf(choices) | AttributeCondition::AllOf(choices) => {
                    print.add_all(&name, choices);
                }
                AttributeCondition::Number(range) => print.add(&name, Some(range)),
                AttributeCondition::Day(range) => print.add(&name, Some(range)),
                AttributeCondition::Is(value) => print.add(&name, Some(value)),
                AttributeCondition::Text(value) => print.add(&name, Some(value)),
            }
        }
        print.add_period(self.created);
        print.add("is_favorite", self.favorites.then_some(true));
        print.0
    }
}

impl ProviderQuery {
    /// The page after a position. Refuses a position of another list.
    pub fn continue_after(&mut self, position: Position<ProviderId>) -> Result<(), NotOfThisList> {
        self.after = Some(position.checked(self.sort, self.words.is_some())?);
        Ok(())
    }

    /// A text that is the same for two queries exactly if they are pages of the same list. A
    /// cursor is bound to it.
    pub fn fingerprint(&self) -> String {
        let mut print = Fingerprint::new("providers", self.sort.name());
        print.add("q", self.words.as_ref().map(Words::to_tsquery));
        print.add_all("category", &self.categories.named);
        print.add("rating", self.rating.map(LeastRating::hundredths));
        print.add_near(self.near);
        print.add_period(self.created);
        print.add("is_favorite", self.favorites.then_some(true));
        print.0
    }
}

/// Names and values, each with its length, so that no value can pass for another name.
struct Fingerprint(String);

impl Fingerprint {
    fn new(list: &str, sort: &str) -> Self {
        Self(format!("{list} {sort}"))
    }

    fn add(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            let value = value.to_string();
            write!(self.0, " {name}:{}:{value}", value.len())
                .expect("a string takes whatever is written");
        }
    }

    fn add_all<T: ToString>(&mut self, name: &str, values: &BTreeSet<T>) {
        for value in values {
            self.add(name, Some(value.to_string()));
        }
    }

    fn add_near(&mut self, near: Option<Near>) {
        let place = near.map(|near| format!("{},{}", near.place.lat(), near.place.lon()));
        self.add("near", place);
        self.add("within", near.and_then(|near| near.within).map(Distance::metres));
    }

    fn add_period(&mut self, period: Period) {
        self.add("from", period.from.map(|at| at.timestamp_micros()));
        self.add("before", period.before.map(|at| at.timestamp_micros()));
    }
}
