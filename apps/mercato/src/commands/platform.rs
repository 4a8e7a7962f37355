//! What `serve`, `worker` and the other commands that touch data start with.

use std::sync::Arc;

use anyhow::bail;
use kernel::{Clock, SystemClock};

use super::database::Database;
use crate::clock::Simulation;
use crate::config::Settings;
use crate::wiring::{self, Foundation, Services};

/// A database that is up to date, the time, and the use cases on top of them.
pub(super) struct Platform {
    pub(super) database: Database,
    pub(super) foundation: Foundation,
    pub(super) services: Services,
}

impl Platform {
    pub(super) async fn start(settings: &Settings, simulate: bool) -> anyhow::Result<Self> {
        if simulate && settings.is_production() {
            bail!("--simulate is not for production: time there is real");
        }
        let database = Database::open(settings).await?;
        database.bring_up_to_date(settings).await?;
        let store = Arc::new(wiring::open_store(settings, &database.url)?);
        let simulation = if simulate {
            Some(Arc::new(Simulation::start(Arc::clone(&store)).await?))
        } else {
            // Its deadlines were set by a clock that is ahead of ours.
            if store.simulated_time().await?.is_some() {
                bail!("the time of this database is simulated; start with --simulate");
            }
            None
        };
        let clock: Arc<dyn Clock> = match &simulation {
            Some(simulation) => simulation.clock(),
            None => Arc::new(SystemClock),
        };
        let foundation = Foundation { simulation, ..Foundation::new(store, clock) };
        let foundation = foundation.with_gateways(settings)?;
        let services = Services::new(settings, &foundation)?;
        services.declare_profile().await?;
        Ok(Self { database, foundation, services })
    }

    /// The same for a look: changes nothing, and takes time as it is found.
    pub(super) async fn look(settings: &Settings) -> anyhow::Result<Self> {
        let database = Database::open(settings).await?;
        let store = Arc::new(wiring::open_store(settings, &database.url)?);
        let foundation = Foundation::new(store, Arc::new(SystemClock)).with_gateways(settings)?;
        let services = Services::new(settings, &foundation)?;
        Ok(Self { database, foundation, services })
    }

    /// Lets go of the database; a private PostgreSQL stops.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        if let Some(simulation) = &self.services.simulation {
            simulation.stop();
        }
        self.database.close().await
    }
}
