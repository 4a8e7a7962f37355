//! One's own account and the devices one is signed in on.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch};
use chrono::{DateTime, Utc};
use identity::{Account, DisplayName, ProfileChange, Session};
use kernel::{FieldErrors, Locale, SessionId, TextError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::accounts::RoleView;
use super::body::{Body, Patch};
use super::caller::Caller;
use super::etag::{Caching, if_match, tagged};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(update).service(sessions).service(end_session);
}

/// One's own account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountView {
    /// Its id.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The mail address.
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// Whether the address is verified.
    email_verified: bool,
    /// What others see.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// The language of mails.
    #[schema(example = "en")]
    locale: String,
    /// The time zone of dates in mails.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// What one may be.
    roles: Vec<RoleView>,
    /// The id of one's provider profile, if there is one.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// When one signed up.
    created_at: DateTime<Utc>,
}

impl AccountView {
    /// An account as its owner sees it, with their provider profile.
    pub(super) fn of(account: &Account, provider: Option<kernel::ProviderId>) -> Self {
        let profile = account.profile();
        let roles = account.roles();
        let roles = if provider.is_some() { roles.with(access::Role::Provider) } else { roles };
        Self {
            id: account.id().to_string(),
            email: account.email().map(ToString::to_string),
            email_verified: account.is_verified(),
            display_name: profile.display_name.to_string(),
            locale: profile.locale.to_string(),
            time_zone: profile.time_zone.name().to_owned(),
            roles: roles.iter().map(RoleView::from).collect(),
            provider_id: provider.map(|provider| provider.to_string()),
            created_at: account.record().created_at,
        }
    }
}

/// Look at one's own account
///
/// To greet a person and to know what they may do.
#[utoipa::path(
    operation_id = "getMe",
    tag = "me",
    responses((status = OK, description = "The account", body = AccountView)),
)]
#[get("/me")]
async fn show(
    Caller(actor): Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let account = state.services.identity.me(&actor).await?;
    let view = AccountView::of(&account, actor.provider());
    Ok(tagged(&request, account.version(), &view, Caching::Private))
}

/// What shall change of one's own account; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "display_name": "Ada", "locale": "de" }))]
struct UpdateMe {
    /// What others see: 1 to 80 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 80)]
    display_name: Patch<String>,
    /// The language of mails, as a tag such as `en` or `pt-BR`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    locale: Patch<String>,
    /// The time zone of dates in mails, by its IANA name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    time_zone: Patch<String>,
}

impl TryFrom<UpdateMe> for ProfileChange {
    type Error = Problem;

    fn try_from(body: UpdateMe) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let change = Self {
            display_name: field(&mut errors, "/display_name", body.display_name, display_name),
            locale: field(&mut errors, "/locale", body.locale, locale),
            time_zone: field(&mut errors, "/time_zone", body.time_zone, time_zone),
        };
        if errors.is_empty() { Ok(change) } else { Err(Problem::invalid(&errors.0)) }
    }
}

/// A field that can be set but not removed.
fn field<T>(
    errors: &mut FieldErrors,
    pointer: &str,
    patch: Patch<String>,
    read: impl FnOnce(&mut FieldErrors, &str, &str) -> Option<T>,
) -> Option<T> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => {
            errors.add(pointer, "required", "cannot be removed");
            None
        }
        Patch::Set(text) => read(errors, pointer, &text),
    }
}

/// Reads a display name.
pub(super) fn display_name(
    errors: &mut FieldErrors,
    pointer: &str,
    text: &str,
) -> Option<DisplayName> {
    let note = |error: TextError| errors.add(pointer, error.code(), error.to_string());
    DisplayName::new(text).map_err(note).ok()
}

/// Reads a locale.
pub(super) fn locale(errors: &mut FieldErrors, pointer: &str, text: &str) -> Option<Locale> {
    errors.check(pointer, "invalid_locale", text.parse())
}

/// Reads a time zone.
pub(super) fn time_zone(
    errors: &mut FieldErrors,
    pointer: &str,
    text: &str,
) -> Option<chrono_tz::Tz> {
    let zone = text.parse().map_err(|_| "must be an IANA time zone such as `Europe/Berlin`");
    errors.check(pointer, "invalid_time_zone", zone)
}

/// Change one's own name, language or time zone
///
/// A merge patch: what is not given stays. With `If-Match` it is refused if the account was changed
/// since it was loaded.
#[utoipa::path(
    operation_id = "updateMe",
    tag = "me",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that was last seen")),
    request_body = UpdateMe,
    responses(
        (status = OK, description = "The account as it is now", body = AccountView),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[patch("/me")]
async fn update(
    Caller(actor): Caller,
    request: HttpRequest,
    body: Body<UpdateMe>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let expected = if_match(&request)?;
    let change = ProfileChange::try_from(body.value)?;
    let account = state.services.identity.update_profile(&actor, change, expected).await?;
    let view = AccountView::of(&account, actor.provider());
    Ok(tagged(&request, account.version(), &view, Caching::Private))
}

/// A device one is signed in on.
#[derive(Debug, Serialize, ToSchema)]
struct SessionView {
    /// Its id.
    #[schema(example = "ses_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// What the device says it is.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
    device: Option<String>,
    /// Whether it is the one that asks.
    is_current: bool,
    /// When it signed in.
    created_at: DateTime<Utc>,
    /// When it last refreshed its tokens.
    last_used_at: DateTime<Utc>,
    /// When it is signed out by itself, unless it refreshes its tokens.
    expires_at: DateTime<Utc>,
}

impl SessionView {
    fn of(session: &Session, current: Option<SessionId>) -> Self {
        let record = session.record();
        Self {
            id: record.id.to_string(),
            device: record.device.as_ref().map(|device| device.as_str().to_owned()),
            is_current: current == Some(record.id),
            created_at: record.created_at,
            last_used_at: record.last_used_at,
            expires_at: record.expires_at,
        }
    }
}

/// The devices one is signed in on.
#[derive(Debug, Serialize, ToSchema)]
struct SessionsView {
    /// Newest first, at most 100.
    data: Vec<SessionView>,
}

/// List the devices one is signed in on
///
/// To find one that should not be there, and end it.
#[utoipa::path(
    operation_id = "listMySessions",
    tag = "me",
    responses((status = OK, description = "The sessions", body = SessionsView)),
)]
#[get("/me/sessions")]
async fn sessions(
    Caller(actor): Caller,
    state: Data<State>,
) -> Result<Json<SessionsView>, Problem> {
    let sessions = state.services.identity.sessions(&actor).await?;
    let current = actor.as_member().map(|member| member.session);
    let data = sessions.iter().map(|session| SessionView::of(session, current)).collect();
    Ok(Json(SessionsView { data }))
}

/// Sign out on one of one's own devices
///
/// Its tokens stop to count within a second.
#[utoipa::path(
    operation_id = "endMySession",
    tag = "me",
    params(("id" = String, Path, description = "The session", example = "ses_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = NO_CONTENT, description = "Signed out")),
)]
#[delete("/me/sessions/{id}")]
async fn end_session(
    Caller(actor): Caller,
    id: Path<SessionId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    state.services.identity.revoke_session(&actor, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
