use std::net::SocketAddr;
use std::str::FromStr;

use clap::Args;

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

/// How `worker` runs.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WorkerFlags {
    /// Follows the simulated time of a server started with `--simulate`.
    #[arg(long)]
    pub(super) simulate: bool,
}
