use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use kernel::{AccountId, BookingId, ListingId, ProviderId, ReviewId, StorageError};
use reviews::{
    Criteria, Reason, Reply, ReplyText, Review, ReviewRecord, ReviewText, Side, Stars, Status,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::schema::reviews::reviews as table;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
pub(super) struct ReviewRow {
    pub(super) id: Uuid,
    booking_id: Uuid,
    listing_id: Uuid,
    provider_id: Uuid,
    side: String,
    author_id: Uuid,
    subject_id: Uuid,
    stars: i16,
    body: String,
    criteria: Value,
    status: String,
    confirm_by: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    hidden_at: Option<DateTime<Utc>>,
    hidden_reason: Option<String>,
    discarded_at: Option<DateTime<Utc>>,
    reply: Option<String>,
    replied_at: Option<DateTime<Utc>>,
    window_ends_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    // Kept by the votes: never written with the rest.
    #[diesel(skip_insertion)]
    helpful_count: i32,
    #[diesel(skip_insertion)]
    open_reports: i32,
    pub(super) version: i32,
}

/// What changes in a review. The counts of its readers are kept by the votes, and are not among
/// it: they change without the version.
#[derive(AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true)]
pub(super) struct ReviewChanges {
    stars: i16,
    body: String,
    criteria: Value,
    status: String,
    confirm_by: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    hidden_at: Option<DateTime<Utc>>,
    hidden_reason: Option<String>,
    discarded_at: Option<DateTime<Utc>>,
    reply: Option<String>,
    replied_at: Option<DateTime<Utc>>,
    edited_at: Option<DateTime<Utc>>,
    version: i32,
}

/// The columns that a state is kept in.
#[derive(Default)]
struct StatusColumns {
    confirm_by: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    hidden_at: Option<DateTime<Utc>>,
    hidden_reason: Option<String>,
    discarded_at: Option<DateTime<Utc>>,
}

impl From<&Status> for StatusColumns {
    fn from(status: &Status) -> Self {
        let none = Self::default();
        match status {
            Status::Draft => none,
            Status::PendingConfirmation { confirm_by } => {
                Self { confirm_by: Some(*confirm_by), ..none }
            }
            Status::PendingModeration { confirmed_at } | Status::Held { confirmed_at } => {
                Self { confirmed_at: Some(*confirmed_at), ..none }
            }
            Status::Published { confirmed_at, at } => {
                Self { confirmed_at: Some(*confirmed_at), published_at: Some(*at), ..none }
            }
            Status::Hidden { confirmed_at, published_at, at, reason } => Self {
                confirmed_at: Some(*confirmed_at),
                published_at: *published_at,
                hidden_at: Some(*at),
                hidden_reason: Some(reason.as_str().to_owned()),
                ..none
            },
            Status::Discarded { at } => Self { discarded_at: Some(*at), ..none },
        }
    }
}

fn criteria_json(criteria: &Criteria) -> Value {
    let by_key: BTreeMap<&str, u8> =
        criteria.iter().map(|(key, stars)| (key, stars.get())).collect();
    json!(by_key)
}

impl From<&Review> for ReviewRow {
    fn from(review: &Review) -> Self {
        let ReviewRecord {
            id,
            booking,
            listing,
            provider,
            side,
            author,
            subject,
            stars,
            text,
            criteria,
            status,
            reply,
            window_ends_at,
            created_at,
            edited_at,
            helpful_count: _,
            open_reports: _,
            version,
        } = review.record().clone();
        let columns = StatusColumns::from(&status);
        Self {
            id: id.as_uuid(),
            booking_id: booking.as_uuid(),
            listing_id: listing.as_uuid(),
            provider_id: provider.as_uuid(),
            side: side.name().to_owned(),
            author_id: author.as_uuid(),
            subject_id: subject.as_uuid(),
            stars: i16::from(stars.get()),
            body: text.into_string(),
            criteria: criteria_json(&criteria),
            status: status.name().to_owned(),
            confirm_by: columns.confirm_by,
            confirmed_at: columns.confirmed_at,
            published_at: columns.published_at,
            hidden_at: columns.hidden_at,
            hidden_reason: columns.hidden_reason,
            discarded_at: columns.discarded_at,
            reply: reply.as_ref().map(|reply| reply.text.as_str().to_owned()),
            replied_at: reply.map(|reply| reply.at),
            window_ends_at,
            created_at,
            edited_at,
            helpful_count: 0,
            open_reports: 0,
            version,
        }
    }
}

impl ReviewRow {
    /// The changes of this row, under the next version.
    pub(super) fn changes(self) -> ReviewChanges {
        ReviewChanges {
            stars: self.stars,
            body: self.body,
            criteria: self.criteria,
            status: self.status,
            confirm_by: self.confirm_by,
            confirmed_at: self.confirmed_at,
            published_at: self.published_at,
            hidden_at: self.hidden_at,
            hidden_reason: self.hidden_reason,
            discarded_at: self.discarded_at,
            reply: self.reply,
            replied_at: self.replied_at,
            edited_at: self.edited_at,
            version: self.version + 1,
        }
    }

    fn status(&self) -> Option<Status> {
        let confirmed_at = self.confirmed_at;
        Some(match self.status.as_str() {
            "draft" => Status::Draft,
            "pending_confirmation" => Status::PendingConfirmation { confirm_by: self.confirm_by? },
            "pending_moderation" => Status::PendingModeration { confirmed_at: confirmed_at? },
            "held" => Status::Held { confirmed_at: confirmed_at? },
            "published" => {
                Status::Published { confirmed_at: confirmed_at?, at: self.published_at? }
            }
            "hidden" => Status::Hidden {
                confirmed_at: confirmed_at?,
                published_at: self.published_at,
                at: self.hidden_at?,
                reason: Reason::from_stored(self.hidden_reason.clone()?),
            },
            "discarded" => Status::Discarded { at: self.discarded_at? },
            _ => return None,
        })
    }

    fn side(&self) -> Option<Side> {
        [Side::Client, Side::Provider].into_iter().find(|side| side.name() == self.side)
    }

    fn criteria(&self) -> Option<Criteria> {
        let by_key = self.criteria.as_object()?;
        let criteria: Option<Vec<_>> = by_key
            .iter()
            .map(|(key, stars)| Some((key.clone(), Stars::new(stars.as_i64()?).ok()?)))
            .collect();
        criteria.map(Criteria::from_stored)
    }
}

impl TryFrom<ReviewRow> for Review {
    type Error = StorageError;

    fn try_from(row: ReviewRow) -> Result<Self, StorageError> {
        let id = ReviewId::from_uuid(row.id);
        record(row).map(Self::restore).ok_or_else(|| {
            StorageError::corrupt("read a review", format!("the row of {id} makes no sense"))
        })
    }
}

fn record(row: ReviewRow) -> Option<ReviewRecord> {
    Some(ReviewRecord {
        status: row.status()?,
        side: row.side()?,
        criteria: row.criteria()?,
        stars: Stars::new(i64::from(row.stars)).ok()?,
        reply: match (row.reply, row.replied_at) {
            (Some(text), Some(at)) => Some(Reply { text: ReplyText::from_stored(text), at }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        },
        helpful_count: u32::try_from(row.helpful_count).ok()?,
        open_reports: u32::try_from(row.open_reports).ok()?,
        id: ReviewId::from_uuid(row.id),
        booking: BookingId::from_uuid(row.booking_id),
        listing: ListingId::from_uuid(row.listing_id),
        provider: ProviderId::from_uuid(row.provider_id),
        author: AccountId::from_uuid(row.author_id),
        subject: AccountId::from_uuid(row.subject_id),
        text: ReviewText::from_stored(row.body),
        window_ends_at: row.window_ends_at,
        created_at: row.created_at,
        edited_at: row.edited_at,
        version: row.version,
    })
}
