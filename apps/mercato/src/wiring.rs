//! Puts the services together from their adapters. The only place that knows them all.

use std::sync::Arc;

use adapter_postgres::PgStore;
use kernel::{Clock, Ids, Random};

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

/// The use cases of all domains.
#[derive(Debug, Clone)]
pub struct Services {
    /// The database itself, for health and jobs.
    pub store: Arc<PgStore>,
}

impl Services {
    /// Wires everything.
    pub fn new(foundation: &Foundation) -> Self {
        Self { store: Arc::clone(&foundation.store) }
    }
}
