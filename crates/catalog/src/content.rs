use std::collections::{BTreeMap, BTreeSet};

use kernel::{CategoryId, Currency, FieldErrors, Line, Money, Place, Text, TextError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Access, Attributes, ListingField, ListingType};

/// The headline of a listing.
pub type Title = Line<3, 140>;
/// The long text of a listing.
pub type Description = Text<0, 10_000>;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceUnit {
    /// The whole.
    Fixed,
    /// The whole, and it may become more.
    From,
    /// An hour.
    PerHour,
    /// A day.
    PerDay,
    /// A visit.
    PerVisit,
    /// The provider makes an offer, for free; there is no price.
    FreeQuote,
}

impl PriceUnit {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 6] =
        [Self::Fixed, Self::From, Self::PerHour, Self::PerDay, Self::PerVisit, Self::FreeQuote];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::From => "from",
            Self::PerHour => "per_hour",
            Self::PerDay => "per_day",
            Self::PerVisit => "per_visit",
            Self::FreeQuote => "free_quote",
        }
    }
}

/// What a provider says in a listing, without its media.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The headline.
    pub title: Title,
    /// The long text.
    pub description: Description,
    /// Where in the tree it stands.
    pub category: Option<CategoryId>,
    /// The price; never negative.
    pub price: Option<Money>,
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// How many pieces there are; `None` where nobody counts.
    pub stock: Option<i32>,
    /// What its type asks for.
    pub attributes: Attributes,
    /// Where it is.
    pub location: Option<Place>,
    /// Who sees all of it.
    pub access: Access,
}

/// What an edit does to one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing.
    #[default]
    Keep,
    /// Takes it away.
    Clear,
    /// Sets it.
    Set(T),
}

impl<T> From<Option<Option<T>>> for Change<T> {
    fn from(change: Option<Option<T>>) -> Self {
        match change {
            None => Self::Keep,
            Some(None) => Self::Clear,
            Some(Some(value)) => Self::Set(value),
        }
    }
}

/// An amount as it was given, not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenMoney {
    /// In the minor unit of the currency.
    pub amount: i64,
    /// Perhaps an ISO 4217 code.
    pub currency: String,
}

/// A place as it was given, not checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GivenPlace {
    /// Perhaps a latitude.
    pub lat: f64,
    /// Perhaps a longitude.
    pub lon: f64,
}

/// What somebody wants a listing to say, as it was given: nothing is checked yet, so that
/// everything that is wrong can be said at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContentPatch {
    /// The headline.
    pub title: Change<String>,
    /// The long text.
    pub description: Change<String>,
    /// The id of a category.
    pub category: Change<String>,
    /// The price.
    pub price: Change<GivenMoney>,
    /// What the price is for.
    pub price_unit: Change<String>,
    /// How many pieces there are.
    pub stock: Change<i64>,
    /// By key; null takes a value away, what is left out stays.
    pub attributes: BTreeMap<String, Value>,
    /// Where it is.
    pub location: Change<GivenPlace>,
    /// Who sees all of it.
    pub access: Change<String>,
}

impl Content {
    /// The greatest stock.
    pub const MAX_STOCK: i32 = 1_000_000_000;

    /// The content of a new listing.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once. What is only missing is not wrong in a draft, but for
    /// the title.
    pub fn draft(listing_type: &ListingType, patch: &ContentPatch) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        if matches!(patch.title, Change::Keep | Change::Clear) {
            errors.add("/title", "required", "is needed");
        }
        let blank = Self {
            title: Title::from_stored(String::new()),
            description: Description::from_stored(String::new()),
            category: None,
            price: None,
            price_unit: PriceUnit::Fixed,
            stock: None,
            attributes: Attributes::new(),
            location: None,
            access: listing_type.usual_access(),
        };
        let content = blank.with(listing_type, patch, &mut errors);
        errors.into_result()?;
        Ok(content)
    }

    /// The content after an edit.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the edit, at once.
    pub fn patched(
        &self,
        listing_type: &ListingType,
        patch: &ContentPatch,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        if matches!(patch.title, Change::Clear) {
            errors.add("/title", "required", "cannot be taken away");
        }
        let content = self.clone().with(listing_type, patch, &mut errors);
        errors.into_result()?;
        Ok(content)
    }

    fn with(
        mut self,
        listing_type: &ListingType,
        patch: &ContentPatch,
        errors: &mut FieldErrors,
    ) -> Self {
        if let Change::Set(title) = &patch.title
            && let Some(title) = text("/title", Title::new(title), errors)
        {
            self.title = title;
        }
        match &patch.description {
            Change::Keep => {}
            Change::Clear => self.description = Description::from_stored(String::new()),
            Change::Set(given) => {
                if let Some(given) = text("/description", Description::new(given), errors) {
                    self.description = given;
                }
            }
        }
        set(&mut self.category, &patch.category, |given| {
            errors.check("/category_id", "invalid_id", given.parse())
        });
        set(&mut self.price, &patch.price, |given| price(given, errors));
        match &patch.price_unit {
            Change::Keep => {}
            Change::Clear => self.price_unit = PriceUnit::Fixed,
            Change::Set(given) => {
                if let Some(unit) = PriceUnit::ALL.into_iter().find(|u| u.name() == given) {
                    self.price_unit = unit;
                } else {
                    let names = PriceUnit::ALL.map(PriceUnit::name).join(", ");
                    errors.add("/price_unit", "unknown_value", format!("must be one of {names}"));
                }
            }
        }
        set(&mut self.stock, &patch.stock, |given| {
            let stock = i32::try_from(*given).ok().filter(|n| (0..=Self::MAX_STOCK).contains(n));
            if stock.is_none() {
                let detail = format!("must lie between 0 and {}", Self::MAX_STOCK);
                errors.add("/stock", "out_of_range", detail);
            }
            stock
        });
        set(&mut self.location, &patch.location, |given| {
            errors.check("/location", "out_of_range", Place::new(given.lat, given.lon))
        });
        self.set_access(listing_type, &patch.access, errors);
        self.attributes =
            self.attributes.patched(listing_type.attributes(), &patch.attributes, errors);
        if self.price_unit == PriceUnit::FreeQuote && self.price.is_some() {
            errors.add("/price", "contradiction", "a free quote has no price");
        }
        self
    }

    fn set_access(
        &mut self,
        listing_type: &ListingType,
        change: &Change<String>,
        errors: &mut FieldErrors,
    ) {
        let allowed = &listing_type.declaration().access;
        match change {
            Change::Keep => {}
            Change::Clear => self.access = listing_type.usual_access(),
            Change::Set(given) => {
                if let Some(access) = allowed.iter().find(|access| access.name() == given) {
                    self.access = *access;
                } else {
                    let names: Vec<_> = allowed.iter().map(|access| access.name()).collect();
                    let detail = format!("must be one of {} for this type", names.join(", "));
                    errors.add("/access", "unknown_value", detail);
                }
            }
        }
    }

    /// Notes everything that keeps this from being public under its type.
    pub fn check(&self, listing_type: &ListingType, errors: &mut FieldErrors) {
        let declaration = listing_type.declaration();
        let mut need = |needed: bool, there: bool, pointer: &str| {
            if needed && !there {
                errors.add(pointer, "required", "is needed to publish");
            }
        };
        let quoted = self.price_unit == PriceUnit::FreeQuote;
        need(declaration.price_required, self.price.is_some() || quoted, "/price");
        need(declaration.stock_required, self.stock.is_some(), "/stock");
        need(declaration.location_required, self.location.is_some(), "/location");
        if !declaration.access.contains(&self.access) {
            errors.add("/access", "unknown_value", "is not allowed for this type any more");
        }
        self.attributes.check(listing_type.attributes(), errors);
    }

    /// The fields in which the two differ.
    pub fn differing(&self, other: &Self) -> BTreeSet<ListingField> {
        let fields = [
            (ListingField::Title, self.title != other.title),
            (ListingField::Description, self.description != other.description),
            (ListingField::Category, self.category != other.category),
            (ListingField::Price, self.price != other.price),
            (ListingField::PriceUnit, self.price_unit != other.price_unit),
            (ListingField::Stock, self.stock != other.stock),
            (ListingField::Attributes, self.attributes != other.attributes),
            (ListingField::Location, self.location != other.location),
            (ListingField::Access, self.access != other.access),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }
}

fn set<G, T>(field: &mut Option<T>, change: &Change<G>, read: impl FnOnce(&G) -> Option<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *field = None,
        Change::Set(given) => *field = read(given),
    }
}

fn price(given: &GivenMoney, errors: &mut FieldErrors) -> Option<Money> {
    let currency: Option<Currency> =
        errors.check("/price/currency", "unknown_currency", given.currency.parse());
    let in_range = (0..=Money::MAX_PRICE).contains(&given.amount);
    if !in_range {
        let detail = format!("must lie between 0 and {}", Money::MAX_PRICE);
        errors.add("/price/amount", "out_of_range", detail);
    }
    currency.filter(|_| in_range).map(|currency| Money::new(given.amount, currency))
}

/// Notes a text that is refused.
pub(crate) fn text<T>(
    pointer: &str,
    given: Result<T, TextError>,
    errors: &mut FieldErrors,
) -> Option<T> {
    given.map_err(|error| errors.add(pointer, error.code(), error.to_string())).ok()
}
