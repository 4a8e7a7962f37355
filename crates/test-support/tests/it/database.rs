use std::time::Duration;

use test_support::TestDatabase;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn tables(database: &TestDatabase) -> Vec<String> {
    let query = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    database.client().await.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, other) = (TestDatabase::new().await, TestDatabase::new().await);
    one.client().await.batch_execute("CREATE TABLE mine ()").await.unwrap();

    assert!(tables(&one).await.contains(&"public.mine".to_owned()));
    assert!(!tables(&other).await.contains(&"public.mine".to_owned()));
    assert!(tables(&other).await.iter().any(|table| table.starts_with("graphile_worker.")));
}

#[tokio::test]
async fn an_empty_database_has_no_tables() {
    assert!(tables(&TestDatabase::empty().await).await.is_empty());
}

#[tokio::test]
async fn a_database_goes_with_its_value_whoever_is_connected() {
    let witness = TestDatabase::empty().await;
    let database = TestDatabase::new().await;
    let connected = database.client().await;
    let name = database.name().to_owned();
    drop(database);

    let query = "SELECT 1 FROM pg_database WHERE datname = $1";
    assert!(witness.client().await.query_opt(query, &[&name]).await.unwrap().is_none());
    assert!(connected.simple_query("SELECT 1").await.is_err());
}

#[tokio::test]
async fn what_a_killed_process_has_left_is_swept() {
    let witness = TestDatabase::empty().await.client().await;
    let database = TestDatabase::empty().await;
    let client = database.client().await;
    drop(witness);
    // No process has this number: it is beyond the largest that Linux gives.
    client.batch_execute("CREATE DATABASE test_4194999_0").await.unwrap();
    let _sweeper = TestDatabase::new().await;

    let query = "SELECT 1 FROM pg_database WHERE datname = 'test_4194999_0'";
    let swept = async {
        while client.query_opt(query, &[]).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), swept).await.unwrap();
}

#[tokio::test]
async fn a_database_behind_a_proxy_can_be_slow_silent_cut_off_and_away() {
    let database = TestDatabase::empty().await;
    let (proxy, url) = database.behind_a_proxy().await;
    let client = connect(&url).await.unwrap();
    client.simple_query("SELECT 1").await.unwrap();

    proxy.delay(Duration::from_millis(100));
    assert!(timeout(Duration::from_millis(150), client.simple_query("SELECT 1")).await.is_err());
    proxy.delay(Duration::ZERO);

    proxy.fall_silent(true);
    assert!(timeout(Duration::from_millis(300), client.simple_query("SELECT 1")).await.is_err());
    proxy.fall_silent(false);
    client.simple_query("SELECT 1").await.unwrap();

    proxy.refuse(true);
    assert!(connect(&url).await.is_err());
    client.simple_query("SELECT 1").await.unwrap();
    proxy.refuse(false);

    proxy.cut();
    assert!(client.simple_query("SELECT 1").await.is_err());
    connect(&url).await.unwrap();
}
