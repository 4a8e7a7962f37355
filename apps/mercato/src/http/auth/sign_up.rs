use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use identity::{NewPassword, Profile, SignUp, SignUpOutcome};
use kernel::{FieldErrors, Locale};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Origin, TokensView, email, whole};
use crate::http::Problem;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::me::{AccountView, display_name, locale, time_zone};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(sign_up);
}

/// Who signs up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignUpBody {
    /// The mail address; case does not matter.
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
    /// 8 to 256 characters, not one of those that are guessed first.
    #[schema(min_length = 8, max_length = 256, example = "correct horse battery staple")]
    password: String,
    /// What others see: 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80, example = "Ada Lovelace")]
    display_name: String,
    /// The language of mails, as a tag such as `en` or `pt-BR`; `en` if it is not given.
    #[schema(example = "en")]
    locale: Option<String>,
    /// The time zone of dates in mails, by its IANA name; `UTC` if it is not given.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

impl TryFrom<SignUpBody> for SignUp {
    type Error = Problem;

    fn try_from(body: SignUpBody) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let email = email(&mut errors, &body.email);
        let password = password(&mut errors, "/password", &body.password);
        let display_name = display_name(&mut errors, "/display_name", &body.display_name);
        let locale = match &body.locale {
            Some(text) => locale(&mut errors, "/locale", text),
            None => Some(Locale::default()),
        };
        let time_zone = match &body.time_zone {
            Some(text) => time_zone(&mut errors, "/time_zone", text),
            None => Some(chrono_tz::Tz::UTC),
        };
        let command = (|| {
            let profile =
                Profile { display_name: display_name?, locale: locale?, time_zone: time_zone? };
            Some(Self { email: email?, password: password?, profile })
        })();
        whole(command, &errors)
    }
}

/// Reads a password that shall be set.
pub(super) fn password(errors: &mut FieldErrors, pointer: &str, text: &str) -> Option<NewPassword> {
    let note =
        |error: identity::PasswordError| errors.add(pointer, error.code(), error.to_string());
    NewPassword::new(text).map_err(note).ok()
}

/// A mail says how to go on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MailSentView {
    /// For people.
    #[schema(example = "if the address can be used, a mail says how to go on")]
    detail: &'static str,
}

impl MailSentView {
    /// The same words in every case.
    pub(super) const fn new() -> Self {
        Self { detail: "if the address can be used, a mail says how to go on" }
    }
}

/// A new account that is signed in.
#[derive(Debug, Serialize, ToSchema)]
struct SignedUpView {
    /// The account.
    account: AccountView,
    /// Its first tokens.
    tokens: TokensView,
}

/// Sign up
///
/// Where addresses are verified (the default) the answer is 202 in any case, also when the address
/// belongs to an account already: the mail says how to go on, and the account signs in after its
/// link was used. Where they are not, the answer is 201 with the account and its tokens.
#[utoipa::path(
    operation_id = "signUp",
    tag = "auth",
    request_body = SignUpBody,
    responses(
        (status = CREATED, description = "Signed up and in; where addresses need no verification", body = SignedUpView),
        (status = ACCEPTED, description = "A mail says how to go on", body = MailSentView),
        (status = CONFLICT, description = "The address belongs to an account; where addresses need no verification",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/auth/sign-up")]
async fn sign_up(
    Caller(actor): Caller,
    Origin(client): Origin,
    body: Body<SignUpBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let command = SignUp::try_from(body.value)?;
    Ok(match state.services.identity.sign_up(&actor, command, &client).await? {
        SignUpOutcome::MailSent => HttpResponse::Accepted().json(MailSentView::new()),
        SignUpOutcome::SignedIn { account, tokens } => {
            let account = AccountView::of(&account, None);
            HttpResponse::Created().json(SignedUpView { account, tokens: (*tokens).into() })
        }
    })
}
