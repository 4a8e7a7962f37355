use async_trait::async_trait;
use bookings::{
    Booking, BookingError, BookingRepository, BookingStore, BookingTx, DeadlineKind, HistoryEntry,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, BookingId, StorageError};
use uuid::Uuid;

use super::document::side;
use super::row::BookingRow;
use crate::failure::{storage, violates};
use crate::schema::bookings::{booking_history, booking_reminders, bookings as table};
use crate::{PgStore, PgTx};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = booking_history, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct HistoryRow {
    booking_id: Uuid,
    number: i32,
    at: DateTime<Utc>,
    by_side: String,
    account_id: Option<Uuid>,
    command: String,
    from_status: Option<String>,
    to_status: String,
    note: Option<String>,
}

impl TryFrom<HistoryRow> for HistoryEntry {
    type Error = StorageError;

    fn try_from(row: HistoryRow) -> Result<Self, StorageError> {
        let by = side(&row.by_side)
            .map_err(|source| StorageError::corrupt("read the history of a booking", source))?;
        Ok(Self {
            number: row.number,
            at: row.at,
            by,
            account: row.account_id.map(AccountId::from_uuid),
            command: row.command,
            from: row.from_status,
            to: row.to_status,
            note: row.note,
        })
    }
}

#[async_trait]
impl BookingRepository for PgTx {
    async fn booking_for_update(&mut self, id: BookingId) -> Result<Option<Booking>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            // Its history refers to it, so a lock on its key would stop nobody but ourselves.
            .for_no_key_update()
            .select(BookingRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a booking"))?;
        row.map(Booking::try_from).transpose()
    }

    async fn insert_booking(&mut self, booking: &Booking) -> Result<(), BookingError> {
        diesel::insert_into(table::table)
            .values(BookingRow::from(booking))
            .execute(self.conn())
            .await
            .map_err(taken("store a booking"))?;
        Ok(())
    }

    async fn update_booking(&mut self, booking: &Booking) -> Result<(), BookingError> {
        let row = BookingRow::from(booking);
        let loaded = row.version - 1;
        let updated = diesel::update(table::table.find(row.id).filter(table::version.eq(loaded)))
            .set(row)
            .execute(self.conn())
            .await
            .map_err(taken("change a booking"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict.into()) }
    }

    async fn add_booking_history(
        &mut self,
        id: BookingId,
        entry: &HistoryEntry,
    ) -> Result<(), StorageError> {
        let HistoryEntry { number, at, by, account, command, from, to, note } = entry.clone();
        diesel::insert_into(booking_history::table)
            .values(HistoryRow {
                booking_id: id.as_uuid(),
                number,
                at,
                by_side: by.name().to_owned(),
                account_id: account.map(AccountId::as_uuid),
                command,
                from_status: from,
                to_status: to,
                note,
            })
            .execute(self.conn())
            .await
            .map_err(storage("add to the history of a booking"))?;
        Ok(())
    }

    async fn first_booking_reminder(
        &mut self,
        id: BookingId,
        kind: DeadlineKind,
        due: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let inserted = diesel::insert_into(booking_reminders::table)
            .values((
                booking_reminders::booking_id.eq(id.as_uuid()),
                booking_reminders::kind.eq(kind.name()),
                booking_reminders::due_at.eq(due),
            ))
            .on_conflict_do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("note a reminder"))?;
        Ok(inserted == 1)
    }
}

fn taken(action: &'static str) -> impl FnOnce(Error) -> BookingError {
    move |error| {
        if violates(&error, "bookings_slot_taken") {
            BookingError::SlotTaken
        } else {
            storage(action)(error).into()
        }
    }
}

#[async_trait]
impl BookingStore for PgStore {
    async fn begin(&self) -> Result<Box<dyn BookingTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }
}
