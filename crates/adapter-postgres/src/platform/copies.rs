//! Rows made from others by the hundred: for demonstrations that are to be large. Whatever a row
//! has that is not said to differ is its model's, so that a copy is as valid as its model.

use diesel_async::RunQueryDsl;
use kernel::{StorageError, UnitOfWork};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::storage;
use crate::statement::Statement;
use crate::{PgStore, PgTx};

/// A row that is like another but for some columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowCopy {
    /// The id of the row that it is like.
    pub model: Uuid,
    /// The columns that differ, as an object: the id at least.
    pub differs: Value,
}

/// What a row is of. Each brings along what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopiedTable {
    /// Accounts.
    Accounts,
    /// Providers, with their opening hours.
    Providers,
    /// Listings without pictures, with the prices that were approved.
    Listings,
}

impl CopiedTable {
    const fn insert(self) -> &'static str {
        match self {
            Self::Accounts => "INSERT INTO accounts SELECT made.* ",
            Self::Providers => "INSERT INTO providers SELECT made.* ",
            Self::Listings => "INSERT INTO listings SELECT made.* ",
        }
    }

    const fn models(self) -> &'static str {
        match self {
            Self::Accounts => " JOIN accounts whole ON whole.id = c.model ",
            Self::Providers => " JOIN providers whole ON whole.id = c.model ",
            Self::Listings => " JOIN listings whole ON whole.id = c.model ",
        }
    }

    /// What goes with the rows.
    const fn also(self) -> Option<&'static str> {
        match self {
            Self::Accounts => None,
            Self::Providers => Some(
                "INSERT INTO availabilities (provider_id, rules, updated_at) \
                 SELECT (c.differs ->> 'id')::uuid, a.rules, a.updated_at FROM copies c \
                 JOIN availabilities a ON a.provider_id = c.model",
            ),
            Self::Listings => Some(
                "INSERT INTO approved_prices (listing_id, price_minor, currency) \
                 SELECT l.id, l.price_minor, l.currency FROM copies c \
                 JOIN listings l ON l.id = (c.differs ->> 'id')::uuid \
                 WHERE l.price_minor IS NOT NULL",
            ),
        }
    }
}

impl PgStore {
    /// Writes copies, all of them or none, in one statement. Some hundreds are best.
    pub async fn copy_rows(
        &self,
        table: CopiedTable,
        copies: &[RowCopy],
    ) -> Result<(), StorageError> {
        let mut tx = self.open().await?;
        let mut st = Statement::<()>::new();
        st.sql(table.insert());
        with_copies(&mut st, copies).sql(table.models());
        st.sql("CROSS JOIN LATERAL jsonb_populate_record(whole, c.differs) made");
        write(&mut tx, st).await?;
        if let Some(also) = table.also() {
            let mut st = Statement::<()>::new();
            st.sql("WITH copies AS MATERIALIZED (SELECT * ");
            with_copies(&mut st, copies).sql(") ").sql(also);
            write(&mut tx, st).await?;
        }
        Box::new(tx).commit().await
    }
}

fn with_copies<'s>(st: &'s mut Statement<()>, copies: &[RowCopy]) -> &'s mut Statement<()> {
    st.sql("FROM jsonb_to_recordset(").bind(json!(copies));
    st.sql(") c (model uuid, differs jsonb)")
}

async fn write(tx: &mut PgTx, st: Statement<()>) -> Result<(), StorageError> {
    st.execute(tx.conn()).await.map_err(storage("write copies"))?;
    Ok(())
}
