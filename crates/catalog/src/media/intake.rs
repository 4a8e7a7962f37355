use std::sync::Arc;

use kernel::{Clock, Ids, MediaId, Random};

use super::{
    Alt, FileFault, LocalFile, MediaError, MediaFile, MediaFormat, MediaLimits, MediaOwner,
    MediaStore, NewMedia, ObjectStore, PictureError, PictureReader, PixelSize, Probe, StorageKey,
};

/// Takes files in: checks them, cleans them and stores them, not yet public.
#[derive(Clone)]
pub struct MediaIntake {
    store: Arc<dyn MediaStore>,
    objects: Arc<dyn ObjectStore>,
    pictures: Arc<dyn PictureReader>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for MediaIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaIntake").finish_non_exhaustive()
    }
}

/// A file that passed every check.
struct Accepted {
    file: LocalFile,
    format: MediaFormat,
    pixels: Option<PixelSize>,
}

impl MediaIntake {
    /// An intake over these parts.
    pub const fn new(
        store: Arc<dyn MediaStore>,
        objects: Arc<dyn ObjectStore>,
        pictures: Arc<dyn PictureReader>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { store, objects, pictures, clock, ids, random }
    }

    /// Checks, cleans and stores the files of a request, in their order. Called outside of any
    /// transaction, after [`MediaSet::preview`](super::MediaSet::preview) and after the caller
    /// was found to be allowed.
    ///
    /// Either all files are stored, or the error says what is wrong with each. What is stored and
    /// then not attached is swept. They will count on the account behind `owner`, of whose files
    /// some of `removing` bytes are about to go.
    pub async fn receive(
        &self,
        limits: &MediaLimits,
        owner: MediaOwner,
        removing: u64,
        uploads: Vec<LocalFile>,
    ) -> Result<Vec<NewMedia>, MediaError> {
        if uploads.is_empty() {
            return Ok(Vec::new());
        }
        let mut accepted = Vec::with_capacity(uploads.len());
        let mut faults = Vec::new();
        for (place, upload) in uploads.into_iter().enumerate() {
            match self.accept(limits, upload).await {
                Ok(file) => accepted.push(file),
                Err(PictureError::Fault(fault)) => faults.push((place, fault)),
                Err(PictureError::Disk(error)) => return Err(MediaError::Disk(error)),
            }
        }
        if !faults.is_empty() {
            return Err(MediaError::refused(faults));
        }

        let adding = accepted.iter().map(|it| it.file.bytes()).sum();
        self.store.check_room(owner, removing, adding).await?;

        let keys: Vec<_> = accepted
            .iter()
            .map(|it| (StorageKey::generate(&*self.random, it.format), it.file.bytes()))
            .collect();
        self.store.stage_objects(&keys, self.clock.now()).await?;
        let mut media = Vec::with_capacity(accepted.len());
        for (accepted, (key, bytes)) in accepted.into_iter().zip(keys) {
            self.objects.put(&key, &accepted.file).await?;
            let Accepted { format, pixels, file: _ } = accepted;
            let file = MediaFile { key, format, bytes, pixels };
            media.push(NewMedia { id: MediaId::next(&*self.ids), file, alt: None });
        }
        Ok(media)
    }

    async fn accept(
        &self,
        limits: &MediaLimits,
        upload: LocalFile,
    ) -> Result<Accepted, PictureError> {
        let (max, given) = (limits.bytes(), upload.bytes());
        if given > max {
            return Err(FileFault::TooLarge { max, given }.into());
        }
        let Probe { format, pixels } = self.pictures.probe(upload.path()).await?;
        let kind = format.kind();
        if !limits.kinds().contains(&kind) {
            return Err(FileFault::KindRefused(kind).into());
        }
        let Some(pixels) = pixels else {
            return Ok(Accepted { file: upload, format, pixels });
        };
        if !pixels.is_acceptable() {
            return Err(FileFault::TooManyPixels(pixels).into());
        }
        let clean = self.pictures.clean(upload.path(), format).await?;
        Ok(Accepted { file: clean.file, format, pixels: Some(clean.pixels) })
    }

    /// Gives the files of a request their descriptions, in the order of the files.
    pub fn describe(media: &mut [NewMedia], descriptions: Vec<Option<Alt>>) {
        for (new, alt) in media.iter_mut().zip(descriptions) {
            new.alt = alt;
        }
    }
}
