//! Every route there is. The list is the OpenAPI document too: what is not here does not exist.

use std::collections::BTreeMap;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;

/// The API for apps, moderators and admins.
pub(crate) fn api(config: &mut ServiceConfig<'_>) {
    config.service(utoipa_actix_web::scope("/api/v1").configure(v1));
    config.configure(super::media::routes);
}

fn v1(config: &mut ServiceConfig<'_>) {
    config
        .configure(super::auth::routes)
        .configure(super::me::routes)
        .configure(super::search::routes)
        .configure(super::suggest::routes)
        .configure(super::favorites::routes)
        .configure(super::stats::routes)
        .configure(super::listing_types::routes)
        .configure(super::categories::routes)
        .configure(super::providers::routes)
        .configure(super::listings::routes)
        .configure(super::prices::routes)
        .configure(super::moderation::routes)
        .configure(super::accounts::routes)
        .configure(super::audit::routes)
        .configure(super::bookings::routes)
        .configure(super::availability::routes)
        .configure(super::calendar::routes)
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

/// Operations that take no query parameters at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queries(Vec<(ResourceDef, Vec<(Method, bool)>)>);

impl Queries {
    /// From the OpenAPI document.
    pub(crate) fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let takes_any = |operation: &Operation| {
            let parameters = operation.parameters.as_deref().unwrap_or_default();
            parameters.iter().any(|parameter| match parameter {
                RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Query),
                RefOr::Ref(_) => true,
            })
        };
        let operations = |(path, item): (&String, &PathItem)| {
            let known = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            let methods = known
                .into_iter()
                .filter_map(|(method, operation)| Some((method, takes_any(operation.as_ref()?))));
            (ResourceDef::new(path.clone()), methods.collect())
        };
        Self(document.paths.paths.iter().map(operations).collect())
    }

    fn refuses(&self, method: &Method, path: &str) -> bool {
        let mut matching = self.0.iter().filter(|(resource, _)| resource.is_match(path));
        let found = matching.find_map(|(_, methods)| methods.iter().find(|(own, _)| own == method));
        found.is_some_and(|(_, takes_any)| !takes_any)
    }
}

/// Refuses a query where none is declared: what is not understood is never ignored.
pub(crate) async fn declared_queries(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let asks = !request.query_string().is_empty();
    let refused = asks
        && request
            .app_data::<web::Data<Queries>>()
            .is_some_and(|queries| queries.refuses(request.method(), request.path()));
    if refused {
        let problem =
            Problem::malformed("invalid_query", "this operation takes no query parameters");
        return Ok(request.error_response(actix_web::Error::from(problem)));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
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
