use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::multipart::Form;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::Reply;

/// Somebody who uses the API: a visitor, or one who is signed in.
#[derive(Debug, Clone)]
pub struct Person {
    base: String,
    http: Client,
    /// The address their requests come from, as a trusted proxy tells it.
    pub network: Ipv4Addr,
    /// The access token; empty for a visitor.
    pub token: String,
    /// The refresh token; empty for a visitor.
    pub refresh_token: String,
    /// The id of the account; empty for a visitor.
    pub account: String,
    /// The mail address; empty for a visitor.
    pub email: String,
    /// The id of the provider profile; empty if there is none.
    pub provider: String,
}

/// Keys that no two requests of a test share.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Networks that no two people share: 10.0.0.0/8.
static NEXT_NETWORK: AtomicU32 = AtomicU32::new(0x0a00_0001);

impl Person {
    /// Somebody who is not signed in, at this address.
    pub fn visitor(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            http: Client::new(),
            network: NEXT_NETWORK.fetch_add(1, Ordering::Relaxed).into(),
            token: String::new(),
            refresh_token: String::new(),
            account: String::new(),
            email: String::new(),
            provider: String::new(),
        }
    }

    /// A request, ready for headers and a body. A path without `/` at its start stands under
    /// `/api/v1/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            format!("{}/api/v1/{path}", self.base)
        };
        let request =
            self.http.request(method, url).header("x-forwarded-for", self.network.to_string());
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Sends a request.
    pub async fn send(&self, asked: &str, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap_or_else(|error| panic!("{asked}: {error}"));
        Reply::of(asked.to_owned(), response).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), self.request(Method::GET, path)).await
    }

    /// GET with query parameters that need encoding.
    pub async fn find(&self, path: &str, query: &[(&str, &str)]) -> Reply {
        let request = self.request(Method::GET, path).query(query);
        self.send(&format!("GET {path} {query:?}"), request).await
    }

    /// POST with a JSON body and a fresh `Idempotency-Key`.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.post_once(path, body, &Self::fresh_key()).await
    }

    /// A value for `Idempotency-Key` that was not used before.
    pub fn fresh_key() -> String {
        format!("test-{}", NEXT_KEY.fetch_add(1, Ordering::Relaxed))
    }

    /// POST with a JSON body and this `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, body: Value, key: &str) -> Reply {
        let request = self.request(Method::POST, path).header("idempotency-key", key).json(&body);
        self.send(&format!("POST {path} {body}"), request).await
    }

    /// A command: POST without a body.
    pub async fn command(&self, path: &str) -> Reply {
        self.send(&format!("POST {path}"), self.request(Method::POST, path)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(&format!("PUT {path} {body}"), self.request(Method::PUT, path).json(&body)).await
    }

    /// PATCH with a JSON body and the ETag it changes.
    pub async fn patch(&self, path: &str, etag: &str, body: Value) -> Reply {
        let mut request = self.request(Method::PATCH, path).json(&body);
        if !etag.is_empty() {
            request = request.header("if-match", etag);
        }
        self.send(&format!("PATCH {path} {body}"), request).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(&format!("DELETE {path}"), self.request(Method::DELETE, path)).await
    }

    /// A multipart form, with the ETag it changes if there is one.
    pub async fn upload(&self, method: Method, path: &str, etag: &str, form: Form) -> Reply {
        let asked = format!("{method} {path} (form)");
        let mut request = self.request(method, path).multipart(form);
        if !etag.is_empty() {
            request = request.header("if-match", etag);
        }
        self.send(&asked, request).await
    }

    /// A body that is not JSON, or not right.
    pub async fn send_raw(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Reply {
        let asked = format!("{method} {path} ({kind}, {} bytes)", body.len());
        let request = self
            .request(method, path)
            .header(
                HeaderName::from_static("content-type"),
                HeaderValue::from_str(kind).expect("a media type is a header's value"),
            )
            .header("idempotency-key", Self::fresh_key())
            .body(body);
        self.send(&asked, request).await
    }
}
