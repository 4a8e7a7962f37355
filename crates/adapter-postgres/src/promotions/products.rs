//! Products: which version is sold, and every version that was.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{Currency, Money, StorageError};
use promotions::{
    Effect, Limits, Product, ProductKey, ProductRecord, ProductRepository, ProductTitle,
    PromotionError, Term, TermPrice,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Source, named};
use crate::PgTx;
use crate::failure::{storage, violates};
use crate::schema::promotions::{promotion_product_versions as versions, promotion_products};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = versions, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct VersionRow {
    product: String,
    version: i32,
    title: String,
    effect: String,
    currency: String,
    prices: Value,
    per_provider: Option<i32>,
    start_ahead_days: i32,
    end_ahead_days: i32,
    closed: bool,
    declared_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PriceDocument {
    days: u8,
    minor: i64,
}

impl TryFrom<&Product> for VersionRow {
    type Error = StorageError;

    fn try_from(product: &Product) -> Result<Self, StorageError> {
        let ProductRecord { key, title, effect, prices, limits, closed, declared_at, version } =
            product.record();
        let no_price = || StorageError::corrupt("write a product", "it has no price");
        let currency = prices.as_slice().first().ok_or_else(no_price)?.price.currency();
        let prices: Vec<PriceDocument> = prices
            .iter()
            .map(|price| PriceDocument { days: price.term.days(), minor: price.price.minor() })
            .collect();
        let prices = serde_json::to_value(prices)
            .map_err(|error| StorageError::corrupt("write a product", error))?;
        Ok(Self {
            product: key.to_string(),
            version: *version,
            title: title.to_string(),
            effect: effect.name().to_owned(),
            currency: currency.to_string(),
            prices,
            per_provider: limits.per_provider.map(i32::from),
            start_ahead_days: i32::from(limits.start_ahead_days),
            end_ahead_days: i32::from(limits.end_ahead_days),
            closed: *closed,
            declared_at: *declared_at,
        })
    }
}

impl TryFrom<VersionRow> for Product {
    type Error = StorageError;

    fn try_from(row: VersionRow) -> Result<Self, StorageError> {
        let key = row.product.clone();
        product(row).map_err(|source| {
            StorageError::corrupt("read a product", format!("`{key}` makes no sense: {source}"))
        })
    }
}

fn product(row: VersionRow) -> Result<Product, Source> {
    let currency = Currency::from_stored(&row.currency)?;
    let documents: Vec<PriceDocument> = serde_json::from_value(row.prices)?;
    let price = |document: PriceDocument| -> Result<TermPrice, Source> {
        let term = Term::from_days(i64::from(document.days));
        let term = term.ok_or_else(|| format!("{} days are no term", document.days))?;
        Ok(TermPrice { term, price: Money::new(document.minor, currency) })
    };
    Ok(Product::restore(ProductRecord {
        key: ProductKey::from_stored(row.product),
        title: ProductTitle::from_stored(row.title),
        effect: named(&Effect::ALL, Effect::name, &row.effect)?,
        prices: documents.into_iter().map(price).collect::<Result<_, _>>()?,
        limits: Limits {
            per_provider: row.per_provider.map(u16::try_from).transpose()?,
            start_ahead_days: row.start_ahead_days.try_into()?,
            end_ahead_days: row.end_ahead_days.try_into()?,
        },
        closed: row.closed,
        declared_at: row.declared_at,
        version: row.version,
    }))
}

async fn version_of(
    conn: &mut AsyncPgConnection,
    key: &str,
    version: i32,
) -> Result<Product, StorageError> {
    let row: VersionRow = versions::table
        .find((key, version))
        .select(VersionRow::as_select())
        .first(conn)
        .await
        .map_err(storage("load the version of a product"))?;
    row.try_into()
}

/// All products as they are sold now.
pub(super) async fn all_products(
    conn: &mut AsyncPgConnection,
    closed_too: bool,
) -> Result<Vec<Product>, StorageError> {
    let mut sold = versions::table
        .inner_join(
            promotion_products::table.on(promotion_products::key
                .eq(versions::product)
                .and(promotion_products::version.eq(versions::version))),
        )
        .order(versions::product)
        .select(VersionRow::as_select())
        .into_boxed();
    if !closed_too {
        sold = sold.filter(versions::closed.eq(false));
    }
    let rows: Vec<VersionRow> = sold.load(conn).await.map_err(storage("list products"))?;
    rows.into_iter().map(Product::try_from).collect()
}

#[async_trait]
impl ProductRepository for PgTx {
    async fn product(&mut self, key: &ProductKey) -> Result<Option<Product>, StorageError> {
        let row: Option<VersionRow> = versions::table
            .inner_join(
                promotion_products::table.on(promotion_products::key
                    .eq(versions::product)
                    .and(promotion_products::version.eq(versions::version))),
            )
            .filter(versions::product.eq(key.as_str()))
            .select(VersionRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a product"))?;
        row.map(Product::try_from).transpose()
    }

    async fn product_for_update(
        &mut self,
        key: &ProductKey,
    ) -> Result<Option<Product>, StorageError> {
        // First the lock, then the version that the one before committed.
        let version: Option<i32> = promotion_products::table
            .find(key.as_str())
            .for_no_key_update()
            .select(promotion_products::version)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("lock a product"))?;
        match version {
            Some(version) => version_of(self.conn(), key.as_str(), version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn insert_product(&mut self, product: &Product) -> Result<(), PromotionError> {
        let row = VersionRow::try_from(product)?;
        diesel::insert_into(promotion_products::table)
            .values((
                promotion_products::key.eq(&row.product),
                promotion_products::version.eq(row.version),
            ))
            .execute(self.conn())
            .await
            .map_err(|error| {
                if violates(&error, "promotion_products_pkey") {
                    PromotionError::ProductExists { key: row.product.clone() }
                } else {
                    storage("store a product")(error).into()
                }
            })?;
        self.insert_product_version(&row).await?;
        Ok(())
    }

    async fn update_product(&mut self, product: &Product) -> Result<(), StorageError> {
        let row = VersionRow::try_from(product)?;
        self.insert_product_version(&row).await?;
        let sold = promotion_products::table.find(&row.product);
        let updated = diesel::update(sold.filter(promotion_products::version.eq(row.version - 1)))
            .set(promotion_products::version.eq(row.version))
            .execute(self.conn())
            .await
            .map_err(storage("change a product"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }
}

impl PgTx {
    async fn insert_product_version(&mut self, row: &VersionRow) -> Result<(), StorageError> {
        diesel::insert_into(versions::table)
            .values(row)
            .execute(self.conn())
            .await
            .map_err(storage("store the version of a product"))?;
        Ok(())
    }
}
