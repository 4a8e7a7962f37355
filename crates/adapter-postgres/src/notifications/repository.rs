use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, EventId, Limit, NotificationId, Page, StorageError};
use notifications::{
    Notification, NotificationPosition, NotificationRepository, NotificationStore, NotificationTx,
    PreferenceRepository, Preferences, Setting, Topic,
};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::storage;
use crate::schema::notifications::{
    mails, notification_preferences as preferences, notifications as table,
};
use crate::{PgStore, PgTx};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct NotificationRow {
    id: Uuid,
    account_id: Uuid,
    event_id: Uuid,
    topic: String,
    text: String,
    subject: String,
    facts: Value,
    created_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
}

impl From<&Notification> for NotificationRow {
    fn from(notification: &Notification) -> Self {
        let Notification { id, account, event, topic, text, subject, facts, created_at, read_at } =
            notification.clone();
        Self {
            id: id.as_uuid(),
            account_id: account.as_uuid(),
            event_id: event.as_uuid(),
            topic: topic.name().to_owned(),
            text,
            subject,
            facts,
            created_at,
            read_at,
        }
    }
}

impl TryFrom<NotificationRow> for Notification {
    type Error = StorageError;

    fn try_from(row: NotificationRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: NotificationId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            event: EventId::from_uuid(row.event_id),
            topic: topic(&row.topic)?,
            text: row.text,
            subject: row.subject,
            facts: row.facts,
            created_at: row.created_at,
            read_at: row.read_at,
        })
    }
}

pub(super) fn topic(name: &str) -> Result<Topic, StorageError> {
    name.parse().map_err(|error: String| StorageError::corrupt("read a topic", error))
}

#[async_trait]
impl NotificationRepository for PgTx {
    async fn insert_notification(
        &mut self,
        notification: &Notification,
    ) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(NotificationRow::from(notification))
            .on_conflict((table::account_id, table::event_id, table::text))
            .do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("insert a notification"))?;
        Ok(())
    }

    async fn mark_read(
        &mut self,
        account: AccountId,
        ids: Vec<NotificationId>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = ids.into_iter().map(NotificationId::as_uuid).collect();
        let unread = table::table
            .filter(table::account_id.eq(account.as_uuid()))
            .filter(table::id.eq_any(ids))
            .filter(table::read_at.is_null());
        diesel::update(unread)
            .set(table::read_at.eq(now))
            .execute(self.conn())
            .await
            .map_err(storage("mark notifications as read"))?;
        Ok(())
    }

    async fn mark_read_up_to(
        &mut self,
        account: AccountId,
        up_to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let unread = table::table
            .filter(table::account_id.eq(account.as_uuid()))
            .filter(table::created_at.le(up_to))
            .filter(table::read_at.is_null());
        diesel::update(unread)
            .set(table::read_at.eq(now))
            .execute(self.conn())
            .await
            .map_err(storage("mark notifications as read"))?;
        Ok(())
    }

    async fn forget_account(&mut self, account: AccountId) -> Result<(), StorageError> {
        let id = account.as_uuid();
        diesel::delete(table::table.filter(table::account_id.eq(id)))
            .execute(self.conn())
            .await
            .map_err(storage("remove notifications"))?;
        diesel::delete(mails::table.filter(mails::account_id.eq(id)))
            .execute(self.conn())
            .await
            .map_err(storage("remove mails"))?;
        diesel::delete(preferences::table.filter(preferences::account_id.eq(id)))
            .execute(self.conn())
            .await
            .map_err(storage("remove preferences"))?;
        Ok(())
    }
}

#[async_trait]
impl PreferenceRepository for PgTx {
    async fn preferences(&mut self, account: AccountId) -> Result<Preferences, StorageError> {
        let rows: Vec<(String, bool, bool)> = preferences::table
            .filter(preferences::account_id.eq(account.as_uuid()))
            .select((preferences::topic, preferences::in_app, preferences::mail))
            .load(self.conn())
            .await
            .map_err(storage("load preferences"))?;
        let settings: Vec<(Topic, Setting)> = rows
            .into_iter()
            .map(|(name, in_app, mail)| Ok((topic(&name)?, Setting { in_app, mail })))
            .collect::<Result<_, StorageError>>()?;
        Ok(Preferences::from_stored(settings))
    }

    async fn store_preference(
        &mut self,
        account: AccountId,
        topic: Topic,
        setting: Setting,
    ) -> Result<(), StorageError> {
        let columns = (preferences::in_app.eq(setting.in_app), preferences::mail.eq(setting.mail));
        diesel::insert_into(preferences::table)
            .values((
                preferences::account_id.eq(account.as_uuid()),
                preferences::topic.eq(topic.name()),
                preferences::in_app.eq(setting.in_app),
                preferences::mail.eq(setting.mail),
            ))
            .on_conflict((preferences::account_id, preferences::topic))
            .do_update()
            .set(columns)
            .execute(self.conn())
            .await
            .map_err(storage("store a preference"))?;
        Ok(())
    }
}

#[async_trait]
impl NotificationStore for PgStore {
    async fn begin(&self) -> Result<Box<dyn NotificationTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }

    async fn notifications(
        &self,
        account: AccountId,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: Limit,
    ) -> Result<Page<Notification, NotificationPosition>, StorageError> {
        let mut query = table::table
            .filter(table::account_id.eq(account.as_uuid()))
            .order((table::created_at.desc(), table::id.desc()))
            .limit(limit.rows())
            .select(NotificationRow::as_select())
            .into_boxed();
        if unread_only {
            query = query.filter(table::read_at.is_null());
        }
        if let Some(NotificationPosition { at, id }) = after {
            query = query
                .filter(table::created_at.le(at))
                .filter(table::created_at.lt(at).or(table::id.lt(id.as_uuid())));
        }
        let rows: Vec<NotificationRow> =
            query.load(&mut *self.conn().await?).await.map_err(storage("list notifications"))?;
        let notifications: Vec<Notification> =
            rows.into_iter().map(Notification::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_rows(notifications, limit, |last| NotificationPosition {
            at: last.created_at,
            id: last.id,
        }))
    }
}
