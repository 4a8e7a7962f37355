use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{StorageError, Timer, Timers};

use crate::PgTx;
use crate::failure::storage;
use crate::schema::platform::timers;
use crate::statement::Statement;

#[async_trait]
impl Timers for PgTx {
    async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError> {
        let mut st = Statement::<()>::new();
        st.sql("INSERT INTO timers (kind, subject, due_at) VALUES (").bind(timer.kind.to_owned());
        st.sql(", ").bind(timer.subject.clone()).sql(", ").bind(timer.due_at);
        st.sql(") ON CONFLICT (subject, kind) DO UPDATE SET due_at = excluded.due_at");
        st.execute(self.conn()).await.map_err(storage("set a timer"))?;
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
