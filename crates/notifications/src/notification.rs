use chrono::{DateTime, Utc};
use kernel::{AccountId, EventId, ListingId, NotificationId};
use serde_json::Value;

use crate::{Topic, Words};

/// What the marketplace tells a person: ids and facts. The words are chosen when they are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Identifies it.
    pub id: NotificationId,
    /// Who is told.
    pub account: AccountId,
    /// Of which event; a person is told once in the same words.
    pub event: EventId,
    /// What it is about.
    pub topic: Topic,
    /// Which words.
    pub text: String,
    /// The id of what it is about, as it stands on the wire: where a click leads.
    pub subject: String,
    /// The event's payload.
    pub facts: Value,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// When it was read, if it was.
    pub read_at: Option<DateTime<Utc>>,
}

impl Notification {
    /// The listing it is about, if there is one.
    pub fn listing(&self) -> Option<ListingId> {
        listing_of(&self.facts)
    }
}

pub(crate) fn listing_of(facts: &Value) -> Option<ListingId> {
    ["listing_id", "listing"].iter().find_map(|field| facts[field].as_str()?.parse().ok())
}

/// A notification in its reader's language.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// The notification.
    pub notification: Notification,
    /// What it says.
    pub words: Words,
}
