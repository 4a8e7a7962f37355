//! Where payment gateways write to.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use billing::{Acknowledgement, GatewayName, MAX_WEBHOOK_BYTES};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::Problem;
use crate::http::body::bytes;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(receive).service(receive_topic);
}

/// Take a gateway's message
///
/// Not for people: a gateway signs what it sends. It is verified over its bytes, stored once, and
/// applied by a job, which asks the gateway what is true. What is unsigned, forged, older than five
/// minutes or larger than 256 kB is refused.
#[utoipa::path(
    operation_id = "receiveWebhook",
    tag = "webhooks",
    params(("gateway" = String, Path, description = "Which gateway", example = "stripe")),
    request_body(content = String, description = "As the gateway writes it, byte for byte",
        content_type = "application/octet-stream"),
    responses(
        (status = OK, description = "It is stored, or was before", body = serde_json::Value,
            example = json!({ "code": 0 })),
        (status = NO_CONTENT, description = "It is stored, or was before"),
        (status = NOT_FOUND, description = "No such gateway here", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/webhooks/{gateway}")]
async fn receive(
    gateway: Path<String>,
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    take(&gateway, "", &request, payload, &state).await
}

/// Take a gateway's message of a kind
///
/// The same for gateways that have an address for each kind of message.
#[utoipa::path(
    operation_id = "receiveWebhookTopic",
    tag = "webhooks",
    params(
        ("gateway" = String, Path, description = "Which gateway", example = "cloudpayments"),
        ("topic" = String, Path, description = "The kind of message", example = "pay"),
    ),
    request_body(content = String, description = "As the gateway writes it, byte for byte",
        content_type = "application/octet-stream"),
    responses(
        (status = OK, description = "It is stored, or was before; or our verdict on a question",
            body = serde_json::Value, example = json!({ "code": 0 })),
        (status = NO_CONTENT, description = "It is stored, or was before"),
        (status = NOT_FOUND, description = "No such gateway here", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/webhooks/{gateway}/{topic}")]
async fn receive_topic(
    path: Path<(String, String)>,
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (gateway, topic) = path.into_inner();
    take(&gateway, &topic, &request, payload, &state).await
}

async fn take(
    gateway: &str,
    topic: &str,
    request: &HttpRequest,
    payload: Payload,
    state: &State,
) -> Result<HttpResponse, Problem> {
    let billing = &state.services.billing;
    let known = gateway.parse::<GatewayName>().ok();
    let name = known.filter(|name| billing.gateways().contains(name));
    let name = name.ok_or_else(|| Problem::not_found("there is no such gateway here"))?;
    let body = bytes(payload.into_inner(), MAX_WEBHOOK_BYTES).await?;
    let acknowledged = billing.receive_webhook(name, topic, &headers(request), &body).await?;
    Ok(answer(acknowledged))
}

/// Names in lower case, with values.
fn headers(request: &HttpRequest) -> Vec<(String, String)> {
    let readable = request.headers().iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    readable.collect()
}

fn answer(acknowledged: Acknowledgement) -> HttpResponse {
    let Acknowledgement { status, content_type, body } = acknowledged;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    if body.is_empty() {
        return response.finish();
    }
    response.content_type(content_type).body(Bytes::from(body))
}
