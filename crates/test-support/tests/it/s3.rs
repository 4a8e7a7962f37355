use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, path::Path};
use test_support::S3Server;

fn store(server: &S3Server, secret: &str) -> impl ObjectStore {
    AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .with_bucket_name(S3Server::BUCKET)
        .with_region(S3Server::REGION)
        .with_access_key_id(S3Server::ACCESS_KEY)
        .with_secret_access_key(secret)
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_object_is_kept_for_those_who_sign() {
    let server = S3Server::start().await;
    let path = Path::from("cats/1.jpg");
    let store = store(&server, S3Server::SECRET_KEY);

    store.put(&path, "meow".into()).await.unwrap();

    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "meow");
}

#[tokio::test]
async fn a_wrong_secret_opens_nothing() {
    let server = S3Server::start().await;
    let stranger = store(&server, "guessed");

    assert!(stranger.put(&Path::from("cats/1.jpg"), "meow".into()).await.is_err());
}
