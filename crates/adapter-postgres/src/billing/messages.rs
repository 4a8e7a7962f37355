//! The inbox of gateways' messages.

use async_trait::async_trait;
use billing::{
    Position, Subject, Webhook, WebhookId, WebhookQuery, WebhookRepository, WebhookState,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Page, PaymentId, StorageError, Text};
use uuid::Uuid;

use super::document::{Source, sensible};
use crate::failure::storage;
use crate::schema::billing::gateway_messages as table;
use crate::{PgStore, PgTx};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
struct MessageRow {
    id: Uuid,
    gateway: String,
    event_id: String,
    kind: String,
    subject: String,
    payment_id: Option<Uuid>,
    reference: Option<String>,
    body: Vec<u8>,
    received_at: DateTime<Utc>,
    attempts: i16,
    last_error: Option<String>,
    state: String,
    state_at: Option<DateTime<Utc>>,
}

impl From<&Webhook> for MessageRow {
    fn from(webhook: &Webhook) -> Self {
        let (payment_id, reference) = match &webhook.subject {
            Subject::Payment { payment, transaction } => {
                (payment.map(PaymentId::as_uuid), Some(transaction.to_string()))
            }
            Subject::Subscription { reference } | Subject::Payout { reference } => {
                (None, Some(reference.to_string()))
            }
            Subject::Other => (None, None),
        };
        let state_at = match webhook.state {
            WebhookState::Received => None,
            WebhookState::Applied { at }
            | WebhookState::Ignored { at }
            | WebhookState::Parked { at } => Some(at),
            WebhookState::Failed { retry_at } => Some(retry_at),
        };
        Self {
            id: webhook.id.as_uuid(),
            gateway: webhook.gateway.name().to_owned(),
            event_id: webhook.event_id.to_string(),
            kind: webhook.kind.to_string(),
            subject: webhook.subject.name().to_owned(),
            payment_id,
            reference,
            body: webhook.body.clone(),
            received_at: webhook.received_at,
            attempts: i16::from(webhook.attempts),
            last_error: webhook.last_error.clone(),
            state: webhook.state.name().to_owned(),
            state_at,
        }
    }
}

impl TryFrom<MessageRow> for Webhook {
    type Error = StorageError;

    fn try_from(row: MessageRow) -> Result<Self, StorageError> {
        sensible("read a gateway's message", row.id, message(row))
    }
}

fn message(row: MessageRow) -> Result<Webhook, Source> {
    let reference = row.reference.map(Text::from_stored);
    let subject = match (row.subject.as_str(), reference) {
        ("payment", Some(transaction)) => {
            Subject::Payment { payment: row.payment_id.map(PaymentId::from_uuid), transaction }
        }
        ("subscription", Some(reference)) => Subject::Subscription { reference },
        ("payout", Some(reference)) => Subject::Payout { reference },
        ("other", _) => Subject::Other,
        (other, _) => return Err(format!("about `{other}`").into()),
    };
    let state = match (row.state.as_str(), row.state_at) {
        ("received", _) => WebhookState::Received,
        ("applied", Some(at)) => WebhookState::Applied { at },
        ("ignored", Some(at)) => WebhookState::Ignored { at },
        ("failed", Some(retry_at)) => WebhookState::Failed { retry_at },
        ("parked", Some(at)) => WebhookState::Parked { at },
        (other, _) => return Err(format!("state `{other}`").into()),
    };
    Ok(Webhook {
        id: WebhookId::from_uuid(row.id),
        gateway: row.gateway.parse()?,
        event_id: Text::from_stored(row.event_id),
        kind: Text::from_stored(row.kind),
        subject,
        body: row.body,
        received_at: row.received_at,
        attempts: u8::try_from(row.attempts)?,
        last_error: row.last_error,
        state,
    })
}

#[async_trait]
impl WebhookRepository for PgTx {
    async fn webhook_for_update(&mut self, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
        let row: Option<MessageRow> = table::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(MessageRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a gateway's message"))?;
        row.map(Webhook::try_from).transpose()
    }

    async fn insert_webhook(&mut self, webhook: &Webhook) -> Result<bool, StorageError> {
        let inserted = diesel::insert_into(table::table)
            .values(MessageRow::from(webhook))
            .on_conflict((table::gateway, table::event_id))
            .do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("store a gateway's message"))?;
        Ok(inserted == 1)
    }

    async fn update_webhook(&mut self, webhook: &Webhook) -> Result<(), StorageError> {
        let row = MessageRow::from(webhook);
        // The body never changes and may be large.
        diesel::update(table::table.find(row.id))
            .set((
                table::attempts.eq(row.attempts),
                table::last_error.eq(row.last_error),
                table::state.eq(row.state),
                table::state_at.eq(row.state_at),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("change a gateway's message"))?;
        Ok(())
    }
}

pub(super) async fn message_by_id(
    store: &PgStore,
    id: WebhookId,
) -> Result<Option<Webhook>, StorageError> {
    let row: Option<MessageRow> = table::table
        .find(id.as_uuid())
        .select(MessageRow::as_select())
        .first(&mut *store.conn().await?)
        .await
        .optional()
        .map_err(storage("load a gateway's message"))?;
    row.map(Webhook::try_from).transpose()
}

pub(super) async fn messages(
    store: &PgStore,
    query: &WebhookQuery,
) -> Result<Page<Webhook, Position>, StorageError> {
    let mut rows = table::table.select(MessageRow::as_select()).into_boxed();
    if let Some(gateway) = query.gateway {
        rows = rows.filter(table::gateway.eq(gateway.name()));
    }
    match query.states.as_slice() {
        [] => {}
        [state] => rows = rows.filter(table::state.eq(state)),
        states => rows = rows.filter(table::state.eq_any(states)),
    }
    if let Some(Position { at, id }) = query.after {
        rows = rows
            .filter(table::received_at.le(at).and(table::received_at.lt(at).or(table::id.lt(id))));
    }
    let rows: Vec<MessageRow> = rows
        .order((table::received_at.desc(), table::id.desc()))
        .limit(query.limit.rows())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list gateways' messages"))?;
    let messages: Vec<Webhook> =
        rows.into_iter().map(Webhook::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(messages, query.limit, |message| Position {
        at: message.received_at,
        id: message.id.as_uuid(),
    }))
}
