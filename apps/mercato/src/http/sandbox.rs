//! `/sandbox`: the embedded payment gateway of development, with its API and its pages.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use adapter_sandbox::Request;
use futures_util::stream;

use super::Problem;
use super::server::State;
use crate::wiring::SANDBOX;

/// The largest request that it reads: 1 MB.
const MAX_BODY: usize = 1024 * 1024;

/// Its pages have forms and a style of their own, and nothing to load or run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
     base-uri 'none'";

/// Whether a path is the sandbox's.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(SANDBOX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Serves it, where it is.
pub(crate) fn mount(config: &mut ServiceConfig) {
    config.service(web::scope(SANDBOX).default_service(web::to(serve)));
}

async fn serve(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let Some(sandbox) = &state.sandbox else {
        return Problem::not_found("there is nothing at this address").error_response();
    };
    let body = match super::body::bytes(payload.into_inner(), MAX_BODY).await {
        Ok(body) => body,
        Err(problem) => return problem.error_response(),
    };
    let Some(asked) = asked(&request, body) else {
        return Problem::not_found("there is nothing at this address").error_response();
    };
    let Some(answer) = sandbox.answer(asked).await else { return lost() };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.insert_header((name, value));
        }
    }
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.body(answer.body)
}

/// The request as the sandbox reads it: below its own address.
fn asked(request: &HttpRequest, body: Bytes) -> Option<Request> {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Some(Request::new(
        request.method().as_str().parse().ok()?,
        request.path().strip_prefix(SANDBOX)?.to_owned(),
        request.query_string().to_owned(),
        request.headers().iter().map(header).collect(),
        body,
        request.peer_addr()?,
    ))
}

/// The connection breaks off in the middle of an answer, as the sandbox was told to.
fn lost() -> HttpResponse {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    HttpResponse::Ok().streaming(stream::iter([Err::<Bytes, _>(broken)]))
}
