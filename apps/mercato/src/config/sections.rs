use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Network, Secret};

/// Good for a first look only; production refuses it.
pub(super) const DEMO_APPLICATION_KEY: &str = "demo-application-key-never-use-in-production";
/// Good for a first look only; production refuses it.
pub(super) const DEMO_SIGNING_KEY: &str = "demo-signing-key-never-use-it-in-production";

/// How strict the marketplace is with its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Demo secrets, demo data and simulated time are allowed.
    Development,
    /// None of them is.
    Production,
}

/// The API's own server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Where the API listens.
    pub address: SocketAddr,
    /// How the API is reached from outside, without a slash at the end. If left out, the address.
    pub public_url: String,
    /// Threads that serve requests; 0 for one per processor.
    pub workers: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Origins whose pages may call the API from a browser.
    pub cors_origins: Vec<String>,
    /// How long a client may take to send the head of a request, in seconds.
    pub header_timeout_seconds: u64,
    /// How long a client may take to send the body of a request, in seconds; more for a large one.
    pub request_timeout_seconds: u64,
    /// How long a request without files may take as a whole, in seconds.
    pub answer_timeout_seconds: NonZeroU32,
    /// How long a stopping server still takes requests after it calls itself not ready, in seconds.
    pub drain_notice_seconds: u64,
    /// How long a stopping server finishes requests and jobs, in seconds.
    pub shutdown_grace_seconds: u64,
    /// Signs cursors and links, hashes what is remembered of visitors, and encrypts card tokens.
    pub application_key: Secret,
    /// Application keys of before, by which card tokens are still read.
    pub former_application_keys: Vec<Secret>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: "http://127.0.0.1:8080".to_owned(),
            workers: 0,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            header_timeout_seconds: 5,
            request_timeout_seconds: 15,
            answer_timeout_seconds: NonZeroU32::new(30).expect("a literal above zero"),
            drain_notice_seconds: 0,
            shutdown_grace_seconds: 20,
            application_key: Secret::new(DEMO_APPLICATION_KEY),
            former_application_keys: Vec::new(),
        }
    }
}

/// Measurements, for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Whether they are served at all.
    pub enabled: bool,
    /// Where `/metrics` listens: an address of its own, since it is not for the public.
    pub address: SocketAddr,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enabled: true, address: SocketAddr::from(([127, 0, 0, 1], 9464)) }
    }
}

/// PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// Where it is; without it `serve` starts a private one.
    pub url: Option<Secret>,
    /// The certificates, in PEM, that the database's must come from; with it the connection is in
    /// TLS whatever `url` says.
    pub root_certificate: Option<PathBuf>,
    /// The folder of the private PostgreSQL.
    pub folder: PathBuf,
    /// Connections for everything but searches.
    pub connections: usize,
    /// Connections for searches.
    pub search_connections: usize,
    /// The longest a request waits for a connection, in milliseconds.
    pub checkout_timeout_ms: u64,
    /// The longest a statement may take, in milliseconds.
    pub statement_timeout_ms: u64,
    /// The longest a statement may wait for a lock, in milliseconds.
    pub lock_timeout_ms: u64,
    /// The longest a transaction may lie idle, in milliseconds.
    pub idle_in_transaction_timeout_ms: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            root_certificate: None,
            folder: PathBuf::from(".mercato/postgres"),
            connections: 16,
            search_connections: 8,
            checkout_timeout_ms: 5_000,
            statement_timeout_ms: 5_000,
            lock_timeout_ms: 2_000,
            idle_in_transaction_timeout_ms: 10_000,
        }
    }
}

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret signs and verifies.
    #[serde(rename = "HS256")]
    Hs256,
    /// Ed25519: a private key signs, public keys verify.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// Tokens and passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// How access tokens are signed.
    pub algorithm: Algorithm,
    /// The key's name, in the header of every token.
    pub signing_key_id: String,
    /// The key that signs.
    pub signing_key: Secret,
    /// Keys that are still believed but sign no more, each as `id:key`.
    pub accepted_keys: Vec<Secret>,
    /// Who issues the tokens (`iss`).
    pub issuer: String,
    /// Whom they are for (`aud`).
    pub audience: String,
    /// Life of an access token, in seconds.
    pub access_token_seconds: u32,
    /// Life of a refresh token, in days.
    pub refresh_token_days: u32,
    /// Whether an account signs in only after its address was verified; unset, it does in
    /// production only.
    pub require_verified_email: Option<bool>,
    /// Passwords hashed at the same time; the others wait.
    pub password_hash_concurrency: usize,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Hs256,
            signing_key_id: "demo".to_owned(),
            signing_key: Secret::new(DEMO_SIGNING_KEY),
            accepted_keys: Vec::new(),
            issuer: "mercato".to_owned(),
            audience: "mercato".to_owned(),
            access_token_seconds: 600,
            refresh_token_days: 30,
            require_verified_email: None,
            password_hash_concurrency: 2,
        }
    }
}

/// Where mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// Into a folder, one file per mail: nothing leaves the machine.
    Folder,
    /// To a mail server.
    Smtp,
}

/// Outgoing mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Where it goes.
    pub transport: MailTransport,
    /// The sender of every mail.
    pub from: String,
    /// Where links in mails lead: the web app, without a slash at the end. The API's own address
    /// where there is none.
    pub web_url: Option<String>,
    /// The folder of the transport `folder`.
    pub folder: PathBuf,
    /// The server of the transport `smtp`, with its credentials.
    pub url: Option<Secret>,
    /// The longest one delivery may take, in seconds.
    pub timeout_seconds: u64,
}

impl Mail {
    /// Whether mails may cross a network without TLS.
    pub(super) fn goes_out_in_the_clear(&self) -> bool {
        let (MailTransport::Smtp, Some(url)) = (self.transport, &self.url) else { return false };
        let Some(rest) = url.expose().strip_prefix("smtp://") else { return false };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        if query.split('&').any(|parameter| parameter == "tls=required") {
            return false;
        }
        let server = address.split('/').next().unwrap_or_default();
        let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
        let host = match server.strip_prefix('[') {
            Some(ipv6) => ipv6.split(']').next().unwrap_or_default(),
            None => server.split(':').next().unwrap_or_default(),
        };
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        !is_here
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: MailTransport::Folder,
            from: "Mercato <no-reply@mercato.example>".to_owned(),
            web_url: None,
            folder: PathBuf::from(".mercato/mail"),
            url: None,
            timeout_seconds: 20,
        }
    }
}

/// Where pictures and documents lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// In a folder of this machine.
    Folder,
    /// In a bucket of an S3 service.
    S3,
}

/// How files of a bucket reach the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageDelivery {
    /// Through us; the bucket stays private.
    Proxy,
    /// By a redirect to an address that the bucket accepts for an hour.
    Presigned,
    /// By a redirect to an address below `s3_public_url`.
    Public,
}

/// Pictures and documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Where they lie.
    pub kind: StorageKind,
    /// The folder of the kind `folder`.
    pub folder: PathBuf,
    /// The S3 service, if it is not Amazon's.
    pub s3_endpoint: Option<String>,
    /// The S3 region.
    pub s3_region: String,
    /// The S3 bucket.
    pub s3_bucket: Option<String>,
    /// The name of the S3 key.
    pub s3_access_key_id: Option<Secret>,
    /// The S3 key.
    pub s3_secret_access_key: Option<Secret>,
    /// Whether the S3 service may be spoken to without TLS.
    pub s3_allow_http: bool,
    /// Whether the bucket stands in the path rather than in the name of the host; most S3 services
    /// of one's own want that.
    pub s3_path_style: bool,
    /// How files of the bucket reach the public.
    pub s3_delivery: StorageDelivery,
    /// What stands before a file's key when the delivery is public, such as the address of a
    /// content delivery network.
    pub s3_public_url: Option<String>,
}

impl Storage {
    /// The same, as the storage itself is told. Settings that name no bucket were refused before.
    pub fn as_opened(&self) -> adapter_storage::Settings {
        let secret = |value: &Option<Secret>| {
            value.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default()
        };
        match self.kind {
            StorageKind::Folder => adapter_storage::Settings::Local { folder: self.folder.clone() },
            StorageKind::S3 => adapter_storage::Settings::S3(Box::new(adapter_storage::S3 {
                endpoint: self.s3_endpoint.clone(),
                bucket: self.s3_bucket.clone().unwrap_or_default(),
                region: self.s3_region.clone(),
                access_key: secret(&self.s3_access_key_id),
                secret_key: secret(&self.s3_secret_access_key).into(),
                path_style: self.s3_path_style,
                allow_http: self.s3_allow_http,
                delivery: match self.s3_delivery {
                    StorageDelivery::Proxy => adapter_storage::Delivery::Proxy,
                    StorageDelivery::Presigned => adapter_storage::Delivery::Presigned,
                    StorageDelivery::Public => adapter_storage::Delivery::Public,
                },
                public_url: self.s3_public_url.clone(),
            })),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            kind: StorageKind::Folder,
            folder: PathBuf::from(".mercato/media"),
            s3_endpoint: None,
            s3_region: "us-east-1".to_owned(),
            s3_bucket: None,
            s3_access_key_id: None,
            s3_secret_access_key: None,
            s3_allow_http: false,
            s3_path_style: false,
            s3_delivery: StorageDelivery::Proxy,
            s3_public_url: None,
        }
    }
}

/// What people may upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// How many bytes the pictures and documents of one account may have; 0 for any number.
    pub account_quota_bytes: u64,
}

impl Default for Media {
    fn default() -> Self {
        Self { account_quota_bytes: 1024 * 1024 * 1024 }
    }
}

/// How often one caller may do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Whether there are limits at all.
    pub enabled: bool,
    /// Requests of one account per minute.
    pub account_per_minute: NonZeroU32,
    /// Requests without an account from one network per minute.
    pub network_per_minute: NonZeroU32,
    /// Requests of one network per minute on the paths that guess passwords or send mails.
    pub sign_in_per_minute: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let per_minute = |n| NonZeroU32::new(n).expect("a literal above zero");
        Self {
            enabled: true,
            account_per_minute: per_minute(1_200),
            network_per_minute: per_minute(600),
            sign_in_per_minute: per_minute(60),
        }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object per line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// The shape of a line.
    pub format: LogFormat,
    /// Levels per module, as `tracing` writes them.
    pub filter: String,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info,graphile_worker=warn,actix_server=warn,tokio_postgres=warn".to_owned(),
        }
    }
}

/// What a collector of traces is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// The collector; unset, nothing is traced.
    pub endpoint: Option<String>,
    /// Of a thousand traces that begin here, how many are sent.
    pub sample_per_thousand: u16,
    /// What this program is called there.
    pub service_name: String,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: None, sample_per_thousand: 1_000, service_name: "mercato".to_owned() }
    }
}

/// Background work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jobs {
    /// Jobs one process runs at the same time.
    pub concurrency: usize,
    /// Jobs one process fetches ahead.
    pub local_queue: usize,
    /// How often an idle worker looks for jobs that nothing announced, in milliseconds.
    pub poll_ms: u64,
    /// How often due timers become jobs, in milliseconds.
    pub timer_poll_ms: u64,
    /// How often a worker says that it lives, in milliseconds.
    pub heartbeat_ms: u64,
    /// How often workers look for dead ones, in milliseconds.
    pub sweep_ms: u64,
    /// Silence after which a worker counts as dead, in milliseconds.
    pub dead_after_ms: u64,
    /// How long a dead worker's job waits before it runs again, in milliseconds.
    pub recovery_delay_ms: u64,
    /// How long the oldest ready job may wait before the server calls itself not ready, in
    /// seconds; 0 for any time.
    pub alarm_after_seconds: u64,
    /// Days for which events and the record of their handling are kept.
    pub event_retention_days: u32,
    /// Days for which mails are kept that were sent, or given up.
    pub mail_retention_days: u32,
    /// Days for which notifications are kept that were read.
    pub notification_retention_days: u32,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            concurrency: 8,
            local_queue: 100,
            poll_ms: 500,
            timer_poll_ms: 500,
            heartbeat_ms: 5_000,
            sweep_ms: 10_000,
            dead_after_ms: 30_000,
            recovery_delay_ms: 2_000,
            alarm_after_seconds: 0,
            event_retention_days: 90,
            mail_retention_days: 90,
            notification_retention_days: 180,
        }
    }
}
