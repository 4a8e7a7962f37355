use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use identity::{AuditFilter, AuditReader, AuditRecord};
use kernel::{AccountId, Limit, Page, StorageError};
use serde_json::Value;
use uuid::Uuid;

use crate::PgStore;
use crate::failure::storage;
use crate::schema::platform::audit_log as table;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = table)]
struct AuditRow {
    id: i64,
    actor_id: Option<Uuid>,
    action: String,
    command: String,
    object: String,
    before: Value,
    after: Value,
    reason: Option<String>,
    request_id: Option<String>,
    at: DateTime<Utc>,
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        let AuditRow {
            id,
            actor_id,
            action,
            command,
            object,
            before,
            after,
            reason,
            request_id,
            at,
        } = row;
        let actor = actor_id.map(AccountId::from_uuid);
        Self { id, actor, action, command, object, before, after, reason, request_id, at }
    }
}

#[async_trait]
impl AuditReader for PgStore {
    async fn list_audit_records(
        &self,
        filter: &AuditFilter,
        below: Option<i64>,
        limit: Limit,
    ) -> Result<Page<AuditRecord, i64>, StorageError> {
        let AuditFilter { actor, object, action, request_id, from, before } = filter;
        let mut query = table::table.select(AuditRow::as_select()).into_boxed();
        if let Some(actor) = actor {
            query = query.filter(table::actor_id.eq(actor.as_uuid()));
        }
        if let Some(object) = object {
            query = query.filter(table::object.eq(object));
        }
        if let Some(action) = action {
            query = query.filter(table::action.eq(action.name()));
        }
        if let Some(request_id) = request_id {
            query = query.filter(table::request_id.eq(request_id));
        }
        if let Some(from) = *from {
            query = query.filter(table::at.ge(from));
        }
        if let Some(before) = *before {
            query = query.filter(table::at.lt(before));
        }
        if let Some(below) = below {
            query = query.filter(table::id.lt(below));
        }
        let rows: Vec<AuditRow> = query
            .order(table::id.desc())
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("read the audit log"))?;
        let records = rows.into_iter().map(AuditRecord::from).collect();
        Ok(Page::from_rows(records, limit, |record| record.id))
    }
}
