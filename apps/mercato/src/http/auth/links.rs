use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, post};
use identity::EmailAddress;
use kernel::FieldErrors;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::sign_up::{MailSentView, password};
use super::token::typed;
use super::{LONGEST_SECRET, Origin, TokensView, email, whole};
use crate::http::Problem;
use crate::http::body::{Body, bounded};
use crate::http::caller::Caller;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(verify_email)
        .service(resend)
        .service(forgot)
        .service(reset)
        .service(change_password);
}

/// The secret of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    /// The secret at the end of the link in the mail.
    #[schema(max_length = 256, example = "mst_J3w6yPGf0Vq2s8bHhXk1Zc9dRtUuMm4nA7eYoQpLwTg")]
    token: String,
}

/// Verify a mail address
///
/// With the secret from the link that was mailed to it. The link counts once, for 24 hours.
#[utoipa::path(
    operation_id = "verifyEmail",
    tag = "auth",
    request_body = LinkBody,
    responses(
        (status = NO_CONTENT, description = "Verified"),
        (status = GONE, description = "The link was used or has expired", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/auth/email/verify")]
async fn verify_email(body: Body<LinkBody>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let token = bounded("/token", body.value.token, LONGEST_SECRET)?;
    state.services.identity.verify_email(&token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A mail address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressBody {
    /// The mail address; case does not matter.
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
}

impl TryFrom<AddressBody> for EmailAddress {
    type Error = Problem;

    fn try_from(body: AddressBody) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let address = email(&mut errors, &body.email);
        whole(address, &errors)
    }
}

/// Ask for another link that verifies an address
///
/// The same answer whoever owns the address, if anyone does.
#[utoipa::path(
    operation_id = "resendVerification",
    tag = "auth",
    request_body = AddressBody,
    responses((status = ACCEPTED, description = "If the address waits for it, a mail is on its way", body = MailSentView)),
)]
#[post("/auth/email/resend")]
async fn resend(
    Caller(actor): Caller,
    Origin(client): Origin,
    body: Body<AddressBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let address = EmailAddress::try_from(body.value)?;
    state.services.identity.resend_verification(&actor, &address, &client).await?;
    Ok(HttpResponse::Accepted().json(MailSentView::new()))
}

/// Ask for a link that sets a new password
///
/// The same answer whoever owns the address, if anyone does.
#[utoipa::path(
    operation_id = "forgotPassword",
    tag = "auth",
    request_body = AddressBody,
    responses((status = ACCEPTED, description = "If the address belongs to an account, a mail is on its way", body = MailSentView)),
)]
#[post("/auth/password/forgot")]
async fn forgot(
    Caller(actor): Caller,
    Origin(client): Origin,
    body: Body<AddressBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let address = EmailAddress::try_from(body.value)?;
    state.services.identity.forgot_password(&actor, &address, &client).await?;
    Ok(HttpResponse::Accepted().json(MailSentView::new()))
}

/// The secret of a link, and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetBody {
    /// The secret at the end of the link in the mail.
    #[schema(max_length = 256, example = "mst_J3w6yPGf0Vq2s8bHhXk1Zc9dRtUuMm4nA7eYoQpLwTg")]
    token: String,
    /// 8 to 256 characters, not one of those that are guessed first.
    #[schema(min_length = 8, max_length = 256, example = "correct horse battery staple")]
    password: String,
}

/// Set a new password with a link
///
/// With the secret from the mail. The link counts once, for an hour. All sessions end.
#[utoipa::path(
    operation_id = "resetPassword",
    tag = "auth",
    request_body = ResetBody,
    responses(
        (status = NO_CONTENT, description = "Set; sign in with it"),
        (status = GONE, description = "The link was used or has expired", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/auth/password/reset")]
async fn reset(body: Body<ResetBody>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let mut errors = FieldErrors::new();
    let password = password(&mut errors, "/password", &body.value.password);
    let password = whole(password, &errors)?;
    let token = bounded("/token", body.value.token, LONGEST_SECRET)?;
    state.services.identity.reset_password(&token, &password).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The present and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePasswordBody {
    /// The password that counts now.
    #[schema(max_length = 256, example = "correct horse battery staple")]
    current_password: String,
    /// 8 to 256 characters, not one of those that are guessed first.
    #[schema(min_length = 8, max_length = 256, example = "four other random words")]
    new_password: String,
}

/// Change one's own password
///
/// All sessions end within a second; the caller goes on with the tokens in the answer.
#[utoipa::path(
    operation_id = "changePassword",
    tag = "auth",
    request_body = ChangePasswordBody,
    responses((status = OK, description = "Changed; the tokens of a new session", body = TokensView)),
)]
#[post("/auth/password/change")]
async fn change_password(
    Caller(actor): Caller,
    Origin(client): Origin,
    body: Body<ChangePasswordBody>,
    state: Data<State>,
) -> Result<Json<TokensView>, Problem> {
    let mut errors = FieldErrors::new();
    let current = typed(&mut errors, "/current_password", &body.value.current_password);
    let new = password(&mut errors, "/new_password", &body.value.new_password);
    let (current, new) = whole(current.zip(new), &errors)?;
    let service = &state.services.identity;
    let tokens = service.change_password(&actor, &current, &new, &client).await?;
    Ok(Json(tokens.into()))
}
