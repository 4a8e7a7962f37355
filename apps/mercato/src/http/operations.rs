//! Which operation a request is for: found once, before anything but its head is read, so that the
//! caller is judged before what they sent.

use std::collections::HashMap;

use access::{Action, Actor, Relation};
use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Data;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::Problem;
use super::permission::permission_to;
use super::permissions::{Object, Permission, permission_of};

/// What can be known of an operation without asking its handler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// What it asks of its caller.
    pub(crate) permission: &'static Permission,
    /// Whether it declares any query parameters.
    takes_a_query: bool,
}

impl Known {
    /// Whether the call itself shows who asks, by a password or the secret of a link. Nobody's
    /// access token is looked at then: a client may send the old one along to get a new one.
    pub(crate) fn is_sign_in(self) -> bool {
        self.permission.action == Action::SignIn
    }
}

/// Every operation, by its method and the number of segments of its path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operations(HashMap<(Method, usize), Vec<(ResourceDef, Known)>>);

impl Operations {
    /// From the OpenAPI document, where a literal path stands before one with a parameter.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut operations = Self::default();
        for (path, item) in &document.paths.paths {
            for (method, operation) in [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ] {
                let Some(known) = operation.as_ref().and_then(known) else { continue };
                let alike = operations.0.entry((method, segments(path))).or_default();
                alike.push((ResourceDef::new(path.clone()), known));
            }
        }
        operations
    }

    fn find(&self, method: &Method, path: &str) -> Option<Known> {
        let alike = self.0.get(&(method.clone(), segments(path)))?;
        alike.iter().find(|(resource, _)| resource.is_match(path)).map(|(_, known)| *known)
    }
}

fn segments(path: &str) -> usize {
    path.split('/').count()
}

fn known(operation: &Operation) -> Option<Known> {
    let permission = operation.operation_id.as_deref().and_then(permission_of)?;
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let takes_a_query = parameters.iter().any(|parameter| match parameter {
        RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Query),
        RefOr::Ref(_) => true,
    });
    Some(Known { permission, takes_a_query })
}

/// The operation that a request is for, if it is for one.
pub(crate) fn operation_of(request: &ServiceRequest) -> Option<Known> {
    request.extensions().get::<Known>().copied()
}

/// Finds out what is asked, for every request.
pub(crate) async fn recognise(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let found = request
        .app_data::<Data<Operations>>()
        // As the router sees it, with what was needlessly escaped read as it stands.
        .and_then(|all| all.find(request.method(), request.match_info().as_str()));
    if let Some(known) = found {
        request.extensions_mut().insert(known);
    }
    next.call(request).await
}

/// Refuses who may not do this, and a query where none is declared: what is not understood is
/// never ignored.
pub(crate) async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let actor = request.extensions().get::<Actor>().cloned().unwrap_or_else(Actor::visitor);
    let verdict = match operation_of(&request) {
        Some(known) => judge(&actor, known.permission).and_then(|()| {
            if known.takes_a_query || request.query_string().is_empty() {
                return Ok(());
            }
            let detail = "this operation takes no query parameters";
            Err(Problem::malformed("invalid_query", detail))
        }),
        None => Ok(()),
    };
    match verdict {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(problem) => Ok(request.error_response(actix_web::Error::from(problem))),
    }
}

/// What can be said before the object is loaded: who must sign in, and who may not whatever the
/// object. The service decides again, and alone where it depends on the object.
fn judge(actor: &Actor, line: &Permission) -> Result<(), Problem> {
    let relation = match line.object {
        Object::Nothing => Relation::Stranger,
        Object::OwnAccount | Object::OwnProvider => Relation::Owner,
        Object::Private
        | Object::Provider
        | Object::Listing
        | Object::UnpublishedListing
        | Object::Booking
        | Object::Review
        | Object::UnpublishedReview
        | Object::Promotion => {
            // To say 403 would be to say that the object is there.
            if !actor.is_visitor() {
                return Ok(());
            }
            Relation::Stranger
        }
    };
    permission_to(actor, line.action, relation)
}
