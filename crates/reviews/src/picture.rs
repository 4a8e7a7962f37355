use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{AccountId, Failure, FailureKind, FieldError, MediaId, ReviewId, StorageError};

use crate::{Review, ReviewError};

impl Review {
    /// The most pictures that a review may have.
    pub const MAX_PICTURES: usize = 6;
}

/// A file that was checked and stored, and belongs to no review yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPicture {
    /// The identity it will have.
    pub id: MediaId,
    /// Where it lies, as the storage of files names it.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// What it shows, for those who do not see it.
    pub alt: Option<String>,
}

/// One picture of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureRef {
    /// A picture that the review has.
    Kept(MediaId),
    /// A file of the same request, counted from 0.
    New(usize),
}

/// Which pictures go, and the order of those that stay or come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrangement {
    /// The pictures that shall go.
    pub remove: Vec<MediaId>,
    /// The order of all that stay or come; as they are and come, if there is none.
    pub order: Option<Vec<PictureRef>>,
}

/// The files of a request: of each no more is known than that it is there.
#[async_trait]
pub trait Uploads: Send {
    /// How many there are.
    fn count(&self) -> usize;

    /// Checks, cleans and stores them, in their order: all of them or none. They belong to nothing
    /// yet, and what is not given to a review soon is gone. Of the review's pictures some of
    /// `removing` bytes are about to go.
    async fn receive(self: Box<Self>, removing: u64) -> Result<Vec<NewPicture>, ReviewError>;
}

/// What an author changes in the pictures of a review, in one step.
pub struct ChangePictures {
    /// The files that are new.
    pub uploads: Box<dyn Uploads>,
    /// What goes, and the order.
    pub arrangement: Arrangement,
    /// The version the author looked at, if they said.
    pub expected_version: Option<i32>,
}

impl fmt::Debug for ChangePictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePictures")
            .field("uploads", &self.uploads.count())
            .field("arrangement", &self.arrangement)
            .field("expected_version", &self.expected_version)
            .finish()
    }
}

impl ChangePictures {
    pub(crate) fn is_empty(&self) -> bool {
        let Arrangement { remove, order } = &self.arrangement;
        self.uploads.count() == 0 && remove.is_empty() && order.is_none()
    }
}

/// What reviews need of pictures, inside one transaction; the glue lives with the adapters. Whoever
/// asks holds the lock of the review.
#[async_trait]
pub trait ReviewPictures: Send {
    /// Passes if this change, with so many new files, leaves a review with at most
    /// [`Review::MAX_PICTURES`] and names only what there is. Answers how many bytes it removes.
    ///
    /// # Errors
    ///
    /// [`ReviewError::Pictures`].
    async fn check_arrangement(
        &mut self,
        review: ReviewId,
        arrangement: &Arrangement,
        adding: usize,
    ) -> Result<u64, ReviewError>;

    /// Removes, adds and orders in one step: all of it, or nothing and the reasons why not. What is
    /// removed is swept later; of what is new, smaller copies are made.
    ///
    /// # Errors
    ///
    /// [`ReviewError::Pictures`].
    async fn change_pictures(
        &mut self,
        review: ReviewId,
        author: AccountId,
        arrangement: &Arrangement,
        add: Vec<NewPicture>,
        now: DateTime<Utc>,
    ) -> Result<(), ReviewError>;

    /// Removes all pictures of a review.
    async fn drop_pictures(
        &mut self,
        review: ReviewId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// Why the pictures of a review cannot be changed like this, as whoever keeps them says.
#[derive(Debug)]
pub struct PictureError(Box<dyn Failure>);

impl PictureError {
    /// The failure of whoever keeps the pictures.
    pub fn new(failure: impl Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PictureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Failure for PictureError {
    fn kind(&self) -> FailureKind {
        self.0.kind()
    }

    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn fields(&self) -> &[FieldError] {
        self.0.fields()
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        self.0.allowed()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
    }
}
