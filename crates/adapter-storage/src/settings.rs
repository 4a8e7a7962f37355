use std::path::PathBuf;

use secrecy::SecretString;
use thiserror::Error;

/// Where files lie.
#[derive(Debug, Clone)]
pub enum Settings {
    /// In a folder of this machine. Several servers need a folder that they share.
    Local {
        /// The folder; made when it is missing.
        folder: PathBuf,
    },
    /// In a bucket of Amazon S3, or of anything that speaks its language.
    S3(Box<S3>),
}

/// How to reach a bucket.
#[derive(Debug, Clone)]
pub struct S3 {
    /// The address of the service, such as `https://s3.example`; without it Amazon's own.
    pub endpoint: Option<String>,
    /// The bucket. It must exist.
    pub bucket: String,
    /// The region to sign for.
    pub region: String,
    /// The name of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: SecretString,
    /// Whether the bucket stands in the path (`https://s3.example/bucket/…`) rather than in the
    /// name of the host. Most services of one's own want that.
    pub path_style: bool,
    /// Whether the service may be spoken to without TLS.
    pub allow_http: bool,
    /// How files reach the public.
    pub delivery: Delivery,
    /// For [`Delivery::Public`]: what stands before the key, without a slash at the end, such as
    /// the address of a content delivery network.
    pub public_url: Option<String>,
}

/// How files of a bucket reach the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Through us: the bucket stays private, and needs no address that the public can reach.
    #[default]
    Proxy,
    /// By a redirect to an address that the bucket accepts for an hour.
    Presigned,
    /// By a redirect to an address below `public_url`, which everybody may read.
    Public,
}

/// Why a storage cannot be opened.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The folder cannot be made or used.
    #[error("the folder for files {folder} cannot be used")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something is missing, or cannot be understood.
    #[error("the settings of the bucket make no sense")]
    Bucket(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The delivery is public, but nobody said where.
    #[error("`delivery = \"public\"` needs a `public_url`")]
    NoPublicUrl,
}
