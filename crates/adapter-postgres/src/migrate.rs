use std::collections::BTreeSet;
use std::sync::LazyLock;

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use kernel::StorageError;
use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::failure::storage;
use crate::pools::establish;
use crate::{PgStore, job_queue};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Connections that the queue's own migration may use.
const QUEUE_CONNECTIONS: usize = 2;

/// Why the schema could not be brought up to date.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database cannot be reached.
    #[error("cannot connect to the database to migrate it")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A migration failed; what came before it stands.
    #[error("a migration failed: {0}")]
    Failed(String),
    /// The queue's schema could not be brought up to date.
    #[error("the schema of the job queue could not be migrated")]
    Queue(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Brings the schema up to date: ours, then the job queue's. Runs any number of times, also at the
/// same moment in several processes: they wait for one another.
pub async fn migrate(database_url: &str) -> Result<(), MigrationError> {
    let conn = connect(database_url).await?;
    blocking(move || {
        let mut conn: Wrapped = AsyncConnectionWrapper::from(conn);
        lock(&mut conn)?;
        conn.run_pending_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Failed(error.to_string()))?;
        Ok(())
    })
    .await?;
    let database = job_queue(database_url, QUEUE_CONNECTIONS)
        .map_err(|error| MigrationError::Queue(error.into()))?;
    graphile_worker_migrations::migrate(database, "graphile_worker")
        .await
        .map_err(|error| MigrationError::Queue(error.into()))
}

/// The names of migrations that are not applied yet; empty when the schema is up to date.
pub async fn pending_migrations(database_url: &str) -> Result<Vec<String>, MigrationError> {
    let conn = connect(database_url).await?;
    blocking(move || {
        let mut conn: Wrapped = AsyncConnectionWrapper::from(conn);
        let pending = conn
            .pending_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Failed(error.to_string()))?;
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
    .await
}

/// How the schema stands to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaStanding {
    /// It has every migration that the program knows, and no other.
    Current,
    /// It lacks migrations that the program needs.
    Older,
    /// It has migrations of a later program. Migrations expand before they contract, so that this
    /// program still runs on it.
    Newer,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

impl PgStore {
    /// Compares the migrations of the database with those of this program.
    pub async fn schema_standing(&self) -> Result<SchemaStanding, StorageError> {
        static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
            let all: Vec<Box<dyn Migration<Pg>>> =
                MIGRATIONS.migrations().expect("what is embedded can be listed");
            all.iter().map(|migration| migration.name().version().to_string()).collect()
        });
        let applied: Vec<Applied> =
            diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
                .load(&mut *self.conn().await?)
                .await
                .map_err(storage("list the applied migrations"))?;
        let applied: BTreeSet<String> = applied.into_iter().map(|row| row.version).collect();
        Ok(if !KNOWN.is_subset(&applied) {
            SchemaStanding::Older
        } else if applied.len() > KNOWN.len() {
            SchemaStanding::Newer
        } else {
            SchemaStanding::Current
        })
    }
}

/// Diesel's migrations are synchronous and drive a runtime of their own, which may not happen on a
/// thread of ours.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MigrationError> + Send + 'static,
) -> Result<T, MigrationError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| MigrationError::Failed(error.to_string()))?
}

type Wrapped = AsyncConnectionWrapper<AsyncPgConnection>;

async fn connect(url: &str) -> Result<AsyncPgConnection, MigrationError> {
    let endpoint =
        url.parse::<Endpoint>().map_err(|error| MigrationError::Connect(error.into()))?;
    establish(endpoint).await.map_err(|error| MigrationError::Connect(error.into()))
}

/// Two processes that start at once must not both migrate. Released with the connection.
fn lock(conn: &mut Wrapped) -> Result<(), MigrationError> {
    use diesel::connection::SimpleConnection;
    conn.batch_execute(
        "SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock(7262517316)",
    )
    .map_err(|error| MigrationError::Failed(error.to_string()))
}
