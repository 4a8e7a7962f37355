use std::io::Write;

use catalog::media::{LocalFile, MediaFormat, ObjectStore, StorageKey};
use futures_util::TryStreamExt;
use kernel::SystemRandom;
use test_support::S3Server;

use crate::{Delivery, S3, Settings, SettingsError, Storage};

fn a_file(bytes: &[u8]) -> LocalFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    LocalFile::new(file.into_temp_path(), u64::try_from(bytes.len()).unwrap())
}

fn a_key(format: MediaFormat) -> StorageKey {
    StorageKey::generate(&SystemRandom, format)
}

fn settings(server: &S3Server, secret: &str, delivery: Delivery) -> S3 {
    S3 {
        endpoint: Some(server.endpoint()),
        bucket: S3Server::BUCKET.to_owned(),
        region: S3Server::REGION.to_owned(),
        access_key: S3Server::ACCESS_KEY.to_owned(),
        secret_key: secret.into(),
        path_style: true,
        allow_http: true,
        delivery,
        public_url: Some("https://cdn.example/files/".to_owned()),
    }
}

fn bucket(server: &S3Server, secret: &str, delivery: Delivery) -> Storage {
    Storage::open(&Settings::S3(Box::new(settings(server, secret, delivery)))).unwrap()
}

/// What every storage does, whatever lies behind it.
async fn keeps_its_promises(storage: &Storage) {
    let (key, other) = (a_key(MediaFormat::Jpeg), a_key(MediaFormat::Pdf));
    // More than one part.
    let content: Vec<u8> = (0..7_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    storage.put(&key, &a_file(&content)).await.unwrap();
    storage.put(&other, &a_file(b"%PDF-1.7")).await.unwrap();

    let copy = storage.fetch(&key).await.unwrap().unwrap();
    assert_eq!(copy.bytes(), 7_000_000);
    assert_eq!(std::fs::read(copy.path()).unwrap(), content);

    let part = storage.open_object(&key, Some(100..200)).await.unwrap().unwrap();
    assert_eq!((part.size, part.range), (7_000_000, 100..200));
    let bytes: Vec<_> = part.bytes.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), content[100..200]);

    let mut keys = storage.list().await.unwrap();
    keys.sort();
    let mut both = [key.clone(), other];
    both.sort();
    assert_eq!(keys, both);

    storage.delete(&key).await.unwrap();
    storage.delete(&key).await.unwrap();
    assert!(storage.fetch(&key).await.unwrap().is_none());
    assert!(storage.open_object(&key, None).await.unwrap().is_none());
    assert_eq!(storage.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_keeps_files() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::Local { folder: folder.path().join("media") };

    let storage = Storage::open(&settings).unwrap();

    keeps_its_promises(&storage).await;
    assert_eq!(storage.public_url(&a_key(MediaFormat::Png)).await.unwrap(), None);
}

#[tokio::test]
async fn a_bucket_keeps_files() {
    let server = S3Server::start().await;

    keeps_its_promises(&bucket(&server, S3Server::SECRET_KEY, Delivery::Proxy)).await;
}

#[tokio::test]
async fn a_wrong_secret_stores_and_shows_nothing() {
    let server = S3Server::start().await;
    let ours = bucket(&server, S3Server::SECRET_KEY, Delivery::Proxy);
    let theirs = bucket(&server, "a-guess", Delivery::Presigned);
    let key = a_key(MediaFormat::Png);

    assert!(theirs.put(&key, &a_file(b"x")).await.is_err());
    assert!(ours.list().await.unwrap().is_empty());

    ours.put(&key, &a_file(b"x")).await.unwrap();
    assert!(theirs.fetch(&key).await.is_err());
    assert!(theirs.delete(&key).await.is_err());
    let address = theirs.public_url(&key).await.unwrap().unwrap();
    assert_eq!(reqwest::get(address).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_presigned_address_shows_the_file_as_what_it_is() {
    let server = S3Server::start().await;
    let storage = bucket(&server, S3Server::SECRET_KEY, Delivery::Presigned);
    let key = a_key(MediaFormat::Pdf);
    storage.put(&key, &a_file(b"%PDF-1.7")).await.unwrap();

    let address = storage.public_url(&key).await.unwrap().unwrap();
    let unsigned = address.split('?').next().unwrap().to_owned();

    let answer = reqwest::get(address).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert_eq!(answer.headers()["content-disposition"], "attachment");
    assert_eq!(answer.bytes().await.unwrap(), "%PDF-1.7");
    assert_eq!(reqwest::get(unsigned).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_public_address_is_said_by_the_operator() {
    let server = S3Server::start().await;
    let key = a_key(MediaFormat::Webp);

    let storage = bucket(&server, S3Server::SECRET_KEY, Delivery::Public);

    let address = storage.public_url(&key).await.unwrap();
    assert_eq!(address, Some(format!("https://cdn.example/files/{key}")));
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_is_an_outage() {
    let server = S3Server::start().await;
    let storage = bucket(&server, S3Server::SECRET_KEY, Delivery::Proxy);
    drop(server);

    let error = storage.put(&a_key(MediaFormat::Png), &a_file(b"x")).await.unwrap_err();

    assert_eq!(kernel::Failure::kind(&error), kernel::FailureKind::Unavailable);
}

#[tokio::test]
async fn a_public_delivery_needs_an_address() {
    let server = S3Server::start().await;
    let settings = S3 { public_url: None, ..settings(&server, "a-guess", Delivery::Public) };

    let error = Storage::open(&Settings::S3(Box::new(settings))).unwrap_err();

    assert!(matches!(error, SettingsError::NoPublicUrl), "{error:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_said_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();

    let error = Storage::open(&Settings::Local { folder: file.path().join("media") }).unwrap_err();

    assert!(matches!(error, SettingsError::Folder { .. }), "{error:?}");
}
