use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kernel::Clock;
use mercato::clock::Simulation;
use mercato::config::{MailTransport, Secret, Settings, StorageKind};
use mercato::http::{self, Running};
use mercato::jobs::{JobContext, Worker};
use mercato::wiring::{self, Foundation, Services};
use tempfile::TempDir;
use test_support::{MailSink, TestDatabase};
use tokio::runtime::Runtime;
use tokio_postgres::Client;

use crate::Person;

/// How long background work may stand still before a test gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What there is to say of each job that is still to be done.
const STANDING_STILL: &str = "\
    SELECT format('%s %s: taken %s by %s, due %s, attempt %s of %s, %s', tasks.identifier, jobs.id, \
        jobs.locked_at, jobs.locked_by, jobs.run_at, jobs.attempts, jobs.max_attempts, \
        coalesce(jobs.last_error, jobs.payload::text)) \
    FROM graphile_worker._private_jobs jobs \
    JOIN graphile_worker._private_tasks tasks ON tasks.id = jobs.task_id ORDER BY jobs.id LIMIT 20";

/// A whole marketplace: a database of its own, a mail server, the API, a worker. It runs on
/// threads of its own and is gone with the value.
#[derive(Debug)]
pub struct Marketplace {
    /// Where the API is, without a slash at the end.
    pub base: String,
    /// Every mail that the marketplace sends arrives here.
    pub mails: MailSink,
    /// The use cases below the API, for what no call offers.
    pub services: Services,
    /// What it was started with.
    pub settings: Settings,
    /// Who moves time and changes roles; made when first needed.
    pub(crate) operator: tokio::sync::OnceCell<Person>,
    state: Arc<http::State>,
    sql: Client,
    running: Option<Parts>,
    files: TempDir,
}

/// What has to be stopped in order.
#[derive(Debug)]
struct Parts {
    api: Running,
    worker: Option<Worker>,
    simulation: Arc<Simulation>,
    database: TestDatabase,
    runtime: Runtime,
}

impl Marketplace {
    /// Starts the home design marketplace with time that can be moved and without rate limits.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::launch(change, true).await
    }

    /// The same where the embedded payment gateway takes payments.
    pub async fn with_money() -> Self {
        Self::with(|settings| {
            settings.gateways.sandbox.enabled = Some(true);
            settings.gateways.manual.iban = Some("DE02 1203 0000 0000 2020 51".to_owned());
            settings.gateways.manual.account_holder = Some("Mercato <Escrow>".to_owned());
        })
        .await
    }

    /// The same without a worker: jobs stay in the queue.
    pub async fn without_a_worker() -> Self {
        Self::launch(|_| {}, false).await
    }

    async fn launch(change: impl FnOnce(&mut Settings), works: bool) -> Self {
        let database = TestDatabase::new().await;
        let mails = MailSink::start().await;
        let files = TempDir::new().expect("a temporary folder can be made");
        let mut settings = settings(&database, &mails, files.path());
        change(&mut settings);
        // What it tells others of its address has to be true before it serves.
        let listener = std::net::TcpListener::bind(settings.server.address);
        let listener = listener.expect("a free port exists");
        let address = listener.local_addr().expect("a bound socket has an address");
        if settings.server.public_url == Settings::default().server.public_url {
            settings.server.public_url = format!("http://{address}");
        }
        settings.server.address = address;

        // The server keeps its promises while the test's own thread is busy.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let url = database.url().to_owned();
        let (state, simulation, api, worker) = runtime
            .spawn({
                let settings = settings.clone();
                async move { run(&settings, &url, listener, works).await }
            })
            .await
            .expect("the marketplace starts");
        let sql = database.client().await;
        Self {
            base: format!("http://{}", api.address),
            mails,
            services: state.services.clone(),
            state,
            settings,
            operator: tokio::sync::OnceCell::new(),
            sql,
            running: Some(Parts { api, worker, simulation, database, runtime }),
            files,
        }
    }

    /// Somebody who is not signed in.
    pub fn visitor(&self) -> Person {
        Person::visitor(&self.base)
    }

    /// A connection to the database, to look at what was stored.
    pub const fn sql(&self) -> &Client {
        &self.sql
    }

    /// Another connection to the database, to hold a lock with.
    pub async fn another_connection(&self) -> Client {
        let parts = self.running.as_ref().expect("the marketplace runs");
        parts.database.client().await
    }

    /// The folder that holds pictures, unless the settings name a bucket.
    pub fn media_folder(&self) -> std::path::PathBuf {
        self.files.path().join("media")
    }

    /// The time, as the marketplace sees it.
    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    /// Waits until nothing is left to do: no job is ready or running, no timer is due.
    ///
    /// # Panics
    ///
    /// When a job has failed: a handler that fails is a defect, unless the test is about that
    /// ([`Self::settle_despite_failures`]).
    pub async fn settle(&self) {
        self.settle_despite_failures().await;
        let failures = self
            .rows("SELECT j.last_error FROM graphile_worker._private_jobs j WHERE j.last_error IS NOT NULL")
            .await;
        assert!(failures.is_empty(), "jobs have failed: {failures:#?}");
    }

    /// Like [`Self::settle`], where jobs are meant to fail: those that wait for another try or for
    /// an operator count as settled.
    pub async fn settle_despite_failures(&self) {
        let mut last = BTreeMap::new();
        let mut since = Instant::now();
        loop {
            let told = self.delivered().await;
            let busy = self.busy().await;
            if busy.is_empty() && self.delivered().await == told {
                return;
            }
            if busy != last {
                last.clone_from(&busy);
                since = Instant::now();
            }
            if since.elapsed() >= PATIENCE {
                let jobs = self.rows(STANDING_STILL).await;
                panic!("the marketplace does not settle: {busy:?}\n{}", jobs.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many messages the embedded gateway has sent, once none is on its way.
    async fn delivered(&self) -> usize {
        let Some(sandbox) = &self.state.sandbox else { return 0 };
        sandbox.webhooks().settled().await;
        sandbox.webhooks().log().len()
    }

    /// What still is to be done: kinds of jobs, and timers.
    async fn busy(&self) -> BTreeMap<String, i64> {
        let rows = self
            .sql
            .query(
                "SELECT tasks.identifier, count(*) \
                 FROM graphile_worker._private_jobs jobs \
                 JOIN graphile_worker._private_tasks tasks ON tasks.id = jobs.task_id \
                 WHERE jobs.locked_at IS NOT NULL \
                    OR (jobs.attempts < jobs.max_attempts AND jobs.run_at <= now()) \
                 GROUP BY 1 \
                 UNION ALL \
                 SELECT 'timer ' || kind, count(*) FROM timers WHERE due_at <= $1 GROUP BY kind",
                &[&self.now()],
            )
            .await
            .expect("the queue can be read");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// The first column of a query without parameters, as text.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let messages = self.sql.simple_query(query).await;
        messages
            .unwrap_or_else(|error| panic!("{query}: {error:?}"))
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => {
                    Some(row.get(0).unwrap_or_default().to_owned())
                }
                _ => None,
            })
            .collect()
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        let row = self.sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
        row.unwrap_or_else(|error| panic!("cannot count {table}: {error:?}")).get(0)
    }

    /// A line per table with its number of rows, without what the platform notes by itself: equal
    /// before and after what must have stored nothing.
    pub async fn contents(&self) -> String {
        let tables = self
            .rows(
                "SELECT table_name FROM information_schema.tables \
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' \
                   AND table_name NOT IN ('throttle_buckets', 'idempotency_keys') \
                 ORDER BY table_name",
            )
            .await;
        let mut lines = String::new();
        for table in tables {
            let rows = self.count(&table).await;
            writeln!(lines, "{table} {rows}").expect("a text takes any text");
        }
        lines
    }

    /// Stops the API as an operator would: requests under way are answered. What it left is in the database.
    pub async fn stop_gracefully(mut self) -> TestDatabase {
        let Parts { api, worker, simulation, database, runtime } =
            self.running.take().expect("a marketplace is stopped once");
        let stopping = runtime.spawn(async move {
            api.stop().await;
            if let Some(worker) = worker {
                worker.stop().await;
            }
            simulation.stop();
        });
        stopping.await.expect("the marketplace stops");
        runtime.shutdown_background();
        database
    }
}

impl Drop for Marketplace {
    fn drop(&mut self) {
        let Some(parts) = self.running.take() else { return };
        // The test's runtime may be stopping, and no test waits for the end of another.
        std::thread::spawn(move || {
            let Parts { api, worker, simulation, database, runtime } = parts;
            runtime.block_on(async move {
                simulation.stop();
                api.abandon().await;
                if let Some(worker) = worker {
                    worker.stop().await;
                }
            });
            runtime.shutdown_background();
            drop(database);
        });
    }
}

/// What ships, but mails, pictures, database and time are the test's own.
fn settings(database: &TestDatabase, mails: &MailSink, files: &Path) -> Settings {
    let mut settings = Settings::default();
    settings.database.url = Some(Secret::new(database.url()));
    settings.server.address.set_port(0);
    settings.server.workers = 1;
    settings.server.shutdown_grace_seconds = 20;
    // Every person comes from a network of their own, or the throttles would take them for one.
    settings.server.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a literal network")];
    settings.auth.require_verified_email = Some(false);
    // Nobody has to sign in again because time was moved.
    settings.auth.access_token_seconds = 400 * 24 * 60 * 60;
    settings.auth.refresh_token_days = 400;
    settings.mail.transport = MailTransport::Smtp;
    settings.mail.url = Some(Secret::new(format!("smtp://{}", mails.address())));
    settings.storage.kind = StorageKind::Folder;
    settings.storage.folder = files.join("media");
    settings.limits.enabled = false;
    settings.metrics.enabled = false;
    settings.jobs.timer_poll_ms = 50;
    // Most tests are not about money, and bookings are not paid for then.
    settings.gateways.sandbox.enabled = Some(false);
    settings
}

async fn run(
    settings: &Settings,
    url: &str,
    listener: std::net::TcpListener,
    works: bool,
) -> (Arc<http::State>, Arc<Simulation>, Running, Option<Worker>) {
    let store = wiring::open_store(settings, url).expect("the pools can be prepared");
    let store = Arc::new(store);
    let simulation = Simulation::start(Arc::clone(&store)).await.expect("time can be simulated");
    let simulation = Arc::new(simulation);
    let clock: Arc<dyn Clock> = simulation.clock();
    let foundation =
        Foundation { simulation: Some(Arc::clone(&simulation)), ..Foundation::new(store, clock) };
    let foundation = foundation.with_gateways(settings).expect("the gateways can be wired");
    let services = Services::new(settings, &foundation).expect("the services can be wired");
    services.declare_profile().await.expect("what the profile declares can be stored");
    let state = Arc::new(wiring::http_state(settings, services.clone()));
    let api = http::start_on(Arc::clone(&state), listener).expect("the socket is ours");
    let mut worker = None;
    if works {
        let context = JobContext {
            services: services.clone(),
            event_retention_days: settings.jobs.event_retention_days,
        };
        let grace = Duration::from_secs(1);
        let started = Worker::start(context, url, &settings.jobs, grace).await;
        worker = Some(started.expect("the worker starts"));
    }
    (state, simulation, api, worker)
}
