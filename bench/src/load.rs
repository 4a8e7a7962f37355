//! Load over HTTP/1.1: a connection each asks, waits for the whole answer, and asks again. As little as will do, so
//! that the server gets the processors.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Writes the request of a number, for a connection.
pub(crate) type Write = dyn Fn(u64, usize, &mut Vec<u8>) + Send + Sync;

/// What is asked, and what must be answered.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) write: Arc<Write>,
    pub(crate) status: u16,
}

/// What a load has measured.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) took: Duration,
    /// Microseconds, in order.
    pub(crate) latencies: Vec<u32>,
}

impl Load {
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.latencies.len()).unwrap_or(u64::MAX)
    }

    /// The latency that so many percent do not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let place = (self.latencies.len() * percent).div_ceil(100).max(1) - 1;
        self.latencies.get(place).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const ENDED: u8 = 2;

struct Shared {
    asked: Asked,
    phase: AtomicU8,
    next: AtomicU64,
}

/// Asks for some time, and some time before that does not count. `at_edge` is called when the counting begins and when
/// it ends. Requests are numbered from `first`; the number after the last comes back too.
pub(crate) async fn run(
    address: SocketAddr,
    connections: usize,
    (warm_up, seconds): (Duration, Duration),
    first: u64,
    asked: &Asked,
    mut at_edge: impl FnMut() -> Result<()>,
) -> Result<(Load, u64)> {
    let shared = Arc::new(Shared {
        asked: asked.clone(),
        phase: AtomicU8::new(WARMING_UP),
        next: AtomicU64::new(first),
    });
    let mut tasks = JoinSet::new();
    for connection in 0..connections {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        tasks.spawn(keep_asking(stream, connection, Arc::clone(&shared)));
    }
    tokio::time::sleep(warm_up).await;
    at_edge()?;
    shared.phase.store(MEASURING, Ordering::Relaxed);
    let begun = Instant::now();
    tokio::time::sleep(seconds).await;
    shared.phase.store(ENDED, Ordering::Relaxed);
    let took = begun.elapsed();
    at_edge()?;
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    latencies.sort_unstable();
    Ok((Load { took, latencies }, shared.next.load(Ordering::Relaxed)))
}

async fn keep_asking(
    mut stream: TcpStream,
    connection: usize,
    shared: Arc<Shared>,
) -> Result<Vec<u32>> {
    let mut latencies = Vec::new();
    let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(64 * 1024));
    loop {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        request.clear();
        (shared.asked.write)(number, connection, &mut request);
        let begun = Instant::now();
        stream.write_all(&request).await?;
        let status = read(&mut stream, &mut answer).await?;
        let took = begun.elapsed();
        ensure!(
            status == shared.asked.status,
            "request {number} was answered with {status}: {}\n{}",
            String::from_utf8_lossy(&request),
            String::from_utf8_lossy(&answer)
        );
        match shared.phase.load(Ordering::Relaxed) {
            WARMING_UP => {}
            MEASURING => latencies.push(u32::try_from(took.as_micros())?),
            _ => return Ok(latencies),
        }
    }
}

/// Asks the requests of some numbers, each once.
pub(crate) async fn each(
    address: SocketAddr,
    connections: usize,
    numbers: std::ops::Range<u64>,
    asked: &Asked,
) -> Result<()> {
    let next = Arc::new(AtomicU64::new(numbers.start));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (next, asked, end) = (Arc::clone(&next), asked.clone(), numbers.end);
        tasks.spawn(async move {
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    number if number >= end => return anyhow::Ok(()),
                    number => ask(address, &asked, number).await?,
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Asks once, on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, asked: &Asked, number: u64) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    (asked.write)(number, usize::try_from(number)?, &mut request);
    stream.write_all(&request).await?;
    let status = read(&mut stream, &mut answer).await?;
    ensure!(
        status == asked.status,
        "answered with {status}: {}\n{}",
        String::from_utf8_lossy(&request),
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}

/// Reads one whole answer.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<u16> {
    answer.clear();
    let mut searched = 0;
    let head = loop {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server closed the connection");
        }
        let from = usize::saturating_sub(searched, 3);
        if let Some(at) = answer[from..].windows(4).position(|four| four == b"\r\n\r\n") {
            break from + at + 4;
        }
        searched = answer.len();
    };
    let (status, length) = head_of(&answer[..head])?;
    while answer.len() < head + length {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server closed the connection within an answer");
        }
    }
    Ok(status)
}

/// The status of an answer, and how many bytes follow its head.
fn head_of(head: &[u8]) -> Result<(u16, usize)> {
    let head = std::str::from_utf8(head)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.with_context(|| format!("this is no HTTP: {head}"))?;
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
        ensure!(
            !name.eq_ignore_ascii_case("transfer-encoding"),
            "answers of unknown length are not understood"
        );
    }
    Ok((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_much_follows() {
        let head = b"HTTP/1.1 201 Created\r\nx: y\r\nContent-Length: 12\r\n\r\n";

        assert_eq!(head_of(head).unwrap(), (201, 12));
    }

    #[test]
    fn percentiles_are_latencies_that_were_seen() {
        let load = Load { took: Duration::ZERO, latencies: (1..=100).map(|n| n * 1000).collect() };

        assert!((load.percentile(50) - 50.0).abs() < f64::EPSILON);
        assert!((load.percentile(99) - 99.0).abs() < f64::EPSILON);
    }
}
