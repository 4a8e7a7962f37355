//! The whole ledger is added up again, by the database.

use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kernel::StorageError;

use crate::PgStore;
use crate::failure::storage;

#[derive(diesel::QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    finding: String,
}

/// A journal whose lines do not add up to nothing in a currency, or has none.
const UNBALANCED: &str = "
    SELECT format('journal %s (%s) is off by %s %s', j.id, j.reference, sum(p.amount_minor),
        p.currency) AS finding
    FROM ledger_journals j JOIN ledger_postings p ON p.journal_id = j.id
    GROUP BY j.id, j.reference, p.currency HAVING sum(p.amount_minor) <> 0
    UNION ALL
    SELECT format('journal %s (%s) has no lines', j.id, j.reference)
    FROM ledger_journals j
    WHERE NOT EXISTS (SELECT FROM ledger_postings p WHERE p.journal_id = j.id)
    LIMIT 1000";

/// A balance that is not what its lines add up to.
const WRONG_BALANCES: &str = "
    SELECT format('%s/%s holds %s %s, but its lines add up to %s',
        coalesce(b.account_kind, c.account_kind), coalesce(b.owner, c.owner),
        coalesce(b.balance_minor, 0), coalesce(b.currency, c.currency),
        coalesce(c.counted, 0)) AS finding
    FROM ledger_balances b
    FULL JOIN (
        SELECT account_kind, owner, currency, sum(amount_minor) AS counted
        FROM ledger_postings GROUP BY account_kind, owner, currency
    ) c ON (c.account_kind, c.owner, c.currency) = (b.account_kind, b.owner, b.currency)
    WHERE coalesce(b.balance_minor, 0) <> coalesce(c.counted, 0)
    LIMIT 1000";

/// A payment whose sums are not what the ledger says of it.
const WRONG_PAYMENTS: &str = "
    SELECT format('payment %s took %s and gave back %s, but the ledger says %s and %s', y.id,
        y.captured_minor, y.refunded_minor, coalesce(l.captured, 0), coalesce(l.refunded, 0))
        AS finding
    FROM payments y
    LEFT JOIN (
        SELECT j.payment_id,
            sum(p.amount_minor) FILTER (WHERE p.account_kind = 'gateway_clearing') AS captured,
            -sum(p.amount_minor) FILTER (WHERE p.account_kind = 'refunds') AS refunded
        FROM ledger_journals j JOIN ledger_postings p ON p.journal_id = j.id
        WHERE j.payment_id IS NOT NULL AND j.fact IN ('capture', 'refund')
        GROUP BY j.payment_id
    ) l ON l.payment_id = y.id
    WHERE y.captured_minor <> coalesce(l.captured, 0)
        OR y.refunded_minor <> coalesce(l.refunded, 0)
    LIMIT 1000";

impl PgStore {
    /// Adds the ledger up again and compares it with its balances and with the payments. Empty if
    /// all is well; else a sentence for each difference, at most a thousand of a kind.
    pub async fn ledger_findings(&self) -> Result<Vec<String>, StorageError> {
        let mut tx = self.open().await?;
        // One moment for all of it, however long it takes.
        let patient = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                       SET LOCAL statement_timeout = 0";
        tx.conn().batch_execute(patient).await.map_err(storage("look at the ledger"))?;
        let mut findings = Vec::new();
        for query in [UNBALANCED, WRONG_BALANCES, WRONG_PAYMENTS] {
            let found: Vec<Finding> = diesel::sql_query(query)
                .load(tx.conn())
                .await
                .map_err(storage("add the ledger up"))?;
            findings.extend(found.into_iter().map(|it| it.finding));
        }
        Ok(findings)
    }
}
