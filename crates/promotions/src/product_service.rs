use std::sync::Arc;

use access::{Action, Actor, AuditEntry};
use chrono::{DateTime, Utc};
use kernel::{Clock, FieldErrors};
use serde_json::{Value, json};

use crate::service::permit;
use crate::{
    Product, ProductDeclaration, ProductEvent, ProductKey, PromotionError, PromotionReads,
    PromotionStore,
};

/// The use cases around products: what a profile declares and admins change.
#[derive(Clone)]
pub struct ProductService {
    store: Arc<dyn PromotionStore>,
    reads: Arc<dyn PromotionReads>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for ProductService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProductService").finish_non_exhaustive()
    }
}

impl ProductService {
    /// The service over its ports.
    pub fn new(
        store: Arc<dyn PromotionStore>,
        reads: Arc<dyn PromotionReads>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, reads, clock }
    }

    /// All products, closed ones among them, for admins.
    pub async fn products(&self, actor: &Actor) -> Result<Vec<Product>, PromotionError> {
        permit(actor, Action::PromotionAdminister)?;
        Ok(self.reads.products(true).await?)
    }

    /// Declares a product.
    ///
    /// # Errors
    ///
    /// [`PromotionError::ProductExists`] or [`PromotionError::Invalid`].
    pub async fn declare(
        &self,
        actor: &Actor,
        declaration: &ProductDeclaration,
    ) -> Result<Product, PromotionError> {
        let action = Action::PromotionAdminister;
        permit(actor, action)?;
        let now = self.clock.now();
        let product = Product::declare(declaration, now).map_err(PromotionError::Invalid)?;
        let mut tx = self.store.begin().await?;
        tx.insert_product(&product).await?;
        tx.publish(&ProductEvent::of(&product), actor.account(), now).await?;
        let key = &product.record().key;
        let entry = AuditEntry::new(actor, action, "declare", key, now);
        tx.record_audit(&entry.changed(Value::Null, shown(&product))).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// Declares the next version of a product. What was bought keeps its version.
    ///
    /// # Errors
    ///
    /// [`PromotionError::Stale`] if `expected_version` is not its version,
    /// [`PromotionError::ProductNotFound`] or [`PromotionError::Invalid`].
    pub async fn redeclare(
        &self,
        actor: &Actor,
        key: &str,
        expected_version: i32,
        declaration: &ProductDeclaration,
    ) -> Result<Product, PromotionError> {
        self.change(actor, key, "redeclare", Some(expected_version), |product, now| {
            product.redeclare(declaration, now).map_err(PromotionError::Invalid)
        })
        .await
    }

    /// Takes a product off the market. What was bought stays.
    pub async fn close(&self, actor: &Actor, key: &str) -> Result<Product, PromotionError> {
        self.change(actor, key, "close", None, |product, now| Ok(product.close(now))).await
    }

    /// Declares those products of a profile that do not exist; what an admin has made of the others
    /// stays. For the start of the marketplace; answers how many were new.
    ///
    /// # Errors
    ///
    /// [`PromotionError::Invalid`] with the number of the product in each pointer, before anything
    /// is stored.
    pub async fn ensure(
        &self,
        declarations: &[ProductDeclaration],
    ) -> Result<usize, PromotionError> {
        let now = self.clock.now();
        let products = check_all(declarations, now)?;
        let mut tx = self.store.begin().await?;
        let mut new = 0;
        for product in products {
            if tx.product(&product.record().key).await?.is_none() {
                tx.insert_product(&product).await?;
                tx.publish(&ProductEvent::of(&product), None, now).await?;
                new += 1;
            }
        }
        tx.commit().await?;
        Ok(new)
    }

    async fn change(
        &self,
        actor: &Actor,
        given: &str,
        command: &'static str,
        expected_version: Option<i32>,
        change: impl FnOnce(&mut Product, DateTime<Utc>) -> Result<bool, PromotionError> + Send,
    ) -> Result<Product, PromotionError> {
        let action = Action::PromotionAdminister;
        permit(actor, action)?;
        let missing = || PromotionError::no_product(given);
        let key = ProductKey::new(given).map_err(|_| missing())?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut product = tx.product_for_update(&key).await?.ok_or_else(missing)?;
        if expected_version.is_some_and(|version| version != product.record().version) {
            return Err(PromotionError::Stale);
        }
        let before = shown(&product);
        if !change(&mut product, now)? {
            return Ok(product);
        }
        tx.update_product(&product).await?;
        tx.publish(&ProductEvent::of(&product), actor.account(), now).await?;
        let entry = AuditEntry::new(actor, action, command, &key, now);
        tx.record_audit(&entry.changed(before, shown(&product))).await?;
        tx.commit().await?;
        Ok(product)
    }
}

/// Checks the products of a profile, each by itself and against the others.
fn check_all(
    declarations: &[ProductDeclaration],
    now: DateTime<Utc>,
) -> Result<Vec<Product>, PromotionError> {
    let mut errors = FieldErrors::new();
    let mut products: Vec<Product> = Vec::new();
    for (i, declaration) in declarations.iter().enumerate() {
        match Product::declare(declaration, now) {
            Ok(product) => {
                let key = &product.record().key;
                if products.iter().any(|other| other.record().key == *key) {
                    errors.add(format!("/{i}/key"), "repeated", "another product has this key");
                }
                products.push(product);
            }
            Err(wrong) => {
                for error in wrong.0 {
                    errors.add(format!("/{i}{}", error.pointer), error.code, error.detail);
                }
            }
        }
    }
    errors.into_result().map_err(PromotionError::Invalid)?;
    Ok(products)
}

fn shown(product: &Product) -> Value {
    let record = product.record();
    let prices: Vec<_> = record
        .prices
        .iter()
        .map(|price| {
            json!({
                "duration_days": price.term.days(),
                "amount": price.price.minor(),
                "currency": price.price.currency(),
            })
        })
        .collect();
    json!({
        "title": record.title.as_str(),
        "effect": record.effect.name(),
        "prices": prices,
        "per_provider": record.limits.per_provider,
        "start_ahead_days": record.limits.start_ahead_days,
        "end_ahead_days": record.limits.end_ahead_days,
        "closed": record.closed,
        "version": record.version,
    })
}
