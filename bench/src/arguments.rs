use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};

/// Measures Mercato as it ships, beside pgbench with the same statements.
#[derive(Debug, Parser)]
#[command(name = "mercato-bench", max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Listings in the marketplace; one provider for each twenty.
    #[arg(long, default_value_t = 100_000)]
    listings: u32,
    /// Connections to the server, and of pgbench.
    #[arg(long, default_value_t = 32)]
    connections: u16,
    /// Seconds that each measurement takes.
    #[arg(long, default_value_t = 4)]
    seconds: u16,
    /// Rounds, of which medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: u16,
    /// Only the works whose names contain this.
    #[arg(long, value_name = "PART")]
    pub(crate) only: Option<String>,
    /// Tiny numbers, to see that it runs; its figures say nothing.
    #[arg(long)]
    pub(crate) smoke: bool,
    /// The server's binary; without it the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,
    /// Where the database lies between runs; without it below the folder of this program.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) home: Option<PathBuf>,
    /// Also writes the result into this page, between its marks.
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
    /// Keeps the scripts of pgbench in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scripts: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves a greeting and nothing else: what the HTTP server can do at best.
    Hello {
        /// Where it listens.
        address: SocketAddr,
    },
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) listings: u32,
    pub(crate) connections: u16,
    pub(crate) rounds: u16,
    /// How long the load runs before it counts.
    pub(crate) warm_up: Duration,
    pub(crate) seconds: u16,
    /// Different requests that are asked in turn.
    pub(crate) samples: usize,
    /// Starts of the server, of which the median counts.
    pub(crate) starts: usize,
    /// People who pay, one of whom sells.
    pub(crate) payers: u16,
}

impl Arguments {
    pub(crate) fn size(&self) -> Size {
        if self.smoke {
            return Size {
                listings: 2_000,
                connections: 4,
                rounds: 1,
                warm_up: Duration::from_millis(50),
                seconds: 1,
                samples: 24,
                starts: 1,
                payers: 9,
            };
        }
        Size {
            listings: self.listings,
            connections: self.connections.max(1),
            rounds: self.rounds.max(1),
            warm_up: Duration::from_secs(1),
            seconds: self.seconds.max(1),
            samples: 128,
            starts: 5,
            payers: 501,
        }
    }
}

impl Size {
    pub(crate) const fn providers(self) -> u32 {
        self.listings / 20
    }
}
