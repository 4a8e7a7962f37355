use diesel::Connection;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use graphile_worker::Database;
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use thiserror::Error;

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
    let url = database_url.to_owned();
    blocking(move || {
        let mut conn = establish(&url)?;
        lock(&mut conn)?;
        conn.run_pending_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Failed(error.to_string()))?;
        Ok(())
    })
    .await?;
    let database = TokioPostgresDatabase::from_url(database_url, QUEUE_CONNECTIONS)
        .map_err(|error| MigrationError::Queue(error.into()))?;
    graphile_worker_migrations::migrate(Database::new(database), "graphile_worker")
        .await
        .map_err(|error| MigrationError::Queue(error.into()))
}

/// The names of migrations that are not applied yet; empty when the schema is up to date.
pub async fn pending_migrations(database_url: &str) -> Result<Vec<String>, MigrationError> {
    let url = database_url.to_owned();
    blocking(move || {
        let mut conn = establish(&url)?;
        let pending = conn
            .pending_migrations(MIGRATIONS)
            .map_err(|error| MigrationError::Failed(error.to_string()))?;
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
    .await
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

fn establish(url: &str) -> Result<AsyncConnectionWrapper<AsyncPgConnection>, MigrationError> {
    AsyncConnectionWrapper::<AsyncPgConnection>::establish(url)
        .map_err(|error| MigrationError::Connect(Box::new(error)))
}

/// Two processes that start at once must not both migrate. Released with the connection.
fn lock(conn: &mut AsyncConnectionWrapper<AsyncPgConnection>) -> Result<(), MigrationError> {
    use diesel::connection::SimpleConnection;
    conn.batch_execute(
        "SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock(7262517316)",
    )
    .map_err(|error| MigrationError::Failed(error.to_string()))
}
