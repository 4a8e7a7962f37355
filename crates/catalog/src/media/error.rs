use std::time::Duration;

use kernel::{Failure, FailureKind, FieldError, FieldErrors, StorageError};
use thiserror::Error;

use super::{MediaKind, PixelSize};

/// Why the media of a listing, or of another owner, cannot be changed like this.
#[derive(Debug, Error)]
pub enum MediaError {
    /// The number of items, the items to remove or the order: nothing was changed.
    #[error("the media cannot be changed like this: {0}")]
    Set(FieldErrors),
    /// One or several files are refused: nothing was stored.
    #[error("not every file is accepted: {fields}")]
    Files {
        /// The kind that all refusals share, else [`FailureKind::Invalid`].
        kind: FailureKind,
        /// One per refused file.
        fields: FieldErrors,
    },
    /// The account has no room for more.
    #[error(
        "the files of this account take {used} of {allowed} bytes, and {added} more do not fit; \
         remove some first"
    )]
    QuotaExceeded {
        /// Bytes that its files have without the new ones.
        used: u64,
        /// Bytes of the new ones.
        added: u64,
        /// Bytes that they may have.
        allowed: u64,
    },
    /// The upload took so long that its files were swept before their owner was stored.
    #[error("the uploaded files are gone; send them again")]
    Vanished,
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] ObjectStoreError),
    /// The program could not work with a file on its own disk.
    #[error("a file could not be prepared")]
    Disk(#[source] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl MediaError {
    /// The refusal of the files at these places among the files of the request.
    pub fn refused(faults: impl IntoIterator<Item = (usize, FileFault)>) -> Self {
        let mut kinds = Vec::new();
        let mut fields = FieldErrors::new();
        for (place, fault) in faults {
            kinds.push(fault.kind());
            fields.add(format!("/media/{place}"), fault.code(), fault.to_string());
        }
        kinds.dedup();
        let kind = if kinds.len() == 1 { kinds[0] } else { FailureKind::Invalid };
        Self::Files { kind, fields }
    }
}

impl Failure for MediaError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Set(_) => FailureKind::Invalid,
            Self::Files { kind, .. } => *kind,
            Self::QuotaExceeded { .. } => FailureKind::TooLarge,
            Self::Vanished => FailureKind::Conflict,
            Self::Objects(error) => error.kind(),
            Self::Disk(_) => FailureKind::Unavailable,
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Set(_) => "media.invalid",
            Self::Files { .. } => "media.refused",
            Self::QuotaExceeded { .. } => "storage_quota_exceeded",
            Self::Vanished => "media.vanished",
            Self::Objects(error) => error.code(),
            Self::Disk(_) => "unavailable",
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Set(fields) | Self::Files { fields, .. } => &fields.0,
            Self::QuotaExceeded { .. }
            | Self::Vanished
            | Self::Objects(_)
            | Self::Disk(_)
            | Self::Storage(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Objects(error) => error.retry_after(),
            Self::Storage(error) => error.retry_after(),
            Self::Disk(_) => Some(Duration::from_secs(5)),
            Self::Set(_) | Self::Files { .. } | Self::QuotaExceeded { .. } | Self::Vanished => None,
        }
    }
}

/// What is wrong with one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FileFault {
    /// More bytes than are allowed.
    #[error("must have at most {max} bytes, has {given}")]
    TooLarge {
        /// The most that is allowed.
        max: u64,
        /// What was given.
        given: u64,
    },
    /// No format that is accepted anywhere, whatever its name says.
    #[error("must be a JPEG, PNG, WebP or AVIF picture or a PDF document")]
    UnknownFormat,
    /// A format that is accepted elsewhere.
    #[error("must not be a {0}: none is taken here")]
    KindRefused(MediaKind),
    /// A picture that moves.
    #[error("must not be animated")]
    Animated,
    /// More pixels than we decode.
    #[error(
        "must have at most {} pixels and {} a side, has {}x{}",
        PixelSize::MAX_AREA, PixelSize::MAX_SIDE, .0.width, .0.height
    )]
    TooManyPixels(PixelSize),
    /// Cut off, or not what its first bytes promise.
    #[error("cannot be read: it is cut off or damaged")]
    Damaged,
}

impl FileFault {
    /// A stable code for a field error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "file_too_large",
            Self::UnknownFormat => "unknown_format",
            Self::KindRefused(_) => "kind_refused",
            Self::Animated => "animated",
            Self::TooManyPixels(_) => "too_many_pixels",
            Self::Damaged => "damaged",
        }
    }

    const fn kind(self) -> FailureKind {
        match self {
            Self::TooLarge { .. } => FailureKind::TooLarge,
            Self::UnknownFormat | Self::KindRefused(_) | Self::Animated => {
                FailureKind::UnsupportedMedia
            }
            Self::TooManyPixels(_) | Self::Damaged => FailureKind::Invalid,
        }
    }
}

/// Why a picture cannot be worked with.
#[derive(Debug, Error)]
pub enum PictureError {
    /// It is the file's fault.
    #[error(transparent)]
    Fault(#[from] FileFault),
    /// It is ours.
    #[error("a file could not be prepared")]
    Disk(#[from] std::io::Error),
}

/// A failure of the object store. Its source is opaque on purpose.
#[derive(Debug, Error)]
#[error("the file storage is not available to {action}")]
pub struct ObjectStoreError {
    /// What we tried to do.
    pub action: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Failure for ObjectStoreError {
    fn kind(&self) -> FailureKind {
        FailureKind::Unavailable
    }

    fn code(&self) -> &'static str {
        "unavailable"
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}
