//! What is tortured: a PostgreSQL, two servers and a worker, all of them ours to kill.

use std::fs::{self, OpenOptions, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use embedded_postgres::{Options, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use super::dice::Dice;
use super::plan::Victim;

/// The longest a part may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// So long after its start a process may still be coming up.
const STARTING: Duration = Duration::from_secs(15);

/// How many servers share the work.
const SERVERS: usize = 2;

const DATABASE: &str = "mercato";

/// A process of this binary, started again and again.
struct Process {
    name: String,
    arguments: Vec<String>,
    child: Child,
    started: Instant,
}

/// Everything that runs.
pub(super) struct Deployment {
    folder: PathBuf,
    url: String,
    postgres: Option<Server>,
    servers: Vec<Process>,
    worker: Process,
    /// Where the servers are.
    pub(super) bases: Vec<String>,
}

impl Deployment {
    /// Brings everything up in a folder.
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        // Run by root, PostgreSQL works as another user, who has to come in.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        let postgres = start_postgres(folder).await?;
        postgres.create_database_if_missing(DATABASE).await?;
        let url = postgres.url(DATABASE);
        let bases: Vec<String> = free_addresses()?;
        let mut servers = Vec::new();
        for (number, base) in bases.iter().enumerate() {
            let mut arguments = vec!["serve", "--no-worker", "--simulate"].into_strings();
            arguments.extend(settings(folder, base));
            let name = format!("server-{number}");
            servers.push(Process::start(folder, &url, name, arguments)?);
            // The first brings the schema up to date.
            await_ready(base).await?;
        }
        let mut arguments = vec!["worker", "--simulate"].into_strings();
        arguments.extend(settings(folder, &bases[0]));
        let worker = Process::start(folder, &url, "worker".to_owned(), arguments)?;
        let folder = folder.to_owned();
        Ok(Self { folder, url, postgres: Some(postgres), servers, worker, bases })
    }

    /// Where the data is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The settings that all of it runs with, for this process to follow.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        pairs(&self.folder, &self.bases[0])
    }

    /// Kills something as the kernel does when memory is short, and brings it up again.
    pub(super) async fn kill(
        &mut self,
        victim: Victim,
        down: Duration,
        dice: &mut Dice,
    ) -> anyhow::Result<()> {
        match victim {
            Victim::Server(number) => {
                let server = &mut self.servers[number];
                server.child.kill().await?;
                sleep(down).await;
                server.restart(&self.folder, &self.url)?;
                await_ready(&self.bases[number]).await
            }
            Victim::Worker => {
                self.worker.child.kill().await?;
                sleep(down).await;
                self.worker.restart(&self.folder, &self.url)
            }
            Victim::Postgres => {
                let file = self.folder.join("postgres/data/postmaster.pid");
                let text = fs::read_to_string(file).context("PostgreSQL does not run")?;
                let process = text.lines().next().unwrap_or_default().trim().parse()?;
                kill(Pid::from_raw(process), Signal::SIGKILL)?;
                sleep(down).await;
                drop(self.postgres.take());
                self.postgres = Some(start_postgres(&self.folder).await?);
                self.supervise()?;
                self.await_all_ready().await
            }
            Victim::Session => {
                let sessions = self.sessions().await?;
                if let Some(process) = dice.pick(&sessions) {
                    // It may have ended by itself.
                    let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
                }
                sleep(down).await;
                self.supervise()?;
                self.await_all_ready().await
            }
        }
    }

    /// Starts again what could not come up because its database was taken away, as whatever
    /// supervises processes does. What ends later than that ends by itself, and is a fault.
    fn supervise(&mut self) -> anyhow::Result<()> {
        for process in self.servers.iter_mut().chain([&mut self.worker]) {
            if process.started.elapsed() < STARTING && process.child.try_wait()?.is_some() {
                process.restart(&self.folder, &self.url)?;
            }
        }
        Ok(())
    }

    /// Starts servers and worker anew, one after the other: whoever had given the gateway up for a
    /// while calls it again.
    pub(super) async fn start_anew(&mut self) -> anyhow::Result<()> {
        let mut dice = Dice::new(0);
        for victim in [Victim::Server(0), Victim::Server(1), Victim::Worker] {
            self.kill(victim, Duration::ZERO, &mut dice).await?;
        }
        Ok(())
    }

    async fn sessions(&self) -> anyhow::Result<Vec<i32>> {
        let client = connect(&self.url).await?;
        let query = "SELECT pid FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid";
        Ok(client.query(query, &[]).await?.iter().map(|row| row.get(0)).collect())
    }

    async fn await_all_ready(&self) -> anyhow::Result<()> {
        for base in &self.bases {
            await_ready(base).await?;
        }
        Ok(())
    }

    /// Those that have ended without being killed, by name.
    pub(super) fn ended(&mut self) -> Vec<String> {
        let all = self.servers.iter_mut().chain([&mut self.worker]);
        all.filter_map(|process| {
            let status = process.child.try_wait().ok().flatten()?;
            Some(format!("{} ended by itself: {status}", process.name))
        })
        .collect()
    }

    /// Ends everything.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        for process in self.servers.iter_mut().chain([&mut self.worker]) {
            process.child.kill().await?;
        }
        if let Some(postgres) = self.postgres.take() {
            postgres.stop().await?;
        }
        Ok(())
    }
}

trait IntoStrings {
    fn into_strings(self) -> Vec<String>;
}

impl IntoStrings for Vec<&str> {
    fn into_strings(self) -> Vec<String> {
        self.into_iter().map(ToOwned::to_owned).collect()
    }
}

impl Process {
    fn start(
        folder: &Path,
        url: &str,
        name: String,
        arguments: Vec<String>,
    ) -> anyhow::Result<Self> {
        let child = spawn(folder, url, &name, &arguments)?;
        Ok(Self { name, arguments, child, started: Instant::now() })
    }

    fn restart(&mut self, folder: &Path, url: &str) -> anyhow::Result<()> {
        self.child = spawn(folder, url, &self.name, &self.arguments)?;
        self.started = Instant::now();
        Ok(())
    }
}

fn spawn(folder: &Path, url: &str, name: &str, arguments: &[String]) -> anyhow::Result<Child> {
    let log = folder.join(format!("{name}.log"));
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    Ok(command.spawn()?)
}

/// A kill of the database loses nothing that the kernel has, so that nobody waits for the disk.
async fn start_postgres(folder: &Path) -> anyhow::Result<Server> {
    let mut options = Options::new(folder.join("postgres"));
    options.settings = vec![
        ("fsync".to_owned(), "off".to_owned()),
        ("max_connections".to_owned(), "200".to_owned()),
    ];
    Ok(Server::start(options).await?)
}

fn free_addresses() -> anyhow::Result<Vec<String>> {
    let mut held = Vec::new();
    for _ in 0..SERVERS {
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    }
    let base = |listener: &TcpListener| Ok(format!("http://{}", listener.local_addr()?));
    held.iter().map(base).collect()
}

fn pairs(folder: &Path, base: &str) -> Vec<(String, String)> {
    let place = |name: &str| folder.join(name).to_string_lossy().into_owned();
    [
        ("profile", "service-booking".to_owned()),
        ("server.address", base.trim_start_matches("http://").to_owned()),
        ("server.public_url", base.to_owned()),
        ("server.workers", "2".to_owned()),
        ("server.trusted_proxies", "127.0.0.1/32".to_owned()),
        ("database.connections", "12".to_owned()),
        ("auth.require_verified_email", "false".to_owned()),
        ("auth.access_token_seconds", (400 * 24 * 60 * 60).to_string()),
        ("auth.refresh_token_days", "400".to_owned()),
        ("mail.folder", place("mails")),
        ("storage.folder", place("media")),
        ("gateways.sandbox.enabled", "true".to_owned()),
        ("limits.enabled", "false".to_owned()),
        ("metrics.enabled", "false".to_owned()),
        ("logs.filter", "warn".to_owned()),
        ("jobs.timer_poll_ms", "100".to_owned()),
        ("jobs.heartbeat_ms", "200".to_owned()),
        ("jobs.sweep_ms", "300".to_owned()),
        ("jobs.dead_after_ms", "1000".to_owned()),
        ("jobs.recovery_delay_ms", "100".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

fn settings(folder: &Path, base: &str) -> impl Iterator<Item = String> + use<> {
    pairs(folder, base)
        .into_iter()
        .flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")])
}

async fn await_ready(base: &str) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let begun = Instant::now();
    loop {
        let answer = http.get(format!("{base}/health/ready")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("the server at {base} does not come up");
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// A session of our own.
pub(super) async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
