use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use billing::{GatewayName, SettlementLine, parse_settlement};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::doctor::Part;

/// `section.key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    key: String,
    value: String,
}

impl Assignment {
    pub(super) fn into_pair(self) -> (String, String) {
        (self.key, self.value)
    }
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| "write it as section.key=value, such as server.workers=4".to_owned())?;
        Ok(Self { key: key.trim().to_owned(), value: value.to_owned() })
    }
}

/// How `serve` runs.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct ServeFlags {
    /// Serves the API without running background jobs.
    #[arg(long, conflicts_with = "no_api")]
    pub(super) no_worker: bool,
    /// Runs background jobs without serving the API.
    #[arg(long)]
    pub(super) no_api: bool,
    /// Fills an empty database with a demo marketplace. Refused in production.
    #[arg(long)]
    pub(super) seed_demo: bool,
    /// Lets `POST /api/v1/admin/clock/advance` move the time. Refused in production.
    #[arg(long)]
    pub(super) simulate: bool,
    /// The marketplace: the name of a shipped profile, or the path of a profile's file.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Where the API listens.
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: Option<SocketAddr>,
}

impl ServeFlags {
    /// The flags that stand for settings.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let profile = self.profile.iter().map(|name| ("profile".to_owned(), name.clone()));
        let address = self.address.iter().map(|at| ("server.address".to_owned(), at.to_string()));
        profile.chain(address).collect()
    }
}

/// What the doctor looks at, and beside what.
#[derive(Debug, Clone, Args)]
pub(super) struct DoctorFlags {
    /// What to look at; all of it without.
    pub(super) part: Option<Part>,
    /// Makes right what can be: ratings are set to what their reviews add up to.
    #[arg(long)]
    pub(super) mend: bool,
    #[command(flatten)]
    pub(super) settlement: SettlementFlags,
}

/// What a gateway says that it settled.
#[derive(Debug, Clone, Args)]
pub(super) struct SettlementFlags {
    /// For the ledger: a gateway's settlement file to compare it with, as CSV with the columns kind
    /// (capture, refund, chargeback, reinstatement), transaction, amount in minor units, currency.
    #[arg(long, value_name = "FILE", requires = "gateway")]
    gateway_report: Option<PathBuf>,
    /// Whose file it is: stripe, cloudpayments or sandbox.
    #[arg(long, value_name = "NAME", requires = "gateway_report")]
    gateway: Option<GatewayName>,
    /// From when on the file tells, as RFC 3339; from the beginning without it.
    #[arg(long, value_name = "TIME", requires = "gateway_report")]
    from: Option<DateTime<Utc>>,
    /// Until when, but not including; until now without it.
    #[arg(long, value_name = "TIME", requires = "gateway_report")]
    to: Option<DateTime<Utc>>,
}

/// A gateway's settlement file, read.
pub(super) struct Settlement {
    pub(super) gateway: GatewayName,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    pub(super) lines: Vec<SettlementLine>,
}

impl SettlementFlags {
    /// Reads the file, if one is named.
    pub(super) fn read(self, part: Option<Part>) -> anyhow::Result<Option<Settlement>> {
        let (Some(file), Some(gateway)) = (self.gateway_report, self.gateway) else {
            return Ok(None);
        };
        if part.is_some_and(|part| part != Part::Ledger) {
            bail!("--gateway-report is for `doctor ledger`");
        }
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let lines = parse_settlement(&text)
            .with_context(|| format!("{} is no settlement file", file.display()))?;
        Ok(Some(Settlement {
            gateway,
            from: self.from.unwrap_or(DateTime::UNIX_EPOCH),
            // Simulated time may be ahead of ours.
            to: self.to.unwrap_or(DateTime::UNIX_EPOCH + TimeDelta::days(100_000)),
            lines,
        }))
    }
}

/// How `worker` runs.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WorkerFlags {
    /// Follows the simulated time of a server started with `--simulate`.
    #[arg(long)]
    pub(super) simulate: bool,
}
