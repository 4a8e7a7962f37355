//! Puts the services together from their adapters. The only place that knows them all.

use std::sync::Arc;

use adapter_postgres::PgStore;
use anyhow::Context;
use kernel::{Clock, Ids, Random, SystemIds, SystemRandom};

use crate::clock::Simulation;
use crate::config::Settings;
use crate::jobs;

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
    /// What moves the time, where it is simulated.
    pub simulation: Option<Arc<Simulation>>,
}

impl Foundation {
    /// The parts of a running marketplace: the system's ids and randomness, and the time it is told.
    pub fn new(store: Arc<PgStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            ids: Arc::new(SystemIds),
            random: Arc::new(SystemRandom),
            simulation: None,
        }
    }
}

/// The use cases of all domains.
#[derive(Debug, Clone)]
pub struct Services {
    /// The database itself, for health and jobs.
    pub store: Arc<PgStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What moves the time, where it is simulated.
    pub simulation: Option<Arc<Simulation>>,
}

impl Services {
    /// Wires everything.
    ///
    /// # Errors
    ///
    /// When a part cannot be made from the settings, such as a key that is none.
    pub fn new(settings: &Settings, foundation: &Foundation) -> anyhow::Result<Self> {
        let _ = settings.profile.as_str();
        Ok(Self {
            store: Arc::clone(&foundation.store),
            clock: Arc::clone(&foundation.clock),
            simulation: foundation.simulation.clone(),
        })
    }
}

/// Opens the pools that the settings describe.
pub fn open_store(settings: &Settings, database_url: &str) -> anyhow::Result<PgStore> {
    PgStore::connect(&settings.database.pools(database_url), jobs::subscribers)
        .context("cannot prepare the database's pools")
}
