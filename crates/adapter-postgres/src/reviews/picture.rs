//! The pictures of reviews: what reviews ask for, done by what keeps the pictures of everything.

use async_trait::async_trait;
use catalog::media::{
    Alt, MediaChange, MediaError, MediaFile, MediaKind, MediaLimits, MediaRef, MediaRepository,
    MediaSet, NewMedia, PixelSize, StorageKey,
};
use chrono::{DateTime, Utc};
use kernel::{AccountId, Outbox, ReviewId, StorageError};
use reviews::{
    Arrangement, NewPicture, PictureError, PictureRef, Review, ReviewError, ReviewPictures,
};

use crate::PgTx;

fn refused(error: MediaError) -> ReviewError {
    match error {
        MediaError::Storage(error) => error.into(),
        error => PictureError::new(error).into(),
    }
}

fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("take in the picture of a review", error)
}

fn limits() -> Result<MediaLimits, StorageError> {
    let most = Review::MAX_PICTURES;
    MediaLimits::new([MediaKind::Picture], 0, most, MediaLimits::MAX_BYTES).map_err(corrupt)
}

fn order(arrangement: &Arrangement) -> Option<Vec<MediaRef>> {
    let reference = |one: &PictureRef| match one {
        PictureRef::Kept(id) => MediaRef::Kept(*id),
        PictureRef::New(place) => MediaRef::New(*place),
    };
    arrangement.order.as_ref().map(|order| order.iter().map(reference).collect())
}

fn new_media(picture: NewPicture) -> Result<NewMedia, StorageError> {
    let NewPicture { id, key, bytes, width, height, alt } = picture;
    let key: StorageKey = key.parse().map_err(corrupt)?;
    let pixels = Some(PixelSize { width, height });
    let file = MediaFile { format: key.format(), key, bytes, pixels };
    Ok(NewMedia { id, file, alt: alt.map(Alt::from_stored) })
}

impl PgTx {
    async fn pictures_of(&mut self, review: ReviewId) -> Result<MediaSet, StorageError> {
        Ok(MediaSet::restore(limits()?, self.media_of(review.into()).await?))
    }
}

#[async_trait]
impl ReviewPictures for PgTx {
    async fn check_arrangement(
        &mut self,
        review: ReviewId,
        arrangement: &Arrangement,
        adding: usize,
    ) -> Result<u64, ReviewError> {
        let pictures = self.pictures_of(review).await?;
        let Arrangement { remove, .. } = arrangement;
        pictures.preview(remove, adding, order(arrangement).as_deref()).map_err(refused)?;
        let removed = pictures.items().iter().filter(|item| remove.contains(&item.id));
        Ok(removed.map(|item| item.file.bytes).sum())
    }

    async fn change_pictures(
        &mut self,
        review: ReviewId,
        author: AccountId,
        arrangement: &Arrangement,
        add: Vec<NewPicture>,
        now: DateTime<Utc>,
    ) -> Result<(), ReviewError> {
        let mut pictures = self.pictures_of(review).await?;
        let add = add.into_iter().map(new_media).collect::<Result<Vec<_>, _>>()?;
        let order = order(arrangement);
        let change =
            pictures.change(&arrangement.remove, add, order.as_deref()).map_err(refused)?;
        self.store_media_change(review.into(), &change, now).await.map_err(refused)?;
        if let Some(event) = change.event(review.into()) {
            self.publish(&event, Some(author), now).await?;
        }
        Ok(())
    }

    async fn drop_pictures(
        &mut self,
        review: ReviewId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let removed = self.media_of(review.into()).await?;
        if removed.is_empty() {
            return Ok(());
        }
        let gone = MediaChange { added: Vec::new(), removed, order: Vec::new() };
        match self.store_media_change(review.into(), &gone, now).await {
            Ok(()) => Ok(()),
            Err(MediaError::Storage(error)) => Err(error),
            Err(error) => Err(corrupt(error)),
        }
    }
}
