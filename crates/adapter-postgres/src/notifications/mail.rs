use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, StorageError};
use notifications::{Mail, MailId, MailRecord, MailRepository, MailState, Template};
use serde_json::{Value, json};
use uuid::Uuid;

use super::repository::topic;
use crate::failure::storage;
use crate::schema::notifications::mails as table;
use crate::{JobRequest, PgTx};

/// The job that sends a mail; its payload is `{"mail_id": "mai_…"}`.
pub const SEND_MAIL: &str = "mail.send";

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
struct MailRow {
    id: Uuid,
    account_id: Uuid,
    template: String,
    topic: String,
    text: String,
    subject: String,
    data: Value,
    state: String,
    attempts: i32,
    claimed_until: Option<DateTime<Utc>>,
    problem: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<&Mail> for MailRow {
    fn from(mail: &Mail) -> Self {
        let MailRecord {
            id,
            account,
            template,
            topic,
            text,
            subject,
            data,
            state,
            attempts,
            created_at,
        } = mail.record().clone();
        let name = state.name().to_owned();
        let (claimed_until, problem, ended_at) = match state {
            MailState::Queued { claimed_until, problem } => (claimed_until, problem, None),
            MailState::Sent { at } | MailState::Dropped { at } => (None, None, Some(at)),
            MailState::Failed { at, problem } => (None, Some(problem), Some(at)),
        };
        Self {
            id: id.as_uuid(),
            account_id: account.as_uuid(),
            template: template.name().to_owned(),
            topic: topic.name().to_owned(),
            text,
            subject,
            data,
            state: name,
            attempts,
            claimed_until,
            problem,
            ended_at,
            created_at,
        }
    }
}

impl TryFrom<MailRow> for Mail {
    type Error = StorageError;

    fn try_from(row: MailRow) -> Result<Self, StorageError> {
        let id = MailId::from_uuid(row.id);
        let corrupt =
            || StorageError::corrupt("read a mail", format!("the row of {id} makes no sense"));
        let state = match (row.state.as_str(), row.ended_at, row.problem) {
            ("queued", None, problem) => {
                MailState::Queued { claimed_until: row.claimed_until, problem }
            }
            ("sent", Some(at), _) => MailState::Sent { at },
            ("failed", Some(at), Some(problem)) => MailState::Failed { at, problem },
            ("dropped", Some(at), _) => MailState::Dropped { at },
            _ => return Err(corrupt()),
        };
        Ok(Self::restore(MailRecord {
            id,
            account: AccountId::from_uuid(row.account_id),
            template: Template::named(&row.template).ok_or_else(corrupt)?,
            topic: topic(&row.topic)?,
            text: row.text,
            subject: row.subject,
            data: row.data,
            state,
            attempts: row.attempts,
            created_at: row.created_at,
        }))
    }
}

#[async_trait]
impl MailRepository for PgTx {
    async fn enqueue_mail(&mut self, mail: &Mail) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(MailRow::from(mail))
            .execute(self.conn())
            .await
            .map_err(storage("insert a mail"))?;
        let payload = json!({ "mail_id": mail.record().id });
        self.enqueue(&JobRequest::new(SEND_MAIL, payload)).await
    }

    async fn mail_for_update(&mut self, id: MailId) -> Result<Option<Mail>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            .for_update()
            .select(MailRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a mail"))?;
        row.map(Mail::try_from).transpose()
    }

    async fn update_mail(&mut self, mail: &Mail) -> Result<(), StorageError> {
        let row = MailRow::from(mail);
        diesel::update(table::table.find(row.id))
            .set(row)
            .execute(self.conn())
            .await
            .map_err(storage("update a mail"))?;
        Ok(())
    }
}
