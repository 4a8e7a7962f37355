use access::{AuditEntry, AuditLog};
use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, StorageError};

use crate::PgTx;
use crate::failure::storage;
use crate::schema::platform::audit_log;

#[async_trait]
impl AuditLog for PgTx {
    async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        diesel::insert_into(audit_log::table)
            .values((
                audit_log::actor_id.eq(entry.actor.map(AccountId::as_uuid)),
                audit_log::action.eq(entry.action.name()),
                audit_log::command.eq(entry.command),
                audit_log::object.eq(&entry.object),
                audit_log::before.eq(&entry.before),
                audit_log::after.eq(&entry.after),
                audit_log::reason.eq(entry.reason.as_deref()),
                audit_log::request_id.eq(entry.request_id.as_deref()),
                audit_log::at.eq(entry.at),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("write to the audit log"))?;
        Ok(())
    }
}
