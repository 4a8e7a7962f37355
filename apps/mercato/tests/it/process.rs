use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The longest anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A `mercato` process in an empty folder of its own, with nothing of our environment.
pub(crate) struct Process {
    child: Child,
    _folder: TempDir,
}

impl Process {
    /// Starts `mercato` with the arguments; without `url` it brings its own PostgreSQL.
    pub(crate) fn start(url: Option<&str>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mercato"));
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("MERCATO__METRICS__ENABLED", "false")
            .env("MERCATO__SERVER__ADDRESS", "127.0.0.1:0")
            .env("MERCATO__JOBS__HEARTBEAT_MS", "200")
            .env("MERCATO__JOBS__SWEEP_MS", "300")
            .env("MERCATO__JOBS__DEAD_AFTER_MS", "1000")
            .env("MERCATO__JOBS__RECOVERY_DELAY_MS", "100")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(url) = url {
            command.env("DATABASE_URL", url);
        }
        Self { child: command.spawn().unwrap(), _folder: folder }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Waits for a line of standard output that holds the text.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let output = self.child.stdout.as_mut().unwrap();
        for line in BufReader::new(output).lines() {
            let line = line.unwrap();
            if line.contains(text) {
                return line;
            }
        }
        panic!("the process ended without a line with {text:?}: {}", self.errors());
    }

    /// Where a server listens, once it does.
    pub(crate) fn base(&mut self) -> String {
        let line = self.line_with("Health");
        let url = line.split_whitespace().last().unwrap();
        url.trim_end_matches("/health/ready").to_owned()
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All of standard output, once it has ended.
    pub(crate) fn output(&mut self) -> String {
        let mut text = String::new();
        self.child.stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// All of standard error, once it has ended.
    pub(crate) fn errors(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, or the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the condition holds.
pub(crate) async fn eventually<F: AsyncFn() -> bool>(what: &str, condition: F) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "it does not come to it that {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
