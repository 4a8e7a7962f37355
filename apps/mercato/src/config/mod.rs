//! What an operator may set: defaults, then one TOML file, then environment variables, then flags.
//!
//! `config/mercato.toml` documents every key; a test keeps it in step with the structs here, and
//! `docs/configuration.md` is rendered from it.

mod documentation;
mod gateways;
mod network;
mod secret;
mod sections;
mod source;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use documentation::EXAMPLE;
pub use gateways::{CloudPayments, Gateways, ManualTransfers, SandboxGateway, Stripe};
pub use network::{Network, NotANetwork};
pub use secret::Secret;
pub use sections::{
    Algorithm, Auth, Database, Environment, Jobs, Limits, LogFormat, Logs, Mail, MailTransport,
    Media, Metrics, Server, Storage, StorageDelivery, StorageKind, Traces,
};
use sections::{DEMO_APPLICATION_KEY, DEMO_SIGNING_KEY};
use source::Values;

/// The file that is read when none is named and it exists.
const DEFAULT_FILE: &str = "mercato.toml";

/// The shortest secret that production accepts, in bytes.
const SHORTEST_SECRET: usize = 32;

/// Everything an operator may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How strict the marketplace is with its operator.
    pub environment: Environment,
    /// The name of a shipped profile, or the path of a profile's file.
    pub profile: String,
    /// The API's own server.
    pub server: Server,
    /// Measurements.
    pub metrics: Metrics,
    /// PostgreSQL.
    pub database: Database,
    /// Tokens and passwords.
    pub auth: Auth,
    /// Outgoing mail.
    pub mail: Mail,
    /// Pictures and documents.
    pub storage: Storage,
    /// Who takes money for the marketplace.
    pub gateways: Gateways,
    /// What people may upload.
    pub media: Media,
    /// How often one caller may do something.
    pub limits: Limits,
    /// What is logged.
    pub logs: Logs,
    /// What a collector of traces is told.
    pub traces: Traces,
    /// Background work.
    pub jobs: Jobs,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Development,
            profile: "home-design".to_owned(),
            server: Server::default(),
            metrics: Metrics::default(),
            database: Database::default(),
            auth: Auth::default(),
            mail: Mail::default(),
            storage: Storage::default(),
            gateways: Gateways::default(),
            media: Media::default(),
            limits: Limits::default(),
            logs: Logs::default(),
            traces: Traces::default(),
            jobs: Jobs::default(),
        }
    }
}

/// Why the settings are of no use.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The named file is not there.
    #[error("there is no configuration file at {}", .0.display())]
    NoFile(PathBuf),
    /// A value is unknown or of the wrong kind; the text names its key and where it stands.
    #[error("{}", explain(.0))]
    Value(#[source] Box<figment::Error>),
    /// An environment variable or flag that stands for no setting.
    #[error("{origin} names no setting: there is no {key:?}; `mercato config example` lists all")]
    Unknown {
        /// The variable or flag.
        origin: String,
        /// The key it would set.
        key: String,
    },
    /// The file that holds a secret cannot be read.
    #[error("cannot read the secret in {} that {variable} names", path.display())]
    SecretFile {
        /// The variable that names the file.
        variable: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Values that are right each by itself, but not together.
    #[error("{0}")]
    Refused(String),
}

fn explain(error: &figment::Error) -> String {
    let mut text = format!("{}", error.kind);
    if !error.path.is_empty() {
        text = format!("setting `{}`: {text}", error.path.join("."));
    }
    if let Some(metadata) = &error.metadata {
        text = match &metadata.source {
            Some(source) => format!("{text} (in {source})"),
            None => format!("{text} (in {})", metadata.name),
        };
    }
    text
}

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file named by `--config` or `MERCATO_CONFIG`.
    pub file: Option<PathBuf>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Flags: key and value.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The environment of this process, and what the command line says.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        Self { file, environment: std::env::vars().collect(), flags }
    }
}

/// How a server at this address is reached from this machine, while nobody has said how it is
/// reached from outside.
fn reached_at(address: SocketAddr) -> String {
    let ip = match address.ip() {
        everywhere if everywhere.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn is_http(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))
}

impl Settings {
    /// Reads and checks the settings.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = &sources.file {
            if !path.is_file() {
                return Err(ConfigError::NoFile(path.clone()));
            }
            figment = figment.merge(Toml::file_exact(path));
        } else if Path::new(DEFAULT_FILE).is_file() {
            figment = figment.merge(Toml::file_exact(DEFAULT_FILE));
        }
        let figment = figment
            .merge(Values::of_environment(&sources.environment)?)
            .merge(Values::of_flags(&sources.flags)?);
        let mut settings: Self =
            figment.extract().map_err(|error| ConfigError::Value(Box::new(error)))?;
        if figment.find_value("server.public_url").is_err() {
            settings.server.public_url = reached_at(settings.server.address);
        }
        settings.check()?;
        Ok(settings)
    }

    /// How this machine reaches the server that these settings describe.
    pub fn own_url(&self) -> String {
        reached_at(self.server.address)
    }

    /// Whether demo secrets, demo data and simulated time are refused.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// The rules of accounts and sessions.
    pub fn identity_policy(&self) -> identity::Policy {
        use chrono::TimeDelta;
        let required = self.auth.require_verified_email.unwrap_or(self.is_production());
        identity::Policy {
            require_verified_email: required,
            access_token_lifetime: TimeDelta::seconds(i64::from(self.auth.access_token_seconds)),
            refresh_token_lifetime: TimeDelta::days(i64::from(self.auth.refresh_token_days)),
            ..identity::Policy::default()
        }
    }

    /// All settings as TOML, secrets masked.
    pub fn masked(&self) -> String {
        toml::to_string_pretty(self).expect("settings are plain tables and values")
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut faults = Vec::new();
        let mut refuse_if = |wrong: bool, why: &str| {
            if wrong {
                faults.push(why.to_owned());
            }
        };
        refuse_if(
            self.server.public_url.ends_with('/'),
            "server.public_url must not end with a slash",
        );
        refuse_if(
            !is_http(&self.server.public_url),
            "server.public_url must start with https:// (or http://)",
        );
        refuse_if(
            self.mail.transport == MailTransport::Smtp && self.mail.url.is_none(),
            "mail.transport is smtp, so mail.url must name the server",
        );
        refuse_if(
            self.storage.kind == StorageKind::S3 && self.storage.s3_bucket.is_none(),
            "storage.kind is s3, so storage.s3_bucket must name the bucket",
        );
        refuse_if(
            self.storage.kind == StorageKind::S3
                && (self.storage.s3_access_key_id.is_none()
                    || self.storage.s3_secret_access_key.is_none()),
            "storage.kind is s3, so storage.s3_access_key_id and storage.s3_secret_access_key \
             must be set",
        );
        refuse_if(
            self.storage.s3_delivery == StorageDelivery::Public
                && self.storage.s3_public_url.is_none(),
            "storage.s3_delivery is public, so storage.s3_public_url must be set",
        );
        refuse_if(self.database.connections < 2, "database.connections must be at least 2");
        refuse_if(
            self.database.search_connections == 0,
            "database.search_connections must not be 0",
        );
        refuse_if(self.jobs.concurrency == 0, "jobs.concurrency must not be 0");
        refuse_if(self.jobs.local_queue == 0, "jobs.local_queue must not be 0");
        refuse_if(
            self.jobs.dead_after_ms < 2 * self.jobs.heartbeat_ms,
            "jobs.dead_after_ms must be at least twice jobs.heartbeat_ms",
        );
        refuse_if(
            self.jobs.timer_poll_ms == 0 || self.jobs.poll_ms == 0,
            "jobs.poll_ms and jobs.timer_poll_ms must not be 0",
        );
        refuse_if(
            self.server.request_timeout_seconds == 0,
            "server.request_timeout_seconds must not be 0",
        );
        refuse_if(
            self.auth.password_hash_concurrency == 0,
            "auth.password_hash_concurrency must not be 0",
        );
        for (wrong, why) in self.gateways.faults(self.is_production()) {
            refuse_if(wrong, why);
        }
        refuse_if(
            self.traces.endpoint.as_ref().is_some_and(|endpoint| !is_http(endpoint)),
            "traces.endpoint must start with http:// or https://",
        );
        refuse_if(
            self.traces.sample_per_thousand > 1_000,
            "traces.sample_per_thousand must not be above 1000",
        );
        if self.is_production() {
            refuse_if(
                self.auth.signing_key.expose() == DEMO_SIGNING_KEY,
                "auth.signing_key is the demo's: production needs one of its own",
            );
            refuse_if(
                self.server.application_key.expose() == DEMO_APPLICATION_KEY,
                "server.application_key is the demo's: production needs one of its own",
            );
            refuse_if(
                self.auth.signing_key.expose().len() < SHORTEST_SECRET,
                "auth.signing_key must have at least 32 bytes",
            );
            refuse_if(
                self.server.application_key.expose().len() < SHORTEST_SECRET,
                "server.application_key must have at least 32 bytes",
            );
            refuse_if(
                !self.server.public_url.starts_with("https://"),
                "server.public_url must start with https:// in production",
            );
            refuse_if(
                self.database.url.is_none(),
                "database.url must be set in production (DATABASE_URL)",
            );
            refuse_if(
                self.mail.goes_out_in_the_clear(),
                "mail.url must be smtps:// or smtp://…?tls=required in production, unless the \
                 server is on this machine: mails hold links that sign people in",
            );
        }
        if faults.is_empty() { Ok(()) } else { Err(ConfigError::Refused(faults.join("; "))) }
    }
}

impl Server {
    /// How many threads serve requests.
    pub fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(2, usize::from);
        if self.workers == 0 { processors() } else { self.workers }
    }
}

impl Database {
    /// The address that is configured, with the root certificate that is set beside it.
    pub fn address(&self) -> Option<String> {
        let url = self.url.as_ref()?.expose();
        Some(match &self.root_certificate {
            Some(roots) => adapter_postgres::trusting(url, roots),
            None => url.to_owned(),
        })
    }

    /// What the adapter needs to connect to `url` from so many runtimes.
    pub fn pools(&self, url: &str, runtimes: usize) -> adapter_postgres::Settings {
        use std::time::Duration;
        adapter_postgres::Settings {
            url: url.to_owned(),
            connections: self.connections,
            search_connections: self.search_connections,
            runtimes,
            statement_timeout: Duration::from_millis(self.statement_timeout_ms),
            lock_timeout: Duration::from_millis(self.lock_timeout_ms),
            idle_in_transaction_timeout: Duration::from_millis(self.idle_in_transaction_timeout_ms),
            checkout_timeout: Duration::from_millis(self.checkout_timeout_ms),
        }
    }
}

#[cfg(test)]
mod tests;
