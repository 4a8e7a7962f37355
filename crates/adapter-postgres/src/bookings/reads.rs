//! Reading without changing.

use async_trait::async_trait;
use bookings::{
    Availability, Booking, BookingPosition, BookingQuery, BookingReads, CalendarToken,
    HistoryEntry, Interval, ListingSchedule, Side,
};
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable, Untyped};
use diesel_async::RunQueryDsl;
use kernel::{BookingId, Limit, ListingId, Page, ProviderId, StorageError};
use serde_json::Value;

use super::document::from_json;
use super::listing::{COLUMNS, ListingRow, TABLES};
use super::repository::HistoryRow;
use super::row::BookingRow;
use super::schedule::{
    IN_CALENDAR, REACH, TimeRow, account_of_token, availability, availability_of, occupied_of,
};
use crate::PgStore;
use crate::failure::storage;
use crate::schema::bookings::{booking_history, bookings as table};
use crate::statement::Statement;

/// The most appointments that a calendar shows.
const CALENDAR: i64 = 500;

/// A listing with its provider's hours and calendar.
#[derive(QueryableByName)]
struct ScheduleRow {
    #[diesel(embed)]
    listing: ListingRow,
    #[diesel(sql_type = Nullable<Jsonb>)]
    rules: Option<Value>,
    #[diesel(sql_type = Jsonb)]
    times: Value,
}

#[async_trait]
impl BookingReads for PgStore {
    async fn booking(&self, id: BookingId) -> Result<Option<Booking>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            .select(BookingRow::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a booking"))?;
        row.map(Booking::try_from).transpose()
    }

    async fn bookings(
        &self,
        query: &BookingQuery,
    ) -> Result<Page<Booking, BookingPosition>, StorageError> {
        let account = query.account.as_uuid();
        let mut rows = table::table.select(BookingRow::as_select()).into_boxed();
        rows = match query.side {
            Side::Provider => rows.filter(table::provider_account_id.eq(account)),
            Side::Client | Side::Moderator | Side::Clock | Side::Gateway => {
                rows.filter(table::client_id.eq(account))
            }
        };
        if !query.statuses.is_empty() {
            rows = rows.filter(table::status.eq_any(&query.statuses));
        }
        if let Some(BookingPosition { created_at, id }) = query.after {
            let id = id.as_uuid();
            rows = rows.filter(
                table::created_at
                    .lt(created_at)
                    .or(table::created_at.eq(created_at).and(table::id.lt(id))),
            );
        }
        let rows = rows
            .order((table::created_at.desc(), table::id.desc()))
            .limit(query.limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list bookings"))?;
        page(rows, query.limit)
    }

    async fn booking_history(&self, id: BookingId) -> Result<Vec<HistoryEntry>, StorageError> {
        let rows: Vec<HistoryRow> = booking_history::table
            .filter(booking_history::booking_id.eq(id.as_uuid()))
            .order(booking_history::number)
            .select(HistoryRow::as_select())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load the history of a booking"))?;
        rows.into_iter().map(HistoryEntry::try_from).collect()
    }

    async fn disputed_bookings(
        &self,
        limit: Limit,
        after: Option<BookingPosition>,
    ) -> Result<Page<Booking, BookingPosition>, StorageError> {
        let mut rows = table::table
            .filter(table::status.eq("disputed"))
            .select(BookingRow::as_select())
            .into_boxed();
        if let Some(BookingPosition { created_at, id }) = after {
            let id = id.as_uuid();
            rows = rows.filter(
                table::created_at
                    .gt(created_at)
                    .or(table::created_at.eq(created_at).and(table::id.gt(id))),
            );
        }
        let rows = rows
            .order((table::created_at, table::id))
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list disputes"))?;
        page(rows, limit)
    }

    async fn listing_schedule(
        &self,
        listing: ListingId,
        within: Interval,
    ) -> Result<Option<ListingSchedule>, StorageError> {
        let mut st = Statement::<Untyped>::new();
        st.sql("SELECT ").sql(COLUMNS).sql(
            ", v.rules, COALESCE((\
                 SELECT jsonb_agg(jsonb_build_array(\
                     b.slot_start, b.slot_end, b.busy_start, b.busy_end, b.status)) \
                 FROM bookings b WHERE b.provider_id = l.provider_id AND b.slot_start > ",
        );
        st.bind(within.start() - REACH).sql(" AND b.slot_start < ").bind(within.end() + REACH);
        st.sql(" AND b.status = ANY (").bind(IN_CALENDAR.map(str::to_owned).to_vec());
        st.sql(")), '[]') AS times FROM ").sql(TABLES);
        st.sql(" LEFT JOIN availabilities v ON v.provider_id = l.provider_id WHERE l.id = ");
        st.bind(listing.as_uuid());
        let row: Option<ScheduleRow> = st
            .get_result(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load the calendar of a listing"))?;
        let Some(ScheduleRow { listing, rules, times }) = row else { return Ok(None) };
        let listing: bookings::BookableListing = listing.try_into()?;
        let times: Vec<TimeRow> = from_json("read a calendar", times)?;
        Ok(Some(ListingSchedule {
            availability: rules
                .map(|rules| availability_of(listing.provider, rules))
                .transpose()?,
            listing,
            occupied: occupied_of(times)?,
        }))
    }

    async fn availability_of(
        &self,
        provider: ProviderId,
    ) -> Result<Option<Availability>, StorageError> {
        availability(&mut *self.conn().await?, provider).await
    }

    async fn calendar_of(
        &self,
        token: &CalendarToken,
        within: Interval,
    ) -> Result<Option<Vec<Booking>>, StorageError> {
        let mut conn = self.conn().await?;
        let Some(account) = account_of_token(&mut conn, token).await? else { return Ok(None) };
        let account = account.as_uuid();
        let rows: Vec<BookingRow> = table::table
            .filter(table::client_id.eq(account).or(table::provider_account_id.eq(account)))
            .filter(table::slot_start.gt(within.start()))
            .filter(table::slot_start.lt(within.end()))
            .filter(table::status.eq_any(IN_CALENDAR))
            .order((table::slot_start, table::id))
            .limit(CALENDAR)
            .select(BookingRow::as_select())
            .load(&mut *conn)
            .await
            .map_err(storage("load a person's calendar"))?;
        rows.into_iter().map(Booking::try_from).collect::<Result<_, _>>().map(Some)
    }
}

fn page(
    rows: Vec<BookingRow>,
    limit: Limit,
) -> Result<Page<Booking, BookingPosition>, StorageError> {
    let bookings: Vec<Booking> =
        rows.into_iter().map(Booking::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(bookings, limit, |booking| BookingPosition {
        created_at: booking.created_at(),
        id: booking.id(),
    }))
}
