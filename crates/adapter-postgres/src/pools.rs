//! Connections, kept apart by the runtime that asks for them.
//!
//! A web server has a runtime for each of its threads. A connection is driven by a task of the runtime
//! that opened it, so each runtime has connections of its own, and borrows only when those are in use.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool::managed::{TimeoutType, Timeouts};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use futures_util::FutureExt;
use kernel::StorageError;
use tokio::runtime::{Handle, Id};

use crate::Settings;
use crate::endpoint::Endpoint;
use crate::failure::{failed, unavailable};

type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;

/// Pools for one purpose.
#[derive(Clone)]
pub(crate) struct Pools {
    parts: Arc<[Pool<AsyncPgConnection>]>,
    /// The runtimes in the order in which they first asked. The n-th has the n-th part, and those that
    /// are too many share.
    runtimes: Arc<RwLock<Vec<Id>>>,
    timeouts: Timeouts,
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts.iter().map(Pool::status);
        f.debug_list().entries(parts).finish()
    }
}

impl Pools {
    /// Prepares `size` connections; they are opened when first needed.
    pub(crate) fn new(
        settings: &Settings,
        size: usize,
        name: &str,
        session: &[(&str, &str)],
    ) -> Result<Self, StorageError> {
        let timeouts = Timeouts {
            wait: Some(settings.checkout_timeout),
            create: Some(settings.checkout_timeout),
            recycle: Some(settings.checkout_timeout),
        };
        let count = settings.runtimes.clamp(1, size.max(1));
        let part = |at: usize| {
            Pool::builder(manager(settings, name, session)?)
                .max_size(size / count + usize::from(at < size % count))
                .runtime(deadpool::Runtime::Tokio1)
                .timeouts(timeouts)
                .build()
                .map_err(|error| failed("build a pool", error))
        };
        let parts = (0..count).map(part).collect::<Result<_, StorageError>>()?;
        Ok(Self { parts, runtimes: Arc::default(), timeouts })
    }

    /// A connection that no one else uses: one of this runtime's, or another's if those are in use. Where
    /// all are, the first of this runtime's own that comes back.
    pub(crate) async fn get(&self) -> Result<Object<AsyncPgConnection>, StorageError> {
        let own = self.own_part();
        let (after, before) = (&self.parts[own..], &self.parts[..own]);
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..self.timeouts };
        for part in after.iter().chain(before) {
            match part.timeout_get(&at_once).await {
                Err(PoolError::Timeout(TimeoutType::Wait)) => {}
                answer => return answer.map_err(|error| unavailable("get a connection", error)),
            }
        }
        let answer = self.parts[own].get().await;
        answer.map_err(|error| unavailable("get a connection", error))
    }

    /// Which part belongs to the runtime that asks.
    fn own_part(&self) -> usize {
        if self.parts.len() == 1 {
            return 0;
        }
        let id = Handle::current().id();
        let place = |runtimes: &Vec<Id>| runtimes.iter().position(|known| *known == id);
        let known = place(&self.runtimes.read().unwrap_or_else(PoisonError::into_inner));
        let place = known.unwrap_or_else(|| {
            let mut runtimes = self.runtimes.write().unwrap_or_else(PoisonError::into_inner);
            place(&runtimes).unwrap_or_else(|| {
                runtimes.push(id);
                runtimes.len() - 1
            })
        });
        place % self.parts.len()
    }
}

/// How the sessions of a pool are opened. They bear a name, so that an operator sees in
/// `pg_stat_activity` whose they are.
fn manager(
    settings: &Settings,
    name: &str,
    session: &[(&str, &str)],
) -> Result<Manager, StorageError> {
    let mut options = format!(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} \
         -c timezone=UTC -c application_name={name}",
        settings.statement_timeout.as_millis(),
        settings.lock_timeout.as_millis(),
        settings.idle_in_transaction_timeout.as_millis(),
    );
    for &(name, value) in session {
        options.extend([" -c ", name, "=", value]);
    }
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    let endpoint = settings
        .url
        .parse::<Endpoint>()
        .map_err(|error| failed("read the address of the database", error))?
        .with_options(&options);
    config.custom_setup = Box::new(move |_| establish(endpoint.clone()).boxed());
    Ok(Manager::new_with_config(settings.url.clone(), config))
}

/// A connection of our own to the endpoint.
pub(crate) async fn establish(endpoint: Endpoint) -> ConnectionResult<AsyncPgConnection> {
    let (client, connection) = endpoint
        .connect()
        .await
        .map_err(|error| ConnectionError::BadConnection(explained(&error)))?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

/// The error with its causes: the driver says only that something failed.
fn explained(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
