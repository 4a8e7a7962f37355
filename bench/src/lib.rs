//! Measures the marketplace as it ships: the release binary, a process of its own, on a PostgreSQL of its own, asked
//! over HTTP. Beside every figure stands what the same statements give when `pgbench` sends them, which pays no HTTP.
//!
//! The statements are not written down here: the server is asked once with the database's log open, and what it then
//! said to the database becomes the script of `pgbench` (`capture`, `script`). So they cannot drift.
//!
//! A measurement is taken in rounds, in turn: HTTP, pgbench, HTTP, pgbench, … so that noise hits both; medians are
//! printed. `docs/ops/benchmark.md` says how to read them.

mod arguments;
mod capture;
mod cluster;
mod hello;
mod load;
mod market;
mod measure;
mod page;
mod payments;
mod pgbench;
mod process;
mod report;
mod script;
mod works;

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use clap::Parser;

use crate::arguments::{Arguments, Command};

/// Runs the program with the arguments of the process.
pub fn run() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Command::Hello { address }) = arguments.command {
        hello::serve(address)?;
        return Ok(ExitCode::SUCCESS);
    }
    // One thread: the client shall take little from the server that it measures.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measure::measure(arguments))
}

/// Prints a line.
fn say(line: &str) {
    // Whoever does not listen misses nothing that the page does not say.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A count as a number to calculate with; counts here are far below the 2⁵³ that it holds exactly.
fn number(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).map_or(f64::INFINITY, f64::from);
    let low = u32::try_from(count & u64::from(u32::MAX)).map_or(0.0, f64::from);
    high * 4_294_967_296.0 + low
}

/// The one in the middle.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact() {
        assert!((number(5_000_000_007) - 5_000_000_007.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_median_is_no_mean() {
        assert!((median([9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
