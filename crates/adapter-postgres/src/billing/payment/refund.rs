//! Refunds as rows.

use std::collections::HashMap;

use billing::{Decline, Reason, Refund, RefundId, RefundState};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{AccountId, PaymentId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use crate::billing::document::{DeclineDocument, Source, from_json, sensible, to_json};
use crate::failure::storage;
use crate::schema::billing::refunds as table;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct RefundRow {
    id: Uuid,
    payment_id: Uuid,
    number: i32,
    amount_minor: i64,
    reason: String,
    by_account: Option<Uuid>,
    requested_at: DateTime<Utc>,
    state: String,
    ended_at: Option<DateTime<Utc>>,
    decline: Option<Value>,
}

impl RefundRow {
    fn of(payment: PaymentId, number: i32, refund: &Refund) -> Self {
        let (ended_at, decline) = match &refund.state {
            RefundState::Requested | RefundState::Sent => (None, None),
            RefundState::Succeeded { at } => (Some(*at), None),
            RefundState::Failed { at, decline } => {
                (Some(*at), Some(to_json(&DeclineDocument::from(decline.clone()))))
            }
        };
        Self {
            id: refund.id.as_uuid(),
            payment_id: payment.as_uuid(),
            number,
            amount_minor: refund.amount,
            reason: refund.reason.to_string(),
            by_account: refund.by.map(AccountId::as_uuid),
            requested_at: refund.at,
            state: refund.state.name().to_owned(),
            ended_at,
            decline,
        }
    }
}

fn refund(row: RefundRow) -> Result<Refund, Source> {
    let decline = row.decline.map(from_json::<DeclineDocument>).transpose()?.map(Decline::from);
    let state = match (row.state.as_str(), row.ended_at, decline) {
        ("requested", _, _) => RefundState::Requested,
        ("sent", _, _) => RefundState::Sent,
        ("succeeded", Some(at), _) => RefundState::Succeeded { at },
        ("failed", Some(at), Some(decline)) => RefundState::Failed { at, decline },
        (other, _, _) => return Err(format!("refund `{other}`").into()),
    };
    Ok(Refund {
        id: RefundId::from_uuid(row.id),
        amount: row.amount_minor,
        reason: Reason::from_stored(row.reason),
        by: row.by_account.map(AccountId::from_uuid),
        at: row.requested_at,
        state,
    })
}

/// The refunds of payments, in the order in which they were asked for.
pub(super) async fn refunds_of(
    conn: &mut AsyncPgConnection,
    payments: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Refund>>, StorageError> {
    let rows: Vec<RefundRow> = table::table
        .filter(table::payment_id.eq_any(payments))
        .order((table::payment_id, table::number))
        .select(RefundRow::as_select())
        .load(conn)
        .await
        .map_err(storage("load refunds"))?;
    let mut refunds: HashMap<Uuid, Vec<Refund>> = HashMap::new();
    for row in rows {
        let (id, payment) = (row.id, row.payment_id);
        refunds.entry(payment).or_default().push(sensible("read a refund", id, refund(row))?);
    }
    Ok(refunds)
}

/// Stores all refunds of a payment: new ones are added, known ones get on.
pub(super) async fn store_refunds(
    conn: &mut AsyncPgConnection,
    payment: PaymentId,
    refunds: &[Refund],
) -> Result<(), StorageError> {
    if refunds.is_empty() {
        return Ok(());
    }
    let numbered = (1..).zip(refunds);
    let rows: Vec<RefundRow> =
        numbered.map(|(number, refund)| RefundRow::of(payment, number, refund)).collect();
    diesel::insert_into(table::table)
        .values(rows)
        .on_conflict(table::id)
        .do_update()
        .set((
            table::amount_minor.eq(excluded(table::amount_minor)),
            table::state.eq(excluded(table::state)),
            table::ended_at.eq(excluded(table::ended_at)),
            table::decline.eq(excluded(table::decline)),
        ))
        .execute(conn)
        .await
        .map_err(storage("store refunds"))?;
    Ok(())
}
