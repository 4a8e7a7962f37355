//! Calls a demonstration marketplace as nobody would: Schemathesis derives requests, good and bad, from the API's own
//! description, and compares every answer with it.

use std::{
    fs,
    path::Path,
    process::{ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Metadata;
use clap::Args;
use embedded_postgres::{Options, Server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{python, say, target};

/// The version that is known to work; another one checks other things.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Who calls, in this order: what an admin changes must not stand in the way of the others.
const CALLERS: [&str; 4] = ["visitor", "client", "provider", "admin"];

/// The password of everyone in the demonstration.
const PASSWORD: &str = "demo-marketplace";

/// What must hold for every answer. Left out are those that a good answer fails too: a well-formed request may be
/// refused for what the schema cannot say (`positive_data_acceptance`), a malformed one is 400 whoever sends it
/// (`missing_required_header`), and who may do what has tests of its own (`ignored_auth`,
/// `object_level_authorization`).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    unsupported_method,allow_header_conformance,use_after_free";

/// How much is tried.
#[derive(Debug, Args)]
pub(crate) struct Effort {
    /// Requests per operation, caller and phase; a hundred take an hour.
    #[arg(long, default_value_t = 5)]
    max_examples: u32,
    /// How requests are made up, out of `examples`, `coverage`, `fuzzing` and `stateful`.
    #[arg(long, default_value = "examples,coverage,fuzzing,stateful")]
    phases: String,
    /// Who calls, out of `visitor`, `client`, `provider` and `admin`; everyone by default.
    #[arg(long, value_delimiter = ',')]
    callers: Vec<String>,
    /// The number that all chance comes from; the same one makes up the same requests.
    #[arg(long, default_value_t = 20)]
    seed: u64,
    /// Only these operations, by their ids.
    #[arg(long, value_delimiter = ',')]
    operations: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(workspace: &Metadata, effort: &Effort) -> Result<ExitCode> {
    if let Some(stranger) = effort.callers.iter().find(|name| !CALLERS.contains(&name.as_str())) {
        bail!("nobody is called {stranger}; there are {}", CALLERS.join(", "));
    }
    let folder = target(workspace).join("fuzz");
    let home = folder.join("postgres");
    let environment = target(workspace).join("schemathesis");
    python::install(&environment, SCHEMATHESIS).await?;
    let program = environment.join("bin/schemathesis");
    ensure!(
        Command::new("cargo").args(["build", "--package", "mercato"]).status().await?.success(),
        "mercato does not build"
    );
    embedded_postgres::remove(&home)?;
    let postgres = Server::start(Options::throw_away(&home)).await?;
    postgres.create_database_if_missing("fuzz").await?;
    let passed = call_all(workspace, &folder, &postgres.url("fuzz"), &program, effort).await;
    postgres.stop().await?;
    embedded_postgres::remove(&home)?;
    Ok(if passed? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves a marketplace, and lets every caller have a go at it.
async fn call_all(
    workspace: &Metadata,
    folder: &Path,
    database: &str,
    program: &Path,
    effort: &Effort,
) -> Result<bool> {
    let (mut server, authority) = serve(workspace, folder, database).await?;
    let judgement = workspace.workspace_root.join("xtask/schemathesis.toml");
    let mut passed = true;
    for (number, caller) in CALLERS.into_iter().enumerate() {
        if !effort.callers.is_empty() && !effort.callers.iter().any(|name| name == caller) {
            continue;
        }
        // Everyone comes from a network of their own, so that nobody's wrong guesses keep others from signing in.
        let network = format!("198.51.100.{}", number + 1);
        let token = match caller {
            "visitor" => None,
            _ => Some(sign_in(&authority, &network, caller).await?),
        };
        let begun = Instant::now();
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .args(["--config-file", judgement.as_str()])
            .args(["run", &format!("http://{authority}/openapi.json")])
            .args(["--header", &format!("X-Forwarded-For: {network}")])
            .args(["--phases", &effort.phases, "--checks", CHECKS, "--continue-on-failure"])
            .args(["--max-examples", &effort.max_examples.to_string()])
            .args(["--seed", &effort.seed.to_string(), "--generation-database", "none"])
            .args(["--suppress-health-check", "all", "--warnings", "off", "--no-color"]);
        for operation in &effort.operations {
            command.args(["--include-operation-id", operation]);
        }
        if let Some(token) = &token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
            // It would be the caller's own, and all that follows would be 401.
            command.args(["--exclude-operation-id", "endMySession"]);
        }
        passed &= command.status().await.context("cannot run Schemathesis")?.success();
        if let Some(token) = &token {
            let head = format!("GET /api/v1/me HTTP/1.1\r\nAuthorization: Bearer {token}");
            let (status, _) = ask(&authority, &network, &head, "").await?;
            ensure!(status == 200, "the {caller} was signed out by what they did: {status}");
        }
        say(&format!("fuzz: {caller}: {:.0} s", begun.elapsed().as_secs_f64()));
    }
    ensure!(server.try_wait()?.is_none(), "the server ended");
    server.start_kill()?;
    server.wait().await?;
    Ok(passed)
}

/// Starts the server on a free port; its log goes to a file.
async fn serve(workspace: &Metadata, folder: &Path, database: &str) -> Result<(Child, String)> {
    let log = folder.join("server.log");
    let log_file = fs::File::create(&log)?;
    let trusted = "server.trusted_proxies=127.0.0.1";
    let mut server = Command::new(target(workspace).join("debug/mercato"))
        .current_dir(folder)
        .env("DATABASE_URL", database)
        .args(["serve", "--seed-demo", "--address", "127.0.0.1:0"])
        .args(["--set", "limits.enabled=false", "--set", "metrics.enabled=false"])
        .args(["--set", "auth.access_token_seconds=86400", "--set", trusted])
        .args(["--set", "mail.folder=mail", "--set", "storage.folder=media"])
        .stdout(Stdio::piped())
        .stderr(log_file)
        .kill_on_drop(true)
        .spawn()
        .context("cannot run mercato")?;
    let output = server.stdout.take().context("the server has no output")?;
    let mut lines = BufReader::new(output).lines();
    let mut address = None;
    while let Some(line) = lines.next_line().await? {
        if let Some((_, rest)) = line.split_once("http://")
            && let Some((authority, _)) = rest.split_once('/')
        {
            address = Some(authority.to_owned());
        }
        if line.contains("Ctrl-C") {
            break;
        }
    }
    let address = address.with_context(|| format!("mercato did not start: {}", log.display()))?;
    say(&format!("fuzz: http://{address}, its log is {}", log.display()));
    // Nobody reads on; what the server still says must not stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((server, address))
}

async fn sign_in(authority: &str, network: &str, name: &str) -> Result<String> {
    let body = json!({ "email": format!("{name}@demo.example"), "password": PASSWORD }).to_string();
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nContent-Type: application/json";
    let (status, answer) = ask(authority, network, head, &body).await?;
    ensure!(status == 200, "the {name} cannot sign in: {status} {answer}");
    let answer: Value = serde_json::from_str(&answer)?;
    answer["access_token"].as_str().map(ToOwned::to_owned).context("the answer has no token")
}

/// The status and the body of an answer, over plain HTTP.
async fn ask(authority: &str, network: &str, head: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(authority).await?;
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: {authority}\r\nX-Forwarded-For: {network}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).context("the server does not speak HTTP")
}
