use std::sync::Arc;

use adapter_pictures::Pictures;
use adapter_postgres::PgStore;
use adapter_storage::Storage;
use anyhow::Context;
use catalog::Uploads;
use catalog::media::{
    MediaIntake, MediaStore, MediaSweeper, ObjectStore, PictureReader, PreviewService,
};
use kernel::ReviewId;

use super::Foundation;
use super::review_pictures::ReviewUploads;
use crate::config::Settings;

/// What deals with pictures and documents.
#[derive(Debug, Clone)]
pub struct Media {
    /// The files.
    pub files: Storage,
    /// Takes files in.
    pub intake: MediaIntake,
    /// Makes smaller copies of pictures.
    pub previews: PreviewService,
    /// Deletes the files that nothing needs any more.
    pub sweeper: MediaSweeper,
}

impl Media {
    /// Wires it.
    pub(super) fn new(settings: &Settings, foundation: &Foundation) -> anyhow::Result<Self> {
        let Foundation { store, clock, ids, random, .. } = foundation.clone();
        let files = Storage::open(&settings.storage.as_opened())
            .context("cannot open the storage of pictures and documents")?;
        let store: Arc<dyn MediaStore> = Arc::<PgStore>::clone(&store);
        let objects: Arc<dyn ObjectStore> = Arc::new(files.clone());
        let pictures: Arc<dyn PictureReader> = Arc::new(Pictures::new());
        Ok(Self {
            files,
            intake: MediaIntake::new(
                Arc::clone(&store),
                Arc::clone(&objects),
                Arc::clone(&pictures),
                Arc::clone(&clock),
                ids,
                Arc::clone(&random),
            ),
            previews: PreviewService::new(
                Arc::clone(&store),
                Arc::clone(&objects),
                pictures,
                Arc::clone(&clock),
                random,
            ),
            sweeper: MediaSweeper::new(store, objects, clock),
        })
    }

    /// The files of a request that shall be pictures of a review.
    pub fn review_pictures(&self, review: ReviewId, uploads: Uploads) -> Box<dyn reviews::Uploads> {
        Box::new(ReviewUploads { review, intake: self.intake.clone(), uploads })
    }
}
