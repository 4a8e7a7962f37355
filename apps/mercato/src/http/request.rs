//! What surrounds every request: its id, its log line and figures, the headers of every answer.

use std::time::{Duration, Instant};

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use kernel::{Ids, SystemIds};
use tracing::{Instrument, Span};

use super::server::State;
use super::{Problem, headers};
use crate::traces;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The header that carries the id of a request.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id taken from a client.
const LONGEST: usize = 128;

/// How many times as long a request with files may take; its body is held to a pace of its own.
const PATIENCE_WITH_FILES: u32 = 60;

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
    let traced = traces::request(&request);
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        trace_id = traces::trace_id(&traced).or_else(|| trace_of(&request)),
        method = %request.method(),
        path = %request.path(),
    );
    if request.method() == Method::HEAD {
        // Whoever answers GET answers HEAD; the server leaves the body away by itself.
        request.head_mut().method = Method::GET;
    }
    let state = request.app_data::<Data<State>>().cloned();
    let answer = handle(request, next, id, state, traced.clone()).instrument(span);
    traces::within(traced, answer).await
}

async fn handle<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    id: String,
    state: Option<Data<State>>,
    traced: Span,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let state = state.as_ref().map(Data::get_ref);
    let limit = state.map_or(Duration::MAX, |state| patience(&request, state));
    let answer = tokio::time::timeout(limit, next.call(request));
    let answer = match REQUEST_ID.scope(id.clone(), answer).await {
        Ok(answer) => Ok(answer?),
        Err(late) => Err(late),
    };
    let (pattern, status) = match &answer {
        Ok(answer) => (answer.request().match_pattern(), answer.status()),
        Err(_) => (None, StatusCode::SERVICE_UNAVAILABLE),
    };
    let elapsed = started.elapsed();
    let route = pattern.unwrap_or_else(|| "unmatched".to_owned());
    traces::answered(&traced, method.as_str(), &route, status.as_u16());
    let labels =
        [("method", method.to_string()), ("route", route), ("status", status.as_u16().to_string())];
    metrics::histogram!("http_request_duration_seconds", &labels).record(elapsed.as_secs_f64());
    tracing::debug!(status = status.as_u16(), micros = elapsed.as_micros(), "answered");

    match answer {
        Ok(mut answer) => {
            dress(answer.headers_mut(), &id, &path, state);
            Ok(answer)
        }
        Err(late) => {
            tracing::error!(seconds = limit.as_secs(), "a request took too long and was given up");
            let problem = REQUEST_ID.sync_scope(id.clone(), too_late);
            let mut response = problem.error_response();
            dress(response.headers_mut(), &id, &path, state);
            Err(InternalError::from_response(late, response).into())
        }
    }
}

/// How long a request may take. A part that is silent, such as a database behind a broken network,
/// must not hold its callers for ever; files may come over slow lines.
fn patience(request: &ServiceRequest, state: &State) -> Duration {
    let kind = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let times = if kind.starts_with(b"multipart/") { PATIENCE_WITH_FILES } else { 1 };
    state.settings.answer_timeout * times
}

fn too_late() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "a part of the marketplace does not answer in time; try again",
    )
}

/// What every answer carries.
fn dress(headers: &mut HeaderMap, id: &str, path: &str, state: Option<&State>) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(HEADER, value);
    }
    headers::secure(headers, path, state);
}
