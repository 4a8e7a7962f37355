use std::sync::Arc;

use adapter_postgres::PgStore;
use catalog::{
    CatalogError, CatalogStore, CategorySeed, ListingService, ModerationService, ProviderService,
    TaxonomyService,
};
use kernel::Slug;

use super::{Foundation, Media};
use crate::profile::{self, Profile};

/// What deals with listings, providers, listing types and categories.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Listings, for their providers and for everyone.
    pub listings: ListingService,
    /// What moderators do with listings.
    pub moderation: ModerationService,
    /// Providers.
    pub providers: ProviderService,
    /// Listing types and categories.
    pub taxonomy: TaxonomyService,
}

impl Catalog {
    /// Wires it.
    pub(super) fn new(foundation: &Foundation, media: &Media) -> Self {
        let Foundation { store, clock, ids, random: _, .. } = foundation.clone();
        let store: Arc<dyn CatalogStore> = Arc::<PgStore>::clone(&store);
        Self {
            listings: ListingService::new(
                Arc::clone(&store),
                media.intake.clone(),
                Arc::clone(&clock),
                Arc::clone(&ids),
            ),
            moderation: ModerationService::new(Arc::clone(&store), Arc::clone(&clock)),
            providers: ProviderService::new(
                Arc::clone(&store),
                media.intake.clone(),
                Arc::clone(&clock),
                Arc::clone(&ids),
            ),
            taxonomy: TaxonomyService::new(store, clock, ids),
        }
    }

    /// Stores the listing types and categories of the profile that are not there yet.
    pub(super) async fn declare(&self, profile: &Profile) -> Result<(), CatalogError> {
        let types = profile.listing_types.iter().map(|it| it.declaration().clone()).collect();
        let mut categories = Vec::new();
        flatten(&profile.categories, None, &mut categories);
        self.taxonomy.seed(types, categories).await
    }
}

/// The tree as a list, parents before their children.
fn flatten(
    categories: &[profile::CategorySeed],
    parent: Option<&Slug>,
    list: &mut Vec<CategorySeed>,
) {
    for (position, category) in (0..).zip(categories) {
        let profile::CategorySeed { slug, name, translations, children } = category;
        list.push(CategorySeed {
            slug: slug.clone(),
            name: name.clone(),
            translations: translations.clone(),
            parent: parent.cloned(),
            position,
        });
        flatten(children, Some(slug), list);
    }
}
