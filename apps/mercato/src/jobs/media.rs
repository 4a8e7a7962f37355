//! The smaller copies of pictures, and the files that nothing needs any more.

use kernel::EventMessage;

use super::{JobContext, JobFailure};
use crate::wiring::Services;

/// Makes the previews of pictures that were attached.
pub(super) async fn make_previews(
    services: Services,
    event: EventMessage,
) -> Result<(), JobFailure> {
    Ok(services.media.previews.on_event(&event).await?)
}

/// Deletes the files of failed requests and of items that were removed.
pub(super) async fn sweep(context: JobContext) -> Result<(), JobFailure> {
    let swept = context.services.media.sweeper.sweep().await?;
    if swept.deleted > 0 || swept.failed > 0 {
        tracing::info!(deleted = swept.deleted, failed = swept.failed, "swept files");
    }
    Ok(())
}
