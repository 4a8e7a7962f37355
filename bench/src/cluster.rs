//! The PostgreSQL that is measured on, and a marketplace of any size in it.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use embedded_postgres::{Options, Server};
use test_support::GENERATE_MARKETPLACE;
use tokio_postgres::{Client, NoTls};

use crate::{arguments::Size, process, say};

/// What differs from PostgreSQL's defaults: a small server of one's own, every commit durable. Nothing cleans up while
/// it is measured; the data are vacuumed and analysed once they are there.
pub(crate) const SETTINGS: [(&str, &str); 10] = [
    ("shared_buffers", "1GB"),
    ("effective_cache_size", "4GB"),
    ("work_mem", "16MB"),
    ("maintenance_work_mem", "512MB"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "1h"),
    ("random_page_cost", "1.1"),
    ("max_connections", "200"),
    ("autovacuum", "off"),
    // For the capture: who said what.
    ("log_line_prefix", "<%p|%a> "),
];

/// What the generated marketplace lacks: a type of listing that is booked, by appointment too.
const BOOKABLE: &str = "UPDATE listing_types \
    SET declaration = jsonb_set(declaration, '{transactions}', '[\"request\", \"appointment\"]') \
    WHERE key = 'service'";

/// A running PostgreSQL.
pub(crate) struct Cluster {
    server: Server,
    home: PathBuf,
    postmaster: u32,
    admin: Client,
}

impl Cluster {
    pub(crate) async fn start(home: PathBuf) -> Result<Self> {
        let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let server = Server::start(Options { settings, ..Options::new(&home) }).await?;
        ensure!(!server.attached(), "somebody else measures with {} already", home.display());
        let admin = connect(&server.url("postgres")).await?;
        let backend: i32 = admin.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let postmaster = process::parent_of(u32::try_from(backend)?)?;
        let cluster = Self { server, home, postmaster, admin };
        // A run that was interrupted may have left it on.
        cluster.log_statements(false).await?;
        Ok(cluster)
    }

    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.admin);
        Ok(self.server.stop().await?)
    }

    pub(crate) async fn version(&self) -> Result<String> {
        Ok(self.admin.query_one("SHOW server_version", &[]).await?.get(0))
    }

    /// Processor time of all processes of PostgreSQL.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu_of_family(self.postmaster)
    }

    /// Switches the log of statements on or off, for sessions that are open too.
    pub(crate) async fn log_statements(&self, on: bool) -> Result<()> {
        let value = if on { "all" } else { "none" };
        self.admin.batch_execute(&format!("ALTER SYSTEM SET log_statement = '{value}'")).await?;
        self.admin.batch_execute("SELECT pg_reload_conf()").await?;
        // Every session learns it by signal, when it is idle.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    /// The end of the log, to read on from.
    pub(crate) fn log_end(&self) -> Result<u64> {
        Ok(self.log()?.metadata()?.len())
    }

    /// What the log says after a place.
    pub(crate) fn log_after(&self, place: u64) -> Result<String> {
        let mut log = self.log()?;
        log.seek(SeekFrom::Start(place))?;
        let mut text = Vec::new();
        log.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn log(&self) -> Result<File> {
        let path = self.home.join("server.log");
        File::open(&path).with_context(|| format!("cannot open {}", path.display()))
    }

    /// A fresh database `bench` with a marketplace; its address. The filled database is kept for the next run.
    pub(crate) async fn marketplace(&self, mercato: &Path, size: Size) -> Result<String> {
        let filled = format!("filled_{}_{:016x}", size.listings, fingerprint()?);
        self.drop_database("bench").await?;
        let known = "SELECT 1 FROM pg_database WHERE datname = $1";
        if self.admin.query_opt(known, &[&filled]).await?.is_none() {
            self.fill(mercato, &filled, size).await?;
        }
        let copy = format!("CREATE DATABASE bench TEMPLATE {filled} STRATEGY FILE_COPY");
        self.admin.batch_execute(&copy).await?;
        Ok(self.server.url("bench"))
    }

    async fn fill(&self, mercato: &Path, filled: &str, size: Size) -> Result<()> {
        let begun = Instant::now();
        // Of an older schema.
        let outdated = format!("filled_{}_", size.listings);
        let names = "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)";
        for row in self.admin.query(names, &[&outdated]).await? {
            self.drop_database(row.get(0)).await?;
        }
        self.drop_database("unfinished").await?;
        self.admin.batch_execute("CREATE DATABASE unfinished TEMPLATE template0").await?;
        let url = self.server.url("unfinished");
        migrate(mercato, &url).await?;
        let client = connect(&url).await?;
        let numbers = format!(
            "SET LOCAL generate.listings = {}; SET LOCAL generate.providers = {}",
            size.listings,
            size.providers()
        );
        client
            .batch_execute(&format!("BEGIN; {numbers}; {GENERATE_MARKETPLACE}; {BOOKABLE}; COMMIT"))
            .await
            .context("cannot fill the marketplace")?;
        client.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
        drop(client);
        self.end_sessions("unfinished").await?;
        let rename = format!("ALTER DATABASE unfinished RENAME TO {filled}");
        self.admin.batch_execute(&rename).await?;
        say(&format!("filled in {:.0} s", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    async fn end_sessions(&self, database: &str) -> Result<()> {
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
        self.admin.query(end, &[&database]).await?;
        Ok(())
    }

    async fn drop_database(&self, name: &str) -> Result<()> {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        Ok(self.admin.batch_execute(&drop).await?)
    }
}

pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// By the binary that is measured.
async fn migrate(mercato: &Path, url: &str) -> Result<()> {
    let migration = tokio::process::Command::new(mercato)
        .arg("migrate")
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| format!("cannot run {}", mercato.display()))?;
    if !migration.status.success() {
        bail!("cannot migrate: {}", String::from_utf8_lossy(&migration.stderr));
    }
    Ok(())
}

/// Changes with what fills a database: its schema and its data.
fn fingerprint() -> Result<u64> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations"), &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    (GENERATE_MARKETPLACE, BOOKABLE).hash(&mut hasher);
    for file in files {
        fs::read(file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
