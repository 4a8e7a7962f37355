//! Puts the services together from their adapters. The only place that knows them all.

use std::sync::Arc;

use adapter_postgres::PgStore;
use anyhow::Context;
use kernel::{Clock, Ids, Random, SystemIds, SystemRandom};

use crate::config::Settings;

/// What every service stands on.
#[derive(Debug, Clone)]
pub struct Foundation {
    /// The database.
    pub store: Arc<PgStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Secrets.
    pub random: Arc<dyn Random>,
}

impl Foundation {
    /// The parts of a running marketplace: the system's ids and randomness, and the time it is told.
    pub fn new(store: Arc<PgStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, ids: Arc::new(SystemIds), random: Arc::new(SystemRandom) }
    }
}

/// Which jobs an event becomes: the handlers of its name.
pub fn subscriptions(event: &str) -> &'static [&'static str] {
    let _ = event;
    &[]
}

/// The use cases of all domains.
#[derive(Debug, Clone)]
pub struct Services {
    /// The database itself, for health and jobs.
    pub store: Arc<PgStore>,
}

impl Services {
    /// Wires everything.
    ///
    /// # Errors
    ///
    /// When a part cannot be made from the settings, such as a key that is none.
    pub fn new(settings: &Settings, foundation: &Foundation) -> anyhow::Result<Self> {
        let _ = settings.profile.as_str();
        Ok(Self { store: Arc::clone(&foundation.store) })
    }
}

/// Opens the pools that the settings describe.
pub fn open_store(settings: &Settings, database_url: &str) -> anyhow::Result<PgStore> {
    use std::time::Duration;
    let database = &settings.database;
    let settings = adapter_postgres::Settings {
        url: database_url.to_owned(),
        connections: database.connections,
        search_connections: database.search_connections,
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        lock_timeout: Duration::from_millis(database.lock_timeout_ms),
        idle_in_transaction_timeout: Duration::from_millis(database.idle_in_transaction_timeout_ms),
        checkout_timeout: Duration::from_millis(database.checkout_timeout_ms),
    };
    PgStore::connect(&settings, subscriptions).context("cannot prepare the database's pools")
}
