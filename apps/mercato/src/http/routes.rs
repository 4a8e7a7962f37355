//! Every route there is. The list is the OpenAPI document too: what is not here does not exist.

use std::collections::BTreeMap;

use actix_web::dev::ResourceDef;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;

/// The API for apps, moderators and admins.
pub(crate) fn api(config: &mut ServiceConfig<'_>) {
    config.service(utoipa_actix_web::scope("/api/v1").configure(v1));
    config.configure(super::media::routes);
}

/// Routes are tried in this order, so what is asked most often comes first.
fn v1(config: &mut ServiceConfig<'_>) {
    config
        .configure(super::search::routes)
        .configure(super::suggest::routes)
        .configure(super::listings::routes)
        .configure(super::auth::routes)
        .configure(super::me::routes)
        .configure(super::favorites::routes)
        .configure(super::stats::routes)
        .configure(super::listing_types::routes)
        .configure(super::categories::routes)
        .configure(super::providers::routes)
        .configure(super::prices::routes)
        .configure(super::moderation::routes)
        .configure(super::accounts::routes)
        .configure(super::audit::routes)
        .configure(super::bookings::routes)
        .configure(super::availability::routes)
        .configure(super::calendar::routes)
        .configure(super::billing::routes)
        .configure(super::promotions::routes)
        .configure(super::reviews::routes)
        .configure(super::notifications::routes)
        .configure(super::clock::routes)
        .configure(super::jobs::routes);
}

/// The methods of every path, for an honest 405.
#[derive(Debug, Clone, Default)]
pub(crate) struct Methods(Vec<(ResourceDef, String)>);

impl Methods {
    /// From the OpenAPI document.
    pub(crate) fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let mut methods = BTreeMap::<String, Vec<&str>>::new();
        for (path, item) in &document.paths.paths {
            let known = [
                ("GET", item.get.is_some()),
                ("HEAD", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            methods
                .entry(path.clone())
                .or_default()
                .extend(known.into_iter().filter(|(_, exists)| *exists).map(|(name, _)| name));
        }
        let definition =
            |(path, names): (String, Vec<&str>)| (ResourceDef::new(path), names.join(", "));
        Self(methods.into_iter().map(definition).collect())
    }

    fn allowed(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(resource, _)| resource.is_match(path)).map(|(_, names)| names.as_str())
    }
}

/// What nothing else answers: 405 if the path exists with other methods, else 404.
pub(crate) async fn unmatched(request: HttpRequest, methods: web::Data<Methods>) -> HttpResponse {
    let problem = match methods.allowed(request.path()) {
        Some(allowed) => Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("{} is not possible here; {allowed} is", request.method()),
        )
        .with_methods(allowed.to_owned()),
        None => Problem::not_found("there is nothing at this address"),
    };
    problem.error_response()
}
