use std::collections::BTreeSet;

use kernel::Currency;

use crate::{Attribute, AttributeKind, Choice, ListingType};

/// What a search may speak of in this marketplace: its listing types and what they declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// The listing types.
    pub types: Vec<SearchableType>,
    /// The currency of a price where the search names none.
    pub currency: Currency,
}

/// A listing type, as far as a search is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchableType {
    /// Its key, such as `project`.
    pub key: String,
    /// What it declares.
    pub attributes: Vec<SearchableAttribute>,
}

/// A declared attribute, as far as a search is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchableAttribute {
    /// Its key, such as `floor_area`.
    pub key: String,
    /// Whether listings may be filtered by it.
    pub filterable: bool,
    /// What its values are.
    pub values: AttributeValues,
}

/// The values of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValues {
    /// Any text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Decimal,
    /// Yes or no.
    Boolean,
    /// One of these choices.
    Enum(BTreeSet<String>),
    /// Some of these choices.
    MultiEnum(BTreeSet<String>),
    /// Calendar days.
    Date,
}

/// Why an attribute cannot be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSuchAttribute {
    Undeclared,
    Unfilterable,
    /// Listing types declare it differently: the search must say which type it means.
    Ambiguous,
}

impl AttributeValues {
    /// Its name, as listing types declare it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Enum(_) => "enum",
            Self::MultiEnum(_) => "multi_enum",
            Self::Date => "date",
        }
    }

    /// The values of two types that share an attribute; `None` if they do not go together.
    fn merged(self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Enum(a), Self::Enum(b)) => Some(Self::Enum(a.union(b).cloned().collect())),
            (Self::MultiEnum(a), Self::MultiEnum(b)) => {
                Some(Self::MultiEnum(a.union(b).cloned().collect()))
            }
            (a, b) if a == *b => Some(a),
            _ => None,
        }
    }
}

impl From<&AttributeKind> for AttributeValues {
    fn from(kind: &AttributeKind) -> Self {
        let keys = |choices: &[Choice]| choices.iter().map(|c| c.key.to_string()).collect();
        match kind {
            AttributeKind::Text { .. } => Self::Text,
            AttributeKind::Integer { .. } => Self::Integer,
            AttributeKind::Decimal { .. } => Self::Decimal,
            AttributeKind::Boolean => Self::Boolean,
            AttributeKind::Enum { choices } => Self::Enum(keys(choices)),
            AttributeKind::MultiEnum { choices } => Self::MultiEnum(keys(choices)),
            AttributeKind::Date => Self::Date,
        }
    }
}

impl From<&Attribute> for SearchableAttribute {
    fn from(attribute: &Attribute) -> Self {
        Self {
            key: attribute.key.to_string(),
            filterable: attribute.filterable,
            values: AttributeValues::from(&attribute.kind),
        }
    }
}

impl Vocabulary {
    /// Of these listing types.
    pub fn new(types: &[ListingType], currency: Currency) -> Self {
        let searchable = |listing_type: &ListingType| SearchableType {
            key: listing_type.key().to_string(),
            attributes: listing_type.attributes().iter().map(SearchableAttribute::from).collect(),
        };
        Self { types: types.iter().map(searchable).collect(), currency }
    }

    /// Whether there is such a listing type.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.types.iter().any(|t| t.key == key)
    }

    /// The values of an attribute among the given listing types; all of them if none is given.
    pub(super) fn values(
        &self,
        key: &str,
        types: &BTreeSet<String>,
    ) -> Result<AttributeValues, NoSuchAttribute> {
        let mut declared = self
            .types
            .iter()
            .filter(|t| types.is_empty() || types.contains(&t.key))
            .flat_map(|t| &t.attributes)
            .filter(|attribute| attribute.key == key)
            .peekable();
        declared.peek().ok_or(NoSuchAttribute::Undeclared)?;
        let mut filterable = declared.filter(|attribute| attribute.filterable);
        let first = filterable.next().ok_or(NoSuchAttribute::Unfilterable)?;
        filterable
            .try_fold(first.values.clone(), |values, next| values.merged(&next.values))
            .ok_or(NoSuchAttribute::Ambiguous)
    }
}
