//! Who asks: the bearer token becomes an actor, before any route runs.

use std::fmt::Debug;
use std::future::{Ready, ready};

use access::{Actor, Member};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use async_trait::async_trait;
use kernel::SessionId;

use super::operations::{Known, operation_of};
use super::request::request_id;
use super::server::State;
use super::{Problem, sandbox};

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// Not a token of ours, or not any more. One answer for all of them: it helps nobody honest
    /// to know which.
    Invalid,
    /// The sessions cannot be looked up now.
    Unavailable,
}

/// Turns a bearer token into the person behind it, as they are now: a suspended account, a session
/// that ended or a role that was taken counts within a second.
#[async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// The member behind the token.
    async fn authenticate(&self, token: &str) -> Result<Member, Unauthenticated>;

    /// What this account may do has changed: looks at its session anew the next time, so that it can
    /// go on at once.
    async fn changed(&self, session: SessionId);
}

/// The caller; a visitor if no token was sent, or none is looked at. A token that does not count is
/// refused before the route runs, even on public routes: a client that believes to be signed in
/// must learn that it is not.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = request.extensions().get::<Actor>().cloned().unwrap_or_else(Actor::visitor);
        ready(Ok(Self(actor)))
    }
}

/// Finds out who asks, for every request.
pub(crate) async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match actor_of(&request).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        Err(problem) => Ok(request.error_response(actix_web::Error::from(problem))),
    }
}

async fn actor_of(request: &ServiceRequest) -> Result<Actor, Problem> {
    let signs_in = operation_of(request).is_some_and(Known::is_sign_in);
    // The embedded gateway has a key of its own, which is no token of ours.
    let elsewhere = sandbox::is_below(request.path());
    let token = if signs_in || elsewhere { None } else { bearer(request)? };
    let actor = match token {
        None => Actor::visitor(),
        Some(token) => {
            let state = request.app_data::<Data<State>>().cloned().ok_or_else(unconfigured)?;
            match state.authenticator.authenticate(&token).await {
                Ok(member) => Actor::member(member),
                Err(Unauthenticated::Invalid) => return Err(invalid_token()),
                Err(Unauthenticated::Unavailable) => return Err(unavailable()),
            }
        }
    };
    Ok(match request_id() {
        Some(id) => actor.in_request(id),
        None => actor,
    })
}

fn bearer(request: &ServiceRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(invalid_token)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim().to_owned()))
    } else {
        Err(invalid_token())
    }
}

fn invalid_token() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid_token",
        "this token is not valid any more; sign in or refresh it",
    )
}

fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "a part of the marketplace is down; try again",
    )
}

fn unconfigured() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server has no state")
}
