//! Versions over HTTP (RFC 9110, section 13): strong entity tags of the form `"3-9f86d081"`, the
//! version of the object and a hash of what is shown of it. `If-Match` compares the version,
//! `If-None-Match` the whole.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Problem;

/// Who may keep an answer, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// Nobody: it is somebody's own.
    Private,
    /// Anybody, for so many seconds, as long as they send the same credentials.
    Public {
        /// Seconds.
        max_age: u32,
    },
}

impl Caching {
    fn header(self) -> String {
        match self {
            Self::Private => "no-store".to_owned(),
            Self::Public { max_age } => format!("public, max-age={max_age}"),
        }
    }
}

/// The tag of an object: its version and a hash of its JSON.
pub(crate) fn etag(version: i32, body: &str) -> String {
    let hash = Sha256::digest(body.as_bytes());
    let mut start = [0; 8];
    start.copy_from_slice(&hash[..8]);
    format!("\"{version}-{:016x}\"", u64::from_be_bytes(start))
}

/// 200 with the object and its tag, or 304 if the caller has it already.
pub(crate) fn tagged<T: Serialize>(
    request: &HttpRequest,
    version: i32,
    view: &T,
    caching: Caching,
) -> HttpResponse {
    let body = serde_json::to_string(view).expect("a view is plain data");
    let tag = etag(version, &body);
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| {
            tags.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|t| t == tag || t == "*")
        });
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, tag)).insert_header(("Cache-Control", caching.header()));
    if matches!(caching, Caching::Public { .. }) {
        response.insert_header(("Vary", "Authorization, Accept-Encoding"));
    }
    if known { response.finish() } else { response.content_type("application/json").body(body) }
}

/// The version that the caller wants to change, from `If-Match`; `None` if it does not say.
///
/// `*` means any version, as RFC 9110 has it, and is `None` too.
pub(crate) fn if_match(request: &HttpRequest) -> Result<Option<i32>, Problem> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .map(|t| t.split('-').next().unwrap_or_default())
        .and_then(|t| t.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::malformed("invalid_if_match", "If-Match must repeat the ETag of this object")
    })
}

/// The version that the caller wants to change; 428 if it does not say.
pub(crate) fn required_match(request: &HttpRequest) -> Result<Option<i32>, Problem> {
    if request.headers().contains_key(IF_MATCH) {
        return if_match(request);
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "version_required",
        "send If-Match with the ETag that you last saw, so that nobody's change is lost",
    ))
}
