//! What surrounds every request: its id, its log line and figures, the headers of every answer.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use kernel::{Ids, SystemIds};
use tracing::Instrument;

use super::headers;
use super::server::State;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The header that carries the id of a request.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id taken from a client.
const LONGEST: usize = 128;

/// The id of the request that is being handled, if one is.
pub(crate) fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Takes the client's id if it is safe to log, else makes one.
fn id_of(request: &ServiceRequest) -> String {
    let safe = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b))
    };
    request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(safe)
        .map_or_else(|| SystemIds.next().simple().to_string(), ToOwned::to_owned)
}

/// The trace a request belongs to (W3C Trace Context): the 32 hexadecimal digits of `traceparent`.
fn trace_of(request: &ServiceRequest) -> Option<String> {
    let value = request.headers().get("traceparent")?.to_str().ok()?;
    let trace = value.split('-').nth(1)?;
    (trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit())).then(|| trace.to_owned())
}

/// Wraps every request.
pub(crate) async fn surround<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let id = id_of(&request);
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        trace_id = trace_of(&request),
        method = %request.method(),
        path = %request.path(),
    );
    if request.method() == Method::HEAD {
        // Whoever answers GET answers HEAD; the server leaves the body away by itself.
        request.head_mut().method = Method::GET;
    }
    let state = request.app_data::<Data<State>>().cloned();
    let answer = handle(request, next, id, state).instrument(span);
    answer.await
}

async fn handle<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    id: String,
    state: Option<Data<State>>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let mut response = REQUEST_ID.scope(id.clone(), next.call(request)).await?;
    let pattern = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status();
    let elapsed = started.elapsed();
    let labels = [
        ("method", method.to_string()),
        ("route", pattern),
        ("status", status.as_u16().to_string()),
    ];
    metrics::histogram!("http_request_duration_seconds", &labels).record(elapsed.as_secs_f64());
    tracing::debug!(status = status.as_u16(), micros = elapsed.as_micros(), "answered");

    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    headers::secure(&mut response, state.as_ref().map(actix_web::web::Data::get_ref));
    Ok(response)
}
