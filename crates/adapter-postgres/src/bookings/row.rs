//! A booking as a row.

use bookings::{
    Appointment, Booking, BookingRecord, CancelCause, Completion, Funds, Message, Offer, Parties,
    Process, Reason, Status, TimeProposal,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use kernel::{AccountId, BookingId, Currency, ListingId, Money, ProviderId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use super::document::{OfferDocument, ProposalDocument, from_json, span, to_json};
use crate::schema::bookings::bookings as table;

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct BookingRow {
    pub(super) id: Uuid,
    listing_id: Uuid,
    title: String,
    client_id: Uuid,
    provider_id: Uuid,
    provider_account_id: Uuid,
    process: String,
    message: String,
    budget_minor: Option<i64>,
    price_minor: Option<i64>,
    currency: Option<String>,
    slot_start: Option<DateTime<Utc>>,
    slot_end: Option<DateTime<Utc>>,
    busy_start: Option<DateTime<Utc>>,
    busy_end: Option<DateTime<Utc>>,
    capacity: Option<i32>,
    funds: String,
    funds_until: Option<DateTime<Utc>>,
    cancellation: Value,
    offers: Value,
    changes_left: i16,
    status: String,
    since: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    cause: Option<String>,
    reason: Option<String>,
    refund_minor: Option<i64>,
    proposal: Option<Value>,
    created_at: DateTime<Utc>,
    accepted_at: Option<DateTime<Utc>>,
    stale_at: Option<DateTime<Utc>>,
    pub(super) version: i32,
}

/// The columns of a state.
#[derive(Default)]
struct StatusColumns {
    since: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    cause: Option<&'static str>,
    reason: Option<String>,
    refund: Option<Money>,
    proposal: Option<TimeProposal>,
}

impl From<Status> for StatusColumns {
    fn from(status: Status) -> Self {
        let text = |reason: Reason| reason.into_string();
        match status {
            Status::AwaitingPayment { hold_until } => {
                Self { due_at: Some(hold_until), ..Self::default() }
            }
            Status::Requested { answer_due } => {
                Self { due_at: Some(answer_due), ..Self::default() }
            }
            Status::Accepted { proposal } => Self { proposal, ..Self::default() },
            Status::InProgress { since } => Self { since: Some(since), ..Self::default() },
            Status::Done { since, confirm_due } => {
                Self { since: Some(since), due_at: Some(confirm_due), ..Self::default() }
            }
            Status::Disputed { since, decision_due, reason } => Self {
                since: Some(since),
                due_at: Some(decision_due),
                reason: Some(text(reason)),
                ..Self::default()
            },
            Status::Completed { at, how, refund } => {
                Self { since: Some(at), cause: Some(how.name()), refund, ..Self::default() }
            }
            Status::Declined { at, reason } => {
                Self { since: Some(at), reason: reason.map(text), ..Self::default() }
            }
            Status::Withdrawn { at } | Status::Expired { at } => {
                Self { since: Some(at), ..Self::default() }
            }
            Status::Cancelled { at, cause, reason, refund } => Self {
                since: Some(at),
                cause: Some(cause.name()),
                reason: reason.map(text),
                refund,
                ..Self::default()
            },
        }
    }
}

impl From<&Booking> for BookingRow {
    fn from(booking: &Booking) -> Self {
        let BookingRecord {
            id,
            listing,
            title,
            parties: Parties { client, provider, provider_account },
            process,
            message,
            price,
            funds,
            cancellation,
            offers,
            changes_left,
            created_at,
            accepted_at,
            stale_at,
            status,
            version,
        } = booking.record();
        let kind = process.kind().name().to_owned();
        let (budget, appointment) = match process {
            Process::Request { budget } | Process::Quote { budget } => (budget, None),
            Process::Appointment { appointment } => (None, Some(appointment)),
        };
        let (funds, funds_until) = match funds {
            Funds::NotTaken => ("not_taken", None),
            Funds::Awaited => ("awaited", None),
            Funds::Authorised { until } => ("authorised", until),
            Funds::Captured => ("captured", None),
            Funds::Settled => ("settled", None),
        };
        let name = status.name().to_owned();
        let StatusColumns { since, due_at, cause, reason, refund, proposal } = status.into();
        let offers: Vec<OfferDocument> = offers.into_iter().map(OfferDocument::from).collect();
        Self {
            id: id.as_uuid(),
            listing_id: listing.as_uuid(),
            title,
            client_id: client.as_uuid(),
            provider_id: provider.as_uuid(),
            provider_account_id: provider_account.as_uuid(),
            process: kind,
            message: message.into_string(),
            budget_minor: budget.map(Money::minor),
            price_minor: price.map(Money::minor),
            currency: price.or(budget).map(|money| money.currency().code().to_owned()),
            slot_start: appointment.map(|a| a.slot.start()),
            slot_end: appointment.map(|a| a.slot.end()),
            busy_start: appointment.map(|a| a.busy.start()),
            busy_end: appointment.map(|a| a.busy.end()),
            // Bounded by the availability it was taken from.
            capacity: appointment.and_then(|a| i32::try_from(a.capacity).ok()),
            funds: funds.to_owned(),
            funds_until,
            cancellation: to_json(&cancellation),
            offers: to_json(&offers),
            changes_left: i16::from(changes_left),
            status: name,
            since,
            due_at,
            cause: cause.map(ToOwned::to_owned),
            reason,
            refund_minor: refund.map(Money::minor),
            proposal: proposal.map(|proposal| to_json(&ProposalDocument::from(proposal))),
            created_at,
            accepted_at,
            stale_at,
            version,
        }
    }
}

impl TryFrom<BookingRow> for Booking {
    type Error = StorageError;

    fn try_from(row: BookingRow) -> Result<Self, StorageError> {
        let id = row.id;
        record(row).map(Self::restore).map_err(|source| {
            StorageError::corrupt("read a booking", format!("row {id} makes no sense: {source}"))
        })
    }
}

fn record(row: BookingRow) -> Result<BookingRecord, Source> {
    let offers: Vec<OfferDocument> = from_json("read offers", row.offers.clone())?;
    let currency = row.currency.as_deref().map(Currency::from_stored).transpose()?;
    let money = |minor: Option<i64>| minor.zip(currency).map(|(m, c)| Money::new(m, c));
    Ok(BookingRecord {
        process: process(&row, money(row.budget_minor))?,
        funds: match (row.funds.as_str(), row.funds_until) {
            ("not_taken", None) => Funds::NotTaken,
            ("awaited", None) => Funds::Awaited,
            ("authorised", until) => Funds::Authorised { until },
            ("captured", None) => Funds::Captured,
            ("settled", None) => Funds::Settled,
            (other, _) => return Err(format!("funds `{other}`").into()),
        },
        status: status(&row, money(row.refund_minor))?,
        id: BookingId::from_uuid(row.id),
        listing: ListingId::from_uuid(row.listing_id),
        title: row.title,
        parties: Parties {
            client: AccountId::from_uuid(row.client_id),
            provider: ProviderId::from_uuid(row.provider_id),
            provider_account: AccountId::from_uuid(row.provider_account_id),
        },
        message: Message::from_stored(row.message),
        price: money(row.price_minor),
        cancellation: from_json("read a cancellation policy", row.cancellation)?,
        offers: offers.into_iter().map(Offer::try_from).collect::<Result<_, _>>()?,
        changes_left: u8::try_from(row.changes_left)?,
        created_at: row.created_at,
        accepted_at: row.accepted_at,
        stale_at: row.stale_at,
        version: row.version,
    })
}

fn process(row: &BookingRow, budget: Option<Money>) -> Result<Process, Source> {
    let times = (row.slot_start, row.slot_end, row.busy_start, row.busy_end, row.capacity);
    Ok(match (row.process.as_str(), times) {
        ("request", _) => Process::Request { budget },
        ("quote", _) => Process::Quote { budget },
        ("appointment", (Some(start), Some(end), Some(from), Some(to), Some(capacity))) => {
            let (slot, busy) = (span(start, end)?, span(from, to)?);
            let capacity = u32::try_from(capacity)?;
            Process::Appointment { appointment: Appointment { slot, busy, capacity } }
        }
        (other, _) => return Err(format!("process `{other}`").into()),
    })
}

fn status(row: &BookingRow, refund: Option<Money>) -> Result<Status, Source> {
    let reason = row.reason.clone().map(Reason::from_stored);
    let cause = row.cause.as_deref().unwrap_or_default();
    Ok(match (row.status.as_str(), row.since, row.due_at, reason) {
        ("awaiting_payment", _, Some(hold_until), _) => Status::AwaitingPayment { hold_until },
        ("requested", _, Some(answer_due), _) => Status::Requested { answer_due },
        ("accepted", _, _, _) => Status::Accepted { proposal: proposal(row.proposal.clone())? },
        ("in_progress", Some(since), _, _) => Status::InProgress { since },
        ("done", Some(since), Some(confirm_due), _) => Status::Done { since, confirm_due },
        ("disputed", Some(since), Some(decision_due), Some(reason)) => {
            Status::Disputed { since, decision_due, reason }
        }
        ("completed", Some(at), _, _) => Status::Completed { at, how: completion(cause)?, refund },
        ("declined", Some(at), _, reason) => Status::Declined { at, reason },
        ("withdrawn", Some(at), _, _) => Status::Withdrawn { at },
        ("expired", Some(at), _, _) => Status::Expired { at },
        ("cancelled", Some(at), _, reason) => {
            Status::Cancelled { at, cause: cancel_cause(cause)?, reason, refund }
        }
        (other, _, _, _) => return Err(format!("status `{other}`").into()),
    })
}

fn proposal(document: Option<Value>) -> Result<Option<TimeProposal>, Source> {
    let Some(document) = document else { return Ok(None) };
    let document: ProposalDocument = from_json("read a proposed time", document)?;
    TimeProposal::try_from(document).map(Some)
}

fn completion(name: &str) -> Result<Completion, Source> {
    let found = Completion::ALL.into_iter().find(|how| how.name() == name);
    found.ok_or_else(|| format!("completed by `{name}`").into())
}

fn cancel_cause(name: &str) -> Result<CancelCause, Source> {
    let found = CancelCause::ALL.into_iter().find(|cause| cause.name() == name);
    found.ok_or_else(|| format!("cancelled by `{name}`").into())
}
