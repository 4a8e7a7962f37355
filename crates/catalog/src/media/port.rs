use std::collections::HashMap;
use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{Inbox, ListingId, MediaId, ReviewId, StorageError, UnitOfWork};

use super::{
    LocalFile, MediaChange, MediaError, MediaFormat, MediaItem, MediaOwner, NewMedia,
    ObjectStoreError, PictureError, PixelSize, Preview, Shape, StorageKey,
};

/// Media inside one transaction.
#[async_trait]
pub trait MediaRepository: Send {
    /// The items of a listing, or of another owner, in their order. Whoever wants to change them
    /// holds the lock of the owner.
    async fn media_of(&mut self, owner: MediaOwner) -> Result<Vec<MediaItem>, StorageError>;

    /// Attaches what was added, takes away what was removed, and stores the order. Removed files
    /// are no longer served from the commit on, and swept later.
    ///
    /// What was added counts on the account behind the owner, what was removed does no longer; until
    /// the transaction ends no other changes that sum.
    ///
    /// # Errors
    ///
    /// [`MediaError::Vanished`] if an added file was swept meanwhile;
    /// [`MediaError::QuotaExceeded`] if the account has no room for what is new.
    async fn store_media_change(
        &mut self,
        owner: MediaOwner,
        change: &MediaChange,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError>;

    /// Keeps files that a change request of a listing waits with: they are not swept, a moderator
    /// can see them, and they count as if they were added.
    ///
    /// # Errors
    ///
    /// [`MediaError::Vanished`] if one of them was swept meanwhile;
    /// [`MediaError::QuotaExceeded`] if the account has no room for what is new.
    async fn keep_media(
        &mut self,
        listing: ListingId,
        media: &[NewMedia],
    ) -> Result<(), MediaError>;

    /// Gives up files that were kept for a change request which is not going to happen.
    async fn discard_media(&mut self, media: &[NewMedia]) -> Result<(), StorageError>;
}

/// An item with what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaWithOwner {
    /// What it belongs to.
    pub owner: MediaOwner,
    /// The item.
    pub item: MediaItem,
}

/// Everything that making a preview may touch atomically.
#[async_trait]
pub trait MediaTx: MediaRepository + Inbox + UnitOfWork {
    /// Stores the preview of an item that has none, and attaches its files. `false` if the item
    /// is gone or has a preview: the files are then left to the sweep.
    async fn store_preview(
        &mut self,
        media: MediaId,
        preview: &Preview,
    ) -> Result<bool, StorageError>;
}

/// A file that may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedObject {
    /// What it is.
    pub format: MediaFormat,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The record of stored objects: `staged` before the upload, `attached` with the commit of their
/// owner, `orphaned` when nothing needs them any more, then gone. Every call is a short
/// transaction of its own.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Opens a transaction.
    async fn begin_media(&self) -> Result<Box<dyn MediaTx>, StorageError>;

    /// Passes if the account behind an owner has room for so many bytes now, where so many are
    /// about to be removed: asked before files are stored, and decided again when they are
    /// attached.
    ///
    /// # Errors
    ///
    /// [`MediaError::QuotaExceeded`].
    async fn check_room(
        &self,
        owner: MediaOwner,
        removing: u64,
        adding: u64,
    ) -> Result<(), MediaError>;

    /// Notes objects that are about to be put into the object store, with their size in bytes.
    async fn stage_objects(
        &self,
        objects: &[(StorageKey, u64)],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// The object, if it is attached; nothing else is ever served.
    async fn served_object(&self, key: &StorageKey) -> Result<Option<ServedObject>, StorageError>;

    /// Orphans what was staged before `staged_before` and never attached; then at most `limit`
    /// of the orphaned objects, for deletion.
    async fn objects_to_sweep(
        &self,
        staged_before: DateTime<Utc>,
        limit: u16,
    ) -> Result<Vec<StorageKey>, StorageError>;

    /// Forgets orphaned objects that were deleted from the object store.
    async fn forget_objects(&self, keys: &[StorageKey]) -> Result<(), StorageError>;

    /// The pictures of reviews, each in its order; a review without any is absent.
    async fn pictures_of_reviews(
        &self,
        reviews: &[ReviewId],
    ) -> Result<HashMap<ReviewId, Vec<MediaItem>>, StorageError>;

    /// The items of these that are pictures without a preview.
    async fn media_without_preview(
        &self,
        media: &[MediaId],
    ) -> Result<Vec<MediaWithOwner>, StorageError>;
}

/// Where files lie: a local folder, or a bucket.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait ObjectStore: Debug + Send + Sync {
    /// Stores a local file under a key, streamed. A format decides content type and disposition.
    async fn put(&self, key: &StorageKey, file: &LocalFile) -> Result<(), ObjectStoreError>;

    /// A local copy of an object; `None` if there is none.
    async fn fetch(&self, key: &StorageKey) -> Result<Option<LocalFile>, ObjectStoreError>;

    /// Deletes an object. One that is not there is deleted already.
    async fn delete(&self, key: &StorageKey) -> Result<(), ObjectStoreError>;

    /// All keys, in no particular order. For checks, not for requests.
    async fn list(&self) -> Result<Vec<StorageKey>, ObjectStoreError>;

    /// An address at which the store itself serves the object, if it is set up to.
    async fn public_url(&self, key: &StorageKey) -> Result<Option<String>, ObjectStoreError>;
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Told by its first bytes.
    pub format: MediaFormat,
    /// Told by its header, for a picture.
    pub pixels: Option<PixelSize>,
}

/// A file that holds its picture and nothing else.
#[derive(Debug)]
pub struct CleanPicture {
    /// The file.
    pub file: LocalFile,
    /// Its size as a person sees it.
    pub pixels: PixelSize,
}

/// A smaller copy of a picture.
#[derive(Debug)]
pub struct RenderedVariant {
    /// The WebP file.
    pub file: LocalFile,
    /// Its size.
    pub pixels: PixelSize,
}

/// What [`PictureReader::render`] makes.
#[derive(Debug)]
pub struct RenderedPreview {
    /// From the narrowest to the widest.
    pub variants: Vec<RenderedVariant>,
    /// See [`Preview::blur_hash`].
    pub blur_hash: String,
}

/// Reads, cleans and scales pictures.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait PictureReader: Debug + Send + Sync {
    /// What a file is by its first bytes, and the size of a picture as a person sees it by its
    /// header: nothing is decoded.
    async fn probe(&self, file: &Path) -> Result<Probe, PictureError>;

    /// A copy without metadata, comments, places and trailing bytes: only what draws the picture
    /// stays. A file that is cut off is refused.
    async fn clean(&self, file: &Path, format: MediaFormat) -> Result<CleanPicture, PictureError>;

    /// The variants and the blur hash of a clean picture; `None` for a format that cannot be
    /// decoded here, whose original serves for ever.
    async fn render(
        &self,
        file: &Path,
        format: MediaFormat,
        shape: Shape,
    ) -> Result<Option<RenderedPreview>, PictureError>;
}
