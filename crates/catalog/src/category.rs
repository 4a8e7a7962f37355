use std::collections::BTreeMap;

use kernel::{CategoryId, Line, Slug};

/// What a category is called.
pub type CategoryName = Line<1, 80>;

/// A node of the tree in which listings stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its identity.
    pub id: CategoryId,
    /// The node above it; `None` at the top.
    pub parent: Option<CategoryId>,
    /// Its name in addresses, unique.
    pub slug: Slug,
    /// Its name in the marketplace's own language.
    pub name: CategoryName,
    /// Its name in other languages, by language tag.
    pub translations: BTreeMap<String, CategoryName>,
    /// Its place among its siblings, from 0.
    pub position: i32,
    /// How often it was changed, from 1.
    pub version: i32,
}

impl Category {
    /// How deep the tree may be.
    pub const MAX_DEPTH: usize = 6;

    /// Its name in a language, else in the marketplace's own.
    pub fn name_in(&self, language: &str) -> &str {
        self.translations.get(language).unwrap_or(&self.name).as_str()
    }
}
