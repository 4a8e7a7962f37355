//! The measurement from beginning to end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use kernel::{Clock, SystemClock};
use tokio_postgres::Client;

use crate::{
    arguments::{Arguments, Size},
    capture::{self, Captured},
    cluster::{self, Cluster},
    load::{self, Asked, Load},
    market::{self, Hello, Jobs, Market, greeting},
    median, number, page,
    payments::{self, Payments},
    pgbench, process,
    report::{self, Figure, Row},
    say,
    script::{self, Known, Script, Slots},
    works::{Expected, Marketplace, Work},
};

const MEGABYTE: f64 = 1_000_000.0;

/// Processor time of the parts between the edges of one measurement.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    server: Duration,
    postgres: Duration,
    client: Duration,
}

/// One round over HTTP.
struct Http {
    rate: f64,
    p50: f64,
    p99: f64,
    used: [f64; 3],
}

pub(crate) async fn measure(arguments: Arguments) -> Result<ExitCode> {
    let size = arguments.size();
    let beside = std::env::current_exe()?;
    let folder = beside.parent().context("this program lies nowhere")?;
    let mercato = arguments.server.clone().unwrap_or_else(|| folder.join("mercato"));
    ensure!(mercato.is_file(), "{} is missing: build it first", mercato.display());
    let mercato = mercato.canonicalize()?;
    let home = arguments.home.clone().unwrap_or_else(|| folder.join("bench-postgres"));
    let cluster = Cluster::start(home).await?;
    let measured = measure_on(&cluster, &mercato, &arguments, size).await;
    let version = cluster.version().await?;
    cluster.stop().await?;
    let (rows, figures) = measured?;

    let (rows, figures) = (report::rows(&rows), report::figures(&figures));
    let date = SystemClock.now().format("%F");
    let result = format!(
        "{date}, {}, PostgreSQL {version}, {} listings, {} connections, {} rounds of {} s.\n\n\
         {rows}\n{figures}\nPostgreSQL's settings: {}. The server's: {}; the rest as it ships.\n",
        machine()?,
        size.listings,
        size.connections,
        size.rounds,
        size.seconds,
        listed(&cluster::SETTINGS.map(|(name, value)| format!("{name} = {value}"))),
        listed(&market::SETTINGS.map(ToOwned::to_owned)),
    );
    say(&format!("\n{result}"));
    if let Some(path) = &arguments.page {
        page::write(path, &result)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(settings: &[String]) -> String {
    settings.iter().map(|setting| format!("`{setting}`")).collect::<Vec<_>>().join(", ")
}

/// The processors and the memory.
fn machine() -> Result<String> {
    let count = std::thread::available_parallelism()?;
    let models = fs::read_to_string("/proc/cpuinfo")?;
    let model = models.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(format!(
        "{count} × {}, {:.0} GB",
        model.map_or("unknown processor", |(_, name)| name),
        number(kib.unwrap_or_default()) / 1_048_576.0
    ))
}

async fn measure_on(
    cluster: &Cluster,
    mercato: &Path,
    arguments: &Arguments,
    size: Size,
) -> Result<(Vec<Row>, Vec<Figure>)> {
    let url = cluster.marketplace(mercato, size).await?;
    let client = cluster::connect(&url).await?;
    let mut starts = Vec::new();
    for _ in 0..size.starts {
        starts.push(Market::start(mercato, &url, Jobs::Here).await?.ready_after);
    }

    let mut rows = Vec::new();
    if arguments.wants("actix hello world") {
        rows.push(hello_world(cluster, size).await?);
    }
    // The API by itself, as it is run beside workers: what the jobs cost is measured apart.
    let market = Market::start(mercato, &url, Jobs::Elsewhere).await?;
    let resting = market.memory()?;
    let marketplace = Marketplace::prepare(&client, &market, size).await?;
    // Hashing a password takes 19 MB; the clients have theirs now.
    market.reset_peak()?;
    let bench = Bench {
        cluster,
        market: &market,
        marketplace: &marketplace,
        client: &client,
        url: &url,
        size,
    };
    let mut round = 0;
    for work in marketplace.works() {
        if arguments.wants(work.name) {
            let row = bench.work(&work, &mut round, arguments.scripts.as_ref()).await;
            let row = row.with_context(|| format!("cannot measure `{}`", work.name))?;
            say(report::rows(std::slice::from_ref(&row)).lines().last().unwrap_or_default());
            rows.push(row);
        }
    }
    let loaded = market.memory()?;
    drop(market);

    // What was measured so far left jobs behind; they are not part of what follows.
    client.batch_execute("TRUNCATE graphile_worker._private_jobs CASCADE").await?;
    let market = Market::start(mercato, &url, Jobs::Here).await?;
    let name = "submit, its jobs here";
    let mut all_in_one = None;
    if arguments.wants(name) {
        let asked = marketplace.submit_with_jobs();
        let cpu = || market.cpu();
        let mut rounds = Vec::new();
        let mut next = 0;
        for _ in 0..size.rounds {
            let (http, after) = http(cluster, &cpu, market.address, &asked, size, next).await?;
            next = after;
            rounds.push(http);
        }
        rows.push(row(name, None, &rounds, &[], Expected::default()));
        let jobs = drained(&client, Duration::from_secs(u64::from(size.seconds))).await?;
        all_in_one = Some((market.memory()?, jobs));
    }
    drop(market);

    let mut paying = None;
    if arguments.wants("payments") {
        let market = Market::start(mercato, &url, Jobs::Elsewhere).await?;
        let people = (size.payers, size.connections);
        paying = Some(payments::measure(&market, &client, &url, people).await?);
    }

    let megabytes = |bytes: u64| number(bytes) / MEGABYTE;
    let figure = |name, value, unit, below| Figure { name, value, unit, below };
    let mut figures = vec![
        figure("memory under all of this, at most", megabytes(loaded.peak), "MB", Some(64.0)),
        figure("memory after it", megabytes(loaded.now), "MB", None),
        figure("memory before it", megabytes(resting.now), "MB", None),
        figure(
            "start to first 200",
            median(starts.iter().map(Duration::as_secs_f64)) * 1000.0,
            "ms",
            Some(300.0),
        ),
        figure("binary", megabytes(fs::metadata(mercato)?.len()), "MB", Some(40.0)),
    ];
    if let Some((memory, jobs)) = all_in_one {
        figures.push(figure("jobs done once nobody asks", jobs, "/s", None));
        let name = "memory with jobs in the same process, at most";
        figures.insert(2, figure(name, megabytes(memory.peak), "MB", Some(64.0)));
    }
    if let Some(Payments { paid, inserted }) = paying {
        figures.push(figure("payments through the embedded gateway", paid, "/s", None));
        figures.push(figure("bare inserts of the rows that they leave", inserted, "/s", None));
    }
    Ok((rows, figures))
}

/// How many of the jobs that wait are done in a second.
async fn drained(client: &Client, watched: Duration) -> Result<f64> {
    let waiting = async || -> Result<i64> {
        let count = "SELECT count(*) FROM graphile_worker._private_jobs WHERE run_at <= now()";
        Ok(client.query_one(count, &[]).await?.get(0))
    };
    let (begun, before) = (Instant::now(), waiting().await?);
    let mut after = before;
    while after > 0 && begun.elapsed() < watched {
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = waiting().await?;
    }
    let done = u64::try_from(before.saturating_sub(after)).unwrap_or_default();
    Ok(number(done) / begun.elapsed().as_secs_f64())
}

impl Arguments {
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

async fn hello_world(cluster: &Cluster, size: Size) -> Result<Row> {
    let hello = Hello::start().await?;
    let asked = greeting("/");
    let mut rounds = Vec::new();
    for _ in 0..size.rounds {
        let cpu = || hello.cpu();
        rounds.push(http(cluster, &cpu, hello.address, &asked, size, 0).await?.0);
    }
    Ok(row("actix hello world", None, &rounds, &[], Expected::default()))
}

/// What a work is measured with.
struct Bench<'a> {
    cluster: &'a Cluster,
    market: &'a Market,
    marketplace: &'a Marketplace,
    client: &'a Client,
    url: &'a str,
    size: Size,
}

impl Bench<'_> {
    /// Finds out what a work says to the database, then measures in turn. `round` numbers the runs of pgbench.
    async fn work(&self, work: &Work, round: &mut u32, keep: Option<&PathBuf>) -> Result<Row> {
        let samples = u64::try_from(self.size.samples)?;
        let address = self.market.address;
        let (captured, mut next) =
            capture::capture(self.cluster, address, &work.asked, samples, 0).await?;
        let script = self.script(work, &captured).await?;
        if let Some(folder) = keep {
            fs::create_dir_all(folder)?;
            let path = folder.join(format!("{}.sql", work.name.replace([' ', ','], "-")));
            fs::write(path, &script.text)?;
        }
        let cpu = || self.market.cpu();
        let (mut http_rounds, mut pgbench_rounds) = (Vec::new(), Vec::new());
        for _ in 0..self.size.rounds {
            let (measured, after) =
                http(self.cluster, &cpu, address, &work.asked, self.size, next).await?;
            next = after;
            http_rounds.push(measured);
            *round += 1;
            pgbench_rounds.push(self.pgbench(&script, *round).await?);
        }
        Ok(row(work.name, Some(script.statements), &http_rounds, &pgbench_rounds, work.expected))
    }

    async fn script(&self, work: &Work, captured: &Captured) -> Result<Script> {
        let of = work.calendar.map(|calendar| {
            move |number| -> DateTime<Utc> { self.marketplace.slot(calendar, number) }
        });
        let slots = work.calendar.zip(of.as_ref()).map(|(calendar, of)| Slots {
            of,
            minutes: calendar.minutes,
            a_day: calendar.a_day,
            one_calendar: calendar.shared,
        });
        let known = Known { ids: &self.marketplace.ids, slots, connections: self.size.connections };
        script::write(self.client, captured, &known).await
    }

    /// The rate, and PostgreSQL's processor time per transaction in milliseconds.
    async fn pgbench(&self, script: &Script, round: u32) -> Result<(f64, f64)> {
        let mut edges = Vec::new();
        let rate = pgbench::run(self.url, script, self.size, round, || {
            edges.push(self.cluster.cpu()?);
            Ok(())
        })
        .await?;
        let used = between(&edges)?;
        let transactions = rate.0 * pgbench::counted(self.size).as_secs_f64();
        Ok((rate.0, used.as_secs_f64() * 1000.0 / transactions))
    }
}

fn between(edges: &[Duration]) -> Result<Duration> {
    match edges {
        [begin, end] => Ok(end.saturating_sub(*begin)),
        _ => anyhow::bail!("a measurement has two edges, not {}", edges.len()),
    }
}

/// Measures one round over HTTP. The number after the last request comes back too.
async fn http(
    cluster: &Cluster,
    server_cpu: &dyn Fn() -> Result<Duration>,
    address: std::net::SocketAddr,
    asked: &Asked,
    size: Size,
    first: u64,
) -> Result<(Http, u64)> {
    let mut edges = Vec::new();
    let times = (size.warm_up, Duration::from_secs(u64::from(size.seconds)));
    let connections = usize::from(size.connections);
    let (load, next) = load::run(address, connections, times, first, asked, || {
        let client = process::cpu_of(std::process::id())?;
        edges.push(Used { server: server_cpu()?, postgres: cluster.cpu()?, client });
        Ok(())
    })
    .await?;
    let part = |of: fn(&Used) -> Duration| between(&edges.iter().map(of).collect::<Vec<_>>());
    let used = [part(|used| used.server)?, part(|used| used.postgres)?, part(|used| used.client)?];
    ensure!(load.count() > 0, "nothing was answered in {} s", size.seconds);
    Ok((of_load(&load, used), next))
}

fn of_load(load: &Load, used: [Duration; 3]) -> Http {
    let count = number(load.count());
    Http {
        rate: count / load.took.as_secs_f64(),
        p50: load.percentile(50),
        p99: load.percentile(99),
        used: used.map(|used| used.as_secs_f64() * 1000.0 / count),
    }
}

fn row(
    name: &'static str,
    statements: Option<(usize, usize)>,
    http: &[Http],
    pgbench: &[(f64, f64)],
    expected: Expected,
) -> Row {
    let over = |of: fn(&Http) -> f64| median(http.iter().map(of));
    let asked = !pgbench.is_empty();
    Row {
        name,
        statements,
        http: over(|round| round.rate),
        pgbench: asked.then(|| median(pgbench.iter().map(|(rate, _)| *rate))),
        p50: over(|round| round.p50),
        p99: over(|round| round.p99),
        server_cpu: over(|round| round.used[0]),
        postgres_cpu: over(|round| round.used[1]),
        client_cpu: over(|round| round.used[2]),
        pgbench_cpu: asked.then(|| median(pgbench.iter().map(|(_, cpu)| *cpu))),
        expected,
    }
}
