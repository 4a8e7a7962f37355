//! A client that knows nothing but HTTP.

use gateway_fakes::{CloudPaymentsFake, StripeFake};
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use serde_json::Value;

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// A member by its path: `error.code`.
    pub(crate) fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.body, |value, part| match part.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[part],
        })
    }

    pub(crate) fn text(&self, path: &str) -> String {
        self.at(path)
            .as_str()
            .unwrap_or_else(|| panic!("no text at {path}: {}", self.body))
            .to_owned()
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self
    }
}

pub(crate) fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

async fn reply(request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = serde_json::from_str(&answer.text().await?).unwrap_or_default();
    Ok(Reply { status, headers, body })
}

pub(crate) async fn post(fake: &StripeFake, path: &str, fields: &[(&str, &str)]) -> Reply {
    try_post(fake, path, fields, None).await.unwrap()
}

pub(crate) async fn keyed(
    fake: &StripeFake,
    key: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Reply {
    try_post(fake, path, fields, Some(key)).await.unwrap()
}

pub(crate) async fn try_post(
    fake: &StripeFake,
    path: &str,
    fields: &[(&str, &str)],
    key: Option<&str>,
) -> Result<Reply, reqwest::Error> {
    let mut request = client().post(format!("{}/v1/{path}", fake.url()));
    request =
        request.bearer_auth(StripeFake::SECRET_KEY).header("Stripe-Version", "2026-09-30.endive");
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    reply(request.form(fields)).await
}

pub(crate) async fn get(fake: &StripeFake, path: &str) -> Reply {
    let request =
        client().get(format!("{}/v1/{path}", fake.url())).bearer_auth(StripeFake::SECRET_KEY);
    reply(request).await.unwrap()
}

pub(crate) async fn delete(fake: &StripeFake, path: &str) -> Reply {
    let request =
        client().delete(format!("{}/v1/{path}", fake.url())).bearer_auth(StripeFake::SECRET_KEY);
    reply(request).await.unwrap()
}

pub(crate) async fn call(fake: &CloudPaymentsFake, path: &str, body: Value) -> Reply {
    try_call(fake, path, &body, None).await.unwrap()
}

pub(crate) async fn try_call(
    fake: &CloudPaymentsFake,
    path: &str,
    body: &Value,
    id: Option<&str>,
) -> Result<Reply, reqwest::Error> {
    let mut request = client().post(format!("{}/{path}", fake.url()));
    request = request.basic_auth(CloudPaymentsFake::PUBLIC_ID, Some(CloudPaymentsFake::API_SECRET));
    if let Some(id) = id {
        request = request.header("X-Request-ID", id);
    }
    reply(request.json(body)).await
}
