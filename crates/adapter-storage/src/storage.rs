use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::media::{LocalFile, MediaKind, ObjectStore, ObjectStoreError, StorageKey};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStoreExt,
    RetryConfig,
};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::settings::{Delivery, S3, Settings, SettingsError};

/// Files are sent in parts of this many bytes; S3 takes no smaller ones.
const PART: usize = 5 * 1024 * 1024;

/// How long a presigned address is good for.
const PRESIGNED_FOR: Duration = Duration::from_hours(1);

/// The longest that one request to a bucket may take, with its retries. Uploads happen while a
/// person waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Files in a folder or a bucket.
#[derive(Clone)]
pub struct Storage {
    objects: Arc<dyn object_store::ObjectStore>,
    /// Whether the store keeps content type and such beside an object; a folder does not.
    keeps_attributes: bool,
    address: Address,
}

/// Where the public reaches an object without us.
#[derive(Clone)]
enum Address {
    Nowhere,
    Presigned(Arc<AmazonS3>),
    Below(Arc<str>),
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Storage").field(&self.objects.to_string()).finish()
    }
}

/// An object that is being read.
pub struct StoredObject {
    /// The size of the whole object, in bytes.
    pub size: u64,
    /// The part of it that follows.
    pub range: Range<u64>,
    /// The bytes.
    pub bytes: BoxStream<'static, Result<Bytes, ObjectStoreError>>,
}

impl fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredObject")
            .field("size", &self.size)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

fn failed<E>(action: &'static str) -> impl Fn(E) -> ObjectStoreError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| ObjectStoreError { action, source: source.into() }
}

impl Storage {
    /// Opens a storage. A bucket is not asked yet.
    pub fn open(settings: &Settings) -> Result<Self, SettingsError> {
        match settings {
            Settings::Local { folder } => {
                let broken = |source: Box<dyn std::error::Error + Send + Sync>| {
                    SettingsError::Folder { folder: folder.clone(), source }
                };
                std::fs::create_dir_all(folder).map_err(|error| broken(error.into()))?;
                let files = LocalFileSystem::new_with_prefix(folder)
                    .map_err(|error| broken(error.into()))?;
                Ok(Self {
                    objects: Arc::new(files),
                    keeps_attributes: false,
                    address: Address::Nowhere,
                })
            }
            Settings::S3(settings) => Self::bucket(settings),
        }
    }

    fn bucket(settings: &S3) -> Result<Self, SettingsError> {
        let S3 {
            endpoint,
            bucket,
            region,
            access_key,
            secret_key,
            path_style,
            allow_http,
            delivery,
            public_url,
        } = settings;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_access_key_id(access_key)
            .with_secret_access_key(secret_key.expose_secret())
            .with_virtual_hosted_style_request(!path_style)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 3,
                retry_timeout: PATIENCE,
            })
            .with_client_options(
                ClientOptions::new()
                    .with_timeout(PATIENCE)
                    .with_connect_timeout(Duration::from_secs(5))
                    .with_allow_http(*allow_http),
            );
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let objects =
            Arc::new(builder.build().map_err(|error| SettingsError::Bucket(error.into()))?);
        let address = match (delivery, public_url) {
            (Delivery::Proxy, _) => Address::Nowhere,
            (Delivery::Presigned, _) => Address::Presigned(Arc::clone(&objects)),
            (Delivery::Public, Some(url)) => Address::Below(url.trim_end_matches('/').into()),
            (Delivery::Public, None) => return Err(SettingsError::NoPublicUrl),
        };
        Ok(Self { objects, keeps_attributes: true, address })
    }

    /// An object, or the given part of it, as a stream; `None` if there is no such object. A part
    /// that reaches beyond the end is cut; the caller has checked that it begins before it.
    pub async fn open_object(
        &self,
        key: &StorageKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<StoredObject>, ObjectStoreError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = match self.objects.get_opts(&path(key), options).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed("read a file")(error)),
        };
        Ok(Some(StoredObject {
            size: found.meta.size,
            range: found.range.clone(),
            bytes: found.into_stream().map_err(failed("read a file")).boxed(),
        }))
    }

    /// What a bucket shall answer with when it serves the object itself.
    fn attributes(&self, key: &StorageKey) -> Attributes {
        if !self.keeps_attributes {
            return Attributes::new();
        }
        let format = key.format();
        let mut attributes = Attributes::from_iter([
            (Attribute::ContentType, format.content_type()),
            (Attribute::CacheControl, "public, max-age=31536000, immutable"),
        ]);
        if format.kind() == MediaKind::Document {
            attributes.insert(Attribute::ContentDisposition, "attachment".into());
        }
        attributes
    }
}

/// A key is made of hexadecimal digits, a slash and a dot: it cannot lead out of the storage.
fn path(key: &StorageKey) -> Path {
    Path::from(key.as_str())
}

#[async_trait]
impl ObjectStore for Storage {
    async fn put(&self, key: &StorageKey, file: &LocalFile) -> Result<(), ObjectStoreError> {
        let action = "store a file";
        let mut source = tokio::fs::File::open(file.path()).await.map_err(failed(action))?;
        let mut target = BufWriter::with_capacity(Arc::clone(&self.objects), path(key), PART)
            .with_attributes(self.attributes(key));
        let mut part = vec![0; 256 * 1024];
        loop {
            let length = source.read(&mut part).await.map_err(failed(action))?;
            if length == 0 {
                break;
            }
            target.write_all(&part[..length]).await.map_err(failed(action))?;
        }
        target.shutdown().await.map_err(failed(action))
    }

    async fn fetch(&self, key: &StorageKey) -> Result<Option<LocalFile>, ObjectStoreError> {
        let action = "fetch a file";
        let Some(mut object) = self.open_object(key, None).await? else { return Ok(None) };
        let (file, path) = tempfile::NamedTempFile::new().map_err(failed(action))?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        while let Some(bytes) = object.bytes.try_next().await? {
            file.write_all(&bytes).await.map_err(failed(action))?;
        }
        file.flush().await.map_err(failed(action))?;
        Ok(Some(LocalFile::new(path, object.size)))
    }

    async fn delete(&self, key: &StorageKey) -> Result<(), ObjectStoreError> {
        match self.objects.delete(&path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("delete a file")(error)),
        }
    }

    async fn list(&self) -> Result<Vec<StorageKey>, ObjectStoreError> {
        let objects: Vec<_> =
            self.objects.list(None).try_collect().await.map_err(failed("list files"))?;
        // What is not ours is not listed: a bucket may hold more than media.
        Ok(objects.iter().filter_map(|object| object.location.as_ref().parse().ok()).collect())
    }

    async fn public_url(&self, key: &StorageKey) -> Result<Option<String>, ObjectStoreError> {
        match &self.address {
            Address::Nowhere => Ok(None),
            Address::Below(url) => Ok(Some(format!("{url}/{key}"))),
            Address::Presigned(bucket) => bucket
                .signed_url(
                    "GET".parse().map_err(failed("sign an address"))?,
                    &path(key),
                    PRESIGNED_FOR,
                )
                .await
                .map(|url| Some(url.into()))
                .map_err(failed("sign an address")),
        }
    }
}
