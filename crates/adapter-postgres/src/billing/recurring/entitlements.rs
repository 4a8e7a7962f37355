use async_trait::async_trait;
use billing::{Entitlement, EntitlementRepository, EntitlementSource, Right};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, PaymentId, StorageError, SubscriptionId};
use uuid::Uuid;

use crate::billing::document::{Source, right, right_columns, sensible};
use crate::failure::storage;
use crate::schema::billing::entitlements as table;
use crate::{PgStore, PgTx};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, primary_key(source_id, source), treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
struct EntitlementRow {
    source: String,
    source_id: Uuid,
    account_id: Uuid,
    right_kind: String,
    right_id: Option<Uuid>,
    tier: i16,
    holds_until: Option<DateTime<Utc>>,
}

const fn source_columns(source: EntitlementSource) -> (&'static str, Uuid) {
    match source {
        EntitlementSource::Subscription(id) => ("subscription", id.as_uuid()),
        EntitlementSource::Purchase(id) => ("purchase", id.as_uuid()),
    }
}

impl From<&Entitlement> for EntitlementRow {
    fn from(entitlement: &Entitlement) -> Self {
        let (source, source_id) = source_columns(entitlement.source);
        let (right_kind, right_id) = right_columns(entitlement.right);
        Self {
            source: source.to_owned(),
            source_id,
            account_id: entitlement.account.as_uuid(),
            right_kind: right_kind.to_owned(),
            right_id,
            tier: i16::from(entitlement.tier),
            holds_until: entitlement.until,
        }
    }
}

fn entitlement(row: &EntitlementRow) -> Result<Entitlement, Source> {
    let source = match row.source.as_str() {
        "subscription" => EntitlementSource::Subscription(SubscriptionId::from_uuid(row.source_id)),
        "purchase" => EntitlementSource::Purchase(PaymentId::from_uuid(row.source_id)),
        other => return Err(format!("a right from `{other}`").into()),
    };
    Ok(Entitlement {
        source,
        account: AccountId::from_uuid(row.account_id),
        right: right(&row.right_kind, row.right_id)?,
        tier: u8::try_from(row.tier)?,
        until: row.holds_until,
    })
}

/// Nothing caches a right outside the database yet, so there is nothing to drop: whoever asks
/// after the commit hears what holds.
#[async_trait]
impl EntitlementRepository for PgTx {
    async fn store_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StorageError> {
        let row = EntitlementRow::from(entitlement);
        diesel::insert_into(table::table)
            .values(&row)
            .on_conflict((table::source_id, table::source))
            .do_update()
            .set(&row)
            .execute(self.conn())
            .await
            .map_err(storage("store a right"))?;
        Ok(())
    }

    async fn remove_entitlement(&mut self, source: EntitlementSource) -> Result<(), StorageError> {
        let (kind, id) = source_columns(source);
        diesel::delete(table::table.find((id, kind)))
            .execute(self.conn())
            .await
            .map_err(storage("remove a right"))?;
        Ok(())
    }
}

pub(in crate::billing) async fn entitlements(
    store: &PgStore,
    account: AccountId,
    right: Right,
) -> Result<Vec<Entitlement>, StorageError> {
    let (kind, id) = right_columns(right);
    let mut rows = table::table
        .filter(table::account_id.eq(account.as_uuid()))
        .filter(table::right_kind.eq(kind))
        .select(EntitlementRow::as_select())
        .into_boxed();
    if let Some(id) = id {
        rows = rows.filter(table::right_id.eq(id));
    }
    let rows: Vec<EntitlementRow> =
        rows.load(&mut *store.conn().await?).await.map_err(storage("look up a right"))?;
    let read = |row: EntitlementRow| sensible("read a right", row.source_id, entitlement(&row));
    rows.into_iter().map(read).collect()
}
