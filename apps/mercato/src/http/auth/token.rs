use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use identity::{Inspection, Password, SignIn};
use kernel::FieldErrors;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{LONGEST_SECRET, Origin, TokensView, email, whole};
use crate::http::Problem;
use crate::http::accounts::RoleView;
use crate::http::body::{Body, bounded};
use crate::http::caller::Caller;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(sign_in).service(refresh).service(verify).service(revoke);
}

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    /// The mail address; case does not matter.
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
    /// The password.
    #[schema(max_length = 256, example = "correct horse battery staple")]
    password: String,
}

impl TryFrom<SignInBody> for SignIn {
    type Error = Problem;

    fn try_from(body: SignInBody) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let email = email(&mut errors, &body.email);
        let password = typed(&mut errors, "/password", &body.password);
        let command = email.zip(password).map(|(email, password)| Self { email, password });
        whole(command, &errors)
    }
}

/// Reads a password that shall be compared.
pub(super) fn typed(errors: &mut FieldErrors, pointer: &str, text: &str) -> Option<Password> {
    let note =
        |error: identity::PasswordError| errors.add(pointer, error.code(), error.to_string());
    Password::typed(text).map_err(note).ok()
}

/// Sign in
///
/// One answer, in one time, for a wrong address and for a wrong password. 403 tells somebody who
/// knows the password that the address is not verified or the account suspended. Tries are
/// throttled by address and by network: `Retry-After` says when the next one is possible.
#[utoipa::path(
    operation_id = "signIn",
    tag = "auth",
    request_body = SignInBody,
    responses(
        (status = OK, description = "Signed in", body = TokensView),
        (status = UNAUTHORIZED, description = "The address or the password is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = FORBIDDEN, description = "The address is not verified, or the account is suspended",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/auth/token")]
async fn sign_in(
    Origin(client): Origin,
    body: Body<SignInBody>,
    state: Data<State>,
) -> Result<Json<TokensView>, Problem> {
    let command = SignIn::try_from(body.value)?;
    let tokens = state.services.identity.sign_in(command, &client).await?;
    Ok(Json(tokens.into()))
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshBody {
    /// The refresh token that was issued last.
    #[schema(max_length = 256, example = "mst_J3w6yPGf0Vq2s8bHhXk1Zc9dRtUuMm4nA7eYoQpLwTg")]
    refresh_token: String,
}

/// Exchange a refresh token for new tokens
///
/// Each refresh token counts once. One that is shown again ends its session, since somebody else
/// may have it; only within ten seconds the same client gets the same successor again, should it
/// have lost the answer.
#[utoipa::path(
    operation_id = "refreshToken",
    tag = "auth",
    request_body = RefreshBody,
    responses((status = OK, description = "The next tokens", body = TokensView)),
)]
#[post("/auth/token/refresh")]
async fn refresh(
    Caller(actor): Caller,
    Origin(client): Origin,
    body: Body<RefreshBody>,
    state: Data<State>,
) -> Result<Json<TokensView>, Problem> {
    let token = bounded("/refresh_token", body.value.refresh_token, LONGEST_SECRET)?;
    let tokens = state.services.identity.refresh(&actor, &token, &client).await?;
    Ok(Json(tokens.into()))
}

/// The longest access token, in characters.
const LONGEST_TOKEN: usize = 4096;

/// A token of either kind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    /// An access token or a refresh token.
    #[schema(max_length = 4096, example = "mst_J3w6yPGf0Vq2s8bHhXk1Zc9dRtUuMm4nA7eYoQpLwTg")]
    token: String,
}

/// What a token is worth.
#[derive(Debug, Serialize, ToSchema)]
struct InspectionView {
    /// Whether it counts.
    active: bool,
    /// Whose it is.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    /// Which session it belongs to.
    #[schema(example = "ses_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// What the account is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<RoleView>>,
    /// When the token stops to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

impl From<Inspection> for InspectionView {
    fn from(inspection: Inspection) -> Self {
        match inspection {
            Inspection::Inactive => Self {
                active: false,
                account_id: None,
                session_id: None,
                roles: None,
                expires_at: None,
            },
            Inspection::Active { account, session, roles, expires_at } => Self {
                active: true,
                account_id: Some(account.to_string()),
                session_id: Some(session.to_string()),
                roles: Some(roles.iter().map(RoleView::from).collect()),
                expires_at: Some(expires_at),
            },
        }
    }
}

/// Find out what a token is worth
///
/// For whoever holds it, such as a service that was handed one. `active` is false for whatever
/// reason a token does not count.
#[utoipa::path(
    operation_id = "verifyToken",
    tag = "auth",
    request_body = TokenBody,
    responses((status = OK, description = "What it is worth", body = InspectionView)),
)]
#[post("/auth/token/verify")]
async fn verify(
    body: Body<TokenBody>,
    state: Data<State>,
) -> Result<Json<InspectionView>, Problem> {
    let token = bounded("/token", body.value.token, LONGEST_TOKEN)?;
    let inspection = state.services.identity.inspect(&token).await?;
    Ok(Json(inspection.into()))
}

/// Sign out
///
/// Ends the session of an access or refresh token: all its tokens stop to count within a second. A
/// token that is worth nothing gives the same answer.
#[utoipa::path(
    operation_id = "revokeToken",
    tag = "auth",
    request_body = TokenBody,
    responses((status = NO_CONTENT, description = "Signed out")),
)]
#[post("/auth/token/revoke")]
async fn revoke(body: Body<TokenBody>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let token = bounded("/token", body.value.token, LONGEST_TOKEN)?;
    state.services.identity.revoke(&token).await?;
    Ok(HttpResponse::NoContent().finish())
}
