//! Paid visibility and coupons from their parts.

use std::sync::Arc;

use adapter_postgres::PgStore;
use promotions::{
    CouponService, ProductService, PromotionError, PromotionReads, PromotionService, PromotionStore,
};

use super::Foundation;
use crate::profile::Profile;

pub(super) fn services(
    foundation: &Foundation,
    profile: &Profile,
) -> (PromotionService, ProductService, CouponService) {
    let Foundation { store, clock, ids, .. } = foundation;
    let reads: Arc<dyn PromotionReads> = Arc::<PgStore>::clone(store);
    let store: Arc<dyn PromotionStore> = Arc::<PgStore>::clone(store);
    let promotions = PromotionService::new(
        Arc::clone(&store),
        Arc::clone(&reads),
        Arc::clone(clock),
        Arc::clone(ids),
        profile.promotions.clone(),
    );
    let products = ProductService::new(Arc::clone(&store), Arc::clone(&reads), Arc::clone(clock));
    (promotions, products, CouponService::new(store, reads, Arc::clone(clock), Arc::clone(ids)))
}

/// Stores the products of the profile that are not there yet.
pub(super) async fn declare(
    products: &ProductService,
    profile: &Profile,
) -> Result<(), PromotionError> {
    match products.ensure(&profile.promotion_products).await {
        // Another server starts with us and was first: the next look finds what it stored.
        Err(PromotionError::ProductExists { .. }) => {
            products.ensure(&profile.promotion_products).await.map(|_| ())
        }
        done => done.map(|_| ()),
    }
}
