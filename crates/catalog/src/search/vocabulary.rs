use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{CategoryId, Currency};

use super::query::Categories;
use crate::{AttributeKind, Choice, Taxonomy};

/// What a search may speak of in this marketplace: its categories, its listing types and what
/// they declare.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    taxonomy: Arc<Taxonomy>,
    currency: Currency,
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

impl Vocabulary {
    /// Of a taxonomy; `currency` is that of a price where the search names none.
    pub const fn new(taxonomy: Arc<Taxonomy>, currency: Currency) -> Self {
        Self { taxonomy, currency }
    }

    /// The currency of a price where the search names none.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The keys of all listing types.
    pub(super) fn type_keys(&self) -> impl Iterator<Item = &str> {
        self.taxonomy.listing_types().iter().map(|listing_type| listing_type.key().as_str())
    }

    /// The category of this id or slug.
    pub(super) fn category(&self, name: &str) -> Option<CategoryId> {
        match name.parse() {
            Ok(id) => self.taxonomy.category(id),
            Err(_) => self.taxonomy.category_of_slug(name),
        }
        .map(|category| category.id)
    }

    /// These categories with all below them.
    pub(super) fn with_descendants(&self, named: BTreeSet<CategoryId>) -> Categories {
        let wanted = named.iter().flat_map(|id| self.taxonomy.with_descendants(*id)).collect();
        Categories { named, wanted }
    }

    /// Whether there is such a listing type.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.taxonomy.listing_type(key).is_some()
    }

    /// The values of an attribute among the given listing types; all of them if none is given.
    pub(super) fn values(
        &self,
        key: &str,
        types: &BTreeSet<String>,
    ) -> Result<AttributeValues, NoSuchAttribute> {
        let mut declared = self
            .taxonomy
            .listing_types()
            .iter()
            .filter(|t| types.is_empty() || types.contains(t.key().as_str()))
            .filter_map(|listing_type| listing_type.attribute(key))
            .peekable();
        declared.peek().ok_or(NoSuchAttribute::Undeclared)?;
        let mut filterable = declared.filter(|attribute| attribute.filterable);
        let first = filterable.next().ok_or(NoSuchAttribute::Unfilterable)?;
        filterable
            .try_fold(AttributeValues::from(&first.kind), |values, next| {
                values.merged(&AttributeValues::from(&next.kind))
            })
            .ok_or(NoSuchAttribute::Ambiguous)
    }
}
