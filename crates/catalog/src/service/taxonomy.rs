use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use access::{Action, Actor, AuditEntry};
use chrono::{DateTime, Utc};
use kernel::{CategoryId, Clock, FieldErrors, Idempotency, Ids, ListingId, Once, Slug};
use serde_json::{Value, json};

use super::permit;
use crate::port::{CatalogStore, CatalogTx};
use crate::{
    CatalogError, Category, CategoryName, CategoryPatch, Key, ListingType, ListingTypeDeclaration,
    Taxonomy, TaxonomyEvent,
};

/// Listing types and categories, for everyone and for admins.
#[derive(Debug, Clone)]
pub struct TaxonomyService {
    store: Arc<dyn CatalogStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// A category that a profile declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategorySeed {
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: CategoryName,
    /// The same by language tag.
    pub translations: BTreeMap<String, CategoryName>,
    /// The category above it, which stands before it in the list.
    pub parent: Option<Slug>,
    /// Its place among its siblings.
    pub position: i32,
}

/// How many listings are checked at once when their type changes.
const BATCH: u16 = 500;
/// How many listings are named that would not be valid any more.
const NAMED: usize = 10;

impl TaxonomyService {
    /// The service over these parts.
    pub const fn new(
        store: Arc<dyn CatalogStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { store, clock, ids }
    }

    /// All listing types and categories; at most a second old.
    pub async fn taxonomy(&self) -> Result<Arc<Taxonomy>, CatalogError> {
        Ok(self.store.taxonomy().await?)
    }

    /// Declares a new listing type.
    pub async fn create_listing_type(
        &self,
        actor: &Actor,
        declaration: ListingTypeDeclaration,
        once: Option<Idempotency<'_, ListingType>>,
    ) -> Result<Once<ListingType>, CatalogError> {
        permit(actor, Action::TaxonomyAdminister)?;
        let listing_type = ListingType::new(declaration)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        if let Some(once) = &once
            && let Some(answer) = once.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        tx.insert_listing_type(&listing_type, now).await?;
        let after = json!(listing_type.declaration());
        let key = listing_type.key();
        self.note(&mut *tx, actor, "create_listing_type", key, (Value::Null, after), now).await?;
        if let Some(once) = &once {
            once.remember(&mut *tx, &listing_type).await?;
        }
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(Once::Done(listing_type))
    }

    /// Stores those listing types and categories of a profile that are not there yet. What admins
    /// changed since stays as it is. Several servers may do this at once.
    pub async fn seed(
        &self,
        listing_types: Vec<ListingTypeDeclaration>,
        categories: Vec<CategorySeed>,
    ) -> Result<(), CatalogError> {
        let known = self.store.taxonomy().await?;
        let has_types =
            listing_types.iter().all(|it| known.listing_type(it.key.as_str()).is_some());
        let has_categories =
            categories.iter().all(|it| known.category_of_slug(it.slug.as_str()).is_some());
        if has_types && has_categories {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        // The lock of the tree keeps other servers from seeding meanwhile.
        let tree = tx.categories_for_update().await?;
        let mut ids: HashMap<Slug, CategoryId> =
            tree.into_iter().map(|category| (category.slug, category.id)).collect();
        for CategorySeed { slug, name, translations, parent, position } in categories {
            if ids.contains_key(&slug) {
                continue;
            }
            let id = CategoryId::next(&*self.ids);
            let parent = parent.and_then(|slug| ids.get(&slug).copied());
            ids.insert(slug.clone(), id);
            let category = Category { id, parent, slug, name, translations, position, version: 1 };
            tx.insert_category(&category, now).await?;
        }
        for declaration in listing_types {
            let listing_type = ListingType::new(declaration)?;
            if tx.listing_type_for_share(listing_type.key()).await?.is_none() {
                tx.insert_listing_type(&listing_type, now).await?;
            }
        }
        tx.publish(&TaxonomyEvent { subject: "profile".to_owned() }, None, now).await?;
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(())
    }

    /// Replaces the declaration of a listing type, unless listings that are public would break it.
    pub async fn replace_listing_type(
        &self,
        actor: &Actor,
        key: &Key,
        declaration: ListingTypeDeclaration,
        expected: Option<i32>,
    ) -> Result<ListingType, CatalogError> {
        permit(actor, Action::TaxonomyAdminister)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let current = listing_type(&mut *tx, key).await?;
        if expected.is_some_and(|version| version != current.version()) {
            return Err(CatalogError::Stale { current: current.version() });
        }
        if declaration.key != *key {
            return Err(CatalogError::field("/key", "immutable", "is never renamed"));
        }
        let changed = ListingType::with_version(declaration, current.version() + 1)?;
        check_listings(&mut *tx, &changed).await?;
        tx.update_listing_type(&changed, now).await?;
        let diff = (json!(current.declaration()), json!(changed.declaration()));
        self.note(&mut *tx, actor, "replace_listing_type", key, diff, now).await?;
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(changed)
    }

    /// Removes a listing type that no listing has.
    pub async fn delete_listing_type(&self, actor: &Actor, key: &Key) -> Result<(), CatalogError> {
        permit(actor, Action::TaxonomyAdminister)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let current = listing_type(&mut *tx, key).await?;
        tx.delete_listing_type(key).await?;
        let diff = (json!(current.declaration()), Value::Null);
        self.note(&mut *tx, actor, "delete_listing_type", key, diff, now).await?;
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(())
    }

    /// Adds a category.
    pub async fn create_category(
        &self,
        actor: &Actor,
        patch: &CategoryPatch,
        once: Option<Idempotency<'_, Category>>,
    ) -> Result<Once<Category>, CatalogError> {
        permit(actor, Action::TaxonomyAdminister)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        if let Some(once) = &once
            && let Some(answer) = once.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        let tree = Taxonomy::new(Vec::new(), tx.categories_for_update().await?);
        let blank = Category::blank(CategoryId::next(&*self.ids));
        let category = patch.applied(blank, &tree)?;
        tx.insert_category(&category, now).await?;
        let diff = (Value::Null, shown(&category));
        self.note(&mut *tx, actor, "create_category", &category.id, diff, now).await?;
        if let Some(once) = &once {
            once.remember(&mut *tx, &category).await?;
        }
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(Once::Done(category))
    }

    /// Renames or moves a category.
    pub async fn update_category(
        &self,
        actor: &Actor,
        id: CategoryId,
        patch: &CategoryPatch,
        expected: Option<i32>,
    ) -> Result<Category, CatalogError> {
        permit(actor, Action::TaxonomyAdminister)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let tree = Taxonomy::new(Vec::new(), tx.categories_for_update().await?);
        let current = tree.category(id).ok_or(CatalogError::CategoryNotFound { id })?;
        if expected.is_some_and(|version| version != current.version) {
            return Err(CatalogError::Stale { current: current.version });
        }
        let mut category = patch.applied(Category::clone(current), &tree)?;
        if category != **current {
            category.version += 1;
            tx.update_category(&category, now).await?;
            let diff = (shown(current), shown(&category));
            self.note(&mut *tx, actor, "update_category", &id, diff, now).await?;
        }
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(category)
    }

    /// Removes a category that holds nothing.
    pub async fn delete_category(&self, actor: &Actor, id: CategoryId) -> Result<(), CatalogError> {
        permit(actor, Action::TaxonomyAdminister)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let tree = Taxonomy::new(Vec::new(), tx.categories_for_update().await?);
        let current = tree.category(id).ok_or(CatalogError::CategoryNotFound { id })?;
        tx.delete_category(id).await?;
        let diff = (shown(current), Value::Null);
        self.note(&mut *tx, actor, "delete_category", &id, diff, now).await?;
        tx.commit().await?;
        self.store.taxonomy_changed();
        Ok(())
    }

    async fn note(
        &self,
        tx: &mut dyn CatalogTx,
        actor: &Actor,
        command: &'static str,
        object: &(impl ToString + Sync),
        (before, after): (Value, Value),
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let entry = AuditEntry::new(actor, Action::TaxonomyAdminister, command, object, now)
            .changed(before, after);
        tx.record_audit(&entry).await?;
        let event = TaxonomyEvent { subject: object.to_string() };
        tx.publish(&event, actor.account(), now).await?;
        Ok(())
    }
}

async fn listing_type(tx: &mut dyn CatalogTx, key: &Key) -> Result<ListingType, CatalogError> {
    tx.listing_type_for_update(key)
        .await?
        .ok_or_else(|| CatalogError::ListingTypeNotFound { key: key.to_string() })
}

/// Passes if every listing that is public stays valid under the changed type.
async fn check_listings(tx: &mut dyn CatalogTx, changed: &ListingType) -> Result<(), CatalogError> {
    let (mut count, mut first) = (0, Vec::<ListingId>::new());
    let mut after = None;
    loop {
        let batch = tx.public_listings_of_type(changed.key(), after, BATCH).await?;
        for (listing, media) in &batch {
            let mut errors = FieldErrors::new();
            listing.content().check(changed, &mut errors);
            let limits = changed.media();
            if !errors.is_empty() || !(limits.min()..=limits.max()).contains(media) {
                count += 1;
                if first.len() < NAMED {
                    first.push(listing.id());
                }
            }
        }
        after = batch.last().map(|(listing, _)| listing.id());
        if batch.len() < usize::from(BATCH) {
            break;
        }
    }
    if count == 0 { Ok(()) } else { Err(CatalogError::WouldInvalidate { count, first }) }
}

fn shown(category: &Category) -> Value {
    json!({
        "slug": category.slug.as_str(),
        "name": category.name.as_str(),
        "parent": category.parent,
        "position": category.position,
    })
}
