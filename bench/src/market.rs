//! The server that is measured.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    load::{self, Asked},
    process::{self, Memory},
};

/// How the server differs from one that just started: nothing is refused for coming too often, and tokens live as long
/// as the measurement.
pub(crate) const SETTINGS: [&str; 5] = [
    "profile=service-booking",
    "limits.enabled=false",
    "server.trusted_proxies=127.0.0.1/32",
    "auth.access_token_seconds=86400",
    "auth.require_verified_email=false",
];

/// Whether a server runs background jobs too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jobs {
    Here,
    Elsewhere,
}

/// A running server; stopped when dropped.
pub(crate) struct Market {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its first 200.
    pub(crate) ready_after: Duration,
    /// Its files, removed with it.
    folder: PathBuf,
}

impl Market {
    pub(crate) async fn start(mercato: &Path, database: &str, jobs: Jobs) -> Result<Self> {
        let address = free_address()?;
        let folder = std::env::temp_dir().join(format!("mercato-bench-{}", address.port()));
        std::fs::create_dir_all(&folder)?;
        let log = std::fs::File::create(folder.join("log"))?;
        let mut command = Command::new(mercato);
        command.arg("serve").arg("--address").arg(address.to_string());
        if jobs == Jobs::Elsewhere {
            command.arg("--no-worker");
        }
        let metrics = format!("metrics.address={}", free_address()?);
        for setting in SETTINGS.into_iter().chain([metrics.as_str()]) {
            command.arg("--set").arg(setting);
        }
        let begun = Instant::now();
        let child = command
            .current_dir(&folder)
            .env("DATABASE_URL", database)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", mercato.display()))?;
        let mut market = Self { child, address, ready_after: Duration::ZERO, folder };
        let health = greeting("/health/ready");
        while load::ask(address, &health, 0).await.is_err() {
            if let Some(status) = market.child.try_wait()? {
                let log = std::fs::read_to_string(market.folder.join("log"))?;
                bail!("the server ended ({status}):\n{log}");
            }
            if begun.elapsed() > Duration::from_secs(30) {
                bail!("the server does not get ready");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        market.ready_after = begun.elapsed();
        Ok(market)
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu_of(self.child.id())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        process::memory_of(self.child.id())
    }

    /// Counts the peak of memory from now on.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        process::reset_peak(self.child.id())
    }

    /// Signs up so many people of a name; their access tokens.
    pub(crate) async fn sign_up(&self, name: &str, people: u16) -> Result<Vec<String>> {
        let http = reqwest::Client::new();
        let mut tokens = Vec::new();
        for number in 0..people {
            let address = format!("http://{}/api/v1/auth/sign-up", self.address);
            let body = serde_json::json!({
                "email": format!("{name}-{number}@example.test"),
                "password": "a long enough passphrase",
                "display_name": format!("{name} {number}"),
            });
            // Each from a network of their own, as a proxy tells it: many from one are slowed down.
            let [high, low] = number.to_be_bytes();
            let network = format!("10.0.{high}.{low}");
            let request = http.post(address).header("x-forwarded-for", network).json(&body);
            let answer = request.send().await?;
            let status = answer.status();
            let answer: serde_json::Value = answer.json().await?;
            let token = answer.pointer("/tokens/access_token").and_then(|token| token.as_str());
            let token = token.with_context(|| format!("cannot sign up ({status}): {answer}"))?;
            tokens.push(token.to_owned());
        }
        Ok(tokens)
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        if let Ok(process) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(process), Signal::SIGTERM); // it may have ended
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder); // below the folder for what may be lost
    }
}

/// The baseline: this program as a server that does nothing but greet.
pub(crate) struct Hello {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Hello {
    pub(crate) async fn start() -> Result<Self> {
        let address = free_address()?;
        let child = Command::new(std::env::current_exe()?)
            .arg("hello")
            .arg(address.to_string())
            .spawn()
            .context("cannot run the baseline")?;
        let hello = Self { child, address };
        let asked = greeting("/");
        let begun = Instant::now();
        while load::ask(address, &asked, 0).await.is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                bail!("the baseline does not answer");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(hello)
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu_of(self.child.id())
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// The same path every time.
pub(crate) fn greeting(path: &'static str) -> Asked {
    Asked {
        write: Arc::new(move |_, _, out| {
            out.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes());
        }),
        status: 200,
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
