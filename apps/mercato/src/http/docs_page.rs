//! `/docs/`: the API's description to read and to try out. Swagger UI, vendored: the page loads
//! nothing from elsewhere.

use actix_web::HttpResponse;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The page around Swagger UI, with no script of its own, so that none needs to be allowed.
const PAGE: &str = include_str!("docs_page.html");

/// Shows the page.
pub(crate) async fn show() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE)
}

/// Sends whoever left out the slash to the page.
pub(crate) async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header(("Location", "/docs/")).finish()
}

/// What the page loads: scripts and styles. The document is the one at `/openapi.json`.
pub(crate) fn assets() -> SwaggerUi {
    let config = Config::from("/openapi.json")
        .use_base_layout()
        .deep_linking(true)
        // There are many operations and more schemas: closed, the page is quick and its groups show.
        .doc_expansion("none")
        .default_models_expand_depth(-1)
        .filter(true)
        .display_request_duration(true)
        .persist_authorization(true);
    SwaggerUi::new("/docs/{_:.*}").config(config)
}
