use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use catalog::media::StorageQuota;
use chrono::{DateTime, Utc};
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use kernel::{Ids, StorageError, UnitOfWork};
use tokio::time::timeout;

use crate::billing::BillingParts;
use crate::failure::storage;
use crate::platform::{JobPolicies, JobPolicy};
use crate::store::{Cause, Subscriptions};

/// How long a rollback may take: a server that does not answer must not keep the connection's place
/// in the pool.
const PATIENCE: Duration = Duration::from_secs(5);

/// One open transaction: the repository of every domain.
pub struct PgTx {
    /// `None` once committed.
    conn: Option<Object<AsyncPgConnection>>,
    subscriptions: Subscriptions,
    policies: JobPolicies,
    quota: StorageQuota,
    ids: Arc<dyn Ids>,
    billing: BillingParts,
    cause: Cause,
    /// Measures it, where transactions are traced; ends with it.
    span: tracing::Span,
}

impl fmt::Debug for PgTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTx").field("open", &self.conn.is_some()).finish_non_exhaustive()
    }
}

impl PgTx {
    pub(crate) async fn begin(
        conn: Object<AsyncPgConnection>,
        subscriptions: Subscriptions,
        policies: JobPolicies,
        quota: StorageQuota,
        ids: Arc<dyn Ids>,
        cause: Cause,
        billing: BillingParts,
    ) -> Result<Self, StorageError> {
        // From here on the guard owns the connection: a request that is given up between BEGIN and
        // its answer rolls back like any other.
        let span = tracing::info_span!(
            target: "traces",
            "transaction",
            otel.kind = "client",
            db.system.name = "postgresql",
            committed = tracing::field::Empty,
        );
        let mut tx =
            Self { conn: Some(conn), subscriptions, policies, quota, ids, cause, billing, span };
        tx.conn().batch_execute("BEGIN").await.map_err(storage("begin a transaction"))?;
        Ok(tx)
    }

    pub(crate) fn conn(&mut self) -> &mut AsyncPgConnection {
        self.conn.as_mut().expect("only commit takes the connection, and it takes the transaction")
    }

    /// The handlers of an event, by its name.
    pub(crate) fn subscribers(&self, event: &str) -> &'static [&'static str] {
        (self.subscriptions)(event)
    }

    /// How many bytes the files of an account may have.
    pub(crate) const fn media_quota(&self) -> StorageQuota {
        self.quota
    }

    /// How a kind of job is treated.
    pub(crate) fn job_policy(&self, identifier: &str) -> JobPolicy {
        (self.policies)(identifier)
    }

    /// The trace of the work that is under way.
    pub(crate) fn cause(&self) -> Option<String> {
        (self.cause)()
    }

    pub(crate) fn ids(&self) -> &dyn Ids {
        &*self.ids
    }

    /// The same, to keep while the transaction is worked with.
    pub(crate) fn shared_ids(&self) -> Arc<dyn Ids> {
        Arc::clone(&self.ids)
    }

    /// The time, by the clock of the marketplace.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.billing.clock.now()
    }

    /// What the store was told for billing.
    pub(crate) const fn billing(&self) -> &BillingParts {
        &self.billing
    }
}

#[async_trait]
impl UnitOfWork for PgTx {
    async fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        // After a failed statement PostgreSQL turns COMMIT into a rollback without an error; any
        // other statement tells, and in one message with COMMIT it costs no round trip.
        self.conn()
            .batch_execute("SELECT 1; COMMIT")
            .await
            .map_err(storage("commit a transaction"))?;
        self.conn.take();
        self.span.record("committed", true);
        Ok(())
    }
}

impl Drop for PgTx {
    /// Rolls an abandoned transaction back at once and returns its connection; closes the
    /// connection if that fails. Returned as it is, it would keep its locks until the next
    /// checkout; closed always, every refusal would cost a new connection.
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    let undone = timeout(PATIENCE, conn.batch_execute("ROLLBACK")).await;
                    if !matches!(undone, Ok(Ok(()))) {
                        drop(Object::take(conn));
                    }
                });
            }
            Err(_) => drop(Object::take(conn)),
        }
    }
}
