use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use catalog::media::StorageQuota;
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Object;
use kernel::{Ids, StorageError, SystemIds};

use crate::PgTx;
use crate::billing::{Billing, BillingParts};
use crate::catalog::TaxonomyCache;
use crate::platform::{JobPolicies, JobPolicy};
use crate::pools::Pools;

/// How sessions for searches differ from others. A search's best plan depends on its values; a plan
/// made for any value reads far too much. Workers and compilation help a single query on an idle
/// machine, not many on a busy one.
pub const SEARCH_SESSION: [(&str, &str); 3] = [
    ("plan_cache_mode", "force_custom_plan"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A libpq-style URL or key-value string; `host` may be a folder with a Unix socket. With
    /// `sslmode=require` (or `verify-full`) in TLS, by the roots of `sslrootcert`, else those that
    /// browsers trust.
    pub url: String,
    /// Connections for everything but searches.
    pub connections: usize,
    /// Connections for searches, which are planned anew for every query.
    pub search_connections: usize,
    /// Over how many runtimes the connections are spread. A connection is driven where it was opened:
    /// asked from the thread of another runtime, every message of it wakes two threads.
    pub runtimes: usize,
    /// The longest a statement may take.
    pub statement_timeout: Duration,
    /// The longest a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// The longest a transaction may lie idle before PostgreSQL ends it.
    pub idle_in_transaction_timeout: Duration,
    /// The longest a request waits for a free connection.
    pub checkout_timeout: Duration,
}

impl Settings {
    /// The defaults, for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 16,
            search_connections: 8,
            runtimes: 1,
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            idle_in_transaction_timeout: Duration::from_secs(10),
            checkout_timeout: Duration::from_secs(5),
        }
    }
}

/// Which handlers an event goes to, by its name: the names of their jobs.
pub type Subscriptions = fn(&str) -> &'static [&'static str];

/// The trace of the work that is under way, if there is one: a `traceparent` (W3C Trace Context).
pub type Cause = fn() -> Option<String>;

/// Opens transactions, and answers reads that need none.
#[derive(Clone)]
pub struct PgStore {
    pools: Pools,
    search_pools: Pools,
    subscriptions: Subscriptions,
    policies: JobPolicies,
    quota: StorageQuota,
    ids: Arc<dyn Ids>,
    cause: Cause,
    taxonomy: Arc<TaxonomyCache>,
    billing: BillingParts,
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").field("pools", &self.pools).finish_non_exhaustive()
    }
}

impl PgStore {
    /// Prepares the pools; connections are made when first needed.
    pub fn connect(
        settings: &Settings,
        subscriptions: Subscriptions,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            pools: Pools::new(settings, settings.connections, "mercato", &[])?,
            search_pools: Pools::new(
                settings,
                settings.search_connections,
                "mercato-search",
                &SEARCH_SESSION,
            )?,
            subscriptions,
            policies: |_| JobPolicy::default(),
            quota: StorageQuota::default(),
            ids: Arc::new(SystemIds),
            cause: || None,
            taxonomy: Arc::default(),
            billing: BillingParts::default(),
        })
    }

    /// The same, where the jobs of an event belong to the trace of what made it happen.
    #[must_use]
    pub fn with_cause(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// The same, where not every kind of job is treated alike.
    #[must_use]
    pub fn with_job_policies(self, policies: JobPolicies) -> Self {
        Self { policies, ..self }
    }

    /// The same, where the files of an account may have so many bytes; without it, any number.
    #[must_use]
    pub fn with_media_quota(self, quota: StorageQuota) -> Self {
        Self { quota, ..self }
    }

    pub(crate) const fn media_quota(&self) -> StorageQuota {
        self.quota
    }

    pub(crate) fn job_policy(&self, identifier: &str) -> JobPolicy {
        (self.policies)(identifier)
    }

    /// The same store for a marketplace that takes money: without it no card is kept, and bookings
    /// are paid for between their two sides.
    #[must_use]
    pub fn with_billing(self, billing: Billing) -> Self {
        Self { billing: billing.into(), ..self }
    }

    /// Opens a transaction.
    pub async fn open(&self) -> Result<PgTx, StorageError> {
        let (subscriptions, policies) = (self.subscriptions, self.policies);
        let (ids, cause, billing) = (Arc::clone(&self.ids), self.cause, self.billing.clone());
        let conn = self.conn().await?;
        PgTx::begin(conn, subscriptions, policies, self.quota, ids, cause, billing).await
    }

    /// What the store was told for billing.
    pub(crate) const fn billing(&self) -> &BillingParts {
        &self.billing
    }

    /// The time, by the clock of the marketplace.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.billing.clock.now()
    }

    /// A connection for reads and for single statements.
    pub(crate) async fn conn(&self) -> Result<Object<AsyncPgConnection>, StorageError> {
        self.pools.get().await
    }

    /// A connection for searches.
    pub(crate) async fn search_conn(&self) -> Result<Object<AsyncPgConnection>, StorageError> {
        self.search_pools.get().await
    }

    /// The listing types and categories as they were read last.
    pub(crate) fn taxonomy_cache(&self) -> &TaxonomyCache {
        &self.taxonomy
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        use diesel_async::SimpleAsyncConnection;
        let mut conn = self.conn().await?;
        conn.batch_execute("SELECT 1").await.map_err(crate::failure::storage("ping"))
    }
}
