//! The picture that stands for a provider.

use actix_web::{HttpResponse, delete, put};
use kernel::ProviderId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{ProviderView, changed};
use crate::http::Problem;
use crate::http::command::{Command, IfMatch};
use crate::http::uploads::{PictureBody, PictureForm};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(set).service(remove);
}

/// Set the picture of a provider
///
/// A form with one part `media`: a JPEG, PNG, WebP or AVIF picture of up to 10 MiB and 50
/// megapixels. Its smaller copies, squares from its middle, come a moment later; the picture before
/// is gone. What admins do here is in the audit log.
#[utoipa::path(
    operation_id = "setProviderAvatar",
    tag = "providers",
    params(Command<ProviderId>, IfMatch),
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses(
        ProviderView,
        (status = CONFLICT, description = "The file was swept, or the provider is suspended", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[put("/providers/{id}/avatar")]
async fn set(command: Command<ProviderId>, body: PictureBody) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let providers = &state.services.catalog.providers;
    let provider = providers.set_avatar(actor, *id, body.0, expected).await?;
    Ok(changed(&command, &provider))
}

/// Remove the picture of a provider
///
/// Any number of times, also where there is none.
#[utoipa::path(
    operation_id = "removeProviderAvatar",
    tag = "providers",
    params(Command<ProviderId>, IfMatch),
    responses(
        ProviderView,
        (status = CONFLICT, description = "The provider is suspended", body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It was changed since", body = Problem, content_type = "application/problem+json"),
    ),
)]
#[delete("/providers/{id}/avatar")]
async fn remove(command: Command<ProviderId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let expected = command.expected()?;
    let provider = state.services.catalog.providers.remove_avatar(actor, *id, expected).await?;
    Ok(changed(&command, &provider))
}
