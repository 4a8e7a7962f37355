use async_trait::async_trait;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use kernel::{StorageError, Timer, Timers};

use crate::PgTx;
use crate::failure::storage;
use crate::schema::platform::timers;

#[async_trait]
impl Timers for PgTx {
    async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError> {
        diesel::insert_into(timers::table)
            .values((
                timers::kind.eq(timer.kind),
                timers::subject.eq(&timer.subject),
                timers::due_at.eq(timer.due_at),
            ))
            .on_conflict((timers::subject, timers::kind))
            .do_update()
            .set(timers::due_at.eq(excluded(timers::due_at)))
            .execute(self.conn())
            .await
            .map_err(storage("set a timer"))?;
        Ok(())
    }

    async fn clear_timer(&mut self, kind: &'static str, subject: &str) -> Result<(), StorageError> {
        diesel::delete(timers::table.find((subject, kind)))
            .execute(self.conn())
            .await
            .map_err(storage("clear a timer"))?;
        Ok(())
    }
}
