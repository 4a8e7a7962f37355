//! The refusals that any operation of its shape can give; its own say more.

use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// A refusal that many operations share.
struct Refusal {
    status: &'static str,
    /// What it means, where the operation does not say.
    description: &'static str,
    title: &'static str,
    code: &'static str,
    detail: &'static str,
}

const fn refusal(
    status: &'static str,
    description: &'static str,
    title: &'static str,
    code: &'static str,
    detail: &'static str,
) -> Refusal {
    Refusal { status, description, title, code, detail }
}

/// By status, with the code that each has most often.
#[rustfmt::skip]
const REFUSALS: &[Refusal] = &[
    refusal("400", "The request cannot be understood", "Bad Request", "malformed_json", "EOF while parsing an object"),
    refusal("401", "No valid token", "Unauthorized", "invalid_token", "this token is not valid any more; sign in or refresh it"),
    refusal("403", "Not with this role", "Forbidden", "forbidden", "your roles do not allow booking.accept"),
    refusal("404", "Not there, or not yours to see", "Not Found", "not_found", "there is nothing at this address"),
    refusal("408", "The body came too slowly", "Request Timeout", "request_timeout", "the body did not come in time; send it again"),
    refusal("409", "Somebody else changed the same thing at the same moment", "Conflict", "concurrent_change", "somebody else changed this at the same time; load it again and retry"),
    refusal("410", "Used, replaced, or too old", "Gone", "identity.link_invalid", "the link was used already or has expired; ask for a new one"),
    refusal("412", "It has changed since you loaded it", "Precondition Failed", "stale_version", "it has changed since you loaded it; load it again"),
    refusal("413", "Too large", "Payload Too Large", "too_large", "the body must not be larger than 1048576 bytes"),
    refusal("415", "Not a media type that is accepted here", "Unsupported Media Type", "unsupported_media_type", "send application/json, not `text/plain`"),
    refusal("416", "The file ends before the range begins", "Range Not Satisfiable", "range_not_satisfiable", "the file has 1024 bytes; the range begins behind them"),
    refusal("422", "Fields break their rules; all of them are listed", "Unprocessable Entity", "validation", "/title must have at least 3 characters, has 1"),
    refusal("428", "`If-Match` is missing", "Precondition Required", "version_required", "send If-Match with the ETag that you last saw, so that nobody's change is lost"),
    refusal("429", "Too often; wait as long as `Retry-After` says", "Too Many Requests", "too_many_requests", "more than 600 requests a minute; wait as long as Retry-After says"),
    refusal("503", "A part of the marketplace is down; try again", "Service Unavailable", "unavailable", "a part of the marketplace is down; try again"),
];

/// Adds what the operation does not declare itself, and an example to what it does.
pub(super) fn add(operation: &mut Operation, is_write: bool, has_parameters: bool) {
    let open = SecurityRequirement::default();
    let secured = operation.security.as_ref().is_none_or(|security| !security.contains(&open));
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    for refusal in REFUSALS {
        let applies = match refusal.status {
            "400" | "401" | "429" | "503" => true,
            "403" => secured,
            "404" => has_parameters,
            "409" => is_write,
            "408" | "413" | "415" | "422" => has_body,
            _ => false,
        };
        if applies && !responses.contains_key(refusal.status) {
            responses.insert(refusal.status.to_owned(), RefOr::T(refusal.response()));
        }
        if let Some(RefOr::T(response)) = responses.get_mut(refusal.status) {
            refusal.exemplify(response);
        }
    }
}

impl Refusal {
    fn response(&self) -> Response {
        let schema: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name("Problem"));
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new()
            .description(self.description)
            .content("application/problem+json", content)
            .build()
    }

    fn exemplify(&self, response: &mut Response) {
        for content in response.content.values_mut() {
            if let RefOr::T(content) = content {
                content.example.get_or_insert_with(|| self.example());
            }
        }
    }

    fn example(&self) -> Value {
        let Self { status, title, code, detail, .. } = self;
        let mut example = json!({
            "type": format!("/docs/errors#{code}"),
            "title": title,
            "status": status.parse::<u16>().unwrap_or_default(),
            "code": code,
            "detail": detail,
            "request_id": "0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
        });
        if *code == "validation" {
            example["errors"] = json!([{
                "pointer": "/title",
                "code": "too_short",
                "detail": "must have at least 3 characters, has 1",
            }]);
        }
        example
    }
}
