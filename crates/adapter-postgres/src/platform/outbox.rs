use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Event, EventId, EventMessage, Inbox, Outbox, StorageError};
use serde_json::{Value, json};

use crate::failure::storage;
use crate::notifications::SEND_MAIL;
use crate::platform::TIMER_JOB;
use crate::schema::platform::{events, handled_events};
use crate::statement::Statement;
use crate::{PgStore, PgTx};

/// The jobs that this crate enqueues whatever the subscriptions say. A worker has to run them all.
pub const STANDING_JOBS: &[&str] = &[TIMER_JOB, SEND_MAIL];

/// A job to be done after the commit, at least once. It holds ids only: the queue's log prints it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// Which handler runs it.
    pub identifier: &'static str,
    /// Ids, nothing else.
    pub payload: Value,
    /// A second job with the same key replaces the first while that waits.
    pub key: Option<String>,
}

impl JobRequest {
    /// A job that stands by itself.
    pub const fn new(identifier: &'static str, payload: Value) -> Self {
        Self { identifier, payload, key: None }
    }
}

/// How the queue treats a kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPolicy {
    /// How often it is tried before it is parked, from 1; the pauses between grow exponentially,
    /// from seconds to six hours.
    pub attempts: i32,
    /// Of the jobs that are ready those with the lowest number run first.
    pub priority: i32,
}

impl Default for JobPolicy {
    /// About four hours of trying, neither first nor last.
    fn default() -> Self {
        Self { attempts: 12, priority: 0 }
    }
}

/// How each kind of job is treated, by its identifier.
pub type JobPolicies = fn(&str) -> JobPolicy;

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct EventRow {
    id: uuid::Uuid,
    name: String,
    subject: String,
    payload: Value,
    actor_id: Option<uuid::Uuid>,
    occurred_at: DateTime<Utc>,
}

impl From<EventRow> for EventMessage {
    fn from(row: EventRow) -> Self {
        let EventRow { id, name, subject, payload, actor_id, occurred_at } = row;
        Self {
            id: EventId::from_uuid(id),
            name,
            subject,
            payload,
            actor: actor_id.map(AccountId::from_uuid),
            at: occurred_at,
        }
    }
}

impl PgTx {
    /// Puts a job into the queue, in this transaction.
    pub async fn enqueue(&mut self, job: &JobRequest) -> Result<(), StorageError> {
        let JobPolicy { attempts, priority } = self.job_policy(job.identifier);
        let mut st = Statement::<()>::new();
        st.sql("SELECT graphile_worker.add_job(identifier => ").bind(job.identifier.to_owned());
        st.sql(", payload => ").bind(job.payload.clone()).sql("::json, job_key => ");
        st.bind(job.key.clone()).sql(", max_attempts => ").bind(attempts);
        st.sql(", priority => ").bind(priority).sql(")");
        st.execute(self.conn()).await.map_err(storage("enqueue a job"))?;
        Ok(())
    }
}

#[async_trait]
impl Outbox for PgTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        actor: Option<AccountId>,
        at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let row = EventRow {
            id: self.ids().next(),
            name: event.name().to_owned(),
            subject: event.subject(),
            payload: event.payload(),
            actor_id: actor.map(AccountId::as_uuid),
            occurred_at: at,
        };
        let mut payload = json!({ "event_id": EventId::from_uuid(row.id) });
        if let Some(cause) = self.cause() {
            payload["traceparent"] = cause.into();
        }
        diesel::insert_into(events::table)
            .values(&row)
            .execute(self.conn())
            .await
            .map_err(storage("store an event"))?;
        for handler in self.subscribers(event.name()) {
            self.enqueue(&JobRequest::new(handler, payload.clone())).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Inbox for PgTx {
    async fn first_time(
        &mut self,
        handler: &'static str,
        event: EventId,
    ) -> Result<bool, StorageError> {
        let inserted = diesel::insert_into(handled_events::table)
            .values((
                handled_events::handler.eq(handler),
                handled_events::event_id.eq(event.as_uuid()),
            ))
            .on_conflict_do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("note an event as handled"))?;
        Ok(inserted == 1)
    }
}

impl PgStore {
    /// The event that a job is about; `None` once it is past its retention.
    pub async fn event(&self, id: EventId) -> Result<Option<EventMessage>, StorageError> {
        let row = events::table
            .find(id.as_uuid())
            .select(EventRow::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load an event"))?;
        Ok(row.map(EventMessage::from))
    }
}
