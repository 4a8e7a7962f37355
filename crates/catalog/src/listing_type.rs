use std::collections::BTreeSet;
use std::fmt;

use kernel::{FieldErrors, Text};
use serde::{Deserialize, Serialize};

use crate::Key;
use crate::attribute::{Attribute, AttributeKind, Choice};
use crate::media::MediaLimits;

/// How a listing can be transacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionMode {
    /// Not at all: it is only looked at.
    None,
    /// By a request to its provider, in free text.
    Request,
    /// By a request that its provider answers with an offer.
    Quote,
    /// By a request for a time slot.
    Appointment,
    /// By an order of stocked pieces.
    Order,
    /// By bids.
    Auction,
}

/// Who sees all of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everyone.
    Free,
    /// Those who subscribe to its provider.
    Subscribers,
    /// Those who bought it.
    Purchase,
}

impl Access {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 3] = [Self::Free, Self::Subscribers, Self::Purchase];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Subscribers => "subscribers",
            Self::Purchase => "purchase",
        }
    }
}

/// When moderators look at a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moderation {
    /// Before it is public, and before every change of it that matters.
    Before,
    /// While it is public already.
    After,
    /// Only when somebody complains.
    #[default]
    None,
}

/// A field of a listing, as far as rules name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListingField {
    /// The headline.
    Title,
    /// The long text.
    Description,
    /// Where in the tree it stands.
    Category,
    /// The price.
    Price,
    /// What the price is for.
    PriceUnit,
    /// How many pieces there are.
    Stock,
    /// What the type asks for.
    Attributes,
    /// Where it is.
    Location,
    /// Who sees all of it.
    Access,
    /// Pictures and documents.
    Media,
}

impl ListingField {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::Category => "category",
            Self::Price => "price",
            Self::PriceUnit => "price_unit",
            Self::Stock => "stock",
            Self::Attributes => "attributes",
            Self::Location => "location",
            Self::Access => "access",
            Self::Media => "media",
        }
    }
}

/// Something that reviews of a listing of this type rate apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewCriterion {
    /// Its name for programs.
    pub key: Key,
    /// Its name for people.
    pub label: String,
}

/// A kind of listing, as a profile file (TOML), an admin and the database write it down. Checked
/// by [`ListingType::new`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingTypeDeclaration {
    /// Its name for programs, such as `project`.
    pub key: Key,
    /// Its name for people.
    pub title: String,
    /// Its name for people, for several.
    pub plural: String,
    /// What it wants to know of its listings, in the order in which it is asked.
    #[serde(default)]
    pub attributes: Vec<AttributeDeclaration>,
    /// What may be attached.
    #[serde(default)]
    pub media: MediaLimits,
    /// How its listings can be transacted.
    #[serde(default = "not_at_all")]
    pub transactions: BTreeSet<TransactionMode>,
    /// Who may be let see all of a listing; the first is the usual one.
    #[serde(default = "free")]
    pub access: Vec<Access>,
    /// Whether a listing needs a price to be published.
    #[serde(default)]
    pub price_required: bool,
    /// Whether a listing needs a stock to be published.
    #[serde(default)]
    pub stock_required: bool,
    /// Whether a listing needs a location to be published.
    #[serde(default)]
    pub location_required: bool,
    /// When moderators look at it.
    #[serde(default)]
    pub moderation: Moderation,
    /// What changes at once where other changes wait for a moderator. `price` means changes of up
    /// to [`ListingType::HARMLESS_PRICE_CHANGE`]. Single attributes say so themselves.
    #[serde(default = "stock_and_price")]
    pub harmless: BTreeSet<ListingField>,
    /// What reviews rate apart.
    #[serde(default)]
    pub review_criteria: Vec<ReviewCriterion>,
}

fn not_at_all() -> BTreeSet<TransactionMode> {
    BTreeSet::from([TransactionMode::None])
}

fn free() -> Vec<Access> {
    vec![Access::Free]
}

fn stock_and_price() -> BTreeSet<ListingField> {
    BTreeSet::from([ListingField::Stock, ListingField::Price])
}

/// The kinds of attributes by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKindName {
    /// Free text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Decimal,
    /// Yes or no.
    Boolean,
    /// One of the choices.
    Enum,
    /// Some of the choices.
    MultiEnum,
    /// A calendar day.
    Date,
}

/// An attribute as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of an attribute")]
pub struct AttributeDeclaration {
    /// Its name for programs.
    pub key: Key,
    /// Its name for people.
    pub label: String,
    /// What its values are.
    pub kind: AttributeKindName,
    /// Whether a listing needs it to be published.
    #[serde(default)]
    pub required: bool,
    /// Whether lists may be filtered by it.
    #[serde(default)]
    pub filterable: bool,
    /// Whether the full-text search reads it: `text`, `enum` and `multi_enum` only.
    #[serde(default)]
    pub searchable: bool,
    /// Whether a change of it applies at once where others wait for a moderator.
    #[serde(default)]
    pub harmless: bool,
    /// What its numbers count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The most characters of a text; 200 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// What an `enum` or `multi_enum` can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// A kind of listing: what is asked of its listings, how they are transacted and moderated. Data,
/// not code: a marketplace is its listing types.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingType {
    declaration: ListingTypeDeclaration,
    attributes: Vec<Attribute>,
    version: i32,
}

impl ListingType {
    /// How far a price may move at once without a moderator, in basis points: 20 %.
    pub const HARMLESS_PRICE_CHANGE: u32 = 2_000;
    /// The most attributes of a type.
    pub const MAX_ATTRIBUTES: usize = 60;
    /// The most choices of an attribute.
    pub const MAX_CHOICES: usize = 300;

    /// A new type.
    ///
    /// # Errors
    ///
    /// Everything that makes no sense in the declaration, at once.
    pub fn new(declaration: ListingTypeDeclaration) -> Result<Self, FieldErrors> {
        Self::with_version(declaration, 1)
    }

    /// The type of a record.
    ///
    /// # Errors
    ///
    /// Like [`Self::new`].
    pub fn with_version(
        declaration: ListingTypeDeclaration,
        version: i32,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        check_label("/title", &declaration.title, &mut errors);
        check_label("/plural", &declaration.plural, &mut errors);
        if declaration.transactions.is_empty() {
            errors.add("/transactions", "empty", "must name a way; `none` is one");
        }
        if declaration.transactions.len() > 1
            && declaration.transactions.contains(&TransactionMode::None)
        {
            errors.add("/transactions", "contradiction", "`none` stands alone");
        }
        if declaration.access.is_empty() {
            errors.add("/access", "empty", "must name who may see a listing");
        }
        let distinct: BTreeSet<_> = declaration.access.iter().collect();
        if distinct.len() < declaration.access.len() {
            errors.add("/access", "duplicate", "names something twice");
        }
        check_keys(
            "/review_criteria",
            declaration.review_criteria.iter().map(|criterion| &criterion.key),
            &mut errors,
        );
        for (i, criterion) in declaration.review_criteria.iter().enumerate() {
            check_label(&format!("/review_criteria/{i}/label"), &criterion.label, &mut errors);
        }
        if declaration.attributes.len() > Self::MAX_ATTRIBUTES {
            let detail = format!("must be at most {}", Self::MAX_ATTRIBUTES);
            errors.add("/attributes", "too_many", detail);
        }
        check_keys("/attributes", declaration.attributes.iter().map(|a| &a.key), &mut errors);
        let attributes = declaration
            .attributes
            .iter()
            .enumerate()
            .map(|(i, attribute)| attribute.check(&format!("/attributes/{i}"), &mut errors))
            .collect();
        errors.into_result()?;
        Ok(Self { declaration, attributes, version })
    }

    /// The declaration, to store and to show.
    pub const fn declaration(&self) -> &ListingTypeDeclaration {
        &self.declaration
    }

    /// Its name for programs.
    pub const fn key(&self) -> &Key {
        &self.declaration.key
    }

    /// What it wants to know of its listings, in the order in which it is asked.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute of this key, if it is declared.
    pub fn attribute(&self, key: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.key.as_str() == key)
    }

    /// What may be attached.
    pub const fn media(&self) -> &MediaLimits {
        &self.declaration.media
    }

    /// When moderators look at it.
    pub const fn moderation(&self) -> Moderation {
        self.declaration.moderation
    }

    /// Whether its listings can be transacted in this way.
    pub fn transacts(&self, mode: TransactionMode) -> bool {
        self.declaration.transactions.contains(&mode)
    }

    /// Who usually sees all of a listing.
    pub fn usual_access(&self) -> Access {
        self.declaration.access.first().copied().unwrap_or(Access::Free)
    }

    /// Whether changes of this field apply at once where others wait for a moderator.
    pub fn is_harmless(&self, field: ListingField) -> bool {
        self.declaration.harmless.contains(&field)
    }

    /// How often it was changed, from 1.
    pub const fn version(&self) -> i32 {
        self.version
    }
}

impl fmt::Display for ListingType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key().fmt(f)
    }
}

fn check_label(pointer: &str, label: &str, errors: &mut FieldErrors) {
    if let Err(error) = Text::<1, 80>::new(label) {
        errors.add(pointer, error.code(), error.to_string());
    }
}

fn check_keys<'a>(pointer: &str, keys: impl Iterator<Item = &'a Key>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for (i, key) in keys.enumerate() {
        if !seen.insert(key) {
            errors.add(
                format!("{pointer}/{i}/key"),
                "duplicate",
                format!("`{key}` is named twice"),
            );
        }
    }
}

impl AttributeDeclaration {
    fn check(&self, pointer: &str, errors: &mut FieldErrors) -> Attribute {
        check_label(&format!("{pointer}/label"), &self.label, errors);
        if let Some(unit) = &self.unit {
            check_label(&format!("{pointer}/unit"), unit, errors);
        }
        self.check_fit(pointer, errors);
        Attribute {
            key: self.key.clone(),
            label: self.label.clone(),
            kind: self.check_kind(pointer, errors),
            required: self.required,
            filterable: self.filterable,
            searchable: self.searchable,
            harmless: self.harmless,
            unit: self.unit.clone(),
        }
    }

    /// Notes what is declared but means nothing for this kind.
    fn check_fit(&self, pointer: &str, errors: &mut FieldErrors) {
        use AttributeKindName::{Boolean, Date, Decimal, Enum, Integer, MultiEnum, Text};
        let (numeric, textual, chosen) = match self.kind {
            Text => (false, true, false),
            Integer | Decimal => (true, false, false),
            Boolean | Date => (false, false, false),
            Enum | MultiEnum => (false, false, true),
        };
        let mut refuse = |given: bool, field: &str, fits: bool| {
            if given && !fits {
                let detail = "means nothing for this kind of attribute";
                errors.add(format!("{pointer}/{field}"), "meaningless", detail);
            }
        };
        refuse(self.min.is_some(), "min", numeric);
        refuse(self.max.is_some(), "max", numeric);
        refuse(self.unit.is_some(), "unit", numeric);
        refuse(self.max_length.is_some(), "max_length", textual);
        refuse(!self.choices.is_empty(), "choices", chosen);
        refuse(self.searchable, "searchable", textual || chosen);
        refuse(self.filterable, "filterable", !textual);
    }

    fn check_kind(&self, pointer: &str, errors: &mut FieldErrors) -> AttributeKind {
        match self.kind {
            AttributeKindName::Text => {
                let max_length = self.max_length.unwrap_or(200);
                if !(1..=AttributeKind::MAX_TEXT).contains(&max_length) {
                    let detail = format!("must lie between 1 and {}", AttributeKind::MAX_TEXT);
                    errors.add(format!("{pointer}/max_length"), "out_of_range", detail);
                }
                AttributeKind::Text { max_length }
            }
            AttributeKindName::Integer => {
                let min = whole(self.min, -AttributeKind::MAX_INTEGER);
                let max = whole(self.max, AttributeKind::MAX_INTEGER);
                let (Some(min), Some(max)) = (min, max) else {
                    errors.add(pointer, "out_of_range", "bounds must be whole numbers");
                    return AttributeKind::Integer { min: 0, max: 0 };
                };
                check_bounds(pointer, min <= max, errors);
                AttributeKind::Integer { min, max }
            }
            AttributeKindName::Decimal => {
                let min = self.min.unwrap_or(-AttributeKind::MAX_DECIMAL);
                let max = self.max.unwrap_or(AttributeKind::MAX_DECIMAL);
                let sane = min.abs() <= AttributeKind::MAX_DECIMAL
                    && max.abs() <= AttributeKind::MAX_DECIMAL;
                check_bounds(pointer, sane && min <= max, errors);
                AttributeKind::Decimal { min, max }
            }
            AttributeKindName::Boolean => AttributeKind::Boolean,
            AttributeKindName::Enum => {
                self.check_choices(pointer, errors);
                AttributeKind::Enum { choices: self.choices.clone() }
            }
            AttributeKindName::MultiEnum => {
                self.check_choices(pointer, errors);
                AttributeKind::MultiEnum { choices: self.choices.clone() }
            }
            AttributeKindName::Date => AttributeKind::Date,
        }
    }

    fn check_choices(&self, pointer: &str, errors: &mut FieldErrors) {
        let pointer = format!("{pointer}/choices");
        let count = self.choices.len();
        if count == 0 || count > ListingType::MAX_CHOICES {
            let detail = format!("must be 1 to {}", ListingType::MAX_CHOICES);
            errors.add(pointer.as_str(), "out_of_range", detail);
        }
        check_keys(&pointer, self.choices.iter().map(|choice| &choice.key), errors);
        for (i, choice) in self.choices.iter().enumerate() {
            check_label(&format!("{pointer}/{i}/label"), &choice.label, errors);
        }
    }
}

fn check_bounds(pointer: &str, sound: bool, errors: &mut FieldErrors) {
    if !sound {
        errors.add(format!("{pointer}/min"), "out_of_range", "`min` must not be above `max`");
    }
}

/// A bound of whole numbers; `None` if it has a fraction or is out of range.
fn whole(bound: Option<f64>, otherwise: i64) -> Option<i64> {
    match bound {
        None => Some(otherwise),
        Some(bound) if bound.fract() == 0.0 => format!("{bound:.0}")
            .parse()
            .ok()
            .filter(|n: &i64| n.unsigned_abs() <= AttributeKind::MAX_INTEGER.unsigned_abs()),
        Some(_) => None,
    }
}
