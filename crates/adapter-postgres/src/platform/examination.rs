//! What an operator's examination asks.

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel_async::RunQueryDsl;
use kernel::StorageError;

use crate::PgStore;
use crate::failure::storage;

/// What the server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct ServerFacts {
    /// As PostgreSQL counts: 150004 is 15.4.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// Connections it takes.
    #[diesel(sql_type = Integer)]
    pub max_connections: i32,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    key: String,
}

impl PgStore {
    /// What the server says of itself.
    pub async fn server_facts(&self) -> Result<ServerFacts, StorageError> {
        diesel::sql_query(
            "SELECT current_setting('server_version_num')::int AS version, \
                    current_setting('max_connections')::int AS max_connections",
        )
        .get_result(&mut *self.conn().await?)
        .await
        .map_err(storage("ask the server about itself"))
    }

    /// The keys of all files that are to be there.
    pub async fn named_objects(&self) -> Result<Vec<String>, StorageError> {
        let rows: Vec<Named> =
            diesel::sql_query("SELECT key FROM media_objects WHERE state = 'attached'")
                .load(&mut *self.conn().await?)
                .await
                .map_err(storage("list the files that are to be there"))?;
        Ok(rows.into_iter().map(|row| row.key).collect())
    }
}
