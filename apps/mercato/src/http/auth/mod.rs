//! Signing up, in and out, verifying an address, recovering a password.

mod links;
mod sign_up;
mod token;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, Utc};
use identity::{Client, EmailAddress, Tokens};
use kernel::FieldErrors;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::limits::ClientAddress;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(sign_up::routes).configure(token::routes).configure(links::routes);
}

/// Where a request comes from, for throttles and the list of sessions.
#[derive(Debug)]
struct Origin(Client);

impl FromRequest for Origin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let address = ClientAddress::from_request(request, payload).into_inner();
        let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        ready(address.map(|address| Self(Client::new(address.0, user_agent))))
    }
}

/// What keeps somebody signed in.
#[derive(Debug, Serialize, ToSchema)]
struct TokensView {
    /// How to show the access token: `Authorization: Bearer …`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Shown with every request.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJhdCtqd3QifQ.e30.c2lnbmF0dXJl")]
    access_token: String,
    /// How many seconds the access token counts.
    #[schema(example = 600)]
    expires_in: i64,
    /// Exchanged once, for the next two tokens.
    #[schema(example = "mst_J3w6yPGf0Vq2s8bHhXk1Zc9dRtUuMm4nA7eYoQpLwTg")]
    refresh_token: String,
    /// When the refresh token stops to count.
    refresh_expires_at: DateTime<Utc>,
    /// The session they belong to.
    #[schema(example = "ses_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    session_id: String,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self {
            token_type: "Bearer",
            access_token: tokens.access_token,
            expires_in: tokens.access_lifetime.num_seconds(),
            refresh_token: tokens.refresh_token,
            refresh_expires_at: tokens.refresh_expires_at,
            session_id: tokens.session.to_string(),
        }
    }
}

/// Reads a mail address.
fn email(errors: &mut FieldErrors, text: &str) -> Option<EmailAddress> {
    errors.check("/email", "invalid_email", text.parse())
}

/// The value, or all that is wrong.
fn whole<T>(value: Option<T>, errors: &FieldErrors) -> Result<T, Problem> {
    value.filter(|_| errors.is_empty()).ok_or_else(|| Problem::invalid(&errors.0))
}

/// The longest secret of a link, and the longest refresh token, in characters.
const LONGEST_SECRET: usize = 256;
