use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    EventId, Inbox, ListingId, MediaId, SequentialIds, StorageError, SystemClock, SystemIds,
    SystemRandom, UnitOfWork,
};

use super::{
    MediaChange, MediaError, MediaFile, MediaFormat, MediaIntake, MediaItem, MediaKind,
    MediaLimits, MediaOwner, MediaRepository, MediaTx, MockMediaStore, MockObjectStore,
    MockPictureReader, NewMedia, PixelSize, Preview, StorageKey,
};

mockall::mock! {
    /// A transaction over media that does what a test tells it to.
    pub MediaTx {}

    #[async_trait]
    impl MediaRepository for MediaTx {
        async fn media_of(&mut self, owner: MediaOwner) -> Result<Vec<MediaItem>, StorageError>;
        async fn store_media_change(
            &mut self,
            owner: MediaOwner,
            change: &MediaChange,
            now: DateTime<Utc>,
        ) -> Result<(), MediaError>;
        async fn keep_media(&mut self, listing: ListingId, media: &[NewMedia]) -> Result<(), MediaError>;
        async fn discard_media(&mut self, media: &[NewMedia]) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl MediaTx for MediaTx {
        async fn store_preview(
            &mut self,
            media: MediaId,
            preview: &Preview,
        ) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl Inbox for MediaTx {
        async fn first_time(
            &mut self,
            handler: &'static str,
            event: EventId,
        ) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for MediaTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

/// A stored picture of 1200 x 800 pixels that belongs to no listing yet.
pub fn a_picture() -> NewMedia {
    a_file(MediaFormat::Jpeg, Some(PixelSize { width: 1200, height: 800 }))
}

/// A stored document that belongs to no listing yet.
pub fn a_document() -> NewMedia {
    a_file(MediaFormat::Pdf, None)
}

fn a_file(format: MediaFormat, pixels: Option<PixelSize>) -> NewMedia {
    let key = StorageKey::generate(&SystemRandom, format);
    let file = MediaFile { key, format, bytes: 1000, pixels };
    NewMedia { id: MediaId::next(&SystemIds), file, alt: None }
}

/// 1 to 12 pictures.
pub fn a_project_limit() -> MediaLimits {
    MediaLimits::new([MediaKind::Picture], 1, 12, MediaLimits::MAX_BYTES)
        .expect("1 is not above 12")
}

/// An intake for a service that is never given a file.
pub fn an_unused_intake() -> MediaIntake {
    MediaIntake::new(
        Arc::new(MockMediaStore::new()),
        Arc::new(MockObjectStore::new()),
        Arc::new(MockPictureReader::new()),
        Arc::new(SystemClock),
        Arc::new(SequentialIds::default()),
        Arc::new(SystemRandom),
    )
}
