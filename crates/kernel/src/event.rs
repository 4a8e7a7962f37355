use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{AccountId, EventId, StorageError};

/// Something that happened in a domain, told to the rest of the system.
///
/// Implemented by the event enum of every domain crate.
pub trait Event: Send + Sync {
    /// A stable name with a version, such as `booking.accepted.v1`. Never renamed; a changed
    /// meaning is a new version.
    fn name(&self) -> &'static str;

    /// The id of the aggregate it happened to, as it stands on the wire.
    fn subject(&self) -> String;

    /// Ids and facts that a handler needs, never personal data: handlers load what they show.
    fn payload(&self) -> Value;
}

/// An event on its way out: stored in the transaction of its cause, then given to one job per
/// handler, at least once.
#[derive(Debug, Clone, PartialEq)]
pub struct EventMessage {
    /// Handlers remember it, so that a second delivery changes nothing.
    pub id: EventId,
    /// Its stable name, see [`Event::name`].
    pub name: String,
    /// See [`Event::subject`].
    pub subject: String,
    /// See [`Event::payload`].
    pub payload: Value,
    /// Who caused it; `None` for the clock.
    pub actor: Option<AccountId>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Where events leave a transaction.
#[async_trait]
pub trait Outbox: Send {
    /// Stores the event and a job for each of its handlers, in this transaction.
    async fn publish(
        &mut self,
        event: &dyn Event,
        actor: Option<AccountId>,
        at: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// What a handler has handled, in the transaction of its effect.
#[async_trait]
pub trait Inbox: Send {
    /// Whether `handler` sees this event for the first time; from the commit on it does not.
    async fn first_time(
        &mut self,
        handler: &'static str,
        event: EventId,
    ) -> Result<bool, StorageError>;
}
