//! The pictures of a review.

use actix_web::{HttpResponse, patch};
use catalog::media::MediaRef;
use kernel::{MediaId, ReviewId};
use reviews::{Arrangement, ChangePictures, PictureRef};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::{ReviewView, changed};
use crate::http::Problem;
use crate::http::command::{Command, IfMatch};
use crate::http::listings::uploads;
use crate::http::uploads::{MediaBody, MediaForm};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(change);
}

/// What shall change of the pictures of a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "media_remove": ["med_0192d4c0000070008000000000000000"],
    "media_order": ["new:0", "med_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"],
    "media_alt": ["The shelves from the left"],
}))]
#[expect(clippy::struct_field_names, reason = "they are named as in the form of a listing")]
struct EditedPictures {
    /// The pictures that shall go.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    media_remove: Vec<MediaId>,
    /// The order of all that stay or come: ids, and `new:0` for the first file of the form.
    #[schema(value_type = Option<Vec<String>>)]
    media_order: Option<Vec<MediaRef>>,
    /// What the files of the form show, in their order; null for none.
    media_alt: Option<Vec<Option<String>>>,
}

/// Change the pictures of one's own review
///
/// Up to six, as long as the review itself may be changed. Send JSON to remove and to order, or a
/// form with the JSON in the part `data` and pictures in parts `media`: all of it happens, or
/// nothing. Where moderators look first, a changed review goes back to them.
#[utoipa::path(
    operation_id = "changeReviewPictures",
    tag = "reviews",
    params(Command<ReviewId>, IfMatch),
    request_body(content(
        (EditedPictures = "application/json"),
        (MediaForm<EditedPictures> = "multipart/form-data"),
    )),
    responses(
        ReviewView,
        (status = CONFLICT, description = "It can no longer be changed, or the files were swept",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It has changed since you loaded it",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[patch("/reviews/{id}/pictures")]
async fn change(
    command: Command<ReviewId>,
    body: MediaBody<EditedPictures>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let EditedPictures { media_remove, media_order, media_alt } = body.value;
    let reference = |one| match one {
        MediaRef::Kept(id) => PictureRef::Kept(id),
        MediaRef::New(place) => PictureRef::New(place),
    };
    let order = media_order.map(|order| order.into_iter().map(reference).collect());
    let change = ChangePictures {
        uploads: state.services.media.review_pictures(*id, uploads(body.uploads, media_alt)?),
        arrangement: Arrangement { remove: media_remove, order },
        expected_version: command.expected()?,
    };
    let review = state.services.reviews.change_pictures(actor, *id, change).await?;
    changed(&command, review).await
}
