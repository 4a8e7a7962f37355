use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use kernel::{CategoryId, FieldErrors, Locale, Slug, Text};

use crate::content::text;
use crate::{Category, CategoryName, Change, Key, ListingType};

/// All listing types and categories of the marketplace at a moment, as they are cached.
#[derive(Debug, Clone, Default)]
pub struct Taxonomy {
    listing_types: Vec<Arc<ListingType>>,
    categories: Vec<Arc<Category>>,
    places: HashMap<CategoryId, usize>,
}

impl Taxonomy {
    /// Of listing types in their order, and categories in any.
    pub fn new(listing_types: Vec<ListingType>, mut categories: Vec<Category>) -> Self {
        categories.sort_by_key(|category| (category.position, category.id));
        let categories: Vec<_> = categories.into_iter().map(Arc::new).collect();
        let places = categories.iter().enumerate().map(|(i, c)| (c.id, i)).collect();
        let listing_types = listing_types.into_iter().map(Arc::new).collect();
        Self { listing_types, categories, places }
    }

    /// The listing types in their order.
    pub fn listing_types(&self) -> &[Arc<ListingType>] {
        &self.listing_types
    }

    /// The listing type of this key.
    pub fn listing_type(&self, key: &str) -> Option<&Arc<ListingType>> {
        self.listing_types.iter().find(|listing_type| listing_type.key().as_str() == key)
    }

    /// The categories, those of one parent in their order.
    pub fn categories(&self) -> &[Arc<Category>] {
        &self.categories
    }

    /// The category of this id.
    pub fn category(&self, id: CategoryId) -> Option<&Arc<Category>> {
        self.places.get(&id).map(|place| &self.categories[*place])
    }

    /// The category of this slug.
    pub fn category_of_slug(&self, slug: &str) -> Option<&Arc<Category>> {
        self.categories.iter().find(|category| category.slug.as_str() == slug)
    }

    /// The categories right below one, in their order; those at the top for `None`.
    pub fn children(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Arc<Category>> {
        self.categories.iter().filter(move |category| category.parent == parent)
    }

    /// A category and all below it.
    pub fn with_descendants(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut found = Vec::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            if self.places.contains_key(&next) && !found.contains(&next) {
                found.push(next);
                open.extend(self.children(Some(next)).map(|child| child.id));
            }
        }
        found
    }

    /// The categories above one and itself, from the top.
    pub fn path(&self, id: CategoryId) -> Vec<Arc<Category>> {
        let mut path = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(id);
        while let Some(category) = next.and_then(|id| self.category(id)) {
            if !seen.insert(category.id) {
                break;
            }
            path.push(Arc::clone(category));
            next = category.parent;
        }
        path.reverse();
        path
    }

    /// Passes if a category may stand below a parent: that exists, is not below the category
    /// itself, and the tree stays flat enough.
    pub(crate) fn check_place(
        &self,
        id: CategoryId,
        parent: Option<CategoryId>,
        errors: &mut FieldErrors,
    ) {
        let Some(parent) = parent else { return };
        if self.category(parent).is_none() {
            errors.add("/parent_id", "unknown_category", "does not exist");
            return;
        }
        let above = self.path(parent);
        if above.iter().any(|category| category.id == id) {
            errors.add("/parent_id", "cycle", "is the category itself or below it");
            return;
        }
        if above.len() + self.height(id, 0) > Category::MAX_DEPTH {
            let detail = format!("the tree would be deeper than {}", Category::MAX_DEPTH);
            errors.add("/parent_id", "too_deep", detail);
        }
    }

    /// Levels from a category down to the lowest below it, itself counted.
    fn height(&self, id: CategoryId, level: usize) -> usize {
        if level > Category::MAX_DEPTH {
            return 1;
        }
        1 + self.children(Some(id)).map(|c| self.height(c.id, level + 1)).max().unwrap_or(0)
    }
}

/// What an admin wants a category to be, as it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CategoryPatch {
    /// Its name in addresses; made from the name of a new category if left out.
    pub slug: Change<String>,
    /// Its name.
    pub name: Change<String>,
    /// The id of the category above it.
    pub parent: Change<String>,
    /// Its place among its siblings.
    pub position: Change<i64>,
    /// By language tag; null takes a name away, what is left out stays.
    pub translations: BTreeMap<String, Option<String>>,
}

impl CategoryPatch {
    /// The category with this patch.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub(crate) fn applied(
        &self,
        category: Category,
        taxonomy: &Taxonomy,
    ) -> Result<Category, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut category = category;
        match &self.name {
            Change::Set(name) => {
                if let Some(name) = text("/name", CategoryName::new(name), &mut errors) {
                    category.name = name;
                }
            }
            Change::Keep if !category.name.is_empty() => {}
            Change::Keep | Change::Clear => errors.add("/name", "required", "is needed"),
        }
        match &self.slug {
            Change::Set(slug) => {
                if let Some(slug) = text("/slug", Slug::new(slug), &mut errors) {
                    category.slug = slug;
                }
            }
            Change::Keep if !category.slug.as_str().is_empty() => {}
            Change::Keep | Change::Clear => {
                let made = crate::lifecycle::shortened(&slug::slugify(&*category.name), Slug::MAX);
                if let Some(slug) = text("/slug", Slug::new(&made), &mut errors) {
                    category.slug = slug;
                }
            }
        }
        match &self.parent {
            Change::Keep => {}
            Change::Clear => category.parent = None,
            Change::Set(given) => {
                category.parent = errors.check("/parent_id", "invalid_id", given.parse());
            }
        }
        taxonomy.check_place(category.id, category.parent, &mut errors);
        match self.position {
            Change::Keep => {}
            Change::Clear => category.position = 0,
            Change::Set(given) => {
                match i32::try_from(given).ok().filter(|n| (0..=9_999).contains(n)) {
                    Some(position) => category.position = position,
                    None => errors.add("/position", "out_of_range", "must lie between 0 and 9999"),
                }
            }
        }
        for (tag, name) in &self.translations {
            let short: String = tag.chars().take(16).collect();
            let pointer = format!("/translations/{}", short.replace('~', "~0").replace('/', "~1"));
            if let Err(error) = tag.parse::<Locale>() {
                errors.add(pointer, "unknown_language", error.to_string());
                continue;
            }
            match name {
                None => {
                    category.translations.remove(tag);
                }
                Some(name) => {
                    if let Some(name) = text(&pointer, CategoryName::new(name), &mut errors) {
                        category.translations.insert(tag.clone(), name);
                    }
                }
            }
        }
        errors.into_result()?;
        Ok(category)
    }
}

impl Category {
    /// A category that has neither a name nor a place yet.
    pub(crate) const fn blank(id: CategoryId) -> Self {
        Self {
            id,
            parent: None,
            slug: Slug::from_stored(String::new()),
            name: Text::from_stored(String::new()),
            translations: BTreeMap::new(),
            position: 0,
            version: 1,
        }
    }
}

/// The keys of listing types, for a message.
pub(crate) fn keys(taxonomy: &Taxonomy) -> String {
    let keys: Vec<&Key> = taxonomy.listing_types().iter().map(|t| t.key()).collect();
    keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ")
}
