//! The OpenAPI document, put together from the handlers and completed with what all of them share.

use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Ref, RefOr, ResponseBuilder, path::Operation, path::PathItem, schema::Schema,
};
use utoipa_actix_web::AppExt;

use super::{Problem, permissions, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mercato",
        version = env!("CARGO_PKG_VERSION"),
        description = "The API of a two-sided marketplace. Amounts are integers in the minor unit \
                       of their currency, times are RFC 3339 in UTC, ids carry the prefix of their \
                       kind, enums are open: expect new values. Every refusal is a `Problem` \
                       (RFC 9457) with a stable `code`.",
        contact(name = "Mercato", url = "https://mercato.example"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    components(schemas(Problem)),
)]
struct Document;

/// The API description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let app =
        actix_web::App::new().into_utoipa_app().openapi(Document::openapi()).configure(routes::api);
    let mut document = app.split_for_parts().1;
    complete(&mut document);
    document
}

fn complete(document: &mut utoipa::openapi::OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token from `POST /api/v1/auth/token`."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for (path, item) in &mut document.paths.paths {
        let has_parameters = path.contains('{');
        for operation in operations(item) {
            permissions::describe(operation);
            refusals(operation, has_parameters);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// The refusals that any operation of its shape can give; its own say more.
fn refusals(operation: &mut Operation, has_parameters: bool) {
    let open = SecurityRequirement::default();
    let secured = operation.security.as_ref().is_none_or(|security| !security.contains(&open));
    let has_body = operation.request_body.is_some();
    let shared = [
        ("400", true, "The request cannot be understood"),
        ("401", true, "No valid token"),
        ("403", secured, "Not with this role"),
        ("404", has_parameters, "Not there, or not yours to see"),
        ("408", has_body, "The body came too slowly"),
        ("413", has_body, "Too large"),
        ("415", has_body, "Not a media type that is accepted here"),
        ("422", has_body, "Fields break their rules; all of them are listed"),
        ("429", true, "Too often; wait as long as `Retry-After` says"),
        ("503", true, "A part of the marketplace is down; try again"),
    ];
    for (status, applies, description) in shared {
        let responses = &mut operation.responses.responses;
        if applies && !responses.contains_key(status) {
            responses.insert(status.to_owned(), RefOr::T(problem(description)));
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            "As described".clone_into(&mut response.description);
        }
    }
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let schema: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name("Problem"));
    let example = json!({
        "type": "/docs/errors#validation",
        "title": "Unprocessable Entity",
        "status": 422,
        "code": "validation",
        "detail": "/title must have at least 3 characters, has 1",
        "request_id": "0192d4c0a1b27c3d8e4f5a6b7c8d9e0f",
        "errors": [{
            "pointer": "/title",
            "code": "too_short",
            "detail": "must have at least 3 characters, has 1",
        }],
    });
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}
