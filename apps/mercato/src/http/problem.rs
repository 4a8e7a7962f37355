use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use kernel::{Failure, FailureKind, FieldError};
use serde::Serialize;
use utoipa::ToSchema;

use super::request::request_id;

/// When a retry makes sense after an outage that says nothing better itself.
const OUTAGE: Duration = Duration::from_secs(5);

/// A refusal (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained: `/docs/errors#` and the code.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#booking.slot_taken")]
    kind: String,
    /// The status in words.
    #[schema(example = "Conflict")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What, for programs: stable and documented.
    #[schema(example = "booking.slot_taken")]
    code: String,
    /// What happened, what was expected and what to do, for people.
    #[schema(example = "somebody else has the slot; choose another one")]
    detail: String,
    /// The request, as in the header `X-Request-Id` and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    request_id: Option<String>,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// The commands that this caller could give now instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["cancel"]))]
    allowed: Option<Vec<&'static str>>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    /// The methods of a path that was asked with another one.
    #[serde(skip)]
    methods: Option<String>,
}

/// One field that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct FieldProblem {
    /// A JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    #[schema(example = "/price/amount")]
    pointer: String,
    /// What, for programs.
    #[schema(example = "out_of_range")]
    code: &'static str,
    /// What, for people.
    #[schema(example = "must be at least 0")]
    detail: String,
}

impl From<&FieldError> for FieldProblem {
    fn from(error: &FieldError) -> Self {
        let FieldError { pointer, code, detail } = error.clone();
        Self { pointer, code, detail }
    }
}

impl Problem {
    /// A refusal that comes from HTTP itself rather than from a domain.
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            kind: format!("/docs/errors#{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            request_id: request_id(),
            errors: Vec::new(),
            allowed: None,
            retry_after: None,
            methods: None,
        }
    }

    /// The same with the fields that are wrong.
    #[must_use]
    pub fn with_fields(mut self, errors: &[FieldError]) -> Self {
        self.errors = errors.iter().map(FieldProblem::from).collect();
        self
    }

    /// The same with the time after which a retry makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The same with the methods that the path has.
    #[must_use]
    pub fn with_methods(mut self, methods: String) -> Self {
        self.methods = Some(methods);
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// 400: the request cannot be understood.
    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422: fields break their rules; all of them at once.
    pub fn invalid(errors: &[FieldError]) -> Self {
        let detail = match errors {
            [one] => format!("{} {}", one.pointer, one.detail),
            many => format!("{} fields are wrong; see `errors`", many.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", detail).with_fields(errors)
    }

    /// 404 for a path or an id that means nothing here.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }
}

const fn status_of(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::Malformed => StatusCode::BAD_REQUEST,
        FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        FailureKind::Forbidden => StatusCode::FORBIDDEN,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Conflict => StatusCode::CONFLICT,
        FailureKind::Gone => StatusCode::GONE,
        FailureKind::Stale => StatusCode::PRECONDITION_FAILED,
        FailureKind::VersionRequired => StatusCode::PRECONDITION_REQUIRED,
        FailureKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FailureKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FailureKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl<E: Failure> From<E> for Problem {
    fn from(error: E) -> Self {
        let status = status_of(error.kind());
        let detail = if status.is_server_error() {
            // What went wrong inside goes to the log, not to the caller.
            let cause: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error = cause, code = error.code(), "a request failed");
            match status {
                StatusCode::SERVICE_UNAVAILABLE => "a part of the marketplace is down; try again",
                _ => "something broke on our side; the request id helps us find it",
            }
            .to_owned()
        } else {
            error.to_string()
        };
        let mut problem = Self::new(status, error.code(), detail).with_fields(error.fields());
        problem.allowed = error.allowed().map(<[_]>::to_vec);
        problem.retry_after = error.retry_after();
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json");
        response.insert_header(("Cache-Control", "no-store"));
        let passing = self.status == StatusCode::SERVICE_UNAVAILABLE.as_u16();
        if let Some(after) = self.retry_after.or(passing.then_some(OUTAGE)) {
            // Rounded up: a client that waits exactly so long must not come too early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.insert_header((RETRY_AFTER, seconds.max(1).to_string()));
        }
        if let Some(methods) = &self.methods {
            response.insert_header(("Allow", methods.as_str()));
        }
        if self.status == StatusCode::REQUEST_TIMEOUT.as_u16() {
            // The rest of the body may come yet, and is no request.
            response.force_close();
        }
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        response.body(serde_json::to_string(self).unwrap_or_default())
    }
}
