use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, FieldErrors, ListingId, Money, ProviderId, Text};
use serde::Deserialize;
use thiserror::Error;

/// What a product is called on lists and on the payer's statement.
pub type ProductTitle = Text<1, 80>;

/// The name that a product has for programs: 1 to 40 lower-case ASCII letters, digits and single
/// underscores, a letter first. Never renamed once in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProductKey(String);

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must be 1 to {} lower-case letters, digits and single underscores, a letter first",
    ProductKey::MAX
)]
pub struct ProductKeyError;

impl ProductKey {
    /// The longest key.
    pub const MAX: usize = 40;

    /// Checks a key.
    pub fn new(text: &str) -> Result<Self, ProductKeyError> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let sound = text.len() <= Self::MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.split('_').all(part);
        if sound { Ok(Self(text.to_owned())) } else { Err(ProductKeyError) }
    }

    /// The key of a record that was checked when it was written.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The bare key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProductKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of thing is promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetKind {
    /// A listing.
    Listing,
    /// A provider.
    Provider,
}

impl TargetKind {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 2] = [Self::Listing, Self::Provider];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::Provider => "provider",
        }
    }
}

impl FromStr for TargetKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(&Self::ALL, Self::name, name)
    }
}

/// What exactly is promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A listing.
    Listing(ListingId),
    /// A provider.
    Provider(ProviderId),
}

impl Target {
    /// What kind of thing it is.
    pub const fn kind(self) -> TargetKind {
        match self {
            Self::Listing(_) => TargetKind::Listing,
            Self::Provider(_) => TargetKind::Provider,
        }
    }

    /// The listing, if it is one.
    pub const fn listing(self) -> Option<ListingId> {
        match self {
            Self::Listing(id) => Some(id),
            Self::Provider(_) => None,
        }
    }
}

/// What a promotion does for its target while it is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// The listing takes its turn before the results of a search: `is_top`.
    Top,
    /// The listing is shown at greater length in lists: `is_detailed`.
    Detailed,
    /// The provider is marked as a professional: `is_pro`.
    Pro,
}

impl Effect {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 3] = [Self::Top, Self::Detailed, Self::Pro];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Top => "top",
            Self::Detailed => "detailed",
            Self::Pro => "pro",
        }
    }

    /// What it can be had for.
    pub const fn target(self) -> TargetKind {
        match self {
            Self::Top | Self::Detailed => TargetKind::Listing,
            Self::Pro => TargetKind::Provider,
        }
    }
}

impl FromStr for Effect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(&Self::ALL, Self::name, name)
    }
}

/// How long a promotion lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// Seven days.
    Week,
    /// Fourteen days.
    Fortnight,
    /// Thirty days.
    Month,
}

impl Term {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Week, Self::Fortnight, Self::Month];

    /// The term of so many days, if there is one.
    pub fn from_days(days: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|term| i64::from(term.days()) == days)
    }

    /// Its days, of 24 hours each.
    pub const fn days(self) -> u8 {
        match self {
            Self::Week => 7,
            Self::Fortnight => 14,
            Self::Month => 30,
        }
    }

    /// How long it is.
    pub fn length(self) -> TimeDelta {
        TimeDelta::days(i64::from(self.days()))
    }
}

/// What a product costs for a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermPrice {
    /// How long.
    pub term: Term,
    /// For how much: more than nothing.
    pub price: Money,
}

/// How much of a product can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How many listings of one provider may have the product's effect, or be about to have it, at
    /// a time; any number if unset.
    pub per_provider: Option<u16>,
    /// How many days ahead a promotion may start, 0 to 365.
    pub start_ahead_days: u16,
    /// How many days ahead a promotion may end, those behind one another among them: from the
    /// longest term to 1,095.
    pub end_ahead_days: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_provider: None, start_ahead_days: 90, end_ahead_days: 365 }
    }
}

/// A product as a profile or an admin writes it down, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductDeclaration {
    /// See [`ProductKey`].
    pub key: String,
    /// See [`ProductTitle`].
    pub title: String,
    /// `listing` or `provider`.
    pub target: String,
    /// `top`, `detailed` or `pro`; the same as the key if unset.
    #[serde(default)]
    pub effect: Option<String>,
    /// The ISO 4217 code of all its prices.
    pub currency: String,
    /// What it costs, a line per term.
    pub prices: Vec<PriceDeclaration>,
    /// How much of it can be had.
    #[serde(default)]
    pub limits: Limits,
}

/// A price as it is written down, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceDeclaration {
    /// 7, 14 or 30.
    pub duration_days: i64,
    /// In minor units, more than nothing.
    pub amount: i64,
}

/// The fields of a [`Product`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRecord {
    /// Its name for programs.
    pub key: ProductKey,
    /// Its name for people.
    pub title: ProductTitle,
    /// What it does, which says for what it can be had.
    pub effect: Effect,
    /// What it costs, the shortest term first; one currency.
    pub prices: Vec<TermPrice>,
    /// How much of it can be had.
    pub limits: Limits,
    /// Whether it cannot be bought any more. What was bought stays.
    pub closed: bool,
    /// When this version was declared.
    pub declared_at: DateTime<Utc>,
    /// Counts its changes, from 1. Purchases remember which version they are of.
    pub version: i32,
}

/// Something that promotes: what it does, for how long and for how much. Data, not code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    record: ProductRecord,
}

impl Product {
    /// The first version of a product.
    ///
    /// # Errors
    ///
    /// All that is wrong with the declaration.
    pub fn declare(
        declaration: &ProductDeclaration,
        now: DateTime<Utc>,
    ) -> Result<Self, FieldErrors> {
        check(declaration, now).map(|record| Self { record })
    }

    /// The next version, as declared; opens a closed product again. Answers whether anything
    /// changed: the same declaration over again makes no version.
    ///
    /// # Errors
    ///
    /// All that is wrong with the declaration; its key and effect cannot change, since what was
    /// bought would change with them.
    pub fn redeclare(
        &mut self,
        declaration: &ProductDeclaration,
        now: DateTime<Utc>,
    ) -> Result<bool, FieldErrors> {
        let next = check(declaration, now)?;
        let mut errors = FieldErrors::new();
        if next.key != self.record.key {
            errors.add("/key", "immutable", "cannot change");
        }
        if next.effect != self.record.effect {
            errors.add("/effect", "immutable", "cannot change; declare another product");
        }
        errors.into_result()?;
        let same = ProductRecord {
            declared_at: self.record.declared_at,
            version: self.record.version,
            ..next.clone()
        };
        if same == self.record {
            return Ok(false);
        }
        self.record = ProductRecord { version: self.record.version + 1, ..next };
        Ok(true)
    }

    /// Takes it off the market, in a next version. Answers whether it was on it.
    pub fn close(&mut self, now: DateTime<Utc>) -> bool {
        if self.record.closed {
            return false;
        }
        self.record.closed = true;
        self.record.declared_at = now;
        self.record.version += 1;
        true
    }

    /// The product of a record that was valid when it was written.
    pub const fn restore(record: ProductRecord) -> Self {
        Self { record }
    }

    /// Its fields, for storage.
    pub const fn record(&self) -> &ProductRecord {
        &self.record
    }

    /// What it costs for a term, if it can be had for that.
    pub fn price(&self, term: Term) -> Option<Money> {
        self.record.prices.iter().find(|price| price.term == term).map(|price| price.price)
    }
}

/// The most days ahead that a promotion may start.
const START_AHEAD: u16 = 365;
/// The most days ahead that a promotion may end.
const END_AHEAD: u16 = 1_095;

fn check(
    declaration: &ProductDeclaration,
    now: DateTime<Utc>,
) -> Result<ProductRecord, FieldErrors> {
    let ProductDeclaration { key, title, target, effect, currency, prices, limits } = declaration;
    let mut errors = FieldErrors::new();
    let checked_key = errors.check("/key", "invalid_key", ProductKey::new(key));
    let title = ProductTitle::new(title)
        .map_err(|error| errors.add("/title", error.code(), error.to_string()))
        .ok();
    let target = errors.check("/target", "unknown", target.parse::<TargetKind>());
    let effect = effect.as_ref().unwrap_or(key).parse::<Effect>();
    let effect = errors.check("/effect", "unknown", effect);
    if let (Some(target), Some(effect)) = (target, effect)
        && effect.target() != target
    {
        let (effect, kind) = (effect.name(), effect.target().name());
        errors.add("/target", "does_not_fit", format!("`{effect}` is for a {kind}"));
    }
    let currency = errors.check("/currency", "unknown", currency.parse::<Currency>());
    let prices = currency.map(|currency| check_prices(prices, currency, &mut errors));
    let longest = prices.as_ref().and_then(|prices| prices.last()).map(|price| price.term.days());
    check_limits(*limits, longest, &mut errors);
    match (checked_key, title, effect, prices, errors.is_empty()) {
        (Some(key), Some(title), Some(effect), Some(prices), true) => Ok(ProductRecord {
            key,
            title,
            effect,
            prices,
            limits: *limits,
            closed: false,
            declared_at: now,
            version: 1,
        }),
        (_, _, _, _, _) => Err(errors),
    }
}

fn check_prices(
    given: &[PriceDeclaration],
    currency: Currency,
    errors: &mut FieldErrors,
) -> Vec<TermPrice> {
    if given.is_empty() {
        errors.add("/prices", "required", "must hold a price");
    }
    let mut seen = BTreeSet::new();
    let mut prices = Vec::new();
    for (i, PriceDeclaration { duration_days, amount }) in given.iter().enumerate() {
        let price = Money::new(*amount, currency);
        if *amount <= 0 || !price.is_price() {
            let most = Money::MAX_PRICE;
            errors.add(format!("/prices/{i}/amount"), "out_of_range", format!("1 to {most}"));
        }
        let pointer = format!("/prices/{i}/duration_days");
        match Term::from_days(*duration_days) {
            None => errors.add(pointer, "unknown", "must be 7, 14 or 30"),
            Some(term) if !seen.insert(term) => {
                errors.add(pointer, "repeated", "has a price already");
            }
            Some(term) => prices.push(TermPrice { term, price }),
        }
    }
    prices.sort_unstable_by_key(|price| price.term);
    if prices.windows(2).any(|pair| pair[0].price.minor() > pair[1].price.minor()) {
        errors.add("/prices", "falling", "a longer term must not cost less than a shorter one");
    }
    prices
}

fn check_limits(limits: Limits, longest: Option<u8>, errors: &mut FieldErrors) {
    let Limits { per_provider, start_ahead_days, end_ahead_days } = limits;
    if per_provider == Some(0) {
        errors.add("/limits/per_provider", "out_of_range", "must be at least 1");
    }
    if start_ahead_days > START_AHEAD {
        let detail = format!("must be 0 to {START_AHEAD}");
        errors.add("/limits/start_ahead_days", "out_of_range", detail);
    }
    let least = u16::from(longest.unwrap_or(1));
    if !(least..=END_AHEAD).contains(&end_ahead_days) {
        let detail = format!("must be {least} to {END_AHEAD}");
        errors.add("/limits/end_ahead_days", "out_of_range", detail);
    }
}

/// The one of `all` with this name.
pub(crate) fn named<T: Copy>(
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    name: &str,
) -> Result<T, String> {
    all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name_of(*one)).collect();
        format!("must be one of {}", names.join(", "))
    })
}
