//! Payments are read.

use billing::{Payment, PaymentQuery, Position};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Page, PaymentId, StorageError};
use uuid::Uuid;

use super::refund::refunds_of;
use super::row::PaymentRow;
use crate::PgStore;
use crate::failure::storage;
use crate::schema::billing::payments as table;

pub(in crate::billing) async fn payment(
    store: &PgStore,
    id: PaymentId,
) -> Result<Option<Payment>, StorageError> {
    let mut conn = store.conn().await?;
    let row: Option<PaymentRow> = table::table
        .find(id.as_uuid())
        .select(PaymentRow::as_select())
        .first(&mut *conn)
        .await
        .optional()
        .map_err(storage("load a payment"))?;
    let Some(row) = row else { return Ok(None) };
    let mut refunds = refunds_of(&mut conn, &[row.id]).await?;
    let refunds = refunds.remove(&row.id).unwrap_or_default();
    row.restore(refunds, &store.billing().keys).map(Some)
}

type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, table::table, diesel::pg::Pg>;

/// The rows of a page.
fn asked(query: &PaymentQuery) -> Boxed<'_> {
    let mut rows = table::table.into_boxed();
    if let Some(payer) = query.payer {
        rows = rows.filter(table::payer_id.eq(payer.as_uuid()));
    }
    if let Some(purpose) = query.purpose {
        rows = rows
            .filter(table::purpose.eq(purpose.kind().name()))
            .filter(table::purpose_id.eq(purpose.as_uuid()));
    }
    match query.statuses.as_slice() {
        [] => {}
        // Of one status an index gives the newest.
        [status] => rows = rows.filter(table::status.eq(status)),
        statuses => rows = rows.filter(table::status.eq_any(statuses)),
    }
    if query.parked {
        rows = rows.filter(table::parked);
    }
    if let Some(Position { at, id }) = query.after {
        rows = rows
            .filter(table::created_at.le(at).and(table::created_at.lt(at).or(table::id.lt(id))));
    }
    rows.order((table::created_at.desc(), table::id.desc())).limit(query.limit.rows())
}

pub(in crate::billing) async fn payments(
    store: &PgStore,
    query: &PaymentQuery,
) -> Result<Page<Payment, Position>, StorageError> {
    let mut conn = store.conn().await?;
    let rows: Vec<PaymentRow> = asked(query)
        .select(PaymentRow::as_select())
        .load(&mut *conn)
        .await
        .map_err(storage("list payments"))?;
    let page =
        Page::from_rows(rows, query.limit, |row| Position { at: row.created_at, id: row.id });
    let ids: Vec<Uuid> = page.items.iter().map(|row| row.id).collect();
    let mut refunds = refunds_of(&mut conn, &ids).await?;
    let next = page.next;
    let keys = &store.billing().keys;
    let restored = page.items.into_iter().map(|row| {
        let refunds = refunds.remove(&row.id).unwrap_or_default();
        row.restore(refunds, keys)
    });
    Ok(Page { items: restored.collect::<Result<_, _>>()?, next })
}
