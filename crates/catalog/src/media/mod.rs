//! The pictures and documents of a listing, and the pictures of whatever else has some
//! ([`MediaOwner`]): what may be attached ([`MediaLimits`]), the set and its one command
//! ([`MediaSet::change`]), and the way from an uploaded file to an attached item ([`MediaIntake`]).
//!
//! 1. [`MediaSet::preview`] refuses what cannot end well, before anything is stored.
//! 2. [`MediaIntake::receive`] checks each file, removes what is not the picture, notes its
//!    storage key as staged and puts it into the object store.
//! 3. In the owner's transaction [`MediaSet::change`] decides, and
//!    [`MediaRepository::store_media_change`] attaches: from the commit on the file is public.
//! 4. What was staged and never attached, and what was removed, is deleted by
//!    [`MediaSweeper::sweep`].

mod error;
mod event;
mod file;
mod intake;
mod item;
mod lifecycle;
mod limits;
mod owner;
mod port;
mod preview;
mod quota;
mod set;
mod sweep;
#[cfg(feature = "testing")]
mod testing;
#[cfg(test)]
mod tests;

pub use error::{FileFault, MediaError, ObjectStoreError, PictureError};
pub use event::MediaEvent;
pub use file::{
    LocalFile, MediaFile, MediaFormat, MediaKind, PixelSize, StorageKey, StorageKeyError,
};
pub use intake::MediaIntake;
pub use item::{Alt, MediaItem, MediaRef, MediaRefError, NewMedia, Preview, Variant};
pub use lifecycle::{ObjectState, ObjectStep, object_lifecycle};
pub use limits::{MediaLimits, MediaLimitsError};
pub use owner::{MediaOwner, Shape};
pub use port::{
    CleanPicture, MediaRepository, MediaStore, MediaTx, MediaWithOwner, ObjectStore, PictureReader,
    Probe, RenderedPreview, RenderedVariant, ServedObject,
};
#[cfg(feature = "testing")]
pub use port::{MockMediaStore, MockObjectStore, MockPictureReader};
pub use preview::PreviewService;
pub use quota::StorageQuota;
pub use set::{MediaChange, MediaSet};
pub use sweep::{MediaSweeper, Swept};
#[cfg(feature = "testing")]
pub use testing::{MockMediaTx, a_document, a_picture, a_project_limit, an_unused_intake};
