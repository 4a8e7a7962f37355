//! Calendars of providers.

use async_trait::async_trait;
use bookings::{AppointmentSettings, Availability, CalendarToken, Interval, Occupied, Schedules};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{AccountId, BookingId, ListingId, ProviderId, StorageError};
use serde_json::Value;

use super::document::{RulesDocument, from_json, span, to_json};
use crate::PgTx;
use crate::failure::storage;
use crate::schema::bookings::{appointment_settings, availabilities, bookings as table};
use crate::statement::Statement;

/// States whose appointments are in the calendar: those that hold the slot, and those that still
/// count towards the limits of the day and week.
pub(super) const IN_CALENDAR: [&str; 7] =
    ["awaiting_payment", "requested", "accepted", "in_progress", "done", "disputed", "completed"];

/// The longest an appointment can reach to either side of its start: a day and its buffers.
pub(super) const REACH: TimeDelta = TimeDelta::hours(36);

/// A booked time as it is stored.
pub(super) type TimeRow = (
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    String,
);

pub(super) fn occupied_of(rows: Vec<TimeRow>) -> Result<Vec<Occupied>, StorageError> {
    rows.into_iter()
        .map(|(start, end, from, to, status)| match (start, end, from, to) {
            (Some(start), Some(end), Some(from), Some(to)) => {
                let holds = holds_slot(&status);
                Ok(Occupied { slot: span(start, end)?, busy: holds.then_some(span(from, to)?) })
            }
            _ => Err("an appointment without a time".into()),
        })
        .collect::<Result<_, Box<dyn std::error::Error + Send + Sync>>>()
        .map_err(|source| StorageError::corrupt("read a calendar", source))
}

/// As [`bookings::Status::holds_slot`] says; a test compares them.
fn holds_slot(status: &str) -> bool {
    status != "disputed" && status != "completed"
}

pub(super) async fn availability(
    conn: &mut AsyncPgConnection,
    provider: ProviderId,
) -> Result<Option<Availability>, StorageError> {
    let rules: Option<Value> = availabilities::table
        .find(provider.as_uuid())
        .select(availabilities::rules)
        .first(conn)
        .await
        .optional()
        .map_err(storage("load opening hours"))?;
    rules.map(|rules| availability_of(provider, rules)).transpose()
}

pub(super) fn availability_of(
    provider: ProviderId,
    rules: Value,
) -> Result<Availability, StorageError> {
    let document: RulesDocument = from_json("read opening hours", rules)?;
    let rules = document
        .try_into()
        .map_err(|source| StorageError::corrupt("read opening hours", source))?;
    Ok(Availability::restore(provider, rules))
}

#[async_trait]
impl Schedules for PgTx {
    async fn availability(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<Availability>, StorageError> {
        availability(self.conn(), provider).await
    }

    async fn store_availability(
        &mut self,
        availability: &Availability,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let rules = to_json(&RulesDocument::from(availability.rules().clone()));
        diesel::insert_into(availabilities::table)
            .values((
                availabilities::provider_id.eq(availability.provider().as_uuid()),
                availabilities::rules.eq(rules),
                availabilities::updated_at.eq(now),
            ))
            .on_conflict(availabilities::provider_id)
            .do_update()
            .set((
                availabilities::rules.eq(excluded(availabilities::rules)),
                availabilities::updated_at.eq(excluded(availabilities::updated_at)),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store opening hours"))?;
        Ok(())
    }

    async fn store_appointment_settings(
        &mut self,
        settings: &AppointmentSettings,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let AppointmentSettings {
            listing,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            cancellation,
        } = settings;
        let minutes = |n: &Option<u32>| n.and_then(|n| i32::try_from(n).ok());
        diesel::insert_into(appointment_settings::table)
            .values((
                appointment_settings::listing_id.eq(ListingId::as_uuid(*listing)),
                appointment_settings::duration_minutes.eq(minutes(duration_minutes)),
                appointment_settings::buffer_before_minutes.eq(minutes(buffer_before_minutes)),
                appointment_settings::buffer_after_minutes.eq(minutes(buffer_after_minutes)),
                appointment_settings::cancellation.eq(cancellation.as_ref().map(to_json)),
                appointment_settings::updated_at.eq(now),
            ))
            .on_conflict(appointment_settings::listing_id)
            .do_update()
            .set((
                appointment_settings::duration_minutes
                    .eq(excluded(appointment_settings::duration_minutes)),
                appointment_settings::buffer_before_minutes
                    .eq(excluded(appointment_settings::buffer_before_minutes)),
                appointment_settings::buffer_after_minutes
                    .eq(excluded(appointment_settings::buffer_after_minutes)),
                appointment_settings::cancellation.eq(excluded(appointment_settings::cancellation)),
                appointment_settings::updated_at.eq(excluded(appointment_settings::updated_at)),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store what a listing says of appointments"))?;
        Ok(())
    }

    async fn lock_calendar(&mut self, provider: ProviderId) -> Result<(), StorageError> {
        let mut lock = Statement::<SqlUuid>::new();
        lock.sql("SELECT provider_id FROM calendar_locks WHERE provider_id = ");
        lock.bind(provider.as_uuid()).sql(" FOR UPDATE");
        let locked = lock.clone().execute(self.conn()).await.map_err(storage("lock a calendar"))?;
        if locked == 0 {
            // The first appointment of this provider. Of two who make the row the second waits.
            let mut make = Statement::<()>::new();
            make.sql("INSERT INTO calendar_locks (provider_id) VALUES (");
            make.bind(provider.as_uuid()).sql(") ON CONFLICT DO NOTHING");
            make.execute(self.conn()).await.map_err(storage("make the lock of a calendar"))?;
            lock.execute(self.conn()).await.map_err(storage("lock a calendar"))?;
        }
        Ok(())
    }

    async fn occupied(
        &mut self,
        provider: ProviderId,
        within: Interval,
        except: Option<BookingId>,
    ) -> Result<Vec<Occupied>, StorageError> {
        let mut query = table::table
            .filter(table::provider_id.eq(provider.as_uuid()))
            .filter(table::slot_start.gt(within.start() - REACH))
            .filter(table::slot_start.lt(within.end() + REACH))
            .filter(table::busy_end.gt(within.start()))
            .filter(table::busy_start.lt(within.end()))
            .filter(table::status.eq_any(IN_CALENDAR))
            .select((
                table::slot_start,
                table::slot_end,
                table::busy_start,
                table::busy_end,
                table::status,
            ))
            .into_boxed();
        if let Some(id) = except {
            query = query.filter(table::id.ne(id.as_uuid()));
        }
        let rows: Vec<TimeRow> =
            query.load(self.conn()).await.map_err(storage("load a calendar"))?;
        occupied_of(rows)
    }

    async fn store_calendar_token(
        &mut self,
        account: AccountId,
        token: &CalendarToken,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        diesel::sql_query(
            "INSERT INTO calendar_links (account_id, digest, created_at) \
             VALUES ($1, sha256(convert_to($2, 'UTF8')), $3) \
             ON CONFLICT (account_id) DO UPDATE \
             SET digest = excluded.digest, created_at = excluded.created_at",
        )
        .bind::<SqlUuid, _>(account.as_uuid())
        .bind::<Text, _>(token.expose())
        .bind::<Timestamptz, _>(now)
        .execute(self.conn())
        .await
        .map_err(storage("store a calendar link"))?;
        Ok(())
    }
}

/// The account behind a calendar link.
pub(super) async fn account_of_token(
    conn: &mut AsyncPgConnection,
    token: &CalendarToken,
) -> Result<Option<AccountId>, StorageError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Nullable<SqlUuid>)]
        account_id: Option<uuid::Uuid>,
    }
    let found: Option<Found> = diesel::sql_query(
        "SELECT k.account_id FROM calendar_links k JOIN accounts a ON a.id = k.account_id \
         WHERE k.digest = sha256(convert_to($1, 'UTF8')) AND a.status = 'active'",
    )
    .bind::<Text, _>(token.expose())
    .get_result(conn)
    .await
    .optional()
    .map_err(storage("look a calendar link up"))?;
    Ok(found.and_then(|found| found.account_id).map(AccountId::from_uuid))
}

#[cfg(test)]
mod tests {
    use bookings::Status;

    use super::*;

    #[test]
    fn the_calendar_agrees_with_the_lifecycle() {
        for record in bookings::testing::one_in_each_state(DateTime::UNIX_EPOCH) {
            let name = record.status.name();
            let stored = IN_CALENDAR.contains(&name) && holds_slot(name);
            assert_eq!(stored, Status::holds_slot(&record.status), "{name}");
        }
    }
}
