use async_trait::async_trait;
use billing::{Account, Journal, LedgerRepository, Posted};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kernel::{Currency, Ids, Money, StorageError};

use super::row::{JournalRow, posting_rows};
use crate::PgTx;
use crate::failure::storage;
use crate::schema::billing::{ledger_journals, ledger_postings};

#[derive(QueryableByName)]
struct Balance {
    #[diesel(sql_type = Nullable<BigInt>)]
    balance: Option<i64>,
}

#[async_trait]
impl LedgerRepository for PgTx {
    async fn post_journal(&mut self, journal: &Journal) -> Result<Posted, StorageError> {
        // Whoever posts the same fact at the same time waits here for the other to end.
        let inserted = diesel::insert_into(ledger_journals::table)
            .values(JournalRow::from(journal))
            .on_conflict(ledger_journals::reference)
            .do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("post a journal"))?;
        if inserted == 0 {
            return Ok(Posted::Before);
        }
        let rows = posting_rows(journal, || Ids::next(self.ids()));
        diesel::insert_into(ledger_postings::table)
            .values(rows)
            .execute(self.conn())
            .await
            .map_err(storage("post the lines of a journal"))?;
        Ok(Posted::New)
    }

    async fn balance_for_update(
        &mut self,
        account: Account,
        currency: Currency,
    ) -> Result<Money, StorageError> {
        // Balances move at the end of a transaction: those of this one now, to be seen.
        self.conn()
            .batch_execute(
                "SET CONSTRAINTS ledger_journals_counted IMMEDIATE; \
                 SET CONSTRAINTS ledger_journals_counted DEFERRED",
            )
            .await
            .map_err(storage("count balances"))?;
        // All that its owner has, in the order in which everybody locks, so that one who begins
        // with the reserve and one who begins with what is payable do not wait for one another.
        let locked: Balance = diesel::sql_query(
            "WITH locked AS MATERIALIZED (\
                 SELECT account_kind, balance_minor FROM ledger_balances \
                 WHERE owner = $1 AND currency = $3 ORDER BY account_kind FOR UPDATE) \
             SELECT (SELECT balance_minor FROM locked WHERE account_kind = $2) AS balance",
        )
        .bind::<Text, _>(account.owner())
        .bind::<Text, _>(account.kind().name())
        .bind::<Text, _>(currency.code())
        .get_result(self.conn())
        .await
        .map_err(storage("lock a balance"))?;
        Ok(Money::new(locked.balance.unwrap_or(0), currency))
    }
}
