//! The time: the wall clock's, or a simulated one that every process reads from the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use access::{Action, Actor, AuditEntry, AuditLog};
use adapter_postgres::PgStore;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, StorageError, SystemClock, UnitOfWork};
use serde_json::json;
use tokio::task::JoinHandle;

/// How long another process may not know that time was moved.
const REFRESH: Duration = Duration::from_millis(100);

/// A clock that runs as the wall's does, but ahead of it.
#[derive(Debug, Default)]
pub struct SimulatedClock {
    ahead_micros: AtomicI64,
}

impl SimulatedClock {
    fn set(&self, ahead: TimeDelta) {
        let micros = ahead.num_microseconds().unwrap_or(i64::MAX);
        // Time never runs backwards, even if an older answer arrives late.
        self.ahead_micros.fetch_max(micros, Ordering::AcqRel);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::microseconds(self.ahead_micros.load(Ordering::Acquire))
    }
}

/// Simulated time of a whole deployment: one row in its database, which every process follows.
#[derive(Debug)]
pub struct Simulation {
    store: Arc<PgStore>,
    clock: Arc<SimulatedClock>,
    follower: JoinHandle<()>,
}

impl Simulation {
    /// Turns this database's time into simulated time, or goes on with it.
    pub async fn start(store: Arc<PgStore>) -> Result<Self, StorageError> {
        let clock = Arc::new(SimulatedClock::default());
        clock.set(store.start_simulation().await?);
        let follower = tokio::spawn(follow(Arc::clone(&store), Arc::clone(&clock)));
        Ok(Self { store, clock, follower })
    }

    /// The clock, for everything that asks for the time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::<SimulatedClock>::clone(&self.clock)
    }

    /// Stops following the database's time, before the database goes.
    pub fn stop(&self) {
        self.follower.abort();
    }

    /// Moves time forward, for every process, and tells what time it is then.
    pub async fn advance(
        &self,
        actor: &Actor,
        by: TimeDelta,
    ) -> Result<DateTime<Utc>, StorageError> {
        let before = self.clock.now();
        if let Some(ahead) = self.store.advance_simulated_time(by).await? {
            self.clock.set(ahead);
        }
        let now = self.clock.now();
        let entry = AuditEntry::new(actor, Action::ClockAdvance, "advance", &"clock", now)
            .changed(json!({ "now": before }), json!({ "now": now }));
        let mut tx = self.store.open().await?;
        tx.record_audit(&entry).await?;
        Box::new(tx).commit().await?;
        Ok(now)
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn follow(store: Arc<PgStore>, clock: Arc<SimulatedClock>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        match store.simulated_time().await {
            Ok(ahead) => clock.set(ahead.unwrap_or_default()),
            Err(error) => tracing::warn!(%error, "simulated time cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_time_is_ahead_and_never_runs_backwards() {
        let clock = SimulatedClock::default();
        clock.set(TimeDelta::days(3));
        let ahead = clock.now() - SystemClock.now();
        assert!(ahead > TimeDelta::hours(71), "{ahead}");

        clock.set(TimeDelta::days(1));
        assert!(clock.now() - SystemClock.now() > TimeDelta::hours(71));
    }
}
