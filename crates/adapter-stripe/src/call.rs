use billing::{GatewayError, OperationKey, Secret};
use gateway_client::{GatewayClient, Reply, senseless};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// The version of the API that answers are read by.
const API_VERSION: &str = "2026-09-30.endive";

/// Fields of a form: `metadata[payment]`, `expand[]`.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// An error of the API: it says what was wrong, and was kept from being done.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) code: Option<String>,
    pub(crate) decline_code: Option<String>,
    pub(crate) message: String,
    /// The intent that a declined card belongs to.
    pub(crate) intent: Option<String>,
}

/// Calls the API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) client: GatewayClient,
    pub(crate) key: Secret,
}

impl Api {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, &format!("/v1/{path}"));
        request.bearer_auth(self.key.reveal()).header("stripe-version", API_VERSION)
    }

    /// Does something, under a key.
    pub(crate) async fn post(
        &self,
        path: &str,
        key: &str,
        fields: &Fields,
    ) -> Result<Result<Value, ApiError>, GatewayError> {
        let request = self.request(Method::POST, path).header("idempotency-key", key).form(fields);
        judged(&self.client.change(request).await?)
    }

    /// Does something that must not be refused: what is refused is our mistake.
    pub(crate) async fn must_post(
        &self,
        path: &str,
        key: &str,
        fields: &Fields,
    ) -> Result<Value, GatewayError> {
        self.post(path, key, fields).await?.map_err(ApiError::refused)
    }

    pub(crate) async fn delete(
        &self,
        path: &str,
        key: &OperationKey,
    ) -> Result<Result<Value, ApiError>, GatewayError> {
        let request = self.request(Method::DELETE, path).header("idempotency-key", key.as_str());
        judged(&self.client.change(request).await?)
    }

    /// Reads something; `None` if it does not exist.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &Fields,
    ) -> Result<Option<Value>, GatewayError> {
        self.get_dated(path, query).await.map(|found| found.map(|(value, _)| value))
    }

    /// The same with the time of the answer, in seconds since 1970.
    pub(crate) async fn get_dated(
        &self,
        path: &str,
        query: &Fields,
    ) -> Result<Option<(Value, i64)>, GatewayError> {
        let reply = self.client.read(self.request(Method::GET, path).query(query)).await?;
        match judged(&reply)? {
            Ok(value) => Ok(Some((value, dated(&reply)))),
            Err(error) if error.status == 404 => Ok(None),
            Err(error) => Err(error.refused()),
        }
    }
}

/// The time in the answer's `Date` header.
fn dated(reply: &Reply) -> i64 {
    let header = reply.headers.get("date").and_then(|value| value.to_str().ok());
    let date = header.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
    date.map(|date| date.timestamp()).unwrap_or_default()
}

fn judged(reply: &Reply) -> Result<Result<Value, ApiError>, GatewayError> {
    let body = reply.json()?;
    if (200..300).contains(&reply.status) {
        return Ok(Ok(body));
    }
    let error = &body["error"];
    let text = |name: &str| error[name].as_str().map(str::to_owned);
    let error = ApiError {
        status: reply.status,
        kind: text("type").ok_or_else(|| senseless("an error without a type"))?,
        code: text("code"),
        decline_code: text("decline_code"),
        message: text("message").unwrap_or_default(),
        intent: error["payment_intent"]["id"].as_str().map(str::to_owned),
    };
    // Somebody uses this key at the moment, or used it for something else: it was done, or will be.
    if error.kind == "idempotency_error" || error.status == 409 {
        return Err(GatewayError::Unknown { source: error.message.into() });
    }
    Ok(Err(error))
}

impl ApiError {
    pub(crate) fn is_card_error(&self) -> bool {
        self.status == 402 && self.kind == "card_error"
    }

    pub(crate) fn is_unexpected_state(&self) -> bool {
        self.code.as_deref() == Some("payment_intent_unexpected_state")
    }

    pub(crate) fn refused(self) -> GatewayError {
        let code = self.code.unwrap_or(self.kind);
        GatewayError::Refused { message: format!("{code}: {}", self.message) }
    }
}
