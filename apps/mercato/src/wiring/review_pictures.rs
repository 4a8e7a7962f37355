//! How the files of a request become the pictures of a review.

use async_trait::async_trait;
use catalog::Uploads;
use catalog::media::{
    Alt, MediaError, MediaFile, MediaIntake, MediaKind, MediaLimits, NewMedia, PixelSize,
};
use kernel::{ReviewId, StorageError};
use reviews::{NewPicture, PictureError, Review, ReviewError};

/// Files on the local disk, and what takes them in.
pub(super) struct ReviewUploads {
    pub(super) review: ReviewId,
    pub(super) intake: MediaIntake,
    pub(super) uploads: Uploads,
}

#[async_trait]
impl reviews::Uploads for ReviewUploads {
    fn count(&self) -> usize {
        self.uploads.files.len()
    }

    async fn receive(self: Box<Self>, removing: u64) -> Result<Vec<NewPicture>, ReviewError> {
        let Uploads { files, descriptions } = self.uploads;
        let most = Review::MAX_PICTURES;
        let limits = MediaLimits::new([MediaKind::Picture], 0, most, MediaLimits::MAX_BYTES)
            .map_err(|error| StorageError::corrupt("take pictures in", error))?;
        let mut media = self
            .intake
            .receive(&limits, self.review.into(), removing, files)
            .await
            .map_err(PictureError::new)?;
        MediaIntake::describe(&mut media, descriptions);
        Ok(media.into_iter().map(picture).collect::<Result<_, _>>().map_err(PictureError::new)?)
    }
}

fn picture(NewMedia { id, file, alt }: NewMedia) -> Result<NewPicture, MediaError> {
    let MediaFile { key, format, bytes, pixels } = file;
    let PixelSize { width, height } = pixels.ok_or_else(|| {
        let what = format!("{} has no size", format.content_type());
        StorageError::corrupt("measure a picture", what)
    })?;
    let (key, alt) = (key.as_str().to_owned(), alt.map(Alt::into_string));
    Ok(NewPicture { id, key, bytes, width, height, alt })
}
