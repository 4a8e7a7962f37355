//! The sandbox is killed in the middle of a call.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use adapter_sandbox::{MemoryStore, SandboxServer, SandboxSettings, SandboxStore};
use async_trait::async_trait;
use kernel::{StorageError, SystemClock, SystemRandom};
use reqwest::Client;
use serde_json::{Value, json};

use crate::shop::{KEY, SECRET};

/// Breaks at one of the next writes, which comes to nothing.
#[derive(Debug, Default)]
struct Breaking {
    store: MemoryStore,
    writes_left: AtomicU32,
}

#[async_trait]
impl SandboxStore for Breaking {
    async fn document(&self, key: &str) -> Result<Option<Value>, StorageError> {
        self.store.document(key).await
    }

    async fn put(&self, documents: &[(String, Value)]) -> Result<(), StorageError> {
        let left = self.writes_left.load(Ordering::SeqCst);
        self.writes_left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            return Err(StorageError::corrupt("write", std::io::Error::other("killed")));
        }
        self.store.put(documents).await
    }

    async fn documents(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StorageError> {
        self.store.documents(prefix, after, limit).await
    }
}

async fn post(sandbox: &SandboxServer, path: &str, body: &Value) -> (u16, Value) {
    let request = Client::new().post(format!("{}{path}", sandbox.url())).bearer_auth(KEY);
    let answer = request.header("idempotency-key", path).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_call_that_breaks_off_anywhere_is_done_once_by_the_same_key() {
    for broken in 1..=3 {
        let store = Arc::new(Breaking::default());
        let settings = SandboxSettings {
            public_url: None,
            api_key: KEY.to_owned(),
            webhook_secret: SECRET.to_owned(),
            webhook_url: None,
        };
        let sandbox = SandboxServer::start(
            (Ipv4Addr::LOCALHOST, 0).into(),
            settings,
            Arc::<Breaking>::clone(&store),
            Arc::new(SystemClock),
            Arc::new(SystemRandom),
        )
        .await
        .unwrap();
        let order = json!({
            "reference": "pay_1.1", "amount": 2000, "currency": "EUR", "capture": true,
            "card": "card_success", "account": "acc_1", "description": "A recipe",
            "save_card": false, "return_url": "https://shop.example/back",
        });

        store.writes_left.store(broken, Ordering::SeqCst);
        let first = post(&sandbox, "/v1/payments", &order).await;
        store.writes_left.store(0, Ordering::SeqCst);
        let (status, paid) = post(&sandbox, "/v1/payments", &order).await;
        assert_eq!(status, 200, "{paid}");
        if first.0 == 200 {
            assert_eq!(first.1, paid);
        }
        let payments = store.documents("payment/", "", 10).await.unwrap();
        assert_eq!(payments.len(), 1, "the write {broken} broke: {payments:#?}");

        let refund = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
        store.writes_left.store(broken, Ordering::SeqCst);
        let _ = post(&sandbox, &refund, &json!({ "amount": 500 })).await;
        store.writes_left.store(0, Ordering::SeqCst);
        let (status, refunded) = post(&sandbox, &refund, &json!({ "amount": 500 })).await;
        assert_eq!((status, &refunded["refunded"]), (200, &json!(500)), "the write {broken} broke");
    }
}
