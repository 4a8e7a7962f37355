//! Runs the tests on one PostgreSQL that is started for them and stopped after them.

use std::{
    process::{ExitCode, ExitStatus},
    time::Instant,
};

use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use embedded_postgres::{Options, Server};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

use crate::{say, target};

/// Where `test_support::TestDatabase` looks for its server.
const DATABASE: &str = "MERCATO_TEST_DATABASE_URL";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(workspace: &Metadata, selection: &[String]) -> Result<ExitCode> {
    let server = Server::start(Options::for_tests(target(workspace))).await?;
    let passed = run_all(&server, selection).await;
    server.stop().await?;
    Ok(if passed? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the tests, and all of them: a failure in one command does not keep the next from being seen.
async fn run_all(server: &Server, selection: &[String]) -> Result<bool> {
    let has_nextest =
        Command::new("cargo").args(["nextest", "--version"]).output().await?.status.success();
    let runner: &[&str] = if has_nextest {
        &["nextest", "run"]
    } else {
        &["test", "--lib", "--bins", "--tests", "--examples"]
    };
    let mut tests = vec!["--all-features", "--no-fail-fast"];
    let mut passed = true;
    if selection.is_empty() {
        tests.push("--workspace");
        passed &=
            cargo(server, &["test", "--doc", "--workspace", "--all-features", "--no-fail-fast"])
                .await?;
    } else {
        tests.extend(selection.iter().map(String::as_str));
    }
    passed &= cargo(server, &[runner, &tests].concat()).await?;
    Ok(passed)
}

async fn cargo(server: &Server, arguments: &[&str]) -> Result<bool> {
    let begun = Instant::now();
    // Ctrl-C reaches cargo by itself, but must not end us before the server has stopped.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = Command::new("cargo")
        .args(arguments)
        .env(DATABASE, server.url("postgres"))
        .kill_on_drop(true)
        .spawn()
        .context("cannot run cargo")?;
    let status: ExitStatus = loop {
        tokio::select! {
            status = child.wait() => break status?,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => child.start_kill()?,
        }
    };
    say(&format!("cargo {}: {:.0} s", arguments.join(" "), begun.elapsed().as_secs_f64()));
    Ok(status.success())
}
