use async_trait::async_trait;
use billing::{Dunning, Plan, PlanDescription, PlanDetails, PlanName, PlanRepository, Seller};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{PlanId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use crate::billing::document::{
    DunningDocument, Source, from_json, interval, money, right, right_columns, seller,
    seller_columns, sensible, to_json,
};
use crate::failure::storage;
use crate::schema::billing::plans as table;
use crate::{PgStore, PgTx};

/// The most plans that are listed.
const SHOWN: i64 = 100;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
struct PlanRow {
    id: Uuid,
    seller_provider_id: Option<Uuid>,
    seller_account_id: Option<Uuid>,
    seller: String,
    right_kind: String,
    right_id: Option<Uuid>,
    name: String,
    description: String,
    tier: i16,
    price_minor: i64,
    currency: String,
    interval_unit: String,
    interval_count: i16,
    trial_days: i16,
    trial_needs_card: bool,
    dunning: Value,
    open: bool,
    created_at: DateTime<Utc>,
    version: i32,
}

fn row(plan: &Plan) -> Result<PlanRow, StorageError> {
    let details = &plan.details;
    let (seller_provider_id, seller_account_id) = seller_columns(plan.seller);
    let (right_kind, right_id) = right_columns(plan.right);
    // At most 1095 and 365, as their types say.
    let small = |number: u16| {
        i16::try_from(number).map_err(|error| StorageError::corrupt("store a plan", error))
    };
    Ok(PlanRow {
        id: plan.id.as_uuid(),
        seller_provider_id,
        seller_account_id,
        seller: plan.seller.key(),
        right_kind: right_kind.to_owned(),
        right_id,
        name: details.name.to_string(),
        description: details.description.to_string(),
        tier: i16::from(details.tier),
        price_minor: details.price.minor(),
        currency: details.price.currency().code().to_owned(),
        interval_unit: details.interval.unit().name().to_owned(),
        interval_count: small(details.interval.count())?,
        trial_days: small(details.trial_days)?,
        trial_needs_card: details.trial_needs_card,
        dunning: to_json(&DunningDocument::from(&details.dunning)),
        open: plan.open,
        created_at: plan.created_at,
        version: plan.version,
    })
}

impl TryFrom<PlanRow> for Plan {
    type Error = StorageError;

    fn try_from(row: PlanRow) -> Result<Self, StorageError> {
        sensible("read a plan", row.id, plan(row))
    }
}

fn plan(row: PlanRow) -> Result<Plan, Source> {
    let dunning: DunningDocument = from_json(row.dunning)?;
    Ok(Plan {
        id: PlanId::from_uuid(row.id),
        seller: seller(row.seller_provider_id, row.seller_account_id),
        right: right(&row.right_kind, row.right_id)?,
        details: PlanDetails {
            name: PlanName::from_stored(row.name),
            description: PlanDescription::from_stored(row.description),
            tier: u8::try_from(row.tier)?,
            price: money(row.price_minor, &row.currency)?,
            interval: interval(&row.interval_unit, u16::try_from(row.interval_count)?)?,
            trial_days: u16::try_from(row.trial_days)?,
            trial_needs_card: row.trial_needs_card,
            dunning: Dunning::try_from(dunning)?,
        },
        open: row.open,
        created_at: row.created_at,
        version: row.version,
    })
}

#[async_trait]
impl PlanRepository for PgTx {
    async fn plan_for_update(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError> {
        let row: Option<PlanRow> = table::table
            .find(id.as_uuid())
            // Its subscriptions refer to it.
            .for_no_key_update()
            .select(PlanRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a plan"))?;
        row.map(Plan::try_from).transpose()
    }

    async fn plan(&mut self, id: PlanId) -> Result<Option<Plan>, StorageError> {
        let row: Option<PlanRow> = table::table
            .find(id.as_uuid())
            .select(PlanRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a plan"))?;
        row.map(Plan::try_from).transpose()
    }

    async fn insert_plan(&mut self, plan: &Plan) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(row(plan)?)
            .execute(self.conn())
            .await
            .map_err(storage("store a plan"))?;
        Ok(())
    }

    async fn update_plan(&mut self, plan: &Plan) -> Result<(), StorageError> {
        let row = row(plan)?;
        let loaded = table::table.find(row.id).filter(table::version.eq(row.version - 1));
        let updated = diesel::update(loaded)
            .set(row)
            .execute(self.conn())
            .await
            .map_err(storage("change a plan"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }
}

pub(in crate::billing) async fn plan_by_id(
    store: &PgStore,
    id: PlanId,
) -> Result<Option<Plan>, StorageError> {
    let row: Option<PlanRow> = table::table
        .find(id.as_uuid())
        .select(PlanRow::as_select())
        .first(&mut *store.conn().await?)
        .await
        .optional()
        .map_err(storage("load a plan"))?;
    row.map(Plan::try_from).transpose()
}

pub(in crate::billing) async fn plans(
    store: &PgStore,
    seller: Seller,
    all: bool,
) -> Result<Vec<Plan>, StorageError> {
    let mut rows = table::table.filter(table::seller.eq(seller.key())).into_boxed();
    if !all {
        rows = rows.filter(table::open);
    }
    let rows: Vec<PlanRow> = rows
        .order((table::price_minor, table::id))
        .limit(SHOWN)
        .select(PlanRow::as_select())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list plans"))?;
    rows.into_iter().map(Plan::try_from).collect()
}
