use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use tokio_postgres::{Client, Config, config::Host};

use crate::{
    cluster,
    proxy::{FaultProxy, Upstream},
};

/// Held while a template is made, and while databases of ended processes are dropped.
const TEMPLATE_LOCK: i64 = 0x6d65_7263_6174_6f01;
const SWEEP_LOCK: i64 = 0x6d65_7263_6174_6f02;

/// A database for one test, made as a copy of one that was migrated once. It is dropped with the value, whoever is
/// still connected; should the process be killed, a later test drops it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// A database with the current schema and no rows but those that migrations write.
    pub async fn new() -> Self {
        let admin = admin().await;
        sweep(&admin).await;
        let template = template(&admin).await;
        Self::create(&admin, Some(&template)).await
    }

    /// A database without a schema, for tests of the migrations themselves.
    pub async fn empty() -> Self {
        Self::create(&admin().await, None).await
    }

    /// Its address, for tokio-postgres, diesel-async and libpq.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection of the test's own, to arrange what no port offers and to look at what was written.
    pub async fn client(&self) -> Client {
        cluster::connect(&self.url)
            .await
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.url))
    }

    /// The same database behind a network that can fail, and its address there.
    pub async fn behind_a_proxy(&self) -> (FaultProxy, String) {
        let config: Config = self.url.parse().expect("we have connected with this address");
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let upstream = match config.get_hosts() {
            [Host::Unix(folder)] => Upstream::Unix(folder.join(format!(".s.PGSQL.{port}"))),
            [Host::Tcp(host)] => Upstream::Tcp(format!("{host}:{port}")),
            other => panic!("one host was expected, not {other:?}"),
        };
        let password =
            config.get_password().map(|word| format!(":{}", String::from_utf8_lossy(word)));
        let user =
            format!("{}{}", config.get_user().unwrap_or("postgres"), password.unwrap_or_default());
        let proxy = FaultProxy::start(upstream).await;
        let url = format!("postgres://{user}@{}/{}", proxy.address(), self.name);
        (proxy, url)
    }

    async fn create(admin: &Client, template: Option<&str>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        drop_database(admin, &name).await; // of a process that had our number before us
        let copied = match template {
            Some(template) => format!(" TEMPLATE {template}{}", copy_strategy(admin).await),
            None => " TEMPLATE template0".to_owned(),
        };
        execute(admin, &format!("CREATE DATABASE {name}{copied}")).await;
        let url = cluster::url(&name).await;
        Self { name, url }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.name.clone();
        // The test's runtime may be stopping: use another.
        let dropper = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let url = cluster::url("postgres").await;
                // A server that is gone has taken the database with it, or a later test sweeps it.
                if let Ok(admin) = cluster::connect(&url).await {
                    drop_database(&admin, &name).await;
                }
            });
        });
        let _ = dropper.join(); // the test's own outcome matters more
    }
}

/// A connection from which databases are made and dropped.
async fn admin() -> Client {
    let url = cluster::url("postgres").await;
    cluster::connect(&url).await.unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

async fn execute(admin: &Client, statement: &str) {
    admin.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
}

/// Drops a database if it exists; somebody else may be doing so at the same time.
async fn drop_database(admin: &Client, name: &str) {
    let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

/// Copying files is faster than writing the copy to the log, which is the default since there is a choice.
async fn copy_strategy(admin: &Client) -> &'static str {
    let row = admin.query_one("SELECT current_setting('server_version_num')::int", &[]).await;
    let version: i32 =
        row.unwrap_or_else(|error| panic!("cannot ask for the version: {error}")).get(0);
    if version >= 150_000 { " STRATEGY FILE_COPY" } else { "" }
}

/// The name of the migrated database for the current migrations; makes it when it is missing.
async fn template(admin: &Client) -> String {
    let template = format!("template_{:016x}", schema_fingerprint());
    if exists(admin, &template).await {
        return template;
    }
    execute(admin, &format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if !exists(admin, &template).await {
        make_template(admin, &template).await;
    }
    execute(admin, &format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    template
}

/// Only a database with all migrations gets the name, and nobody can connect to it and change it.
async fn make_template(admin: &Client, template: &str) {
    for outdated in databases(admin, "template\\_%").await {
        drop_database(admin, &outdated).await;
    }
    let unfinished = format!("unfinished_{template}");
    drop_database(admin, &unfinished).await;
    execute(admin, &format!("CREATE DATABASE {unfinished} TEMPLATE template0")).await;
    let url = cluster::url(&unfinished).await;
    adapter_postgres::migrate(&url)
        .await
        .unwrap_or_else(|error| panic!("cannot migrate {unfinished}: {error:?}"));
    execute(admin, &format!("ALTER DATABASE {unfinished} WITH ALLOW_CONNECTIONS false")).await;
    // Connections that migrated take a moment to end, or wait in a pool.
    let ended = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{unfinished}'"
    );
    execute(admin, &ended).await;
    execute(admin, &format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await;
}

async fn exists(admin: &Client, name: &str) -> bool {
    !databases(admin, &name.replace('_', "\\_")).await.is_empty()
}

/// The databases whose name is like the pattern, without the server's own.
async fn databases(admin: &Client, pattern: &str) -> Vec<String> {
    let query = "SELECT datname::text FROM pg_database WHERE datname LIKE $1 AND NOT datistemplate";
    let rows = admin.query(query, &[&pattern]).await;
    rows.unwrap_or_else(|error| panic!("cannot list databases: {error}"))
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// Drops what killed test processes have left. One process at a time is enough.
async fn sweep(admin: &Client) {
    let stale: Vec<String> = databases(admin, "test\\_%")
        .await
        .into_iter()
        .filter(|name| !is_owner_alive(name))
        .collect();
    if stale.is_empty() {
        return;
    }
    let row = admin.query_one("SELECT pg_try_advisory_lock($1)", &[&SWEEP_LOCK]).await;
    if row.is_ok_and(|row| row.get(0)) {
        for name in stale {
            drop_database(admin, &name).await;
        }
        execute(admin, &format!("SELECT pg_advisory_unlock({SWEEP_LOCK})")).await;
    }
}

/// Whether the process runs whose number is in the database's name, `test_<process>_<count>`.
fn is_owner_alive(name: &str) -> bool {
    let process = name.split('_').nth(1).and_then(|number| number.parse().ok());
    process.is_some_and(|process| kill(Pid::from_raw(process), None) != Err(Errno::ESRCH))
}

/// Changes with our migrations and with the versions of all crates, as the job queue brings its own migrations.
fn schema_fingerprint() -> u64 {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![workspace.join("Cargo.lock")];
    collect_files(&workspace.join("migrations"), &mut files);
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let content = fs::read(&file)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        (file.strip_prefix(&workspace).ok(), content).hash(&mut hasher);
    }
    hasher.finish()
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() { collect_files(&path, files) } else { files.push(path) }
    }
}
